#include "sink_kafka.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/kafka_client.h"
#include "core/kafka_producer.h"
#include "core/known_set.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "kafka_places.h"
#include "schemas/graph_rows.h"
#include "schemas/schema_registry.h"

#define WHERE "sink_kafka"
#define TOPIC_WAIT_MS 5000
#define STOP_TIMEOUT_MS 3000
#define DEFAULT_GROUP "metaops"

/* What the lanes of one worker share. They write one after the other: so two copies of an event in
 * two lanes cannot miss each other, and the broker's answer takes longer than the encoding. */
struct shared {
    const struct settings *st;
    int users;
    pthread_mutex_t turn; /* who writes or loads holds it */
    struct kafka_producer *producer;
    struct schema_registry *registry;
    struct kafka_places *places;
    struct known_set *written; /* ids that are certainly in the topic */

    pthread_mutex_t lock; /* of what follows: the poll thread's answers */
    pthread_cond_t answered;
    size_t pending;
    bool has_failed;
    char reason[160];
};

/* One per process, because the face of a sink has nothing above the lanes. */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *only_shared;

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct shared *sh = record_arg;
    (void)partition;
    (void)offset;
    pthread_mutex_lock(&sh->lock);
    sh->pending--;
    if (verdict != OK) {
        sh->has_failed = true;
        snprintf(sh->reason, sizeof sh->reason, "%s", reason);
    }
    pthread_cond_broadcast(&sh->answered);
    pthread_mutex_unlock(&sh->lock);
}

/* Until at most left records wait for an answer: every record gets one, within its time-out. */
static void await(struct shared *sh, size_t left)
{
    pthread_mutex_lock(&sh->lock);
    while (sh->pending > left) {
        pthread_cond_wait(&sh->answered, &sh->lock);
    }
    pthread_mutex_unlock(&sh->lock);
}

static void shared_free(struct shared *sh)
{
    if (sh->producer) {
        kafka_producer_stop(sh->producer, STOP_TIMEOUT_MS);
        kafka_producer_free(sh->producer);
    }
    kafka_places_close(sh->places);
    known_set_free(sh->written);
    schema_registry_stop(sh->registry);
    pthread_mutex_destroy(&sh->turn);
    pthread_mutex_destroy(&sh->lock);
    pthread_cond_destroy(&sh->answered);
    free(sh);
}

static enum verdict count_partitions(const struct settings *st, const char *topic, int *out_count,
                                     struct err *err)
{
    char cluster_id[64];
    enum verdict verdict =
        kafka_client_describe(st, topic, TOPIC_WAIT_MS, cluster_id, out_count, err);
    if (verdict == OK && *out_count < 0) {
        verdict =
            err_set(err, FATAL, WHERE, "topic %s is missing: run metaops migrate --kafka", topic);
    }
    return verdict;
}

/* A record goes to the partition of its source's number, and that partition is where positions are
 * found again. */
static enum verdict check_partitions(const struct settings *st, int *out_partitions,
                                     struct err *err)
{
    int events = 0;
    char *words = strdup(st->ingest.openlineage_topics);
    char *rest = NULL;
    enum verdict verdict = words ? OK : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK) {
        verdict = count_partitions(st, st->kafka.topic_enriched, out_partitions, err);
    }
    if (verdict == OK) {
        verdict = count_partitions(st, st->kafka.topic_events, &events, err);
    }
    if (verdict == OK && events != *out_partitions) {
        verdict =
            err_set(err, FATAL, WHERE,
                    "topic %s has %d partitions and topic %s %d, but they must have as many",
                    st->kafka.topic_enriched, *out_partitions, st->kafka.topic_events, events);
    }
    for (char *word = words ? strtok_r(words, ", ", &rest) : NULL; word && verdict == OK;
         word = strtok_r(NULL, ", ", &rest)) {
        int count = 0;
        char cluster_id[64];
        verdict = kafka_client_describe(st, word, TOPIC_WAIT_MS, cluster_id, &count, err);
        if (verdict == OK && count > *out_partitions) {
            verdict = err_set(err, FATAL, WHERE, "topic %s has %d partitions, more than topic %s",
                              word, count, st->kafka.topic_enriched);
        }
    }
    free(words);
    return verdict;
}

static enum verdict shared_fill(struct shared *sh, struct err *err)
{
    int partitions = 0;
    size_t ids_max = (size_t)sh->st->worker.known_ids_max;
    if (strcmp(sh->st->worker.group, DEFAULT_GROUP) == 0) {
        return err_set(err, FATAL, WHERE,
                       "worker.sink=kafka needs a worker.group of its own: workers of one group "
                       "share the events, and each sink wants all of them");
    }
    enum verdict verdict = check_partitions(sh->st, &partitions, err);
    if (verdict == OK) {
        verdict = schema_registry_start(sh->st, SCHEMA_REGISTRY_WRITES(RELEASED_ENRICHED),
                                        &sh->registry, err);
    }
    if (verdict == OK) {
        sh->written = known_set_new(ids_max);
        verdict = sh->written ? OK : err_set(err, RETRY, WHERE, "memory is short");
    }
    if (verdict == OK) {
        verdict = kafka_places_open(sh->st, partitions, schema_registry_framing(sh->registry),
                                    sh->written, &sh->places, err);
    }
    return verdict == OK
               ? kafka_producer_start_compressing(sh->st, sh->st->worker.session_timeout_ms,
                                                  on_result, &sh->producer, err)
               : verdict;
}

