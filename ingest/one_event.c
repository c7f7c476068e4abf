#include "ingest/one_event.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/http_server.h"
#include "core/metrics.h"
#include "ingest/publish.h"

#define ANSWER_BYTES_MAX 160

struct one_event {
    struct publish_record record; /* first: done gets this pointer */
    struct http_request *request;
    size_t body_bytes;
    int status;
    atomic_int waiting; /* for the result and for the handler, whose request it is until then */
    enum verdict verdict;
    int32_t partition;
    int64_t offset;
};

static void answer_accepted(const struct one_event *event)
{
    char event_id[ID128_TEXT_BYTES];
    char text[ANSWER_BYTES_MAX];
    int len;

    id128_format(event->record.event_id, event_id);
    len = snprintf(text, sizeof(text), "{\"eventId\":\"%s\",\"partition\":%d,\"offset\":%lld}\n",
                   event_id, (int)event->partition, (long long)event->offset);
    metrics_inc(METRIC_GATEWAY_ACCEPTED);
    metrics_add(METRIC_GATEWAY_BODY_BYTES, event->body_bytes);
    http_request_answer(event->request, event->status, "application/json",
                        (struct str){text, (size_t)len}, 0);
}

/* The answer gives the request away: the last of the two makes it. */
static void let_go(struct one_event *event)
{
    if (atomic_fetch_sub(&event->waiting, 1) > 1) {
        return;
    }
    if (event->verdict == OK) {
        answer_accepted(event);
    } else if (event->verdict == REJECT) {
        metrics_inc(METRIC_GATEWAY_REFUSED);
        http_request_problem(event->request, 413, "the event is larger than Kafka takes", NULL, -1,
                             0);
    } else {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(event->request, 503,
                             "Kafka has not confirmed the event; sending the same again is safe",
                             NULL, -1, 1);
    }
    free(event);
}

static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct one_event *event = (struct one_event *)(void *)record;

    event->verdict = verdict;
    event->partition = partition;
    event->offset = offset;
    let_go(event);
}

struct one_event *one_event_begin(struct publish *publish, struct http_request *request, int status)
{
    int retry_after_s = publish_retry_after_s(publish);
    struct one_event *event;

    if (retry_after_s > 0) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "too much waits for Kafka", NULL, -1, retry_after_s);
        return NULL;
    }
    event = malloc(sizeof(*event));
    if (!event) {
        metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
        http_request_problem(request, 503, "out of memory", NULL, -1, 1);
        return NULL;
    }
    *event = (struct one_event){.record.done = on_done,
                                .request = request,
                                .body_bytes = http_request_body(request).len,
                                .status = status};
    atomic_init(&event->waiting, 2);
    return event;
}

struct publish_record *one_event_record(struct one_event *event)
{
    return &event->record;
}

void one_event_sent(struct one_event *event)
{
    /* What waits for the broker is the compressed record alone. */
    http_request_drop_body(event->request);
    let_go(event);
}

void one_event_refused(struct one_event *event, const struct publish_refusal *refusal)
{
    bool is_later = refusal->status == 503;

    metrics_inc(is_later ? METRIC_GATEWAY_UNAVAILABLE : METRIC_GATEWAY_REFUSED);
    http_request_problem(event->request, refusal->status, refusal->place.reason,
                         refusal->has_place ? refusal->place.pointer : NULL,
                         (int64_t)refusal->place.offset, refusal->retry_after_s);
    free(event);
}

void one_event_refuse(struct one_event *event, int status, const char *reason)
{
    metrics_inc(METRIC_GATEWAY_REFUSED);
    http_request_problem(event->request, status, reason, NULL, -1, 0);
    free(event);
}

void one_event_pass_over(struct one_event *event, const char *text)
{
    http_request_answer(event->request, event->status, "application/json", str_view(text), 0);
    free(event);
}
