#include "worker.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "assignment.h"
#include "core/admin_http.h"
#include "core/exit_code.h"
#include "core/kafka_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "lane.h"

#define LANES_MAX 16
#define TOPICS_MAX 32
#define DONE_MAX 1024
#define POLL_MS 50
#define REVOKE_WAIT_MS 3000
#define GROUP_COMMIT_US 1000000
#define RECHECK_US 5000000
#define RETRY_FIRST_US 200000
#define RETRY_LONGEST_US 5000000
#define BLOCKED_PAUSE_MS 1000

/* A lane, as the consumer thread sees it. */
struct lane_desk {
    struct lane lane;
    struct batch *filling;
    struct batch *spare[8];
    int spare_count;
    int batch_count;
    bool is_resetting; /* positions must be read anew once nothing is in flight */
    bool is_paused;
    int64_t retry_at_us;
    int64_t retry_pause_us;
};

struct worker {
    const struct settings *st;
    struct assignment assignment;
    struct kafka_consumer *consumer;
    struct known_set *known;
    struct known_set *events;
    struct dead_letters *letters;
    struct bounded_queue *done;
    struct lane_desk lanes[LANES_MAX];
    uint32_t lane_count;
    char cluster_id[64];
    char *topic_words;
    const char *topics[TOPICS_MAX + 2];
    int64_t group_commit_at_us;
    int64_t recheck_at_us;
    bool has_failed;
    atomic_bool is_assigned; /* read by /readyz, as are the two below */
    atomic_uint resetting;
    atomic_uint stopped;
};

static volatile sig_atomic_t is_stopping;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_stopping = 1;
}

static bool is_ready(void *arg, char *reason, int size)
{
    struct worker *wk = arg;
    if (is_stopping) {
        snprintf(reason, (size_t)size, "stopping");
    } else if (!atomic_load(&wk->is_assigned)) {
        snprintf(reason, (size_t)size, "no answer from the consumer group yet");
    } else if (atomic_load(&wk->stopped)) {
        snprintf(reason, (size_t)size, "%u partitions stopped: see `metaops offsets`",
                 atomic_load(&wk->stopped));
    } else if (atomic_load(&wk->resetting)) {
        snprintf(reason, (size_t)size, "the database cannot be written");
    } else {
        return true;
    }
    return false;
}

static void publish_state(struct worker *wk)
{
    unsigned resetting = 0;
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        resetting += wk->lanes[i].is_resetting;
    }
    unsigned stopped = (unsigned)assignment_stopped_count(&wk->assignment);
    atomic_store(&wk->resetting, resetting);
    atomic_store(&wk->stopped, stopped);
    metrics_set(METRIC_WORKER_PARTITIONS_STOPPED, stopped);
    metrics_set(METRIC_WORKER_PARTITIONS, (int64_t)wk->assignment.count);
}

static void recycle(struct lane_desk *desk, struct batch *bt)
{
    batch_reset(bt);
    if (bt->is_extra) {
        batch_free(bt);
    } else {
        desk->spare[desk->spare_count++] = bt;
    }
}

static struct batch *take_spare(struct worker *wk, struct lane_desk *desk)
{
    if (desk->spare_count) {
        return desk->spare[--desk->spare_count];
    }
    int batches_max = (int)wk->st->worker.batches_in_flight_max + 1;
    if (desk->batch_count >= batches_max) {
        return NULL;
    }
    struct batch *bt = batch_new(desk->lane.index, (size_t)wk->st->worker.batch_bytes_max,
                                 (size_t)wk->st->ingest.body_bytes_max);
    desk->batch_count += bt != NULL;
    return bt;
}

/* Everything in memory of this lane is void: batches of the old epoch come back dropped. */
static void begin_reset(struct worker *wk, struct lane_desk *desk)
{
    atomic_fetch_add(&desk->lane.epoch, 1);
    if (desk->filling) {
        recycle(desk, desk->filling);
        desk->filling = NULL;
    }
    for (size_t i = 0; i < wk->assignment.count; i++) {
        struct partition *part = &wk->assignment.partitions[i];
        if (part->lane == desk->lane.index) {
            part->is_positioned = false;
        }
    }
    if (!desk->is_resetting) {
        desk->is_resetting = true;
        desk->retry_pause_us = RETRY_FIRST_US;
        desk->retry_at_us = timebase_mono_us();
    }
    publish_state(wk);
}

static void note_stored(struct worker *wk, const struct batch *bt)
{
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        const struct graph_position *position = &bt->rows.positions.items[i];
        struct partition *part =
            assignment_find(&wk->assignment, position->topic.ptr, position->partition);
        if (part) {
            part->stored_offset = position->next_offset;
        }
    }
}

