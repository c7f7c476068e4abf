#include "stages.h"

#include <stdio.h>
#include <stdlib.h>

#include "base_cache.h"
#include "conceal.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "facet_cache.h"
#include "schemas/identity.h"
#include "schemas/kube_audit.h"
#include "schemas/kube_watch.h"
#include "schemas/payload_event.h"
#include "schemas/redact.h"
#include "schemas/registry_event.h"
#include "schemas/unread_record.h"
#include "schemas/utf8.h"

#define SCRATCH_KEEP_BYTES (1u << 20)

const struct stage stages[] = {
    {.name = "decode", .run = decode_run},     /* record -> lineage_event, its body and format */
    {.name = "numbers", .run = numbers_run},   /* what an emitter counts, into rows */
    {.name = "conceal", .run = conceal_run},   /* secrets out of the body; its parse */
    {.name = "identify", .run = identify_run}, /* ids that are not the body's digest */
    {.name = "dedup", .run = dedup_run},       /* ids that are certainly stored end here */
    {.name = NULL},
};

static const struct stage openlineage_stages[] = {
    {.name = "check", .run = check_run},         /* body -> what OpenLineage says, or the fault */
    {.name = "enrich", .run = enrich_run},       /* facets -> digests and what they mean */
    {.name = "normalize", .run = normalize_run}, /* event -> rows of the graph */
    {.name = NULL},
};

static const struct stage openlineage_event_stages[] = {
    {.name = "check", .run = check_run},   /* as above */
    {.name = "gather", .run = gather_run}, /* event -> one row with what it names */
    {.name = NULL},
};

static const struct stage cloudevents_stages[] = {
    {.name = "control", .run = control_run}, /* what MetaOps says of itself -> rows, by type */
    {.name = NULL},
};

static const struct stage payload_stages[] = {
    {.name = "observe", .run = observe_run}, /* request or answer -> rows of its stream's window */
    {.name = NULL},
};

static const struct stage registry_stages[] = {
    {.name = "register", .run = register_run}, /* what a registry says -> models and versions */
    {.name = NULL},
};

static const struct stage audit_stages[] = {
    {.name = "act", .run = act_run}, /* who did what to which object -> action, object, state */
    {.name = NULL},
};

static const struct stage watch_stages[] = {
    {.name = "watch", .run = watch_run}, /* what an object is now -> object, state */
    {.name = NULL},
};

static const struct stage unread_stages[] = {
    {.name = "poll", .run = unread_run}, /* what could not be used there -> a dead letter */
    {.name = NULL},
};

/* What MetaOps says of itself is nothing for readers of events; payloads are only counted, and of actions and
 * objects there is nothing but their rows. */
static const struct stage no_stages[] = {{.name = NULL}};

static const struct stage_format formats[] = {
    {.name = "openlineage",
     .tag = 'E',
     .stages = openlineage_stages,
     .event_stages = openlineage_event_stages},
    {.name = "cloudevents", .tag = 'C', .stages = cloudevents_stages, .event_stages = no_stages},
    {.name = PAYLOAD_FORMAT,
     .tag = 'P',
     .is_payload = true,
     .stages = payload_stages,
     .event_stages = no_stages},
    {.name = REGISTRY_FORMAT, .tag = 'R', .stages = registry_stages, .event_stages = no_stages},
    {.name = KUBE_AUDIT_FORMAT,
     .tag = 'K',
     .is_audit = true,
     .stages = audit_stages,
     .event_stages = no_stages},
    {.name = KUBE_WATCH_FORMAT,
     .tag = 'W',
     .is_watch = true,
     .stages = watch_stages,
     .event_stages = no_stages},
    {.name = UNREAD_FORMAT, .tag = 'U', .stages = unread_stages, .event_stages = unread_stages},
};

const struct stage_format *stages_format(struct str name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (str_eq(str_view(formats[i].name), name)) {
            return &formats[i];
        }
    }
    return NULL;
}

enum verdict stages_processor_new(const struct settings *st, struct known_set *known,
                                  struct known_set *events, struct framing *framing,
                                  struct processor **out_processor, struct err *err)
{
    struct processor *pr = calloc(1, sizeof *pr);
    if (!pr) {
        return err_set(err, RETRY, "stages", "memory is short");
    }
    pthread_mutex_init(&pr->poison_lock, NULL);
    pr->known = known;
    pr->events = events;
    pr->json_topics = st->ingest.openlineage_topics;
    pr->topic_keys = st->kafka.topic_keys;
    pr->body_bytes_max = (size_t)st->ingest.body_bytes_max;
    pr->codec = event_codec_new(pr->body_bytes_max);
    pr->doc =
        json_doc_new((uint32_t)st->ingest.json_depth_max, (uint32_t)st->ingest.json_values_max);
    /* Body, decoded strings, canonical facets: a small multiple of the largest body. */
    pr->facet_doc =
        json_doc_new((uint32_t)st->ingest.json_depth_max, (uint32_t)st->ingest.json_values_max);
    pr->scratch = arena_new(pr->body_bytes_max * 6 + (16u << 20));
    pr->facets = facet_cache_new();
    pr->bases = base_cache_new((size_t)st->worker.base_bytes_max);
    enum verdict verdict = redact_new(st->redact.environment_allow,
                                      strcmp(st->redact.sql_literals, "on") == 0, &pr->redact, err);
    if (verdict != OK || !pr->codec || !pr->doc || !pr->facet_doc || !pr->scratch || !pr->facets ||
        !pr->bases) {
        stages_processor_free(pr);
        return err_set(err, RETRY, "stages", "memory is short");
    }
    event_codec_use_framing(pr->codec, framing);
    *out_processor = pr;
    return OK;
}

