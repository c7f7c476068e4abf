/* audit_heads.h - heads of the audit chains, signed: what a chain's last row was at a time, told to the outside, so that
 * a chain that was rewritten as a whole, or cut at its end, cannot pass.
 *
 * An export is one line of JSON: {"format":"metaops.audit-heads.v1","at":TIME,"heads":[...],"key":ID,"signature":HEX}.
 * A head is {"cluster":..,"topic":..,"partition":..,"sequence":..,"hash":..}, the operators' chain one of
 * {"acts":true,"sequence":..,"hash":..}. The signature (Ed25519) is over the bytes of the line before `,"signature":`.
 * The key's id is the first 16 digits of the SHA-256 of its public half. */
#ifndef METAOPS_SINKS_AUDIT_HEADS_H
#define METAOPS_SINKS_AUDIT_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "schemas/audit_chain.h"

struct audit_head {
    bool is_acts; /* of the operators' chain; then it has no names */
    struct str cluster_id;
    struct str topic;
    int32_t partition;
    int64_t sequence;
    struct audit_hash hash;
    struct str at;
    bool is_met; /* the caller's: looked up */
};

/* Of all exports of a file, sorted by chain and sequence. */
struct audit_heads {
    struct audit_head *items;
    size_t count;
    size_t capacity;
    size_t exports;
    struct str first_at;
    struct str last_at;
    struct arena *arena;
};

struct audit_key;

/* Reads an Ed25519 key, PEM, private or public. needs_private: a public one will not do, and nobody but its owner may
 * read the file (mode 0600 or less). FATAL with the reason when it is none. The caller frees with audit_heads_key_free. */
MUST_CHECK enum verdict audit_heads_key_read(const char *path, bool needs_private,
                                             struct audit_key **out_key, struct err *err);
void audit_heads_key_free(struct audit_key *key);

/* One export as a line without its end, malloc'd, the caller's. RETRY when memory is short. */
MUST_CHECK enum verdict audit_heads_write(const struct audit_head *heads, size_t count,
                                          int64_t at_us, const struct audit_key *key,
                                          char **out_line, struct err *err);

/* Reads a file of exports and checks every signature. REJECT with the line that is no export or whose signature is not
 * by this key. *heads is zeroed before; free with audit_heads_fini in any case. */
MUST_CHECK enum verdict audit_heads_read(const char *path, const struct audit_key *key,
                                         struct audit_heads *heads, struct err *err);

/* The heads of one chain, by sequence: *out_count of them. cluster_id.ptr NULL: of the operators' chain. */
struct audit_head *audit_heads_of(const struct audit_heads *heads, struct str cluster_id,
                                  struct str topic, int32_t partition, size_t *out_count);

void audit_heads_fini(struct audit_heads *heads);

#endif
