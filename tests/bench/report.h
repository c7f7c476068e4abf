/* report.h - the figures of a benchmark run: a table for people, one JSON object for programs. */
#ifndef METAOPS_BENCH_REPORT_H
#define METAOPS_BENCH_REPORT_H

#include "tests/bench/latency_run.h"
#include "tests/bench/load_run.h"

struct report {
    const char *workload; /* generated, real */
    const char *sink;     /* postgres, null */
    uint64_t seed;
    uint64_t change_one_in;  /* events that change a schema; 0: none, or not made so */
    size_t events;           /* POSTs of the throughput run */
    double rate;             /* of the latency run; 0: there was none */
    double floor_copy_per_s; /* 0: not measured */
    struct load_run load;
    struct latency_run latency;
    struct land_watch_account account;
    struct load_driver_counts counts;
};

/* Every accepted event is exactly once in the graph or a dead letter, and the store holds nothing
 * that was never accepted unless an answer was not 201. */
bool report_is_complete(const struct report *report);

void report_print(const struct report *report);

MUST_CHECK enum verdict report_write_json(const struct report *report, const char *path,
                                          struct err *err);

#endif
