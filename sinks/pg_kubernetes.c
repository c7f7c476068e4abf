#include "pg_kubernetes.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

PG_ORDER(pg_kubernetes_order_action, graph_action, BY_ID(id))

void pg_kubernetes_bind_action(struct pg_bind *bind, const void *row)
{
    const struct graph_action *action = row;
    const struct str texts[] = {
        action->cluster,      action->audit_id,   action->stage,     action->actor,
        action->on_behalf_of, action->verb,       action->api_group, action->resource,
        action->subresource,  action->namespace_, action->name,      action->uid,
        action->reason,       action->decision,   action->source_ip, action->user_agent};
    int at = 0;

    pg_bind_uuid(bind, at++, action->id);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pg_bind_text(bind, at++, texts[i]);
    }
    pg_bind_int4(bind, at++, action->code);
    pg_bind_time(bind, at++, action->requested_at_us);
    pg_bind_time(bind, at, action->event_time_us);
}

PG_ORDER(pg_kubernetes_order_object, graph_k8s_object, BY_ID(id))

/* An object keeps its names; only what a Status says of it has no kind. */
void pg_kubernetes_merge_object(void *into, const void *row)
{
    struct graph_k8s_object *x = into;
    const struct graph_k8s_object *y = row;
    x->first_at_us = y->first_at_us < x->first_at_us ? y->first_at_us : x->first_at_us;
    x->last_at_us = y->last_at_us > x->last_at_us ? y->last_at_us : x->last_at_us;
    x->kind = str_cmp(y->kind, x->kind) > 0 ? y->kind : x->kind;
}

void pg_kubernetes_bind_object(struct pg_bind *bind, const void *row)
{
    const struct graph_k8s_object *object = row;
    pg_bind_uuid(bind, 0, object->id);
    pg_bind_text(bind, 1, object->cluster);
    pg_bind_text(bind, 2, object->api_group);
    pg_bind_text(bind, 3, object->kind);
    pg_bind_text(bind, 4, object->namespace_);
    pg_bind_text(bind, 5, object->name);
    pg_bind_text(bind, 6, object->uid);
    pg_bind_time(bind, 7, object->first_at_us);
    pg_bind_time(bind, 8, object->last_at_us);
}

PG_ORDER(pg_kubernetes_order_state, graph_k8s_state, BY_ID(action))

void pg_kubernetes_bind_state(struct pg_bind *bind, const void *row)
{
    const struct graph_k8s_state *state = row;
    pg_bind_uuid(bind, 0, state->action);
    pg_bind_uuid(bind, 1, state->object);
    pg_bind_time(bind, 2, state->at_us);
    pg_bind_bool(bind, 3, state->is_deleted);
    pg_bind_bool(bind, 4, state->is_whole);
    pg_bind_int8(bind, 5, state->generation);
    pg_bind_int8(bind, 6, state->replicas);
    pg_bind_text(bind, 7, state->artifact_uri);
    pg_bind_text(bind, 8, state->model);
    pg_bind_text(bind, 9, state->model_version);
    pg_bind_text(bind, 10, state->images);
    pg_bind_text(bind, 11, state->annotations);
    pg_bind_text(bind, 12, state->labels);
    pg_bind_text(bind, 13, state->owners);
    pg_bind_bool(bind, 14, state->has_resources);
    if (id128_is_zero(state->run_mark)) {
        pg_bind_null(bind, 15);
    } else {
        pg_bind_uuid(bind, 15, state->run_mark);
    }
    pg_bind_bool(bind, 16, state->is_watched);
    if (state->readiness == GRAPH_READY_UNTOLD) {
        pg_bind_null(bind, 17);
    } else {
        pg_bind_bool(bind, 17, state->readiness == GRAPH_READY_YES);
    }
    pg_bind_int8(bind, 18, state->revision);
    pg_bind_text(bind, 19, state->phase);
    pg_bind_text(bind, 20, state->reason);
}
