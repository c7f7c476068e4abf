/* metaops_emit.c - the public face: open, emit, flush, close; and what fork does to them.
 *
 * An emit is judged, redacted and written to the spool on the caller's thread under emit_lock; the
 * shipping thread (ship.c) reads it from there. A forked child makes a set and a thread of its own
 * with its first emit. */
#include "ingest/emitter/metaops_emit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/timebase.h"
#include "ingest/emitter/emitter_config.h"
#include "ingest/emitter/errand.h"
#include "ingest/emitter/event_prepare.h"
#include "ingest/emitter/fd_book.h"
#include "ingest/emitter/fork_guard.h"
#include "ingest/emitter/run_event.h"
#include "ingest/emitter/ship.h"
#include "ingest/emitter/spool_dir.h"

#define MEMORY_BYTES_MAX ((size_t)32 << 20)
/* What redaction and parsing of more would cost is left to another thread, waiting for it: 32 KiB take
 * 0.1 to 0.25 ms. */
#define OWN_BYTES_MAX ((size_t)32 << 10)
#define STATS_BYTES_MIN 16
#define RUN_STATE_BYTES_MIN offsetof(struct metaops_emit_run_state, parent)

struct metaops_emit {
    struct metaops_emit *next; /* in all */
    struct emitter_config config;
    struct fd_book book;
    atomic_ullong busy; /* emits that did not get the lock and have no number yet */

    pthread_mutex_t emit_lock; /* all below, and the order of emits */
    struct event_prepare *prepare;
    int spool_fd; /* -1: in memory */
    struct spool_set *set;
    struct ship *ship;     /* NULL: in a child before its first emit */
    struct errand *errand; /* NULL before the first large event */
    struct metaops_emit_stats stats;
    char error[256];
    int64_t error_us;
    bool was_forked; /* this process is a child that has not emitted yet */
};

/* Every emitter of the process, under fork_guard. */
static struct metaops_emit *all;

/* Only the thread that called fork lives on. Locks may be held by threads that are no more, sets
 * and backend be half-way through something: they are left as they are, never used again; their
 * descriptors are closed, so that the parent's spool is locked by the parent alone. */
static void metaops_emit_in_child(void)
{
    for (struct metaops_emit *emitter = all; emitter; emitter = emitter->next) {
        fd_book_close_all(&emitter->book);
        pthread_mutex_init(&emitter->emit_lock, NULL);
        atomic_store(&emitter->busy, 0);
        emitter->set = NULL;
        emitter->ship = NULL;
        emitter->errand = NULL;
        emitter->prepare = NULL; /* another thread may have been in it */
        emitter->spool_fd = -1;
        emitter->was_forked = true;
        memset(&emitter->stats, 0, sizeof(emitter->stats));
        memset(emitter->error, 0, sizeof(emitter->error));
    }
}

static void metaops_emit_enter(struct metaops_emit *emitter)
{
    fork_guard_hold();
    emitter->next = all;
    all = emitter;
    fork_guard_release();
}

static void metaops_emit_leave(struct metaops_emit *emitter)
{
    fork_guard_hold();
    for (struct metaops_emit **at = &all; *at; at = &(*at)->next) {
        if (*at == emitter) {
            *at = emitter->next;
            break;
        }
    }
    fork_guard_release();
}

static int metaops_emit_status_of(enum verdict verdict)
{
    return verdict == OK       ? METAOPS_EMIT_OK
           : verdict == REJECT ? METAOPS_EMIT_INVALID
                               : METAOPS_EMIT_FAILED;
}

static void metaops_emit_fail(struct metaops_emit *emitter, const char *text)
{
    snprintf(emitter->error, sizeof(emitter->error), "%s", text);
    emitter->error_us = timebase_mono_us();
}

static void metaops_emit_tell(char *reason, size_t size, const char *text)
{
    if (reason && size > 0) {
        snprintf(reason, size, "%s", text);
    }
}

/* The spool's directory; without one that was asked for the emitter fails, without the default one
 * it works in memory. */
