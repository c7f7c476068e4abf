/* audit_verify.h - the parts of `metaops audit verify`: all read one snapshot of the database and tell one report.
 *
 * audit_load reads what there is to verify, audit_chains reads chains and hashes them anew, audit_match and audit_reports
 * compare their entries with the rows they stand for, row by row in both directions, audit_ledger compares events with
 * the ledger of ids, audit_bodies bodies with ids. Memory: 28 bytes an entry of the largest partition. One thread; blocks. */
#ifndef METAOPS_SINKS_AUDIT_VERIFY_H
#define METAOPS_SINKS_AUDIT_VERIFY_H

#include <stdbool.h>

#include "audit_entries.h"
#include "audit_heads.h"
#include "audit_report.h"
#include "core/arena.h"

#define AUDIT_VERIFY_KINDS 5 /* enum audit_kind, 0 is none */

struct pg_conn;

/* A chain of graph.audit_streams. */
struct audit_stream {
    char id[16];
    struct str cluster_id;
    struct str topic;
    int32_t partition;
    int64_t begins_at;
    struct audit_hash genesis;
    bool has_position;
    int64_t position;
    bool has_anchor; /* retention has taken rows */
    int64_t anchor_sequence;
    struct audit_hash anchor_hash;
    int64_t anchor_next_offset;
    int64_t anchor_until_us;
    bool has_begun_anew; /* by an act: then an offset does not say when */
    int64_t covers_from; /* set when it is read: the first offset it stands for */
};

/* Offsets that a partition passed without a row of the chain. */
struct audit_gap {
    int64_t from_offset;
    int64_t next_offset;
};

struct audit_accept {
    struct str topic;
    int32_t partition;
    int64_t done_at_us;
};

struct audit_verify {
    struct pg_conn *pg;
    struct audit_report *rp;
    struct audit_heads *heads; /* NULL: none */
    struct arena *arena;
    struct audit_stream *streams;
    size_t stream_count;
    struct audit_accept *accepts;
    size_t accept_count;
    int64_t cutoff_us
        [AUDIT_VERIFY_KINDS]; /* rows received before may be gone; [0] is for ids of events */
    int64_t begun_us;         /* when the store began to keep chains */
    struct audit_entries entries[AUDIT_VERIFY_KINDS];
    struct audit_gap *gaps; /* of the present partition */
    size_t gap_count;
    size_t gap_capacity;
    bool may_read[AUDIT_VERIFY_KINDS]; /* the table of that kind; [0] is the ledger of ids */
    uint64_t rows;
    uint64_t entry_count;
    uint64_t met[AUDIT_VERIFY_KINDS];
    uint64_t expired[AUDIT_VERIFY_KINDS]; /* entries whose rows retention has taken */
    uint64_t before_chain;                /* events older than their chain */
    uint64_t behind_anchor;               /* rows older than what retention left of it */
};

/* Names, positions, anchors, and what acts explain. */
MUST_CHECK enum verdict audit_load(struct audit_verify *av, struct err *err);

/* Did an operator let the partition begin anew in that time? */
bool audit_load_is_accepted(const struct audit_verify *av, const struct audit_stream *stream,
                            int64_t after_us, int64_t until_us);

/* The operators' chain. */
MUST_CHECK enum verdict audit_chains_acts(struct audit_verify *av, struct err *err);

/* Reads one chain into the entries by kind, and its gaps. */
MUST_CHECK enum verdict audit_chains_read(struct audit_verify *av, uint32_t stream,
                                          struct err *err);

/* Every partition's chains against events, letters and changes of keys. */
MUST_CHECK enum verdict audit_match_all(struct audit_verify *av, struct err *err);

/* Entries of this kind that no row met: removed, or expired. */
void audit_match_missing(struct audit_verify *av, enum audit_kind kind, const char *noun,
                         const char *plural);

/* Reports of refusals, once all chains are read: they do not say their partition. */
MUST_CHECK enum verdict audit_reports_match(struct audit_verify *av, struct err *err);

MUST_CHECK enum verdict audit_ledger_ids(struct audit_verify *av, struct err *err);
MUST_CHECK enum verdict audit_bodies_match(struct audit_verify *av, struct err *err);

/* `metaops audit verify` with the words behind it. Returns its exit code. */
struct settings;
int audit_verify_run(const struct settings *st, int argc, char **argv);

#endif
