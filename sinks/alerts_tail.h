/* alerts_tail.h - follows what becomes of alerts. Blocks until the process is interrupted. */
#ifndef METAOPS_SINKS_ALERTS_TAIL_H
#define METAOPS_SINKS_ALERTS_TAIL_H

#include <stdbool.h>

#include "core/err.h"

struct pg_conn;

/* Each parameter NULL: any. */
struct alerts_tail_filter {
    const char *kind;
    const char *severity;
    const char *namespace_pattern;
};

/* Prints a line for each event from now on. Returns when the database is lost or stdout closed. */
MUST_CHECK enum verdict alerts_tail_run(struct pg_conn *pg, const struct alerts_tail_filter *filter,
                                        bool is_json, struct err *err);

#endif
