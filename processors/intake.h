/* intake.h - the consumer thread's side of the lanes: records into batches, batches into lanes, outcomes
 * back; what to read again when something went wrong.
 *
 * A lane that failed is reset: everything of it in memory is void, and once nothing is in flight its
 * positions are read from the database and its partitions go on from there. All calls from the
 * consumer thread; the atomics may be read by others. */
#ifndef METAOPS_PROCESSORS_INTAKE_H
#define METAOPS_PROCESSORS_INTAKE_H

#include "assignment.h"
#include "lane.h"

#define INTAKE_LANES_MAX 16
#define INTAKE_SPARE_MAX 8

/* A lane, as the consumer thread sees it. */
struct lane_desk {
    struct lane lane;
    struct batch *filling;
    struct batch *spare[INTAKE_SPARE_MAX];
    int spare_count;
    int batch_count;
    bool is_resetting; /* positions must be read anew once nothing is in flight */
    bool is_paused;
    int64_t retry_at_us;
    int64_t retry_pause_us;
};

struct intake {
    const struct settings *st;
    struct assignment assignment;
    struct kafka_consumer *consumer;
    struct known_set *known;
    struct known_set *events;
    struct bounded_queue *done;
    struct lane_desk lanes[INTAKE_LANES_MAX];
    uint32_t lane_count;
    bool has_failed; /* a lane cannot go on at all: the worker must stop */
    atomic_uint resetting;
    atomic_uint stopped;
};

/* Takes over a record: into its lane's batch, or dropped when its partition is being reset. May wait up to a
 * second for the lane; then pauses it and reads the record again later. */
void intake_record(struct intake *in, struct kafka_record *record);

/* Hands on batches that are full, or have lingered while their lane was idle. While a lane is busy its next
 * batch grows: under load batches are large, else quick. */
void intake_submit_due(struct intake *in, int64_t now_us);

/* Hands on whatever is there. */
void intake_submit_all(struct intake *in);

/* Takes back ended batches, waiting up to timeout_ms for the first. */
void intake_drain(struct intake *in, int timeout_ms);

/* Waits until nothing is in flight, timeout_ms at most. */
void intake_wait(struct intake *in, int timeout_ms);
bool intake_is_busy(struct intake *in);

/* Begins the reset of a lane; intake_finish_resets ends it when the database answers. */
void intake_reset_lane(struct intake *in, struct lane_desk *desk);
void intake_finish_resets(struct intake *in, int64_t now_us);

/* Resets lanes with nothing to do whose partitions the database has elsewhere than they left them: it was put back
 * to an earlier state, or a standby that lacks the last transactions has become the primary. A lane that writes
 * finds out by itself. Blocks on the database. */
void intake_look_back(struct intake *in);

/* Lets paused lanes go on that have room again. */
void intake_resume(struct intake *in);

/* Refreshes the atomics and gauges. */
void intake_publish_state(struct intake *in);

/* Frees batches; the lanes are stopped and finished before. */
void intake_fini(struct intake *in);

#endif
