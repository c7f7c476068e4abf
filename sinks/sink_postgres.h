/* sink_postgres.h - one PostgreSQL transaction per batch: offset rows (the fence), the ledger of event
 * ids (the judge of duplicates), graph rows, dead letters. See core/flow.h for the face. */
#ifndef METAOPS_SINKS_SINK_POSTGRES_H
#define METAOPS_SINKS_SINK_POSTGRES_H

#include "core/flow.h"

extern const struct sink_ops sink_postgres_ops;

#endif
