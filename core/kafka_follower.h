/* kafka_follower.h - follows a small topic of one partition from its beginning and for ever, without a
 * group: for a topic that each process must know as a whole, such as the changes of API keys.
 *
 * One thread of its own; all callbacks run on it. New records come within milliseconds of being
 * written. A topic that is not there yet is waited for. One of several partitions is
 * refused, as half of it would be missed and the rest has no order. */
#ifndef METAOPS_CORE_KAFKA_FOLLOWER_H
#define METAOPS_CORE_KAFKA_FOLLOWER_H

#include "err.h"

struct kafka_follower;
struct kafka_record;
struct settings;

struct kafka_follower_callbacks {
    void *arg;
    /* Views, valid during the call; a record without value has an empty one. */
    void (*on_record)(void *arg, const struct kafka_record *record);
    /* Whatever was there at the start has been given. Comes again after each restart. */
    void (*on_caught_up)(void *arg);
    /* The topic was deleted, made anew or cut: what it said before counts no more, and it begins
     * again. */
    void (*on_restart)(void *arg);
    /* The topic has so many partitions and is not read; said once, it is asked again until it has
     * one. NULL: only the log tells. */
    void (*on_unfit)(void *arg, int partitions);
};

/* Starts the thread; nothing is waited for. st and topic must outlive the follower. FATAL for bad
 * settings. */
MUST_CHECK enum verdict kafka_follower_start(const struct settings *st, const char *topic,
                                             const struct kafka_follower_callbacks *callbacks,
                                             struct kafka_follower **out_follower, struct err *err);

/* Ends the thread and frees: no callback afterwards. Blocks up to about 3 s when no broker
 * answers. NULL is allowed. */
void kafka_follower_stop(struct kafka_follower *follower);

#endif
