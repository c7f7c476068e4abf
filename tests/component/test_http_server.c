/* The HTTP server over loopback: what it takes, what it refuses, its limits, deadlines and its
 * end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http_server.h"
#include "core/timebase.h"
#include "support/patient_server.h"
#include "support/raw_http.h"

#define BODY_BYTES_MAX ((size_t)1024 * 1024)
#define HEAD_BYTES_MAX 4096
#define HEAD_TIMEOUT_MS 400
#define BODY_TIMEOUT_MS 600
#define IDLE_TIMEOUT_MS 900
#define ANSWER_TIMEOUT_MS 500
#define SWEEP_MS 100 /* answers are given that much before the time is over */
#define CONNECTIONS_MAX 40
#define MEMORY_BYTES_MAX ((size_t)3 * 1024 * 1024)
#define WAIT_MS 30000
#define LATE_MS 20000 /* a deadline is absolute, however slow the machine is */
#define KEPT_MAX 4

/* /echo answers at once, /later from another thread after 100 ms, /kept only when the test
 * says. */
struct fixture {
    struct http_server *server;
    int port;
    atomic_int handled;
    atomic_int kept_count;
    _Atomic(struct http_request *) kept[KEPT_MAX];
};

static void handle_echo(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;

    atomic_fetch_add(&fx->handled, 1);
    http_request_answer(request, 200, "text/plain", http_request_body(request), 0);
}

static void *answer_later(void *arg)
{
    struct http_request *request = arg;

    usleep(100 * 1000);
    http_request_answer(request, 201, "text/plain", http_request_body(request), 0);
    return NULL;
}

static void handle_later(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;
    pthread_t thread;

    atomic_fetch_add(&fx->handled, 1);
    if (pthread_create(&thread, NULL, answer_later, request) == 0) {
        pthread_detach(thread);
    }
}

static void handle_kept(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;
    int number = atomic_load(&fx->kept_count);

    while (!atomic_compare_exchange_weak(&fx->kept_count, &number, number + 1)) {
    }
    assert(number < KEPT_MAX);
    atomic_store(&fx->kept[number], request);
}

/* The request that was kept as number, from 0, once it is there. */
static struct http_request *take_kept(struct fixture *fx, int number)
{
    int64_t end_us = timebase_mono_us() + WAIT_MS * INT64_C(1000);
    struct http_request *request = NULL;

    while (!(request = atomic_exchange(&fx->kept[number], NULL)) && timebase_mono_us() < end_us) {
        usleep(1000);
    }
    assert_non_null(request);
    return request;
}

static void handle_problem(void *arg, struct http_request *request)
{
    (void)arg;
    http_request_problem(request, 422, "eventTime is \"missing\"", "/run", 17, 0);
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "*/echo", .body_bytes_max = BODY_BYTES_MAX, .handle = handle_echo},
    {.method = "POST", .path = "/later", .body_bytes_max = BODY_BYTES_MAX, .handle = handle_later},
    {.method = "POST", .path = "/kept", .body_bytes_max = BODY_BYTES_MAX, .handle = handle_kept},
    {.method = "GET", .path = "/bad", .body_bytes_max = 0, .handle = handle_problem},
    {.method = NULL},
};

static struct http_server_options patient_options(void)
{
    struct http_server_options options = patient_server_options(routes);

    options.threads = 2;
    options.head_bytes_max = HEAD_BYTES_MAX;
    options.memory_bytes_max = MEMORY_BYTES_MAX;
    options.connections_max = CONNECTIONS_MAX;
    return options;
}

