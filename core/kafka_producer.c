#include "core/kafka_producer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"

#define WHERE "kafka producer"
#define MESSAGES_MAX "1000000"
/* What the library and the broker put around one record counts in their limits, too. */
#define FRAMING_BYTES 512
/* Each batch of a partition is a request of its own. At 5,000 records/s over 12 partitions, CPU
 * per record here + at the broker: 2 ms 35+115, 5 ms 30+98, 10 ms 23+72, 20 ms 17+51 microseconds;
 * the median wait is about the linger. */
#define LINGER_MS "10"
#define POLL_MS 100
#define WARM_MS 1000
#define TOPICS 3
#define DESTROY_MS 2000
#define PURGE_MS 1000
#define PROBE_EVERY_US 1000000
#define PROBE_MS 200
/* Others lead a dead broker's partitions after a second or two. Of the time that a record has, the
 * second until the library asks again by itself is too much. */
#define LEADERS_EVERY_US 200000
#define LEADERS_ASKED_US 10000000
/* A broker that answers questions counts as healthy again this long after the last failed record:
 * a gateway taken out of service because of it gets no records that could prove it. */
#define FAILURE_FADES_US 5000000
#define PAUSE_STEP_US 20000
#define REBUILD_PAUSE_US_MIN 250000
#define REBUILD_PAUSE_US_MAX 10000000
#define REBUILD_CALM_US 60000000
#define REASON_BYTES 192

struct kafka_producer {
    rd_kafka_conf_t *conf; /* every handle is built from a copy */
    kafka_producer_result on_result;
    size_t record_bytes_max;
    char *topics[TOPICS]; /* known from the start, see kafka_producer_warm */
    pthread_t thread;

    /* Publishers read rk under the lock; the poll thread alone changes it. */
    pthread_rwlock_t lock;
    rd_kafka_t *rk; /* NULL while it is being rebuilt and after stop */
    char ended_by
        [REASON_BYTES]; /* why the handle before rk could not go on; empty: there was none */

    atomic_bool stopping;
    atomic_llong stop_deadline_us;
    atomic_bool fatal;
    atomic_size_t messages;
    atomic_size_t bytes;
    atomic_int delivery_us; /* EWMA */
    atomic_bool brokers_down;
    atomic_bool delivery_failed;
    atomic_llong broker_lost_us;

    /* poll thread only */
    int64_t leaders_asked_us;
    int64_t failed_us;
    int64_t probed_us;
    int64_t rebuilt_us;
    int64_t rebuild_pause_us;
};

/* One published record. Its memory is bounded by the library's queue limits. */
struct pending {
    void *record_arg;
    int64_t published_us;
    size_t bytes;
};

static void kafka_producer_on_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
    struct kafka_producer *producer = arg;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        atomic_store(&producer->fatal, true);
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store(&producer->brokers_down, true);
    } else if (code == RD_KAFKA_RESP_ERR__TRANSPORT) {
        atomic_store(&producer->broker_lost_us, timebase_mono_us());
    }
    log_debug("kafka producer: %s: %s", rd_kafka_err2name(code), reason);
}

/* A record that the broker may have is never called refused, whatever the code says. */
static enum verdict kafka_producer_verdict(const rd_kafka_message_t *msg)
{
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return OK;
    }
    if (rd_kafka_message_status(msg) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED) {
        return RETRY;
    }
    return kafka_client_verdict(msg->err) == REJECT ? REJECT : RETRY;
}

static void kafka_producer_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *arg)
{
    struct kafka_producer *producer = arg;
    struct pending *pending = msg->_private;
    enum verdict verdict = kafka_producer_verdict(msg);
    int64_t now_us = timebase_mono_us();
    int64_t took_us = now_us - pending->published_us;
    int old_us = atomic_load_explicit(&producer->delivery_us, memory_order_relaxed);

    atomic_store_explicit(&producer->delivery_us, old_us + (int)((took_us - old_us) / 16),
                          memory_order_relaxed);
    if (verdict == OK) {
        atomic_store_explicit(&producer->brokers_down, false, memory_order_relaxed);
        atomic_store_explicit(&producer->delivery_failed, false, memory_order_relaxed);
    } else if (verdict == RETRY) {
        producer->failed_us = now_us;
        if (!atomic_exchange_explicit(&producer->delivery_failed, true, memory_order_relaxed)) {
            log_warn("kafka producer: records are not taken topic=%s reason=\"%s\"",
                     rd_kafka_topic_name(msg->rkt), rd_kafka_err2str(msg->err));
        }
    }
    atomic_fetch_sub_explicit(&producer->messages, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&producer->bytes, pending->bytes, memory_order_relaxed);
    if (msg->err == RD_KAFKA_RESP_ERR__FATAL) {
        atomic_store(&producer->fatal, true);
    }
    (void)rk;
    producer->on_result(pending->record_arg, verdict, msg->partition, msg->offset,
                        verdict == OK ? "" : rd_kafka_err2str(msg->err));
    free(pending);
}

