#include "core/kafka_watermarks.h"

#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"
#include "core/timebase.h"

#define WHERE "kafka_watermarks"
#define DESTROY_MS 2000

struct kafka_watermarks {
    rd_kafka_t *rk;
};

enum verdict kafka_watermarks_open(const struct settings *st,
                                   struct kafka_watermarks **out_watermarks, struct err *err)
{
    void *handle = NULL;
    enum verdict verdict = kafka_client_open(st, KAFKA_PRODUCER, &handle, err);
    if (verdict != OK) {
        return verdict;
    }
    struct kafka_watermarks *watermarks = calloc(1, sizeof(*watermarks));
    if (!watermarks) {
        (void)kafka_client_destroy(handle, DESTROY_MS);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    watermarks->rk = handle;
    *out_watermarks = watermarks;
    return OK;
}

enum verdict kafka_watermarks_cluster(struct kafka_watermarks *watermarks, int timeout_ms,
                                      char *out_id, struct err *err)
{
    return kafka_client_cluster_id(watermarks->rk, timeout_ms, out_id, err);
}

/* Number of partitions, 0 when there is no such topic. */
static enum verdict count_partitions(rd_kafka_t *rk, rd_kafka_topic_t *rkt, int timeout_ms,
                                     size_t *out_count, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &metadata, timeout_ms);
    if (code) {
        return kafka_client_fail(err, code, "asking for partitions");
    }
    *out_count = metadata->topic_cnt == 1 && !metadata->topics[0].err
                     ? (size_t)metadata->topics[0].partition_cnt
                     : 0;
    rd_kafka_metadata_destroy(metadata);
    return OK;
}

static enum verdict ask_each(rd_kafka_t *rk, const char *topic, int64_t deadline_us,
                             struct kafka_watermark *partitions, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct kafka_watermark *each = &partitions[i];
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        each->partition = (int32_t)i;
        rd_kafka_resp_err_t code =
            left_ms > 0 ? rd_kafka_query_watermark_offsets(rk, topic, each->partition, &each->low,
                                                           &each->high, (int)left_ms)
                        : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (code) {
            return kafka_client_fail(err, code, "asking for the ends of partitions");
        }
    }
    return OK;
}

enum verdict kafka_watermarks_ask(struct kafka_watermarks *watermarks, const char *topic,
                                  int timeout_ms, struct kafka_watermark **out_partitions,
                                  size_t *out_count, struct err *err)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    struct kafka_watermark *partitions = NULL;
    size_t count = 0;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(watermarks->rk, topic, NULL);
    if (!rkt) {
        return err_set(err, FATAL, WHERE, "bad topic name %s", topic);
    }
    enum verdict verdict = count_partitions(watermarks->rk, rkt, timeout_ms, &count, err);
    rd_kafka_topic_destroy(rkt);
    if (verdict != OK) {
        return verdict;
    }
    partitions = calloc(count + 1, sizeof(*partitions));
    if (!partitions) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    verdict = ask_each(watermarks->rk, topic, deadline_us, partitions, count, err);
    if (verdict != OK) {
        free(partitions);
        return verdict;
    }
    *out_partitions = partitions;
    *out_count = count;
    return OK;
}

void kafka_watermarks_close(struct kafka_watermarks *watermarks)
{
    if (!watermarks) {
        return;
    }
    (void)kafka_client_destroy(watermarks->rk, DESTROY_MS);
    free(watermarks);
}