static int start(void **state, struct http_server_options options)
{
    static struct fixture fixture;
    struct err err;

    memset(&fixture, 0, sizeof(fixture));
    options.arg = &fixture;
    if (http_server_start(&options, &fixture.server, &err) != OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    fixture.port = http_server_port(fixture.server);
    *state = &fixture;
    return 0;
}

static int setup(void **state)
{
    return start(state, patient_options());
}

static int setup_short_head(void **state)
{
    struct http_server_options options = patient_options();

    options.head_timeout_ms = HEAD_TIMEOUT_MS;
    return start(state, options);
}

static int setup_short_body(void **state)
{
    struct http_server_options options = patient_options();

    options.body_timeout_ms = BODY_TIMEOUT_MS;
    return start(state, options);
}

static int setup_short_idle(void **state)
{
    struct http_server_options options = patient_options();

    options.idle_timeout_ms = IDLE_TIMEOUT_MS;
    return start(state, options);
}

static int setup_short_answer(void **state)
{
    struct http_server_options options = patient_options();

    options.answer_timeout_ms = ANSWER_TIMEOUT_MS;
    return start(state, options);
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    http_server_stop(fx->server, 1000);
    for (int i = 0; i < KEPT_MAX; i++) {
        struct http_request *kept = atomic_exchange(&fx->kept[i], NULL);
        if (kept) {
            http_request_answer(kept, 200, "text/plain", STR("late"), 0);
        }
    }
    http_server_free(fx->server);
    return 0;
}

static int connected(const struct fixture *fx)
{
    int fd = raw_http_connect(fx->port);

    assert_true(fd >= 0);
    return fd;
}

static void expect(int fd, int status, const char *body)
{
    struct raw_answer answer = raw_http_read(fd, WAIT_MS);

    assert_int_equal(answer.status, status);
    if (body) {
        assert_string_equal(answer.body, body);
    }
    raw_http_fini(&answer);
}

static void test_http_server_answers_many_requests_on_one_connection(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(raw_http_post(fd, "/any/prefix/echo?q=1", "", STR("one")));
    expect(fd, 200, "one");
    assert_true(raw_http_post(fd, "/later", "", STR("two")));
    expect(fd, 201, "two");
    assert_true(raw_http_post(fd, "/echo", "", STR("")));
    expect(fd, 200, "");
    assert_true(raw_http_post(fd, "/echo", "Connection: close\r\n", STR("last")));
    expect(fd, 200, "last");
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    close(fd);
}

static void test_http_server_serves_pipelined_requests_in_order(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(
        raw_http_send(fd, STR("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
                              "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n2"
                              "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n"
                              "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
                              "POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                              "\r\n\r\n1\r\n3\r\n0\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le")));
    expect(fd, 201, "1");
    expect(fd, 200, "2");
    expect(fd, 422, NULL);
    expect(fd, 404, NULL);
    expect(fd, 201, "3");
    assert_true(raw_http_send(fd, STR("ngth: 1\r\n\r\n4")));
    expect(fd, 200, "4");
    close(fd);
}

static void test_http_server_takes_a_request_byte_by_byte(void **state)
{
    struct fixture *fx = *state;
    struct str bytes = STR("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n");
    int fd = connected(fx);

    for (size_t i = 0; i < bytes.len; i++) {
        assert_true(raw_http_send(fd, (struct str){bytes.ptr + i, 1}));
        usleep(500);
    }
    expect(fd, 200, "abc0123456789");
    close(fd);
}

static void test_http_server_answers_a_client_that_half_closed(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(raw_http_post(fd, "/later", "", STR("x")));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(fd, 201, "x");
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    close(fd);
}

static void test_http_server_asks_for_the_body_when_told_to(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(raw_http_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: "
                                      "100-continue\r\nContent-Length: 2\r\n\r\n")));
    expect(fd, 100, NULL);
    assert_true(raw_http_send(fd, STR("hi")));
    expect(fd, 200, "hi");
    assert_true(raw_http_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                      "Content-Length: 99999999\r\n\r\n")));
    expect(fd, 413, NULL);
    close(fd);
}

static void test_http_server_keeps_version_1_0_only_on_request(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(raw_http_send(fd, STR("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n"
                                      "Content-Length: 1\r\n\r\na")));
    expect(fd, 200, "a");
    assert_true(raw_http_send(fd, STR("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nb")));
    expect(fd, 200, "b");
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    close(fd);
}