static enum verdict shared_new(const struct settings *st, struct shared **out_shared,
                               struct err *err)
{
    struct shared *sh = calloc(1, sizeof *sh);
    if (!sh) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    sh->st = st;
    pthread_mutex_init(&sh->turn, NULL);
    pthread_mutex_init(&sh->lock, NULL);
    pthread_cond_init(&sh->answered, NULL);
    enum verdict verdict = shared_fill(sh, err);
    if (verdict != OK) {
        shared_free(sh);
        return verdict;
    }
    *out_shared = sh;
    return OK;
}

static enum verdict sink_open(const struct settings *st, const char *cluster_id, int lane,
                              struct sink **out_sink, struct err *err)
{
    enum verdict verdict = OK;
    (void)cluster_id;
    (void)lane;
    pthread_mutex_lock(&shared_lock);
    if (!only_shared) {
        verdict = shared_new(st, &only_shared, err);
    }
    if (verdict == OK) {
        only_shared->users++;
        *out_sink = (struct sink *)only_shared;
    }
    pthread_mutex_unlock(&shared_lock);
    return verdict;
}

static void sink_close(struct sink *sink)
{
    struct shared *sh = (struct shared *)sink;
    pthread_mutex_lock(&shared_lock);
    if (sh && --sh->users == 0) {
        only_shared = NULL;
        shared_free(sh);
    }
    pthread_mutex_unlock(&shared_lock);
}

static const struct graph_position *position_of(const struct graph_batch *rows,
                                                const struct enriched_event *ev)
{
    for (size_t i = 0; i < rows->positions.count; i++) {
        const struct graph_position *position = &rows->positions.items[i];
        if (position->partition == ev->source_partition &&
            str_eq(position->topic, ev->source_topic)) {
            return position;
        }
    }
    return NULL;
}

static int by_id_then_order(const void *a, const void *b)
{
    const struct enriched_event *const *x = a;
    const struct enriched_event *const *y = b;
    int order = id128_cmp((*x)->event_id, (*y)->event_id);
    return order ? order : ((*x)->event > (*y)->event) - ((*x)->event < (*y)->event);
}

/* Of the copies of an event only the first that is not in the topic is to be written. */
static enum verdict judge(struct shared *sh, struct graph_batch *rows, struct err *err)
{
    size_t count = rows->enriched.count;
    struct enriched_event **sorted = calloc(count ? count : 1, sizeof(struct enriched_event *));
    if (!sorted) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &rows->enriched.items[i];
    }
    qsort(sorted, count, sizeof(struct enriched_event *), by_id_then_order);
    for (size_t i = 0; i < count; i++) {
        bool is_copy = i > 0 && id128_eq(sorted[i]->event_id, sorted[i - 1]->event_id);
        rows->events.items[sorted[i]->event].is_stored =
            is_copy || known_set_has(sh->written, sorted[i]->event_id);
    }
    free(sorted);
    return OK;
}

/* Hands one record over; when the queue is full, waits for answers first. */
static enum verdict publish(struct shared *sh, const struct enriched_event *ev, struct err *err)
{
    void *bytes = NULL;
    size_t len = 0;
    enum verdict verdict =
        enriched_event_encode(schema_registry_framing(sh->registry), ev, &bytes, &len, err);
    if (verdict != OK) {
        return verdict;
    }
    for (;;) {
        pthread_mutex_lock(&sh->lock);
        size_t before = sh->pending++;
        pthread_mutex_unlock(&sh->lock);
        verdict = kafka_producer_publish_to(sh->producer, sh->st->kafka.topic_enriched,
                                            ev->source_partition, ev->key, bytes, len, sh, err);
        if (verdict == OK) {
            return OK;
        }
        pthread_mutex_lock(&sh->lock);
        sh->pending--;
        pthread_mutex_unlock(&sh->lock);
        if (verdict != RETRY || before == 0) {
            free(bytes);
            return verdict;
        }
        await(sh, before / 2);
    }
}

static enum sink_result forget(struct shared *sh, const struct graph_batch *rows,
                               enum sink_result result)
{
    await(sh, 0);
    for (size_t i = 0; i < rows->positions.count; i++) {
        kafka_places_forget(sh->places, rows->positions.items[i].topic,
                            rows->positions.items[i].partition);
    }
    return result;
}

