/* audit_rows.h - what a batch adds to the audit chains of its partitions: digests of what the ledger found new.
 *
 * One row per partition and kind, written behind the batch's tables (sql/insert_audit.sql), in their transaction and under
 * its fence. Dead letters and changes of keys are not here: only the database knows which of them are new, so the statements
 * that write them add their rows. */
#ifndef METAOPS_SINKS_AUDIT_ROWS_H
#define METAOPS_SINKS_AUDIT_ROWS_H

#include "core/arena.h"
#include "pg_bind.h"
#include "schemas/audit_chain.h"
#include "schemas/graph_rows.h"

/* Binds insert_audit for kind AUDIT_EVENTS (a row for every partition of the batch, empty where nothing was new, so that
 * each stretch of offsets is stood for) or AUDIT_REFUSALS. Goes by is_stored of the events. RETRY when memory (scratch) is
 * short; FATAL when an event is of no partition of the batch. */
MUST_CHECK enum verdict audit_rows_bind(struct pg_bind *bind, const char *cluster_id,
                                        const struct graph_batch *rows, enum audit_kind kind,
                                        struct arena *scratch, size_t *out_count, struct err *err);

#endif
