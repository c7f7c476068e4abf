/* load_run.h - the throughput run: everything as fast as the connections go, from the first POST until
 * the last record is dealt with, and what each process used meanwhile. */
#ifndef METAOPS_BENCH_LOAD_RUN_H
#define METAOPS_BENCH_LOAD_RUN_H

#include "tests/bench/land_watch.h"
#include "tests/bench/load_driver.h"

enum load_run_process {
    LOAD_RUN_GATEWAY,
    LOAD_RUN_WORKER,
    LOAD_RUN_KAFKA,
    LOAD_RUN_POSTGRES,
    LOAD_RUN_PROCESSES
};

struct load_run_options {
    struct load_driver *driver;
    struct land_watch *watch; /* NULL: the null sink; the workers' metrics tell what they did */
    struct load_set *set;
    size_t events;                         /* POSTs */
    const char *ports[LOAD_RUN_PROCESSES]; /* where each listens; the workers' admin ports */
};

struct load_run {
    double accepted_per_s; /* POSTs answered 201 */
    double landed_per_s;   /* distinct events, until the last is dealt with */
    double posts;          /* answered 201 */
    double seconds;        /* from the first POST until the last record is dealt with */
    double driver_cpu_us;  /* per accepted POST, as the following */
    double cpu_us[LOAD_RUN_PROCESSES];
    double rss_peak_mb[LOAD_RUN_PROCESSES];
    double bytes_per_event; /* PostgreSQL, per distinct event */
};

/* Blocks until done. FATAL also when the workers get nowhere for a minute. */
MUST_CHECK enum verdict load_run(const struct load_run_options *options, struct load_run *out_run,
                                 struct err *err);

#endif
