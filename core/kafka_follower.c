#include "core/kafka_follower.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"
#include "core/kafka_consumer.h"
#include "core/kafka_reader.h"
#include "core/log.h"
#include "core/timebase.h"

#define WHERE "kafka follower"
#define PARTITION 0
#define POLL_MS 100
#define METADATA_MS 1000
#define AGAIN_US 200000
#define DESTROY_MS 1000

struct kafka_follower {
    const char *topic;
    struct kafka_follower_callbacks callbacks;
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    bool is_caught_up;
    bool is_unfit; /* and that was said */
    atomic_bool is_stopping;
    pthread_t thread;
};

static void kafka_follower_refuse(struct kafka_follower *follower, int partitions)
{
    if (follower->is_unfit) {
        return;
    }
    follower->is_unfit = true;
    log_error("topic %s has %d partitions, must have 1: not reading it", follower->topic,
              partitions);
    if (follower->callbacks.on_unfit) {
        follower->callbacks.on_unfit(follower->callbacks.arg, partitions);
    }
}

/* Asks until the brokers show the topic with its one partition. False when the follower is stopped meanwhile. */
static bool kafka_follower_await(struct kafka_follower *follower)
{
    while (!atomic_load(&follower->is_stopping)) {
        const struct rd_kafka_metadata *metadata = NULL;
        rd_kafka_resp_err_t code =
            rd_kafka_metadata(follower->rk, 0, follower->rkt, &metadata, METADATA_MS);
        int partitions = 0;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1 &&
            metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            partitions = metadata->topics[0].partition_cnt;
        }
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
        }
        if (partitions == 1) {
            follower->is_unfit = false;
            return true;
        }
        if (partitions > 1) {
            kafka_follower_refuse(follower, partitions);
        }
        timebase_sleep_us(AGAIN_US);
    }
    return false;
}

/* Whether what was read so far no longer stands. */
static bool kafka_follower_is_gone(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* False when the topic has to be begun anew. */
static bool kafka_follower_take(struct kafka_follower *follower, rd_kafka_message_t *msg)
{
    struct kafka_record record;

    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_reader_view(msg, &record);
        follower->callbacks.on_record(follower->callbacks.arg, &record);
    } else if (msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (!follower->is_caught_up) {
            follower->is_caught_up = true;
            follower->callbacks.on_caught_up(follower->callbacks.arg);
        }
    } else if (kafka_follower_is_gone(msg->err)) {
        log_warn("topic %s does not continue, reading it from its beginning: %s", follower->topic,
                 rd_kafka_err2str(msg->err));
        return false;
    } else {
        log_debug("topic %s: %s", follower->topic, rd_kafka_message_errstr(msg));
    }
    return true;
}

static void kafka_follower_read(struct kafka_follower *follower)
{
    bool goes_on = true;

    if (rd_kafka_consume_start(follower->rkt, PARTITION, RD_KAFKA_OFFSET_BEGINNING) != 0) {
        return;
    }
    while (goes_on && !atomic_load(&follower->is_stopping)) {
        rd_kafka_message_t *msg = rd_kafka_consume(follower->rkt, PARTITION, POLL_MS);
        if (msg) {
            goes_on = kafka_follower_take(follower, msg);
            rd_kafka_message_destroy(msg);
        }
        rd_kafka_poll(follower->rk, 0);
    }
    rd_kafka_consume_stop(follower->rkt, PARTITION);
}

static void *kafka_follower_main(void *arg)
{
    struct kafka_follower *follower = arg;

    log_thread_name("follower");
    while (kafka_follower_await(follower)) {
        kafka_follower_read(follower);
        if (!atomic_load(&follower->is_stopping)) {
            follower->is_caught_up = false;
            follower->callbacks.on_restart(follower->callbacks.arg);
            timebase_sleep_us(AGAIN_US);
        }
    }
    return NULL;
}

static enum verdict kafka_follower_connect(struct kafka_follower *follower,
                                           const struct settings *st, struct err *err)
{
    static const struct kafka_property properties[] = {
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "auto.offset.reset", .value = "error"}, /* the end of a topic is noticed */
        {.name = "isolation.level", .value = "read_committed"},
        {.name = "check.crcs", .value = "true"},
        {.name = "enable.partition.eof", .value = "true"},
        /* The end is noticed by a fetch that finds nothing: the start waits so long. */
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "queued.min.messages", .value = "100"},
        {.name = "queued.max.messages.kbytes", .value = "1024"},
        {.name = NULL, .value = NULL},
    };
    char text[256] = "";
    void *conf;
    enum verdict verdict = kafka_client_conf(st, KAFKA_CONSUMER, properties, &conf, err);

    if (verdict != OK) {
        return verdict;
    }
    follower->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!follower->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    follower->rkt = rd_kafka_topic_new(follower->rk, follower->topic, NULL);
    return follower->rkt ? OK : err_set(err, FATAL, WHERE, "bad topic name %s", follower->topic);
}

static void kafka_follower_free(struct kafka_follower *follower)
{
    if (follower->rkt) {
        rd_kafka_topic_destroy(follower->rkt);
    }
    (void)kafka_client_destroy(follower->rk, DESTROY_MS);
    free(follower);
}

enum verdict kafka_follower_start(const struct settings *st, const char *topic,
                                  const struct kafka_follower_callbacks *callbacks,
                                  struct kafka_follower **out_follower, struct err *err)
{
    struct kafka_follower *follower = calloc(1, sizeof(*follower));

    if (!follower) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    follower->topic = topic;
    follower->callbacks = *callbacks;
    enum verdict verdict = kafka_follower_connect(follower, st, err);
    if (verdict == OK &&
        pthread_create(&follower->thread, NULL, kafka_follower_main, follower) != 0) {
        verdict = err_set(err, FATAL, WHERE, "cannot start a thread");
    }
    if (verdict != OK) {
        kafka_follower_free(follower);
        return verdict;
    }
    *out_follower = follower;
    return OK;
}

void kafka_follower_stop(struct kafka_follower *follower)
{
    if (!follower) {
        return;
    }
    atomic_store(&follower->is_stopping, true);
    kafka_client_wake(rd_kafka_queue_get_partition(follower->rk, follower->topic, PARTITION));
    pthread_join(follower->thread, NULL);
    kafka_follower_free(follower);
}
