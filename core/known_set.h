/* known_set.h - the 128-bit ids that are certainly stored in the database.
 *
 * Shared by pool and sink threads. A sink adds an id only after the COMMIT that made it durable;
 * the pool asks before it builds rows. So a hit is a fact and a miss means "do not know": the set
 * may forget (it is bounded), it never invents. When the connection to the database is lost the
 * facts may be stale (a restored backup): the sink calls known_set_clear, which also starts a new
 * generation, and batches built under an older generation must be built again.
 *
 * Two halves of entries_max / 2 ids each: adds go to the young half, a full young half becomes the
 * old one and the old one is forgotten. Sharded mutexes inside; every call is thread-safe and
 * short. */
#ifndef METAOPS_CORE_KNOWN_SET_H
#define METAOPS_CORE_KNOWN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "id128.h"

struct known_set;

/* NULL when memory is short. 20 bytes per entry are reserved at once (touched as it fills). Free
 * with known_set_free. */
struct known_set *known_set_new(size_t entries_max);

/* Read the generation before asking: then a hit belongs to it. The zero id is never known. */
bool known_set_has(struct known_set *set, struct id128 id);

/* As known_set_has, and while there is room what is known goes to the young half again: what is asked for again and
 * again stays, however many ids of single runs pass. Not for a window of the latest ids, which it shortens. */
bool known_set_keeps(struct known_set *set, struct id128 id);

void known_set_add(struct known_set *set, struct id128 id);

/* Forgets all and begins a new generation. */
void known_set_clear(struct known_set *set);

/* The current generation; starts at 1. */
uint64_t known_set_generation(const struct known_set *set);

/* NULL is allowed. */
void known_set_free(struct known_set *set);

#endif
