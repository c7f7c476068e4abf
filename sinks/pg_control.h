/* pg_control.h - the tables of what MetaOps says of itself, for pg_tables.c: changes of keys, refusals. */
#ifndef METAOPS_SINKS_PG_CONTROL_H
#define METAOPS_SINKS_PG_CONTROL_H

#include "pg_bind.h"

int pg_control_order_key_change(const void *a, const void *b);
void pg_control_bind_key_change(struct pg_bind *bind, const void *row);

int pg_control_order_refusal(const void *a, const void *b);
void pg_control_bind_refusal(struct pg_bind *bind, const void *row);

#endif
