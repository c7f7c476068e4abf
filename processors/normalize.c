/* normalize.c - stage 5: what the event says becomes rows.
 *
 * What an event says apart from its run is its statement, named by the digest of its content. In
 * steady state the statement is stored already and an event is five rows: its ledger id, itself, its run,
 * the statement's times, and the run's link to the statement. */
#include "artifact_rows.h"
#include "base_cache.h"
#include "core/timebase.h"
#include "dataset_facets.h"
#include "drift_rows.h"
#include "fact_rows.h"
#include "facts.h"
#include "rows.h"
#include "run_marks.h"
#include "schemas/identity.h"
#include "series_rows.h"
#include "stages.h"

struct bytes {
    char *at;
};

static void put(struct bytes *out, const void *from, size_t len)
{
    memcpy(out->at, from, len);
    out->at += len;
}

static void put_text(struct bytes *out, struct str text)
{
    uint32_t len = (uint32_t)text.len;
    put(out, &len, sizeof len);
    put(out, text.ptr, text.len);
}

static size_t content_bytes(const struct event_work *work)
{
    size_t size = 96 + work->ol.producer.len;
    size += (size_t)(work->ol.input_count + work->ol.output_count + 1) * 17;
    for (uint32_t i = 0; i < work->facet_count; i++) {
        size += 48 + work->facets[i].name.len + work->facets[i].family.len;
    }
    return size;
}

static void put_facets(struct bytes *out, const struct event_work *work, bool is_static)
{
    for (uint32_t i = 0; i < work->facet_count; i++) {
        const struct facet_ref *ref = &work->facets[i];
        if (ref->is_static != is_static) {
            continue;
        }
        uint8_t head[] = {0xff, ref->subject_kind, ref->place};
        put(out, head, sizeof head);
        put(out, ref->subject.bytes, sizeof ref->subject.bytes);
        put_text(out, ref->name);
        put_text(out, ref->family);
        if (is_static) {
            put(out, ref->digest.bytes, sizeof ref->digest.bytes);
        }
    }
}

/* The datasets of an event in one list: inputs, outputs, the subject. */
struct io_entry {
    uint8_t direction;
    const struct openlineage_dataset *ds;
    const struct facet_range *facets;
};

static uint32_t io_count(const struct openlineage_event *ol)
{
    return ol->input_count + ol->output_count + (ol->kind == OPENLINEAGE_DATASET);
}

static struct io_entry io_at(const struct event_work *work, uint32_t index)
{
    const struct openlineage_event *ol = &work->ol;
    if (index < ol->input_count) {
        return (struct io_entry){GRAPH_INPUT, &ol->inputs[index], &work->input_facets[index]};
    }
    index -= ol->input_count;
    if (index < ol->output_count) {
        return (struct io_entry){GRAPH_OUTPUT, &ol->outputs[index], &work->output_facets[index]};
    }
    return (struct io_entry){GRAPH_SUBJECT, &ol->dataset, &work->subject_facets};
}

/* The ids of what an event says; zero where it says nothing. */
struct content {
    struct id128 statement;
    struct id128 layout; /* of the event's own facets; part of the statement */
    struct id128 io;     /* of the job and the datasets it names */
};

/* What ran the job says the same from run to run, though it is a facet of the run. NULL: nothing says it. */
static const struct facet_ref *environment_of(const struct event_work *work)
{
    for (uint32_t i = 0; i < work->facet_count; i++) {
        const struct facet_ref *ref = &work->facets[i];
        if (ref->subject_kind == GRAPH_RUN && str_eq(ref->name, STR("processing_engine"))) {
            return ref;
        }
    }
    return NULL;
}

static struct id128 digest_up_to(const char *buffer, const struct bytes *out)
{
    return identity_digest((struct str){buffer, (size_t)(out->at - buffer)});
}

static enum verdict content_ids(struct processor *pr, const struct event_work *work,
                                struct content *out_content, struct err *err)
{
    const struct openlineage_event *ol = &work->ol;
    char *buffer = arena_alloc(pr->scratch, content_bytes(work));
    if (!buffer) {
        return err_set(err, RETRY, "normalize", "the arena is full");
    }
    struct content content = {0};
    struct bytes out = {buffer};
    put_facets(&out, work, false);
    if (out.at != buffer) {
        content.layout = digest_up_to(buffer, &out);
    }
    out.at = buffer;
    put(&out, ol->job.id.bytes, sizeof ol->job.id.bytes);
    for (uint32_t i = 0; i < io_count(ol); i++) {
        struct io_entry entry = io_at(work, i);
        put(&out, &entry.direction, 1);
        put(&out, entry.ds->id.bytes, sizeof entry.ds->id.bytes);
    }
    content.io = digest_up_to(buffer, &out);
    uint8_t kind = (uint8_t)ol->kind;
    put(&out, &kind, 1);
    put_text(&out, ol->producer);
    put(&out, content.layout.bytes, sizeof content.layout.bytes);
    const struct facet_ref *environment = environment_of(work);
    if (environment) {
        put(&out, environment->digest.bytes, sizeof environment->digest.bytes);
    }
    put_facets(&out, work, true);
    content.statement = digest_up_to(buffer, &out);
    *out_content = content;
    return OK;
}

