/* audit_chain.h - digests and hashes of the audit chain (postgres/0014_audit.sql): what they are made of, to the byte.
 *
 * All numbers are big-endian, as PostgreSQL sends them; times are microseconds since 2000-01-01 in hashes and in
 * digests; a text is its length (4 bytes) and its bytes, or four bytes ff where it is null. Pure functions, thread-safe.
 * The database computes hashes by the same rule when rows are added (graph.audit_hash), so that verifying compares two
 * implementations. Digests of dead letters and of changes of keys are made by SQL alone (sinks/sql/insert_dead_letters.sql).
 */
#ifndef METAOPS_SCHEMAS_AUDIT_CHAIN_H
#define METAOPS_SCHEMAS_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"

#define AUDIT_HASH_BYTES 32
#define AUDIT_HASH_TEXT_BYTES 65 /* 64 digits and the NUL */

enum audit_kind { AUDIT_EVENTS = 1, AUDIT_REFUSALS = 2, AUDIT_LETTERS = 3, AUDIT_KEY_CHANGES = 4 };

struct audit_hash {
    uint8_t bytes[AUDIT_HASH_BYTES];
};

/* How an event came in: what its row says beside what follows from its body, which its id stands for and
 * `metaops rebuild` makes anew. Times are microseconds since 1970 here and below. */
struct audit_event {
    struct id128 id;
    int64_t kafka_offset;
    int64_t received_at_us;
    int16_t source;
    struct str principal;  /* ptr NULL: null */
    struct str emitter_id; /* ptr NULL: null; then epoch and sequence count as 0 */
    int64_t emitter_epoch;
    int64_t emitter_sequence;
    struct str idempotency_key; /* ptr NULL: null */
};

/* First half of SHA-256 of the members in their order. */
struct id128 audit_chain_event(const struct audit_event *event);

/* One entry of a report of refusals. */
struct audit_refusal {
    int32_t ordinal;
    struct str key_id;
    int16_t status;
    struct str reason;
    int64_t count;
    int64_t first_us;
    int64_t last_us;
    struct str gateway;
};

/* Digest of a report: its id, then each entry's members in their order, the entries by their ordinals. */
struct id128 audit_chain_report(struct id128 report_id, const struct audit_refusal *refusals,
                                size_t count);

/* What the first row of a partition's chain follows. */
struct audit_hash audit_chain_genesis(struct str cluster_id, struct str topic, int32_t partition,
                                      int64_t begins_at);

/* A row of graph.audit. */
struct audit_row {
    int64_t sequence;
    int16_t kind; /* enum audit_kind */
    int64_t from_offset;
    int64_t next_offset;
    int64_t received_from_us;
    int64_t received_until_us;
    int64_t written_at_us;
    struct str digests; /* 16 bytes each */
};
struct audit_hash audit_chain_row(struct audit_hash before, const struct audit_row *row);

/* A row of graph.audit_acts; the first one follows 32 zero bytes. */
struct audit_act {
    int64_t sequence;
    int64_t done_at_us;
    struct str kind;
    struct str done_by;
    struct str detail;
};
struct audit_hash audit_chain_act(struct audit_hash before, const struct audit_act *act);

bool audit_chain_equal(struct audit_hash a, struct audit_hash b);

/* 64 hexadecimal digits, and back; false when text is anything else. out holds AUDIT_HASH_TEXT_BYTES. */
void audit_chain_format(struct audit_hash hash, char *out);
bool audit_chain_parse(struct str text, struct audit_hash *out_hash);

#endif
