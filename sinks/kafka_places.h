/* kafka_places.h - how far each source partition has got, read out of the topic that was written.
 *
 * Every record of the topic names its source record and an offset before which all of that source
 * partition had been dealt with. The largest of these, or what the group committed if that is more,
 * is where to go on; records behind it that are there already are found by their ids. Read are the
 * last worker.known_ids_max / 2 records over all partitions, at least twice worker.batch_events_max
 * of each: the window within which copies of an event are known.
 *
 * Not thread-safe: sink_kafka.c has the lock. */
#ifndef METAOPS_SINKS_KAFKA_PLACES_H
#define METAOPS_SINKS_KAFKA_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct framing;
struct kafka_places;
struct known_set;
struct settings;

/* partitions of kafka.topic_enriched. written learns the ids of what is there. All outlive the
 * places. RETRY when memory is short, FATAL for bad settings. */
MUST_CHECK enum verdict kafka_places_open(const struct settings *st, int partitions,
                                          struct framing *framing, struct known_set *written,
                                          struct kafka_places **out_places, struct err *err);

/* Reads what is new in the topic and places the partition; *out_next is -1 when nothing is known of
 * it. Blocks. RETRY when Kafka or the schema registry is away. */
MUST_CHECK enum verdict kafka_places_load(struct kafka_places *places, struct str topic,
                                          int32_t partition, int64_t *out_next, struct err *err);

/* Does the partition stand there? */
bool kafka_places_is_at(struct kafka_places *places, struct str topic, int32_t partition,
                        int64_t offset);

/* It stands there now: set at the start, or all before next is dealt with. RETRY: memory. */
MUST_CHECK enum verdict kafka_places_move(struct kafka_places *places, struct str topic,
                                          int32_t partition, int64_t next, struct err *err);

/* Nobody knows where it stands until it is loaded. */
void kafka_places_forget(struct kafka_places *places, struct str topic, int32_t partition);

/* NULL is allowed. */
void kafka_places_close(struct kafka_places *places);

#endif
