#include "worker.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/admin_http.h"
#include "core/exit_code.h"
#include "core/failpoint.h"
#include "core/kafka_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "intake.h"
#include "schemas/schema_registry.h"

#define TOPICS_MAX 32
#define DONE_MAX 1024
#define POLL_MS 50
#define REVOKE_WAIT_MS 3000
#define GROUP_COMMIT_US 1000000
#define RECHECK_US 5000000
#define SERVICE_US 200000
#define STATUS_BYTES 200

struct worker {
    const struct settings *st;
    struct service *service;
    struct admin_http *admin;
    struct intake in;
    struct dead_letters *letters;
    struct schema_registry *registry; /* NULL: none */
    const struct sink_ops *ops;
    struct sink_aside *aside; /* NULL: none */
    char cluster_id[64];
    char *topic_words;
    const char *topics[TOPICS_MAX + 3];
    int64_t group_commit_at_us;
    int64_t recheck_at_us;
    int64_t service_at_us;
    atomic_bool is_assigned; /* read by /readyz */
};

/* Lock-free: set by a signal handler on whichever thread, read by the admin port's thread too. */
static atomic_bool is_stopping;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_stopping = true;
}

static bool is_ready(void *arg, char *reason, int size)
{
    struct worker *wk = arg;
    if (is_stopping) {
        snprintf(reason, (size_t)size, "stopping");
    } else if (!atomic_load(&wk->is_assigned)) {
        snprintf(reason, (size_t)size, "no answer from the consumer group yet");
    } else if (atomic_load(&wk->in.stopped)) {
        snprintf(reason, (size_t)size, "%u partitions stopped: see `metaops offsets`",
                 atomic_load(&wk->in.stopped));
    } else if (atomic_load(&wk->in.resetting)) {
        snprintf(reason, (size_t)size, "the database cannot be written");
    } else {
        return true;
    }
    return false;
}

static void measure_lag(struct worker *wk)
{
    int64_t lag = 0;
    for (size_t i = 0; i < wk->in.assignment.count; i++) {
        struct partition *part = &wk->in.assignment.partitions[i];
        int64_t high;
        if (kafka_consumer_high_watermark(wk->in.consumer, part->topic, part->number, &high) &&
            high > part->stored_offset) {
            lag += high - part->stored_offset;
        }
    }
    metrics_set(METRIC_WORKER_LAG_RECORDS, lag);
}

/* Stopped partitions may have been accepted meanwhile, and the database may have gone back. */
static void recheck_positions(struct worker *wk, int64_t now_us)
{
    struct err err;
    if (now_us < wk->recheck_at_us) {
        return;
    }
    wk->recheck_at_us = now_us + RECHECK_US;
    measure_lag(wk);
    intake_look_back(&wk->in);
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        struct lane_desk *desk = &wk->in.lanes[i];
        size_t stopped = assignment_stopped_count(&wk->in.assignment, i);
        if (stopped && !desk->is_resetting &&
            assignment_position(&wk->in.assignment, wk->in.consumer, i, &err) == OK &&
            assignment_stopped_count(&wk->in.assignment, i) < stopped) {
            intake_reset_lane(&wk->in, desk); /* all of it reads on from the positions */
        }
    }
}

static void commit_group(struct worker *wk, int64_t now_us)
{
    struct kafka_partition offsets[256];
    size_t count = 0;
    if (now_us < wk->group_commit_at_us) {
        return;
    }
    wk->group_commit_at_us = now_us + GROUP_COMMIT_US;
    for (size_t i = 0; i < wk->in.assignment.count && count < 256; i++) {
        struct partition *part = &wk->in.assignment.partitions[i];
        if (part->stored_offset > 0 && !part->is_stopped) {
            offsets[count++] = (struct kafka_partition){
                .topic = part->topic, .partition = part->number, .offset = part->stored_offset};
        }
    }
    if (count) {
        FAILPOINT("worker.group_commit");
        kafka_consumer_commit(wk->in.consumer, offsets, count);
    }
}

