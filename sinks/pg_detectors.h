/* pg_detectors.h - the tables of detectors and their verdicts, for pg_tables.c. */
#ifndef METAOPS_SINKS_PG_DETECTORS_H
#define METAOPS_SINKS_PG_DETECTORS_H

#include "pg_bind.h"

/* Of what a detector says of itself the latest counts. */
int pg_detectors_order_monitor(const void *a, const void *b);
void pg_detectors_merge_monitor(void *into, const void *row);
void pg_detectors_bind_monitor(struct pg_bind *bind, const void *row);
void pg_detectors_bind_monitor_id(struct pg_bind *bind, const void *row);

int pg_detectors_order_evaluation(const void *a, const void *b);
void pg_detectors_bind_evaluation(struct pg_bind *bind, const void *row);

#endif
