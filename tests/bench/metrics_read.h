/* metrics_read.h - reads a metric from the admin ports of running roles. */
#ifndef METAOPS_BENCH_METRICS_READ_H
#define METAOPS_BENCH_METRICS_READ_H

#include <stdint.h>

#include "core/err.h"

/* Sum of all series of a metric over admin ports of this machine ("5602,5606"). Blocks; at most 5 s
 * for each. */
MUST_CHECK enum verdict metrics_read_sum(const char *ports, const char *name, int64_t *out_sum,
                                         struct err *err);

#endif
