/* The role poll against servers that answer as MLServer did when it was captured, that answer nonsense, hang or are gone; with
 * librdkafka's mock cluster: what is told, when, and that nobody waits for a server that does not answer. */
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
#include "core/log.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/poll.h"
#include "schemas/event_codec.h"
#include "support/capture.h"
#include "support/fake_mlserver.h"
#include "support/reserved_port.h"

#define PRODUCE 0     /* Kafka's number of the request */
#define WAIT_MS 60000 /* for what a slow machine does late */
#define HANGS_MS 1000 /* so long a server is waited for that shall not answer */
#define BODY_BYTES_MAX (1 << 20)
#define LISTED "{\"name\":\"iris\",\"version\":\"1\",\"state\":\"READY\",\"reason\":\"\"}"
#define METADATA                                                                                   \
    "\"metadata\":{\"platform\":\"sklearn\",\"libraries\":[\"scikit-learn/1.9.1\","                \
    "\"numpy/2.4.6\"],\"inputs\":[{\"name\":\"predict\",\"datatype\":\"FP64\",\"shape\":[-1,4]}]," \
    "\"outputs\":[{\"name\":\"predict\",\"datatype\":\"INT64\",\"shape\":[-1,1]}]}"

struct bed {
    struct settings st;
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *reader;
    struct reserved_port admin;
    struct fake_mlserver *server;
    struct fake_mlserver *other;
    char other_flag[64];
    pthread_t thread;
    int exit_code;
};

