/* audit_heads.h - heads of the audit chains, signed: what a chain's last row was at a time, told to the outside, so that
 * a chain that was rewritten as a whole, or cut at its end, cannot pass.
 *
 * An export is one line of JSON: {"format":"metaops.audit-heads.v1","at":TIME,"heads":[...],"key":ID,"signature":HEX}.
 * A head is {"cluster":..,"topic":..,"partition":..,"sequence":..,"hash":..}, the operators' chain one of
 * {"acts":true,"sequence":..,"hash":..}. The signature (Ed25519) is over the bytes of the line before `,"signature":`;
 * the key's id is audit_key_id. One thread. */
#ifndef METAOPS_SINKS_AUDIT_HEADS_H
#define METAOPS_SINKS_AUDIT_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_key.h"
#include "core/arena.h"
#include "core/err.h"
#include "schemas/audit_chain.h"

struct settings;

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

/* Of all exports that were read, sorted by chain and sequence. */
struct audit_heads {
    struct audit_head *items;
    size_t count;
    size_t capacity;
    size_t exports;
    size_t
        cut_lines; /* the beginnings of exports, as a crash or a full disk leaves them: not counted as exports */
    struct str first_at;
    struct str last_at;
    struct arena *arena;
};

/* One export as a line without its end, malloc'd, the caller's. RETRY when memory is short. */
MUST_CHECK enum verdict audit_heads_write(const struct audit_head *heads, size_t count,
                                          int64_t at_us, const struct audit_key *key,
                                          char **out_line, struct err *err);

/* An empty list. RETRY when memory is short. Free with audit_heads_fini in any case. */
MUST_CHECK enum verdict audit_heads_init(struct audit_heads *heads, struct err *err);

/* Adds the heads of one line. REJECT when it is no export, or its signature is not by this key. */
MUST_CHECK enum verdict audit_heads_add(struct audit_heads *heads, struct str line,
                                        const struct audit_key *key, struct err *err);

/* Once all are added. */
void audit_heads_sort(struct audit_heads *heads);

/* The heads of one chain, by sequence: *out_count of them. cluster_id.ptr NULL: of the operators' chain. */
struct audit_head *audit_heads_of(const struct audit_heads *heads, struct str cluster_id,
                                  struct str topic, int32_t partition, size_t *out_count);

void audit_heads_fini(struct audit_heads *heads);

/* audit_heads_read.c: every export of a file, or of the topic kafka.topic_audit_heads. REJECT with the line or offset
 * of one that audit_heads_add refuses; RETRY when Kafka is away. Block. */
MUST_CHECK enum verdict audit_heads_read_file(struct audit_heads *heads, const char *path,
                                              const struct audit_key *key, struct err *err);
MUST_CHECK enum verdict audit_heads_read_topic(struct audit_heads *heads, const struct settings *st,
                                               const struct audit_key *key, struct err *err);

#endif