static void on_done(struct worker *wk, struct batch *bt)
{
    struct lane_desk *desk = &wk->lanes[bt->lane];
    bool is_current = bt->epoch == atomic_load(&desk->lane.epoch);
    atomic_fetch_sub(&desk->lane.in_flight, 1);
    switch ((enum lane_outcome)bt->outcome) {
    case LANE_STORED:
        if (is_current) {
            note_stored(wk, bt);
        }
        break;
    case LANE_RESET:
        known_set_clear(wk->known);
        known_set_clear(wk->events);
        begin_reset(wk, desk);
        break;
    case LANE_STALE:
        begin_reset(wk, desk);
        break;
    case LANE_STOPPED:
        wk->has_failed = true;
        is_stopping = 1;
        break;
    case LANE_DROPPED:
        break;
    }
    recycle(desk, bt);
}

static void drain_done(struct worker *wk, int timeout_ms)
{
    struct batch *bt = bounded_queue_pop(wk->done, timeout_ms);
    while (bt) {
        on_done(wk, bt);
        bt = bounded_queue_pop(wk->done, 0);
    }
}

static bool is_in_flight(struct worker *wk)
{
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        if (atomic_load(&wk->lanes[i].lane.in_flight)) {
            return true;
        }
    }
    return false;
}

static void wait_for_lanes(struct worker *wk, int timeout_ms)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    while (is_in_flight(wk) && timebase_mono_us() < deadline_us) {
        drain_done(wk, POLL_MS);
    }
}

static bool submit(struct worker *wk, struct lane_desk *desk)
{
    struct batch *bt = desk->filling;
    (void)wk;
    if (!lane_submit(&desk->lane, bt)) {
        return false;
    }
    desk->filling = NULL;
    return true;
}

static bool is_full(const struct worker *wk, const struct batch *bt)
{
    return bt->records.count >= (size_t)wk->st->worker.batch_events_max ||
           bt->record_bytes >= (size_t)wk->st->worker.batch_bytes_max;
}

/* While a lane is busy its next batch grows: under load batches are large, else quick. */
static void submit_due(struct worker *wk, int64_t now_us)
{
    int64_t linger_us = wk->st->worker.batch_linger_ms * 1000;
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        struct lane_desk *desk = &wk->lanes[i];
        struct batch *bt = desk->filling;
        if (!bt || !bt->records.count) {
            continue;
        }
        bool is_idle = atomic_load(&desk->lane.in_flight) == 0;
        if (is_full(wk, bt) || (is_idle && now_us - bt->begun_mono_us >= linger_us)) {
            (void)submit(wk, desk);
        }
    }
}

static bool add_record(struct lane_desk *desk, struct partition *part,
                       const struct kafka_record *record)
{
    struct batch *bt = desk->filling;
    struct graph_position *position = NULL;
    for (size_t i = 0; !position && i < bt->rows.positions.count; i++) {
        struct graph_position *each = &bt->rows.positions.items[i];
        if (each->partition == part->number && str_eq(each->topic, str_view(part->topic))) {
            position = each;
        }
    }
    if (!position) {
        struct str topic = arena_dup(bt->arena, str_view(part->topic));
        position = topic.ptr ? graph_rows_add(&bt->rows.positions) : NULL;
        if (!position) {
            return false;
        }
        *position = (struct graph_position){
            .topic = topic, .partition = part->number, .expected_offset = part->expected_offset};
    }
    struct kafka_record *kept = graph_rows_add(&bt->records);
    if (!kept) {
        return false;
    }
    *kept = *record;
    part->expected_offset = record->offset + 1;
    bt->record_bytes += record->value.len;
    return true;
}

static void pause_lane(struct worker *wk, struct lane_desk *desk, bool is_paused)
{
    for (size_t i = 0; i < wk->assignment.count; i++) {
        struct partition *part = &wk->assignment.partitions[i];
        struct kafka_partition each = {.topic = part->topic, .partition = part->number};
        if (part->lane != desk->lane.index) {
            continue;
        }
        if (is_paused) {
            kafka_consumer_pause(wk->consumer, &each, 1);
        } else if (part->is_positioned) {
            kafka_consumer_resume(wk->consumer, &each, 1);
        }
    }
    desk->is_paused = is_paused;
}

/* Room in the lane for one more record, waiting for the sink if need be. A lane that stays full is paused, its
 * record read again later: polling must go on, or the group throws this worker out. */
