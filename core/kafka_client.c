#include "core/kafka_client.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#include "core/log.h"
#include "core/settings.h"
#include "core/timebase.h"

#define WHERE "kafka"
#define ENSURE_TIMEOUT_MS 30000
#define CLUSTER_ID_BYTES 64
#define TOPIC_LOOK_US 50000

/* Properties that a user may not set, and why. Aliases of the library stand beside their name. */
static const struct {
    const char *name;
    const char *reason;
} refused[] = {
    {.name = "acks", .reason = "an event is accepted only when all in-sync replicas have it"},
    {.name = "request.required.acks", .reason = "see acks: all in-sync replicas must answer"},
    {.name = "enable.idempotence", .reason = "order within a partition rests on it"},
    {.name = "transactional.id", .reason = "PostgreSQL judges duplicates, not transactions"},
    {.name = "delivery.report.only.error", .reason = "every record needs its answer"},
    {.name = "enabled_events", .reason = "every record needs its answer"},
    {.name = "enable.auto.commit", .reason = "offsets are kept in PostgreSQL"},
    {.name = "auto.commit.enable", .reason = "offsets are kept in PostgreSQL"},
    {.name = "enable.auto.offset.store", .reason = "offsets are kept in PostgreSQL"},
    {.name = "auto.offset.reset", .reason = "a position out of range must never be skipped"},
    {.name = "isolation.level", .reason = "aborted records must never be read"},
    {.name = "partition.assignment.strategy", .reason = "only eager range assignment is safe here"},
    {.name = "group.id", .reason = "use worker.group"},
    {.name = "group.instance.id", .reason = "use worker.instance_id"},
    {.name = "bootstrap.servers", .reason = "use kafka.brokers"},
    {.name = "metadata.broker.list", .reason = "use kafka.brokers"},
};

/* What both roles set. Waits are short: a client that hangs on one dead broker must look for
 * another, and partitions that are added must be found without a restart. */
static const struct kafka_property common_properties[] = {
    {.name = "client.id", .value = "metaops"},
    {.name = "socket.nagle.disable", .value = "true"},
    {.name = "socket.keepalive.enable", .value = "true"},
    {.name = "socket.timeout.ms", .value = "10000"},
    {.name = "socket.connection.setup.timeout.ms", .value = "5000"},
    {.name = "reconnect.backoff.max.ms", .value = "1000"},
    {.name = "topic.metadata.refresh.interval.ms", .value = "10000"},
    {.name = "allow.auto.create.topics", .value = "false"},
    {.name = "log.connection.close", .value = "false"},
    {.name = NULL, .value = NULL},
};

/* Releases before that say their nonce twice in SCRAM; brokers that check it (Kafka 4.1 does, 3.7.1
 * does not) refuse them as if the password were wrong. */
#define SCRAM_MENDED_VERSION 0x020601ff

static void kafka_client_explain(const char *text)
{
    if (strstr(text, "mechanism SCRAM") && rd_kafka_version() < SCRAM_MENDED_VERSION) {
        log_warn(
            "kafka client: librdkafka %s repeats its nonce in SCRAM, which newer brokers refuse "
            "whatever the password: use PLAIN over TLS, client certificates, or librdkafka 2.6.1",
            rd_kafka_version_str());
    }
}

static void kafka_client_on_log(const rd_kafka_t *rk, int level, const char *facility,
                                const char *text)
{
    (void)rk;
    kafka_client_explain(text);
    if (level <= 2) {
        log_error("kafka client %s: %s", facility, text);
    } else if (level <= 4) {
        log_warn("kafka client %s: %s", facility, text);
    } else if (level <= 6) {
        log_info("kafka client %s: %s", facility, text);
    } else {
        log_debug("kafka client %s: %s", facility, text);
    }
}

struct conf_build {
    rd_kafka_conf_t *conf;
    const char *prefix; /* of the names taken in this pass; "" = those without a role */
    enum verdict verdict;
    struct err *err;
};

static enum verdict kafka_client_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                     struct err *err)
{
    char text[256] = "";

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
        return err_set(err, FATAL, WHERE, "%s: %s", name, text);
    }
    return OK;
}

