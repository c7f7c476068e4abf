/* replay_bases.h - bodies that others are stored against (graph.body_bases), at hand while events are read.
 *
 * Events of one time share few bases: they are fetched once and forgotten all together when they take too much. One
 * thread. */
#ifndef METAOPS_SINKS_REPLAY_BASES_H
#define METAOPS_SINKS_REPLAY_BASES_H

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

struct pg_conn;
struct replay_bases;

/* NULL when memory is short. */
struct replay_bases *replay_bases_new(void);

/* Fetches those of ids (count, repetitions allowed) that are not at hand. May forget others. */
MUST_CHECK enum verdict replay_bases_fetch(struct replay_bases *bases, struct pg_conn *pg,
                                           const struct id128 *ids, size_t count, struct err *err);

/* One of the last fetch; ptr NULL when there is none. Valid until the next fetch. */
struct str replay_bases_find(const struct replay_bases *bases, struct id128 id);

/* NULL is allowed. */
void replay_bases_free(struct replay_bases *bases);

#endif
