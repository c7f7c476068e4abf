/* pg_conn.h - a connection to PostgreSQL with the session settings that everything of ours relies on.
 *
 * struct pg_conn and struct pg_result are libpq's own PGconn and PGresult, so that sinks/pg_*.c may use
 * libpq on them directly; other files need the functions below only. One thread per connection.
 * Everything here blocks: connecting up to 5 s per host, statements up to postgres.statement_timeout_ms. */
#ifndef METAOPS_SINKS_PG_CONN_H
#define METAOPS_SINKS_PG_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct pg_conn;
struct pg_result;
struct settings;

/* Connects by postgres.conninfo (empty: libpq's PG* variables) and sets time-outs, UTC, UTF8 and jit
 * off for the session; the server's notices go to the debug log. PG_CONN_READ is content with a standby or a
 * role that may only read. Closes with pg_conn_close. RETRY
 * when the server cannot be reached or refuses; FATAL when the conninfo cannot be read. */
enum pg_conn_use { PG_CONN_WRITE, PG_CONN_READ };
MUST_CHECK enum verdict pg_conn_open(const struct settings *st, enum pg_conn_use use,
                                     const char *application_name, struct pg_conn **out_pg,
                                     struct err *err);

/* Runs one or more statements without parameters; several are one transaction unless they say otherwise. */
MUST_CHECK enum verdict pg_conn_exec(struct pg_conn *pg, const char *sql, struct err *err);

/* Runs one statement with text parameters (NULL: SQL null). The caller frees *out_result with pg_conn_clear. */
MUST_CHECK enum verdict pg_conn_query(struct pg_conn *pg, const char *sql, int param_count,
                                      const char *const *params, struct pg_result **out_result,
                                      struct err *err);

/* After a transaction or statement that ended with verdict and err: true, a second later, when it failed only because
 * others held its locks (55P03) or it was the one to give way in a deadlock (40P01), and *tries_left, one less now, was
 * not 0. The caller has rolled back. Others come first: who waits in their way for less than deadlock_timeout or
 * lock_timeout at a time does not stop them. */
bool pg_conn_may_try_again(enum verdict verdict, const struct err *err, int *tries_left);

/* Fills err from a failed result (NULL: from the connection) and returns the verdict of its SQLSTATE. The
 * text never quotes data: where the server's message could, only state and object names are given. */
enum verdict pg_conn_fault(const struct pg_conn *pg, const struct pg_result *result,
                           struct err *err);

/* Waits until PQgetResult has something to say (a result, an end, a loss) and will not block. RETRY after
 * statement_timeout and ANSWER_GRACE_MS without a byte: no statement takes longer, so nobody is at the other end,
 * and the connection is of no more use though it does not say so. */
MUST_CHECK enum verdict pg_conn_await(struct pg_conn *pg, int64_t statement_timeout_ms,
                                      struct err *err);

/* How far others on the way could read or change what passes; in words into text. LOCAL: a socket or the loopback.
 * UNVERIFIED: encrypted, but nobody looked whose certificate it is (sslmode other than verify-full). */
enum pg_conn_safety { PG_CONN_LOCAL, PG_CONN_PLAIN, PG_CONN_UNVERIFIED, PG_CONN_VERIFIED };
enum pg_conn_safety pg_conn_safety(const struct pg_conn *pg, char *text, size_t size);

/* The socket, to wait for notifications with others; -1 when the connection is lost. */
int pg_conn_socket(const struct pg_conn *pg);

/* Whether a channel that this session listens to was notified since the last call. Does not block. */
bool pg_conn_was_notified(struct pg_conn *pg);

/* True when the connection is of no more use: close it and open another. */
bool pg_conn_is_broken(const struct pg_conn *pg);

/* Rows of a result; a value as text, NULL for SQL null. Valid until pg_conn_clear. */
int pg_conn_rows(const struct pg_result *result);
const char *pg_conn_value(const struct pg_result *result, int row, int column);

/* NULL is allowed for both. */
void pg_conn_clear(struct pg_result *result);
void pg_conn_close(struct pg_conn *pg);

#endif
