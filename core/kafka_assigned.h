/* kafka_assigned.h - the partitions that a consumer was given, and how far each was read.
 *
 * One thread: that of the consumer. */
#ifndef METAOPS_CORE_KAFKA_ASSIGNED_H
#define METAOPS_CORE_KAFKA_ASSIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka_consumer.h"

struct rd_kafka_s; /* the library's handle */

struct kafka_assigned_partition {
    char *topic;
    int32_t partition;
    bool paused;
    int64_t next; /* the offset behind the last record handed out, or where to begin */
};

struct kafka_assigned {
    struct kafka_assigned_partition *items;
    size_t count;
    struct kafka_assigned_partition
        *last; /* of the last record: the next is mostly of the same partition */
};

/* Takes over, instead of what there was, what the caller decided about each partition: `wanted` ones at the front,
 * with the offset to begin at. False when memory is short: then part of it is there. */
bool kafka_assigned_set(struct kafka_assigned *assigned, const struct kafka_partition *partitions,
                        size_t count, size_t wanted);

/* NULL: not assigned. */
struct kafka_assigned_partition *kafka_assigned_find(const struct kafka_assigned *assigned,
                                                     const char *topic, int32_t partition);

/* Makes the library read what is assigned: everything that was fetched before is dropped. A paused partition begins
 * at the first offset, which exists, so that it cannot raise a range error before it is used. Returns an error code of
 * the library, 0 for none. */
int kafka_assigned_apply(const struct kafka_assigned *assigned, struct rd_kafka_s *rk);

/* Frees all of it; may be called again. */
void kafka_assigned_forget(struct kafka_assigned *assigned);

#endif