static bool kafka_client_user_property(void *arg, const char *name, const char *value)
{
    struct conf_build *cb = arg;
    size_t prefix_len = strlen(cb->prefix);

    if (strncmp(name, cb->prefix, prefix_len) != 0) {
        return true;
    }
    if (prefix_len == 0 && (strncmp(name, "producer.", strlen("producer.")) == 0 ||
                            strncmp(name, "consumer.", strlen("consumer.")) == 0)) {
        return true;
    }
    const char *property = name + prefix_len;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strcmp(property, refused[i].name) == 0) {
            cb->verdict = err_set(cb->err, FATAL, WHERE, "rdkafka.%s cannot be set: %s", name,
                                  refused[i].reason);
            return false;
        }
    }
    cb->verdict = kafka_client_set(cb->conf, property, value, cb->err);
    if (cb->verdict != OK) {
        err_wrap(cb->err, "rdkafka.%s", name);
    }
    return cb->verdict == OK;
}

static enum verdict kafka_client_set_all(rd_kafka_conf_t *conf,
                                         const struct kafka_property *properties, struct err *err)
{
    enum verdict verdict = OK;

    for (; properties->name && verdict == OK; properties++) {
        verdict = kafka_client_set(conf, properties->name, properties->value, err);
    }
    return verdict;
}

enum verdict kafka_client_conf(const struct settings *st, enum kafka_role role,
                               const struct kafka_property *properties, void **out_conf,
                               struct err *err)
{
    struct conf_build cb = {.conf = rd_kafka_conf_new(), .prefix = "", .verdict = OK, .err = err};

    rd_kafka_conf_set_log_cb(cb.conf, kafka_client_on_log);
    cb.verdict = kafka_client_set_all(cb.conf, common_properties, err);
    if (cb.verdict == OK) {
        cb.verdict = kafka_client_set(cb.conf, "bootstrap.servers", st->kafka.brokers, err);
    }
    if (cb.verdict == OK) {
        cb.verdict = kafka_client_set_all(cb.conf, properties, err);
    }
    if (cb.verdict == OK) {
        settings_each_rdkafka(st, kafka_client_user_property, &cb);
    }
    if (cb.verdict == OK) {
        cb.prefix = role == KAFKA_PRODUCER ? "producer." : "consumer.";
        settings_each_rdkafka(st, kafka_client_user_property, &cb);
    }
    if (cb.verdict != OK) {
        rd_kafka_conf_destroy(cb.conf);
        return cb.verdict;
    }
    *out_conf = cb.conf;
    return OK;
}

/* Codes that are not here may pass: RETRY. */
static const struct {
    rd_kafka_resp_err_t code;
    enum verdict verdict;
} verdicts[] = {
    {.code = RD_KAFKA_RESP_ERR_NO_ERROR, .verdict = OK},
    /* this record or this position can never be used */
    {.code = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, .verdict = REJECT},
    {.code = RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, .verdict = REJECT},
    {.code = RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, .verdict = REJECT},
    {.code = RD_KAFKA_RESP_ERR_INVALID_RECORD, .verdict = REJECT},
    {.code = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, .verdict = REJECT},
    {.code = RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, .verdict = REJECT},
    /* the client is broken, or somebody must change a setting, here or on the broker */
    {.code = RD_KAFKA_RESP_ERR__FATAL, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR__FENCED, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR__INVALID_ARG, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR__NOT_CONFIGURED, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_INVALID_CONFIG, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_POLICY_VIOLATION, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, .verdict = FATAL},
    {.code = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, .verdict = FATAL},
};

enum verdict kafka_client_verdict(int code)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (verdicts[i].code == code) {
            return verdicts[i].verdict;
        }
    }
    return RETRY;
}

enum verdict kafka_client_fail(struct err *err, int code, const char *what)
{
    enum verdict verdict = kafka_client_verdict(code);

    err_set(err, verdict, WHERE, "%s: %s", what, rd_kafka_err2str((rd_kafka_resp_err_t)code));
    if (err) {
        err->code = code;
    }
    return verdict;
}

void kafka_client_wake(void *queue)
{
    if (queue) {
        rd_kafka_queue_yield(queue);
        rd_kafka_queue_destroy(queue);
    }
}

static void *kafka_client_destroy_main(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return NULL;
}

