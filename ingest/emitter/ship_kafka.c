/* ship_kafka.c - batches straight to Kafka, encoded and keyed as the gateway does it.
 *
 * All of a batch is produced, then its results are awaited: the window is the batch. acks=all;
 * idempotence keeps the order, but nothing leans on it: after a fatal error a new producer is
 * built, and what was not acknowledged is sent again (the same bytes are the same event). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/timebase.h"
#include "ingest/emitter/rdkafka_calls.h"
#include "ingest/emitter/ship.h"
#include "schemas/event_codec.h"

/* The window, and so the rate at a given delay; and memory. */
#define BATCH_BYTES ((size_t)256 << 10)
#define WHERE "kafka"
#define LINGER_MS "2"
#define MESSAGE_BYTES_MAX "35651584" /* 34 MiB, as the topic's */
#define QUEUE_KBYTES "65536"
#define POLL_MS 100
#define GRACE_MS 2000 /* for results that the library owes after the timeout */
#define PURGE_MS 1000

struct ship_kafka {
    const struct emitter_config *config;
    struct rdkafka_calls calls;
    struct event_codec *codec;
    rd_kafka_t *rk; /* NULL: to be built */
    rd_kafka_topic_t *topic;
    char reason[192]; /* of the last failure */

    /* the batch under way */
    size_t waiting;
    bool has_failed; /* an event has to be sent again */
    unsigned char results[SPOOL_BATCH_EVENTS_MAX];
};

enum result { OPEN, DELIVERED, AGAIN, REFUSED };

static void ship_kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
    struct ship_kafka *kafka = arg;

    (void)rk;
    (void)code;
    snprintf(kafka->reason, sizeof(kafka->reason), "%s", reason);
}

static void ship_kafka_on_log(const rd_kafka_t *rk, int level, const char *facility,
                              const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text; /* a library does not write to its program's stderr */
}

static void ship_kafka_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *arg)
{
    struct ship_kafka *kafka = arg;
    unsigned char *result = msg->_private;

    (void)rk;
    kafka->waiting--;
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *result = DELIVERED;
        return;
    }
    /* What the broker may have is never called refused. */
    bool is_too_large = msg->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE &&
                        kafka->calls.message_status(msg) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    *result = is_too_large ? REFUSED : AGAIN;
    kafka->has_failed = kafka->has_failed || !is_too_large;
    if (msg->err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || !kafka->reason[0]) {
        snprintf(kafka->reason, sizeof(kafka->reason), "%s", kafka->calls.err2str(msg->err));
    }
}

static enum verdict ship_kafka_conf(struct ship_kafka *kafka, rd_kafka_conf_t *conf,
                                    struct err *err)
{
    const struct emitter_config *config = kafka->config;
    char timeout_ms[24];
    char text[256];

