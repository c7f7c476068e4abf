#include "ingest/post_audit.h"

#include "core/http_server.h"
#include "core/log.h"
#include "core/metrics.h"
#include "ingest/audit_list.h"
#include "ingest/post_batch.h"
#include "ingest/publish.h"
#include "schemas/kube_audit.h"

/* The last segment of the path. */
static struct str cluster_of(const struct http_request *request)
{
    struct str path = http_request_head(request)->path;
    size_t len = 0;

    while (len < path.len && path.ptr[path.len - len - 1] != '/') {
        len++;
    }
    return (struct str){path.ptr + path.len - len, len};
}

static void refuse_list(struct http_request *request, int status, const char *reason, size_t at)
{
    metrics_inc(METRIC_GATEWAY_REFUSED);
    metrics_inc(METRIC_GATEWAY_AUDIT_LIST);
    http_request_problem(request, status, reason, status == 400 ? "" : NULL, (int64_t)at, 0);
}

static struct str find_items(struct http_request *request)
{
    const char *reason = NULL;
    size_t at = 0;
    struct str items = audit_list_items(http_request_body(request), &at, &reason);

    if (!items.ptr) {
        refuse_list(request, 400, reason, at);
    }
    return items;
}

/* Those of the door count for themselves. */
static void count_refusal(const struct publish_refusal *refusal)
{
    int status = refusal->status;

    if (status != 400 && status != 413 && status != 422) {
        return;
    }
    metrics_inc(status == 400   ? METRIC_GATEWAY_AUDIT_JSON
                : status == 413 ? METRIC_GATEWAY_AUDIT_SIZE
                                : METRIC_GATEWAY_AUDIT_EVENT);
    log_warn("an item of a list of audit events is refused reason=%s place=%s",
             refusal->place.reason, refusal->has_place ? refusal->place.pointer : "");
}

static bool publish_item(struct publish *publish, const struct post_batch_item *item,
                         struct publish_record *record, struct publish_refusal *out_refusal)
{
    bool is_sent = publish_audit(publish, item->visitor, cluster_of(item->request), item->text,
                                 record, out_refusal);

    if (!is_sent) {
        count_refusal(out_refusal);
    }
    return is_sent;
}

void post_audit_handle(void *arg, struct http_request *request)
{
    static const struct post_batch_kind lists = {.accepted_status = 200,
                                                 .is_array = true,
                                                 .is_whole = true,
                                                 .find = find_items,
                                                 .publish = publish_item};

    if (!kube_audit_is_cluster(cluster_of(request))) {
        refuse_list(request, 404, "the last part of the path is no name of a cluster", 0);
        return;
    }
    post_batch_handle_kind(arg, request, &lists);
}
