/* replay_postgres.h - what `metaops rebuild` reads and writes in PostgreSQL. See core/replay.h for the face.
 *
 * Two connections: one reads events, holds writers back and exchanges; the other writes the shadow. As the owner: other
 * roles may not. */
#ifndef METAOPS_SINKS_REPLAY_POSTGRES_H
#define METAOPS_SINKS_REPLAY_POSTGRES_H

#include "core/replay.h"

extern const struct replay_ops replay_postgres_ops;

#endif
