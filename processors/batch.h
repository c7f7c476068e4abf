/* batch.h - records of one lane on their way to one transaction.
 *
 * Made by the worker, filled with records by the consumer thread, turned into rows by the pool
 * thread, written by the sink thread, recycled. One thread at a time owns it: whoever took it from
 * the queue. */
#ifndef METAOPS_PROCESSORS_BATCH_H
#define METAOPS_PROCESSORS_BATCH_H

#include <stdint.h>

#include "core/arena.h"
#include "core/kafka_consumer.h"
#include "schemas/graph_rows.h"

struct batch {
    uint32_t lane;
    uint64_t epoch; /* of the lane when the batch was begun; an older one is thrown away */
    uint64_t known_generation; /* of the known content when its rows were made */
    uint64_t events_generation;
    int outcome;   /* enum lane_outcome, when it comes back */
    bool is_extra; /* cut from a batch whose rows grew too large: freed, not recycled */
    int64_t begun_mono_us;
    size_t record_bytes;
    GRAPH_ROWS(struct kafka_record) records;
    struct graph_batch rows; /* positions come from the consumer, the rest from the pool */
    struct arena *arena;     /* texts of rows */
    size_t repeated_bytes;   /* of texts of column edges, which several rows share */
    size_t arena_bytes_soft; /* no further record once this much is used, repeated bytes included */
    struct {                 /* content ids emitted into rows: an open-addressing table */
        struct id128 *slots;
        size_t capacity; /* a power of two */
        size_t count;
    } emitted;
};

/* NULL when memory is short. Texts of rows may take bytes_soft and then one more event of
 * event_bytes_max. */
struct batch *batch_new(uint32_t lane, size_t bytes_soft, size_t event_bytes_max);

/* Gives records back to the Kafka client and forgets rows and texts. */
void batch_reset(struct batch *bt);

/* Remembers that content id is in rows (or known to be stored). True when it was not yet. False
 * for memory short too: then *out_full is set. */
bool batch_emit_once(struct batch *bt, struct id128 id, bool *out_full);

/* NULL is allowed. */
void batch_free(struct batch *bt);

#endif