/* The contents of facets that are not stored yet. Those of a statement that is stored are stored with it. */
static enum verdict add_contents(struct rows *rs, bool has_statement, struct err *err)
{
    for (uint32_t i = 0; i < rs->work->facet_count; i++) {
        const struct facet_ref *ref = &rs->work->facets[i];
        bool is_new = false;
        enum verdict verdict = OK;
        if (!ref->is_static || !has_statement) {
            verdict = rows_once(rs, ref->digest, &is_new, err);
        }
        if (verdict == OK && is_new) {
            verdict = rows_facet(rs, ref, err);
        }
        if (verdict != OK) {
            return verdict;
        }
    }
    return OK;
}

static enum verdict add_description_row(struct rows *rs, struct id128 id, int16_t ordinal,
                                        const struct facet_ref *ref, struct err *err)
{
    struct graph_description *row = graph_rows_add(&rs->bt->rows.descriptions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_description){
        .event = rs->work->event, .id = id, .ordinal = ordinal, .digest = ref->digest};
    uint32_t possible;
    enum verdict verdict = facts_of_facet(rs, ref, &row->facts, &possible, err);
    verdict = verdict == OK ? rows_text(rs, ref->name, &row->name, err) : verdict;
    return verdict == OK ? rows_text(rs, ref->family, &row->family, err) : verdict;
}

/* The facets of one subject under the digest of their names and contents; zero when there are none.
 * Descriptions are shared: a statement that changes one dataset's schema repeats the others by id. */
static enum verdict add_description(struct rows *rs, const struct facet_range *range,
                                    struct id128 *out_id, struct err *err)
{
    const struct facet_ref *refs = &rs->work->facets[range->first];
    size_t size = 0;
    *out_id = (struct id128){0};
    if (range->count == 0) {
        return OK;
    }
    for (uint32_t i = 0; i < range->count; i++) {
        size +=
            2 * sizeof(uint32_t) + refs[i].name.len + refs[i].family.len + sizeof refs[i].digest;
    }
    char *buffer = arena_alloc(rs->pr->scratch, size);
    struct bytes out = {buffer};
    if (!buffer) {
        return rows_short(err);
    }
    for (uint32_t i = 0; i < range->count; i++) {
        put_text(&out, refs[i].name);
        put_text(&out, refs[i].family);
        put(&out, refs[i].digest.bytes, sizeof refs[i].digest.bytes);
    }
    *out_id = identity_digest((struct str){buffer, (size_t)(out.at - buffer)});
    bool is_new;
    enum verdict verdict = rows_once(rs, *out_id, &is_new, err);
    for (uint32_t i = 0; verdict == OK && is_new && i < range->count; i++) {
        verdict = add_description_row(rs, *out_id, (int16_t)i, &refs[i], err);
    }
    for (uint32_t i = 0; verdict == OK && i < range->count; i++) {
        if (refs[i].subject_kind == GRAPH_DATASET) {
            verdict = dataset_facets_rows(rs, &refs[i], err);
        }
    }
    return verdict;
}

static enum verdict add_io_set(struct rows *rs, struct id128 io, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    bool is_new = false;
    enum verdict verdict = rows_once(rs, io, &is_new, err);
    for (uint32_t i = 0; verdict == OK && is_new && i < io_count(ol); i++) {
        struct io_entry entry = io_at(rs->work, i);
        struct graph_io *row = graph_rows_add(&rs->bt->rows.io);
        if (!row) {
            return rows_short(err);
        }
        *row = (struct graph_io){.event = rs->work->event,
                                 .id = io,
                                 .ordinal = (int16_t)i,
                                 .direction = entry.direction,
                                 .dataset = entry.ds->id,
                                 .has_job = ol->kind != OPENLINEAGE_DATASET,
                                 .job = ol->job.id};
        verdict = rows_dataset(rs, entry.ds->namespace_, entry.ds->name, entry.ds->id, true, err);
        if (verdict == OK && entry.direction != GRAPH_SUBJECT) {
            verdict = rows_edge(rs, ol->job.id, entry.direction, entry.ds->id, err);
        }
    }
    return verdict;
}