    snprintf(timeout_ms, sizeof(timeout_ms), "%lld", (long long)config->timeout_ms);
    const char *const own[][2] = {
        {"bootstrap.servers", config->brokers},
        {"client.id", config->emitter},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"compression.type", "none"}, /* bodies come compressed */
        {"linger.ms", LINGER_MS},
        {"message.timeout.ms", timeout_ms},
        {"message.max.bytes", MESSAGE_BYTES_MAX},
        {"queue.buffering.max.kbytes", QUEUE_KBYTES},
        {"log.connection.close", "false"},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (kafka->calls.conf_set(conf, own[i][0], own[i][1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            return err_set(err, RETRY, WHERE, "%s", text);
        }
    }
    for (size_t i = 0; i < config->property_count; i++) {
        const struct emitter_property *property = &config->properties[i];
        if (kafka->calls.conf_set(conf, property->name, property->value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            /* The library's text may hold the value, and that may be a password. */
            return err_set(err, RETRY, WHERE, "rdkafka.%.64s is not taken", property->name);
        }
    }
    kafka->calls.conf_set_opaque(conf, kafka);
    kafka->calls.conf_set_dr_msg_cb(conf, ship_kafka_on_delivery);
    kafka->calls.conf_set_error_cb(conf, ship_kafka_on_error);
    kafka->calls.conf_set_log_cb(conf, ship_kafka_on_log);
    return OK;
}

static void ship_kafka_tear_down(struct ship_kafka *kafka)
{
    if (!kafka->rk) {
        return;
    }
    int64_t end_us = timebase_mono_us() + 1000 * PURGE_MS;
    kafka->calls.purge(kafka->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (kafka->waiting > 0 && timebase_mono_us() < end_us) {
        kafka->calls.poll(kafka->rk, POLL_MS);
    }
    if (kafka->topic) {
        kafka->calls.topic_destroy(kafka->topic);
        kafka->topic = NULL;
    }
    kafka->calls.destroy_flags(kafka->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    kafka->rk = NULL;
    kafka->waiting = 0;
}

static enum verdict ship_kafka_build(struct ship_kafka *kafka, struct err *err)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = kafka->calls.conf_new();
    enum verdict verdict = ship_kafka_conf(kafka, conf, err);

    if (verdict != OK) {
        kafka->calls.conf_destroy(conf);
        return verdict;
    }
    kafka->rk = kafka->calls.new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!kafka->rk) {
        kafka->calls.conf_destroy(conf);
        return err_set(err, RETRY, WHERE, "%s", text);
    }
    kafka->topic = kafka->calls.topic_new(kafka->rk, kafka->config->topic, NULL);
    if (!kafka->topic) {
        ship_kafka_tear_down(kafka); /* the next send builds anew: rk alone is of no use to it */
        return err_set(err, RETRY, WHERE, "no topic %.64s", kafka->config->topic);
    }
    return OK;
}

static enum verdict ship_kafka_open(const struct emitter_config *config, struct fd_book *book,
                                    void **out_state, struct err *err)
{
    struct ship_kafka *kafka = calloc(1, sizeof(*kafka));
    enum verdict verdict = OK;

    (void)book; /* the library's descriptors are its own */
    if (!kafka) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    kafka->config = config;
    kafka->codec = event_codec_new((size_t)config->event_bytes_max);
    if (!kafka->codec) {
        verdict = err_set(err, RETRY, WHERE, "out of memory");
    }
    if (verdict == OK) {
        verdict = rdkafka_calls_load(&kafka->calls, err);
    }
    if (verdict != OK) {
        event_codec_free(kafka->codec);
        free(kafka);
        return verdict;
    }
    *out_state = kafka;
    return OK;
}

/* OK: a result will follow, or is there (REFUSED). */
static enum verdict ship_kafka_produce(struct ship_kafka *kafka, const struct spool_batch *batch,
                                       size_t i, struct err *err)
{
    const struct spool_record *record = &batch->records[i];
    void *value = NULL;
    size_t len = 0;
    const struct lineage_gap gap = {
        .from_seq = (int64_t)batch->gap.from,
        .to_seq = (int64_t)batch->gap.to,
        .reason = str_view(spool_set_reason(batch->gap.reason)),
    };
    bool has_gap = i == 0 && batch->gap.reason != SPOOL_GAP_NONE;
    struct lineage_event ev = {
        .event_id = lineage_event_id(record->event),
        .received_at_us = record->emitted_at_us,
        .source = SOURCE_EMITTER,
        .emitter_id = str_view(batch->identity.emitter),
        .emitter_epoch = batch->identity.epoch,
        .emitter_sequence = (int64_t)record->sequence,
        .redactions = (int32_t)record->redactions,
        .gaps = has_gap ? &gap : NULL,
        .gap_count = has_gap,
        .body = record->event,
    };
    enum verdict verdict = event_codec_encode(kafka->codec, &ev, &value, &len, err);

    if (verdict == REJECT) {
        kafka->results[i] = REFUSED;
        return OK;
    }
    if (verdict != OK) {
        return verdict;
    }
    if (kafka->calls.produce(kafka->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_FREE, value, len,
                             record->key.bytes, sizeof(record->key.bytes),
                             &kafka->results[i]) == 0) {
        kafka->waiting++;
        return OK;
    }
    int code = errno;
    free(value);
    if (code == EMSGSIZE) {
        kafka->results[i] = REFUSED;
        return OK;
    }
    return err_set(err, RETRY, WHERE, "the producer takes no record");
}

/* Until all of the batch have results. */
static void ship_kafka_collect(struct ship_kafka *kafka, bool (*is_over)(const void *arg),
                               const void *arg)
{
    int64_t end_us = timebase_mono_us() + 1000 * (kafka->config->timeout_ms + GRACE_MS);
    bool is_purged = false;

    while (kafka->waiting > 0) {
        kafka->calls.poll(kafka->rk, POLL_MS);
        if (!is_purged && (is_over(arg) || timebase_mono_us() > end_us)) {
            kafka->calls.purge(kafka->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            is_purged = true;
            end_us = timebase_mono_us() + 1000 * PURGE_MS;
        } else if (is_purged && timebase_mono_us() > end_us) {
            return;
        }
    }
}

static enum verdict ship_kafka_send(void *state, const struct spool_batch *batch,
                                    bool (*is_over)(const void *arg), const void *arg,
                                    struct ship_outcome *outcome, struct err *err)
{
    struct ship_kafka *kafka = state;
    enum verdict verdict = kafka->rk ? OK : ship_kafka_build(kafka, err);

    kafka->reason[0] = '\0';
    kafka->has_failed = false;
    memset(kafka->results, OPEN, sizeof(kafka->results));
    for (size_t i = 0; i < batch->count && verdict == OK; i++) {
        verdict = ship_kafka_produce(kafka, batch, i, err);
    }
    if (kafka->rk) {
        ship_kafka_collect(kafka, is_over, arg);
    }
    while (outcome->done < batch->count && (kafka->results[outcome->done] == DELIVERED ||
                                            kafka->results[outcome->done] == REFUSED)) {
        outcome->is_refused[outcome->done] = kafka->results[outcome->done] == REFUSED;
        outcome->done++;
    }
    outcome->is_gap_reported = kafka->results[0] == DELIVERED;
    if (outcome->done == batch->count) {
        return OK;
    }
    if (verdict == OK) {
        verdict = err_set(err, RETRY, WHERE, "%.64s: %s", kafka->config->brokers,
                          kafka->reason[0] ? kafka->reason : "no answer in time");
    }
    /* Results that are still owed must not meet the next batch; a fatal producer is of no use. */
    if (kafka->rk && (kafka->waiting > 0 ||
                      kafka->calls.fatal_error(kafka->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR)) {
        ship_kafka_tear_down(kafka);
    }
    return verdict;
}

static void ship_kafka_close(void *state)
{
    struct ship_kafka *kafka = state;

    ship_kafka_tear_down(kafka);
    event_codec_free(kafka->codec);
    free(kafka);
}

const struct ship_backend ship_kafka_backend = {
    .batch_bytes = BATCH_BYTES,
    .open = ship_kafka_open,
    .send = ship_kafka_send,
    .close = ship_kafka_close,
};
