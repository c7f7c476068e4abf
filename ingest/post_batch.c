#include "ingest/post_batch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/http_server.h"
#include "core/json_escape.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "ingest/batch_split.h"
#include "ingest/door.h"
#include "ingest/emitter_numbers.h"
#include "ingest/publish.h"

struct batch;

struct entry {
    struct publish_record record; /* first: done gets this pointer */
    struct batch *batch;
    size_t body_bytes;
    int status;
    int32_t partition;
    int64_t offset;                  /* on Kafka */
    struct publish_refusal *refusal; /* NULL: none, or no memory for it */
};

struct batch {
    const struct post_batch_kind *kind;
    struct http_request *request;
    struct visitor visitor;
    struct emitter_numbers numbers;
    atomic_size_t waiting; /* results to come, and one while events are being published */
    size_t count;
    struct entry entries[];
};

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->entries[i].refusal);
    }
    free(batch);
}

static void write_escaped(FILE *out, const char *name, const char *text)
{
    char escaped[sizeof(((struct json_fault *)0)->pointer) * JSON_ESCAPE_BYTES_MAX];
    size_t len = json_escape(str_view(text), escaped);

    fprintf(out, ",\"%s\":\"%.*s\"", name, (int)len, escaped);
}

static void write_entry(FILE *out, const struct entry *entry, size_t index)
{
    const struct publish_refusal *refusal = entry->refusal;
    char event_id[ID128_TEXT_BYTES];

    fprintf(out, "%s{\"index\":%zu,\"status\":%d", index ? "," : "", index, entry->status);
    if (!id128_is_zero(entry->record.event_id)) {
        id128_format(entry->record.event_id, event_id);
        fprintf(out, ",\"eventId\":\"%s\"", event_id);
    }
    if (entry->status == entry->batch->kind->accepted_status) {
        fprintf(out, ",\"partition\":%d,\"offset\":%lld", (int)entry->partition,
                (long long)entry->offset);
    }
    if (refusal) {
        write_escaped(out, "detail", refusal->place.reason);
        if (refusal->has_place) {
            write_escaped(out, "pointer", refusal->place.pointer);
            fprintf(out, ",\"offset\":%zu", refusal->place.offset);
        }
    }
    fputc('}', out);
}

/* What became of all, as JSON; ptr NULL when memory is short. */
static struct str describe(const struct batch *batch, size_t accepted, size_t unavailable)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool has_failed;

    if (!out) {
        return (struct str){NULL, 0};
    }
    fprintf(out, "{\"accepted\":%zu,\"refused\":%zu,\"unavailable\":%zu,\"results\":[", accepted,
            batch->count - accepted - unavailable, unavailable);
    for (size_t i = 0; i < batch->count; i++) {
        write_entry(out, &batch->entries[i], i);
    }
    fputs("]}\n", out);
    has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed) {
        free(text);
        return (struct str){NULL, 0};
    }
    return (struct str){text, len};
}

static void answer(struct batch *batch)
{
    int good = batch->kind->accepted_status;
    size_t accepted = 0;
    size_t unavailable = 0;
    size_t accepted_bytes = 0;
    struct str text = {NULL, 0};

    for (size_t i = 0; i < batch->count; i++) {
        accepted += batch->entries[i].status == good;
        unavailable += batch->entries[i].status == 503 ||
                       (batch->kind->is_whole && batch->entries[i].status == 429);
        accepted_bytes += batch->entries[i].status == good ? batch->entries[i].body_bytes : 0;
    }
    metrics_add(METRIC_GATEWAY_ACCEPTED, accepted);
    metrics_add(METRIC_GATEWAY_UNAVAILABLE, unavailable);
    metrics_add(METRIC_GATEWAY_REFUSED, batch->count - accepted - unavailable);
    metrics_add(METRIC_GATEWAY_BODY_BYTES, accepted_bytes);
    if (unavailable == 0 || (accepted > 0 && !batch->kind->is_whole)) {
        text = describe(batch, accepted, unavailable);
    }
    if (text.ptr) {
        int status = accepted == batch->count && accepted > 0 ? good : 200;
        http_request_answer(batch->request, status, "application/json", text, 0);
    } else {
        http_request_problem(
            batch->request, 503,
            batch->kind->is_whole
                ? "not every event was confirmed by Kafka; sending the same again is safe"
                : "no event was confirmed by Kafka; sending the same again is safe",
            NULL, -1, 1);
    }
    free((char *)text.ptr);
    batch_free(batch);
}

static void one_result_less(struct batch *batch)
{
    if (atomic_fetch_sub(&batch->waiting, 1) == 1) {
        answer(batch);
    }
}

static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct entry *entry = (struct entry *)(void *)record;

    entry->partition = partition;
    entry->offset = offset;
    entry->status = verdict == OK       ? entry->batch->kind->accepted_status
                    : verdict == REJECT ? 413
                                        : 503;
    one_result_less(entry->batch);
}

