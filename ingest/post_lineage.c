#include "ingest/post_lineage.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "core/http_server.h"
#include "core/metrics.h"
#include "ingest/door.h"
#include "ingest/emitter_numbers.h"
#include "ingest/publish.h"

#define ANSWER_BYTES_MAX 160

struct pending {
    struct publish_record record; /* first: done gets this pointer */
    struct http_request *request;
    size_t body_bytes;
    atomic_int waiting; /* for the result and for the handler, whose request it is until then */
    enum verdict verdict;
    int32_t partition;
    int64_t offset;
};

static void answer_accepted(const struct pending *pending)
{
    char event_id[ID128_TEXT_BYTES];
    char text[ANSWER_BYTES_MAX];
    int len;

    id128_format(pending->record.event_id, event_id);
    len = snprintf(text, sizeof(text), "{\"eventId\":\"%s\",\"partition\":%d,\"offset\":%lld}\n",
                   event_id, (int)pending->partition, (long long)pending->offset);
    metrics_inc(METRIC_GATEWAY_ACCEPTED);
    metrics_add(METRIC_GATEWAY_BODY_BYTES, pending->body_bytes);
    http_request_answer(pending->request, 201, "application/json", (struct str){text, (size_t)len},
                        0);
}

/* The answer gives the request away: the last of the two makes it. */
static void let_go(struct pending *pending)
{
    if (atomic_fetch_sub(&pending->waiting, 1) > 1) {
        return;
    }
    if (pending->verdict == OK) {
        answer_accepted(pending);
    } else if (pending->verdict == REJECT) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(pending->request, 413, "the event is larger than Kafka takes", NULL,
                             -1, 0);
    } else {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(pending->request, 503,
                             "Kafka has not confirmed the event; sending the same again is safe",
                             NULL, -1, 1);
    }
    free(pending);
}

static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct pending *pending = (struct pending *)(void *)record;

    pending->verdict = verdict;
    pending->partition = partition;
    pending->offset = offset;
    let_go(pending);
}

static void answer_refusal(struct http_request *request, const struct publish_refusal *refusal)
{
    bool is_later = refusal->status == 503;

    metrics_inc(is_later ? METRIC_GATEWAY_UNAVAILABLE : METRIC_GATEWAY_REFUSED);
    http_request_problem(request, refusal->status, refusal->place.reason,
                         refusal->has_place ? refusal->place.pointer : NULL,
                         (int64_t)refusal->place.offset, refusal->retry_after_s);
}

void post_lineage_handle(void *arg, struct http_request *request)
{
    struct publish *publish = arg;
    struct str body = http_request_body(request);
    int retry_after_s = publish_retry_after_s(publish);
    struct publish_refusal refusal;
    const struct http_head *head = http_request_head(request);
    struct emitter_numbers numbers;
    const char *reason = NULL;
    struct visitor visitor;
    struct pending *pending;

    FAILPOINT("post_lineage.body_read");
    if (retry_after_s > 0) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "too much waits for Kafka", NULL, -1, retry_after_s);
        return;
    }
    if (!emitter_numbers_read(head, &numbers, &reason)) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(request, 400, reason, NULL, -1, 0);
        return;
    }
    pending = malloc(sizeof(*pending));
    if (!pending) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "out of memory", NULL, -1, 1);
        return;
    }
    *pending = (struct pending){.record.done = on_done, .request = request, .body_bytes = body.len};
    atomic_init(&pending->waiting, 2);
    door_visitor(request, &visitor);
    struct publish_note note = {.idempotency_key = http_head_get(head, "idempotency-key"),
                                .numbers = &numbers};
    if (!publish_event(publish, &visitor, body, &note, &pending->record, &refusal)) {
        free(pending);
        answer_refusal(request, &refusal);
        return;
    }
    /* What waits for the broker is the compressed record alone. */
    http_request_drop_body(request);
    let_go(pending);
}
