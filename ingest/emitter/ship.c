#include "ingest/emitter/ship.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/timebase.h"
#include "ingest/emitter/spool_dir.h"

#define STACK_BYTES ((size_t)512 << 10)
#define PAUSE_MS_MIN 100
#define LOOK_ROUND_US INT64_C(5000000) /* for orphans, and for what others take of the spool */
#define STOP_GRACE_MS 500
#define RETRY_AFTER_S_MAX 60
#define ORPHAN_TRIES 3 /* then another one has its turn */
#define OWN_SHARE 8    /* that part of the spool is left to the living, whatever others left */

struct ship {
    const struct emitter_config *config;
    struct fd_book *book;
    int spool_fd;
    struct spool_set *own;
    const struct ship_backend *backend;
    pthread_t thread;
    bool is_started;

    atomic_bool is_idle; /* waits for ship_wake */
    atomic_bool is_stopping;
    atomic_llong stop_us; /* ship until then */
    atomic_ullong delivered;
    atomic_ullong refused;
    atomic_ullong dropped;
    atomic_ullong adopted;
    atomic_ullong retries;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t wake;
    pthread_cond_t progress;
    bool is_kicked;  /* cut the pause short */
    bool is_ended;   /* the thread is */
    bool is_drained; /* nothing to adopt was found since the last success */
    char error[256];
    int64_t error_us;

    /* the thread's own */
    void *state;
    struct spool_set *orphan;
    struct spool_batch batch;
    struct ship_outcome outcome;
    int64_t pause_ms;
    int64_t looked_us;
    int64_t shared_us;
    int64_t orphan_pause_ms;
    int64_t orphan_us;                      /* no orphan's turn before */
    int orphan_tries;                       /* failures of the orphan at hand */
    int stop_tries;                         /* failures of orphans since is_stopping */
    char passed_over[SPOOL_SET_NAME_BYTES]; /* orphans up to it have had their turn */
    size_t excess;                          /* bytes that orphans have to give back */
    unsigned seed;
};

static void ship_until(int64_t ms, struct timespec *out_until)
{
    int64_t us = timebase_mono_us() + 1000 * ms;

    out_until->tv_sec = us / 1000000;
    out_until->tv_nsec = us % 1000000 * 1000;
}

struct ship *ship_new(const struct emitter_config *config, struct fd_book *book, int spool_fd,
                      struct spool_set *own)
{
    struct ship *ship = calloc(1, sizeof(*ship));
    pthread_condattr_t attr;

    if (!ship) {
        return NULL;
    }
    ship->config = config;
    ship->book = book;
    ship->spool_fd = spool_fd;
    ship->own = own;
    ship->backend = config->brokers ? &ship_kafka_backend : &ship_http_backend;
    ship->seed = (unsigned)timebase_mono_us();
    pthread_mutex_init(&ship->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ship->wake, &attr);
    pthread_cond_init(&ship->progress, &attr);
    pthread_condattr_destroy(&attr);
    return ship;
}

static bool ship_is_over(const void *arg)
{
    const struct ship *ship = arg;

    return atomic_load(&ship->is_stopping) && timebase_mono_us() >= atomic_load(&ship->stop_us);
}

static void ship_failed(struct ship *ship, const struct err *err)
{
    atomic_fetch_add(&ship->retries, 1);
    pthread_mutex_lock(&ship->lock);
    snprintf(ship->error, sizeof(ship->error), "%s", err->text);
    ship->error_us = timebase_mono_us();
    pthread_mutex_unlock(&ship->lock);
}

static void ship_settle(struct ship *ship, struct spool_set *set)
{
    const struct ship_outcome *outcome = &ship->outcome;
    uint64_t refused = 0;

    for (size_t i = 0; i < outcome->done; i++) {
        if (outcome->is_refused[i]) {
            spool_set_refused(set, ship->batch.records[i].sequence);
            refused++;
        }
    }
    /* Counted before it is settled: whoever has waited for that finds the counts right. */
    atomic_fetch_add(&ship->refused, refused);
    atomic_fetch_add(set == ship->own ? &ship->delivered : &ship->adopted, outcome->done - refused);
    spool_set_settle(set, &ship->batch, outcome->done, outcome->is_gap_reported);
    pthread_mutex_lock(&ship->lock);
    pthread_cond_broadcast(&ship->progress);
    pthread_mutex_unlock(&ship->lock);
}

/* Ships one batch of set. OK: there was one; REJECT: nothing is there; RETRY: later. */
static enum verdict ship_turn(struct ship *ship, struct spool_set *set)
{
    struct err err;
    enum verdict verdict = spool_set_read(set, timebase_wall_us(), SPOOL_BATCH_EVENTS_MAX,
                                          ship->backend->batch_bytes, &ship->batch, &err);

