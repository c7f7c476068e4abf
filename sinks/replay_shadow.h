/* replay_shadow.h - the shadow of the graph (rebuild/shadow.sql), written by the statements and merge rules of the sink.
 *
 * Has a connection of its own: what it writes is committed at once, and the reader's transaction sees it. One thread;
 * everything blocks. */
#ifndef METAOPS_SINKS_REPLAY_SHADOW_H
#define METAOPS_SINKS_REPLAY_SHADOW_H

#include <stddef.h>

#include "core/err.h"

struct graph_batch;
struct replay_row;
struct replay_shadow;
struct settings;

/* Makes the shadow anew and prepares what writes it. RETRY when PostgreSQL is away; FATAL when the role may not. */
MUST_CHECK enum verdict replay_shadow_open(const struct settings *st,
                                           struct replay_shadow **out_shadow, struct err *err);

/* Merges rows, and notes each event that is not stored (stored, in the order of rows, others between them) as rows say
 * that it should be. */
MUST_CHECK enum verdict replay_shadow_write(struct replay_shadow *shadow,
                                            const struct graph_batch *rows,
                                            const struct replay_row *stored, size_t count,
                                            struct err *err);

/* Merges all rows of the graph. */
MUST_CHECK enum verdict replay_shadow_merge(struct replay_shadow *shadow, struct err *err);

/* Finds the rows that differ from the graph's. They are in doubt from now on, as is every row that is written after. */
MUST_CHECK enum verdict replay_shadow_compare(struct replay_shadow *shadow, struct err *err);

/* Removes the shadow. NULL is allowed. */
void replay_shadow_close(struct replay_shadow *shadow);

#endif