/* Positioned partitions first, in the order the consumer wants. */
static size_t arrange(struct worker *wk, struct kafka_partition *partitions, size_t count)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        struct partition *part =
            assignment_find(&wk->in.assignment, partitions[i].topic, partitions[i].partition);
        if (part && part->is_positioned) {
            struct kafka_partition each = partitions[i];
            each.offset = part->expected_offset;
            partitions[i] = partitions[front];
            partitions[front++] = each;
        }
    }
    return front;
}

static size_t on_assign(void *arg, struct kafka_partition *partitions, size_t count)
{
    struct worker *wk = arg;
    struct err err;
    metrics_inc(METRIC_WORKER_REBALANCES);
    log_info("partitions assigned count=%zu", count);
    if (assignment_set(&wk->in.assignment, partitions, count, &err) != OK) {
        log_error("cannot keep the assignment: %s", err.text);
        return 0;
    }
    intake_wait(&wk->in, REVOKE_WAIT_MS);
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        wk->in.lanes[i].is_resetting = false;
        wk->in.lanes[i].is_paused = false;
    }
    if (intake_is_busy(&wk->in) ||
        assignment_position(&wk->in.assignment, wk->in.consumer, UINT32_MAX, &err) != OK) {
        log_warn("cannot read positions yet%s%s", intake_is_busy(&wk->in) ? "" : ": ",
                 intake_is_busy(&wk->in) ? "" : err.text);
        for (uint32_t i = 0; i < wk->in.lane_count; i++) {
            intake_reset_lane(&wk->in, &wk->in.lanes[i]);
        }
    }
    FAILPOINT("worker.assigned");
    atomic_store(&wk->is_assigned, true);
    intake_publish_state(&wk->in);
    return arrange(wk, partitions, count);
}

static void on_revoke(void *arg, const struct kafka_partition *partitions, size_t count, bool lost)
{
    struct worker *wk = arg;
    struct err err;
    (void)partitions;
    log_info("partitions revoked count=%zu lost=%d", count, lost);
    FAILPOINT("worker.revoke_begun");
    if (!lost) {
        intake_submit_all(&wk->in);
        intake_wait(&wk->in, is_stopping ? (int)wk->st->worker.drain_timeout_ms : REVOKE_WAIT_MS);
        commit_group(wk, INT64_MAX - GROUP_COMMIT_US);
        wk->group_commit_at_us = 0;
    } else {
        atomic_store(&wk->is_assigned, false);
    }
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        intake_reset_lane(&wk->in, &wk->in.lanes[i]);
        wk->in.lanes[i].is_resetting = false;
    }
    if (assignment_set(&wk->in.assignment, NULL, 0, &err) != OK) {
        log_error("cannot clear the assignment: %s", err.text);
    }
    intake_publish_state(&wk->in);
    FAILPOINT("worker.revoke_ended");
}

static void on_poll_result(struct worker *wk, enum verdict verdict, struct kafka_record *record,
                           const struct err *err)
{
    struct partition *part;
    switch (verdict) {
    case OK:
        if (record->handle) {
            FAILPOINT("worker.polled");
            intake_record(&wk->in, record);
        }
        break;
    case REJECT:
        part = assignment_find(&wk->in.assignment, record->topic, record->partition);
        if (part) {
            assignment_stop(&wk->in.assignment, part, err->text);
            intake_publish_state(&wk->in);
        }
        break;
    case FATAL:
        log_error("the consumer cannot go on: %s", err->text);
        wk->in.has_failed = true;
        is_stopping = true;
        break;
    case RETRY:
        log_debug("Kafka: %s", err->text);
        break;
    }
}

static int poll_timeout_ms(const struct worker *wk)
{
    int timeout_ms = POLL_MS;
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        const struct batch *bt = wk->in.lanes[i].filling;
        if (bt && bt->records.count && wk->st->worker.batch_linger_ms < timeout_ms) {
            timeout_ms = (int)wk->st->worker.batch_linger_ms / 4 + 1;
        }
    }
    return timeout_ms;
}

