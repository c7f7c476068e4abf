#include "intake.h"

#include <stdlib.h>

#include "core/failpoint.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"

#define POLL_MS 50
#define RETRY_FIRST_US 200000
#define RETRY_LONGEST_US 5000000
#define BLOCKED_PAUSE_MS 1000

void intake_publish_state(struct intake *in)
{
    unsigned resetting = 0;
    for (uint32_t i = 0; i < in->lane_count; i++) {
        resetting += in->lanes[i].is_resetting;
    }
    unsigned stopped = (unsigned)assignment_stopped_count(&in->assignment, UINT32_MAX);
    atomic_store(&in->resetting, resetting);
    atomic_store(&in->stopped, stopped);
    metrics_set(METRIC_WORKER_PARTITIONS_STOPPED, stopped);
    metrics_set(METRIC_WORKER_PARTITIONS, (int64_t)in->assignment.count);
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

static int batches_max(const struct intake *in)
{
    return (int)in->st->worker.batches_in_flight_max + 1;
}

static struct batch *take_spare(struct intake *in, struct lane_desk *desk)
{
    if (desk->spare_count) {
        return desk->spare[--desk->spare_count];
    }
    if (desk->batch_count >= batches_max(in)) {
        return NULL;
    }
    struct batch *bt = batch_new(desk->lane.index, (size_t)in->st->worker.batch_bytes_max,
                                 (size_t)in->st->ingest.body_bytes_max);
    desk->batch_count += bt != NULL;
    return bt;
}

/* Everything in memory of this lane is void: batches of the old epoch come back dropped. */
void intake_reset_lane(struct intake *in, struct lane_desk *desk)
{
    atomic_fetch_add(&desk->lane.epoch, 1);
    if (desk->filling) {
        recycle(desk, desk->filling);
        desk->filling = NULL;
    }
    for (size_t i = 0; i < in->assignment.count; i++) {
        struct partition *part = &in->assignment.partitions[i];
        if (part->lane == desk->lane.index) {
            part->is_positioned = false;
        }
    }
    if (!desk->is_resetting) {
        desk->is_resetting = true;
        desk->retry_pause_us = RETRY_FIRST_US;
        desk->retry_at_us = timebase_mono_us();
    }
    intake_publish_state(in);
}

/* What is known to be stored may not be so any more. */
static void forget_stored(struct intake *in)
{
    known_set_clear(in->known);
    known_set_clear(in->events);
}

static void note_stored(struct intake *in, const struct batch *bt)
{
    for (size_t i = 0; i < bt->rows.positions.count; i++) {
        const struct graph_position *position = &bt->rows.positions.items[i];
        struct partition *part =
            assignment_find(&in->assignment, position->topic.ptr, position->partition);
        if (part) {
            part->stored_offset = position->next_offset;
        }
    }
}

static void on_done(struct intake *in, struct batch *bt)
{
    struct lane_desk *desk = &in->lanes[bt->lane];
    bool is_current = bt->epoch == atomic_load(&desk->lane.epoch);
    atomic_fetch_sub(&desk->lane.in_flight, 1);
    switch ((enum lane_outcome)bt->outcome) {
    case LANE_STORED:
        if (is_current) {
            note_stored(in, bt);
        }
        break;
    case LANE_RESET:
        forget_stored(in);
        intake_reset_lane(in, desk);
        break;
    case LANE_STALE:
        intake_reset_lane(in, desk);
        break;
    case LANE_STOPPED:
        in->has_failed = true;
        break;
    case LANE_DROPPED:
        break;
    }
    recycle(desk, bt);
}

void intake_drain(struct intake *in, int timeout_ms)
{
    struct batch *bt = bounded_queue_pop(in->done, timeout_ms);
    while (bt) {
        on_done(in, bt);
        bt = bounded_queue_pop(in->done, 0);
    }
}

bool intake_is_busy(struct intake *in)
{
    for (uint32_t i = 0; i < in->lane_count; i++) {
        if (atomic_load(&in->lanes[i].lane.in_flight)) {
            return true;
        }
    }
    return false;
}

void intake_wait(struct intake *in, int timeout_ms)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    while (intake_is_busy(in) && timebase_mono_us() < deadline_us) {
        intake_drain(in, POLL_MS);
    }
}

