/* own_postgres.h - a PostgreSQL of the test's own: a new cluster below /tmp that only a Unix socket leads to. As root
 * it runs as user postgres. */
#ifndef METAOPS_TESTS_SUPPORT_OWN_POSTGRES_H
#define METAOPS_TESTS_SUPPORT_OWN_POSTGRES_H

#include <stdbool.h>

struct own_postgres {
    char dir[64];
    char conninfo[160];
};

/* False, with a reason on stderr, when there is none to start. */
bool own_postgres_start(struct own_postgres *pg);

/* Stops it and removes its files. A zeroed struct is fine. */
void own_postgres_stop(struct own_postgres *pg);

#endif
