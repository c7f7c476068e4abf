/* backoff.h - how long to wait before the next try of what failed. */
#ifndef METAOPS_CORE_BACKOFF_H
#define METAOPS_CORE_BACKOFF_H

#include <stdint.h>

/* first, doubled so many times, but no more than most; in their unit. */
static inline int64_t backoff_doubled(int64_t first, int64_t doublings, int64_t most)
{
    int64_t wait = first;

    for (int64_t i = 0; i < doublings && wait < most; i++) {
        wait *= 2;
    }
    return wait < most ? wait : most;
}

#endif
