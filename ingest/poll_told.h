/* poll_told.h - an event of our own on its way to Kafka: kept, and handed over again, until Kafka has it.
 *
 * One event at a time; the thread that owns it calls these functions, the producer's thread only sets the state. */
#ifndef METAOPS_INGEST_POLL_TOLD_H
#define METAOPS_INGEST_POLL_TOLD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ingest/publish.h"

enum poll_told_state {
    TOLD_IS_DONE, /* also at first */
    TOLD_IS_SENT, /* its result comes on another thread */
    TOLD_WAITS,   /* to be handed over, first or again */
    TOLD_IS_LOST, /* Kafka never takes it */
};

enum poll_told_end { TOLD_NOTHING, TOLD_KEPT, TOLD_LOST };

struct poll_told {
    struct publish_record record; /* first: its callback gets this pointer */
    struct str text;              /* malloc'd */
    atomic_int state;
    enum poll_told_end end; /* of the last one */
};

/* Takes over text (malloc'd), the next event; the one before must be done. */
void poll_told_take(struct poll_told *told, struct str text);

/* Hands over what waits. True: it is done, and the next one may come; what was lost is said in the log, as what it was. */
bool poll_told_turn(struct poll_told *told, struct publish *publish, const char *what);

/* What became of the last one; once, then nothing until the next has come to its end. */
enum poll_told_end poll_told_take_end(struct poll_told *told);

/* After publish_stop. A zeroed one is fine. */
void poll_told_fini(struct poll_told *told);

#endif
