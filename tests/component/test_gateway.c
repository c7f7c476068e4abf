/* The gateway role over loopback, with the real librdkafka against its mock cluster: what is
 * answered when the broker takes an event, when it fails, and when the role is stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/timebase.h"
#include "schemas/lineage_event.h"
#include "support/mock_outage.h"
#include "support/own_gateway.h"

#define PRODUCE 0 /* Kafka's number of the request */
#define WAIT_MS OWN_ROLE_WAIT_MS
#define LATE_MS 20000 /* it says 503 itself, however slow the machine is */
#define BROKER 1
#define EVENT                                                                                      \
    "{\"eventType\":\"START\",\"eventTime\":\"2026-11-23T10:00:00Z\","                             \
    "\"run\":{\"runId\":\"0199f1c2-7000-7000-8000-000000000001\"},"                                \
    "\"job\":{\"namespace\":\"shop\",\"name\":\"load\"},\"inputs\":[],\"outputs\":[],"             \
    "\"producer\":\"https://example.com/x\"}"
#define LINEAGE "/api/v1/lineage"
#define BATCH "/api/v1/lineage/batch"
#define CLOUDEVENTS "/api/v1/cloudevents"
#define ANSWERED(version, id)                                                                      \
    "Content-Type: application/json\r\nce-specversion: " version "\r\nce-source: s\r\n"            \
    "ce-type: io.seldon.serving.inference.response\r\nce-modelid: iris\r\n"                        \
    "ce-inferenceservicename: iris-server\r\nce-requestid: r\r\nce-id: " id "\r\n"
#define ANSWER                                                                                     \
    "{\"model_version\":\"2\",\"outputs\":[{\"name\":\"y\",\"shape\":[1],\"datatype\":\"INT64\","  \
    "\"data\":[0]}]}"

static int get(int port, const char *path, char *body, size_t size)
{
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    int fd = raw_http_connect(port);
    struct raw_answer answer;

    if (fd < 0) {
        return -1;
    }
    raw_http_send(fd, (struct str){text, (size_t)len});
    answer = raw_http_read(fd, WAIT_MS);
    if (body) {
        snprintf(body, size, "%s", answer.body ? answer.body : "");
    }
    raw_http_fini(&answer);
    close(fd);
    return answer.status;
}

/* is_patient: Kafka has all the time it needs; else as long as by default. */
static int start(void **state, bool is_patient)
{
    static struct own_gateway gateway;
    const char *const flags[] = {
        is_patient ? "--ingest.answer-timeout-ms=60000" : "--ingest.answer-timeout-ms=4000",
        is_patient ? "--ingest.message-timeout-ms=50000" : "--ingest.message-timeout-ms=3000",
        "--ingest.drain-timeout-ms=60000",
        "--ingest.batch-events-max=5",
        "--kafka.message-bytes-max=64KiB",
        "--ingest.body-bytes-max=4MiB",
        "--ingest.threads=2",
        "--log.level=error",
        NULL};
    struct own_gateway *gw = &gateway;
    char text[256] = "";

    if (!own_gateway_open(gw, flags)) {
        return -1;
    }
    *state = gw;
    rd_kafka_mock_topic_create(gw->role.cluster, gw->role.st.kafka.topic_events, 4, 1);
    own_role_start(&gw->role);
    for (int i = 0; i < 600; i++) {
        if (get(gw->role.admin.number, "/readyz", text, sizeof(text)) == 200) {
            return 0;
        }
        usleep(100 * 1000);
    }
    print_error("never ready: %s\n", text);
    (void)own_gateway_close(gw); /* no teardown runs behind a setup that failed */
    return -1;
}

static int setup(void **state)
{
    return start(state, true);
}

static int setup_impatient(void **state)
{
    return start(state, false);
}

static int teardown(void **state)
{
    return own_gateway_close(*state);
}