static enum verdict metaops_emit_open_spool(struct metaops_emit *emitter, struct err *err)
{
    emitter->spool_fd = -1;
    if (!emitter->config.spool) {
        return OK;
    }
    enum verdict verdict =
        spool_dir_open(emitter->config.spool, &emitter->book, &emitter->spool_fd, err);
    if (verdict != OK && !emitter->config.is_spool_named) {
        metaops_emit_fail(emitter, err->text);
        verdict = OK;
    }
    return verdict;
}

static void metaops_emit_free(struct metaops_emit *emitter)
{
    metaops_emit_leave(emitter);
    errand_stop(emitter->errand);
    event_prepare_free(emitter->prepare);
    fd_book_close_all(&emitter->book);
    emitter_config_fini(&emitter->config);
    pthread_mutex_destroy(&emitter->emit_lock);
    free(emitter);
}

/* Once through all that an emit does, so that the first one does not pay for what libraries set up
 * at their first use (libcrypto alone takes a millisecond). */
static enum verdict metaops_emit_prepare(struct metaops_emit *emitter, struct err *err)
{
    static const char event[] = "{\"eventTime\":\"2000-01-01T00:00:00Z\","
                                "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}";
    const struct emitter_config *config = &emitter->config;
    struct prepared_event prepared;
    enum verdict verdict =
        event_prepare_new((size_t)config->event_bytes_max, config->environment_allow,
                          config->is_masking_sql, &emitter->prepare, err);

    return verdict == OK ? event_prepare_run(emitter->prepare, STR(event), &prepared, err)
                         : verdict;
}

/* What a process needs before its first emit: prepare, set, thread. */
static enum verdict metaops_emit_begin(struct metaops_emit *emitter, struct err *err)
{
    const struct emitter_config *config = &emitter->config;
    struct spool_limits limits = {
        .bytes_max = (size_t)config->spool_bytes_max,
        .age_us_max = 1000000 * config->spool_age_max_s,
        .has_fsync = config->has_fsync,
    };
    struct spool_identity identity = {.epoch = timebase_wall_us()};
    enum verdict verdict = OK;

    if (emitter->was_forked) {
        emitter->was_forked = false;
        verdict = metaops_emit_open_spool(emitter, err);
    }
    if (emitter->spool_fd < 0 && limits.bytes_max > MEMORY_BYTES_MAX) {
        limits.bytes_max = MEMORY_BYTES_MAX;
    }
    memcpy(identity.emitter, config->emitter, sizeof(identity.emitter));
    if (verdict == OK && !emitter->prepare) {
        verdict = metaops_emit_prepare(emitter, err);
    }
    if (verdict == OK && !emitter->set) {
        verdict = spool_set_create(emitter->spool_fd, &emitter->book, &identity, &limits,
                                   &emitter->set, err);
    }
    struct ship *ship = NULL;
    if (verdict == OK) {
        ship = ship_new(config, &emitter->book, emitter->spool_fd, emitter->set);
        verdict = ship ? ship_start(ship, err) : err_set(err, RETRY, "emitter", "out of memory");
    }
    if (verdict != OK) {
        ship_free(ship);
        return verdict;
    }
    emitter->ship = ship;
    emitter->stats.epoch = spool_set_identity(emitter->set)->epoch;
    return OK;
}

int metaops_emit_open(const char *config, struct metaops_emit **out_emitter, char *reason,
                      size_t reason_size)
{
    struct metaops_emit *emitter = calloc(1, sizeof(*emitter));
    struct err err = {.text = "out of memory"};
    enum verdict verdict = emitter ? OK : RETRY;

    *out_emitter = NULL;
    if (emitter) {
        pthread_mutex_init(&emitter->emit_lock, NULL);
        fork_guard_watch(metaops_emit_in_child);
        metaops_emit_enter(emitter);
        verdict = emitter_config_read(config, &emitter->config, &err);
    }
    if (verdict == OK && !emitter->config.is_disabled) {
        verdict = metaops_emit_open_spool(emitter, &err);
        verdict = verdict == OK ? metaops_emit_begin(emitter, &err) : verdict;
    }
    if (verdict != OK) {
        metaops_emit_tell(reason, reason_size, err.text);
        if (emitter) {
            spool_set_close(emitter->set);
            metaops_emit_free(emitter);
        }
        return verdict == REJECT ? METAOPS_EMIT_CONFIG : METAOPS_EMIT_FAILED;
    }
    metaops_emit_tell(reason, reason_size, "");
    *out_emitter = emitter;
    return METAOPS_EMIT_OK;
}

