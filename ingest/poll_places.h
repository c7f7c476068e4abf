/* poll_places.h - records that were read and are not confirmed yet, by partition and in order of their offsets, and how
 * far each partition is confirmed without a gap.
 *
 * One thread owns the places; only a slot's result may be set by another. */
#ifndef METAOPS_INGEST_POLL_PLACES_H
#define METAOPS_INGEST_POLL_PLACES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/kafka_consumer.h"
#include "ingest/publish.h"

enum slot_state {
    SLOT_WAITS,   /* to be handed over, first or again */
    SLOT_IS_SENT, /* its result comes on another thread */
    SLOT_FAILED,  /* to be handed over again */
    SLOT_REFUSED, /* Kafka never takes it: a dead letter is due */
    SLOT_IS_DONE,
};

struct poll_place;

struct poll_slot {
    struct publish_record record; /* first: its callback gets this pointer */
    struct kafka_record source;
    struct poll_slot *next; /* of its partition, by offset */
    atomic_int state;
    bool is_letter;
    bool is_bare; /* a letter without its value */
};

struct poll_places {
    struct poll_place *first;
    size_t count;
    size_t slots;
    size_t bytes;
};

/* A partition that is read from now on. False when memory is short. */
bool poll_places_open(struct poll_places *places, const char *topic, int32_t partition);

/* It is read no more: its slots are let go as soon as nobody else has them. */
void poll_places_leave(struct poll_places *places, const char *topic, int32_t partition);

/* Takes over a record, the next of its partition. NULL when memory is short or the partition is not read; then the record is
 * still the caller's. */
struct poll_slot *poll_places_add(struct poll_places *places, struct kafka_record *record,
                                  void (*done)(struct publish_record *record, enum verdict verdict,
                                               int32_t partition, int64_t offset));

/* Lets go what is done at the beginning of each partition, and all of those that were left. */
void poll_places_reap(struct poll_places *places);

/* Calls each for the slots that wait or failed, of partitions that are read, in order. */
void poll_places_each_due(struct poll_places *places,
                          void (*each)(void *arg, struct poll_slot *slot), void *arg);

/* Those that are read, malloc'd, the caller's; the offset is the one to commit. With only_news only those confirmed
 * further than poll_places_settle was told. NULL when memory is short or there are none. */
struct kafka_partition *poll_places_list(const struct poll_places *places, bool only_news,
                                         size_t *out_count);

/* These have been committed so far. */
void poll_places_settle(struct poll_places *places, const struct kafka_partition *partitions,
                        size_t count);

/* Frees everything, whatever its state: nobody else has a slot any more. */
void poll_places_free(struct poll_places *places);

#endif