bool kafka_client_destroy(void *handle, int timeout_ms)
{
#if defined(__SANITIZE_THREAD__)
    clockid_t clock = CLOCK_REALTIME; /* the sanitizer does not know pthread_clockjoin_np */
#else
    clockid_t clock = CLOCK_MONOTONIC;
#endif
    pthread_t thread;
    struct timespec deadline;

    if (!handle) {
        return true;
    }
    if (pthread_create(&thread, NULL, kafka_client_destroy_main, handle) != 0) {
        return false;
    }
    clock_gettime(clock, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
#if defined(__SANITIZE_THREAD__)
    int code = pthread_timedjoin_np(thread, NULL, &deadline);
#else
    int code = pthread_clockjoin_np(thread, NULL, clock, &deadline);
#endif
    if (code != 0) {
        pthread_detach(thread);
        return false;
    }
    return true;
}

enum verdict kafka_client_open(const struct settings *st, enum kafka_role role, void **out_handle,
                               struct err *err)
{
    static const struct kafka_property none[] = {{.name = NULL, .value = NULL}};
    char text[256] = "";
    void *conf;

    enum verdict verdict = kafka_client_conf(st, role, none, &conf, err);
    if (verdict != OK) {
        return verdict;
    }
    rd_kafka_t *rk = rd_kafka_new(role == KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                                  conf, text, sizeof(text));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    *out_handle = rk;
    return OK;
}

/* Partitions of topic, -1 when it does not exist. */
static enum verdict kafka_client_partitions(rd_kafka_t *rk, const char *topic, int timeout_ms,
                                            int *out_partitions, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);

    if (!rkt) {
        return err_set(err, FATAL, WHERE, "bad topic name %s", topic);
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &metadata, timeout_ms);
    rd_kafka_topic_destroy(rkt);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(err, code, "asking for metadata");
    }
    int partitions = -1;
    if (metadata->topic_cnt == 1) {
        partitions = metadata->topics[0].partition_cnt;
        code = metadata->topics[0].err;
    }
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *out_partitions = -1;
        return OK;
    }
    if (partitions <= 0) {
        return kafka_client_fail(err, code ? code : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, topic);
    }
    *out_partitions = partitions;
    return OK;
}

/* The one result of an admin request about one topic, or the error of the request as a whole. */
static rd_kafka_resp_err_t kafka_client_admin_result(rd_kafka_queue_t *queue, char *text,
                                                     size_t text_size)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ENSURE_TIMEOUT_MS);
    const rd_kafka_topic_result_t **results = NULL;
    size_t count = 0;

    if (!event) {
        snprintf(text, text_size, "no answer in %d s", ENSURE_TIMEOUT_MS / 1000);
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *reason = code ? rd_kafka_event_error_string(event) : NULL;
    if (!code && rd_kafka_event_CreateTopics_result(event)) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    } else if (!code && rd_kafka_event_CreatePartitions_result(event)) {
        results = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &count);
    }
    if (!code && count == 1) {
        code = rd_kafka_topic_result_error(results[0]);
        reason = rd_kafka_topic_result_error_string(results[0]);
    }
    snprintf(text, text_size, "%s", reason ? reason : rd_kafka_err2str(code));
    rd_kafka_event_destroy(event);
    return code;
}

