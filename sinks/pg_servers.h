/* pg_servers.h - the tables of what was seen of servers of models, for pg_tables.c: order of their keys, how rows of one key
 * become one, parameters of their statements. */
#ifndef METAOPS_SINKS_PG_SERVERS_H
#define METAOPS_SINKS_PG_SERVERS_H

#include "pg_bind.h"

int pg_servers_order_observation(const void *a, const void *b);
void pg_servers_bind_observation(struct pg_bind *bind, const void *row);

int pg_servers_order_description(const void *a, const void *b);
void pg_servers_merge_description(void *into, const void *row);
void pg_servers_bind_description(struct pg_bind *bind, const void *row);

int pg_servers_order_count(const void *a, const void *b);
void pg_servers_merge_count(void *into, const void *row);
void pg_servers_bind_count(struct pg_bind *bind, const void *row);

/* Rows of pg_tables, with the macro ROWS of pg_tables.c. */
#define PG_SERVERS_TABLES                                                                          \
    {.statement = "insert_server_observations",                                                    \
     .types = "uutzttb",                                                                           \
     ROWS(server_observations, graph_server_observation),                                          \
     .order = pg_servers_order_observation,                                                        \
     .bind = pg_servers_bind_observation},                                                         \
        {.statement = "upsert_server_descriptions",                                                \
         .types = "uutzutttt",                                                                     \
         ROWS(server_descriptions, graph_server_description),                                      \
         .order = pg_servers_order_description,                                                    \
         .merge = pg_servers_merge_description,                                                    \
         .bind = pg_servers_bind_description},                                                     \
    {                                                                                              \
        .statement = "upsert_server_counts", .types = "uuz8888z",                                  \
        ROWS(server_counts, graph_server_count), .order = pg_servers_order_count,                  \
        .merge = pg_servers_merge_count, .bind = pg_servers_bind_count                             \
    }

#endif
