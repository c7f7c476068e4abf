#include "ingest/post_lineage.h"

#include "core/failpoint.h"
#include "core/http_server.h"
#include "ingest/door.h"
#include "ingest/emitter_numbers.h"
#include "ingest/one_event.h"
#include "ingest/publish.h"

void post_lineage_handle(void *arg, struct http_request *request)
{
    struct publish *publish = arg;
    const struct http_head *head = http_request_head(request);
    struct publish_refusal refusal;
    struct emitter_numbers numbers;
    const char *reason = NULL;
    struct visitor visitor;

    FAILPOINT("post_lineage.body_read");
    struct one_event *event = one_event_begin(publish, request, 201);
    if (!event) {
        return;
    }
    if (!emitter_numbers_read(head, &numbers, &reason)) {
        one_event_refuse(event, 400, reason);
        return;
    }
    door_visitor(request, &visitor);
    struct publish_note note = {.idempotency_key = http_head_get(head, "idempotency-key"),
                                .numbers = &numbers};
    if (!publish_event(publish, &visitor, http_request_body(request), &note,
                       one_event_record(event), &refusal)) {
        one_event_refused(event, &refusal);
        return;
    }
    one_event_sent(event);
}
