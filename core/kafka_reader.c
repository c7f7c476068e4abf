#include "core/kafka_reader.h"

#include <stdbool.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"
#include "core/kafka_consumer.h"
#include "core/timebase.h"

#define WHERE "kafka reader"
#define DESTROY_MS 1000

struct kafka_reader {
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk; /* made when first needed */
};

enum verdict kafka_reader_open(const struct settings *st, struct kafka_reader **out_reader,
                               struct err *err)
{
    static const struct kafka_property properties[] = {
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "auto.offset.reset", .value = "error"},
        {.name = "isolation.level", .value = "read_committed"},
        {.name = "check.crcs", .value = "true"},
        {.name = "enable.partition.eof", .value = "true"}, /* says "nothing there" at once */
        {.name = "fetch.wait.max.ms", .value = "50"},
        {.name = "fetch.message.max.bytes", .value = "65536"},
        {.name = "queued.min.messages", .value = "1"},
        {.name = "queued.max.messages.kbytes", .value = "1024"},
        {.name = NULL, .value = NULL},
    };
    void *conf;
    enum verdict verdict = kafka_client_conf(st, KAFKA_CONSUMER, properties, &conf, err);

    if (verdict != OK) {
        return verdict;
    }
    struct kafka_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    reader->conf = conf;
    *out_reader = reader;
    return OK;
}

static enum verdict kafka_reader_connect(struct kafka_reader *reader, struct err *err)
{
    char text[256] = "";

    if (reader->rk) {
        return OK;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(reader->conf);
    reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!reader->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    return OK;
}

/* A message that answers the question: a record, the end of the partition, or an error that stays.
 * */
static bool kafka_reader_is_answer(const rd_kafka_message_t *msg)
{
    return msg->err == RD_KAFKA_RESP_ERR_NO_ERROR || msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
           kafka_client_verdict(msg->err) != RETRY;
}

static rd_kafka_message_t *kafka_reader_first(rd_kafka_topic_t *rkt, int32_t partition,
                                              int timeout_ms)
{
    int64_t end_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    rd_kafka_message_t *msg = NULL;

    for (;;) {
        int64_t left_ms = (end_us - timebase_mono_us()) / 1000;
        if (left_ms <= 0) {
            return NULL;
        }
        msg = rd_kafka_consume(rkt, partition, (int)left_ms);
        if (msg && kafka_reader_is_answer(msg)) {
            return msg;
        }
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
    }
}

enum verdict kafka_reader_record_at(struct kafka_reader *reader, const char *topic,
                                    int32_t partition, int64_t offset, int timeout_ms,
                                    struct kafka_record *out_record, struct err *err)
{
    enum verdict verdict = kafka_reader_connect(reader, err);
    rd_kafka_message_t *msg = NULL;

    if (verdict != OK) {
        return verdict;
    }
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(reader->rk, topic, NULL);
    if (!rkt) {
        return err_set(err, FATAL, WHERE, "bad topic name %s", topic);
    }
    if (rd_kafka_consume_start(rkt, partition, offset) != 0) {
        verdict = kafka_client_fail(err, rd_kafka_last_error(), "reading one record");
    } else {
        msg = kafka_reader_first(rkt, partition, timeout_ms);
        rd_kafka_consume_stop(rkt, partition);
    }
    rd_kafka_topic_destroy(rkt);
    if (verdict != OK) {
        return verdict;
    }
    if (!msg) {
        return err_set(err, RETRY, WHERE, "offset %lld of %s [%d] did not come in %d ms",
                       (long long)offset, topic, (int)partition, timeout_ms);
    }
    if (kafka_client_verdict(msg->err) == FATAL) {
        verdict = kafka_client_fail(err, msg->err, "reading one record");
        rd_kafka_message_destroy(msg);
        return verdict;
    }
    if (msg->err || msg->offset != offset) {
        *out_record = (struct kafka_record){.topic = "", .partition = partition, .offset = offset};
        rd_kafka_message_destroy(msg);
        return OK;
    }
    kafka_reader_view(msg, out_record);
    return OK;
}

void kafka_reader_view(void *message, struct kafka_record *out_record)
{
    rd_kafka_message_t *msg = message;

    *out_record = (struct kafka_record){
        .topic = rd_kafka_topic_name(msg->rkt),
        .partition = msg->partition,
        .offset = msg->offset,
        .timestamp_ms = rd_kafka_message_timestamp(msg, NULL),
        .key = {.ptr = msg->key, .len = msg->key_len},
        .value = {.ptr = msg->payload, .len = msg->len},
        .handle = msg,
    };
}

void kafka_reader_close(struct kafka_reader *reader)
{
    if (!reader) {
        return;
    }
    (void)kafka_client_destroy(reader->rk, DESTROY_MS);
    rd_kafka_conf_destroy(reader->conf);
    free(reader);
}