    memset(&ship->outcome, 0, sizeof(ship->outcome));
    if (verdict == OK && ship->batch.count == 0) {
        return REJECT;
    }
    if (verdict == OK && !ship->state) {
        verdict = ship->backend->open(ship->config, ship->book, &ship->state, &err);
    }
    if (verdict == OK) {
        verdict = ship->backend->send(ship->state, &ship->batch, ship_is_over, ship, &ship->outcome,
                                      &err);
        ship_settle(ship, set);
    }
    if (verdict == OK) {
        return OK;
    }
    ship_failed(ship, &err);
    return RETRY;
}

static enum verdict ship_adopt_set(struct ship *ship, const char *name, struct spool_set **out_set)
{
    struct spool_limits limits = {.bytes_max = SIZE_MAX,
                                  .age_us_max = 1000000 * ship->config->spool_age_max_s};
    struct err err;

    if (ship->own && strcmp(name, spool_set_name(ship->own)) == 0) {
        return REJECT;
    }
    return spool_set_adopt(ship->spool_fd, ship->book, name, !ship->own, &limits, out_set, &err);
}

static bool ship_adopt(void *arg, const char *name)
{
    struct ship *ship = arg;

    return strcmp(name, ship->passed_over) <= 0 || ship_adopt_set(ship, name, &ship->orphan) != OK;
}

/* is_finished: it is empty. Else it was only its turn, and what it lost counts when it is told. */
static void ship_let_go(struct ship *ship, bool is_finished)
{
    if (!ship->orphan) {
        return;
    }
    if (is_finished) {
        atomic_fetch_add(&ship->dropped, spool_set_counts(ship->orphan).dropped);
        ship->looked_us = 0; /* there may be more */
    }
    spool_set_close(ship->orphan);
    ship->orphan = NULL;
    ship->orphan_tries = 0;
}

/* Drops what stands first in an orphan until no more has to be given back: a segment that was read to
 * its end is deleted. Counted here, and seen by others as a jump in the numbers. */
static bool ship_trim_set(void *arg, const char *name)
{
    struct ship *ship = arg;
    struct spool_set *set = NULL;
    struct err err;

    if (ship_adopt_set(ship, name, &set) != OK) {
        return true;
    }
    size_t before = spool_set_counts(set).bytes;
    uint64_t dropped = 0;
    while (before - spool_set_counts(set).bytes < ship->excess &&
           spool_set_read(set, timebase_wall_us(), SPOOL_BATCH_EVENTS_MAX,
                          ship->backend->batch_bytes, &ship->batch, &err) == OK &&
           ship->batch.count > 0) {
        dropped += ship->batch.count;
        spool_set_settle(set, &ship->batch, ship->batch.count, false);
    }
    size_t freed = before - spool_set_counts(set).bytes;
    ship->excess -= freed < ship->excess ? freed : ship->excess;
    atomic_fetch_add(&ship->dropped, dropped + spool_set_counts(set).dropped);
    spool_set_close(set);
    return ship->excess > 0;
}

/* What others leave of the spool is the own set's; what nobody is left to bound is bounded here. */
static void ship_share(struct ship *ship)
{
    int64_t now_us = timebase_mono_us();

    if (ship->spool_fd < 0 || !ship->own ||
        (ship->shared_us != 0 && now_us - ship->shared_us < LOOK_ROUND_US)) {
        return;
    }
    ship->shared_us = now_us;
    size_t max = (size_t)ship->config->spool_bytes_max;
    size_t others = spool_dir_bytes(ship->spool_fd, spool_set_name(ship->own));
    if (others > max - max / OWN_SHARE) {
        ship_let_go(ship, false); /* it may be the one */
        ship->excess = others - (max - max / OWN_SHARE);
        spool_dir_each(ship->spool_fd, ship_trim_set, ship);
        others = spool_dir_bytes(ship->spool_fd, spool_set_name(ship->own));
    }
    spool_set_limit(ship->own, max > others ? max - others : 0);
}

/* Waits for a kick or ms; when stopping not beyond the time for that. */
static void ship_pause(struct ship *ship, int64_t ms)
{
    int64_t end_us = timebase_mono_us() + 1000 * ms;

    pthread_mutex_lock(&ship->lock);
    while (!ship->is_kicked) {
        struct timespec until;
        int64_t stop_us = atomic_load(&ship->stop_us);
        bool is_early = atomic_load(&ship->is_stopping) && stop_us < end_us;
        int64_t left_us = (is_early ? stop_us : end_us) - timebase_mono_us();
        if (left_us <= 0) {
            break;
        }
        left_us = left_us < LOOK_ROUND_US ? left_us : LOOK_ROUND_US;
        ship_until(left_us / 1000 + 1, &until);
        if (pthread_cond_timedwait(&ship->wake, &ship->lock, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&ship->lock);
            ship_share(ship);
            pthread_mutex_lock(&ship->lock);
        }
    }
    ship->is_kicked = false;
    pthread_mutex_unlock(&ship->lock);
}

