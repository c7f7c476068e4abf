/* latency_run.h - an open loop: sends at a fixed rate whatever comes back, and finds out when each
 * event is a row that others can see. The clock of an event starts when it was due, so a stall counts
 * against all that came due in it. */
#ifndef METAOPS_BENCH_LATENCY_RUN_H
#define METAOPS_BENCH_LATENCY_RUN_H

#include "tests/bench/land_watch.h"
#include "tests/bench/load_driver.h"

struct latency_run {
    double p50_ms;
    double p99_ms;
    double max_ms;
    size_t seen;
    size_t unseen; /* accepted, but no row after 10 s */
};

/* Sends the block of set at rate per second. Blocks until all is seen or given up. */
MUST_CHECK enum verdict latency_run(struct load_driver *driver, struct land_watch *watch,
                                    struct load_set *set, double rate, struct latency_run *out_run,
                                    struct err *err);

#endif
