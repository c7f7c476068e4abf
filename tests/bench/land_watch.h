/* land_watch.h - what the store says, over one connection of its own. One thread; blocks, except
 * land_watch_ask and land_watch_answer. */
#ifndef METAOPS_BENCH_LAND_WATCH_H
#define METAOPS_BENCH_LAND_WATCH_H

#include "tests/bench/load_set.h"

#define LAND_WATCH_ASK_MAX 512

struct land_watch;

struct land_watch_store {
    int64_t records; /* sum of the stored next offsets: Kafka records dealt with */
    int64_t events;  /* event ids */
    int64_t dead_letters;
    int64_t bytes; /* of schema graph: tables, indexes, TOAST */
};

/* Accounts for the events of a load set, by event id. */
struct land_watch_account {
    int64_t accepted;
    int64_t landed;       /* of the accepted */
    int64_t dead_letters; /* of the accepted, and not landed */
    int64_t lost;         /* of the accepted, neither */
    int64_t uninvited;    /* landed, but never answered 201 (after 503 a broker may have it) */
    int64_t rows;         /* rows of graph.events with an accepted id: each must be there once */
};

MUST_CHECK enum verdict land_watch_open(const char *conninfo, struct land_watch **out_watch,
                                        struct err *err);

/* Cheap: the records only. */
MUST_CHECK enum verdict land_watch_records(struct land_watch *watch, int64_t *out_records,
                                           struct err *err);

/* Everything; reads whole tables. */
MUST_CHECK enum verdict land_watch_store(struct land_watch *watch,
                                         struct land_watch_store *out_store, struct err *err);

MUST_CHECK enum verdict land_watch_account(struct land_watch *watch, struct load_set *set,
                                           struct land_watch_account *out_account, struct err *err);

/* Asks which of at most LAND_WATCH_ASK_MAX ids have landed; does nothing while an answer is
 * awaited. */
MUST_CHECK enum verdict land_watch_ask(struct land_watch *watch, const uint8_t (*ids)[16],
                                       size_t count, struct err *err);

bool land_watch_is_asking(const struct land_watch *watch);

/* Takes the answer if it is there: the ids that have landed, at most LAND_WATCH_ASK_MAX. */
MUST_CHECK enum verdict land_watch_answer(struct land_watch *watch, uint8_t (*out_ids)[16],
                                          size_t *out_count, struct err *err);

/* The floor: COPY of the bodies of the set's block, each once, at most events_max, into a new plain
 * table in one transaction; events per second until COMMIT is answered. The table is dropped. */
MUST_CHECK enum verdict land_watch_floor(struct land_watch *watch, const struct load_set *set,
                                         size_t events_max, double *out_per_s, struct err *err);

/* NULL is allowed. */
void land_watch_close(struct land_watch *watch);

#endif
