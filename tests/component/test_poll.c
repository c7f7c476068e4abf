/* The role poll with the real librdkafka against its mock cluster: what is published, what becomes a dead letter, what is
 * committed, and what comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/poll.h"
#include "schemas/event_codec.h"
#include "support/reserved_port.h"

#define PRODUCE 0     /* Kafka's number of the request */
#define WAIT_MS 60000 /* for what a slow machine does late */
#define INPUTS "seldon.fraud.model.iris.inputs"
#define ERRORS "seldon.fraud.errors.errors"
#define BODY_BYTES_MAX 65536

struct bed {
    struct settings st;
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct reserved_port admin;
    pthread_t thread;
    int exit_code;
};

static int setup(void **state)
{
    static struct bed bed;
    static char admin[64], brokers[128];
    char *args[] = {admin,
                    brokers,
                    "--poll.seldon-v2-prefix=seldon",
                    "--poll.in-flight-max=3",
                    "--poll.drain-timeout-ms=60000",
                    "--ingest.body-bytes-max=64KiB",
                    "--kafka.message-bytes-max=256KiB",
                    "--ingest.answer-timeout-ms=60000",
                    "--ingest.message-timeout-ms=50000",
                    "--log.level=error",
                    NULL};
    struct settings_rest rest = {0};
    char text[256];
    struct err err;

    memset(&bed, 0, sizeof(bed));
    bed.admin = reserved_port_open();
    bed.host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    bed.cluster = bed.host ? rd_kafka_mock_cluster_new(bed.host, 1) : NULL;
    if (!bed.cluster) {
        return -1;
    }
    snprintf(admin, sizeof(admin), "--poll.admin-listen=127.0.0.1:%d", bed.admin.number);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed.cluster));
    if (settings_load(&bed.st, (int)(sizeof(args) / sizeof(args[0])) - 1, args, &rest, &err) !=
        OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    free(rest.words);
    rd_kafka_mock_topic_create(bed.cluster, bed.st.kafka.topic_events, 1, 1);
    rd_kafka_mock_topic_create(bed.cluster, INPUTS, 2, 1);
    rd_kafka_mock_topic_create(bed.cluster, ERRORS, 1, 1);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    settings_fini(&bed->st);
    reserved_port_close(&bed->admin);
    return 0;
}

static void *run_role(void *arg)
{
    struct bed *bed = arg;

    bed->exit_code = poll_run(&bed->st);
    return NULL;
}

static void start_role(struct bed *bed)
{
    assert_int_equal(pthread_create(&bed->thread, NULL, run_role, bed), 0);
}

static void stop_role(struct bed *bed)
{
    kill(getpid(), SIGTERM);
    pthread_join(bed->thread, NULL);
    assert_int_equal(bed->exit_code, EXIT_CODE_OK);
}

static rd_kafka_t *client(struct bed *bed, rd_kafka_type_t type)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", bed->st.poll.group, text, sizeof(text));
    rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
    assert_non_null(rk);
    return rk;
}

static void produce(struct bed *bed, const char *topic, int32_t partition, const char *request,
                    const char *header, const char *header_value, struct str value)
{
    rd_kafka_t *rk = client(bed, RD_KAFKA_PRODUCER);

    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_HEADER("x-request-id", request, -1),
                                       RD_KAFKA_V_HEADER(header, header_value, -1),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)value.ptr, value.len),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, WAIT_MS), 0);
    rd_kafka_destroy(rk);
}

