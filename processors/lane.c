#include "lane.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "schemas/identity.h"

#define AGAIN_MAX 20
#define AGAIN_FIRST_MS 20
#define AGAIN_LONGEST_MS 2000

static void hand_back(struct lane *lane, struct batch *bt, enum lane_outcome outcome)
{
    bt->outcome = outcome;
    if (!bounded_queue_push(lane->done, bt, -1)) {
        batch_free(bt); /* the worker has gone: nobody asks any more */
        atomic_fetch_sub(&lane->in_flight, 1);
    }
}

static bool is_current(struct lane *lane, const struct batch *bt)
{
    return bt->epoch == atomic_load(&lane->epoch);
}

static struct graph_position *position_of(struct batch *bt, const struct kafka_record *record)
{
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        struct graph_position *position = &bt->rows.positions.items[i];
        if (position->partition == record->partition &&
            str_eq(position->topic, str_view(record->topic))) {
            return position;
        }
    }
    return NULL;
}

/* Positions end behind the last record of the batch. */
static void close_positions(struct batch *bt)
{
    size_t open = bt->rows.positions.count;
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        bt->rows.positions.items[i].next_offset = -1;
    }
    for (size_t i = bt->records.count; i > 0 && open > 0; i--) {
        const struct kafka_record *record = &bt->records.items[i - 1];
        struct graph_position *position = position_of(bt, record);
        if (position && position->next_offset < 0) {
            position->next_offset = record->offset + 1;
            position->last_id = identity_digest(record->value);
            position->last_timestamp_ms = record->timestamp_ms;
            open--;
        }
    }
}

/* Moves the records from number next on to a batch of their own, which begins where bt ends. */
static struct batch *cut(struct lane *lane, struct batch *bt, size_t next)
{
    struct batch *rest =
        batch_new(lane->index, bt->arena_bytes_soft, (size_t)lane->st->ingest.body_bytes_max);
    if (!rest) {
        return NULL;
    }
    rest->is_extra = true;
    rest->epoch = bt->epoch;
    rest->begun_mono_us = bt->begun_mono_us;
    size_t count = bt->records.count;
    bt->records.count = next;
    close_positions(bt);
    size_t kept = 0;
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        struct graph_position *position = &bt->rows.positions.items[i];
        struct graph_position *copy = graph_rows_add(&rest->rows.positions);
        if (!copy || !(copy->topic = arena_dup(rest->arena, position->topic)).ptr) {
            bt->records.count = count;
            batch_free(rest);
            return NULL;
        }
        copy->partition = position->partition;
        copy->expected_offset = position->expected_offset;
        if (position->next_offset >= 0) {
            copy->expected_offset = position->next_offset;
            bt->rows.positions.items[kept++] = *position;
        }
    }
    for (size_t i = next; i < count; i++) {
        struct kafka_record *record = graph_rows_add(&rest->records);
        if (!record) {
            bt->records.count = count;
            rest->records.count = 0;
            batch_free(rest);
            return NULL;
        }
        *record = bt->records.items[i];
    }
    bt->rows.positions.count = kept;
    return rest;
}

/* A position of the rest may have no record in it: then it does not move. */
static void drop_unmoved(struct batch *bt)
{
    size_t kept = 0;
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        if (bt->rows.positions.items[i].next_offset >= 0) {
            bt->rows.positions.items[kept++] = bt->rows.positions.items[i];
        }
    }
    bt->rows.positions.count = kept;
}

/* Makes the rows of bt and hands them on; returns the rest when they grew too large for one
 * transaction. */
static struct batch *process(struct lane *lane, struct batch *bt)
{
    struct err err;
    size_t next = 0;
    bt->known_generation = known_set_generation(lane->known);
    bt->events_generation = known_set_generation(lane->events);
    enum verdict verdict = stages_run(lane->pr, bt, 0, &next, &err);
    struct batch *rest = NULL;
    if (verdict == OK && next < bt->records.count) {
        rest = cut(lane, bt, next);
        verdict = rest ? OK : err_set(&err, RETRY, "lane", "memory is short");
    }
    if (verdict != OK) {
        log_warn("cannot make rows: %s", err.text);
        hand_back(lane, bt, verdict == FATAL ? LANE_STOPPED : LANE_RESET);
        return NULL;
    }
    if (rest) {
        atomic_fetch_add(&lane->in_flight, 1);
    } else {
        close_positions(bt);
        drop_unmoved(bt);
    }
    FAILPOINT("lane.rows_made");
    if (!bounded_queue_push(lane->to_sink, bt, -1)) {
        hand_back(lane, bt, LANE_DROPPED);
    }
    return rest;
}

static void *pool_main(void *arg)
{
    struct lane *lane = arg;
    char name[32];
    snprintf(name, sizeof name, "pool-%u", lane->index);
    log_thread_name(name);
    struct batch *bt;
    while ((bt = bounded_queue_pop(lane->to_pool, -1))) {
        while (bt) {
            if (is_current(lane, bt)) {
                bt = process(lane, bt);
            } else {
                hand_back(lane, bt, LANE_DROPPED);
                bt = NULL;
            }
        }
    }
    bounded_queue_close(lane->to_sink);
    return NULL;
}