static bool make_room(struct worker *wk, struct lane_desk *desk)
{
    int64_t deadline_us = timebase_mono_us() + BLOCKED_PAUSE_MS * 1000;
    for (;;) {
        if (desk->filling && is_full(wk, desk->filling)) {
            (void)submit(wk, desk);
        }
        if (desk->filling && !is_full(wk, desk->filling)) {
            return true;
        }
        if (!desk->filling && (desk->filling = take_spare(wk, desk))) {
            desk->filling->epoch = atomic_load(&desk->lane.epoch);
            desk->filling->begun_mono_us = timebase_mono_us();
            return true;
        }
        if (desk->is_resetting || timebase_mono_us() >= deadline_us) {
            return false;
        }
        drain_done(wk, POLL_MS);
    }
}

static void rewind_to(struct worker *wk, struct partition *part, int64_t offset)
{
    struct err err;
    struct kafka_partition where = {
        .topic = part->topic, .partition = part->number, .offset = offset};
    if (kafka_consumer_seek(wk->consumer, &where, &err) != OK) {
        log_warn("cannot continue a partition: %s", err.text);
        begin_reset(wk, &wk->lanes[part->lane]);
    }
}

static void on_record(struct worker *wk, struct kafka_record *record)
{
    struct partition *part = assignment_find(&wk->assignment, record->topic, record->partition);
    struct lane_desk *desk = part ? &wk->lanes[part->lane] : NULL;
    metrics_inc(METRIC_WORKER_RECORDS);
    if (!part || !part->is_positioned || record->offset < part->expected_offset) {
        kafka_record_free(record);
        return;
    }
    if (make_room(wk, desk) && part->is_positioned) {
        if (add_record(desk, part, record)) {
            return;
        }
        begin_reset(wk, desk);
    } else if (!desk->is_resetting) {
        pause_lane(wk, desk, true);
        rewind_to(wk, part, record->offset);
    }
    kafka_record_free(record);
}

/* Paused lanes go on when a batch is free again. */
static void resume_lanes(struct worker *wk)
{
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        struct lane_desk *desk = &wk->lanes[i];
        if (desk->is_paused && !desk->is_resetting && (desk->spare_count || !desk->filling)) {
            pause_lane(wk, desk, false);
        }
    }
}

/* Positions from the database, then seek and go on. */
static void finish_reset(struct worker *wk, struct lane_desk *desk, int64_t now_us)
{
    struct err err;
    if (now_us < desk->retry_at_us || atomic_load(&desk->lane.in_flight)) {
        return;
    }
    if (assignment_position(&wk->assignment, wk->consumer, desk->lane.index, &err) != OK) {
        log_warn("cannot read positions, trying again in %lld ms: %s",
                 (long long)(desk->retry_pause_us / 1000), err.text);
        desk->retry_at_us = timebase_mono_us() + desk->retry_pause_us;
        desk->retry_pause_us = desk->retry_pause_us * 2 > RETRY_LONGEST_US
                                   ? RETRY_LONGEST_US
                                   : desk->retry_pause_us * 2;
        pause_lane(wk, desk, true);
        publish_state(wk);
        return;
    }
    desk->is_resetting = false;
    for (size_t i = 0; i < wk->assignment.count && !desk->is_resetting; i++) {
        struct partition *part = &wk->assignment.partitions[i];
        if (part->lane == desk->lane.index && part->is_positioned) {
            rewind_to(wk, part, part->expected_offset);
        }
    }
    if (!desk->is_resetting) {
        pause_lane(wk, desk, false);
    }
    publish_state(wk);
}

