/* emit_options.h - what the words behind `metaops emit` ask for; shared by emit*.c. */
#ifndef METAOPS_INGEST_EMIT_OPTIONS_H
#define METAOPS_INGEST_EMIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct emit_report;
struct event_lines;
struct settings;

struct emit_options {
    const char *url;
    const char *spool;  /* NULL: events come from files */
    const char **files; /* NULL-ended; the array is owned, the words are argv's */
    int64_t window;
    int64_t batch;
    int64_t rate_per_s; /* 0: no limit */
    int64_t retries;
    bool to_kafka;
    bool has_latency;
    bool is_json;
    bool is_quiet;
};

/* What a way of sending needs. */
struct emit_job {
    const struct settings *st;
    const struct emit_options *options;
    struct event_lines *lines;
    struct emit_report *report;
};

/* REJECT with the reason for words that are not understood. */
MUST_CHECK enum verdict emit_options_read(int argc, char **argv, struct emit_options *out_options,
                                          struct err *err);
void emit_options_fini(struct emit_options *options);

/* Milliseconds to wait before try number `tries` + 1 (tries from 1): doubles from 100 ms to 5 s,
 * half of it by chance, so that many senders do not come back at once; at least what the server
 * asked for, up to 30 s. */
int emit_options_backoff_ms(int64_t tries, int retry_after_s);

/* When event number count (from 0) may go, by the monotonic clock. */
int64_t emit_options_due_us(const struct emit_options *options, int64_t start_us, uint64_t count);

#endif
