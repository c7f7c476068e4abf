#include "ingest/post_cloudevents.h"

#include "core/http_server.h"
#include "core/metrics.h"
#include "ingest/cloudevents_data.h"
#include "ingest/cloudevents_head.h"
#include "ingest/door.h"
#include "ingest/event_check.h"
#include "ingest/one_event.h"
#include "ingest/post_batch.h"
#include "ingest/publish.h"

/* What keeps an event from being taken, whoever sends it. */
static void count_refusal(int status)
{
    static const struct {
        int status;
        enum metric metric;
    } reasons[] = {
        {400, METRIC_GATEWAY_CLOUDEVENTS_JSON},
        {413, METRIC_GATEWAY_CLOUDEVENTS_SIZE},
        {415, METRIC_GATEWAY_CLOUDEVENTS_TYPE},
        {422, METRIC_GATEWAY_CLOUDEVENTS_EVENT},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            metrics_inc(reasons[i].metric);
        }
    }
}

static void refuse(struct one_event *event, int status, const char *reason)
{
    count_refusal(status);
    one_event_refuse(event, status, reason);
}

static bool publish_structured(struct publish *publish, const struct post_batch_item *item,
                               struct publish_record *record, struct publish_refusal *out_refusal)
{
    struct payload_source source = {.body = item->text};
    bool is_sent = publish_payload(publish, item->visitor, &source, record, out_refusal);

    if (!is_sent) {
        count_refusal(out_refusal->status);
    }
    return is_sent;
}

static const struct post_batch_kind batches = {
    .accepted_status = 200, .is_array = true, .is_whole = true, .publish = publish_structured};

void post_cloudevents_handle(void *arg, struct http_request *request)
{
    const struct http_head *head = http_request_head(request);
    enum cloudevents_mode mode = cloudevents_head_mode(head);
    struct payload_source source = {.body = http_request_body(request)};
    struct payload_attributes attributes;
    struct publish_refusal refusal;
    const char *reason = NULL;
    struct visitor visitor;
    struct one_event *event;

    if (mode == CLOUDEVENTS_BATCH) {
        post_batch_handle_kind(arg, request, &batches);
        return;
    }
    event = one_event_begin(arg, request, 200);
    if (!event) {
        return;
    }
    if (mode == CLOUDEVENTS_NONE) {
        refuse(event, 415, "no CloudEvents: neither a header ce-specversion nor their media type");
        return;
    }
    if (mode == CLOUDEVENTS_BINARY) {
        enum cloudevents_data kind = cloudevents_data_kind(http_head_media_type(head));
        source.is_protobuf = kind == CLOUDEVENTS_DATA_PROTOBUF;
        if (kind == CLOUDEVENTS_DATA_OTHER) {
            refuse(event, 415, "the data is neither JSON nor protobuf");
            return;
        }
        if (!cloudevents_head_read(head, http_request_arena(request), &attributes, &reason)) {
            refuse(event, 422, reason);
            return;
        }
        source.attributes = &attributes;
        source.metadata = http_head_get(head, "ce-metadata");
    }
    door_visitor(request, &visitor);
    if (!publish_payload(arg, &visitor, &source, one_event_record(event), &refusal)) {
        count_refusal(refusal.status);
        one_event_refused(event, &refusal);
        return;
    }
    one_event_sent(event);
}
