/* emit_spool.h - `metaops emit --spool DIR`: ships what emitters that are gone have left in a spool,
 * or in the destinations' directories right below it, under their own names and numbers. */
#ifndef METAOPS_INGEST_EMIT_SPOOL_H
#define METAOPS_INGEST_EMIT_SPOOL_H

struct emit_options;
struct settings;

/* Blocks until nothing is left that can be taken over (what living processes hold is theirs to
 * ship), or until the backend takes nothing for about 15 s. Summary on stdout, reasons on stderr.
 * Returns an enum exit_code: OK when all was shipped and none refused or dropped. */
int emit_spool_run(const struct settings *st, const struct emit_options *options);

#endif