/* The pause behind this one: twice as long, half of it by chance, at least what the backend asks. */
static int64_t ship_next_pause(struct ship *ship, int64_t *pause_ms)
{
    int64_t max_ms = ship->config->retry_ms_max;
    int64_t asked_s = ship->outcome.retry_after_s;

    if (ship->outcome.done > 0) {
        *pause_ms = 0;
    }
    *pause_ms = *pause_ms ? 2 * *pause_ms : PAUSE_MS_MIN;
    *pause_ms = *pause_ms < max_ms ? *pause_ms : max_ms;
    int64_t ms = *pause_ms / 2 + rand_r(&ship->seed) % (*pause_ms / 2 + 1);
    int64_t asked_ms = 1000 * (asked_s < RETRY_AFTER_S_MAX ? asked_s : RETRY_AFTER_S_MAX);
    asked_ms = asked_ms < max_ms ? asked_ms : max_ms;
    return ms > asked_ms ? ms : asked_ms;
}

static enum verdict ship_own_turn(struct ship *ship)
{
    enum verdict verdict = ship->own ? ship_turn(ship, ship->own) : REJECT;

    if (verdict == RETRY) {
        ship_pause(ship, ship_next_pause(ship, &ship->pause_ms));
    } else if (verdict == OK) {
        ship->pause_ms = 0;
    }
    return verdict;
}

/* Looks for an orphan now and then. */
static void ship_look_round(struct ship *ship)
{
    if (ship->spool_fd < 0 || ship->orphan) {
        return;
    }
    int64_t now_us = timebase_mono_us();
    if (ship->looked_us != 0 && now_us - ship->looked_us < LOOK_ROUND_US &&
        !atomic_load(&ship->is_stopping)) {
        return;
    }
    ship->looked_us = now_us;
    spool_dir_each(ship->spool_fd, ship_adopt, ship);
    if (!ship->orphan && ship->passed_over[0]) {
        ship->passed_over[0] = '\0'; /* the round begins again */
        spool_dir_each(ship->spool_fd, ship_adopt, ship);
    }
    if (!ship->orphan) {
        pthread_mutex_lock(&ship->lock);
        ship->is_drained = true;
        pthread_cond_broadcast(&ship->progress);
        pthread_mutex_unlock(&ship->lock);
    }
}

/* A turn of an orphan, whose failures pause orphans only: another one may get through where a key or a
 * place is not meant for this one. OK: go on at once; REJECT: there is none now; RETRY: it failed. */
static enum verdict ship_orphan_turn(struct ship *ship)
{
    if (timebase_mono_us() < ship->orphan_us && !atomic_load(&ship->is_stopping)) {
        return REJECT;
    }
    ship_look_round(ship);
    if (!ship->orphan) {
        return REJECT;
    }
    enum verdict verdict = ship_turn(ship, ship->orphan);
    if (verdict == REJECT) {
        ship_let_go(ship, true);
        return OK;
    }
    if (verdict == OK) {
        ship->orphan_pause_ms = 0;
        ship->orphan_tries = 0;
        return OK;
    }
    ship->orphan_us = timebase_mono_us() + 1000 * ship_next_pause(ship, &ship->orphan_pause_ms);
    bool is_stopping = atomic_load(&ship->is_stopping);
    if (++ship->orphan_tries == ORPHAN_TRIES || is_stopping) {
        snprintf(ship->passed_over, sizeof(ship->passed_over), "%s", spool_set_name(ship->orphan));
        ship_let_go(ship, false);
        ship->looked_us = 0;
    }
    return is_stopping && ++ship->stop_tries < ORPHAN_TRIES ? OK : RETRY;
}

