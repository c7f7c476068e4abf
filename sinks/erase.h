/* erase.h - `metaops erase`: the body of an event is taken out of the store, by request and for good.
 *
 * Gone are the body itself, its copy as a base that later bodies are stored against (they are stored anew, by themselves)
 * and the bytes of dead letters of the event. Its row, its id and what the graph has learned from it stay: the same event
 * sent again is still a duplicate, the audit chain still verifies, and the act with its reason is an entry of the
 * operators' chain. A worker that has the body in memory stores no more against it (graph.refuse_erased). */
#ifndef METAOPS_SINKS_ERASE_H
#define METAOPS_SINKS_ERASE_H

struct settings;

#define ERASE_HELP                                                                                 \
    "  EVENT...        ids of events, as metaops.events shows them\n"                              \
    "  --reason TEXT   why; kept for ever with who did it and when (metaops.erasures)\n"           \
    "Takes the bodies out of the store, also where others are stored against them, and the\n"      \
    "bytes of their dead letters. What the graph has learned from them stays: names, edges,\n"     \
    "facets. Topics of Kafka, backups and replicas keep what they hold for as long as they are\n"  \
    "told to; where the records stand is printed. Writers wait for a moment. Run it as the\n"      \
    "owner of the database.\n"

/* The command. Returns its exit code. */
int erase_run(const struct settings *st, int argc, char **argv);

#endif
