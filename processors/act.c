/* act.c - the stage of format "kubernetes_audit": an event becomes an action, the object that it acted on and, where the
 * answer holds that object, what the object was from then on.
 *
 * Rows say what one event says and nothing else, so order does not matter: who served what when is read from the states
 * of an object in the order of their times. */
#include "object_rows.h"
#include "rows.h"
#include "schemas/kube_audit.h"

/* Those of HTTP that mean success. */
static bool is_done(const struct kube_audit *audit)
{
    return audit->code >= 200 && audit->code < 300;
}

static bool is_change(const struct kube_audit *audit)
{
    static const char *const verbs[] = {"create", "update", "patch", "delete"};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (str_eq(audit->verb, str_view(verbs[i]))) {
            return true;
        }
    }
    return false;
}

static enum verdict add_action(struct rows *rs, const struct kube_audit *audit, struct err *err)
{
    struct graph_action *row = graph_rows_add(&rs->bt->rows.actions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_action){.event = rs->work->event,
                                 .id = audit->event_id,
                                 .code = (int32_t)audit->code,
                                 .requested_at_us = audit->requested_at_us,
                                 .event_time_us = audit->event_time_us};
    const struct rows_pair texts[] = {
        {audit->cluster, &row->cluster},
        {audit->audit_id, &row->audit_id},
        {audit->stage, &row->stage},
        {audit->actor, &row->actor},
        {audit->verb, &row->verb},
        {audit->on_behalf_of, &row->on_behalf_of},
        {audit->api_group, &row->api_group},
        {audit->resource, &row->resource},
        {audit->subresource, &row->subresource},
        {audit->namespace_, &row->namespace_},
        {audit->name, &row->name},
        {audit->uid, &row->uid},
        {audit->reason, &row->reason},
        {audit->decision, &row->decision},
        {audit->source_ip, &row->source_ip},
        {audit->user_agent, &row->user_agent},
    };
    return rows_texts(rs, texts, sizeof texts / sizeof texts[0], 5, err);
}

/* Subresources other than a scale, and what Kubernetes keeps as its own events, say nothing that an object declares.
 *
 * A deletion may be answered with a Status, which has the uid and nothing else of the object: the kind is then that of
 * the object's other events. */
static enum verdict add_what_is(struct rows *rs, const struct kube_audit *audit, struct err *err)
{
    bool is_object = audit->subresource.len == 0;
    const struct object_source source = {
        .cluster = audit->cluster,
        .api_group = audit->api_group,
        .kind = STR(""),
        .namespace_ = audit->namespace_,
        .name = audit->name,
        .uid = audit->uid,
        .object = audit->object,
        .is_part = !is_object,
        .is_deleted = is_object && str_eq(audit->verb, STR("delete")),
        .at_us = audit->event_time_us,
        .event_id = audit->event_id,
    };

    if (audit->uid.len == 0 || !audit->object ||
        (!is_object && !str_eq(audit->subresource, STR("scale"))) ||
        str_eq(audit->resource, STR("events")) || !is_done(audit) || !is_change(audit) ||
        !str_eq(audit->stage, STR("ResponseComplete"))) {
        return OK;
    }
    return object_rows_add(rs, &source, err);
}

enum verdict act_run(struct processor *pr, struct batch *bt, struct event_work *work,
                     struct err *err)
{
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    enum verdict verdict = rows_id_only(&rs, work->audit->event_time_us, err);

    verdict = verdict == OK ? add_action(&rs, work->audit, err) : verdict;
    return verdict == OK ? add_what_is(&rs, work->audit, err) : verdict;
}