static void show_state(struct worker *wk)
{
    char reason[STATUS_BYTES] = "storing events";

    (void)is_ready(wk, reason, sizeof(reason));
    service_status(wk->service, reason);
    service_turn(wk->service, admin_http_is_alive(wk->admin));
}

/* The consumer thread's diary. */
static void turn(struct worker *wk)
{
    struct kafka_record record = {0};
    struct err err = {.text = ""};
    intake_drain(&wk->in, 0);
    int64_t now_us = timebase_mono_us();
    if (now_us >= wk->service_at_us) {
        wk->service_at_us = now_us + SERVICE_US;
        show_state(wk);
    }
    intake_finish_resets(&wk->in, now_us);
    intake_resume(&wk->in);
    intake_submit_due(&wk->in, now_us);
    recheck_positions(wk, now_us);
    commit_group(wk, now_us);
    enum verdict verdict = kafka_consumer_poll(wk->in.consumer, poll_timeout_ms(wk), &record, &err);
    on_poll_result(wk, verdict, &record, &err);
}

static enum verdict parse_topics(struct worker *wk, const struct sink_ops *ops, struct err *err)
{
    size_t count = 0;
    wk->topics[count++] = wk->st->kafka.topic_events;
    if (!ops->takes_events) { /* which are not made of changes of keys */
        wk->topics[count++] = wk->st->kafka.topic_keys;
    }
    wk->topic_words = strdup(wk->st->ingest.openlineage_topics);
    if (!wk->topic_words) {
        return err_set(err, RETRY, "worker", "memory is short");
    }
    char *rest = NULL;
    for (char *word = strtok_r(wk->topic_words, ", ", &rest); word;
         word = strtok_r(NULL, ", ", &rest)) {
        if (count > TOPICS_MAX + 1) {
            return err_set(err, FATAL, "worker", "ingest.openlineage_topics: more than %d topics",
                           TOPICS_MAX);
        }
        wk->topics[count++] = word;
    }
    return OK;
}

/* The cluster's id is part of every position: without it nothing can begin. */
static enum verdict learn_cluster(struct worker *wk, struct err *err)
{
    int partitions = 0;
    for (;;) {
        enum verdict verdict = kafka_client_describe(wk->st, wk->st->kafka.topic_events, 5000,
                                                     wk->cluster_id, &partitions, err);
        if (verdict == FATAL || is_stopping) {
            return verdict;
        }
        if (verdict == OK && partitions > 0) {
            return OK;
        }
        log_warn("waiting for Kafka: %s",
                 verdict == OK ? "the topic is missing, `metaops migrate --kafka` makes it"
                               : err->text);
        show_state(wk);
        timebase_sleep_us(1000000);
    }
}

static enum verdict start_lanes(struct worker *wk, const struct sink_ops *ops, struct err *err)
{
    enum verdict verdict = OK;
    wk->in.lane_count = (uint32_t)wk->st->worker.lanes;
    for (uint32_t i = 0; verdict == OK && i < wk->in.lane_count; i++) {
        struct lane *lane = &wk->in.lanes[i].lane;
        *lane = (struct lane){.index = i,
                              .st = wk->st,
                              .ops = ops,
                              .known = wk->in.known,
                              .events = wk->in.events,
                              .letters = wk->letters,
                              .framing = schema_registry_framing(wk->registry),
                              .done = wk->in.done};
        verdict = lane_start(lane, wk->cluster_id, err);
    }
    return verdict;
}