static void test_http_server_inflates_gzip(void **state)
{
    struct fixture *fx = *state;
    struct str first = raw_http_gzip(STR("hello, "));
    struct str second = raw_http_gzip(STR("world"));
    char both[256];
    char chunks[512];
    int fd = connected(fx);
    int len;

    memcpy(both, first.ptr, first.len);
    memcpy(both + first.len, second.ptr, second.len);
    assert_true(raw_http_post(fd, "/echo", "Content-Encoding: gzip\r\n", first));
    expect(fd, 200, "hello, ");
    assert_true(raw_http_post(fd, "/echo", "content-encoding: GZIP\r\n",
                              (struct str){both, first.len + second.len}));
    expect(fd, 200, "hello, world");
    assert_true(raw_http_post(fd, "/echo", "Content-Encoding: identity\r\n", STR("as it is")));
    expect(fd, 200, "as it is");

    len = snprintf(chunks, sizeof(chunks),
                   "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < first.len; i++) {
        len += snprintf(chunks + len, sizeof(chunks) - (size_t)len, "1\r\n");
        chunks[len++] = first.ptr[i];
        len += snprintf(chunks + len, sizeof(chunks) - (size_t)len, "\r\n");
    }
    len += snprintf(chunks + len, sizeof(chunks) - (size_t)len, "0\r\n\r\n");
    assert_true(raw_http_send(fd, (struct str){chunks, (size_t)len}));
    expect(fd, 200, "hello, ");
    close(fd);
    free((char *)first.ptr);
    free((char *)second.ptr);
}

static void expect_refused(struct fixture *fx, const char *headers, struct str body, int status)
{
    int fd = connected(fx);
    int handled = atomic_load(&fx->handled);

    raw_http_post(fd, "/echo", headers, body);
    expect(fd, status, NULL);
    assert_int_equal(atomic_load(&fx->handled), handled);
    close(fd);
}

static void test_http_server_refuses_broken_gzip(void **state)
{
    struct fixture *fx = *state;
    const char *gzip = "Content-Encoding: gzip\r\n";
    struct str whole = raw_http_gzip(STR("hello, hello, hello"));
    char changed[128];

    assert_true(whole.len + 1 < sizeof(changed));
    expect_refused(fx, gzip, (struct str){whole.ptr, whole.len - 1}, 400);
    expect_refused(fx, gzip, (struct str){whole.ptr, 5}, 400);
    expect_refused(fx, gzip, STR("{\"plain\":1}"), 400);
    expect_refused(fx, gzip, STR(""), 400);
    memcpy(changed, whole.ptr, whole.len);
    changed[whole.len] = '\0';
    expect_refused(fx, gzip, (struct str){changed, whole.len + 1}, 400);
    changed[whole.len] = 'x';
    expect_refused(fx, gzip, (struct str){changed, whole.len + 1}, 400);
    changed[whole.len - 8] ^= 1; /* its check sum */
    expect_refused(fx, gzip, (struct str){changed, whole.len}, 400);
    free((char *)whole.ptr);
}

static void test_http_server_refuses_other_codings(void **state)
{
    struct fixture *fx = *state;

    expect_refused(fx, "Content-Encoding: br\r\n", STR("x"), 415);
    expect_refused(fx, "Content-Encoding: gzip, gzip\r\n", STR("x"), 415);
    expect_refused(fx, "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", STR("x"), 415);
    expect_refused(fx, "Content-Encoding:\r\n", STR("x"), 415);
}

