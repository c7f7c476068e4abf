/* lineage.h - `metaops lineage`: what a dataset, a column or a job comes from, or what depends on
 * it, as a tree or for other programs. */
#ifndef METAOPS_SINKS_LINEAGE_H
#define METAOPS_SINKS_LINEAGE_H

struct settings;

/* `[NAMESPACE] NAME [--field F] [--up|--down] [--depth N] [--format tree|mermaid|dot|json]`; argv
 * without the command's own name. Blocks on the database. Returns an exit code: FAILED for a name
 * that nobody knows (similar ones go to stderr), USAGE for other words. */
int lineage_run(const struct settings *st, int argc, char **argv);

#endif
