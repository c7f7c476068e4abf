/* event_maker.h - realistic OpenLineage run events from a seed, one after the other.
 *
 * 1,000 jobs: 100 DAGs of 10 tasks. The stream goes in waves of 2,000 events: every DAG runs once, all at the
 * same time, task after task, each task a START and, 100 events later, its COMPLETE. A task reads
 * three datasets (sources of its DAG or what earlier tasks wrote) and writes one. In 1 of change_one_in
 * events (0: in none) the schema of the output has changed, for good: another type for a column, or one more.
 * The same seed gives the same events but for the times. One thread. */
#ifndef METAOPS_BENCH_EVENT_MAKER_H
#define METAOPS_BENCH_EVENT_MAKER_H

#include "tests/bench/text_out.h"

struct event_maker;

/* NULL when memory is short. */
struct event_maker *event_maker_new(uint64_t seed, uint64_t change_one_in);

/* Appends the next event, with eventTime now_us (microseconds since 1970). */
void event_maker_next(struct event_maker *maker, int64_t now_us, struct text_out *out);

/* A number from the generator of the maker. */
uint64_t event_maker_random(struct event_maker *maker);

/* A UUID of version 7: the time, then random bits. */
void event_maker_uuid(struct event_maker *maker, int64_t now_us, uint8_t out_uuid[16]);

/* NULL is allowed. */
void event_maker_free(struct event_maker *maker);

#endif
