/* emit_report.h - what became of the events that `metaops emit` read: counts, refusals, latencies,
 * the progress bar. One thread. */
#ifndef METAOPS_INGEST_EMIT_REPORT_H
#define METAOPS_INGEST_EMIT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct emit_report;

/* Where an event was read. */
struct emit_place {
    const char *file;
    uint64_t line;
};

/* has_bar: draw progress on stderr. NULL when memory is short. */
struct emit_report *emit_report_new(bool has_bar);

void emit_report_accepted(struct emit_report *report, uint64_t count);

/* pointer and reason may be NULL, offset -1: unknown. The first 20 are written to stderr. */
void emit_report_refused(struct emit_report *report, struct emit_place place, const char *pointer,
                         int64_t offset, const char *reason);

/* Given up after all tries; the first 20 are written to stderr. */
void emit_report_unavailable(struct emit_report *report, struct emit_place place,
                             const char *reason);

/* The time of one request that was answered with success. */
void emit_report_latency(struct emit_report *report, int64_t us);

/* Events with a result so far. */
uint64_t emit_report_count(const struct emit_report *report);

/* Redraws the bar, at most ten times a second. total_bytes 0: unknown. */
void emit_report_progress(struct emit_report *report, uint64_t done_bytes, uint64_t total_bytes);

/* The summary, as text or as one JSON object. is_complete: all input was read. Returns true when
 * every event was accepted. */
bool emit_report_finish(struct emit_report *report, bool is_complete, bool is_json,
                        bool has_latency, FILE *out);

/* NULL is allowed. */
void emit_report_free(struct emit_report *report);

#endif
