/* The role poll with the real librdkafka against its mock cluster: what is published, what becomes a dead letter, what is
 * committed, and what comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "ingest/poll.h"
#include "support/own_role.h"

#define PRODUCE 0 /* Kafka's number of the request */
#define INPUTS "seldon.fraud.model.iris.inputs"
#define ERRORS "seldon.fraud.errors.errors"

static int setup(void **state)
{
    static struct own_role role;
    const char *const flags[] = {"--poll.seldon-v2-prefix=seldon",
                                 "--poll.in-flight-max=3",
                                 "--poll.drain-timeout-ms=60000",
                                 "--ingest.body-bytes-max=64KiB",
                                 "--kafka.message-bytes-max=256KiB",
                                 "--ingest.answer-timeout-ms=60000",
                                 "--ingest.message-timeout-ms=50000",
                                 "--log.level=error",
                                 NULL};

    if (!own_role_open(&role, poll_run, "--poll.admin-listen", flags)) {
        return -1;
    }
    rd_kafka_mock_topic_create(role.cluster, role.st.kafka.topic_events, 1, 1);
    rd_kafka_mock_topic_create(role.cluster, INPUTS, 2, 1);
    rd_kafka_mock_topic_create(role.cluster, ERRORS, 1, 1);
    *state = &role;
    return 0;
}

static int teardown(void **state)
{
    return own_role_close(*state);
}

static rd_kafka_t *client(struct own_role *role, rd_kafka_type_t type)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(role->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", role->st.poll.group, text, sizeof(text));
    rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
    assert_non_null(rk);
    return rk;
}

static void produce(struct own_role *role, const char *topic, int32_t partition,
                    const char *request, const char *header, const char *header_value,
                    struct str value)
{
    rd_kafka_t *rk = client(role, RD_KAFKA_PRODUCER);

    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_HEADER("x-request-id", request, -1),
                                       RD_KAFKA_V_HEADER(header, header_value, -1),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)value.ptr, value.len),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, OWN_ROLE_WAIT_MS), 0);
    rd_kafka_destroy(rk);
}

/* The body of the next event has all of these words (NULL-ended). */
static void expect_format(struct own_role *role, const char *format, const char *const *words)
{
    const struct lineage_event *ev = own_role_next_event(role);

    assert_non_null(ev);
    assert_int_equal(ev->source, SOURCE_KAFKA);
    assert_true(str_eq(ev->format, str_view(format)));
    assert_null(memmem(ev->body.ptr, ev->body.len, "hunter2", 7));
    for (; *words; words++) {
        if (!memmem(ev->body.ptr, ev->body.len, *words, strlen(*words))) {
            fail_msg("no %s in %.*s", *words, (int)ev->body.len, ev->body.ptr);
        }
    }
}

static void expect_event(struct own_role *role, const char *const *words)
{
    expect_format(role, "payload", words);
}

static int64_t end_of(struct own_role *role, const char *topic)
{
    rd_kafka_t *rk = client(role, RD_KAFKA_CONSUMER);
    int64_t low, high;

    assert_int_equal(rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, OWN_ROLE_WAIT_MS),
                     0);
    rd_kafka_destroy(rk);
    return high;
}

static int64_t committed(struct own_role *role, const char *topic, int32_t partition)
{
    rd_kafka_t *rk = client(role, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition);
    assert_int_equal(rd_kafka_committed(rk, list, OWN_ROLE_WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
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
    struct own_role *role = *state;

    own_role_start(role);
    produce(role, INPUTS, 0, "r1", "seldon-infer-type", "json/inferModelRequest",
            STR("{\"inputs\":[]}"));
    expect_event(role, request);
    produce(role, INPUTS, 0, "bad", "a", "b", STR("{\"password\":\"hunter2\"} and more"));
    expect_format(role, "unread", unread);
    produce(role, ERRORS, 0, "r2", "seldon-pipeline-errors", "iris", STR("no such shape"));
    expect_event(role, failure);
    assert_int_equal(own_role_stop(role), EXIT_CODE_OK);
    assert_int_equal(committed(role, INPUTS, 0), 2);
    assert_int_equal(committed(role, ERRORS, 0), 1);

    /* A second life begins where the first one ended. */
    own_role_start(role);
    produce(role, INPUTS, 1, "r1", "seldon-infer-type", "json/inferModelRequest",
            STR("{\"inputs\":[]}"));
    expect_event(role, request);
    assert_int_equal(own_role_stop(role), EXIT_CODE_OK);
    assert_int_equal(end_of(role, role->st.kafka.topic_events), 4);
    assert_int_equal(committed(role, INPUTS, 1), 1);
}

/* More records than may be in flight, while the broker refuses the first batches for a passing reason. */
static void test_what_kafka_does_not_confirm_is_sent_again(void **state)
{
    static const char *const request[] = {"inference.request", NULL};
    struct own_role *role = *state;

    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof(id), "q%d", i);
        produce(role, INPUTS, 0, id, "a", "b", STR("{\"inputs\":[]}"));
    }
    rd_kafka_mock_push_request_errors(role->cluster, PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    own_role_start(role);
    for (int i = 0; i < 20; i++) {
        expect_event(role, request);
    }
    assert_int_equal(own_role_stop(role), EXIT_CODE_OK);
    assert_int_equal(end_of(role, role->st.kafka.topic_events), 20);
    assert_int_equal(committed(role, INPUTS, 0), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_become_events_and_are_committed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_kafka_does_not_confirm_is_sent_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
