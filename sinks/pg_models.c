#include "pg_models.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

static uint8_t larger(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

void pg_models_merge_model(void *into, const void *row)
{
    struct graph_node *x = into;
    x->source = larger(x->source, ((const struct graph_node *)row)->source);
}

PG_ORDER(pg_models_order_version, graph_model_version, BY_ID(model) ?: BY_TEXT(version))

/* GRAPH_NO_TIME is none. */
static int64_t earlier(int64_t a, int64_t b)
{
    if (a == GRAPH_NO_TIME || b == GRAPH_NO_TIME) {
        return a == GRAPH_NO_TIME ? b : a;
    }
    return a < b ? a : b;
}

static int64_t first_told(const struct graph_claim *claim)
{
    return claim->source ? claim->first_at_us : GRAPH_NO_TIME;
}

static void take_greater(struct graph_claim *x, const struct graph_claim *y)
{
    int order = BY_NUMBER(source) ?: BY_NUMBER(at_us) ?: BY_TEXT(text) ?: BY_ID(id);
    int64_t first_at_us = earlier(first_told(x), first_told(y));
    if (order < 0) {
        *x = *y;
    }
    x->first_at_us = first_at_us;
}

static void take_earliest(struct graph_claim *x, const struct graph_claim *y)
{
    if (y->source > x->source || (y->source == x->source && y->at_us < x->at_us)) {
        *x = *y;
    }
}

void pg_models_merge_version(void *into, const void *row)
{
    struct graph_model_version *x = into;
    const struct graph_model_version *y = row;
    x->source = larger(x->source, y->source);
    x->first_at_us = y->first_at_us < x->first_at_us ? y->first_at_us : x->first_at_us;
    x->last_at_us = y->last_at_us > x->last_at_us ? y->last_at_us : x->last_at_us;
    take_greater(&x->artifact_uri, &y->artifact_uri);
    take_greater(&x->digest, &y->digest);
    take_greater(&x->run, &y->run);
    take_greater(&x->registry_run, &y->registry_run);
    take_earliest(&x->released, &y->released);
}

static void bind_told(struct pg_bind *bind, int first, const struct graph_claim *claim)
{
    pg_bind_int2(bind, first, claim->source);
    pg_bind_time(bind, first + 1, claim->source ? claim->at_us : GRAPH_NO_TIME);
}

/* Three parameters: value, source, time. */
static void bind_text_claim(struct pg_bind *bind, int first, const struct graph_claim *claim)
{
    pg_bind_text(bind, first, claim->source ? claim->text : (struct str){NULL, 0});
    bind_told(bind, first + 1, claim);
}

void pg_models_bind_version(struct pg_bind *bind, const void *row)
{
    const struct graph_model_version *version = row;
    pg_bind_uuid(bind, 0, version->model);
    pg_bind_text(bind, 1, version->version);
    pg_bind_int2(bind, 2, version->source);
    pg_bind_time(bind, 3, version->first_at_us);
    pg_bind_time(bind, 4, version->last_at_us);
    bind_text_claim(bind, 5, &version->artifact_uri);
    bind_text_claim(bind, 8, &version->digest);
    pg_bind_optional_uuid(bind, 11, version->run.source, version->run.id);
    bind_told(bind, 12, &version->run);
    bind_text_claim(bind, 14, &version->registry_run);
    bind_told(bind, 17, &version->released);
    pg_bind_time(bind, 19, first_told(&version->artifact_uri));
    pg_bind_time(bind, 20, first_told(&version->digest));
    pg_bind_time(bind, 21, first_told(&version->run));
    pg_bind_time(bind, 22, first_told(&version->registry_run));
}

PG_ORDER(pg_models_order_fact, graph_model_fact,
         BY_ID(model) ?: BY_TEXT(version) ?: BY_NUMBER(kind) ?: BY_TEXT(name))

void pg_models_merge_fact(void *into, const void *row)
{
    struct graph_model_fact *x = into;
    const struct graph_model_fact *y = row;
    bool x_is_there = x->value.ptr != NULL;
    bool y_is_there = y->value.ptr != NULL;
    int order = BY_NUMBER(at_us) ?: x_is_there - y_is_there ?: BY_TEXT(value);
    int64_t first_at_us = earlier(x->first_at_us, y->first_at_us);
    if (order < 0) {
        *x = *y;
    }
    x->first_at_us = first_at_us;
}

void pg_models_bind_fact(struct pg_bind *bind, const void *row)
{
    const struct graph_model_fact *fact = row;
    pg_bind_uuid(bind, 0, fact->model);
    pg_bind_text(bind, 1, fact->version);
    pg_bind_int2(bind, 2, fact->kind);
    pg_bind_text(bind, 3, fact->name);
    pg_bind_text(bind, 4, fact->value);
    pg_bind_time(bind, 5, fact->at_us);
    pg_bind_time(bind, 6, fact->first_at_us);
}

PG_ORDER(pg_models_order_artifact, graph_model_artifact, BY_ID(run) ?: BY_TEXT(artifact_uri))

void pg_models_merge_artifact(void *into, const void *row)
{
    struct graph_model_artifact *x = into;
    const struct graph_model_artifact *y = row;
    x->at_us = y->at_us > x->at_us ? y->at_us : x->at_us;
}

void pg_models_bind_artifact(struct pg_bind *bind, const void *row)
{
    const struct graph_model_artifact *artifact = row;
    pg_bind_text(bind, 0, artifact->artifact_uri);
    pg_bind_uuid(bind, 1, artifact->run);
    pg_bind_time(bind, 2, artifact->at_us);
}
