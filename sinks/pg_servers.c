#include "pg_servers.h"

#include "pg_order.h"
#include "schemas/graph_servers.h"

PG_ORDER(pg_servers_order_observation, graph_server_observation,
         BY_ID(deployment) ?: BY_ID(model)  ?: BY_TEXT(version) ?: BY_NUMBER(at_us)
             ?: BY_TEXT(state) ?: BY_TEXT(reason) ?: BY_NUMBER(is_whole))

void pg_servers_bind_observation(struct pg_bind *bind, const void *row)
{
    const struct graph_server_observation *observation = row;
    pg_bind_uuid(bind, 0, observation->deployment);
    pg_bind_uuid(bind, 1, observation->model);
    pg_bind_text(bind, 2, observation->version);
    pg_bind_time(bind, 3, observation->at_us);
    pg_bind_text(bind, 4, observation->state);
    pg_bind_text(bind, 5, observation->reason);
    pg_bind_bool(bind, 6, observation->is_whole);
}

PG_ORDER(pg_servers_order_description, graph_server_description,
         BY_ID(deployment) ?: BY_ID(model) ?: BY_TEXT(version))

void pg_servers_merge_description(void *into, const void *row)
{
    struct graph_server_description *x = into;
    const struct graph_server_description *y = row;
    int order = BY_NUMBER(at_us) ?: BY_ID(by);
    if (order < 0) {
        *x = *y;
    }
}

void pg_servers_bind_description(struct pg_bind *bind, const void *row)
{
    const struct graph_server_description *description = row;
    pg_bind_uuid(bind, 0, description->deployment);
    pg_bind_uuid(bind, 1, description->model);
    pg_bind_text(bind, 2, description->version);
    pg_bind_time(bind, 3, description->at_us);
    pg_bind_uuid(bind, 4, description->by);
    pg_bind_text(bind, 5, description->platform);
    pg_bind_text(bind, 6, description->libraries);
    pg_bind_text(bind, 7, description->inputs);
    pg_bind_text(bind, 8, description->outputs);
}

PG_ORDER(pg_servers_order_count, graph_server_count,
         BY_ID(deployment) ?: BY_ID(model) ?: BY_NUMBER(at_us))

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void pg_servers_merge_count(void *into, const void *row)
{
    struct graph_server_count *x = into;
    const struct graph_server_count *y = row;
    x->successes = greater(x->successes, y->successes);
    x->failures = greater(x->failures, y->failures);
    x->timed = greater(x->timed, y->timed);
    x->duration_us = greater(x->duration_us, y->duration_us);
    x->began_us = greater(x->began_us, y->began_us);
}

void pg_servers_bind_count(struct pg_bind *bind, const void *row)
{
    const struct graph_server_count *count = row;
    pg_bind_uuid(bind, 0, count->deployment);
    pg_bind_uuid(bind, 1, count->model);
    pg_bind_time(bind, 2, count->at_us);
    pg_bind_int8(bind, 3, count->successes);
    pg_bind_int8(bind, 4, count->failures);
    pg_bind_int8(bind, 5, count->timed);
    pg_bind_int8(bind, 6, count->duration_us);
    pg_bind_time(bind, 7, count->began_us);
}