/* Text that the database takes whatever it holds: reasons are cut to size and may quote the record. */
static struct str letter_text(struct batch *bt, const char *text)
{
    struct str copy = arena_dup(bt->arena, str_view(text));
    char *bytes = (char *)copy.ptr;
    for (size_t i = 0, step; bytes && i < copy.len; i += step) {
        step = utf8_char_bytes((const unsigned char *)bytes + i, copy.len - i);
        if (step == 0) {
            bytes[i] = '?';
            step = 1;
        }
    }
    return copy;
}

/* The letter of a record that is kept as value. */
static enum verdict add_letter_of(struct batch *bt, struct event_work *work, struct str value,
                                  const char *stage, const struct err *why, struct err *err)
{
    struct dead_letter *letter = graph_rows_add(&bt->rows.letters);
    if (!letter) {
        return err_set(err, RETRY, "stages", "memory is short");
    }
    bool has_id = !id128_is_zero(work->ev.event_id);
    /* What is withheld looks all the same. */
    struct str digested = redact_is_withheld(value) ? work->record->value : value;
    *letter = (struct dead_letter){
        .letter_id = has_id ? work->ev.event_id : identity_digest(digested),
        .has_event_id = has_id,
        .failed_at_us = timebase_wall_us(),
        .stage = str_view(stage),
        .reason = letter_text(bt, why->text),
        .byte_offset = -1,
        .topic = arena_dup(bt->arena, str_view(work->record->topic)),
        .partition = work->record->partition,
        .kafka_offset = work->record->offset,
        .timestamp_ms = work->record->timestamp_ms,
        .value = arena_dup(bt->arena, value),
    };
    if (work->fault.reason[0]) {
        letter->reason = letter_text(bt, work->fault.reason);
    }
    if (work->fault.reason[0] || work->has_place) {
        letter->json_pointer = letter_text(bt, work->fault.pointer);
        letter->byte_offset = (int64_t)work->fault.offset;
    }
    if (!letter->reason.ptr || !letter->topic.ptr || !letter->value.ptr) {
        return err_set(err, RETRY, "stages", "the batch arena is full");
    }
    return OK;
}

static enum verdict add_letter(struct processor *pr, struct batch *bt, struct event_work *work,
                               const char *stage, const struct err *why, struct err *err)
{
    struct str value;
    enum verdict verdict = conceal_letter(pr, work, &value, err);

    return verdict == OK ? add_letter_of(bt, work, value, stage, why, err) : verdict;
}

/* *out_is_over: the record has become a letter, or is a duplicate. */
static enum verdict run_stages(struct processor *pr, struct batch *bt, const struct stage *stage,
                               struct event_work *work, bool *out_is_over, struct err *err)
{
    for (; stage->name && !work->is_duplicate; stage++) {
        enum verdict verdict = stage->run(pr, bt, work, err);
        if (verdict == REJECT) {
            struct err why = *err;
            *out_is_over = true;
            return add_letter(pr, bt, work, stage->name, &why, err);
        }
        if (verdict != OK) {
            return verdict;
        }
    }
    *out_is_over = work->is_duplicate;
    return OK;
}

