/* facet_cache.h - facets repeat endlessly: from the bytes of a facet to what is known of it.
 *
 * Keyed by a 128-bit hash (XXH3 with a secret of the process, so that nobody can make two facets
 * meet) of the facet's bytes as received. Saves sorting, writing and digesting the same facet
 * again. Of fixed size; may forget. One thread. */
#ifndef METAOPS_PROCESSORS_FACET_CACHE_H
#define METAOPS_PROCESSORS_FACET_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"

struct facet_cache;

struct facet_known {
    struct id128 digest;
    struct str family; /* ptr NULL: the facet names no producer, the event's counts */
    bool is_deleted;
};

struct facet_cache *facet_cache_new(void);

/* What is known of a facet with these bytes, or NULL. Valid until the next put. */
const struct facet_known *facet_cache_find(struct facet_cache *cache, struct str raw);

/* Remembers; family is copied. May do nothing when memory is short. */
void facet_cache_put(struct facet_cache *cache, struct str raw, const struct facet_known *known);

/* NULL is allowed. */
void facet_cache_free(struct facet_cache *cache);

#endif
