/* The role poll against servers that answer as MLServer did when it was captured, that answer nonsense, hang or are gone; with
 * librdkafka's mock cluster: what is told, when, and that nobody waits for a server that does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "core/timebase.h"
#include "ingest/poll.h"
#include "support/capture.h"
#include "support/fake_mlserver.h"
#include "support/own_role.h"

#define PRODUCE 0     /* Kafka's number of the request */
#define HANGS_MS 1000 /* so long a server is waited for that shall not answer */
#define LISTED "{\"name\":\"iris\",\"version\":\"1\",\"state\":\"READY\",\"reason\":\"\"}"
#define METADATA                                                                                   \
    "\"metadata\":{\"platform\":\"sklearn\",\"libraries\":[\"scikit-learn/1.9.1\","                \
    "\"numpy/2.4.6\"],\"inputs\":[{\"name\":\"predict\",\"datatype\":\"FP64\",\"shape\":[-1,4]}]," \
    "\"outputs\":[{\"name\":\"predict\",\"datatype\":\"INT64\",\"shape\":[-1,1]}]}"

struct bed {
    struct own_role role;
    struct fake_mlserver *server;
    struct fake_mlserver *other;
    struct capture capture;
    bool is_capturing;
};

static int setup(void **state)
{
    static struct bed bed;
    char servers[256];
    const char *const flags[] = {servers,
                                 "--poll.mlserver-interval-ms=100",
                                 "--poll.mlserver-timeout-ms=30000",
                                 "--poll.mlserver-namespace=home",
                                 "--poll.mlserver-metrics-port=0",
                                 "--poll.mlserver-metrics-interval-ms=100",
                                 "--poll.drain-timeout-ms=60000",
                                 "--ingest.answer-timeout-ms=60000",
                                 "--ingest.message-timeout-ms=50000",
                                 "--log.level=error",
                                 NULL};

    bed = (struct bed){.server = fake_mlserver_open(), .other = fake_mlserver_open()};
    snprintf(
        servers, sizeof(servers),
        "--poll.mlserver-servers=iris-server=http://127.0.0.1:%d, fraud/other=http://127.0.0.1:%d/",
        fake_mlserver_port(bed.server), fake_mlserver_port(bed.other));
    if (!own_role_open(&bed.role, poll_run, "--poll.admin-listen", flags)) {
        return -1;
    }
    rd_kafka_mock_topic_create(bed.role.cluster, bed.role.st.kafka.topic_events, 1, 1);
    *state = &bed;
    return 0;
}

/* What was written to stderr since, the caller's. */
static char *end_capture(struct bed *bed)
{
    bed->is_capturing = false;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 1000);
    return capture_end(&bed->capture);
}

static int teardown(void **state)
{
    struct bed *bed = *state;
    int exit_code = own_role_close(&bed->role);

    if (bed->is_capturing) {
        char *said = end_capture(bed);
        print_error("%s", said);
        free(said);
    }
    fake_mlserver_close(bed->server);
    fake_mlserver_close(bed->other);
    unsetenv("http_proxy");
    return exit_code;
}

/* Instead of both servers this one, at that port. */
static void set_servers(struct bed *bed, const char *format, int port)
{
    char text[256];

    snprintf(text, sizeof(text), format, port);
    free(bed->role.st.poll.mlserver_servers);
    bed->role.st.poll.mlserver_servers = strdup(text);
    assert_non_null(bed->role.st.poll.mlserver_servers);
}

static void replay_all(struct fake_mlserver *fake)
{
    fake_mlserver_replay(fake, "v2_health_ready.http");
    fake_mlserver_replay(fake, "v2_server_metadata.http");
    fake_mlserver_replay(fake, "v2_repository_index.http");
    fake_mlserver_replay(fake, "v2_model_version_metadata.http");
}

/* The body of the next event about that server, the caller's; those about others are passed over. */
static char *next_about(struct bed *bed, const char *server)
{
    const struct lineage_event *ev;
    char name[64];

    snprintf(name, sizeof(name), "\"server\":\"%s\"", server);
    while ((ev = own_role_next_event(&bed->role))) {
        assert_true(str_eq(ev->format, STR("cloudevents")));
        char *body = strndup(ev->body.ptr, ev->body.len);
        assert_non_null(body);
        if (strstr(body, name)) {
            return body;
        }
        free(body);
    }
    fail_msg("nothing is told of %s", server);
    return NULL;
}

/* The next event about that server has all of these words (NULL-ended). */
static void expect(struct bed *bed, const char *server, const char *const *words)
{
    char *body = next_about(bed, server);

    for (; *words; words++) {
        if (!strstr(body, *words)) {
            fail_msg("no %s in %s", *words, body);
        }
    }
    free(body);
}

static void expect_one(struct bed *bed, const char *server, const char *word)
{
    const char *const words[] = {word, NULL};

    expect(bed, server, words);
}

