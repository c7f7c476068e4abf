#include "core/kafka_assigned.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

void kafka_assigned_forget(struct kafka_assigned *assigned)
{
    for (size_t i = 0; i < assigned->count; i++) {
        free(assigned->items[i].topic);
    }
    free(assigned->items);
    *assigned = (struct kafka_assigned){0};
}

struct kafka_assigned_partition *kafka_assigned_find(const struct kafka_assigned *assigned,
                                                     const char *topic, int32_t partition)
{
    struct kafka_assigned_partition *last = assigned->last;

    if (last && last->partition == partition && strcmp(last->topic, topic) == 0) {
        return last;
    }
    for (size_t i = 0; i < assigned->count; i++) {
        struct kafka_assigned_partition *at = &assigned->items[i];
        if (at->partition == partition && strcmp(at->topic, topic) == 0) {
            return at;
        }
    }
    return NULL;
}

bool kafka_assigned_set(struct kafka_assigned *assigned, const struct kafka_partition *partitions,
                        size_t count, size_t wanted)
{
    kafka_assigned_forget(assigned);
    assigned->items = calloc(count ? count : 1, sizeof(*assigned->items));
    if (!assigned->items) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct kafka_assigned_partition *at = &assigned->items[i];
        at->topic = strdup(partitions[i].topic);
        if (!at->topic) {
            return false;
        }
        assigned->count++;
        at->partition = partitions[i].partition;
        at->paused = i >= wanted;
        at->next = i < wanted ? partitions[i].offset : RD_KAFKA_OFFSET_BEGINNING;
    }
    return true;
}

int kafka_assigned_apply(const struct kafka_assigned *assigned, struct rd_kafka_s *rk)
{
    int count = (int)assigned->count;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(count);
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_new(count);
    rd_kafka_topic_partition_list_t *running = rd_kafka_topic_partition_list_new(count);

    for (size_t i = 0; i < assigned->count; i++) {
        const struct kafka_assigned_partition *at = &assigned->items[i];
        rd_kafka_topic_partition_list_add(all, at->topic, at->partition)->offset = at->next;
        rd_kafka_topic_partition_list_add(at->paused ? paused : running, at->topic, at->partition);
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(rk, all);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && paused->cnt > 0) {
        code = rd_kafka_pause_partitions(rk, paused);
    }
    /* A partition that was paused in the assignment before this one still is. */
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && running->cnt > 0) {
        code = rd_kafka_resume_partitions(rk, running);
    }
    rd_kafka_topic_partition_list_destroy(running);
    rd_kafka_topic_partition_list_destroy(paused);
    rd_kafka_topic_partition_list_destroy(all);
    return code;
}
