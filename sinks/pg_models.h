/* pg_models.h - the tables of models, for pg_tables.c: order of their keys, how rows of one key become one, parameters
 * of their statements. What counts of two rows does not depend on which comes first. */
#ifndef METAOPS_SINKS_PG_MODELS_H
#define METAOPS_SINKS_PG_MODELS_H

#include "pg_bind.h"

void pg_models_merge_model(void *into, const void *row);

int pg_models_order_version(const void *a, const void *b);
void pg_models_merge_version(void *into, const void *row);
void pg_models_bind_version(struct pg_bind *bind, const void *row);

int pg_models_order_fact(const void *a, const void *b);
void pg_models_merge_fact(void *into, const void *row);
void pg_models_bind_fact(struct pg_bind *bind, const void *row);

int pg_models_order_artifact(const void *a, const void *b);
void pg_models_merge_artifact(void *into, const void *row);
void pg_models_bind_artifact(struct pg_bind *bind, const void *row);

#endif
