/* base_cache.h - bodies of one job and event type differ in a few places only: an event is stored
 * as an LZ4 block against an earlier one, its base.
 *
 * 5 kB become about 200 bytes, and SQL can still unfold them (graph.lz4_inflate). The LZ4 block format
 * with a dictionary, by the library; a body of more than BASE_BODY_BYTES_MAX stays as it is. Which base an
 * event meets depends on what this process saw: it never changes what the graph says. One thread. */
#ifndef METAOPS_PROCESSORS_BASE_CACHE_H
#define METAOPS_PROCESSORS_BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/id128.h"

#define BASE_BODY_BYTES_MAX (60u << 10)

/* Retention counts on it: no event is stored against a base that was received longer before or after it. */
#define BASE_AGE_US_MAX (INT64_C(86400) * 1000000)

struct base_cache;

struct base_block {
    struct str block;     /* in the arena given; ptr NULL: store the body as it is */
    struct id128 base;    /* event id of the base */
    struct str base_body; /* valid until the next call; to be stored unless it is known to be */
};

/* At most bytes_max of bodies are kept. NULL when memory is short. */
struct base_cache *base_cache_new(size_t bytes_max);

/* Finds or makes the base for a body of this kind (job and event type, as a digest) and packs body
 * against it. The event becomes the new base of its kind when there was none, it has grown apart or was received more
 * than BASE_AGE_US_MAX from this one. */
struct base_block base_cache_pack(struct base_cache *cache, struct id128 kind,
                                  struct id128 event_id, int64_t received_at_us, struct str body,
                                  struct arena *arena);

/* There is no base for this kind any more: the next body becomes one. */
void base_cache_forget(struct base_cache *cache, struct id128 kind);

/* NULL is allowed. */
void base_cache_free(struct base_cache *cache);

#endif