/* Stopped partitions may have been accepted meanwhile. */
static void recheck_stopped(struct worker *wk, int64_t now_us)
{
    struct err err;
    if (now_us < wk->recheck_at_us) {
        return;
    }
    wk->recheck_at_us = now_us + RECHECK_US;
    int64_t lag = 0;
    for (size_t i = 0; i < wk->assignment.count; i++) {
        struct partition *part = &wk->assignment.partitions[i];
        int64_t high;
        if (kafka_consumer_high_watermark(wk->consumer, part->topic, part->number, &high) &&
            high > part->stored_offset) {
            lag += high - part->stored_offset;
        }
    }
    metrics_set(METRIC_WORKER_LAG_RECORDS, lag);
    if (!assignment_stopped_count(&wk->assignment)) {
        return;
    }
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        struct lane_desk *desk = &wk->lanes[i];
        if (!desk->is_resetting &&
            assignment_position(&wk->assignment, wk->consumer, i, &err) == OK) {
            begin_reset(wk, desk); /* read on from the positions, whichever changed */
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
    for (size_t i = 0; i < wk->assignment.count && count < 256; i++) {
        struct partition *part = &wk->assignment.partitions[i];
        if (part->stored_offset > 0 && !part->is_stopped) {
            offsets[count++] = (struct kafka_partition){
                .topic = part->topic, .partition = part->number, .offset = part->stored_offset};
        }
    }
    if (count) {
        kafka_consumer_commit(wk->consumer, offsets, count);
    }
}

/* Positioned partitions first, in the order the consumer wants. */
static size_t arrange(struct worker *wk, struct kafka_partition *partitions, size_t count)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        struct partition *part =
            assignment_find(&wk->assignment, partitions[i].topic, partitions[i].partition);
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
    if (assignment_set(&wk->assignment, partitions, count, &err) != OK) {
        log_error("cannot keep the assignment: %s", err.text);
        return 0;
    }
    wait_for_lanes(wk, REVOKE_WAIT_MS);
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        wk->lanes[i].is_resetting = false;
        wk->lanes[i].is_paused = false;
    }
    if (is_in_flight(wk) ||
        assignment_position(&wk->assignment, wk->consumer, UINT32_MAX, &err) != OK) {
        log_warn("cannot read positions yet%s%s", is_in_flight(wk) ? "" : ": ",
                 is_in_flight(wk) ? "" : err.text);
        for (uint32_t i = 0; i < wk->lane_count; i++) {
            begin_reset(wk, &wk->lanes[i]);
        }
    }
    atomic_store(&wk->is_assigned, true);
    publish_state(wk);
    return arrange(wk, partitions, count);
}

static void on_revoke(void *arg, const struct kafka_partition *partitions, size_t count, bool lost)
{
    struct worker *wk = arg;
    struct err err;
    (void)partitions;
    log_info("partitions revoked count=%zu lost=%d", count, lost);
    if (!lost) {
        for (uint32_t i = 0; i < wk->lane_count; i++) {
            struct lane_desk *desk = &wk->lanes[i];
            if (desk->filling && desk->filling->records.count && !desk->is_resetting) {
                (void)submit(wk, desk);
            }
        }
        wait_for_lanes(wk, REVOKE_WAIT_MS);
        commit_group(wk, INT64_MAX - GROUP_COMMIT_US);
        wk->group_commit_at_us = 0;
    }
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        begin_reset(wk, &wk->lanes[i]);
        wk->lanes[i].is_resetting = false;
    }
    if (assignment_set(&wk->assignment, NULL, 0, &err) != OK) {
        log_error("cannot clear the assignment: %s", err.text);
    }
    publish_state(wk);
}

static void on_poll_result(struct worker *wk, enum verdict verdict, struct kafka_record *record,
                           const struct err *err)
{
    struct partition *part;
    switch (verdict) {
    case OK:
        if (record->handle) {
            on_record(wk, record);
        }
        break;
    case REJECT:
        part = assignment_find(&wk->assignment, record->topic, record->partition);
        if (part) {
            assignment_stop(&wk->assignment, part, err->text);
            publish_state(wk);
        }
        break;
    case FATAL:
        log_error("the consumer cannot go on: %s", err->text);
        wk->has_failed = true;
        is_stopping = 1;
        break;
    case RETRY:
        log_debug("Kafka: %s", err->text);
        break;
    }
}

static int poll_timeout_ms(const struct worker *wk)
{
    int timeout_ms = POLL_MS;
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        const struct batch *bt = wk->lanes[i].filling;
        if (bt && bt->records.count && wk->st->worker.batch_linger_ms < timeout_ms) {
            timeout_ms = (int)wk->st->worker.batch_linger_ms / 4 + 1;
        }
    }
    return timeout_ms;
}

/* The consumer thread's diary. */
static void turn(struct worker *wk)
{
    struct kafka_record record = {0};
    struct err err = {.text = ""};
    drain_done(wk, 0);
    int64_t now_us = timebase_mono_us();
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        if (wk->lanes[i].is_resetting) {
            finish_reset(wk, &wk->lanes[i], now_us);
        }
    }
    resume_lanes(wk);
    submit_due(wk, now_us);
    recheck_stopped(wk, now_us);
    commit_group(wk, now_us);
    enum verdict verdict = kafka_consumer_poll(wk->consumer, poll_timeout_ms(wk), &record, &err);
    on_poll_result(wk, verdict, &record, &err);
}

