#include "object_rows.h"

#include "object_health.h"
#include "object_state.h"
#include "rows.h"
#include "schemas/identity.h"
#include "schemas/payload_event.h"

/* Nodes that payloads name are known as inferred: that one is declared is another fact. */
#define DECLARED 1

static enum verdict add_object(struct rows *rs, const struct object_source *source, struct str kind,
                               struct id128 id, struct err *err)
{
    struct graph_k8s_object *row = graph_rows_add(&rs->bt->rows.k8s_objects);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_k8s_object){.event = rs->work->event,
                                     .id = id,
                                     .first_at_us = source->at_us,
                                     .last_at_us = source->at_us};
    const struct rows_pair texts[] = {
        {source->cluster, &row->cluster},
        {source->api_group, &row->api_group},
        {kind, &row->kind},
        {source->namespace_, &row->namespace_},
        {source->name, &row->name},
        {source->uid, &row->uid},
    };
    size_t count = sizeof texts / sizeof texts[0];
    return rows_texts(rs, texts, count, count, err);
}

/* What only a watch tells. */
static enum verdict add_health(struct rows *rs, const struct object_source *source,
                               struct graph_k8s_state *row, struct err *err)
{
    struct object_health health;
    enum verdict verdict = object_health_read(rs->pr, source->object, &health, err);

    if (verdict != OK) {
        return verdict;
    }
    row->is_watched = true;
    row->readiness = health.readiness;
    const struct rows_pair texts[] = {{health.phase, &row->phase}, {health.reason, &row->reason}};
    return rows_texts(rs, texts, 2, 0, err);
}

static enum verdict add_state(struct rows *rs, const struct object_source *source,
                              const struct object_state *state, struct id128 object,
                              struct err *err)
{
    struct graph_k8s_state *row = graph_rows_add(&rs->bt->rows.k8s_states);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_k8s_state){.event = rs->work->event,
                                    .action = source->event_id,
                                    .object = object,
                                    .at_us = source->at_us,
                                    .is_deleted = source->is_deleted,
                                    .is_whole = state->is_whole,
                                    .generation = state->generation,
                                    .replicas = state->replicas,
                                    .has_resources = state->has_resources,
                                    .run_mark = state->run_mark,
                                    .revision = state->revision,
                                    .readiness = GRAPH_READY_UNTOLD};
    const struct rows_pair texts[] = {
        {state->artifact_uri, &row->artifact_uri},
        {state->model, &row->model},
        {state->model_version, &row->model_version},
        {state->images, &row->images},
        {state->annotations, &row->annotations},
        {state->labels, &row->labels},
        {state->owners, &row->owners},
    };
    enum verdict verdict = rows_texts(rs, texts, sizeof texts / sizeof texts[0], 0, err);
    return verdict == OK && source->is_watched ? add_health(rs, source, row, err) : verdict;
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

static enum verdict add_version(struct rows *rs, const struct object_source *source,
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
                                        .first_at_us = source->at_us,
                                        .last_at_us = source->at_us};
    enum verdict verdict = rows_text(rs, state->model_version, &row->version, err);
    if (verdict != OK || state->artifact_uri.len == 0) {
        return verdict;
    }
    row->artifact_uri = (struct graph_claim){
        .source = GRAPH_DECLARED, .at_us = source->at_us, .first_at_us = source->at_us};
    return rows_text(rs, state->artifact_uri, &row->artifact_uri.text, err);
}

/* The nodes by which payloads know what an object serves. */
static enum verdict add_served(struct rows *rs, const struct object_source *source,
                               const struct object_state *state, struct err *err)
{
    struct payload_event named = {
        .namespace_ = source->namespace_, .service = source->name, .model = state->model};
    struct id128 model = payload_event_model(&named);
    struct id128 deployment = payload_event_deployment(&named);
    enum verdict verdict = OK;
    bool is_new;

    if (state->model.len == 0 || source->namespace_.len == 0) {
        return OK;
    }
    verdict = rows_once(rs, rows_tagged(model, DECLARED), &is_new, err);
    if (verdict == OK && is_new) {
        verdict = fill_node(rs, graph_rows_add(&rs->bt->rows.models), model, source->namespace_,
                            state->model, err);
    }
    verdict =
        verdict == OK ? rows_once(rs, rows_tagged(deployment, DECLARED), &is_new, err) : verdict;
    if (verdict == OK && is_new) {
        verdict = fill_node(rs, graph_rows_add(&rs->bt->rows.deployments), deployment,
                            source->namespace_, source->name, err);
    }
    return verdict == OK && state->model_version.len > 0
               ? add_version(rs, source, state, model, err)
               : verdict;
}

enum verdict object_rows_add(struct rows *rs, const struct object_source *source, struct err *err)
{
    const struct str parts[] = {source->cluster, source->uid};
    struct id128 object = identity_of(STR("k8s_object"), parts, 2);
    struct object_state state;
    enum verdict verdict = object_state_read(rs->pr, source, &state, err);

    if (verdict == OK) {
        verdict = add_object(rs, source, state.kind, object, err);
    }
    verdict = verdict == OK ? add_state(rs, source, &state, object, err) : verdict;
    return verdict == OK ? add_served(rs, source, &state, err) : verdict;
}
