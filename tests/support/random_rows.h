/* random_rows.h - claims about runs and statements, as different events would make them: few times and few
 * events, so that they meet, and one content for each (event, attribute), as with real events. */
#ifndef METAOPS_TESTS_SUPPORT_RANDOM_ROWS_H
#define METAOPS_TESTS_SUPPORT_RANDOM_ROWS_H

#include "schemas/graph_rows.h"

struct random_rows {
    uint64_t state;
};

/* The same seed gives the same rows. */
struct random_rows random_rows_begin(uint64_t seed);

/* 0 to limit - 1. */
size_t random_rows_below(struct random_rows *rr, size_t limit);

/* A claim about run number id. */
struct graph_run random_rows_run(struct random_rows *rr, uint8_t id);

/* An event that carries statement number id. */
struct graph_statement random_rows_statement(struct random_rows *rr, uint8_t id);

#endif
