/* refusals.h - the reasons for which the door refuses, and how often it did for one sender.
 *
 * A tally is guarded by its owner's lock. */
#ifndef METAOPS_INGEST_REFUSALS_H
#define METAOPS_INGEST_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct refusal_entry;

enum refusal {
    REFUSAL_MISSING,   /* no key, and one is needed */
    REFUSAL_MALFORMED, /* an Authorization header that is no key */
    REFUSAL_UNKNOWN,   /* a key that nobody made */
    REFUSAL_REVOKED,
    REFUSAL_EXPIRED,
    REFUSAL_NAMESPACE, /* outside the namespaces of the key */
    REFUSAL_RATE,
    REFUSAL_EVENTS_PER_DAY,
    REFUSAL_BYTES_PER_DAY,
    REFUSAL_COUNT
};

struct refusal_row {
    int status;
    const char *word;   /* in reports and metrics */
    const char *detail; /* in the answer */
    int metric;         /* enum metric */
};

extern const struct refusal_row refusals_rows[REFUSAL_COUNT];

struct refusal_tally {
    struct {
        int64_t count;
        int64_t first_us;
        int64_t last_us;
    } of[REFUSAL_COUNT];
};

void refusals_count(struct refusal_tally *tally, enum refusal why, int64_t now_us);

/* Moves what was counted into entries (room for max), with key_id as it is; returns how many. What
 * has no room stays. */
size_t refusals_take(struct refusal_tally *tally, struct str key_id, struct refusal_entry *entries,
                     size_t max);

#endif
