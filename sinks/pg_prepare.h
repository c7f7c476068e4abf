/* pg_prepare.h - the statements of sinks/sql, each prepared under its file's name.
 *
 * The connection is put into pipeline mode: it then serves the sink alone. */
#ifndef METAOPS_SINKS_PG_PREPARE_H
#define METAOPS_SINKS_PG_PREPARE_H

#include <stdint.h>

#include "core/err.h"

struct pg_conn;
struct pg_result;

/* Prepares every file of sinks/sql and enters pipeline mode. Blocks. FATAL when one does not fit the
 * tables: the schema is older or newer than this program. */
MUST_CHECK enum verdict pg_prepare_all(struct pg_conn *pg, struct err *err);

/* Runs one prepared statement with text parameters, in a transaction of its own. The caller clears *out_result.
 * Waits as pg_conn_await does. */
MUST_CHECK enum verdict pg_prepare_run(struct pg_conn *pg, const char *statement, int param_count,
                                       const char *const *params, int64_t statement_timeout_ms,
                                       struct pg_result **out_result, struct err *err);

#endif
