/* flow.h - who runs where in the worker, and the face that every sink shows.
 *
 *   consumer thread   polls Kafka, cuts records into batches, one stream of batches per lane; owns
 *                     assignment, positions, pausing, the group's commits
 *   pool-N thread     lane N: records -> rows (stages.h); owns decoder, parser, facet cache, body bases
 *   sink-N thread     lane N: rows -> one transaction; owns one connection
 *   audit thread      exports signed heads of the audit chains (audit.key_file); owns one connection
 *
 *   consumer --queue--> pool-N --queue--> sink-N --done queue--> consumer
 *
 * A partition belongs to lane (partition mod lanes), so its batches stay in offset order and at most
 * one transaction of it is open. Batches are recycled; their number per lane bounds memory. Locks
 * are inside queues and known_sets; no two are ever held at once. */
#ifndef METAOPS_CORE_FLOW_H
#define METAOPS_CORE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "id128.h"

struct graph_batch;
struct settings;
struct sink;
struct sink_aside;

/* What the sink knows of a partition of this cluster. */
struct sink_position {
    const char *topic; /* in */
    int32_t partition; /* in */
    bool is_found;
    bool is_elsewhere; /* not found, but another cluster has a row for the topic */
    bool is_stopped;   /* waits for `metaops offsets accept` */
    bool has_last_id;
    int64_t next_offset; /* -1: from the low watermark */
    struct id128 last_id;
};

enum sink_result {
    SINK_STORED, /* committed, or known to be so */
    SINK_AGAIN,  /* rolled back for a passing reason: write the same batch again */
    SINK_RESET, /* unknown or fenced: forget what is in memory of its partitions, read positions anew */
    SINK_UNBASED, /* the body that an event is stored against was erased: its index is in *out_event; as RESET */
    SINK_POISON, /* an event cannot be stored: its index is in *out_event; forget and read again */
    SINK_STOP    /* nothing can be stored any more */
};

/* One sink worker. All calls of one sink come from one thread at a time. */
struct sink_ops {
    const char *name;
    bool takes_events; /* rows.enriched instead of rows of the graph */
    bool may_go_back;  /* its store keeps positions and can be put back to an earlier state */

    /* Does not connect yet. st and cluster_id must outlive the sink. */
    enum verdict (*open)(const struct settings *st, const char *cluster_id, int lane,
                         struct sink **out_sink, struct err *err);

    /* Writes all of rows or nothing, together with the positions. Blocks. SINK_STORED marks the events that
     * the store had before. */
    enum sink_result (*write)(struct sink *sink, struct graph_batch *rows, uint32_t *out_event,
                              struct err *err);

    /* Fills positions. RETRY when the store is away. */
    enum verdict (*load)(struct sink *sink, struct sink_position *positions, size_t count,
                         struct err *err);

    /* Creates rows that were not found (on conflict: leaves them), with next_offset and, when
     * reason is not NULL, marks the partition stopped for that reason. */
    enum verdict (*save)(struct sink *sink, const struct sink_position *position,
                         const char *reason, struct err *err);

    void (*close)(struct sink *sink);

    /* NULL: none. What a process does for its store beside the lanes, on a thread of its own: begun before them, ended
     * behind them. *out_aside may become NULL. */
    enum verdict (*start_aside)(const struct settings *st, struct sink_aside **out_aside,
                                struct err *err);
    void (*stop_aside)(struct sink_aside *aside);
};

#endif
