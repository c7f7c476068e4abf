/* letters_retry.h - publishes the bytes of letters again. */
#ifndef METAOPS_SINKS_LETTERS_RETRY_H
#define METAOPS_SINKS_LETTERS_RETRY_H

#include "core/err.h"

struct pg_conn;
struct pg_result;
struct settings;

/* Each of rows (letters_query_run) to the topic it came from, keyed by its id; what the broker has is marked. What
 * it does not take is told on stderr and counted; so is a topic that is gone. Blocks until all are answered. An
 * error ends the work; what was marked before stays marked. */
MUST_CHECK enum verdict letters_retry_rows(const struct settings *st, struct pg_conn *pg,
                                           const struct pg_result *rows, int *out_sent,
                                           int *out_failed, struct err *err);

#endif