static void refuse(struct entry *entry, const struct publish_refusal *refusal, size_t text_offset)
{
    entry->status = refusal->status;
    entry->refusal = malloc(sizeof(*entry->refusal));
    if (entry->refusal) {
        *entry->refusal = *refusal;
        /* The place is counted in the body that the client sent. */
        entry->refusal->place.offset += text_offset;
    }
}

static void publish_one(struct publish *publish, struct batch *batch, size_t index, struct str text,
                        size_t body_bytes_max)
{
    size_t text_offset = (size_t)(text.ptr - http_request_body(batch->request).ptr);
    struct entry *entry = &batch->entries[index];
    struct publish_refusal refusal = {.status = 413,
                                      .place.reason = "the event is larger than is taken here"};

    struct post_batch_item item = {.request = batch->request,
                                   .visitor = &batch->visitor,
                                   .numbers = &batch->numbers,
                                   .index = index,
                                   .text = text};
    *entry = (struct entry){.record.done = on_done, .batch = batch, .body_bytes = text.len};
    atomic_fetch_add(&batch->waiting, 1);
    if (text.len > body_bytes_max ||
        !batch->kind->publish(publish, &item, &entry->record, &refusal)) {
        refuse(entry, &refusal, text_offset);
        one_result_less(batch);
    }
}

static bool is_ndjson(const struct http_request *request)
{
    return http_head_has_type(http_request_head(request), "application/x-ndjson");
}

/* The number of events, or -1 after the answer that refuses the body as a whole. */
static long count_events(struct http_request *request, struct batch_split *begin, size_t events_max)
{
    struct batch_split split = *begin;
    const char *reason = NULL;
    struct str text;
    size_t count = 0;
    int got;

    while ((got = batch_split_next(&split, &text, &reason)) > 0 && count <= events_max) {
        count++;
    }
    if (got < 0) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(request, 400, reason, "", (int64_t)split.at, 0);
        return -1;
    }
    if (count > events_max) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(request, 413, "more events than are taken in one batch", NULL, -1, 0);
        return -1;
    }
    return (long)count;
}

/* False after the answer that refuses the headers. */
static bool read_numbers(struct http_request *request, struct emitter_numbers *out_numbers)
{
    const char *reason = NULL;

    if (emitter_numbers_read(http_request_head(request), out_numbers, &reason)) {
        return true;
    }
    metrics_inc(METRIC_GATEWAY_REFUSED);
    http_request_problem(request, 400, reason, NULL, -1, 0);
    return false;
}

void post_batch_handle_kind(struct publish *publish, struct http_request *request,
                            const struct post_batch_kind *kind)
{
    const struct settings *st = publish_settings(publish);
    int retry_after_s = publish_retry_after_s(publish);
    const char *reason = NULL;
    struct emitter_numbers numbers;
    struct batch_split split;
    struct batch *batch;
    struct str text;
    long count;

    if (retry_after_s > 0) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "too much waits for Kafka", NULL, -1, retry_after_s);
        return;
    }
    struct str body = kind->find ? kind->find(request) : http_request_body(request);
    if (!body.ptr) {
        return;
    }
    if (!batch_split_init(&split, body, !kind->is_array && is_ndjson(request)) ||
        (kind->is_array && !split.is_array)) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(request, 400,
                             kind->is_array ? "the body is no array"
                                            : "the body is neither an array nor lines of objects",
                             "", (int64_t)split.at, 0);
        return;
    }
    count = count_events(request, &split, (size_t)st->ingest.batch_events_max);
    if (count < 0 || !read_numbers(request, &numbers)) {
        return;
    }
    batch = calloc(1, sizeof(*batch) + (size_t)count * sizeof(batch->entries[0]));
    if (!batch) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "out of memory", NULL, -1, 1);
        return;
    }
    batch->request = request;
    batch->numbers = numbers;
    door_visitor(request, &batch->visitor);
    batch->kind = kind;
    batch->count = (size_t)count;
    atomic_init(&batch->waiting, 1);
    for (size_t i = 0; i < batch->count && batch_split_next(&split, &text, &reason) > 0; i++) {
        publish_one(publish, batch, i, text, (size_t)st->ingest.body_bytes_max);
    }
    http_request_drop_body(request);
    one_result_less(batch);
}

static bool publish_lineage(struct publish *publish, const struct post_batch_item *item,
                            struct publish_record *record, struct publish_refusal *out_refusal)
{
    struct publish_note note = {.numbers = item->numbers, .index = item->index};

    return publish_event(publish, item->visitor, item->text, &note, record, out_refusal);
}

void post_batch_handle(void *arg, struct http_request *request)
{
    static const struct post_batch_kind lineage = {.accepted_status = 201,
                                                   .publish = publish_lineage};

    post_batch_handle_kind(arg, request, &lineage);
}
