/* The role poll watching an API server that is told what to answer, with the real librdkafka against its mock cluster: a list, a
 * watch that is too old, a list in which something is missing; a broker that refuses at first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/poll.h"
#include "schemas/event_codec.h"
#include "schemas/kube_watch.h"
#include "support/reserved_port.h"

#define PRODUCE 0     /* Kafka's number of the request */
#define WAIT_MS 60000 /* for what a slow machine does late */
#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define MODEL(name, secret)                                                                        \
    "{\"metadata\":{\"namespace\":\"f\",\"name\":\"" name "\",\"uid\":\"uid-" name                 \
    "\",\"resourceVersion\":\"1\",\"creationTimestamp\":\"2026-11-23T15:00:00Z\"},\"spec\":{"      \
    "\"env\":{\"A\":\"" secret "\"}}}"

/* One after the other; behind the last one nothing more comes and the connection stays open. */
static const char *const answers[] = {
    OK_HEAD "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" MODEL("a", "hunter2") "]}",
    OK_HEAD "{\"type\":\"ADDED\",\"object\":" MODEL(
        "b", "hunter2") "}\n{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n",
    OK_HEAD "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" MODEL("a", "hunter2") "]}",
    OK_HEAD,
};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

struct bed {
    struct settings st;
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct reserved_port admin;
    int listening;
    int open_ended; /* the connection of the last answer; -1: none yet */
    char asked[ANSWERS][300];
    pthread_t server;
    pthread_t role;
    int exit_code;
};

static void read_head(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len + 1 < size && recv(fd, out + len, 1, 0) == 1) {
        out[++len] = '\0';
        if (len >= 4 && memcmp(out + len - 4, "\r\n\r\n", 4) == 0) {
            break;
        }
    }
    out[strcspn(out, "\r")] = '\0';
}

/* Ends when nobody listens any more. */
static void *serve(void *arg)
{
    struct bed *bed = arg;

    for (size_t i = 0; i < ANSWERS; i++) {
        char head[2048] = "";
        int fd = accept(bed->listening, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        read_head(fd, head, sizeof(head));
        snprintf(bed->asked[i], sizeof(bed->asked[i]), "%.299s", head);
        (void)!write(fd, answers[i], strlen(answers[i]));
        if (i + 1 < ANSWERS) {
            close(fd);
        } else {
            bed->open_ended = fd;
        }
    }
    return NULL;
}

static int listen_somewhere(int *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static int setup(void **state)
{
    static struct bed bed;
    static char admin[64], brokers[128], url[64];
    char *args[] = {admin,
                    brokers,
                    url,
                    "--poll.kubernetes-cluster=prod",
                    "--poll.kubernetes-resources=models",
                    "--poll.drain-timeout-ms=60000",
                    "--kafka.message-bytes-max=256KiB",
                    "--ingest.body-bytes-max=64KiB",
                    "--ingest.answer-timeout-ms=60000",
                    "--ingest.message-timeout-ms=50000",
                    "--log.level=error",
                    NULL};
    struct settings_rest rest = {0};
    char text[256];
    int port;
    struct err err;

    bed = (struct bed){.open_ended = -1};
    bed.admin = reserved_port_open();
    bed.listening = listen_somewhere(&port);
    bed.host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    bed.cluster = bed.host ? rd_kafka_mock_cluster_new(bed.host, 1) : NULL;
    if (!bed.cluster) {
        return -1;
    }
    snprintf(admin, sizeof(admin), "--poll.admin-listen=127.0.0.1:%d", bed.admin.number);
    snprintf(url, sizeof(url), "--poll.kubernetes-url=http://127.0.0.1:%d/", port);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed.cluster));
    if (settings_load(&bed.st, (int)(sizeof(args) / sizeof(args[0])) - 1, args, &rest, &err) !=
        OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    free(rest.words);
    rd_kafka_mock_topic_create(bed.cluster, bed.st.kafka.topic_events, 1, 1);
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

static rd_kafka_t *reader(struct bed *bed)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char text[256];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    assert_non_null(rk);
    rd_kafka_topic_partition_list_add(list, bed->st.kafka.topic_events, 0)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

/* The bits of those expected texts that the record has. */
static unsigned match(const rd_kafka_message_t *msg, const char *const (*expected)[2], size_t count)
{
    struct event_codec *codec = event_codec_new(1 << 20);
    struct arena *arena = arena_new(1 << 20);
    struct lineage_event ev;
    struct err err;
    unsigned bits = 0;

    assert_int_equal(
        event_codec_decode(codec, (struct str){msg->payload, msg->len}, arena, &ev, &err), OK);
    assert_true(str_eq(ev.format, STR(KUBE_WATCH_FORMAT)));
    assert_null(memmem(ev.body.ptr, ev.body.len, "hunter2", 7));
    for (size_t i = 0; i < count; i++) {
        bool has_both = memmem(ev.body.ptr, ev.body.len, expected[i][0], strlen(expected[i][0])) &&
                        memmem(ev.body.ptr, ev.body.len, expected[i][1], strlen(expected[i][1]));
        bits |= has_both ? 1u << i : 0;
    }
    arena_free(arena);
    event_codec_free(codec);
    return bits;
}

static void test_what_is_watched_is_published(void **state)
{
    static const char *const expected[][2] = {{"resource.add", "/namespaces/f/models/a\""},
                                              {"resource.add", "/namespaces/f/models/b\""},
                                              {"resource.delete", "/namespaces/f/models/b\""}};
    struct bed *bed = *state;
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    unsigned seen = 0;

    rd_kafka_mock_push_request_errors(bed->cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(pthread_create(&bed->server, NULL, serve, bed), 0);
    assert_int_equal(pthread_create(&bed->role, NULL, run_role, bed), 0);
    rd_kafka_t *rk = reader(bed);
    while (seen != 7 && timebase_mono_us() < end_us) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, 100);
        if (msg && !msg->err) {
            seen |= match(msg, expected, 3);
        }
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
    }
    assert_int_equal(seen, 7);
    pthread_join(bed->server, NULL); /* it has answered the last watch, too */
    kill(getpid(), SIGTERM);
    pthread_join(bed->role, NULL);
    assert_int_equal(bed->exit_code, EXIT_CODE_OK);
    rd_kafka_destroy(rk);
    close(bed->open_ended);
    close(bed->listening);
    assert_string_equal(bed->asked[0],
                        "GET /apis/mlops.seldon.io/v1alpha1/models?limit=100 HTTP/1.1");
    assert_non_null(strstr(bed->asked[1], "watch=1&allowWatchBookmarks=true&timeoutSeconds=300"
                                          "&resourceVersion=5 "));
    assert_string_equal(bed->asked[2], bed->asked[0]);
    assert_non_null(strstr(bed->asked[3], "&resourceVersion=7 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_watched_is_published, setup, teardown),
    };
    sigset_t signals;

    /* No thread but that of the role may take the signal, nor any before the role asks for it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