static void expect(struct own_gateway *gw, const char *path, const char *headers, struct str body,
                   int status, const char *text)
{
    struct raw_answer answer = own_gateway_post(gw, path, headers, body);

    if (answer.status != status || (text && !strstr(answer.body, text))) {
        print_error("status %d, body %s\n", answer.status, answer.body);
    }
    assert_int_equal(answer.status, status);
    if (text) {
        assert_non_null(strstr(answer.body, text));
    }
    raw_http_fini(&answer);
}

static void wait_readiness(struct own_gateway *gw, int status, char *reason, size_t size)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    int got;

    while ((got = get(gw->role.admin.number, "/readyz", reason, size)) != status &&
           timebase_mono_us() < end_us) {
        usleep(10 * 1000);
    }
    assert_int_equal(got, status);
}

/* The broker is well again: until the gateway has noticed it may go on saying 503. */
static void wait_taken(struct own_gateway *gw)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    int status = 503;

    while (status == 503 && timebase_mono_us() < end_us) {
        struct raw_answer answer = own_gateway_post(gw, LINEAGE, "", STR(EVENT));
        status = answer.status;
        raw_http_fini(&answer);
        usleep(status == 503 ? 100 * 1000 : 0);
    }
    assert_int_equal(status, 201);
}

/* The handler sleeps once it has handed the record over (main arms that place): the broker's answer comes first. */
static void test_an_answer_may_overtake_the_handler_of_a_large_event(void **state)
{
    struct own_gateway *gw = *state;
    static char text[300000];
    size_t len =
        (size_t)snprintf(text, sizeof(text), "%.*s,\"fill\":[0", (int)strlen(EVENT) - 1, EVENT);

    /* Not so regular that it would travel as it is, but much shorter once compressed. */
    for (int i = 1; len < sizeof(text) - 20; i++) {
        len += (size_t)snprintf(text + len, 20, ",%d", i % 1000 * 7919);
    }
    len += (size_t)snprintf(text + len, 3, "]}");
    for (int i = 0; i < 3; i++) {
        expect(gw, LINEAGE, "", (struct str){text, len}, 201, NULL);
    }
}

static void test_gateway_says_201_when_the_broker_has_the_event(void **state)
{
    struct own_gateway *gw = *state;
    struct str zipped = raw_http_gzip(STR(EVENT));
    char event_id[ID128_TEXT_BYTES];
    char wanted[128];

    id128_format(lineage_event_id(STR(EVENT)), event_id);
    snprintf(wanted, sizeof(wanted), "{\"eventId\":\"%s\",\"partition\":", event_id);
    expect(gw, LINEAGE, "", STR(EVENT), 201, wanted);
    expect(gw, LINEAGE, "Content-Type: text/xml\r\nIdempotency-Key: k1\r\n", STR(EVENT), 201,
           wanted);
    expect(gw, "/marquez" LINEAGE "?x=y", "Content-Encoding: gzip\r\n", zipped, 201, wanted);
    expect(gw, LINEAGE, "", STR(EVENT), 201, "\"offset\":3}");
    free((char *)zipped.ptr);
}

static void test_gateway_names_the_place_of_the_fault(void **state)
{
    struct own_gateway *gw = *state;

    expect(gw, LINEAGE, "", STR(""), 400, "\"offset\":0");
    expect(gw, LINEAGE, "", STR("{\"a\":[1,}"), 400, "\"offset\":8");
    expect(gw, LINEAGE, "", STR("{\"a\":\"\xff\"}"), 400, "\"offset\":6");
    expect(gw, LINEAGE, "", STR("[]"), 422, "\"pointer\":\"\",\"offset\":0");
    expect(gw, LINEAGE, "",
           STR("{\"eventTime\":\"2026-11-23T10:00:00Z\",\"run\":{},"
               "\"job\":{\"namespace\":\"a\",\"name\":\"b\"}}"),
           422, "\"pointer\":\"/run/runId\",\"offset\":42");
    expect(gw, LINEAGE, "",
           STR("{\"eventTime\":\"never\",\"job\":{\"namespace\":\"a\",\"name\":\"b\"}}"), 422,
           "\"pointer\":\"/eventTime\",\"offset\":13");
    assert_int_equal(get(gw->door.number, "/", NULL, 0), 404);
    assert_int_equal(get(gw->door.number, LINEAGE, NULL, 0), 405);
}

