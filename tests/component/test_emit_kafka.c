/* `metaops emit --kafka` against the mock cluster of librdkafka: what stands on the topic afterwards,
 * also when the broker makes trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/settings.h"
#include "ingest/emit.h"
#include "schemas/event_codec.h"
#include "schemas/identity.h"
#include "support/capture.h"

#define TOPIC "metaops.events"
#define API_PRODUCE 0

#define EVENT(job)                                                                                 \
    "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":\"n\",\"name\":\"" job "\"}}"

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct settings st;
};

static int setup(void **state)
{
    static struct bed bed;
    char brokers[256];
    char text[256];
    char timeout[] = "--ingest.message-timeout-ms=1000";
    char *args[] = {brokers, timeout, NULL};
    struct settings_rest rest;
    struct err err;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
    bed.host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    bed.cluster = rd_kafka_mock_cluster_new(bed.host, 1);
    rd_kafka_mock_topic_create(bed.cluster, TOPIC, 1, 1);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed.cluster));
    if (settings_load(&bed.st, 2, args, &rest, &err) != OK) {
        return 1;
    }
    free(rest.words);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    settings_fini(&bed->st);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    return 0;
}

struct result {
    int code;
    char *out;
    char *faults;
};

static struct result emit(struct bed *bed, const char *text, const char *flag)
{
    struct result result;
    struct capture out;
    struct capture faults;
    char *path = capture_file(text, strlen(text));
    char *words[] = {(char *)"--kafka", path, (char *)flag, NULL};

    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&faults, STDERR_FILENO);
    result.code = emit_run(&bed->st, flag ? 3 : 2, words);
    result.faults = capture_end(&faults);
    result.out = capture_end(&out);
    unlink(path);
    free(path);
    return result;
}

static void free_result(struct result *result)
{
    free(result->out);
    free(result->faults);
}

static rd_kafka_t *open_reader(struct bed *bed)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof(text));
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    assert_non_null(reader);
    rd_kafka_topic_partition_list_add(list, TOPIC, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

/* The next record is this job's event as the gateway would have written it, but for its source. */
static void expect_event(rd_kafka_t *reader, const char *job, const char *body)
{
    struct event_codec *codec = event_codec_new(1 << 20);
    struct arena *arena = arena_new(1 << 20);
    struct lineage_event ev;
    struct err err;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 10000);

    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    struct id128 key = identity_job(STR("n"), str_view(job));
    assert_int_equal(message->key_len, 16);
    assert_memory_equal(message->key, key.bytes, 16);
    struct str value = {.ptr = message->payload, .len = message->len};
    assert_int_equal(event_codec_decode(codec, value, arena, &ev, &err), OK);
    assert_int_equal(ev.source, SOURCE_EMITTER);
    assert_int_equal(ev.body.len, strlen(body));
    assert_memory_equal(ev.body.ptr, body, ev.body.len);
    assert_null(ev.emitter_id.ptr);
    rd_kafka_message_destroy(message);
    arena_free(arena);
    event_codec_free(codec);
}

static void close_reader(rd_kafka_t *reader)
{
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static void test_emit_kafka_writes_events_as_they_are_with_the_jobs_key(void **state)
{
    struct bed *bed = *state;
    struct result result = emit(bed, EVENT("a") "\r\n\n " EVENT("b") "\n", NULL);
    assert_int_equal(result.code, 0);
    assert_int_equal(strncmp(result.out, "sent 2, accepted 2, refused 0, unavailable 0; ", 46), 0);
    rd_kafka_t *reader = open_reader(bed);
    expect_event(reader, "a", EVENT("a"));
    expect_event(reader, "b", " " EVENT("b"));
    close_reader(reader);
    free_result(&result);
}

static void test_emit_kafka_refuses_what_the_gateway_would(void **state)
{
    struct bed *bed = *state;
    struct result result = emit(bed, "{\"eventTime\":1}\n" EVENT("a") "\nnonsense\n", NULL);
    assert_int_equal(result.code, 1);
    assert_non_null(strstr(result.faults, ":1: refused: /eventTime, byte 13: "));
    assert_non_null(strstr(result.faults, ":3: refused: (root), byte "));
    assert_int_equal(strncmp(result.out, "sent 3, accepted 1, refused 2, unavailable 0; ", 46), 0);
    rd_kafka_t *reader = open_reader(bed);
    expect_event(reader, "a", EVENT("a"));
    close_reader(reader);
    free_result(&result);
}

static void test_emit_kafka_tries_again_after_broker_errors(void **state)
{
    struct bed *bed = *state;
    /* More errors than fit into one message time-out of 1 s: the first delivery fails. */
    rd_kafka_resp_err_t errors[12];
    for (size_t i = 0; i < 12; i++) {
        errors[i] = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    }
    rd_kafka_mock_push_request_errors_array(bed->cluster, API_PRODUCE, 12, errors);
    struct result result = emit(bed, EVENT("a") "\n", NULL);
    assert_int_equal(result.code, 0);
    assert_int_equal(strncmp(result.out, "sent 1, accepted 1, ", 20), 0);
    rd_kafka_t *reader = open_reader(bed);
    expect_event(reader, "a", EVENT("a"));
    close_reader(reader);
    free_result(&result);
}

static void test_emit_kafka_gives_up_when_no_broker_is_there(void **state)
{
    struct bed *bed = *state;
    rd_kafka_mock_broker_set_down(bed->cluster, 1);
    struct result result = emit(bed, EVENT("a") "\n" EVENT("b") "\n", "--retries=1");
    assert_int_equal(result.code, 1);
    assert_int_equal(strncmp(result.out, "sent 2, accepted 0, refused 0, unavailable 2; ", 46), 0);
    assert_non_null(strstr(result.faults, "no broker takes events"));
    free_result(&result);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_emit_kafka_writes_events_as_they_are_with_the_jobs_key),
        CASE(test_emit_kafka_refuses_what_the_gateway_would),
        CASE(test_emit_kafka_tries_again_after_broker_errors),
        CASE(test_emit_kafka_gives_up_when_no_broker_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
