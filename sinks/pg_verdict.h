/* pg_verdict.h - the decision for a SQLSTATE: one table. Pure functions, thread-safe. */
#ifndef METAOPS_SINKS_PG_VERDICT_H
#define METAOPS_SINKS_PG_VERDICT_H

#include <stdbool.h>

#include "core/err.h"

/* The verdict for a five character SQLSTATE. NULL or empty means that the connection broke before the
 * server could answer: RETRY. What the table does not know is RETRY; whoever retries has a limit. */
enum verdict pg_verdict_of(const char *sqlstate);

/* True when the work can only be tried again on a new connection. */
bool pg_verdict_needs_reconnect(const char *sqlstate);

/* True when the server's message of this SQLSTATE never quotes values of rows or parameters. */
bool pg_verdict_message_is_safe(const char *sqlstate);

/* The five characters as one number (base 36) for err.code; 0 for NULL or anything malformed. */
int pg_verdict_code(const char *sqlstate);

#endif