static void ship_wait(struct ship *ship)
{
    struct timespec until;
    int64_t orphan_ms = (ship->orphan_us - timebase_mono_us()) / 1000 + 1;

    ship_until(orphan_ms > 0 && orphan_ms < LOOK_ROUND_US / 1000 ? orphan_ms : LOOK_ROUND_US / 1000,
               &until);
    pthread_mutex_lock(&ship->lock);
    atomic_store(&ship->is_idle, true);
    while ((!ship->own || spool_set_is_done(ship->own)) && !atomic_load(&ship->is_stopping)) {
        if (pthread_cond_timedwait(&ship->wake, &ship->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    atomic_store(&ship->is_idle, false);
    ship->is_kicked = false;
    pthread_mutex_unlock(&ship->lock);
}

static void *ship_main(void *arg)
{
    struct ship *ship = arg;

    while (!ship_is_over(ship)) {
        bool is_stopping = atomic_load(&ship->is_stopping);
        ship_share(ship);
        enum verdict own = ship_own_turn(ship);
        if (own == RETRY) {
            continue; /* nobody else's would get through either */
        }
        /* Also when stopping: where every program is short, nobody else would find the time. */
        enum verdict orphan = ship_orphan_turn(ship);
        if (own == REJECT && orphan != OK && is_stopping) {
            break;
        }
        if (own == REJECT && orphan != OK) {
            ship_wait(ship);
        }
    }
    ship_let_go(ship, false);
    if (ship->state) {
        ship->backend->close(ship->state);
        ship->state = NULL;
    }
    pthread_mutex_lock(&ship->lock);
    ship->is_ended = true;
    pthread_cond_broadcast(&ship->progress);
    pthread_mutex_unlock(&ship->lock);
    return NULL;
}

enum verdict ship_start(struct ship *ship, struct err *err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t old;

    /* The program's signals are none of this thread's; nor is SIGPIPE its end. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int code = pthread_create(&ship->thread, &attr, ship_main, ship);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code != 0) {
        return err_set(err, RETRY, "emitter", "no thread: %s", strerror(code));
    }
    ship->is_started = true;
    return OK;
}

void ship_wake(struct ship *ship)
{
    if (atomic_load(&ship->is_idle)) {
        pthread_mutex_lock(&ship->lock);
        pthread_cond_signal(&ship->wake);
        pthread_mutex_unlock(&ship->lock);
    }
}

static void ship_kick(struct ship *ship)
{
    ship->is_kicked = true;
    pthread_cond_signal(&ship->wake);
}

bool ship_flush(struct ship *ship, uint64_t sequence, int timeout_ms)
{
    struct timespec until;
    bool is_done;

    ship_until(timeout_ms, &until);
    pthread_mutex_lock(&ship->lock);
    ship_kick(ship);
    for (;;) {
        is_done = !ship->own || spool_set_is_settled(ship->own, sequence);
        if (is_done || ship->is_ended ||
            pthread_cond_timedwait(&ship->progress, &ship->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    pthread_mutex_unlock(&ship->lock);
    return is_done;
}

bool ship_drain(struct ship *ship, int timeout_ms)
{
    struct timespec until;

    ship_until(timeout_ms, &until);
    pthread_mutex_lock(&ship->lock);
    while (!ship->is_drained && !ship->is_ended) {
        if (pthread_cond_timedwait(&ship->progress, &ship->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    bool is_drained = ship->is_drained;
    pthread_mutex_unlock(&ship->lock);
    return is_drained;
}

bool ship_stop(struct ship *ship, int timeout_ms)
{
    struct timespec until;

    if (!ship->is_started) {
        return true;
    }
    ship_until((int64_t)timeout_ms + STOP_GRACE_MS, &until);
    pthread_mutex_lock(&ship->lock);
    atomic_store(&ship->stop_us, timebase_mono_us() + INT64_C(1000) * timeout_ms);
    atomic_store(&ship->is_stopping, true);
    ship_kick(ship);
    while (!ship->is_ended) {
        if (pthread_cond_timedwait(&ship->progress, &ship->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    bool is_ended = ship->is_ended;
    pthread_mutex_unlock(&ship->lock);
    if (is_ended) {
        pthread_join(ship->thread, NULL);
    } else {
        pthread_detach(ship->thread);
    }
    ship->is_started = false;
    return is_ended;
}

struct ship_counts ship_counts(const struct ship *ship)
{
    return (struct ship_counts){
        .delivered = atomic_load(&ship->delivered),
        .refused = atomic_load(&ship->refused),
        .dropped = atomic_load(&ship->dropped),
        .adopted = atomic_load(&ship->adopted),
        .retries = atomic_load(&ship->retries),
    };
}

int64_t ship_last_error(struct ship *ship, char *out, size_t size)
{
    pthread_mutex_lock(&ship->lock);
    snprintf(out, size, "%s", ship->error);
    int64_t error_us = ship->error_us;
    pthread_mutex_unlock(&ship->lock);
    return error_us;
}

void ship_free(struct ship *ship)
{
    if (!ship) {
        return;
    }
    spool_set_batch_fini(&ship->batch);
    pthread_cond_destroy(&ship->progress);
    pthread_cond_destroy(&ship->wake);
    pthread_mutex_destroy(&ship->lock);
    free(ship);
}
