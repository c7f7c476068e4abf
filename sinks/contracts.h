/* contracts.h - `metaops contracts`: what is declared of datasets, and what of it holds. */
#ifndef METAOPS_SINKS_CONTRACTS_H
#define METAOPS_SINKS_CONTRACTS_H

#include "core/err.h"

struct settings;
struct pg_conn;

#define CONTRACTS_HELP                                                                             \
    "  list    each dataset under a contract: holds, broken, or waits for its first event\n"       \
    "  check   judge a file without a database; without FILE that of alerts.contracts_file\n"      \
    "  load    make what stands in the file what holds, at once (the alerter does so when it\n"    \
    "          starts and when its file changes)\n"                                                \
    "  --json  one JSON object a line (list)\n"                                                    \
    "Exit code 1: the file is wrong, or list shows a broken contract.\n"

/* The command. Returns its exit code. */
int contracts_run(const struct settings *st, int argc, char **argv);

/* Loads the file of alerts.contracts_file into the store; blocks. out_changed: contracts that are new, other or gone. FATAL:
 * the file cannot be used, and what held before holds on. */
MUST_CHECK enum verdict contracts_load(struct pg_conn *pg, const char *path, int *out_changed,
                                       struct err *err);

#endif