static rd_kafka_resp_err_t kafka_client_create(rd_kafka_t *rk, const struct kafka_topic_spec *spec,
                                               char *text, size_t text_size)
{
    char message_bytes_max[24], min_insync[24];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(spec->name, spec->partitions,
                                                       spec->replication_factor, text, text_size);

    if (!topic) {
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    snprintf(message_bytes_max, sizeof(message_bytes_max), "%ld", spec->message_bytes_max);
    snprintf(min_insync, sizeof(min_insync), "%d", spec->min_insync_replicas);
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    rd_kafka_NewTopic_set_config(topic, "max.message.bytes", message_bytes_max);
    rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", min_insync);
    /* By the clock of a producer that goes wrong a record would be refused, or be old enough for retention as it
     * comes. */
    rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime");
    if (spec->is_kept) {
        rd_kafka_NewTopic_set_config(topic, "retention.ms", "-1");
        rd_kafka_NewTopic_set_config(topic, "retention.bytes", "-1");
    }

    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_resp_err_t code = kafka_client_admin_result(queue, text, text_size);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return code;
}

static rd_kafka_resp_err_t kafka_client_grow(rd_kafka_t *rk, const struct kafka_topic_spec *spec,
                                             char *text, size_t text_size)
{
    rd_kafka_NewPartitions_t *partitions =
        rd_kafka_NewPartitions_new(spec->name, (size_t)spec->partitions, text, text_size);

    if (!partitions) {
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreatePartitions(rk, &partitions, 1, NULL, queue);
    rd_kafka_resp_err_t code = kafka_client_admin_result(queue, text, text_size);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewPartitions_destroy(partitions);
    return code;
}

/* A topic just made is not yet known to every broker: whoever uses it next must find it. */
static enum verdict kafka_client_await(rd_kafka_t *rk, const struct kafka_topic_spec *spec,
                                       int64_t deadline_us, struct err *err)
{
    while (timebase_mono_us() < deadline_us) {
        int have = -1;
        enum verdict verdict = kafka_client_partitions(rk, spec->name, 5000, &have, err);
        if (verdict == FATAL || (verdict == OK && have >= spec->partitions)) {
            return verdict;
        }
        timebase_sleep_us(TOPIC_LOOK_US);
    }
    return err_set(err, RETRY, WHERE, "topic %s was made, but no broker shows it", spec->name);
}

enum verdict kafka_client_ensure_topic(const struct settings *st,
                                       const struct kafka_topic_spec *spec, int *out_created,
                                       struct err *err)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)ENSURE_TIMEOUT_MS * 1000;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    char text[192] = "";
    rd_kafka_t *rk;
    void *handle = NULL;
    int have = -1, created = 0;

    enum verdict verdict = kafka_client_open(st, KAFKA_PRODUCER, &handle, err);
    rk = handle;
    if (verdict != OK) {
        return verdict;
    }
    verdict = kafka_client_partitions(rk, spec->name, 10000, &have, err);
    if (verdict != OK) {
        goto out;
    }
    if (have < 0) {
        created = 1;
        code = kafka_client_create(rk, spec, text, sizeof(text));
    } else if (have < spec->partitions) {
        created = 2;
        code = kafka_client_grow(rk, spec, text, sizeof(text));
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        /* Somebody else was faster; it may have fewer partitions: look again. */
        verdict = err_set(err, RETRY, WHERE, "topic %s was made meanwhile", spec->name);
        goto out;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        verdict = err_set(err, kafka_client_verdict(code), WHERE, "topic %s: %s", spec->name, text);
        goto out;
    }
    if (created) {
        verdict = kafka_client_await(rk, spec, deadline_us, err);
    }
    if (verdict == OK) {
        *out_created = created;
    }
out:
    (void)kafka_client_destroy(rk, 2000);
    return verdict;
}

enum verdict kafka_client_cluster_id(void *handle, int timeout_ms, char *out_id, struct err *err)
{
    char *id = rd_kafka_clusterid(handle, timeout_ms);
    size_t len = id ? strlen(id) : 0;

    if (len == 0 || len >= CLUSTER_ID_BYTES) {
        rd_kafka_mem_free(handle, id);
        return err_set(err, RETRY, WHERE, "the brokers did not tell their cluster id in %d ms",
                       timeout_ms);
    }
    memcpy(out_id, id, len + 1);
    rd_kafka_mem_free(handle, id);
    return OK;
}

/* Within what is left of the time, but not within none. */
static enum verdict kafka_client_cluster_id_until(rd_kafka_t *rk, int64_t end_us, char *out_id,
                                                  struct err *err)
{
    int64_t left_ms = (end_us - timebase_mono_us()) / 1000;

    return kafka_client_cluster_id(rk, left_ms > 100 ? (int)left_ms : 100, out_id, err);
}

enum verdict kafka_client_reach(const struct settings *st, enum kafka_role role, int timeout_ms,
                                char *out_id, struct err *err)
{
    int64_t end_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    const struct rd_kafka_metadata *metadata = NULL;
    void *handle = NULL;

    enum verdict verdict = kafka_client_open(st, role, &handle, err);
    if (verdict != OK) {
        return verdict;
    }
    /* Asked first: it says why nobody answers, which the question for the id does not. */
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        verdict = kafka_client_fail(err, code, "asking for metadata");
    } else {
        rd_kafka_metadata_destroy(metadata);
        verdict = kafka_client_cluster_id_until(handle, end_us, out_id, err);
    }
    (void)kafka_client_destroy(handle, 2000);
    return verdict;
}

enum verdict kafka_client_describe(const struct settings *st, const char *topic, int timeout_ms,
                                   char *cluster_id, int *out_partitions, struct err *err)
{
    int64_t end_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    rd_kafka_t *rk;
    void *handle = NULL;
    int partitions = -1;

    enum verdict verdict = kafka_client_open(st, KAFKA_PRODUCER, &handle, err);
    rk = handle;
    if (verdict != OK) {
        return verdict;
    }
    verdict = kafka_client_partitions(rk, topic, timeout_ms, &partitions, err);
    if (verdict == OK) {
        verdict = kafka_client_cluster_id_until(rk, end_us, cluster_id, err);
    }
    if (verdict == OK) {
        *out_partitions = partitions;
    }
    (void)kafka_client_destroy(rk, 2000);
    return verdict;
}
