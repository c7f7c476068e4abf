/* act.c - the stage of format "kubernetes_audit": an event becomes an action, the object that it acted on and, where the
 * answer holds that object, what the object was from then on.
 *
 * Rows say what one event says and nothing else, so order does not matter: who served what when is read from the states
 * of an object in the order of their times. */
#include "object_state.h"
#include "rows.h"
#include "schemas/identity.h"
#include "schemas/kube_audit.h"
#include "schemas/payload_event.h"

/* Nodes that payloads name are known as inferred: that one is declared is another fact. */
#define DECLARED 1

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

struct text {
    struct str from;
    struct str *into;
};

/* Empty texts that need not be there are null. */
static enum verdict copy_texts(struct rows *rs, const struct text *texts, size_t count,
                               size_t needed, struct err *err)
{
    enum verdict verdict = OK;

    for (size_t i = 0; verdict == OK && i < count; i++) {
        if (i < needed || texts[i].from.len > 0) {
            verdict = rows_text(rs, texts[i].from, texts[i].into, err);
        }
    }
    return verdict;
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
    const struct text texts[] = {
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
    return copy_texts(rs, texts, sizeof texts / sizeof texts[0], 5, err);
}

static enum verdict add_object(struct rows *rs, const struct kube_audit *audit, struct str kind,
                               struct id128 id, struct err *err)
{
    struct graph_k8s_object *row = graph_rows_add(&rs->bt->rows.k8s_objects);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_k8s_object){.event = rs->work->event,
                                     .id = id,
                                     .first_at_us = audit->event_time_us,
                                     .last_at_us = audit->event_time_us};
    const struct text texts[] = {
        {audit->cluster, &row->cluster},
        {audit->api_group, &row->api_group},
        {kind, &row->kind},
        {audit->namespace_, &row->namespace_},
        {audit->name, &row->name},
        {audit->uid, &row->uid},
    };
    size_t count = sizeof texts / sizeof texts[0];
    return copy_texts(rs, texts, count, count, err);
}

static enum verdict add_state(struct rows *rs, const struct kube_audit *audit,
                              const struct object_state *state, struct id128 object,
                              struct err *err)
{
    struct graph_k8s_state *row = graph_rows_add(&rs->bt->rows.k8s_states);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_k8s_state){.event = rs->work->event,
                                    .action = audit->event_id,
                                    .object = object,
                                    .at_us = audit->event_time_us,
                                    .is_deleted = str_eq(audit->verb, STR("delete")) &&
                                                  audit->subresource.len == 0,
                                    .is_whole = state->is_whole,
                                    .generation = state->generation,
                                    .replicas = state->replicas,
                                    .has_resources = state->has_resources,
                                    .run_mark = state->run_mark};
    const struct text texts[] = {
        {state->artifact_uri, &row->artifact_uri},
        {state->model, &row->model},
        {state->model_version, &row->model_version},
        {state->images, &row->images},
        {state->annotations, &row->annotations},
        {state->labels, &row->labels},
        {state->owners, &row->owners},
    };
    return copy_texts(rs, texts, sizeof texts / sizeof texts[0], 0, err);
}

static enum verdict fill_node(struct rows *rs, struct graph_node *row, struct id128 id,
                              struct str namespace_, struct str name, struct err *err)
{
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = rs->work->event, .id = id, .source = GRAPH_DECLARED};
    enum verdict verdict = rows_text(rs, namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(rs, name, &row->name, err) : verdict;
}

static enum verdict add_version(struct rows *rs, const struct kube_audit *audit,
                                const struct object_state *state, struct id128 model,
                                struct err *err)
{
    struct graph_model_version *row = graph_rows_add(&rs->bt->rows.model_versions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_version){.event = rs->work->event,
                                        .model = model,
                                        .source = GRAPH_DECLARED,
                                        .first_at_us = audit->event_time_us,
                                        .last_at_us = audit->event_time_us};
    enum verdict verdict = rows_text(rs, state->model_version, &row->version, err);
    if (verdict != OK || state->artifact_uri.len == 0) {
        return verdict;
    }
    row->artifact_uri = (struct graph_claim){.source = GRAPH_DECLARED,
                                             .at_us = audit->event_time_us,
                                             .first_at_us = audit->event_time_us};
    return rows_text(rs, state->artifact_uri, &row->artifact_uri.text, err);
}

/* The nodes by which payloads know what an object serves. */
static enum verdict add_served(struct rows *rs, const struct kube_audit *audit,
                               const struct object_state *state, struct err *err)
{
    struct payload_event named = {
        .namespace_ = audit->namespace_, .service = audit->name, .model = state->model};
    struct id128 model = payload_event_model(&named);
    struct id128 deployment = payload_event_deployment(&named);
    enum verdict verdict = OK;
    bool is_new;

    if (state->model.len == 0 || audit->namespace_.len == 0) {
        return OK;
    }
    verdict = rows_once(rs, rows_tagged(model, DECLARED), &is_new, err);
    if (verdict == OK && is_new) {
        verdict = fill_node(rs, graph_rows_add(&rs->bt->rows.models), model, audit->namespace_,
                            state->model, err);
    }
    verdict =
        verdict == OK ? rows_once(rs, rows_tagged(deployment, DECLARED), &is_new, err) : verdict;
    if (verdict == OK && is_new) {
        verdict = fill_node(rs, graph_rows_add(&rs->bt->rows.deployments), deployment,
                            audit->namespace_, audit->name, err);
    }
    return verdict == OK && state->model_version.len > 0 ? add_version(rs, audit, state, model, err)
                                                         : verdict;
}

/* Subresources other than a scale, and what Kubernetes keeps as its own events, say nothing that an object declares.
 *
 * A deletion may be answered with a Status, which has the uid and nothing else of the object: the kind is then that of
 * the object's other events. */
static enum verdict add_what_is(struct rows *rs, const struct kube_audit *audit, struct err *err)
{
    const struct str parts[] = {audit->cluster, audit->uid};
    struct object_state state;

    bool is_said = audit->subresource.len == 0 || str_eq(audit->subresource, STR("scale"));
    if (audit->uid.len == 0 || !audit->object || !is_said ||
        str_eq(audit->resource, STR("events")) || !is_done(audit) || !is_change(audit) ||
        !str_eq(audit->stage, STR("ResponseComplete"))) {
        return OK;
    }
    struct id128 object = identity_of(STR("k8s_object"), parts, 2);
    enum verdict verdict = object_state_read(rs->pr, audit, &state, err);
    if (verdict == OK) {
        verdict = add_object(rs, audit, state.kind, object, err);
    }
    verdict = verdict == OK ? add_state(rs, audit, &state, object, err) : verdict;
    return verdict == OK ? add_served(rs, audit, &state, err) : verdict;
}

enum verdict act_run(struct processor *pr, struct batch *bt, struct event_work *work,
                     struct err *err)
{
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    enum verdict verdict = rows_id_only(&rs, work->audit->event_time_us, err);

    verdict = verdict == OK ? add_action(&rs, work->audit, err) : verdict;
    return verdict == OK ? add_what_is(&rs, work->audit, err) : verdict;
}
