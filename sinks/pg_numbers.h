/* pg_numbers.h - the tables of emitters' numbers, for pg_tables.c: order of their keys, how rows of one key become one,
 * parameters of their statements. */
#ifndef METAOPS_SINKS_PG_NUMBERS_H
#define METAOPS_SINKS_PG_NUMBERS_H

#include "pg_bind.h"

int pg_numbers_order_sequence(const void *a, const void *b);
void pg_numbers_merge_sequence(void *into, const void *row);
void pg_numbers_bind_sequence(struct pg_bind *bind, const void *row);

int pg_numbers_order_gap(const void *a, const void *b);
void pg_numbers_merge_gap(void *into, const void *row);
void pg_numbers_bind_gap(struct pg_bind *bind, const void *row);

#endif
