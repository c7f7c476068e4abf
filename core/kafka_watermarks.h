/* kafka_watermarks.h - where the partitions of a topic begin and end, asked again and again through one handle, for
 * displays. One thread. */
#ifndef METAOPS_CORE_KAFKA_WATERMARKS_H
#define METAOPS_CORE_KAFKA_WATERMARKS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct kafka_watermarks;
struct settings;

/* Offsets of the first record that is there and of the next one to come. */
struct kafka_watermark {
    int32_t partition;
    int64_t low;
    int64_t high;
};

/* Connects in the background. FATAL for bad settings. */
MUST_CHECK enum verdict kafka_watermarks_open(const struct settings *st,
                                              struct kafka_watermarks **out_watermarks,
                                              struct err *err);

/* The cluster's id, into 64 bytes. Blocks up to timeout_ms. OK or RETRY. */
MUST_CHECK enum verdict kafka_watermarks_cluster(struct kafka_watermarks *watermarks,
                                                 int timeout_ms, char *out_id, struct err *err);

/* All partitions of topic in order, malloc'd, the caller's; none when the topic is not there. Blocks up to
 * timeout_ms in all. RETRY when the cluster does not answer in time. */
MUST_CHECK enum verdict kafka_watermarks_ask(struct kafka_watermarks *watermarks, const char *topic,
                                             int timeout_ms,
                                             struct kafka_watermark **out_partitions,
                                             size_t *out_count, struct err *err);

/* Blocks up to about 2 s. NULL is allowed. */
void kafka_watermarks_close(struct kafka_watermarks *watermarks);

#endif
