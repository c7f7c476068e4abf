/* migrate.h - `metaops migrate`: brings the database, and with --kafka the topics, to what this program
 * needs.
 *
 * Files of schemas/postgres in order, each in one transaction under an advisory lock, recorded with
 * the SHA-256 of its text in metaops.schema_migrations: a recorded file must never change. */
#ifndef METAOPS_SINKS_MIGRATE_H
#define METAOPS_SINKS_MIGRATE_H

#include "core/err.h"

struct pg_conn;
struct settings;

/* `migrate [--list | --kafka | --schemas]`. Returns an exit code. */
int migrate_run(const struct settings *st, int argc, char **argv);

/* Does the database have exactly the files this program carries? OK; FATAL with what is missing (mend: metaops
 * migrate) or unknown (the database is newer); RETRY when it cannot be asked. */
MUST_CHECK enum verdict migrate_check(struct pg_conn *pg, struct err *err);

#endif