static enum verdict kafka_producer_build(struct kafka_producer *producer, rd_kafka_t **out_rk,
                                         struct err *err)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));

    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    *out_rk = rk;
    return OK;
}

/* The library asks for the leaders of a topic up to a second after the first record for it: ask
 * before. */
static void kafka_producer_warm(struct kafka_producer *producer)
{
    rd_kafka_topic_t *topics[TOPICS];
    const struct rd_kafka_metadata *metadata = NULL;

    for (size_t i = 0; i < TOPICS; i++) {
        topics[i] = rd_kafka_topic_new(producer->rk, producer->topics[i], NULL);
    }
    if (rd_kafka_metadata(producer->rk, 0, NULL, &metadata, WARM_MS) == 0) {
        rd_kafka_metadata_destroy(metadata);
    }
    for (size_t i = 0; i < TOPICS; i++) {
        if (topics[i]) {
            rd_kafka_topic_destroy(topics[i]);
        }
    }
}

/* Takes the handle from the publishers. After this nobody else uses it. */
static rd_kafka_t *kafka_producer_take(struct kafka_producer *producer)
{
    pthread_rwlock_wrlock(&producer->lock);
    rd_kafka_t *rk = producer->rk;
    producer->rk = NULL;
    pthread_rwlock_unlock(&producer->lock);
    return rk;
}

/* Answers everything still in the handle RETRY and destroys it. */
static void kafka_producer_drop(rd_kafka_t *rk)
{
    if (!rk) {
        return;
    }
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    int64_t end_us = timebase_mono_us() + PURGE_MS * 1000;
    while (rd_kafka_outq_len(rk) > 0 && timebase_mono_us() < end_us) {
        rd_kafka_poll(rk, 10);
    }
    if (!kafka_client_destroy(rk, DESTROY_MS)) {
        log_warn("kafka producer: the library does not let go of an old handle, ignoring");
    }
}

/* Waits, ending early when the producer is stopped. */
static void kafka_producer_pause(const struct kafka_producer *producer, int64_t until_us)
{
    while (!atomic_load(&producer->stopping) && timebase_mono_us() < until_us) {
        timebase_sleep_us(PAUSE_STEP_US);
    }
}

/* After a fatal error the library never sends again. The first time a new handle is there at once;
 * when it keeps happening, after growing pauses. */
static void kafka_producer_rebuild(struct kafka_producer *producer)
{
    char reason[REASON_BYTES] = "";
    rd_kafka_t *rk = kafka_producer_take(producer);
    struct err err;

    if (rk) {
        rd_kafka_fatal_error(rk, reason, sizeof(reason));
        pthread_rwlock_wrlock(&producer->lock);
        memcpy(producer->ended_by, reason, sizeof(reason));
        pthread_rwlock_unlock(&producer->lock);
        log_warn("kafka producer: fatal error, building a new one reason=\"%s\"", reason);
        kafka_producer_drop(rk);
    }
    int64_t now_us = timebase_mono_us();
    if (now_us - producer->rebuilt_us > REBUILD_CALM_US) {
        producer->rebuild_pause_us = 0;
    }
    kafka_producer_pause(producer, now_us + producer->rebuild_pause_us);
    producer->rebuild_pause_us *= 2;
    if (producer->rebuild_pause_us < REBUILD_PAUSE_US_MIN) {
        producer->rebuild_pause_us = REBUILD_PAUSE_US_MIN;
    } else if (producer->rebuild_pause_us > REBUILD_PAUSE_US_MAX) {
        producer->rebuild_pause_us = REBUILD_PAUSE_US_MAX;
    }
    if (atomic_load(&producer->stopping)) {
        return;
    }
    producer->rebuilt_us = timebase_mono_us();
    if (kafka_producer_build(producer, &rk, &err) != OK) {
        log_warn("kafka producer: cannot build a new one yet reason=\"%s\"", err.text);
        return;
    }
    atomic_store(&producer->fatal, false);
    pthread_rwlock_wrlock(&producer->lock);
    producer->rk = rk;
    pthread_rwlock_unlock(&producer->lock);
    metrics_inc(METRIC_PRODUCER_REBUILDS);
    kafka_producer_warm(producer);
}

