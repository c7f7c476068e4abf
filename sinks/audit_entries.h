/* audit_entries.h - the entries of one or more chains by their digests, to be matched with rows of the store.
 *
 * Filled with the rows of the chains in their order, then asked for every digest that the store gives: what is asked and
 * not there was altered or inserted, what is there and never asked was altered or removed. 28 bytes an entry. One thread. */
#ifndef METAOPS_SINKS_AUDIT_ENTRIES_H
#define METAOPS_SINKS_AUDIT_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"

/* A row of a chain, as far as its entries need it. */
struct audit_link {
    uint32_t stream; /* the caller's number of the chain */
    int16_t kind;
    int64_t sequence;
    int64_t from_offset;
    int64_t next_offset;
    int64_t received_from_us;
    size_t first; /* its entries */
    size_t count;
};

struct audit_entry {
    struct id128 digest;
    uint32_t link;
    bool is_met;
};

struct audit_entries {
    struct audit_link *links;
    size_t link_count;
    size_t link_capacity;
    struct audit_entry *items;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* by digest: number of the entry and one, 0 is free */
    size_t slot_count;
};

/* Adds a row with count digests; link's first and count are set here. RETRY when memory is short. */
MUST_CHECK enum verdict audit_entries_add(struct audit_entries *entries,
                                          const struct audit_link *link,
                                          const struct id128 *digests, size_t count,
                                          struct err *err);

/* Makes the entries findable, once all are added. */
MUST_CHECK enum verdict audit_entries_index(struct audit_entries *entries, struct err *err);

/* Marks an entry with that digest that was not met before; false when there is none. */
bool audit_entries_meet(struct audit_entries *entries, struct id128 digest);

/* An entry not met, in a row of the chain that covers the offset: what the row at that offset should have given. Marks
 * it; NULL when there is none. */
const struct audit_link *audit_entries_pair(struct audit_entries *entries, int64_t kafka_offset);

/* Forgets all, keeps the memory. */
void audit_entries_reset(struct audit_entries *entries);
void audit_entries_fini(struct audit_entries *entries);

#endif
