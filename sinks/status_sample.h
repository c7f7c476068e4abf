/* status_sample.h - one look at the whole pipeline: Kafka's ends, PostgreSQL's offsets, the roles' admin ports. One
 * thread. */
#ifndef METAOPS_SINKS_STATUS_SAMPLE_H
#define METAOPS_SINKS_STATUS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define STATUS_TEXT_BYTES 256 /* as the text of struct err */

struct settings;
struct status_source;

struct status_partition {
    char topic[250];
    int32_t partition;
    int64_t stored_offset;
    int64_t high_offset; /* -1: not known */
    int64_t lag_ms;      /* age of the first record that is not stored; 0: none, -1: not known */
    bool is_stopped;
    char reason[STATUS_TEXT_BYTES]; /* why it is stopped */
};

/* A role as its admin port shows it. Counters are since its start. */
struct status_role {
    bool is_reached;
    bool is_ready;
    char words[STATUS_TEXT_BYTES]; /* why it is not reached or not ready */
    double accepted, refused, unavailable;
    double landed, duplicates, dead_letters;
    double retries, fenced;
};

struct status_sample {
    int64_t at_us; /* by the clock that never jumps */
    struct status_partition *partitions;
    size_t count;
    char kafka_fault[STATUS_TEXT_BYTES]; /* empty: reached */
    char postgres_fault[STATUS_TEXT_BYTES];
    int64_t letters, letters_hour, refusals_hour, database_bytes;
    struct status_role gateway, worker;
};

/* Connects when the first sample is taken, and again after a failure. FATAL for bad settings. */
MUST_CHECK enum verdict status_source_open(const struct settings *st,
                                           struct status_source **out_source, struct err *err);

/* Fills *out, which status_sample_fini frees. What cannot be reached is said in it. Blocks a few seconds at most. */
void status_sample_take(struct status_source *source, struct status_sample *out);
void status_sample_fini(struct status_sample *sample);

/* Without both stores nobody knows how far behind what is. */
bool status_sample_knows_lag(const struct status_sample *sample);

/* Records behind, and the largest age in ms (-1: not known) over all partitions. */
int64_t status_sample_lag_records(const struct status_sample *sample);
int64_t status_sample_lag_ms(const struct status_sample *sample);
size_t status_sample_stopped(const struct status_sample *sample);

/* NULL is allowed. */
void status_source_close(struct status_source *source);

#endif
