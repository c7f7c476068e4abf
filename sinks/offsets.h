/* offsets.h - `metaops offsets`: where each partition stands in the database, and how to let a stopped one
 * go on. */
#ifndef METAOPS_SINKS_OFFSETS_H
#define METAOPS_SINKS_OFFSETS_H

struct settings;

/* `offsets` lists; `offsets accept [TOPIC [PARTITION]]` lets stopped partitions go on from the first record that the
 * topic still has: what is stored already is recognized as duplicate. Returns an exit code. */
int offsets_run(const struct settings *st, int argc, char **argv);

#endif
