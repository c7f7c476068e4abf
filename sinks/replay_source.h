/* replay_source.h - events as they are stored, their bodies unfolded.
 *
 * Reads through a cursor in chunks, so that memory stays small whatever there is to read; a large body comes alone.
 * One thread; everything blocks. */
#ifndef METAOPS_SINKS_REPLAY_SOURCE_H
#define METAOPS_SINKS_REPLAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

struct pg_conn;
struct replay_source;

#define REPLAY_SOURCE_ROWS_MAX 500

struct replay_row {
    struct id128 id;
    int64_t event_time_us;
    bool has_run;
    struct id128 run;
    struct id128 statement;
    struct str event_type;    /* ptr NULL: none */
    struct str facet_digests; /* 16 bytes each; ptr NULL: none */
    struct str body;          /* ptr NULL: it is gone */
};

/* pg is used, not owned. RETRY when memory is short. */
MUST_CHECK enum verdict replay_source_new(struct pg_conn *pg, struct replay_source **out_source,
                                          struct err *err);

/* The next rows of the open cursor `bodies`; *out_count 0: that was all. Rows are valid until the next call. */
MUST_CHECK enum verdict replay_source_next(struct replay_source *source,
                                           const struct replay_row **out_rows, size_t *out_count,
                                           struct err *err);

/* NULL is allowed. */
void replay_source_free(struct replay_source *source);

#endif