/* What is said of the job and of each dataset, into the statement's row. Every row of an unknown statement is
 * whole: any one of them may be the one that is inserted. */
static enum verdict describe(struct rows *rs, size_t index, struct err *err)
{
    uint32_t count = io_count(&rs->work->ol);
    const struct facet_ref *environment = environment_of(rs->work);
    struct id128 of_job = {0};
    struct id128 of_run = {0};
    struct id128 *of_datasets = arena_calloc(rs->bt->arena, count, sizeof *of_datasets);
    if (!of_datasets) {
        return rows_short(err);
    }
    enum verdict verdict = add_description(rs, &rs->work->job_facets, &of_job, err);
    for (uint32_t i = 0; verdict == OK && i < count; i++) {
        verdict = add_description(rs, io_at(rs->work, i).facets, &of_datasets[i], err);
    }
    if (verdict == OK && environment) {
        struct facet_range range = {.first = (uint32_t)(environment - rs->work->facets),
                                    .count = 1};
        verdict = add_description(rs, &range, &of_run, err);
    }
    struct graph_statement *row = &rs->bt->rows.statements.items[index];
    row->job_description = of_job;
    row->environment = of_run;
    row->descriptions = of_datasets;
    row->description_count = count;
    verdict = verdict == OK ? drift_rows(rs, row, err) : verdict;
    return verdict == OK ? fact_rows(rs, err) : verdict;
}

static enum verdict add_layout(struct rows *rs, struct id128 layout, struct err *err)
{
    int16_t slot = 0;
    bool is_new = false;
    enum verdict verdict = id128_is_zero(layout) ? OK : rows_once(rs, layout, &is_new, err);
    for (uint32_t i = 0; verdict == OK && is_new && i < rs->work->facet_count; i++) {
        const struct facet_ref *ref = &rs->work->facets[i];
        if (ref->is_static) {
            continue;
        }
        struct graph_layout *row = graph_rows_add(&rs->bt->rows.layouts);
        if (!row) {
            return rows_short(err);
        }
        *row = (struct graph_layout){.event = rs->work->event,
                                     .id = layout,
                                     .slot = slot++,
                                     .subject_kind = ref->subject_kind,
                                     .has_subject = ref->subject_kind != GRAPH_RUN,
                                     .subject = ref->subject,
                                     .place = ref->place};
        uint32_t possible;
        verdict = facts_of_facet(rs, ref, &row->facts, &possible, err);
        verdict = verdict == OK ? rows_text(rs, ref->name, &row->name, err) : verdict;
        verdict = verdict == OK ? rows_text(rs, ref->family, &row->family, err) : verdict;
    }
    return verdict;
}

static enum verdict add_statement(struct rows *rs, const struct content *content, bool is_known,
                                  struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    struct graph_statement *row = graph_rows_add(&rs->bt->rows.statements);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_statement){.event = rs->work->event,
                                    .id = content->statement,
                                    .kind = (uint8_t)ol->kind,
                                    .is_known = is_known,
                                    .has_job = ol->kind != OPENLINEAGE_DATASET,
                                    .job = ol->job.id,
                                    .has_io = io_count(ol) > 0,
                                    .io = content->io,
                                    .layout = content->layout,
                                    .first_at_us = ol->event_time_us,
                                    .last = rows_version(rs),
                                    .written = {.at_us = GRAPH_NO_TIME},
                                    .has_run = ol->kind == OPENLINEAGE_RUN,
                                    .run = ol->run.id};
    if (row->has_run) {
        row->first_run = ol->run.id;
    }
    if (ol->state == OPENLINEAGE_STATE_COMPLETE) {
        row->written = rows_version(rs);
    }
    size_t index = rs->bt->rows.statements.count - 1;
    bool is_new = false;
    enum verdict verdict = rows_text(rs, ol->producer, &row->producer, err);
    if (verdict == OK) {
        verdict = drift_rows_of_failure(rs, err);
    }
    if (verdict == OK) {
        verdict = fact_rows_of_written(rs, err);
    }
    if (verdict != OK || is_known) {
        return verdict;
    }
    verdict = describe(rs, index, err);
    if (verdict == OK) {
        verdict = add_layout(rs, content->layout, err);
    }
    if (verdict == OK && io_count(ol) > 0) {
        verdict = add_io_set(rs, content->io, err);
    }
    return verdict == OK ? rows_once(rs, content->statement, &is_new, err) : verdict;
}

