/* replay.h - the face that a store shows to `metaops rebuild`: it gives the bodies that it keeps, takes the rows that
 * are made of them into a shadow of the graph, and exchanges the graph's content for the shadow's.
 *
 *   open; for each stretch read, then next and write in turn until next gives nothing; exchange; close
 *   stretches: stored, arrived as often as one likes, compare, arrived again, last
 *
 * One thread. A rebuild that ends before exchange has changed nothing that anybody reads. */
#ifndef METAOPS_CORE_REPLAY_H
#define METAOPS_CORE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "id128.h"
#include "str.h"

struct graph_batch;
struct replay;
struct settings;

enum replay_stretch {
    REPLAY_STORED,  /* every event that is there now */
    REPLAY_ARRIVED, /* those that came since the stretch before, and perhaps a few of that one */
    REPLAY_LAST     /* the same, and from here to the exchange nobody else writes */
};

struct replay_body {
    struct id128 event_id;
    struct str body; /* ptr NULL: it is not kept any more. Valid until the next call of next. */
};

/* What the exchange did to one table. */
struct replay_change {
    const char *table;
    int64_t added;
    int64_t changed;
    int64_t removed;
};

struct replay_ops {
    /* Makes an empty shadow. RETRY when the store is away; FATAL when another rebuild is at work, or this role may
     * not do it. st must outlive the replay. */
    enum verdict (*open)(const struct settings *st, struct replay **out_replay, struct err *err);

    /* Begins a stretch. */
    enum verdict (*read)(struct replay *replay, enum replay_stretch stretch, struct err *err);

    /* At most max bodies of the stretch; *out_count 0: that was all. */
    enum verdict (*next)(struct replay *replay, struct replay_body *bodies, size_t max,
                         size_t *out_count, struct err *err);

    /* Merges what follows from bodies of the last next, in their order, into the shadow; the rest of rows is not
     * looked at. */
    enum verdict (*write)(struct replay *replay, const struct graph_batch *rows, struct err *err);

    /* How many accepted events have no row any more, and with it no body. */
    enum verdict (*lost)(struct replay *replay, int64_t *out_count, struct err *err);

    /* Merges the graph as it is into the shadow, wrong rows as well as right ones. Before compare. */
    enum verdict (*merge)(struct replay *replay, struct err *err);

    /* Finds out, while writers go on, which rows differ: the exchange then looks at these and at what is written from
     * here on, and at nothing else. */
    enum verdict (*compare)(struct replay *replay, struct err *err);

    /* In one step for whoever reads: the graph's content becomes the shadow's. tell is called for each table that
     * was not what it should be. is_dry: everything is put back. */
    enum verdict (*exchange)(struct replay *replay, bool is_dry,
                             void (*tell)(void *arg, const struct replay_change *change), void *arg,
                             struct err *err);

    /* Lets writers go on and removes the shadow. NULL is allowed. */
    void (*close)(struct replay *replay);
};

#endif
