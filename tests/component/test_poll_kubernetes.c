/* The role poll watching an API server that is told what to answer, with the real librdkafka against its mock cluster: a list, a
 * watch that is too old, a list in which something is missing; a broker that refuses at first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/timebase.h"
#include "ingest/poll.h"
#include "schemas/kube_watch.h"
#include "support/own_role.h"

#define PRODUCE 0 /* Kafka's number of the request */
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
    struct own_role role;
    int listening;
    int open_ended; /* the connection of the last answer; -1: none yet */
    char asked[ANSWERS][300];
    atomic_int answered;
    pthread_t server;
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
        atomic_store(&bed->answered, (int)i + 1);
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
    char url[64];
    const char *const flags[] = {url,
                                 "--poll.kubernetes-cluster=prod",
                                 "--poll.kubernetes-resources=models",
                                 "--poll.drain-timeout-ms=60000",
                                 "--kafka.message-bytes-max=256KiB",
                                 "--ingest.body-bytes-max=64KiB",
                                 "--ingest.answer-timeout-ms=60000",
                                 "--ingest.message-timeout-ms=50000",
                                 "--log.level=error",
                                 NULL};
    int port;

    bed = (struct bed){.open_ended = -1};
    bed.listening = listen_somewhere(&port);
    snprintf(url, sizeof(url), "--poll.kubernetes-url=http://127.0.0.1:%d/", port);
    if (!own_role_open(&bed.role, poll_run, "--poll.admin-listen", flags)) {
        return -1;
    }
    rd_kafka_mock_topic_create(bed.role.cluster, bed.role.st.kafka.topic_events, 1, 1);
    assert_int_equal(pthread_create(&bed.server, NULL, serve, &bed), 0);
    *state = &bed;
    return 0;
}

/* The role first: the server may be waiting for what it asks. */
static int teardown(void **state)
{
    struct bed *bed = *state;
    int exit_code = own_role_close(&bed->role);

    shutdown(bed->listening, SHUT_RDWR);
    pthread_join(bed->server, NULL);
    if (bed->open_ended >= 0) {
        close(bed->open_ended);
    }
    close(bed->listening);
    return exit_code;
}

/* The bits of those expected texts that the record has. */
static unsigned match(const struct lineage_event *ev, const char *const (*expected)[2],
                      size_t count)
{
    unsigned bits = 0;

    assert_true(str_eq(ev->format, STR(KUBE_WATCH_FORMAT)));
    assert_null(memmem(ev->body.ptr, ev->body.len, "hunter2", 7));
    for (size_t i = 0; i < count; i++) {
        bool has_both =
            memmem(ev->body.ptr, ev->body.len, expected[i][0], strlen(expected[i][0])) &&
            memmem(ev->body.ptr, ev->body.len, expected[i][1], strlen(expected[i][1]));
        bits |= has_both ? 1u << i : 0;
    }
    return bits;
}

static void wait_for_answers(struct bed *bed)
{
    int64_t end_us = timebase_mono_us() + (int64_t)OWN_ROLE_WAIT_MS * 1000;

    while (atomic_load(&bed->answered) < (int)ANSWERS && timebase_mono_us() < end_us) {
        usleep(10000);
    }
    assert_int_equal(atomic_load(&bed->answered), ANSWERS);
}

static void test_what_is_watched_is_published(void **state)
{
    static const char *const expected[][2] = {{"resource.add", "/namespaces/f/models/a\""},
                                              {"resource.add", "/namespaces/f/models/b\""},
                                              {"resource.delete", "/namespaces/f/models/b\""}};
    struct bed *bed = *state;
    unsigned seen = 0;

    rd_kafka_mock_push_request_errors(bed->role.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    own_role_start(&bed->role);
    while (seen != 7) {
        const struct lineage_event *ev = own_role_next_event(&bed->role);
        assert_non_null(ev);
        seen |= match(ev, expected, 3);
    }
    wait_for_answers(bed);
    assert_int_equal(own_role_stop(&bed->role), EXIT_CODE_OK);
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

    return cmocka_run_group_tests(tests, NULL, NULL);
}
