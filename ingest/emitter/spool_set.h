/* spool_set.h - the segments of one emitter and epoch: the queue between emits and shipping.
 *
 * On disk a set is a directory below the spool, named after the epoch, with a locked file `lock`
 * while somebody has it, `settled` (the number up to which everything is done) and the segments. A
 * set whose process is gone can be adopted: then it is only read. Without a directory it lives in
 * memory.
 *
 * Any thread appends (one at a time is the caller's care); one thread reads and settles; a lock of
 * its own, held over single reads and writes, lies between them. Reading does not move on:
 * settling does, so what was not settled is read again. */
#ifndef METAOPS_INGEST_EMITTER_SPOOL_SET_H
#define METAOPS_INGEST_EMITTER_SPOOL_SET_H

#include <stdbool.h>

#include "core/err.h"
#include "ingest/emitter/fd_book.h"
#include "ingest/emitter/spool_record.h"

#define SPOOL_BATCH_EVENTS_MAX 500
#define SPOOL_GAPS_MAX 64
#define SPOOL_SET_NAME_BYTES 32

struct spool_set;

struct spool_limits {
    size_t bytes_max;
    int64_t age_us_max;
    bool has_fsync;
};

enum spool_gap_reason {
    SPOOL_GAP_NONE,
    SPOOL_GAP_FULL,
    SPOOL_GAP_OLD,
    SPOOL_GAP_DAMAGED,
    SPOOL_GAP_NOT_SPOOLED,
    SPOOL_GAP_REFUSED,
    SPOOL_GAP_MISSING
};

/* Numbers that no event will be shipped for. */
struct spool_gap {
    uint64_t from;
    uint64_t to;
    enum spool_gap_reason reason;
};

struct spool_batch {
    struct spool_identity identity;
    struct spool_record records[SPOOL_BATCH_EVENTS_MAX]; /* numbers without a hole */
    size_t ends[SPOOL_BATCH_EVENTS_MAX];                 /* of each, in its segment */
    size_t count;
    struct spool_gap gap; /* to be reported with it */
    char *bytes;          /* what records refer to; owned */
    size_t size;
    uint64_t segment; /* first number of the one it was read from */
    bool is_adopted;  /* events of a process that is gone */
};

struct spool_counts {
    uint64_t pending;
    uint64_t dropped;
    size_t bytes; /* of all segments */
};

/* A new set below dir_fd (which it does not own), or in memory (dir_fd -1). identity->epoch is the
 * least epoch wanted; a larger one is taken when another set has it. RETRY with the reason. */
MUST_CHECK enum verdict spool_set_create(int dir_fd, struct fd_book *book,
                                         const struct spool_identity *identity,
                                         const struct spool_limits *limits,
                                         struct spool_set **out_set, struct err *err);

/* Takes over a set that nobody holds. REJECT when somebody does, or when it is none or not the
 * effective user's (any user's with is_any_owner); RETRY with the reason. */
MUST_CHECK enum verdict spool_set_adopt(int dir_fd, struct fd_book *book, const char *name,
                                        bool is_any_owner, const struct spool_limits *limits,
                                        struct spool_set **out_set, struct err *err);

/* Writes the event under the number behind the last and fills record->sequence. When the set is
 * full its oldest segments are dropped. RETRY: nothing was written, and the number is a gap. */
MUST_CHECK enum verdict spool_set_append(struct spool_set *set, struct spool_record *record,
                                         struct err *err);

/* Takes the next count numbers for events that did not get here. */
void spool_set_lose(struct spool_set *set, uint64_t count);

/* Fills batch (zeroed before its first use) with what comes next: at most events_max events of
 * together about bytes_max, at least one when there is one. What is damaged or too old at the
 * front becomes a gap. OK, or RETRY: memory or disk; batch->count 0: nothing is there now. */
MUST_CHECK enum verdict spool_set_read(struct spool_set *set, int64_t now_us, size_t events_max,
                                       size_t bytes_max, struct spool_batch *batch,
                                       struct err *err);

/* The first count events of the batch are done. With is_gap_reported its gap was, too. */
void spool_set_settle(struct spool_set *set, const struct spool_batch *batch, size_t count,
                      bool is_gap_reported);

/* The event was refused for good: reported as a gap. Before it is settled. */
void spool_set_refused(struct spool_set *set, uint64_t sequence);

/* What others in the directory leave to this set; at least one segment. */
void spool_set_limit(struct spool_set *set, size_t bytes_max);

struct spool_counts spool_set_counts(struct spool_set *set);
const struct spool_identity *spool_set_identity(const struct spool_set *set);

/* Whether no event up to that number waits any more. */
bool spool_set_is_settled(struct spool_set *set, uint64_t sequence);

/* Whether no event waits. */
bool spool_set_is_done(struct spool_set *set);

/* The number of the last append or loss. */
uint64_t spool_set_sequence(struct spool_set *set);

/* Name below the spool; empty in memory. */
const char *spool_set_name(const struct spool_set *set);

/* Closes; a set whose events are all done is deleted. NULL is allowed. */
void spool_set_close(struct spool_set *set);

/* "spool full", "too old", ... */
const char *spool_set_reason(enum spool_gap_reason reason);

void spool_set_batch_fini(struct spool_batch *batch);

#endif