static void begin_to_read(struct bed *bed)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char text[256];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", "test", text, sizeof(text));
    bed->reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    assert_non_null(bed->reader);
    rd_kafka_topic_partition_list_add(list, bed->st.kafka.topic_events, 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(bed->reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

static int setup(void **state)
{
    static struct bed bed;
    static char admin[64], brokers[128], servers[256];
    char *args[] = {admin,
                    brokers,
                    servers,
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
    struct settings_rest rest = {0};
    char text[256];
    struct err err;

    memset(&bed, 0, sizeof(bed));
    bed.admin = reserved_port_open();
    bed.server = fake_mlserver_open();
    bed.other = fake_mlserver_open();
    bed.host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    bed.cluster = bed.host ? rd_kafka_mock_cluster_new(bed.host, 1) : NULL;
    if (!bed.cluster) {
        return -1;
    }
    snprintf(admin, sizeof(admin), "--poll.admin-listen=127.0.0.1:%d", bed.admin.number);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed.cluster));
    snprintf(
        servers, sizeof(servers),
        "--poll.mlserver-servers=iris-server=http://127.0.0.1:%d, fraud/other=http://127.0.0.1:%d/",
        fake_mlserver_port(bed.server), fake_mlserver_port(bed.other));
    if (settings_load(&bed.st, (int)(sizeof(args) / sizeof(args[0])) - 1, args, &rest, &err) !=
        OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    free(rest.words);
    rd_kafka_mock_topic_create(bed.cluster, bed.st.kafka.topic_events, 1, 1);
    begin_to_read(&bed);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    rd_kafka_destroy(bed->reader);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    fake_mlserver_close(bed->server);
    fake_mlserver_close(bed->other);
    settings_fini(&bed->st);
    reserved_port_close(&bed->admin);
    return 0;
}

/* Instead of both servers this one, at that port. */
static void set_servers(struct bed *bed, const char *format, int port)
{
    char text[256];

    snprintf(text, sizeof(text), format, port);
    free(bed->st.poll.mlserver_servers);
    bed->st.poll.mlserver_servers = strdup(text);
    assert_non_null(bed->st.poll.mlserver_servers);
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

static void replay_all(struct fake_mlserver *fake)
{
    fake_mlserver_replay(fake, "v2_health_ready.http");
    fake_mlserver_replay(fake, "v2_server_metadata.http");
    fake_mlserver_replay(fake, "v2_repository_index.http");
    fake_mlserver_replay(fake, "v2_model_version_metadata.http");
}

/* The body of a record, as text, the caller's. */
static char *body_of(const rd_kafka_message_t *msg)
{
    struct event_codec *codec = event_codec_new(BODY_BYTES_MAX);
    struct arena *arena = arena_new(4 << 20);
    struct lineage_event ev;
    struct err err;

    assert_int_equal(
        event_codec_decode(codec, (struct str){msg->payload, msg->len}, arena, &ev, &err), OK);
    assert_true(str_eq(ev.format, STR("cloudevents")));
    char *body = strndup(ev.body.ptr, ev.body.len);
    assert_non_null(body);
    arena_free(arena);
    event_codec_free(codec);
    return body;
}

/* The next event about that server, the caller's; those about others are passed over. */
static char *next_about(struct bed *bed, const char *server)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    char name[64];

    snprintf(name, sizeof(name), "\"server\":\"%s\"", server);
    while (timebase_mono_us() < end_us) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(bed->reader, 100);
        char *body = msg && !msg->err ? body_of(msg) : NULL;
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
        if (body && strstr(body, name)) {
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

    while (fake_mlserver_asked(fake, path) < asked) {
        usleep(10000);
    }
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
    start_role(bed);
    expect(bed, "iris-server", whole);
    /* The same answers again are no news: what is told next is the next change. */
    wait_for_questions(bed->server, "POST /v2/repository/index", 3);
    fake_mlserver_set(bed->server, "POST /v2/repository/index", "200 OK", "[" LISTED "]");
    expect(bed, "iris-server", gone);
    stop_role(bed);
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
    bed->st.poll.mlserver_timeout_ms = HANGS_MS;
    start_role(bed);
    expect(bed, "other", away);
    stop_role(bed);
}

static void test_a_server_that_comes_back_is_told_whole(void **state)
{
    struct bed *bed = *state;
    char *body = NULL;

    replay_all(bed->server);
    bed->st.poll.mlserver_timeout_ms = HANGS_MS;
    start_role(bed);
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
    stop_role(bed);
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
    start_role(bed);
    expect_one(bed, "iris-server",
               "\"state\":\"READY\",\"reason\":\"\",\"isWhole\":true,\"models\"");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_mlserver_set(bed->server, cases[i].path, cases[i].status, cases[i].body);
        expect_one(bed, "iris-server", cases[i].told);
    }
    stop_role(bed);
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
    bed->st.poll.mlserver_metrics_port = fake_mlserver_port(bed->other);
    start_role(bed);
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
    stop_role(bed);
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
    start_role(bed);
    expect_one(bed, "iris-server",
               "\"state\":\"READY\",\"reason\":\"repository index: too large\"");
    stop_role(bed);
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
    start_role(bed);
    expect_one(bed, "iris-server", "\"state\":\"READY\",\"reason\":\"\",\"isWhole\":true");
    stop_role(bed);
    unsetenv("http_proxy");
}

/* The second version has no description that can be used, which is said in the log. */
static void test_a_password_of_a_url_is_in_no_log(void **state)
{
    struct bed *bed = *state;
    struct capture capture;

    set_servers(bed, "iris-server=http://somebody:hidden@127.0.0.1:%d",
                fake_mlserver_port(bed->server));
    replay_all(bed->server);
    capture_begin(&capture, STDERR_FILENO);
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, 1000);
    start_role(bed);
    expect_one(bed, "iris-server", "\"isWhole\":true");
    stop_role(bed);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 1000);
    char *said = capture_end(&capture);
    assert_non_null(strstr(said, "/v2/models/iris/versions/2"));
    assert_null(strstr(said, "hidden"));
    free(said);
}

static void test_a_list_that_is_none_ends_the_role(void **state)
{
    struct bed *bed = *state;

    free(bed->st.poll.mlserver_servers);
    bed->st.poll.mlserver_servers = strdup("nonsense");
    assert_non_null(bed->st.poll.mlserver_servers);
    assert_int_equal(poll_run(&bed->st), EXIT_CODE_FAILED);
}

static void test_what_kafka_never_takes_is_told_again_with_less(void **state)
{
    struct bed *bed = *state;

    set_servers(bed, "iris-server=http://127.0.0.1:%d", fake_mlserver_port(bed->server));
    replay_all(bed->server);
    rd_kafka_mock_push_request_errors(bed->cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    start_role(bed);
    char *body = next_about(bed, "iris-server");
    assert_non_null(strstr(body, "\"isWhole\":true"));
    assert_non_null(strstr(body, "\"model\":\"iris\",\"version\":\"1\""));
    assert_null(strstr(body, "\"inputs\""));
    free(body);
    stop_role(bed);
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

    sigset_t signals;

    /* No thread but that of the role may take the signal, nor any before the role asks for it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