static void test_http_server_refuses_what_is_too_large(void **state)
{
    struct fixture *fx = *state;
    char *large = calloc(1, 64 * BODY_BYTES_MAX);
    struct str bomb;
    struct raw_answer answer;
    int fd;

    assert_non_null(large);
    fd = connected(fx);
    assert_true(raw_http_post(fd, "/echo", "", (struct str){large, BODY_BYTES_MAX}));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_bytes, BODY_BYTES_MAX);
    raw_http_fini(&answer);
    close(fd);

    expect_refused(fx, "", (struct str){large, BODY_BYTES_MAX + 1}, 413);
    bomb = raw_http_gzip((struct str){large, BODY_BYTES_MAX + 1});
    expect_refused(fx, "Content-Encoding: gzip\r\n", bomb, 413);
    free((char *)bomb.ptr);
    bomb = raw_http_gzip((struct str){large, 64 * BODY_BYTES_MAX});
    expect_refused(fx, "Content-Encoding: gzip\r\n", bomb, 413);
    free((char *)bomb.ptr);
    bomb = raw_http_gzip((struct str){large, BODY_BYTES_MAX});
    fd = connected(fx);
    assert_true(raw_http_post(fd, "/echo", "Content-Encoding: gzip\r\n", bomb));
    expect(fd, 200, NULL);
    close(fd);
    free((char *)bomb.ptr);

    fd = connected(fx);
    assert_true(raw_http_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                                      "\r\n\r\n100001\r\n")));
    raw_http_send(fd, (struct str){large, BODY_BYTES_MAX + 1});
    expect(fd, 413, NULL);
    close(fd);

    memset(large, 'a', HEAD_BYTES_MAX);
    fd = connected(fx);
    assert_true(raw_http_send(fd, STR("GET /bad HTTP/1.1\r\nHost: a\r\nX: ")));
    assert_true(raw_http_send(fd, (struct str){large, HEAD_BYTES_MAX}));
    expect(fd, 431, NULL);
    close(fd);
    free(large);
}