static void remember(struct lane *lane, const struct batch *bt)
{
    int64_t now_us = timebase_wall_us();
    if (bt->known_generation == known_set_generation(lane->known)) {
        for (size_t i = 0; i < bt->rows.known.count; i++) {
            known_set_add(lane->known, bt->rows.known.items[i]);
        }
    }
    bool is_current_events = bt->events_generation == known_set_generation(lane->events);
    for (size_t i = 0; i < bt->rows.events.count; i++) {
        const struct graph_event *event = &bt->rows.events.items[i];
        if (is_current_events) {
            known_set_add(lane->events, event->id);
        }
        if (!event->is_stored) {
            metrics_observe_us(METRIC_WORKER_LATENCY_SECONDS, now_us - event->received_at_us);
        }
    }
    metrics_inc(METRIC_WORKER_BATCHES);
    metrics_add(METRIC_WORKER_LANDED, bt->rows.events.count - bt->rows.stored_count);
    metrics_add(METRIC_WORKER_DUPLICATES, bt->rows.stored_count);
    metrics_add(METRIC_WORKER_DEAD_LETTERS, bt->rows.letters.count);
}

static void poison(struct lane *lane, struct batch *bt, uint32_t event, const struct err *err)
{
    log_error("the database refuses an event, it becomes a dead letter: %s", err->text);
    if (event < bt->rows.events.count) {
        stages_poison(lane->pr, bt->rows.events.items[event].id, err->text);
    }
}

static enum lane_outcome write_once(struct lane *lane, struct batch *bt, bool *out_again,
                                    struct err *err)
{
    uint32_t event = UINT32_MAX;
    *out_again = false;
    if (bt->known_generation != known_set_generation(lane->known)) {
        return LANE_STALE;
    }
    if (dead_letters_publish(lane->letters, &bt->rows, err) != OK) {
        *out_again = true;
        return LANE_RESET;
    }
    FAILPOINT("lane.letters_published");
    switch (lane->ops->write(lane->sink, &bt->rows, &event, err)) {
    case SINK_STORED:
        remember(lane, bt);
        FAILPOINT("lane.remembered");
        return LANE_STORED;
    case SINK_AGAIN:
        *out_again = true;
        return LANE_RESET;
    case SINK_UNBASED:
        log_info("storing without a body that was erased, reading again: %s", err->text);
        stages_refuse_base(lane->pr, bt->rows.events.items[event].base);
        return LANE_RESET;
    case SINK_POISON:
        poison(lane, bt, event, err);
        return LANE_RESET;
    case SINK_RESET:
        log_warn("batch rolled back, reading positions anew: %s", err->text);
        return LANE_RESET;
    case SINK_STOP:
    default:
        log_error("cannot store: %s", err->text);
        return LANE_STOPPED;
    }
}

static enum lane_outcome write_batch(struct lane *lane, struct batch *bt)
{
    int pause_ms = AGAIN_FIRST_MS;
    for (int tries = 0; tries < AGAIN_MAX; tries++) {
        struct err err = {.text = ""};
        bool again = false;
        if (!is_current(lane, bt)) {
            return LANE_DROPPED;
        }
        enum lane_outcome outcome = write_once(lane, bt, &again, &err);
        if (!again) {
            return outcome;
        }
        metrics_inc(METRIC_WORKER_BATCH_RETRIES);
        log_warn("batch rolled back, trying again in %d ms: %s", pause_ms, err.text);
        timebase_sleep_us((int64_t)pause_ms * 1000);
        pause_ms = pause_ms * 2 > AGAIN_LONGEST_MS ? AGAIN_LONGEST_MS : pause_ms * 2;
    }
    return LANE_RESET;
}

static void *sink_main(void *arg)
{
    struct lane *lane = arg;
    char name[32];
    snprintf(name, sizeof name, "sink-%u", lane->index);
    log_thread_name(name);
    struct batch *bt;
    while ((bt = bounded_queue_pop(lane->to_sink, -1))) {
        hand_back(lane, bt, is_current(lane, bt) ? write_batch(lane, bt) : LANE_DROPPED);
    }
    return NULL;
}

enum verdict lane_start(struct lane *lane, const char *cluster_id, struct err *err)
{
    size_t in_flight_max = (size_t)lane->st->worker.batches_in_flight_max;
    enum verdict verdict =
        stages_processor_new(lane->st, lane->known, lane->events, lane->framing, &lane->pr, err);
    if (verdict == OK) {
        lane->pr->takes_events = lane->ops->takes_events;
        verdict = lane->ops->open(lane->st, cluster_id, (int)lane->index, &lane->sink, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    lane->to_pool = bounded_queue_new(in_flight_max);
    lane->to_sink = bounded_queue_new(1);
    if (!lane->to_pool || !lane->to_sink ||
        pthread_create(&lane->pool_thread, NULL, pool_main, lane) != 0) {
        return err_set(err, RETRY, "lane", "memory is short");
    }
    if (pthread_create(&lane->sink_thread, NULL, sink_main, lane) != 0) {
        bounded_queue_close(lane->to_pool);
        pthread_join(lane->pool_thread, NULL);
        return err_set(err, RETRY, "lane", "no thread could be started");
    }
    lane->is_started = true;
    return OK;
}

bool lane_submit(struct lane *lane, struct batch *bt)
{
    atomic_fetch_add(&lane->in_flight, 1);
    if (bounded_queue_push(lane->to_pool, bt, 0)) {
        return true;
    }
    atomic_fetch_sub(&lane->in_flight, 1);
    return false;
}

void lane_stop(struct lane *lane)
{
    if (!lane->is_started) {
        return;
    }
    bounded_queue_close(lane->to_pool);
    pthread_join(lane->pool_thread, NULL);
    pthread_join(lane->sink_thread, NULL);
    lane->is_started = false;
}

void lane_fini(struct lane *lane)
{
    if (lane->sink) {
        lane->ops->close(lane->sink);
    }
    stages_processor_free(lane->pr);
    bounded_queue_free(lane->to_pool);
    bounded_queue_free(lane->to_sink);
}
