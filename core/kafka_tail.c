#include "core/kafka_tail.h"

#include <stdbool.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"
#include "core/kafka_consumer.h"
#include "core/kafka_reader.h"
#include "core/settings.h"

#define WHERE "kafka tail"
#define DESTROY_MS 1000

struct kafka_tail {
    rd_kafka_t *rk;
};

enum verdict kafka_tail_open(const struct settings *st, struct kafka_tail **out_tail,
                             struct err *err)
{
    const struct kafka_property properties[] = {
        {.name = "group.id", .value = st->worker.group}, /* to ask for what it committed */
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "enable.auto.offset.store", .value = "false"},
        {.name = "auto.offset.reset", .value = "error"},
        {.name = "isolation.level", .value = "read_committed"},
        {.name = "check.crcs", .value = "true"},
        {.name = "enable.partition.eof", .value = "true"},
        {.name = "queued.max.messages.kbytes", .value = "16384"},
        {.name = NULL, .value = NULL},
    };
    char text[256] = "";
    void *conf;

    enum verdict verdict = kafka_client_conf(st, KAFKA_CONSUMER, properties, &conf, err);
    if (verdict != OK) {
        return verdict;
    }
    struct kafka_tail *tail = calloc(1, sizeof(*tail));
    if (!tail) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    tail->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!tail->rk) {
        rd_kafka_conf_destroy(conf);
        free(tail);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    *out_tail = tail;
    return OK;
}

enum verdict kafka_tail_ends(struct kafka_tail *tail, const char *topic, int32_t partition,
                             int timeout_ms, int64_t *out_low, int64_t *out_high, struct err *err)
{
    int64_t low, high;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(tail->rk, topic, partition, &low, &high, timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(err, code, topic);
    }
    *out_low = low;
    *out_high = high;
    return OK;
}

enum verdict kafka_tail_committed(struct kafka_tail *tail, const char *topic, int32_t partition,
                                  int timeout_ms, int64_t *out_offset, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(tail->rk, list, timeout_ms);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = place->err;
    }
    int64_t offset = place->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(err, code, "asking for committed offsets");
    }
    *out_offset = offset >= 0 ? offset : -1;
    return OK;
}

/* True when there is nothing more to read: msg is behind the last record, or the end came. */
static bool is_behind(const rd_kafka_message_t *msg, int64_t to)
{
    return msg->offset >= to && (msg->err == 0 || msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
}

static enum verdict read_to(rd_kafka_topic_t *rkt, int32_t partition, int64_t to, int idle_ms,
                            enum verdict (*each)(void *arg, const struct kafka_record *record,
                                                 struct err *err),
                            void *arg, struct err *err)
{
    enum verdict verdict = OK;
    bool is_over = false;

    while (verdict == OK && !is_over) {
        rd_kafka_message_t *msg = rd_kafka_consume(rkt, partition, idle_ms);
        if (!msg) {
            return err_set(err, RETRY, WHERE, "%s [%d]: nothing came in %d ms",
                           rd_kafka_topic_name(rkt), (int)partition, idle_ms);
        }
        is_over = is_behind(msg, to);
        if (!is_over && msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            struct kafka_record record;
            kafka_reader_view(msg, &record);
            is_over = msg->offset + 1 >= to;
            verdict = each(arg, &record, err);
        } else if (!is_over && msg->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            verdict = kafka_client_fail(err, msg->err, "reading the end of a partition");
            verdict = verdict == REJECT ? RETRY : verdict;
        }
        rd_kafka_message_destroy(msg);
    }
    return verdict;
}

enum verdict kafka_tail_read(struct kafka_tail *tail, const char *topic, int32_t partition,
                             int64_t from, int64_t to, int idle_ms,
                             enum verdict (*each)(void *arg, const struct kafka_record *record,
                                                  struct err *err),
                             void *arg, struct err *err)
{
    enum verdict verdict;

    if (from >= to) {
        return OK;
    }
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(tail->rk, topic, NULL);
    if (!rkt) {
        return err_set(err, FATAL, WHERE, "bad topic name %s", topic);
    }
    if (rd_kafka_consume_start(rkt, partition, from) != 0) {
        verdict = kafka_client_fail(err, rd_kafka_last_error(), "reading the end of a partition");
    } else {
        verdict = read_to(rkt, partition, to, idle_ms, each, arg, err);
        rd_kafka_consume_stop(rkt, partition);
    }
    rd_kafka_topic_destroy(rkt);
    return verdict;
}

void kafka_tail_close(struct kafka_tail *tail)
{
    if (tail) {
        (void)kafka_client_destroy(tail->rk, DESTROY_MS);
        free(tail);
    }
}