/* The library tells when all brokers are gone but not when one is back: ask, shortly, while
 * unhealthy. */
static void kafka_producer_probe(struct kafka_producer *producer)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int64_t now_us = timebase_mono_us();

    if (kafka_producer_is_healthy(producer) || now_us - producer->probed_us < PROBE_EVERY_US) {
        return;
    }
    if (rd_kafka_metadata(producer->rk, 0, NULL, &metadata, PROBE_MS) == 0) {
        rd_kafka_metadata_destroy(metadata);
        atomic_store(&producer->brokers_down, false);
        if (now_us - producer->failed_us > FAILURE_FADES_US) {
            atomic_store(&producer->delivery_failed, false);
        }
    }
    producer->probed_us = timebase_mono_us();
}

/* While a broker is away and records wait that may be for its partitions: who leads them now? */
static void kafka_producer_ask_leaders(struct kafka_producer *producer)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int64_t now_us = timebase_mono_us();

    if (now_us - atomic_load_explicit(&producer->broker_lost_us, memory_order_relaxed) >
            LEADERS_ASKED_US ||
        now_us - producer->leaders_asked_us < LEADERS_EVERY_US ||
        atomic_load(&producer->messages) == 0 || atomic_load(&producer->brokers_down)) {
        return;
    }
    if (rd_kafka_metadata(producer->rk, 0, NULL, &metadata, PROBE_MS) == 0) {
        rd_kafka_metadata_destroy(metadata);
    }
    producer->leaders_asked_us = timebase_mono_us();
}

static bool kafka_producer_is_done(struct kafka_producer *producer)
{
    return atomic_load(&producer->stopping) &&
           (!producer->rk || atomic_load(&producer->messages) == 0 ||
            timebase_mono_us() >= atomic_load(&producer->stop_deadline_us));
}

static void *kafka_producer_main(void *arg)
{
    struct kafka_producer *producer = arg;

    log_thread_name("kafka-producer");
    kafka_producer_warm(producer);
    while (!kafka_producer_is_done(producer)) {
        if (!producer->rk || atomic_load(&producer->fatal)) {
            kafka_producer_rebuild(producer);
            continue;
        }
        rd_kafka_poll(producer->rk, atomic_load(&producer->stopping) ? 10 : POLL_MS);
        metrics_set(METRIC_PRODUCER_QUEUE_MESSAGES, (int64_t)atomic_load(&producer->messages));
        metrics_set(METRIC_PRODUCER_QUEUE_BYTES, (int64_t)atomic_load(&producer->bytes));
        kafka_producer_probe(producer);
        kafka_producer_ask_leaders(producer);
    }
    kafka_producer_drop(kafka_producer_take(producer));
    metrics_set(METRIC_PRODUCER_QUEUE_MESSAGES, 0);
    metrics_set(METRIC_PRODUCER_QUEUE_BYTES, 0);
    return NULL;
}

