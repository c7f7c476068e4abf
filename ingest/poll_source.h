/* poll_source.h - one kind of thing that the role poll fetches from: a row of its table (poll.c).
 *
 * A source runs on threads of its own and hands over what it reads to publish; it is started, looked at, stopped and freed by
 * the role's main thread. The functions get what start made. */
#ifndef METAOPS_INGEST_POLL_SOURCE_H
#define METAOPS_INGEST_POLL_SOURCE_H

#include <stdbool.h>

#include "core/err.h"

/* Who sent what poll reads, as records say. */
#define POLL_PRINCIPAL "metaops-poll"

struct publish;
struct settings;

struct poll_source {
    const char *name;
    const char *switches; /* the settings that switch it on, for people */

    bool (*is_wanted)(const struct settings *st);

    /* st and publish must outlive it. FATAL for bad settings. *out_source may be set then, too: it is to be stopped and freed all
     * the same, because publish may hold records of the threads that ran already. */
    enum verdict (*start)(const struct settings *st, struct publish *publish, void **out_source,
                          struct err *err);

    /* Whether its threads go round. */
    bool (*is_alive)(const void *source);

    /* Reads nothing more, and waits up to timeout_ms for what was read. publish must still run. */
    void (*stop)(void *source, int timeout_ms);

    /* After publish_stop: until then publish may still call back. NULL is allowed. */
    void (*free)(void *source);
};

#endif