/* Noise in a string does not compress below the 64 KiB that the test allows for a record. */
static void test_gateway_says_413_for_what_kafka_does_not_take(void **state)
{
    struct own_gateway *gw = *state;
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    size_t noise_bytes = 200000;
    char *body = malloc(noise_bytes + sizeof(EVENT) + 16);
    size_t len = sizeof(EVENT) - 2;
    unsigned long long random = 88172645463325252ULL;

    assert_non_null(body);
    memcpy(body, EVENT, len);
    memcpy(body + len, ",\"x\":\"", 6);
    len += 6;
    for (size_t i = 0; i < noise_bytes; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        body[len++] = digits[random & 63];
    }
    memcpy(body + len, "\"}", 2);
    expect(gw, LINEAGE, "", (struct str){body, len + 2}, 413, NULL);
    free(body);
}

static void test_gateway_says_503_within_4_s_when_the_broker_fails(void **state)
{
    struct own_gateway *gw = *state;
    int64_t begin_us = timebase_mono_us();
    struct raw_answer answer;

    for (int i = 0; i < 100; i++) {
        rd_kafka_mock_push_request_errors(gw->role.cluster, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    }
    answer = own_gateway_post(gw, LINEAGE, "", STR(EVENT));
    assert_int_equal(answer.status, 503);
    assert_true(answer.retry_after_s >= 1);
    assert_true((timebase_mono_us() - begin_us) / 1000 <= LATE_MS);
    raw_http_fini(&answer);
    rd_kafka_mock_clear_request_errors(gw->role.cluster, PRODUCE);
    wait_taken(gw);
}

static void test_gateway_is_not_ready_while_the_broker_is_away(void **state)
{
    struct own_gateway *gw = *state;
    char reason[256] = "";

    struct mock_outage outage = mock_outage_begin(gw->role.cluster, BROKER);
    expect(gw, LINEAGE, "", STR(EVENT), 503, NULL);
    wait_readiness(gw, 503, reason, sizeof(reason));
    assert_non_null(strstr(reason, "Kafka"));
    assert_int_equal(get(gw->role.admin.number, "/healthz", NULL, 0), 200);
    mock_outage_end(&outage);
    wait_taken(gw);
    wait_readiness(gw, 200, NULL, 0);
}

static void test_gateway_tells_per_event_what_became_of_a_batch(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer answer;

    answer = own_gateway_post(gw, BATCH, "", STR("[" EVENT ", {\"a\":,}, {\"eventTime\":5}]"));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "{\"accepted\":1,\"refused\":2,\"unavailable\":0,"));
    assert_non_null(strstr(answer.body, "{\"index\":0,\"status\":201,\"eventId\":\""));
    assert_non_null(strstr(answer.body, "{\"index\":1,\"status\":400,\"detail\":\""));
    assert_non_null(strstr(answer.body, "{\"index\":2,\"status\":422,\"detail\":\""));
    /* of the 5, counted in the whole body */
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "\"pointer\":\"/eventTime\",\"offset\":%zu",
             1 + (sizeof(EVENT) - 1) + 11 + 13);
    assert_non_null(strstr(answer.body, wanted));
    raw_http_fini(&answer);

    expect(gw, BATCH, "", STR("[" EVENT "," EVENT "]"), 201, "{\"accepted\":2,\"refused\":0,");
    expect(gw, BATCH, "", STR(EVENT "\n\n" EVENT "\r\n"), 201, "{\"accepted\":2,\"refused\":0,");
    expect(gw, BATCH, "Content-Type: application/x-ndjson\r\n", STR(EVENT "\nnonsense\n"), 200,
           "{\"accepted\":1,\"refused\":1,");
    expect(gw, BATCH, "", STR("[]"), 200, "{\"accepted\":0,");
    expect(gw, BATCH, "", STR("hello"), 400, NULL);
    expect(gw, BATCH, "", STR("[" EVENT), 400, NULL);
    expect(gw, BATCH, "", STR("[1,1,1,1,1,1]"), 413, NULL);
    expect(gw, BATCH, "", STR("[1,1,1,1,1]"), 200, "\"refused\":5");
}