static enum verdict parse_topics(struct worker *wk, struct err *err)
{
    size_t count = 0;
    wk->topics[count++] = wk->st->kafka.topic_events;
    wk->topic_words = strdup(wk->st->ingest.openlineage_topics);
    if (!wk->topic_words) {
        return err_set(err, RETRY, "worker", "memory is short");
    }
    char *rest = NULL;
    for (char *word = strtok_r(wk->topic_words, ", ", &rest); word;
         word = strtok_r(NULL, ", ", &rest)) {
        if (count > TOPICS_MAX) {
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
        struct timespec second = {.tv_sec = 1};
        nanosleep(&second, NULL);
    }
}

static enum verdict start_lanes(struct worker *wk, const struct sink_ops *ops, struct err *err)
{
    enum verdict verdict = OK;
    wk->lane_count = (uint32_t)wk->st->worker.lanes;
    for (uint32_t i = 0; verdict == OK && i < wk->lane_count; i++) {
        struct lane *lane = &wk->lanes[i].lane;
        *lane = (struct lane){.index = i,
                              .st = wk->st,
                              .ops = ops,
                              .known = wk->known,
                              .events = wk->events,
                              .letters = wk->letters,
                              .done = wk->done};
        verdict = lane_start(lane, wk->cluster_id, err);
    }
    return verdict;
}

static enum verdict start(struct worker *wk, const struct sink_ops *ops, struct err *err)
{
    const struct kafka_consumer_callbacks callbacks = {
        .arg = wk, .on_assign = on_assign, .on_revoke = on_revoke};
    size_t ids_max = (size_t)wk->st->worker.known_ids_max / 2;
    enum verdict verdict = parse_topics(wk, err);
    if (verdict == OK) {
        verdict = learn_cluster(wk, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    wk->known = known_set_new(ids_max);
    wk->events = known_set_new(ids_max);
    wk->done = bounded_queue_new(DONE_MAX);
    if (!wk->known || !wk->events || !wk->done) {
        return err_set(err, RETRY, "worker", "memory is short");
    }
    verdict = dead_letters_start(wk->st, &wk->letters, err);
    if (verdict == OK) {
        verdict = ops->open(wk->st, wk->cluster_id, LANES_MAX, &wk->assignment.desk, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    wk->assignment.ops = ops;
    wk->assignment.lanes = (uint32_t)wk->st->worker.lanes;
    wk->assignment.own_topic = wk->st->kafka.topic_events;
    verdict = start_lanes(wk, ops, err);
    return verdict == OK ? kafka_consumer_open(wk->st, wk->topics, &callbacks, &wk->consumer, err)
                         : verdict;
}

static void stop(struct worker *wk)
{
    if (wk->consumer) {
        on_revoke(wk, NULL, wk->assignment.count, wk->has_failed);
    }
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        lane_stop(&wk->lanes[i].lane);
    }
    if (wk->done) {
        drain_done(wk, 0);
    }
    kafka_consumer_close(wk->consumer);
    dead_letters_stop(wk->letters);
    for (uint32_t i = 0; i < wk->lane_count; i++) {
        struct lane_desk *desk = &wk->lanes[i];
        while (desk->spare_count) {
            batch_free(desk->spare[--desk->spare_count]);
        }
        batch_free(desk->filling);
        lane_fini(&desk->lane);
    }
    assignment_fini(&wk->assignment);
    bounded_queue_free(wk->done);
    known_set_free(wk->known);
    known_set_free(wk->events);
    free(wk->topic_words);
}

int worker_run(const struct settings *st, const struct sink_ops *sink)
{
    struct err err = {.text = ""};
    struct admin_http *admin = NULL;
    struct sigaction action = {.sa_handler = on_signal};
    struct worker *wk = calloc(1, sizeof *wk);
    if (!wk) {
        log_error("memory is short");
        return EXIT_CODE_FAILED;
    }
    wk->st = st;
    log_thread_name("worker");
    log_info("worker starting version=%s sink=%s group=%s brokers=%s", METAOPS_VERSION, sink->name,
             st->worker.group, st->kafka.brokers);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    enum verdict verdict = admin_http_start(st->worker.admin_listen, is_ready, wk, &admin, &err);
    if (verdict == OK) {
        verdict = start(wk, sink, &err);
    }
    if (verdict != OK) {
        log_error("cannot start: %s", err.text);
    }
    while (verdict == OK && !is_stopping) {
        turn(wk);
    }
    log_info("worker stopping");
    bool has_failed = verdict != OK || wk->has_failed;
    stop(wk);
    admin_http_stop(admin);
    free(wk);
    return has_failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
