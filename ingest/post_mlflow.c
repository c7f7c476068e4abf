#include "ingest/post_mlflow.h"

#include <stdio.h>

#include "core/http_server.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/door.h"
#include "ingest/mlflow_signature.h"
#include "ingest/one_event.h"
#include "ingest/publish.h"

#define SECOND_US 1000000
#define SECOND_MS 1000

static enum mlflow_trust judge(struct publish *publish, struct http_request *request)
{
    const struct http_head *head = http_request_head(request);
    const struct mlflow_delivery delivery = {
        .id = http_head_get(head, "x-mlflow-delivery-id"),
        .timestamp = http_head_get(head, "x-mlflow-timestamp"),
        .signature = http_head_get(head, "x-mlflow-signature"),
        .body = http_request_body(request),
    };

    return mlflow_keys_judge(door_mlflow_keys(publish_door(publish)), &delivery,
                             timebase_wall_us() / SECOND_US,
                             publish_settings(publish)->ingest.mlflow_age_max_ms / SECOND_MS);
}

static void refuse(struct one_event *event, enum metric metric, int status, const char *reason)
{
    metrics_inc(metric);
    one_event_refuse(event, status, reason);
}

bool post_mlflow_admit(void *arg, struct http_request *request, struct http_refusal *out_refusal)
{
    struct door *door = publish_door(arg);

    return door_mlflow_keys(door) || door_admit(door, request, out_refusal);
}

void post_mlflow_handle(void *arg, struct http_request *request)
{
    bool is_signed = door_mlflow_keys(publish_door(arg)) != NULL;
    struct visitor visitor = {.principal = "mlflow"};
    struct one_event *event = one_event_begin(arg, request, 200);
    enum registry_use use = REGISTRY_KEPT;
    struct publish_refusal refusal;

    if (!event) {
        return;
    }
    if (is_signed) {
        enum mlflow_trust trust = judge(arg, request);
        if (trust != MLFLOW_TRUSTED) {
            refuse(event,
                   trust == MLFLOW_STALE ? METRIC_GATEWAY_MLFLOW_STALE
                                         : METRIC_GATEWAY_MLFLOW_FORGED,
                   401,
                   trust == MLFLOW_STALE ? "X-MLflow-Timestamp is too far from now"
                                         : "X-MLflow-Signature is missing or wrong");
            return;
        }
    } else {
        door_visitor(request, &visitor);
    }
    if (publish_registry(arg, &visitor, http_request_body(request), one_event_record(event), &use,
                         &refusal)) {
        one_event_sent(event);
    } else if (use != REGISTRY_KEPT) {
        metrics_inc(use == REGISTRY_IS_TRIAL ? METRIC_GATEWAY_MLFLOW_TRIALS
                                             : METRIC_GATEWAY_MLFLOW_PROMPTS);
        one_event_pass_over(event, "{\"ignored\":true}\n");
    } else {
        metrics_inc(METRIC_GATEWAY_MLFLOW_EVENT);
        one_event_refused(event, &refusal);
    }
}
