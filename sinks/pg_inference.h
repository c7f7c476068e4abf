/* pg_inference.h - the tables of predictions, for pg_tables.c: order of their keys, how rows of one key
 * become one, parameters of their statements. Sums and extremes: in any order the same. */
#ifndef METAOPS_SINKS_PG_INFERENCE_H
#define METAOPS_SINKS_PG_INFERENCE_H

#include "pg_bind.h"

int pg_inference_order_stream(const void *a, const void *b);
void pg_inference_merge_stream(void *into, const void *row);
void pg_inference_bind_stream(struct pg_bind *bind, const void *row);

int pg_inference_order_window(const void *a, const void *b);
void pg_inference_merge_window(void *into, const void *row);
void pg_inference_bind_window(struct pg_bind *bind, const void *row);

int pg_inference_order_tensor(const void *a, const void *b);
void pg_inference_merge_tensor(void *into, const void *row);
void pg_inference_bind_tensor(struct pg_bind *bind, const void *row);

int pg_inference_order_version(const void *a, const void *b);
void pg_inference_merge_version(void *into, const void *row);
void pg_inference_bind_version(struct pg_bind *bind, const void *row);

int pg_inference_order_pair(const void *a, const void *b);
void pg_inference_merge_pair(void *into, const void *row);
void pg_inference_bind_pair(struct pg_bind *bind, const void *row);

#endif