static void test_gateway_says_503_for_a_batch_that_the_broker_does_not_take(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer answer;

    rd_kafka_mock_broker_set_down(gw->role.cluster, BROKER);
    answer = own_gateway_post(gw, BATCH, "", STR("[" EVENT "," EVENT "]"));
    assert_int_equal(answer.status, 503);
    assert_true(answer.retry_after_s >= 1);
    raw_http_fini(&answer);
}

/* The same answer of a model as MLServer sends it, again under another id, compressed, and in structured mode. */
static void test_gateway_takes_cloudevents_of_both_versions_and_modes(void **state)
{
    struct own_gateway *gw = *state;
    struct str zipped = raw_http_gzip(STR("\n " ANSWER " \n"));
    struct raw_answer first = own_gateway_post(gw, CLOUDEVENTS, ANSWERED("0.3", "1"), STR(ANSWER));
    char event_id[80];

    assert_int_equal(first.status, 200);
    snprintf(event_id, sizeof(event_id), "%.*s", (int)strcspn(first.body, ","), first.body);
    assert_non_null(strstr(event_id, "{\"eventId\":\""));
    expect(gw, CLOUDEVENTS "?a=b", ANSWERED("1.0", "2"), STR(ANSWER), 200, event_id);
    expect(gw, "/x" CLOUDEVENTS, ANSWERED("0.3", "3") "Content-Encoding: gzip\r\n", zipped, 200,
           event_id);
    expect(gw, CLOUDEVENTS, "Content-Type: application/cloudevents+json; charset=UTF-8\r\n",
           STR("{\"data\":" ANSWER
               ",\"id\":\"4\",\"specversion\":\"1.0\",\"source\":\"s\",\"type\":"
               "\"io.seldon.serving.inference.response\",\"modelid\":\"iris\",\"requestid\":\"r\","
               "\"inferenceservicename\":\"iris-server\",\"more\":{}}"),
           200, event_id);
    raw_http_fini(&first);
    free((char *)zipped.ptr);
}

/* The same answer in protobuf, framed by a schema registry and not, and as the JSON it stands for. */
#define WIRE_ANSWER "*\021\n\001x\022\005INT64\032\001\001*\002\030\002"
#define WIRE_HEAD(type, kind)                                                                      \
    "Content-Type: " type                                                                          \
    "\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: s\r\nce-type: x." kind                      \
    "\r\nce-inferenceservicename: d\r\nce-requestid: r\r\n"

static void test_gateway_takes_predictions_in_protobuf(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer first =
        own_gateway_post(gw, CLOUDEVENTS, WIRE_HEAD("application/x-protobuf", "inference.response"),
                         STR(WIRE_ANSWER));
    char event_id[80];

    assert_int_equal(first.status, 200);
    snprintf(event_id, sizeof(event_id), "%.*s", (int)strcspn(first.body, ","), first.body);
    expect(gw, CLOUDEVENTS, WIRE_HEAD("application/protobuf", "inference.response"),
           STR("\0\0\0\0\007\0" WIRE_ANSWER), 200, event_id);
    expect(
        gw, CLOUDEVENTS, WIRE_HEAD("application/json", "inference.response"),
        STR("{\"model_name\":\"\",\"model_version\":\"\",\"id\":\"\",\"outputs\":[{\"name\":\"x\","
            "\"datatype\":\"INT64\",\"shape\":[1],\"data\":[2]}]}"),
        200, event_id);
    raw_http_fini(&first);
}

