/* pg_drift.h - the tables of what may have drifted, for pg_tables.c: order of their keys, parameters of their statements. */
#ifndef METAOPS_SINKS_PG_DRIFT_H
#define METAOPS_SINKS_PG_DRIFT_H

#include <stdbool.h>

#include "pg_bind.h"
#include "schemas/graph_rows.h"

/* False in a build without detection (METAOPS_WITHOUT_DRIFT). */
bool pg_drift_is_detected(const struct graph_batch *rows, const void *row);

int pg_drift_order_content(const void *a, const void *b);
void pg_drift_bind_content(struct pg_bind *bind, const void *row);

/* Rows of these are statements, one for each id. */
int pg_drift_order_subject(const void *a, const void *b);
void pg_drift_merge_subject(void *into, const void *row);
void pg_drift_bind_subject(struct pg_bind *bind, const void *row);
void pg_drift_bind_contract(struct pg_bind *bind, const void *row);

/* Rows of pg_tables, with the macro ROWS of pg_tables.c. */
#define PG_DRIFT_TABLES                                                                            \
    {.statement = "insert_drift_contents",                                                         \
     .types = "u2u",                                                                               \
     ROWS(drift_contents, graph_drift_content),                                                    \
     .is_content = true,                                                                           \
     .order = pg_drift_order_content,                                                              \
     .bind = pg_drift_bind_content},                                                               \
        {.statement = "upsert_drift_subjects",                                                     \
         .types = "uzub",                                                                          \
         ROWS(statements, graph_statement),                                                        \
         .wants = pg_drift_is_detected,                                                            \
         .order = pg_drift_order_subject,                                                          \
         .merge = pg_drift_merge_subject,                                                          \
         .bind = pg_drift_bind_subject},                                                           \
    {                                                                                              \
        .statement = "judge_contracts", .types = "u", ROWS(statements, graph_statement),           \
        .order = pg_drift_order_subject, .merge = pg_drift_merge_subject,                          \
        .bind = pg_drift_bind_contract                                                             \
    }

#endif
