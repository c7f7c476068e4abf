/* proc_usage.h - what processes have used, from /proc. Processes are named by the TCP port they
 * listen on, so that stacks side by side are not mixed up. Needs to be root or the processes' user. */
#ifndef METAOPS_BENCH_PROC_USAGE_H
#define METAOPS_BENCH_PROC_USAGE_H

#include <stdint.h>

#include "core/err.h"

struct proc_usage {
    int64_t cpu_us;     /* user and system, with all children that ended */
    double rss_peak_mb; /* largest of the listeners, since each began */
};

/* Sum over the listeners on ports ("5600" or "5602,5606") and their living child processes. FATAL
 * when nobody (that we may look at) listens on one of them. */
MUST_CHECK enum verdict proc_usage_of_ports(const char *ports, struct proc_usage *out_usage,
                                            struct err *err);

#endif