/* Steps after an event's first row must not fail with REJECT, or half an event would stay. */
static enum verdict run_record(struct processor *pr, struct batch *bt,
                               const struct kafka_record *record, struct err *err)
{
    struct event_work work = {.record = record};
    bool is_over = false;
    arena_reset(pr->scratch, SCRATCH_KEEP_BYTES);
    enum verdict verdict = run_stages(pr, bt, stages, &work, &is_over, err);
    if (verdict == OK && !is_over) {
        verdict =
            run_stages(pr, bt, pr->takes_events ? work.format->event_stages : work.format->stages,
                       &work, &is_over, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (work.is_duplicate) {
        metrics_inc(METRIC_WORKER_DUPLICATES);
    }
    return OK;
}

static size_t refusals(const struct processor *pr, const struct batch *bt)
{
    return arena_refusals(pr->scratch) + arena_refusals(bt->arena);
}

/* Memory was short for a record. Behind others it waits for a batch of its own; alone, it is tried again
 * unless what it needed is more than any batch may have: then it can never be stored. */
static enum verdict give_up(struct processor *pr, struct batch *bt, size_t first, size_t at,
                            struct err *err)
{
    if (at > first) {
        return OK;
    }
    if (refusals(pr, bt) == 0) {
        return RETRY;
    }
    struct event_work work = {.record = &bt->records.items[at]};
    struct err why;
    err_set(&why, REJECT, "stages", "its rows take more memory than a batch may have");
    /* Decoded, because a secret inside a compressed body cannot be found otherwise. */
    arena_reset(pr->scratch, SCRATCH_KEEP_BYTES);
    enum verdict verdict = decode_run(pr, bt, &work, err);
    if (verdict == OK) {
        verdict = numbers_run(pr, bt, &work, err);
    }
    if (verdict == RETRY) {
        return RETRY;
    }
    struct graph_mark mark = graph_batch_mark(&bt->rows);
    size_t before = refusals(pr, bt);
    verdict = add_letter(pr, bt, &work, "normalize", &why, err);
    if (verdict != RETRY || refusals(pr, bt) == before) {
        return verdict;
    }
    /* Nor can it be redacted in the memory a batch may have: its place without its value, or the partition would
     * stand still. */
    graph_batch_rewind(&bt->rows, &mark);
    err_set(&why, REJECT, "stages",
            "redacting it takes more memory than a batch may have: its value is withheld");
    work.fault = (struct json_fault){.offset = 0};
    return add_letter_of(bt, &work, STR(REDACT_MARK), "conceal", &why, err);
}

enum verdict stages_run(struct processor *pr, struct batch *bt, size_t first, size_t *out_next,
                        struct err *err)
{
    size_t next = first;
    while (next < bt->records.count &&
           arena_used_bytes(bt->arena) + bt->repeated_bytes < bt->arena_bytes_soft) {
        struct graph_mark mark = graph_batch_mark(&bt->rows);
        enum verdict verdict = run_record(pr, bt, &bt->records.items[next], err);
        if (verdict == RETRY) {
            graph_batch_rewind(&bt->rows, &mark);
            verdict = give_up(pr, bt, first, next, err);
            next += verdict == OK && next == first;
            if (verdict == OK) {
                break;
            }
        }
        if (verdict != OK) {
            return verdict;
        }
        next++;
    }
    *out_next = next;
    return OK;
}

void stages_poison(struct processor *pr, struct id128 event_id, const char *reason)
{
    pthread_mutex_lock(&pr->poison_lock);
    unsigned slot = atomic_load(&pr->poison_count) % POISON_MAX;
    pr->poison[slot].id = event_id;
    snprintf(pr->poison[slot].reason, sizeof pr->poison[slot].reason, "%s", reason);
    atomic_fetch_add(&pr->poison_count, 1);
    pthread_mutex_unlock(&pr->poison_lock);
}

bool stages_is_poison(struct processor *pr, struct id128 event_id, char *reason, size_t size)
{
    unsigned count = atomic_load(&pr->poison_count);
    bool is_found = false;
    if (count == 0) {
        return false;
    }
    pthread_mutex_lock(&pr->poison_lock);
    for (unsigned i = 0; !is_found && i < POISON_MAX && i < count; i++) {
        is_found = id128_eq(pr->poison[i].id, event_id);
        if (is_found) {
            snprintf(reason, size, "%s", pr->poison[i].reason);
        }
    }
    pthread_mutex_unlock(&pr->poison_lock);
    return is_found;
}

void stages_refuse_base(struct processor *pr, struct id128 base)
{
    pthread_mutex_lock(&pr->poison_lock);
    pr->refused_bases[atomic_load(&pr->refused_base_count) % REFUSED_BASES_MAX] = base;
    atomic_fetch_add(&pr->refused_base_count, 1);
    pthread_mutex_unlock(&pr->poison_lock);
}

bool stages_is_refused_base(struct processor *pr, struct id128 base)
{
    unsigned count = atomic_load(&pr->refused_base_count);
    bool is_found = false;
    if (count == 0) {
        return false;
    }
    pthread_mutex_lock(&pr->poison_lock);
    for (unsigned i = 0; !is_found && i < REFUSED_BASES_MAX && i < count; i++) {
        is_found = id128_eq(pr->refused_bases[i], base);
    }
    pthread_mutex_unlock(&pr->poison_lock);
    return is_found;
}

void stages_processor_free(struct processor *pr)
{
    if (!pr) {
        return;
    }
    event_codec_free(pr->codec);
    json_doc_free(pr->doc);
    json_doc_free(pr->facet_doc);
    arena_free(pr->scratch);
    redact_free(pr->redact);
    pthread_mutex_destroy(&pr->poison_lock);
    facet_cache_free(pr->facets);
    base_cache_free(pr->bases);
    free(pr);
}
