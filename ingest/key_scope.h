/* key_scope.h - the namespaces that a key may write to: patterns, looked at once for each event.
 *
 * Read-only once made: any thread. */
#ifndef METAOPS_INGEST_KEY_SCOPE_H
#define METAOPS_INGEST_KEY_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct key_scope {
    uint64_t serial;      /* unique in the process, unlike the address */
    struct str *patterns; /* one block with the texts: those with a star, then the others, sorted */
    uint32_t count;       /* 0: every namespace */
    uint32_t star_count;
};

/* Copies the patterns (as api_key_scope_match). False when memory is short. */
bool key_scope_init(struct key_scope *scope, const struct str *patterns, uint32_t count);

/* Names are looked up, a few patterns with stars matched, the answer of more remembered for each
 * thread. */
bool key_scope_covers(const struct key_scope *scope, struct str namespace_);

/* A zeroed scope is fine. */
void key_scope_fini(struct key_scope *scope);

/* A number that spreads, for tables of texts that no stranger chooses. */
size_t key_scope_hash(struct str text);

#endif
