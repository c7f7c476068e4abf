/* spool_set_impl.h - what spool_set.c (making, appending, dropping) and spool_read.c (reading,
 * settling) share; nobody else includes it. */
#ifndef METAOPS_INGEST_EMITTER_SPOOL_SET_IMPL_H
#define METAOPS_INGEST_EMITTER_SPOOL_SET_IMPL_H

#include <pthread.h>

#include "ingest/emitter/spool_segment.h"
#include "ingest/emitter/spool_set.h"

struct spool_set {
    struct fd_book *book;
    struct spool_identity identity;
    struct spool_limits limits;
    size_t segment_bytes;
    int parent_fd; /* the spool's; not owned */
    int dir_fd;    /* -1: in memory */
    int lock_fd;
    int settled_fd;
    char name[SPOOL_SET_NAME_BYTES];
    bool is_adopted;

    pthread_mutex_t lock; /* all below */
    struct spool_segment *head;
    struct spool_segment *tail;
    size_t bytes;       /* of all segments */
    size_t offset;      /* in head: what is before it is done */
    uint64_t head_done; /* records of head that are */
    uint64_t sequence;  /* last number given */
    uint64_t appended;  /* last number that was written */
    uint64_t settled;   /* last number that is done, one way or another */
    uint64_t pending;   /* for people: where records were damaged it may be short of some */
    uint64_t dropped;
    bool is_reading;              /* head is being read without the lock */
    struct spool_segment *orphan; /* dropped while it was */
    bool has_damage;              /* since the last whole record */
    struct spool_gap gaps[SPOOL_GAPS_MAX];
    size_t gap_count;
};

/* Adds a gap, joined to the last where it can be; too many are left to the numbers themselves. */
void spool_set_gap(struct spool_set *set, uint64_t from, uint64_t to, enum spool_gap_reason reason);

/* count events fewer wait, as far as they are counted. */
void spool_set_forget(struct spool_set *set, uint64_t count);

/* Deletes the head segment. */
void spool_set_shift(struct spool_set *set);

#endif
