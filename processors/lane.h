/* lane.h - one stream of batches: a pool thread that makes rows and a sink thread that writes them.
 *
 * The consumer thread hands batches in with lane_submit and gets each back from the done queue, in
 * the order in which they ended, with its outcome. When anything went wrong it bumps the epoch: batches of an older
 * epoch come back as LANE_DROPPED without being written. */
#ifndef METAOPS_PROCESSORS_LANE_H
#define METAOPS_PROCESSORS_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/bounded_queue.h"
#include "core/flow.h"
#include "dead_letters.h"
#include "stages.h"

enum lane_outcome {
    LANE_STORED,
    LANE_DROPPED, /* of an older epoch */
    LANE_STALE,   /* built on knowledge that was withdrawn: read again */
    LANE_RESET,   /* the store is away, or the positions moved: read again */
    LANE_STOPPED  /* cannot go on at all */
};

struct lane {
    uint32_t index;
    const struct settings *st;
    const struct sink_ops *ops;
    struct sink *sink;
    struct processor *pr;
    struct known_set *known;
    struct known_set *events;
    struct dead_letters *letters;
    struct framing *framing; /* NULL: no schema registry */
    struct bounded_queue *to_pool;
    struct bounded_queue *to_sink;
    struct bounded_queue *done; /* of struct batch, shared by all lanes */
    atomic_uint_least64_t epoch;
    atomic_int in_flight; /* batches handed in and not yet back */
    pthread_t pool_thread;
    pthread_t sink_thread;
    bool is_started;
};

/* Starts both threads. ops, known, events, letters, framing and done are shared and outlive the lane. */
MUST_CHECK enum verdict lane_start(struct lane *lane, const char *cluster_id, struct err *err);

/* Takes over bt. False when the lane's queue is full: bt is still the caller's. */
bool lane_submit(struct lane *lane, struct batch *bt);

/* Lets the threads finish what they hold, then ends them. */
void lane_stop(struct lane *lane);

/* After stop; a zeroed lane is fine. */
void lane_fini(struct lane *lane);

#endif