/* Each line is one attack. Behind it stands a request that must never be taken for one. */
static void test_http_server_refuses_attacks_and_closes(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        int status;
        struct str bytes;
    } cases[] = {
#define CASE(number, literal) {.status = number, .bytes = STR(literal)}
#define HIDDEN "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
#define ECHO "POST /echo HTTP/1.1\r\nHost: a\r\n"
        CASE(400, ECHO "Content-Length: 0\r\nContent-Length: 51\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Content-Length : 51\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN),
        CASE(501, ECHO "Transfer-Encoding: gzip\r\n\r\n" HIDDEN),
        CASE(501, ECHO "Transfer-Encoding: identity\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3 junk\r\nabc\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n" HIDDEN),
        CASE(413, ECHO "Transfer-Encoding: chunked\r\n\r\n7fffffffffffff\r\n" HIDDEN),
        CASE(413, ECHO "Content-Length: 9223372036854775807\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Content-Length: 18446744073709551615\r\n\r\n" HIDDEN),
        CASE(400, ECHO "X: a\0b\r\nContent-Length: 0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "X: a\nContent-Length: 0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n" HIDDEN),
        CASE(400, "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Host: b\r\nContent-Length: 0\r\n\r\n" HIDDEN),
        CASE(505, "POST /echo HTTP/1.9\r\nHost: a\r\n\r\n" HIDDEN),
        CASE(400, "POST /echo HTTP/4294967297.1\r\nHost: a\r\n\r\n" HIDDEN),
        CASE(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" HIDDEN),
        CASE(400, "\r\n\r\n" HIDDEN),
        CASE(404, "POST /echo%00 HTTP/1.1\r\nHost: a\r\nContent-Length: 51\r\n\r\n" HIDDEN),
        CASE(404, "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 51\r\n\r\n" HIDDEN),
        CASE(405, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 51\r\n\r\n" HIDDEN),
        CASE(400, ECHO "Expect: something\r\nContent-Length: 0\r\n\r\n" HIDDEN),
#undef CASE
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = connected(fx);
        struct raw_answer answer;

        assert_true(raw_http_send(fd, cases[i].bytes));
        answer = raw_http_read(fd, WAIT_MS);
        if (answer.status != cases[i].status) {
            print_error("case %zu: %.*s\n", i, (int)cases[i].bytes.len, cases[i].bytes.ptr);
        }
        assert_int_equal(answer.status, cases[i].status);
        assert_true(answer.is_closing);
        assert_non_null(strstr(answer.head, "Content-Type: application/problem+json\r\n"));
        assert_true(raw_http_is_closed(fd, WAIT_MS));
        raw_http_fini(&answer);
        close(fd);
    }
    assert_int_equal(atomic_load(&fx->handled), 0);
}

static void test_http_server_writes_problems_as_the_rfc_says(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);

    assert_true(raw_http_send(fd, STR("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")));
    expect(fd, 422,
           "{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\",\"status\":422,"
           "\"detail\":\"eventTime is \\\"missing\\\"\",\"pointer\":\"/run\",\"offset\":17}\n");
    close(fd);
}

static void test_http_server_names_the_method_it_takes(void **state)
{
    struct fixture *fx = *state;
    struct raw_answer answer;
    int fd = connected(fx);

    assert_true(raw_http_send(fd, STR("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 405);
    assert_non_null(strstr(answer.head, "\r\nAllow: POST\r\n"));
    raw_http_fini(&answer);
    close(fd);
}

/* Sends one byte of text each 50 ms until the server speaks. */
static void drip(int fd, char byte)
{
    int64_t end_us = timebase_mono_us() + WAIT_MS * INT64_C(1000);
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    while (poll(&ready, 1, 50) == 0 && timebase_mono_us() < end_us) {
        raw_http_send(fd, (struct str){&byte, 1});
    }
}

/* begin_us is before whatever the server measures from. */
static void expect_passed(int64_t begin_us, int64_t timeout_ms)
{
    assert_in_range((timebase_mono_us() - begin_us) / 1000, timeout_ms, LATE_MS);
}

static void test_http_server_cuts_a_slow_head_at_its_deadline(void **state)
{
    struct fixture *fx = *state;
    int64_t begin_us = timebase_mono_us();
    int fd = connected(fx);

    assert_true(raw_http_send(fd, STR("GET /bad HTTP/1.1\r\nHost: a\r\nX: ")));
    drip(fd, 'a');
    expect_passed(begin_us, HEAD_TIMEOUT_MS);
    expect(fd, 408, NULL);
    close(fd);
    begin_us = timebase_mono_us();
    fd = connected(fx);
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    expect_passed(begin_us, HEAD_TIMEOUT_MS);
    close(fd);
}

static void test_http_server_cuts_a_slow_body_at_its_deadline(void **state)
{
    struct fixture *fx = *state;
    int64_t begin_us = timebase_mono_us();
    int fd = connected(fx);

    assert_true(
        raw_http_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")));
    drip(fd, 'a');
    expect_passed(begin_us, BODY_TIMEOUT_MS);
    expect(fd, 408, NULL);
    close(fd);
}

static void test_http_server_closes_idle_connections(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);
    int64_t begin_us = timebase_mono_us();

    assert_true(raw_http_post(fd, "/echo", "", STR("x")));
    expect(fd, 200, "x");
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    expect_passed(begin_us, IDLE_TIMEOUT_MS);
    close(fd);
}

static void test_http_server_says_503_when_the_handler_is_silent(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);
    int64_t begin_us = timebase_mono_us();
    struct raw_answer answer;

    assert_true(raw_http_post(fd, "/kept", "", STR("x")));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_s, 1);
    expect_passed(begin_us, ANSWER_TIMEOUT_MS - SWEEP_MS);
    raw_http_fini(&answer);
    http_request_answer(take_kept(fx, 0), 200, "text/plain", STR("late"), 0);
    assert_true(raw_http_post(fd, "/echo", "", STR("next")));
    expect(fd, 200, "next");
    close(fd);
}

static void test_http_server_survives_a_client_that_leaves(void **state)
{
    struct fixture *fx = *state;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd = connected(fx);
    struct http_request *request;

    assert_true(raw_http_post(fd, "/kept", "", STR("x")));
    request = take_kept(fx, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    http_request_answer(request, 200, "text/plain", STR("nobody reads it"), 0);
    fd = connected(fx);
    assert_true(raw_http_post(fd, "/echo", "", STR("y")));
    expect(fd, 200, "y");
    close(fd);
}

/* A connection that is served; until the server has noticed that another one is closed, it closes this one. */
static int served(const struct fixture *fx)
{
    int64_t end_us = timebase_mono_us() + WAIT_MS * INT64_C(1000);

    while (timebase_mono_us() < end_us) {
        int fd = connected(fx);
        struct raw_answer answer = {0};

        if (raw_http_post(fd, "/echo", "", STR("z"))) {
            answer = raw_http_read(fd, WAIT_MS);
            raw_http_fini(&answer);
        }
        if (answer.status == 200) {
            return fd;
        }
        close(fd);
        usleep(1000);
    }
    fail_msg("no connection is served");
    return -1;
}

static void test_http_server_closes_connections_beyond_the_cap(void **state)
{
    struct fixture *fx = *state;
    int fds[CONNECTIONS_MAX];
    int extra;

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connected(fx);
        assert_true(raw_http_post(fds[i], "/echo", "", STR("x")));
        expect(fds[i], 200, "x");
    }
    extra = connected(fx);
    assert_true(raw_http_is_closed(extra, WAIT_MS));
    close(extra);
    close(fds[0]);
    fds[0] = served(fx);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

static void expect_whole_body(const struct fixture *fx, struct str body, int status)
{
    int fd = connected(fx);
    struct raw_answer answer;

    raw_http_post(fd, "/echo", "", body); /* a refused one may not be read to its end */
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, status);
    assert_int_equal(answer.retry_after_s, status == 503 ? 1 : 0);
    raw_http_fini(&answer);
    close(fd);
}

/* Of 3 MiB an eighth is for small bodies: two of 1 MiB fit, a third does not, whatever others claim. */
static void test_http_server_counts_memory_by_what_arrived(void **state)
{
    struct fixture *fx = *state;
    struct str whole = {calloc(1, BODY_BYTES_MAX), BODY_BYTES_MAX};
    int claims[6];
    int holders[2];

    assert_non_null(whole.ptr);
    for (int i = 0; i < 6; i++) {
        claims[i] = connected(fx);
        assert_true(
            raw_http_send(claims[i], STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: "
                                         "100-continue\r\nContent-Length: 1048576\r\n\r\n")));
        expect(claims[i], 100, NULL);
    }
    expect_whole_body(fx, whole, 200);
    for (int i = 0; i < 2; i++) {
        holders[i] = connected(fx);
        assert_true(raw_http_post(holders[i], "/kept", "", whole));
        atomic_store(&fx->kept[i], take_kept(fx, i));
    }
    expect_whole_body(fx, whole, 503);
    expect_whole_body(fx, whole, 503);
    expect_whole_body(fx, STR("x"), 200);
    for (int i = 0; i < 2; i++) {
        http_request_answer(take_kept(fx, i), 200, "text/plain", STR("kept"), 0);
        expect(holders[i], 200, "kept");
        expect_whole_body(fx, whole, 200);
        close(holders[i]);
    }
    for (int i = 0; i < 6; i++) {
        close(claims[i]);
    }
    free((char *)whole.ptr);
}

static void *stop_server(void *arg)
{
    struct fixture *fx = arg;

    http_server_stop(fx->server, WAIT_MS);
    return NULL;
}

static void test_http_server_answers_what_is_open_before_it_ends(void **state)
{
    struct fixture *fx = *state;
    int open_fd = connected(fx);
    int half_fd = connected(fx);
    int idle_fd = connected(fx);
    struct http_request *open_request;
    pthread_t thread;

    assert_true(raw_http_post(idle_fd, "/echo", "", STR("x")));
    expect(idle_fd, 200, "x");
    assert_true(raw_http_post(open_fd, "/kept", "", STR("open")));
    assert_true(raw_http_send(half_fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4"
                                           "\r\nExpect: 100-continue\r\n\r\n")));
    expect(half_fd, 100, NULL);
    open_request = take_kept(fx, 0);
    assert_int_equal(pthread_create(&thread, NULL, stop_server, fx), 0);
    assert_true(raw_http_is_closed(idle_fd, WAIT_MS));
    assert_true(raw_http_send(half_fd, STR("half")));
    expect(half_fd, 200, "half");
    assert_true(raw_http_is_closed(half_fd, WAIT_MS));
    http_request_answer(open_request, 201, "text/plain", STR("open"), 0);
    expect(open_fd, 201, "open");
    assert_true(raw_http_is_closed(open_fd, WAIT_MS));
    pthread_join(thread, NULL);
    assert_int_equal(raw_http_connect(fx->port), -1);
    close(open_fd);
    close(half_fd);
    close(idle_fd);
}

static void test_http_server_answers_what_was_sent_just_before_the_end(void **state)
{
    struct fixture *fx = *state;
    int fds[16];

    for (int i = 0; i < 16; i++) {
        fds[i] = connected(fx);
        assert_true(raw_http_post(fds[i], i % 2 ? "/later" : "/echo", "", STR("x")));
    }
    http_server_stop(fx->server, WAIT_MS);
    for (int i = 0; i < 16; i++) {
        expect(fds[i], i % 2 ? 201 : 200, "x");
        assert_true(raw_http_is_closed(fds[i], WAIT_MS));
        close(fds[i]);
    }
}

static void test_http_server_ends_with_503_for_what_stays_open(void **state)
{
    struct fixture *fx = *state;
    int fd = connected(fx);
    struct raw_answer answer;

    assert_true(raw_http_post(fd, "/kept", "", STR("x")));
    atomic_store(&fx->kept[0], take_kept(fx, 0)); /* it came in */
    http_server_stop(fx->server, 100);
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_s, 1);
    raw_http_fini(&answer);
    close(fd);
}

