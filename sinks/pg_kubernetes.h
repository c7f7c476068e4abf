/* pg_kubernetes.h - the tables of actions and of the objects of Kubernetes, for pg_tables.c: order of their keys, how
 * rows of one key become one, parameters of their statements. */
#ifndef METAOPS_SINKS_PG_KUBERNETES_H
#define METAOPS_SINKS_PG_KUBERNETES_H

#include "pg_bind.h"

int pg_kubernetes_order_action(const void *a, const void *b);
void pg_kubernetes_bind_action(struct pg_bind *bind, const void *row);

int pg_kubernetes_order_object(const void *a, const void *b);
void pg_kubernetes_merge_object(void *into, const void *row);
void pg_kubernetes_bind_object(struct pg_bind *bind, const void *row);

int pg_kubernetes_order_state(const void *a, const void *b);
void pg_kubernetes_bind_state(struct pg_bind *bind, const void *row);

/* Rows of pg_tables, with the macro ROWS of pg_tables.c. */
#define PG_KUBERNETES_TABLES                                                                       \
    {.statement = "insert_actions",                                                                \
     .types = "utttttttttttttttt4zz",                                                              \
     ROWS(actions, graph_action),                                                                  \
     .order = pg_kubernetes_order_action,                                                          \
     .bind = pg_kubernetes_bind_action},                                                           \
        {.statement = "upsert_k8s_objects",                                                        \
         .types = "uttttttzz",                                                                     \
         ROWS(k8s_objects, graph_k8s_object),                                                      \
         .order = pg_kubernetes_order_object,                                                      \
         .merge = pg_kubernetes_merge_object,                                                      \
         .bind = pg_kubernetes_bind_object},                                                       \
    {                                                                                              \
        .statement = "insert_k8s_states", .types = "uuzbb88tttttttbubb8tt",                        \
        ROWS(k8s_states, graph_k8s_state), .order = pg_kubernetes_order_state,                     \
        .bind = pg_kubernetes_bind_state                                                           \
    }

#endif
