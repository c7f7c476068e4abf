/* ship.h - takes events from the spool to the backend: one thread per emitter and process.
 *
 * Ships the emitter's own set in order, and beside it, one after the other, the sets of processes
 * that are gone. What the backend does not take now is tried again after a pause that grows. */
#ifndef METAOPS_INGEST_EMITTER_SHIP_H
#define METAOPS_INGEST_EMITTER_SHIP_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/err.h"
#include "ingest/emitter/emitter_config.h"
#include "ingest/emitter/fd_book.h"
#include "ingest/emitter/spool_set.h"

struct ship;

/* What became of a batch. */
struct ship_outcome {
    size_t done;                                      /* events at the front with a final result */
    unsigned char is_refused[SPOOL_BATCH_EVENTS_MAX]; /* of these: for good */
    bool is_gap_reported;
    int retry_after_s; /* 0: as the pauses go */
};

/* A way to the backend; ship_http.c, ship_kafka.c. All on the shipping thread. */
struct ship_backend {
    size_t batch_bytes; /* about as much is sent at once */
    /* RETRY with the reason: later. */
    enum verdict (*open)(const struct emitter_config *config, struct fd_book *book,
                         void **out_state, struct err *err);
    /* Sends and waits for the results, at most a few times timeout_ms, and about 100 ms from when
     * is_over turns true. OK: every event is done; RETRY with the reason: outcome->done are. */
    enum verdict (*send)(void *state, const struct spool_batch *batch,
                         bool (*is_over)(const void *arg), const void *arg,
                         struct ship_outcome *outcome, struct err *err);
    void (*close)(void *state);
};

extern const struct ship_backend ship_http_backend;
extern const struct ship_backend ship_kafka_backend;

struct ship_counts {
    uint64_t delivered;
    uint64_t refused;
    uint64_t dropped; /* of adopted sets; the own set counts itself */
    uint64_t adopted;
    uint64_t retries;
};

/* spool_fd -1: in memory. own may be NULL: only what others left is shipped (then any owner's
 * sets, too). own, config and book must outlive the thread. NULL when memory is short. */
struct ship *ship_new(const struct emitter_config *config, struct fd_book *book, int spool_fd,
                      struct spool_set *own);

/* RETRY when the system has no thread to give. */
MUST_CHECK enum verdict ship_start(struct ship *ship, struct err *err);

/* Something was appended. Cheap while the thread is busy. */
void ship_wake(struct ship *ship);

/* Waits until numbers up to sequence of the own set are done. False when time was up. */
bool ship_flush(struct ship *ship, uint64_t sequence, int timeout_ms);

/* Waits until nothing is left that can be adopted. False when time was up. */
bool ship_drain(struct ship *ship, int timeout_ms);

/* Lets the thread go on until the own set is empty, at most timeout_ms, and waits for its end. False
 * when it hangs (in a name look-up, say) half a second later still: then nothing of it may be
 * freed. */
bool ship_stop(struct ship *ship, int timeout_ms);

struct ship_counts ship_counts(const struct ship *ship);

/* The backend's last failure (terminated; empty: none), and when, by the monotonic clock. */
int64_t ship_last_error(struct ship *ship, char *out, size_t size);

/* After stop, or before start. NULL is allowed. */
void ship_free(struct ship *ship);

#endif