static void test_http_server_refuses_a_port_that_is_taken(void **state)
{
    struct fixture *fx = *state;
    char address[32];
    struct http_server_options options = {
        .listen = address, .threads = 2, .routes = routes, .connections_max = 1};
    struct http_server *second = NULL;
    struct err err;

    snprintf(address, sizeof(address), "127.0.0.1:%d", fx->port);
    assert_int_equal(http_server_start(&options, &second, &err), FATAL);
    assert_non_null(strstr(err.text, address));
    options.listen = "nonsense";
    assert_int_equal(http_server_start(&options, &second, &err), FATAL);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(how, test) cmocka_unit_test_setup_teardown(test, how, teardown)
#define SERVED(test) WITH(setup, test)
        SERVED(test_http_server_answers_many_requests_on_one_connection),
        SERVED(test_http_server_serves_pipelined_requests_in_order),
        SERVED(test_http_server_takes_a_request_byte_by_byte),
        SERVED(test_http_server_answers_a_client_that_half_closed),
        SERVED(test_http_server_asks_for_the_body_when_told_to),
        SERVED(test_http_server_keeps_version_1_0_only_on_request),
        SERVED(test_http_server_inflates_gzip),
        SERVED(test_http_server_refuses_broken_gzip),
        SERVED(test_http_server_refuses_other_codings),
        SERVED(test_http_server_refuses_what_is_too_large),
        SERVED(test_http_server_refuses_attacks_and_closes),
        SERVED(test_http_server_writes_problems_as_the_rfc_says),
        SERVED(test_http_server_names_the_method_it_takes),
        WITH(setup_short_head, test_http_server_cuts_a_slow_head_at_its_deadline),
        WITH(setup_short_body, test_http_server_cuts_a_slow_body_at_its_deadline),
        WITH(setup_short_idle, test_http_server_closes_idle_connections),
        WITH(setup_short_answer, test_http_server_says_503_when_the_handler_is_silent),
        SERVED(test_http_server_survives_a_client_that_leaves),
        SERVED(test_http_server_closes_connections_beyond_the_cap),
        SERVED(test_http_server_counts_memory_by_what_arrived),
        SERVED(test_http_server_answers_what_is_open_before_it_ends),
        SERVED(test_http_server_answers_what_was_sent_just_before_the_end),
        SERVED(test_http_server_ends_with_503_for_what_stays_open),
        SERVED(test_http_server_refuses_a_port_that_is_taken),
#undef SERVED
#undef WITH
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
