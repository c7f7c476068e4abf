/* rebuild.h - `metaops rebuild`: the graph anew from the bodies that are kept, by the code that makes it from Kafka.
 *
 * Bodies go through the stages of stages.h into a shadow of the graph; what arrives meanwhile follows in rounds; the
 * last few while writers wait for a moment. Then the graph's content becomes the shadow's in one transaction. Ledger,
 * positions, dead letters, keys and emitters are not touched. */
#ifndef METAOPS_PROCESSORS_REBUILD_H
#define METAOPS_PROCESSORS_REBUILD_H

struct replay_ops;
struct settings;

#define REBUILD_HELP                                                                               \
    "  --dry-run   says what differs, changes nothing\n"                                           \
    "  --merge     keeps what only events told whose bodies are gone (retention), damaged or "     \
    "refused\n"                                                                                    \
    "              today: the old rows are merged in, as wrong as they may be; without it such\n"  \
    "              events keep a rebuild from changing anything\n"                                 \
    "Reading and ingest go on; writers wait while rows are exchanged (printed as held).\n"         \
    "Exit code 1: nothing was changed; with --dry-run also: something differs.\n"

/* The command. Returns its exit code. */
int rebuild_run(const struct settings *st, const struct replay_ops *ops, int argc, char **argv);

#endif