static enum verdict metaops_emit_take(struct metaops_emit *emitter, struct str event,
                                      struct err *err)
{
    struct prepared_event prepared;
    enum verdict verdict = emitter->ship ? OK : metaops_emit_begin(emitter, err);

    if (verdict != OK) {
        return verdict;
    }
    unsigned long long busy = atomic_exchange(&emitter->busy, 0);
    if (busy > 0) {
        spool_set_lose(emitter->set, busy);
        emitter->stats.not_taken += busy;
    }
    verdict = event_prepare_run(emitter->prepare, event, &prepared, err);
    if (verdict != OK) {
        if (verdict == RETRY) {
            spool_set_lose(emitter->set, 1);
        }
        return verdict;
    }
    struct spool_record record = {
        .emitted_at_us = timebase_wall_us(),
        .redactions = prepared.redactions,
        .key = prepared.key,
        .event = prepared.text,
    };
    verdict = spool_set_append(emitter->set, &record, err);
    if (verdict == OK) {
        emitter->stats.accepted++;
        emitter->stats.redactions += prepared.redactions;
        ship_wake(emitter->ship);
    }
    return verdict;
}

static bool metaops_emit_lock(struct metaops_emit *emitter, int64_t ms)
{
#if defined(__SANITIZE_THREAD__)
    clockid_t clock = CLOCK_REALTIME; /* the sanitizer does not know pthread_mutex_clocklock */
#else
    clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec until;

    if (pthread_mutex_trylock(&emitter->emit_lock) == 0) {
        return true;
    }
    (void)clock_gettime(clock, &until);
    int64_t ns = until.tv_nsec + 1000000 * (ms % 1000);
    until.tv_sec += ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
#if defined(__SANITIZE_THREAD__)
    return pthread_mutex_timedlock(&emitter->emit_lock, &until) == 0;
#else
    return pthread_mutex_clocklock(&emitter->emit_lock, clock, &until) == 0;
#endif
}

struct large_event {
    struct metaops_emit *emitter;
    struct str text;
    struct err *err;
    enum verdict verdict;
};

static void metaops_emit_take_large(void *arg)
{
    struct large_event *large = arg;

    large->verdict = metaops_emit_take(large->emitter, large->text, large->err);
}

/* As metaops_emit_take, without more than a little CPU of this thread. */
static enum verdict metaops_emit_take_any(struct metaops_emit *emitter, struct str text,
                                          struct err *err)
{
    struct large_event large = {.emitter = emitter, .text = text, .err = err};

    if (text.len > OWN_BYTES_MAX && !emitter->errand) {
        emitter->errand = errand_start();
    }
    if (text.len <= OWN_BYTES_MAX || !emitter->errand) {
        return metaops_emit_take(emitter, text, err);
    }
    errand_do(emitter->errand, metaops_emit_take_large, &large);
    return large.verdict;
}

int metaops_emit_json(struct metaops_emit *emitter, const char *event, size_t len)
{
    struct str text = {.ptr = event, .len = len};
    struct err err = {.text = ""};

    if (emitter->config.is_disabled) {
        return METAOPS_EMIT_OK;
    }
    if (!metaops_emit_lock(emitter, emitter->config.block_ms_max)) {
        atomic_fetch_add(&emitter->busy, 1);
        return METAOPS_EMIT_BUSY;
    }
    enum verdict verdict = metaops_emit_take_any(emitter, text, &err);
    int status = metaops_emit_status_of(verdict);
    emitter->stats.invalid += status == METAOPS_EMIT_INVALID;
    emitter->stats.not_taken += status == METAOPS_EMIT_FAILED;
    if (status != METAOPS_EMIT_OK) {
        metaops_emit_fail(emitter, err.text);
    }
    pthread_mutex_unlock(&emitter->emit_lock);
    return status;
}