static enum verdict kafka_producer_conf(const struct settings *st, const char *compression,
                                        int64_t wait_ms, void **out_conf, struct err *err)
{
    char queue_kbytes[24], message_bytes[24], message_timeout[24], request_timeout[24];
    char answer_timeout[24];
    int64_t timeout_ms = st->ingest.message_timeout_ms;
    int64_t request_timeout_ms = timeout_ms > 1000 ? timeout_ms - 500 : timeout_ms;

    snprintf(queue_kbytes, sizeof(queue_kbytes), "%lld",
             (long long)(st->ingest.queue_bytes_max + 1023) / 1024);
    snprintf(message_bytes, sizeof(message_bytes), "%lld", (long long)st->kafka.message_bytes_max);
    snprintf(message_timeout, sizeof(message_timeout), "%lld", (long long)wait_ms);
    snprintf(answer_timeout, sizeof(answer_timeout), "%lld", (long long)timeout_ms);
    snprintf(request_timeout, sizeof(request_timeout), "%lld", (long long)request_timeout_ms);
    const struct kafka_property properties[] = {
        {.name = "acks", .value = "all"},
        {.name = "enable.idempotence", .value = "true"},
        {.name = "partitioner", .value = "murmur2_random"},
        {.name = "compression.type", .value = compression},
        {.name = "linger.ms", .value = LINGER_MS},
        {.name = "queue.buffering.max.messages", .value = MESSAGES_MAX},
        {.name = "queue.buffering.max.kbytes", .value = queue_kbytes},
        {.name = "message.max.bytes", .value = message_bytes},
        {.name = "message.timeout.ms", .value = message_timeout},
        {.name = "request.timeout.ms", .value = request_timeout},
        {.name = "socket.timeout.ms", .value = answer_timeout},
        {.name = NULL, .value = NULL},
    };
    return kafka_client_conf(st, KAFKA_PRODUCER, properties, out_conf, err);
}

static enum verdict kafka_producer_start_with(const struct settings *st, const char *compression,
                                              int64_t wait_ms, kafka_producer_result on_result,
                                              struct kafka_producer **out_producer, struct err *err)
{
    struct kafka_producer *producer = calloc(1, sizeof(*producer));
    void *conf = NULL;
    enum verdict verdict;

    if (!producer) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    producer->on_result = on_result;
    producer->record_bytes_max = (size_t)(st->kafka.message_bytes_max < st->ingest.queue_bytes_max
                                              ? st->kafka.message_bytes_max
                                              : st->ingest.queue_bytes_max) -
                                 FRAMING_BYTES;
    producer->rebuilt_us = timebase_mono_us() - REBUILD_CALM_US;
    producer->broker_lost_us = timebase_mono_us() - LEADERS_ASKED_US;
    pthread_rwlock_init(&producer->lock, NULL);
    producer->topics[0] = strdup(st->kafka.topic_events);
    producer->topics[1] = strdup(st->kafka.topic_dead_letters);
    producer->topics[2] = strdup(st->kafka.topic_alerts);
    if (!producer->topics[0] || !producer->topics[1] || !producer->topics[2]) {
        verdict = err_set(err, FATAL, WHERE, "out of memory");
        goto fail;
    }
    verdict = kafka_producer_conf(st, compression, wait_ms, &conf, err);
    if (verdict != OK) {
        goto fail;
    }
    producer->conf = conf;
    rd_kafka_conf_set_opaque(producer->conf, producer);
    rd_kafka_conf_set_dr_msg_cb(producer->conf, kafka_producer_on_delivery);
    rd_kafka_conf_set_error_cb(producer->conf, kafka_producer_on_error);
    verdict = kafka_producer_build(producer, &producer->rk, err);
    if (verdict != OK) {
        goto fail;
    }
    if (pthread_create(&producer->thread, NULL, kafka_producer_main, producer) != 0) {
        verdict = err_set(err, FATAL, WHERE, "cannot start a thread");
        kafka_producer_drop(producer->rk);
        goto fail;
    }
    *out_producer = producer;
    return OK;
fail:
    kafka_producer_free(producer);
    return verdict;
}

/* Bodies of events come compressed. */
enum verdict kafka_producer_start(const struct settings *st, kafka_producer_result on_result,
                                  struct kafka_producer **out_producer, struct err *err)
{
    return kafka_producer_start_with(st, "none", st->ingest.message_timeout_ms, on_result,
                                     out_producer, err);
}

enum verdict kafka_producer_start_compressing(const struct settings *st, int64_t wait_ms,
                                              kafka_producer_result on_result,
                                              struct kafka_producer **out_producer, struct err *err)
{
    return kafka_producer_start_with(st, "zstd", wait_ms, on_result, out_producer, err);
}

/* Under the read lock: hands the record to the library. */
static rd_kafka_resp_err_t kafka_producer_send(struct kafka_producer *producer, const char *topic,
                                               int32_t partition, struct str key, void *value,
                                               size_t value_len, struct pending *pending)
{
    if (!producer->rk || atomic_load_explicit(&producer->stopping, memory_order_relaxed) ||
        atomic_load_explicit(&producer->fatal, memory_order_relaxed)) {
        return RD_KAFKA_RESP_ERR__STATE;
    }
    return rd_kafka_producev(
        producer->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_FREE), RD_KAFKA_V_KEY((void *)key.ptr, key.len),
        RD_KAFKA_V_VALUE(value, value_len), RD_KAFKA_V_OPAQUE(pending), RD_KAFKA_V_END);
}