/* What became of a failure before any record was handed over, or after. */
static enum sink_result failed(struct shared *sh, const struct graph_batch *rows,
                               enum verdict verdict)
{
    switch (verdict) {
    case REJECT:
        return forget(sh, rows, SINK_POISON);
    case FATAL:
        return forget(sh, rows, SINK_STOP);
    default:
        return forget(sh, rows, SINK_RESET);
    }
}

static enum verdict publish_all(struct shared *sh, struct graph_batch *rows, uint32_t *out_event,
                                struct err *err)
{
    enum verdict verdict = OK;
    sh->has_failed = false;
    for (size_t i = 0; verdict == OK && i < rows->enriched.count; i++) {
        struct enriched_event *ev = &rows->enriched.items[i];
        if (rows->events.items[ev->event].is_stored) {
            continue;
        }
        const struct graph_position *position = position_of(rows, ev);
        ev->source_resume_offset = position ? position->expected_offset : 0;
        *out_event = ev->event;
        verdict = publish(sh, ev, err);
    }
    await(sh, 0);
    if (verdict == OK && sh->has_failed) {
        verdict = err_set(err, RETRY, WHERE, "the broker did not take a record: %s", sh->reason);
    }
    return verdict;
}

/* All of it is in the topic: remembered, and the partitions stand behind it. */
static enum verdict settle(struct shared *sh, struct graph_batch *rows, struct err *err)
{
    enum verdict verdict = OK;
    rows->stored_count = 0;
    for (size_t i = 0; i < rows->enriched.count; i++) {
        known_set_add(sh->written, rows->enriched.items[i].event_id);
        rows->stored_count += rows->events.items[rows->enriched.items[i].event].is_stored;
    }
    for (size_t i = 0; verdict == OK && i < rows->positions.count; i++) {
        const struct graph_position *position = &rows->positions.items[i];
        verdict = kafka_places_move(sh->places, position->topic, position->partition,
                                    position->next_offset, err);
    }
    return verdict;
}

static bool is_where_it_was(struct shared *sh, const struct graph_batch *rows)
{
    for (size_t i = 0; i < rows->positions.count; i++) {
        const struct graph_position *position = &rows->positions.items[i];
        if (!kafka_places_is_at(sh->places, position->topic, position->partition,
                                position->expected_offset)) {
            return false;
        }
    }
    return true;
}

static enum sink_result write_in_turn(struct shared *sh, struct graph_batch *rows,
                                      uint32_t *out_event, struct err *err)
{
    char reason[224];
    int64_t begun_us = timebase_mono_us();
    if (!is_where_it_was(sh, rows)) {
        metrics_inc(METRIC_WORKER_FENCED);
        err_set(err, RETRY, WHERE, "a batch before this one was not written");
        return SINK_RESET;
    }
    if (!schema_registry_is_ready(sh->registry, reason, sizeof reason)) {
        err_set(err, RETRY, WHERE, "%s", reason);
        return SINK_AGAIN;
    }
    enum verdict verdict = judge(sh, rows, err);
    if (verdict == OK) {
        verdict = publish_all(sh, rows, out_event, err);
    }
    if (verdict == OK) {
        verdict = settle(sh, rows, err);
    }
    if (verdict != OK) {
        return failed(sh, rows, verdict);
    }
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, timebase_mono_us() - begun_us);
    return SINK_STORED;
}

static enum sink_result sink_write(struct sink *sink, struct graph_batch *rows, uint32_t *out_event,
                                   struct err *err)
{
    struct shared *sh = (struct shared *)sink;
    pthread_mutex_lock(&sh->turn);
    enum sink_result result = write_in_turn(sh, rows, out_event, err);
    pthread_mutex_unlock(&sh->turn);
    return result;
}

/* A partition of which the topic knows nothing is read from its low watermark. */
static enum verdict sink_load(struct sink *sink, struct sink_position *positions, size_t count,
                              struct err *err)
{
    struct shared *sh = (struct shared *)sink;
    enum verdict verdict = OK;
    pthread_mutex_lock(&sh->turn);
    for (size_t i = 0; verdict == OK && i < count; i++) {
        verdict = kafka_places_load(sh->places, str_view(positions[i].topic),
                                    positions[i].partition, &positions[i].next_offset, err);
        positions[i].is_found = verdict == OK;
    }
    pthread_mutex_unlock(&sh->turn);
    return verdict;
}

/* That a partition is stopped is kept nowhere: it stops again at the next start. */
static enum verdict sink_save(struct sink *sink, const struct sink_position *position,
                              const char *reason, struct err *err)
{
    struct shared *sh = (struct shared *)sink;
    enum verdict verdict = OK;
    if (!reason) {
        pthread_mutex_lock(&sh->turn);
        verdict = kafka_places_move(sh->places, str_view(position->topic), position->partition,
                                    position->next_offset, err);
        pthread_mutex_unlock(&sh->turn);
    }
    return verdict;
}

const struct sink_ops sink_kafka_ops = {.name = "kafka",
                                        .takes_events = true,
                                        .open = sink_open,
                                        .write = sink_write,
                                        .load = sink_load,
                                        .save = sink_save,
                                        .close = sink_close};
