/* assignment.h - the partitions this worker reads, and where each stands in the database.
 *
 * PostgreSQL says where to read on (design: exactly-once effect). Before a partition is read, the record before its
 * position is compared with what the database stored: a topic that was recreated, truncated or overtaken by
 * retention stops that partition until `metaops offsets accept`; nothing is ever skipped. Belongs to
 * the consumer thread. */
#ifndef METAOPS_PROCESSORS_ASSIGNMENT_H
#define METAOPS_PROCESSORS_ASSIGNMENT_H

#include "core/flow.h"
#include "core/kafka_consumer.h"

struct partition {
    char topic[250];
    int32_t number;
    uint32_t lane;
    int64_t expected_offset; /* the offset row after all batches begun so far */
    int64_t stored_offset;   /* after the last commit; what the group is told */
    int64_t doubted_offset;  /* of the record in front of which others seemed to be missing */
    bool has_gaps;           /* not every offset of the topic holds a record */
    bool is_positioned;      /* may be read */
    bool is_moved;           /* not where this worker left it, when that was last asked */
    bool is_stopped;
};

struct assignment {
    struct partition *partitions;
    size_t count;
    uint32_t lanes;
    const char *own_topics[2]; /* begin at 0; others at their low watermark */
    const struct sink_ops *ops;
    struct sink *desk; /* a sink of its own, for positions only */
};

/* Replaces what is assigned; nothing is positioned yet. RETRY when memory is short. */
MUST_CHECK enum verdict assignment_set(struct assignment *as,
                                       const struct kafka_partition *partitions, size_t count,
                                       struct err *err);

/* The partition, or NULL when it is not assigned. */
struct partition *assignment_find(struct assignment *as, const char *topic, int32_t number);

/* Whether records may have been left out in front of this one, the next that came: then they are to be read again. What is
 * missing twice is not on the topic (a transaction's marker, a record that compaction took), and the partition is not
 * doubted any more. */
bool assignment_doubts(struct partition *part, int64_t offset);

/* Reads and verifies positions of the partitions of lane that are not positioned (UINT32_MAX: of all lanes).
 * Blocks on the database and the broker. Stopped ones stay unpositioned; a partition whose position could not be
 * found out makes the answer RETRY. */
MUST_CHECK enum verdict assignment_position(struct assignment *as, struct kafka_consumer *consumer,
                                            uint32_t lane, struct err *err);

/* Asks the database whether positioned partitions are where this worker left them: the answer for those of lanes
 * with nothing in flight is in is_moved. Blocks on the database. */
MUST_CHECK enum verdict assignment_compare(struct assignment *as, struct err *err);

/* Marks a partition stopped, here and in the database. */
void assignment_stop(struct assignment *as, struct partition *part, const char *reason);

/* Stopped partitions of a lane (UINT32_MAX: of all). */
size_t assignment_stopped_count(const struct assignment *as, uint32_t lane);

void assignment_fini(struct assignment *as);

#endif
