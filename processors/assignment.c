#include "assignment.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "schemas/identity.h"

#define BROKER_TIMEOUT_MS 5000

enum verdict assignment_set(struct assignment *as, const struct kafka_partition *partitions,
                            size_t count, struct err *err)
{
    struct partition *table = calloc(count ? count : 1, sizeof *table);
    if (!table) {
        return err_set(err, RETRY, "assignment", "memory is short");
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(table[i].topic, sizeof table[i].topic, "%s", partitions[i].topic);
        table[i].number = partitions[i].partition;
        table[i].lane = (uint32_t)partitions[i].partition % as->lanes;
    }
    free(as->partitions);
    as->partitions = table;
    as->count = count;
    return OK;
}

bool assignment_doubts(struct partition *part, int64_t offset)
{
    if (offset <= part->expected_offset || part->has_gaps) {
        return false;
    }
    if (offset == part->doubted_offset) {
        part->has_gaps = true;
        log_info("not every offset holds a record topic=%s partition=%d offset=%lld", part->topic,
                 part->number, (long long)part->expected_offset);
        return false;
    }
    part->doubted_offset = offset;
    return true;
}

struct partition *assignment_find(struct assignment *as, const char *topic, int32_t number)
{
    for (size_t i = 0; i < as->count; i++) {
        if (as->partitions[i].number == number && strcmp(as->partitions[i].topic, topic) == 0) {
            return &as->partitions[i];
        }
    }
    return NULL;
}

void assignment_stop(struct assignment *as, struct partition *part, const char *reason)
{
    struct err err;
    struct sink_position position = {
        .topic = part->topic, .partition = part->number, .next_offset = part->expected_offset};
    part->is_positioned = false;
    if (!part->is_stopped) {
        log_error("partition stopped, nothing is skipped; see `metaops offsets` topic=%s "
                  "partition=%d offset=%lld: %s",
                  part->topic, part->number, (long long)part->expected_offset, reason);
    }
    part->is_stopped = true;
    if (as->ops->save(as->desk, &position, reason, &err) != OK) {
        log_warn("cannot record that a partition is stopped, ignoring: %s", err.text);
    }
}

/* Is the record before the position the one that was stored? */
static enum verdict verify_last(struct kafka_consumer *consumer, const struct partition *part,
                                const struct sink_position *position, bool *out_is_same,
                                struct err *err)
{
    struct kafka_record record = {0};
    enum verdict verdict =
        kafka_consumer_record_at(consumer, part->topic, part->number, position->next_offset - 1,
                                 BROKER_TIMEOUT_MS, &record, err);
    if (verdict == OK) {
        *out_is_same = !record.handle || id128_eq(identity_digest(record.value), position->last_id);
        kafka_record_free(&record);
    }
    return verdict;
}

static enum verdict place(struct assignment *as, struct kafka_consumer *consumer,
                          struct partition *part, const struct sink_position *position, int64_t low,
                          int64_t high, struct err *err)
{
    char reason[160];
    bool is_same = true;
    part->expected_offset = position->next_offset;
    if (position->next_offset < low || position->next_offset > high) {
        snprintf(reason, sizeof reason, "the topic has offsets %lld to %lld", (long long)low,
                 (long long)high);
        assignment_stop(as, part, reason);
        return OK;
    }
    if (position->has_last_id && position->next_offset > low) {
        enum verdict verdict = verify_last(consumer, part, position, &is_same, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    if (!is_same) {
        assignment_stop(as, part, "the record before it is not the one that was stored");
        return OK;
    }
    part->stored_offset = position->next_offset;
    part->is_positioned = true;
    part->is_stopped = false;
    return OK;
}

static enum verdict position_one(struct assignment *as, struct kafka_consumer *consumer,
                                 struct partition *part, struct sink_position *position,
                                 struct err *err)
{
    int64_t low = 0;
    int64_t high = 0;
    enum verdict verdict = kafka_consumer_watermarks(consumer, part->topic, part->number,
                                                     BROKER_TIMEOUT_MS, &low, &high, err);
    if (verdict != OK) {
        return verdict;
    }
    if (position->is_elsewhere) {
        position->next_offset = part->expected_offset = 0;
        assignment_stop(as, part, "the database knows this topic from another cluster");
        return OK;
    }
    if (position->is_stopped) {
        part->is_stopped = true;
        return OK;
    }
    bool is_accepted = position->is_found && position->next_offset < 0;
    if (!position->is_found || is_accepted) {
        bool is_own = strcmp(part->topic, as->own_topics[0]) == 0 ||
                      strcmp(part->topic, as->own_topics[1]) == 0;
        position->next_offset = is_own && !is_accepted ? 0 : low;
        position->has_last_id = false;
        if (!is_own || is_accepted) {
            log_info("reading from the low watermark topic=%s partition=%d offset=%lld",
                     part->topic, part->number, (long long)low);
        }
        verdict = as->ops->save(as->desk, position, NULL, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    return place(as, consumer, part, position, low, high, err);
}

static bool is_of_lane(const struct partition *part, uint32_t lane)
{
    return lane == UINT32_MAX || part->lane == lane;
}

enum verdict assignment_position(struct assignment *as, struct kafka_consumer *consumer,
                                 uint32_t lane, struct err *err)
{
    struct sink_position *positions = calloc(as->count ? as->count : 1, sizeof *positions);
    enum verdict verdict = OK;
    size_t count = 0;
    if (!positions) {
        return err_set(err, RETRY, "assignment", "memory is short");
    }
    for (size_t i = 0; i < as->count; i++) {
        const struct partition *part = &as->partitions[i];
        if (!part->is_positioned && is_of_lane(part, lane)) {
            positions[count++] =
                (struct sink_position){.topic = part->topic, .partition = part->number};
        }
    }
    if (count) {
        verdict = as->ops->load(as->desk, positions, count, err);
    }
    count = 0;
    for (size_t i = 0; verdict == OK && i < as->count; i++) {
        struct partition *part = &as->partitions[i];
        if (!part->is_positioned && is_of_lane(part, lane)) {
            verdict = position_one(as, consumer, part, &positions[count++], err);
        }
    }
    free(positions);
    return verdict;
}

enum verdict assignment_compare(struct assignment *as, struct err *err)
{
    struct sink_position *positions = calloc(as->count + 1, sizeof *positions);
    if (!positions) {
        return err_set(err, RETRY, "assignment", "memory is short");
    }
    for (size_t i = 0; i < as->count; i++) {
        positions[i] = (struct sink_position){.topic = as->partitions[i].topic,
                                              .partition = as->partitions[i].number};
    }
    enum verdict verdict = as->ops->load(as->desk, positions, as->count, err);
    for (size_t i = 0; verdict == OK && i < as->count; i++) {
        struct partition *part = &as->partitions[i];
        part->is_moved = part->is_positioned && (!positions[i].is_found ||
                                                 positions[i].next_offset != part->stored_offset);
    }
    free(positions);
    return verdict;
}

size_t assignment_stopped_count(const struct assignment *as, uint32_t lane)
{
    size_t count = 0;
    for (size_t i = 0; i < as->count; i++) {
        count += is_of_lane(&as->partitions[i], lane) && as->partitions[i].is_stopped;
    }
    return count;
}

void assignment_fini(struct assignment *as)
{
    free(as->partitions);
    as->partitions = NULL;
    as->count = 0;
    if (as->desk) {
        as->ops->close(as->desk);
        as->desk = NULL;
    }
}