static enum verdict add_event(struct rows *rs, const struct content *content, struct err *err)
{
    const struct event_work *work = rs->work;
    struct graph_event *row = graph_rows_add(&rs->bt->rows.events);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_event){.id = work->ev.event_id,
                                .event_time_us = work->ol.event_time_us,
                                .received_at_us = work->ev.received_at_us,
                                .has_run = work->ol.kind == OPENLINEAGE_RUN,
                                .run = work->ol.run.id,
                                .statement = content->statement,
                                .body_bytes = (int32_t)work->ev.body.len,
                                .source = work->ev.source,
                                .topic = rs->topic,
                                .partition = work->record->partition,
                                .kafka_offset = work->record->offset,
                                .redactions = work->ev.redactions,
                                .emitter_epoch = work->ev.emitter_epoch,
                                .emitter_sequence = work->ev.emitter_sequence};
    struct {
        struct str from;
        struct str *to;
    } texts[] = {{work->ol.event_type, &row->event_type},
                 {work->ev.principal, &row->principal},
                 {work->ev.emitter_id, &row->emitter_id},
                 {work->ev.idempotency_key, &row->idempotency_key}};
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].from.ptr && texts[i].from.len) {
            verdict = rows_text(rs, texts[i].from, texts[i].to, err);
        }
    }
    row->facet_digests = arena_calloc(rs->bt->arena, work->facet_count, sizeof(struct id128));
    if (!row->facet_digests) {
        return rows_short(err);
    }
    for (uint32_t i = 0; i < work->facet_count; i++) {
        if (!work->facets[i].is_static) {
            row->facet_digests[row->facet_digest_count++] = work->facets[i].digest;
        }
    }
    return verdict;
}

/* The body, as it will be stored. Last of all rows: nothing here can fail but memory. */
static enum verdict add_body(struct rows *rs, struct err *err)
{
    const struct event_work *work = rs->work;
    struct graph_event *row = &rs->bt->rows.events.items[work->event];
    struct {
        struct id128 about;
        uint8_t kind;
        uint8_t state;
        char type[14];
    } shape = {.about = openlineage_key(&work->ol),
               .kind = (uint8_t)work->ol.kind,
               .state = (uint8_t)work->ol.state};
    size_t type_len =
        work->ol.event_type.len < sizeof shape.type ? work->ol.event_type.len : sizeof shape.type;
    if (type_len) {
        memcpy(shape.type, work->ol.event_type.ptr, type_len);
    }
    struct id128 kind = identity_digest((struct str){(const char *)&shape, sizeof shape});
    struct base_block packed =
        base_cache_pack(rs->pr->bases, kind, work->ev.event_id, work->ev.received_at_us,
                        work->ev.body, rs->bt->arena);
    if (packed.block.ptr && stages_is_refused_base(rs->pr, packed.base)) {
        base_cache_forget(rs->pr->bases, kind);
        packed.block.ptr = NULL;
    }
    if (!packed.block.ptr) {
        row->body = arena_dup(rs->bt->arena, work->ev.body);
        return row->body.ptr ? OK : rows_short(err);
    }
    row->has_base = true;
    row->base = packed.base;
    row->body = packed.block;
    bool is_new = false;
    enum verdict verdict = rows_once(rs, rows_tagged(packed.base, 'B'), &is_new, err);
    if (verdict == OK && is_new) {
        struct graph_base *base = graph_rows_add(&rs->bt->rows.bases);
        if (!base) {
            return rows_short(err);
        }
        *base = (struct graph_base){.event = work->event,
                                    .id = packed.base,
                                    .body = arena_dup(rs->bt->arena, packed.base_body)};
        verdict = base->body.ptr ? OK : rows_short(err);
    }
    return verdict;
}

enum verdict normalize_run(struct processor *pr, struct batch *bt, struct event_work *work,
                           struct err *err)
{
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    struct content content;
    enum verdict verdict = rows_topic(&rs, err);
    if (verdict == OK) {
        verdict = content_ids(pr, work, &content, err);
    }
    if (verdict == OK) {
        verdict = add_event(&rs, &content, err);
    }
    bool is_known = verdict == OK && known_set_keeps(pr->known, content.statement);
    if (verdict == OK) {
        verdict = add_contents(&rs, is_known, err);
    }
    if (verdict == OK) {
        verdict = add_statement(&rs, &content, is_known, err);
    }
    if (verdict == OK && work->ol.kind != OPENLINEAGE_DATASET) {
        verdict = rows_job(&rs, &work->ol.job, err);
    }
    if (verdict == OK && work->ol.kind == OPENLINEAGE_RUN) {
        verdict = rows_runs(&rs, err);
        verdict = verdict == OK ? series_rows(&rs, err) : verdict;
        verdict = verdict == OK ? run_marks(&rs, err) : verdict;
    }
    verdict = verdict == OK ? artifact_rows(&rs, err) : verdict;
    return verdict == OK ? add_body(&rs, err) : verdict;
}