static void test_gateway_refuses_protobuf_that_is_no_prediction(void **state)
{
    struct own_gateway *gw = *state;
    const char *head = WIRE_HEAD("application/x-protobuf", "inference.response");

    expect(gw, CLOUDEVENTS, head, STR("\0\0\0\0\007\0\032\177"), 400, "\"offset\":6");
    expect(gw, CLOUDEVENTS, head, STR("*\0"), 422, "\"pointer\":\"/outputs/0\",\"offset\":0");
    expect(gw, CLOUDEVENTS, WIRE_HEAD("application/x-protobuf", "feedback"), STR(""), 400,
           "only a request or an answer");
}

#define STRUCTURED(id)                                                                             \
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"x.inference.response\","    \
    "\"inferenceservicename\":\"d\",\"requestid\":\"" id "\",\"data\":" ANSWER "}"
#define CE_BATCH "Content-Type: application/cloudevents-batch+json\r\n"

static void test_gateway_takes_batches_of_cloudevents(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer answer;

    expect(gw, CLOUDEVENTS, CE_BATCH, STR("[" STRUCTURED("a") "," STRUCTURED("b") "]"), 200,
           "{\"accepted\":2,\"refused\":0,\"unavailable\":0,\"results\":[{\"index\":0,\"status\":"
           "200,");
    expect(gw, CLOUDEVENTS, CE_BATCH, STR("[{}," STRUCTURED("b") "]"), 200,
           "{\"accepted\":1,\"refused\":1,\"unavailable\":0,\"results\":[{\"index\":0,\"status\":"
           "422,");
    expect(gw, CLOUDEVENTS, CE_BATCH, STR("[]"), 200, "{\"accepted\":0,");
    expect(gw, CLOUDEVENTS, CE_BATCH, STR(STRUCTURED("a")), 400, "no array");
    expect(gw, CLOUDEVENTS, CE_BATCH, STR("[" STRUCTURED("a")), 400, NULL);
    expect(gw, CLOUDEVENTS, CE_BATCH, STR("[1,1,1,1,1,1]"), 413, NULL);
    rd_kafka_mock_broker_set_down(gw->role.cluster, BROKER);
    answer = own_gateway_post(gw, CLOUDEVENTS, CE_BATCH, STR("[{}," STRUCTURED("b") "]"));
    assert_int_equal(answer.status, 503);
    assert_true(answer.retry_after_s >= 1);
    raw_http_fini(&answer);
}

static void test_gateway_refuses_what_is_no_cloudevent(void **state)
{
    struct own_gateway *gw = *state;

    expect(gw, CLOUDEVENTS, "", STR(ANSWER), 415, NULL);
    expect(gw, CLOUDEVENTS, "ce-specversion: 1.0\r\nContent-Type: text/plain\r\n", STR("hello"),
           415, NULL);
    expect(gw, CLOUDEVENTS, ANSWERED("1.0", "1"), STR("{\"outputs\":[}"), 400,
           "\"pointer\":\"/outputs\",\"offset\":12");
    expect(gw, CLOUDEVENTS, ANSWERED("1.0", "1"), STR(""), 400, "\"offset\":0");
    expect(gw, CLOUDEVENTS, ANSWERED("1.0", "1"), STR(" {\"outputs\":1}"), 422,
           "\"pointer\":\"/outputs\",\"offset\":12");
    expect(gw, CLOUDEVENTS, ANSWERED("1.0", "1"), STR("{},\"type\":\"io.metaops.x\""), 422, NULL);
    expect(gw, CLOUDEVENTS, ANSWERED("2.0", "1"), STR(ANSWER), 422, NULL);
    expect(gw, CLOUDEVENTS, ANSWERED("1.0", "1") "ce-id: 2\r\n", STR(ANSWER), 422, "twice");
    expect(gw, CLOUDEVENTS, "Content-Type: application/cloudevents+json\r\n", STR("{\"id\":"), 400,
           "\"offset\":6");
    expect(gw, CLOUDEVENTS, "Content-Type: application/cloudevents+json\r\n", STR("[]"), 422,
           "\"pointer\":\"\",\"offset\":0");
    assert_int_equal(get(gw->door.number, CLOUDEVENTS, NULL, 0), 405);
}