/* The record at that offset of partition 0, waited for: read from the beginning, for one beyond the end is an error. */
static rd_kafka_message_t *fetch(struct bed *bed, const char *topic, int64_t offset,
                                 rd_kafka_t **out_rk)
{
    rd_kafka_t *rk = client(bed, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    rd_kafka_message_t *msg = NULL;

    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    while (!msg && timebase_mono_us() < end_us) {
        msg = rd_kafka_consumer_poll(rk, 100);
        if (msg && (msg->err || msg->offset < offset)) {
            rd_kafka_message_destroy(msg);
            msg = NULL;
        }
    }
    assert_non_null(msg);
    assert_int_equal(msg->offset, offset);
    *out_rk = rk;
    return msg;
}

/* The body of the event at that offset has all of these words (NULL-ended). */
static void expect_format(struct bed *bed, int64_t offset, const char *format,
                          const char *const *words)
{
    struct event_codec *codec = event_codec_new(BODY_BYTES_MAX);
    struct arena *arena = arena_new(1 << 20);
    struct lineage_event ev;
    struct err err;
    rd_kafka_t *rk;
    rd_kafka_message_t *msg = fetch(bed, bed->st.kafka.topic_events, offset, &rk);

    assert_int_equal(
        event_codec_decode(codec, (struct str){msg->payload, msg->len}, arena, &ev, &err), OK);
    assert_int_equal(ev.source, SOURCE_KAFKA);
    assert_true(str_eq(ev.format, str_view(format)));
    assert_null(memmem(ev.body.ptr, ev.body.len, "hunter2", 7));
    for (; *words; words++) {
        if (!memmem(ev.body.ptr, ev.body.len, *words, strlen(*words))) {
            print_error("no %s in %.*s\n", *words, (int)ev.body.len, ev.body.ptr);
        }
        assert_non_null(memmem(ev.body.ptr, ev.body.len, *words, strlen(*words)));
    }
    rd_kafka_message_destroy(msg);
    rd_kafka_destroy(rk);
    arena_free(arena);
    event_codec_free(codec);
}

static void expect_event(struct bed *bed, int64_t offset, const char *const *words)
{
    expect_format(bed, offset, "payload", words);
}

static int64_t end_of(struct bed *bed, const char *topic)
{
    rd_kafka_t *rk = client(bed, RD_KAFKA_CONSUMER);
    int64_t low, high;

    assert_int_equal(rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, WAIT_MS), 0);
    rd_kafka_destroy(rk);
    return high;
}

static int64_t committed(struct bed *bed, const char *topic, int32_t partition)
{
    rd_kafka_t *rk = client(bed, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition);
    assert_int_equal(rd_kafka_committed(rk, list, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

static void test_records_become_events_and_are_committed(void **state)
{
    static const char *const request[] = {"\"requestid\":\"r1\"", "\"namespace\":\"fraud\"",
                                          "\"modelid\":\"iris\"", "inference.request", NULL};
    static const char *const failure[] = {"\"requestid\":\"r2\"", "{\"error\":\"no such shape\"}",
                                          NULL};
    static const char *const unread[] = {"\"topic\":\"" INPUTS "\"",
                                         "\"partition\":0",
                                         "\"offset\":1",
                                         "\"reason\":\"",
                                         " and more",
                                         NULL};
    struct bed *bed = *state;

    start_role(bed);
    produce(bed, INPUTS, 0, "r1", "seldon-infer-type", "json/inferModelRequest",
            STR("{\"inputs\":[]}"));
    expect_event(bed, 0, request);
    produce(bed, INPUTS, 0, "bad", "a", "b", STR("{\"password\":\"hunter2\"} and more"));
    expect_format(bed, 1, "unread", unread);
    produce(bed, ERRORS, 0, "r2", "seldon-pipeline-errors", "iris", STR("no such shape"));
    expect_event(bed, 2, failure);
    stop_role(bed);
    assert_int_equal(committed(bed, INPUTS, 0), 2);
    assert_int_equal(committed(bed, ERRORS, 0), 1);

    /* A second life begins where the first one ended. */
    start_role(bed);
    produce(bed, INPUTS, 1, "r1", "seldon-infer-type", "json/inferModelRequest",
            STR("{\"inputs\":[]}"));
    expect_event(bed, 3, request);
    stop_role(bed);
    assert_int_equal(end_of(bed, bed->st.kafka.topic_events), 4);
    assert_int_equal(committed(bed, INPUTS, 1), 1);
}

/* More records than may be in flight, while the broker refuses the first batches for a passing reason. */
static void test_what_kafka_does_not_confirm_is_sent_again(void **state)
{
    static const char *const last[] = {"inference.request", NULL};
    struct bed *bed = *state;

    for (int i = 0; i < 20; i++) {
        char request[16];
        snprintf(request, sizeof(request), "q%d", i);
        produce(bed, INPUTS, 0, request, "a", "b", STR("{\"inputs\":[]}"));
    }
    rd_kafka_mock_push_request_errors(bed->cluster, PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    start_role(bed);
    expect_event(bed, 19, last);
    stop_role(bed);
    assert_int_equal(end_of(bed, bed->st.kafka.topic_events), 20);
    assert_int_equal(committed(bed, INPUTS, 0), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_become_events_and_are_committed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_kafka_does_not_confirm_is_sent_again, setup,
                                        teardown),
    };

    sigset_t signals;

    /* No thread but that of the role may take the signal, nor any before the role asks for it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