static bool submit(struct lane_desk *desk)
{
    struct batch *bt = desk->filling;
    FAILPOINT("intake.batch_closed");
    if (!lane_submit(&desk->lane, bt)) {
        return false;
    }
    desk->filling = NULL;
    return true;
}

static bool is_full(const struct intake *in, const struct batch *bt)
{
    return bt->records.count >= (size_t)in->st->worker.batch_events_max ||
           bt->record_bytes >= (size_t)in->st->worker.batch_bytes_max;
}

/* While a lane is busy its next batch grows: under load batches are large, else quick. */
void intake_submit_due(struct intake *in, int64_t now_us)
{
    int64_t linger_us = in->st->worker.batch_linger_ms * 1000;
    for (uint32_t i = 0; i < in->lane_count; i++) {
        struct lane_desk *desk = &in->lanes[i];
        struct batch *bt = desk->filling;
        if (!bt || !bt->records.count) {
            continue;
        }
        bool is_idle = atomic_load(&desk->lane.in_flight) == 0;
        if (is_full(in, bt) || (is_idle && now_us - bt->begun_mono_us >= linger_us)) {
            (void)submit(desk);
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

static void pause_lane(struct intake *in, struct lane_desk *desk, bool is_paused)
{
    for (size_t i = 0; i < in->assignment.count; i++) {
        struct partition *part = &in->assignment.partitions[i];
        struct kafka_partition each = {.topic = part->topic, .partition = part->number};
        if (part->lane != desk->lane.index) {
            continue;
        }
        if (is_paused) {
            kafka_consumer_pause(in->consumer, &each, 1);
        } else if (part->is_positioned) {
            kafka_consumer_resume(in->consumer, &each, 1);
        }
    }
    desk->is_paused = is_paused;
}

/* Room in the lane for one more record, waiting for the sink if need be. A lane that stays full is paused, its
 * record read again later: polling must go on, or the group throws this worker out. */
static bool make_room(struct intake *in, struct lane_desk *desk)
{
    int64_t deadline_us = timebase_mono_us() + BLOCKED_PAUSE_MS * 1000;
    for (;;) {
        if (desk->filling && is_full(in, desk->filling)) {
            (void)submit(desk);
        }
        if (desk->filling && !is_full(in, desk->filling)) {
            return true;
        }
        if (!desk->filling && (desk->filling = take_spare(in, desk))) {
            desk->filling->epoch = atomic_load(&desk->lane.epoch);
            desk->filling->begun_mono_us = timebase_mono_us();
            return true;
        }
        if (desk->is_resetting || timebase_mono_us() >= deadline_us) {
            return false;
        }
        intake_drain(in, POLL_MS);
    }
}

static void rewind_to(struct intake *in, struct partition *part, int64_t offset)
{
    struct err err;
    struct kafka_partition where = {
        .topic = part->topic, .partition = part->number, .offset = offset};
    if (kafka_consumer_seek(in->consumer, &where, &err) != OK) {
        log_warn("cannot continue a partition: %s", err.text);
        intake_reset_lane(in, &in->lanes[part->lane]);
    }
}

void intake_record(struct intake *in, struct kafka_record *record)
{
    struct partition *part = assignment_find(&in->assignment, record->topic, record->partition);
    struct lane_desk *desk = part ? &in->lanes[part->lane] : NULL;
    metrics_inc(METRIC_WORKER_RECORDS);
    if (!part || !part->is_positioned || record->offset < part->expected_offset) {
        kafka_record_free(record);
        return;
    }
    if (assignment_doubts(part, record->offset)) {
        log_warn("records were left out, reading again topic=%s partition=%d offsets=%lld-%lld",
                 part->topic, part->number, (long long)part->expected_offset,
                 (long long)record->offset - 1);
        rewind_to(in, part, part->expected_offset);
        kafka_record_free(record);
        return;
    }
    if (make_room(in, desk) && part->is_positioned) {
        if (add_record(desk, part, record)) {
            return;
        }
        intake_reset_lane(in, desk);
    } else if (!desk->is_resetting) {
        pause_lane(in, desk, true);
        rewind_to(in, part, record->offset);
    }
    kafka_record_free(record);
}

/* Paused lanes go on when a batch is free again. */
void intake_resume(struct intake *in)
{
    for (uint32_t i = 0; i < in->lane_count; i++) {
        struct lane_desk *desk = &in->lanes[i];
        bool has_room = desk->spare_count || desk->batch_count < batches_max(in) ||
                        (desk->filling && !is_full(in, desk->filling));
        if (desk->is_paused && !desk->is_resetting && has_room) {
            pause_lane(in, desk, false);
        }
    }
}

/* Positions from the database, then seek and go on. */
static void finish_reset(struct intake *in, struct lane_desk *desk, int64_t now_us)
{
    struct err err;
    if (now_us < desk->retry_at_us || atomic_load(&desk->lane.in_flight)) {
        return;
    }
    enum verdict verdict =
        assignment_position(&in->assignment, in->consumer, desk->lane.index, &err);
    if (verdict == FATAL) {
        log_error("cannot go on: %s", err.text);
        in->has_failed = true;
        return;
    }
    if (verdict != OK) {
        log_warn("cannot read positions, trying again in %lld ms: %s",
                 (long long)(desk->retry_pause_us / 1000), err.text);
        desk->retry_at_us = timebase_mono_us() + desk->retry_pause_us;
        desk->retry_pause_us = desk->retry_pause_us * 2 > RETRY_LONGEST_US
                                   ? RETRY_LONGEST_US
                                   : desk->retry_pause_us * 2;
        pause_lane(in, desk, true);
        intake_publish_state(in);
        return;
    }
    desk->is_resetting = false;
    for (size_t i = 0; i < in->assignment.count && !desk->is_resetting; i++) {
        struct partition *part = &in->assignment.partitions[i];
        if (part->lane == desk->lane.index && part->is_positioned) {
            rewind_to(in, part, part->expected_offset);
        }
    }
    if (!desk->is_resetting) {
        pause_lane(in, desk, false);
    }
    intake_publish_state(in);
}

void intake_finish_resets(struct intake *in, int64_t now_us)
{
    for (uint32_t i = 0; i < in->lane_count; i++) {
        if (in->lanes[i].is_resetting) {
            finish_reset(in, &in->lanes[i], now_us);
        }
    }
}

void intake_look_back(struct intake *in)
{
    struct err err;
    if (!in->assignment.ops->may_go_back || atomic_load(&in->resetting)) {
        return;
    }
    if (assignment_compare(&in->assignment, &err) != OK) {
        log_debug("cannot look at the positions: %s", err.text);
        return;
    }
    for (size_t i = 0; i < in->assignment.count; i++) {
        struct partition *part = &in->assignment.partitions[i];
        struct lane_desk *desk = &in->lanes[part->lane];
        if (part->is_moved && !desk->is_resetting && !atomic_load(&desk->lane.in_flight)) {
            log_warn("the database has a partition elsewhere than this worker left it, reading "
                     "positions anew "
                     "topic=%s partition=%d offset=%lld",
                     part->topic, part->number, (long long)part->stored_offset);
            forget_stored(in);
            intake_reset_lane(in, desk);
        }
    }
}

void intake_submit_all(struct intake *in)
{
    for (uint32_t i = 0; i < in->lane_count; i++) {
        struct lane_desk *desk = &in->lanes[i];
        if (desk->filling && desk->filling->records.count && !desk->is_resetting) {
            (void)submit(desk);
        }
    }
}

void intake_fini(struct intake *in)
{
    for (uint32_t i = 0; i < in->lane_count; i++) {
        struct lane_desk *desk = &in->lanes[i];
        while (desk->spare_count) {
            batch_free(desk->spare[--desk->spare_count]);
        }
        batch_free(desk->filling);
        desk->filling = NULL;
    }
}