int metaops_emit_run(struct metaops_emit *emitter, const struct metaops_emit_run_state *state)
{
    struct metaops_emit_run_state whole = {.size = 0};
    struct err err = {.text = "the size of the run state is too small"};
    enum verdict verdict = REJECT;
    char *text = NULL;
    size_t len = 0;

    if (state->size >= RUN_STATE_BYTES_MIN) {
        memcpy(&whole, state, state->size < sizeof(whole) ? state->size : sizeof(whole));
        verdict = run_event_write(&whole, &text, &len, &err);
    }
    if (verdict == OK) {
        int status = metaops_emit_json(emitter, text, len);
        free(text);
        return status;
    }
    pthread_mutex_lock(&emitter->emit_lock);
    emitter->stats.invalid += verdict == REJECT;
    emitter->stats.not_taken += verdict != REJECT;
    metaops_emit_fail(emitter, err.text);
    pthread_mutex_unlock(&emitter->emit_lock);
    return metaops_emit_status_of(verdict);
}

void metaops_emit_run_id(char out[37])
{
    run_event_new_id(out);
}

int metaops_emit_flush(struct metaops_emit *emitter, int timeout_ms)
{
    pthread_mutex_lock(&emitter->emit_lock);
    struct ship *ship = emitter->ship;
    uint64_t sequence = ship ? spool_set_sequence(emitter->set) : 0;
    pthread_mutex_unlock(&emitter->emit_lock);

    return !ship || ship_flush(ship, sequence, timeout_ms > 0 ? timeout_ms : 0)
               ? METAOPS_EMIT_OK
               : METAOPS_EMIT_PENDING;
}

int metaops_emit_close(struct metaops_emit *emitter, int timeout_ms)
{
    int status = METAOPS_EMIT_OK;

    if (!emitter) {
        return status;
    }
    if (emitter->ship && !ship_stop(emitter->ship, timeout_ms > 0 ? timeout_ms : 0)) {
        /* The thread will end some day and still uses all this. */
        metaops_emit_leave(emitter);
        return METAOPS_EMIT_PENDING;
    }
    if (emitter->set && spool_set_counts(emitter->set).pending > 0) {
        status = METAOPS_EMIT_PENDING;
    }
    ship_free(emitter->ship);
    spool_set_close(emitter->set);
    metaops_emit_free(emitter);
    return status;
}

size_t metaops_emit_last_error(struct metaops_emit *emitter, char *out, size_t size)
{
    char text[256] = "";

    pthread_mutex_lock(&emitter->emit_lock);
    int64_t ship_us = emitter->ship ? ship_last_error(emitter->ship, text, sizeof(text)) : 0;
    if (emitter->error[0] && emitter->error_us >= ship_us) {
        snprintf(text, sizeof(text), "%s", emitter->error);
    }
    pthread_mutex_unlock(&emitter->emit_lock);
    if (size > 0) {
        snprintf(out, size, "%s", text);
    }
    return strlen(text);
}

int metaops_emit_get_stats(struct metaops_emit *emitter, struct metaops_emit_stats *out_stats)
{
    size_t size = out_stats->size;

    if (size < STATS_BYTES_MIN) {
        return METAOPS_EMIT_INVALID;
    }
    pthread_mutex_lock(&emitter->emit_lock);
    struct metaops_emit_stats stats = emitter->stats;
    stats.not_taken += atomic_load(&emitter->busy);
    stats.is_durable = emitter->spool_fd >= 0;
    if (emitter->ship) {
        struct ship_counts shipped = ship_counts(emitter->ship);
        struct spool_counts spooled = spool_set_counts(emitter->set);
        stats.delivered = shipped.delivered;
        stats.refused = shipped.refused;
        stats.adopted = shipped.adopted;
        stats.retries = shipped.retries;
        stats.dropped = spooled.dropped + shipped.dropped;
        stats.pending = spooled.pending;
        stats.spool_bytes = spooled.bytes;
        stats.sequence = spool_set_sequence(emitter->set);
    }
    pthread_mutex_unlock(&emitter->emit_lock);
    stats.size = size;
    memcpy(out_stats, &stats, size < sizeof(stats) ? size : sizeof(stats));
    return METAOPS_EMIT_OK;
}

const char *metaops_emit_status_name(int status)
{
    static const char *const names[] = {"ok", "pending", "invalid", "config", "busy", "failed"};

    return status >= 0 && (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status]
                                                                            : "unknown";
}

const char *metaops_emit_version(void)
{
    return METAOPS_VERSION;
}