static enum verdict kafka_producer_is_away(struct kafka_producer *producer, struct err *err)
{
    pthread_rwlock_rdlock(&producer->lock);
    enum verdict verdict =
        err_set(err, RETRY, WHERE, "the producer is being built anew or stopped%s%s",
                producer->ended_by[0] ? ": " : "", producer->ended_by);
    pthread_rwlock_unlock(&producer->lock);
    return verdict;
}

enum verdict kafka_producer_publish(struct kafka_producer *producer, const char *topic,
                                    struct str key, void *value, size_t value_len, void *record_arg,
                                    struct err *err)
{
    return kafka_producer_publish_to(producer, topic, RD_KAFKA_PARTITION_UA, key, value, value_len,
                                     record_arg, err);
}

enum verdict kafka_producer_publish_to(struct kafka_producer *producer, const char *topic,
                                       int32_t partition, struct str key, void *value,
                                       size_t value_len, void *record_arg, struct err *err)
{
    size_t bytes = key.len + value_len;

    if (bytes > producer->record_bytes_max) {
        return err_set(err, REJECT, WHERE, "record of %zu bytes, at most %zu are taken", bytes,
                       producer->record_bytes_max);
    }
    struct pending *pending = malloc(sizeof(*pending));
    if (!pending) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    *pending = (struct pending){
        .record_arg = record_arg, .published_us = timebase_mono_us(), .bytes = bytes};
    /* Counted first: the answer may come before this thread runs on. */
    atomic_fetch_add_explicit(&producer->messages, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&producer->bytes, bytes, memory_order_relaxed);

    pthread_rwlock_rdlock(&producer->lock);
    rd_kafka_resp_err_t code =
        kafka_producer_send(producer, topic, partition, key, value, value_len, pending);
    pthread_rwlock_unlock(&producer->lock);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return OK;
    }

    atomic_fetch_sub_explicit(&producer->messages, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&producer->bytes, bytes, memory_order_relaxed);
    free(pending);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        atomic_store(&producer->fatal, true);
    }
    if (code == RD_KAFKA_RESP_ERR__STATE) {
        return kafka_producer_is_away(producer, err);
    }
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return err_set(err, RETRY, WHERE, "too many records wait for the broker");
    }
    return kafka_client_fail(err, code, topic) == REJECT
               ? REJECT
               : err_set(err, RETRY, WHERE, "%s: %s", topic, rd_kafka_err2str(code));
}

void kafka_producer_load(struct kafka_producer *producer, size_t *out_messages, size_t *out_bytes,
                         int *out_delivery_ms)
{
    *out_messages = atomic_load_explicit(&producer->messages, memory_order_relaxed);
    *out_bytes = atomic_load_explicit(&producer->bytes, memory_order_relaxed);
    *out_delivery_ms =
        (atomic_load_explicit(&producer->delivery_us, memory_order_relaxed) + 500) / 1000;
}

int kafka_producer_is_healthy(struct kafka_producer *producer)
{
    return !atomic_load(&producer->brokers_down) && !atomic_load(&producer->delivery_failed) &&
           !atomic_load(&producer->fatal);
}

void kafka_producer_stop(struct kafka_producer *producer, int timeout_ms)
{
    atomic_store(&producer->stop_deadline_us, timebase_mono_us() + (int64_t)timeout_ms * 1000);
    /* Under the lock: a publisher is either done before, and its record is waited for, or sees it.
     * */
    pthread_rwlock_wrlock(&producer->lock);
    atomic_store(&producer->stopping, true);
    kafka_client_wake(producer->rk ? rd_kafka_queue_get_main(producer->rk) : NULL);
    pthread_rwlock_unlock(&producer->lock);
    pthread_join(producer->thread, NULL);
}

void kafka_producer_free(struct kafka_producer *producer)
{
    if (!producer) {
        return;
    }
    if (producer->conf) {
        rd_kafka_conf_destroy(producer->conf);
    }
    for (size_t i = 0; i < TOPICS; i++) {
        free(producer->topics[i]);
    }
    pthread_rwlock_destroy(&producer->lock);
    free(producer);
}
