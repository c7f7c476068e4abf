/* metrics.h - counters, gauges and latency histograms from one table, as Prometheus text.
 *
 * Every thread has its own slots (relaxed atomics), summed on scrape: counting costs no lock and no
 * shared cache line. The table is metrics_table.h; a label value is part of the row, so there are
 * no unbounded labels. */
#ifndef METAOPS_CORE_METRICS_H
#define METAOPS_CORE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#define METRIC(id, kind, name, labels, help) METRIC_##id,
enum metric {
#include "metrics_table.h"
    METRIC_COUNT
};
#undef METRIC

/* Adds to a counter (or histogram row: use metrics_observe_us). Any thread. */
void metrics_add(enum metric metric, uint64_t n);
static inline void metrics_inc(enum metric metric)
{
    metrics_add(metric, 1);
}

/* Sets a gauge of the whole process. Any thread; the last set wins. */
void metrics_set(enum metric metric, int64_t value);

/* One observation of a duration in microseconds in a histogram (exposed in seconds). Any thread. */
void metrics_observe_us(enum metric metric, int64_t us);

/* The sum over threads (counter), the value (gauge) or the number of observations (histogram). */
int64_t metrics_read(enum metric metric);

/* A function called before each scrape to refresh gauges; at most 8. Not thread-safe: at start. */
void metrics_on_scrape(void (*refresh)(void *arg), void *arg);

/* The whole exposition, text format 0.0.4, with process CPU, resident bytes, open descriptors and
 * metaops_build_info beside the table. A malloc'd string, NULL when memory is short. */
char *metrics_exposition(size_t *out_len);

#endif