static enum verdict start(struct worker *wk, const struct sink_ops *ops, struct err *err)
{
    const struct kafka_consumer_callbacks callbacks = {
        .arg = wk, .on_assign = on_assign, .on_revoke = on_revoke};
    size_t ids_max = (size_t)wk->st->worker.known_ids_max / 2;
    enum verdict verdict = parse_topics(wk, ops, err);
    if (verdict == OK) {
        verdict = learn_cluster(wk, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    wk->in.known = known_set_new(ids_max);
    wk->in.events = known_set_new(ids_max);
    wk->in.done = bounded_queue_new(DONE_MAX);
    if (!wk->in.known || !wk->in.events || !wk->in.done) {
        return err_set(err, RETRY, "worker", "memory is short");
    }
    verdict = schema_registry_start(wk->st, SCHEMA_REGISTRY_WRITES(RELEASED_DEAD_LETTER),
                                    &wk->registry, err);
    if (verdict == OK) {
        verdict =
            dead_letters_start(wk->st, schema_registry_framing(wk->registry), &wk->letters, err);
    }
    if (verdict == OK) {
        verdict = ops->open(wk->st, wk->cluster_id, INTAKE_LANES_MAX, &wk->in.assignment.desk, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    wk->in.assignment.ops = ops;
    wk->in.assignment.lanes = (uint32_t)wk->st->worker.lanes;
    wk->in.assignment.own_topics[0] = wk->st->kafka.topic_events;
    wk->in.assignment.own_topics[1] = wk->st->kafka.topic_keys;
    verdict = ops->start_aside ? ops->start_aside(wk->st, &wk->aside, err) : OK;
    if (verdict == OK) {
        verdict = start_lanes(wk, ops, err);
    }
    return verdict == OK
               ? kafka_consumer_open(wk->st, wk->topics, &callbacks, &wk->in.consumer, err)
               : verdict;
}

static void stop(struct worker *wk)
{
    if (wk->in.consumer) {
        on_revoke(wk, NULL, wk->in.assignment.count, wk->in.has_failed);
    }
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        lane_stop(&wk->in.lanes[i].lane);
    }
    if (wk->in.done) {
        intake_drain(&wk->in, 0);
    }
    /* Batches hold records of the consumer: they go first. */
    intake_fini(&wk->in);
    kafka_consumer_close(wk->in.consumer);
    dead_letters_stop(wk->letters);
    for (uint32_t i = 0; i < wk->in.lane_count; i++) {
        lane_fini(&wk->in.lanes[i].lane);
    }
    if (wk->aside) {
        wk->ops->stop_aside(wk->aside);
    }
    schema_registry_stop(wk->registry);
    assignment_fini(&wk->in.assignment);
    bounded_queue_free(wk->in.done);
    known_set_free(wk->in.known);
    known_set_free(wk->in.events);
    free(wk->topic_words);
}

int worker_run(const struct settings *st, const struct sink_ops *sink)
{
    struct err err = {.text = ""};
    struct sigaction action = {.sa_handler = on_signal};
    struct worker *wk = calloc(1, sizeof *wk);
    if (!wk) {
        log_error("memory is short");
        return EXIT_CODE_FAILED;
    }
    wk->st = st;
    wk->ops = sink;
    wk->in.st = st;
    is_stopping = false;
    log_thread_name("worker");
    log_info("worker starting version=%s sink=%s group=%s brokers=%s", METAOPS_VERSION, sink->name,
             st->worker.group, st->kafka.brokers);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    enum verdict verdict = admin_http_check(st->worker.admin_listen, st, &err);
    if (verdict != OK) {
        log_error("worker does not start: %s", err.text);
        free(wk);
        return EXIT_CODE_SETTINGS;
    }
    verdict = service_open("worker", st, &wk->service, &err);
    if (verdict == OK) {
        verdict = admin_http_start(st->worker.admin_listen, st, is_ready, wk, &wk->admin, &err);
    }
    if (verdict == OK) {
        service_add(wk->service, admin_http_part(wk->admin));
        service_ready(wk->service);
        verdict = start(wk, sink, &err);
    }
    if (verdict != OK) {
        log_error("cannot start: %s", err.text);
    }
    while (verdict == OK && !is_stopping && !wk->in.has_failed) {
        turn(wk);
    }
    log_info("worker stopping");
    bool has_failed = verdict != OK || wk->in.has_failed;
    if (wk->service) {
        service_stopping(wk->service);
    }
    stop(wk);
    admin_http_stop(wk->admin);
    service_close(wk->service);
    free(wk);
    return has_failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