static void test_gateway_says_503_for_a_cloudevent_that_the_broker_does_not_take(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer answer;

    rd_kafka_mock_broker_set_down(gw->role.cluster, BROKER);
    answer = own_gateway_post(gw, CLOUDEVENTS, ANSWERED("0.3", "1"), STR(ANSWER));
    assert_int_equal(answer.status, 503);
    assert_true(answer.retry_after_s >= 1);
    raw_http_fini(&answer);
}

static void test_gateway_answers_what_is_open_when_it_is_stopped(void **state)
{
    struct own_gateway *gw = *state;
    int slow = raw_http_connect(gw->door.number);
    int open_fd = raw_http_connect(gw->door.number);
    struct raw_answer answer;
    char head[128];
    int len = snprintf(head, sizeof(head),
                       "POST " LINEAGE " HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                       sizeof(EVENT) - 1);

    assert_true(slow >= 0 && open_fd >= 0);
    rd_kafka_mock_broker_set_rtt(gw->role.cluster, BROKER, 700);
    assert_true(raw_http_post(open_fd, LINEAGE, "", STR(EVENT)));
    assert_true(raw_http_send(slow, (struct str){head, (size_t)len}));
    own_role_ask_to_stop(&gw->role);
    wait_readiness(gw, 503, NULL, 0);
    assert_true(raw_http_send(slow, STR(EVENT)));
    answer = raw_http_read(open_fd, WAIT_MS);
    assert_int_equal(answer.status, 201);
    assert_true(raw_http_is_closed(open_fd, WAIT_MS));
    raw_http_fini(&answer);
    answer = raw_http_read(slow, WAIT_MS);
    assert_int_equal(answer.status, 201);
    raw_http_fini(&answer);
    assert_int_equal(own_role_stop(&gw->role), 0);
    assert_int_equal(raw_http_connect(gw->door.number), -1);
    close(slow);
    close(open_fd);
}

static void test_gateway_counts_what_it_does(void **state)
{
    struct own_gateway *gw = *state;
    char text[16384];

    expect(gw, LINEAGE, "", STR(EVENT), 201, NULL);
    assert_int_equal(get(gw->role.admin.number, "/metrics", text, sizeof(text)), 200);
    assert_non_null(strstr(text, "metaops_gateway_events_total{result=\"accepted\"}"));
    assert_non_null(strstr(text, "metaops_gateway_request_duration_seconds_count"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define IMPATIENT(test) cmocka_unit_test_setup_teardown(test, setup_impatient, teardown)
        SERVED(test_an_answer_may_overtake_the_handler_of_a_large_event),
        SERVED(test_gateway_says_201_when_the_broker_has_the_event),
        SERVED(test_gateway_names_the_place_of_the_fault),
        SERVED(test_gateway_says_413_for_what_kafka_does_not_take),
        IMPATIENT(test_gateway_says_503_within_4_s_when_the_broker_fails),
        IMPATIENT(test_gateway_is_not_ready_while_the_broker_is_away),
        SERVED(test_gateway_tells_per_event_what_became_of_a_batch),
        IMPATIENT(test_gateway_says_503_for_a_batch_that_the_broker_does_not_take),
        SERVED(test_gateway_takes_cloudevents_of_both_versions_and_modes),
        SERVED(test_gateway_takes_predictions_in_protobuf),
        SERVED(test_gateway_refuses_protobuf_that_is_no_prediction),
        IMPATIENT(test_gateway_takes_batches_of_cloudevents),
        SERVED(test_gateway_refuses_what_is_no_cloudevent),
        IMPATIENT(test_gateway_says_503_for_a_cloudevent_that_the_broker_does_not_take),
        SERVED(test_gateway_answers_what_is_open_when_it_is_stopped),
        SERVED(test_gateway_counts_what_it_does),
#undef SERVED
#undef IMPATIENT
    };

    setenv("FAILPOINT", "publish.produced@1:sleep-300", 1);
    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