/* Until the server has been asked so often more. */
static void wait_for_questions(struct fake_mlserver *fake, const char *path, size_t more)
{
    size_t asked = fake_mlserver_asked(fake, path) + more;
    int64_t end_us = timebase_mono_us() + (int64_t)OWN_ROLE_WAIT_MS * 1000;

    while (fake_mlserver_asked(fake, path) < asked && timebase_mono_us() < end_us) {
        usleep(10000);
    }
    assert_true(fake_mlserver_asked(fake, path) >= asked);
}

static void test_what_a_server_says_is_told_once(void **state)
{
    static const char *const whole[] = {
        "\"type\":\"io.metaops.server.observed\"",
        "\"namespace\":\"home\",\"server\":\"iris-server\",\"state\":\"READY\",\"reason\":\"\","
        "\"isWhole\":true,\"version\":\"1.7.1\",\"extensions\":[],\"models\":["
        "{\"model\":\"iris\",\"version\":\"1\",\"state\":\"READY\",\"reason\":\"\"," METADATA "},"
        "{\"model\":\"iris\",\"version\":\"2\",\"state\":\"READY\",\"reason\":\"\"}]}}",
        NULL};
    static const char *const gone[] = {
        "\"isWhole\":false", "{\"model\":\"iris\",\"version\":\"2\",\"state\":\"GONE\"", NULL};
    struct bed *bed = *state;

    replay_all(bed->server);
    own_role_start(&bed->role);
    expect(bed, "iris-server", whole);
    /* The same answers again are no news: what is told next is the next change. */
    wait_for_questions(bed->server, "POST /v2/repository/index", 3);
    fake_mlserver_set(bed->server, "POST /v2/repository/index", "200 OK", "[" LISTED "]");
    expect(bed, "iris-server", gone);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

/* The other server takes questions and never answers. */
static void test_a_server_that_hangs_holds_up_no_other(void **state)
{
    static const char *const away[] = {"\"namespace\":\"fraud\"",
                                       "\"state\":\"UNREACHABLE\",\"reason\":\"no answer\"",
                                       "\"isWhole\":false", "\"models\":[]", NULL};
    struct bed *bed = *state;

    replay_all(bed->server);
    fake_mlserver_be_silent(bed->other, true);
    bed->role.st.poll.mlserver_timeout_ms = HANGS_MS;
    own_role_start(&bed->role);
    expect(bed, "other", away);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

static void test_a_server_that_comes_back_is_told_whole(void **state)
{
    struct bed *bed = *state;
    char *body = NULL;

    replay_all(bed->server);
    bed->role.st.poll.mlserver_timeout_ms = HANGS_MS;
    own_role_start(&bed->role);
    expect_one(bed, "iris-server", "\"server\"");
    fake_mlserver_be_silent(bed->server, true);
    /* Who asks a second time has waited for the first answer in vain. */
    wait_for_questions(bed->server, "GET /v2/health/ready", 2);
    fake_mlserver_set(bed->server, "POST /v2/repository/index", "200 OK",
                      "[{\"name\":\"back\",\"version\":\"7\",\"state\":\"LOADING\"}]");
    fake_mlserver_be_silent(bed->server, false);
    bool was_away = false;
    while (!body || !strstr(body, "\"model\":\"back\"")) {
        free(body);
        body = next_about(bed, "iris-server");
        was_away = was_away || strstr(body, "\"state\":\"UNREACHABLE\"");
    }
    assert_true(was_away);
    assert_non_null(strstr(body, "\"isWhole\":true"));
    free(body);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

/* Each answer of its own is nothing to die of, and the trouble is named in the same words each time. */
static void test_answers_that_cannot_be_used_are_told(void **state)
{
    static const struct {
        const char *path;
        const char *status;
        const char *body;
        const char *told;
    } cases[] = {
        {"POST /v2/repository/index", "500 Internal Server Error", "Internal Server Error",
         "\"state\":\"READY\",\"reason\":\"repository index: status 500\""},
        {"POST /v2/repository/index", "200 OK", "<html>",
         "\"reason\":\"repository index: it cannot be read\""},
        {"POST /v2/repository/index", "405 Method Not Allowed", "{\"detail\":\"\"}",
         "\"reason\":\"repository index: status 405\""},
        {"GET /v2/health/ready", "503 Service Unavailable", "",
         "\"state\":\"NOT_READY\",\"reason\":\"readiness: status 503\""},
    };
    struct bed *bed = *state;

    replay_all(bed->server);
    fake_mlserver_set(bed->server, "GET /v2", "200 OK", "no JSON");
    own_role_start(&bed->role);
    expect_one(bed, "iris-server",
               "\"state\":\"READY\",\"reason\":\"\",\"isWhole\":true,\"models\"");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_mlserver_set(bed->server, cases[i].path, cases[i].status, cases[i].body);
        expect_one(bed, "iris-server", cases[i].told);
    }
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

static void put_metrics(struct fake_mlserver *fake, const char *file)
{
    static char text[1 << 16];
    char path[256];

    snprintf(path, sizeof(path), "%s/mlserver/%s", TEST_DATA, file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    fake_mlserver_set(fake, "GET /metrics", "200 OK", text);
}

/* The next counts about that server; what is said of its state is passed over. */
static char *next_counts(struct bed *bed, const char *server)
{
    char *body = next_about(bed, server);

    while (!strstr(body, "server.counted")) {
        free(body);
        body = next_about(bed, server);
    }
    return body;
}

/* The other fake listens where the metrics of the first one are read. */
static void test_counts_are_told_when_they_change(void **state)
{
    struct bed *bed = *state;

    set_servers(bed, "iris-server=http://127.0.0.1:%d", fake_mlserver_port(bed->server));
    replay_all(bed->server);
    put_metrics(bed->other, "metrics_8082.prom");
    bed->role.st.poll.mlserver_metrics_port = fake_mlserver_port(bed->other);
    own_role_start(&bed->role);
    char *body = next_counts(bed, "iris-server");
    assert_non_null(strstr(body,
                           "\"models\":[{\"model\":\"iris\",\"successes\":6,\"failures\":1,"
                           "\"timed\":7,\"durationUs\":48255,\"beganUs\":1795443944863048}]}"));
    free(body);
    fake_mlserver_set(bed->other, "GET /metrics", "200 OK", "<html>\n");
    wait_for_questions(bed->other, "GET /metrics", 4);
    fake_mlserver_set(bed->other, "GET /metrics", "200 OK",
                      "model_infer_request_success_total{model=\"iris\",version=\"2\"} 8\n");
    body = next_counts(bed, "iris-server");
    assert_non_null(strstr(body, "\"successes\":8,\"failures\":0,"));
    free(body);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

/* It is an answer all the same: the server is not away. */
static void test_an_answer_without_end_is_named(void **state)
{
    size_t size = 2 << 20;
    char *huge = malloc(size + 1);
    struct bed *bed = *state;

    assert_non_null(huge);
    memset(huge, ' ', size);
    huge[size] = '\0';
    replay_all(bed->server);
    fake_mlserver_set(bed->server, "POST /v2/repository/index", "200 OK", huge);
    own_role_start(&bed->role);
    expect_one(bed, "iris-server",
               "\"state\":\"READY\",\"reason\":\"repository index: too large\"");
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
    free(huge);
}

/* Another fake is the proxy that the environment names: over plain http it gets neither questions nor passwords. */
static void test_a_proxy_of_the_environment_is_not_asked(void **state)
{
    struct bed *bed = *state;
    char proxy[64];

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", fake_mlserver_port(bed->other));
    set_servers(bed, "iris-server=http://127.0.0.1:%d", fake_mlserver_port(bed->server));
    setenv("http_proxy", proxy, 1);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    replay_all(bed->server);
    own_role_start(&bed->role);
    expect_one(bed, "iris-server", "\"state\":\"READY\",\"reason\":\"\",\"isWhole\":true");
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

/* The second version has no description that can be used, which is said in the log. */
static void test_a_password_of_a_url_is_in_no_log(void **state)
{
    struct bed *bed = *state;

    set_servers(bed, "iris-server=http://somebody:hidden@127.0.0.1:%d",
                fake_mlserver_port(bed->server));
    replay_all(bed->server);
    capture_begin(&bed->capture, STDERR_FILENO);
    bed->is_capturing = true;
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, 1000);
    own_role_start(&bed->role);
    expect_one(bed, "iris-server", "\"isWhole\":true");
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
    char *said = end_capture(bed);
    assert_non_null(strstr(said, "/v2/models/iris/versions/2"));
    assert_null(strstr(said, "hidden"));
    free(said);
}

static void test_a_list_that_is_none_ends_the_role(void **state)
{
    struct bed *bed = *state;

    free(bed->role.st.poll.mlserver_servers);
    bed->role.st.poll.mlserver_servers = strdup("nonsense");
    assert_non_null(bed->role.st.poll.mlserver_servers);
    assert_int_equal(poll_run(&bed->role.st), EXIT_CODE_FAILED);
}

static void test_what_kafka_never_takes_is_told_again_with_less(void **state)
{
    struct bed *bed = *state;

    set_servers(bed, "iris-server=http://127.0.0.1:%d", fake_mlserver_port(bed->server));
    replay_all(bed->server);
    rd_kafka_mock_push_request_errors(bed->role.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    own_role_start(&bed->role);
    char *body = next_about(bed, "iris-server");
    assert_non_null(strstr(body, "\"isWhole\":true"));
    assert_non_null(strstr(body, "\"model\":\"iris\",\"version\":\"1\""));
    assert_null(strstr(body, "\"inputs\""));
    free(body);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_server_says_is_told_once),
        TEST(test_a_server_that_hangs_holds_up_no_other),
        TEST(test_a_server_that_comes_back_is_told_whole),
        TEST(test_answers_that_cannot_be_used_are_told),
        TEST(test_counts_are_told_when_they_change),
        TEST(test_an_answer_without_end_is_named),
        TEST(test_a_proxy_of_the_environment_is_not_asked),
        TEST(test_a_password_of_a_url_is_in_no_log),
        TEST(test_a_list_that_is_none_ends_the_role),
        cmocka_unit_test_setup_teardown(test_what_kafka_never_takes_is_told_again_with_less, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
