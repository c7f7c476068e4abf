/* key_feed.h - the changes of API keys as they stand on their topic: all of them from the beginning,
 * then each new one within milliseconds. Used by the gateway and by `metaops keys`. */
#ifndef METAOPS_INGEST_KEY_FEED_H
#define METAOPS_INGEST_KEY_FEED_H

#include <stdbool.h>

#include "core/err.h"

struct key_change;
struct key_feed;
struct settings;

/* Called on the feed's own thread. */
struct key_feed_callbacks {
    void *arg;
    /* Texts live during the call. */
    void (*on_change)(void *arg, const struct key_change *change);
    /* true: what was there is known. false: the topic was made anew, nothing of before counts. */
    void (*on_known)(void *arg, bool is_known);
    /* The topic has so many partitions, not one: it is logged and not read before that changes. */
    void (*on_unfit)(void *arg, int partitions);
};

/* Starts following kafka.topic_keys. st must outlive the feed. FATAL for bad settings or when memory
 * is short. */
MUST_CHECK enum verdict key_feed_start(const struct settings *st,
                                       const struct key_feed_callbacks *callbacks,
                                       struct key_feed **out_feed, struct err *err);

/* No callback afterwards. Blocks up to about 3 s. NULL is allowed. */
void key_feed_stop(struct key_feed *feed);

#endif
