/* One loop, many clients: what one of them sends keeps no other waiting. Large bodies are handled aside, what inflates
 * to much more is inflated a piece each turn, who
 * sends many requests at once waits for his turn, and silent connections give way to new ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http_server.h"
#include "core/timebase.h"
#include "support/patient_server.h"
#include "support/raw_http.h"

#define BODY_BYTES_MAX ((size_t)48 * 1024 * 1024)
#define BESIDE_BOMB 20
#define MEMORY_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define PIPELINED 500
#define ASIDE_BYTES ((size_t)1000)
#define ANSWER_TIMEOUT_MS 400
#define CONNECTIONS_MAX 8
#define WAIT_MS 30000

struct fixture {
    struct http_server *server;
    int port;
    atomic_int slow_handled;
    atomic_bool may_go_on; /* what /slow waits for */
    atomic_int counted;
    atomic_int counted_at_length; /* as the last /length was handled */
    atomic_bool was_on_loop;      /* the last /echo */
};

static bool is_on_loop(void)
{
    char name[16] = "";

    pthread_getname_np(pthread_self(), name, sizeof(name));
    return strcmp(name, "http") == 0;
}

static void handle_echo(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;

    atomic_store(&fx->was_on_loop, is_on_loop());
    http_request_answer(request, 200, "text/plain", http_request_body(request), 0);
}

static void handle_slow(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;

    atomic_fetch_add(&fx->slow_handled, 1);
    for (int i = 0; i < WAIT_MS && !atomic_load(&fx->may_go_on); i++) {
        usleep(1000);
    }
    http_request_answer(request, 200, "text/plain", STR("slow"), 0);
}

static void handle_length(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;
    char text[32];
    int len = snprintf(text, sizeof(text), "%zu", http_request_body(request).len);

    atomic_store(&fx->counted_at_length, atomic_load(&fx->counted));
    http_request_answer(request, 200, "text/plain", (struct str){text, (size_t)len}, 0);
}

/* How many of them have been handled so far, the request itself included. */
static void handle_count(void *arg, struct http_request *request)
{
    struct fixture *fx = arg;
    char text[32];
    int len = snprintf(text, sizeof(text), "%d", atomic_fetch_add(&fx->counted, 1) + 1);

    http_request_answer(request, 200, "text/plain", (struct str){text, (size_t)len}, 0);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/count", .handle = handle_count},
    {.method = "POST",
     .path = "/echo",
     .body_bytes_max = BODY_BYTES_MAX,
     .aside_bytes_min = ASIDE_BYTES,
     .handle = handle_echo},
    {.method = "POST",
     .path = "/slow",
     .body_bytes_max = BODY_BYTES_MAX,
     .aside_bytes_min = ASIDE_BYTES,
     .handle = handle_slow},
    {.method = "POST",
     .path = "/length",
     .body_bytes_max = BODY_BYTES_MAX,
     .handle = handle_length},
    {.method = NULL},
};

static struct http_server_options patient_options(void)
{
    struct http_server_options options = patient_server_options(routes);

    options.threads = 1;
    options.aside_threads = 1;
    options.head_bytes_max = 4096;
    options.memory_bytes_max = 4 * BODY_BYTES_MAX;
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

static int setup_impatient(void **state)
{
    struct http_server_options options = patient_options();

    options.answer_timeout_ms = ANSWER_TIMEOUT_MS;
    return start(state, options);
}

static int setup_little_memory(void **state)
{
    struct http_server_options options = patient_options();

    options.memory_bytes_max = MEMORY_BYTES_MAX;
    return start(state, options);
}

static int setup_giving_way(void **state)
{
    struct http_server_options options = patient_options();

    options.silent_ms = 0;
    return start(state, options);
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    atomic_store(&fx->may_go_on, true);
    http_server_stop(fx->server, 1000);
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

static void test_http_fairness_handles_large_bodies_aside(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES + 1];
    int fd = connected(fx);

    memset(body, 'x', ASIDE_BYTES);
    body[ASIDE_BYTES] = '\0';
    assert_true(raw_http_post(fd, "/echo", "", (struct str){body, ASIDE_BYTES}));
    expect(fd, 200, body);
    assert_false(atomic_load(&fx->was_on_loop));
    assert_true(raw_http_post(fd, "/echo", "", (struct str){body, ASIDE_BYTES - 1}));
    expect(fd, 200, NULL);
    assert_true(atomic_load(&fx->was_on_loop));
    close(fd);
}

/* Until all that was sent to it is with the other side's kernel. */
static void wait_delivered(int fd)
{
    int left = 1;

    while (left > 0) {
        assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0);
        usleep(1000);
    }
}

/* False: nothing came within timeout_ms. */
static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, timeout_ms) == 1;
}

/* Until the handler has it in hand; before that it may expire, and is sent again. */
static void begin_slow(struct fixture *fx, int fd, struct str body)
{
    while (atomic_load(&fx->slow_handled) == 0) {
        assert_true(raw_http_post(fd, "/slow", "", body));
        while (!is_readable(fd, 1) && atomic_load(&fx->slow_handled) == 0) {
        }
        if (atomic_load(&fx->slow_handled) == 0) {
            expect(fd, 503, NULL);
        }
    }
}

static void test_http_fairness_serves_others_while_one_is_handled(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES];
    int slow = connected(fx);
    int quick = connected(fx);

    memset(body, 'x', sizeof(body));
    begin_slow(fx, slow, (struct str){body, sizeof(body)});
    for (int i = 0; i < 10; i++) {
        assert_true(raw_http_post(quick, "/echo", "", STR("quick")));
        expect(quick, 200, "quick");
    }
    assert_false(is_readable(slow, 0));
    atomic_store(&fx->may_go_on, true);
    expect(slow, 200, "slow");
    close(slow);
    close(quick);
}

/* The one thread aside takes them in their order: when it has handled a later one, it has passed by those. */
static void wait_for_thread_aside(const struct fixture *fx, struct str body)
{
    int64_t end_us = timebase_mono_us() + WAIT_MS * INT64_C(1000);
    int fd = connected(fx);
    int status = 503;

    while (status == 503 && timebase_mono_us() < end_us) {
        struct raw_answer answer;

        assert_true(raw_http_post(fd, "/echo", "", body));
        answer = raw_http_read(fd, WAIT_MS);
        status = answer.status;
        raw_http_fini(&answer);
    }
    assert_int_equal(status, 200);
    close(fd);
}

static void test_http_fairness_forgets_what_expired_in_the_queue(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES];
    int fds[3];

    memset(body, 'x', sizeof(body));
    fds[0] = connected(fx);
    begin_slow(fx, fds[0], (struct str){body, sizeof(body)});
    for (int i = 1; i < 3; i++) {
        fds[i] = connected(fx);
        assert_true(raw_http_post(fds[i], "/slow", "", (struct str){body, sizeof(body)}));
    }
    for (int i = 0; i < 3; i++) {
        expect(fds[i], 503, NULL);
    }
    assert_true(raw_http_post(fds[0], "/echo", "", STR("next")));
    expect(fds[0], 200, "next");
    atomic_store(&fx->may_go_on, true);
    wait_for_thread_aside(fx, (struct str){body, sizeof(body)});
    assert_int_equal(atomic_load(&fx->slow_handled), 1);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void *stop_soon(void *arg)
{
    struct fixture *fx = arg;

    http_server_stop(fx->server, 100);
    return NULL;
}

static void test_http_fairness_ends_while_one_is_handled(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES];
    int first = connected(fx);
    int second = connected(fx);
    pthread_t thread;

    memset(body, 'x', sizeof(body));
    begin_slow(fx, first, (struct str){body, sizeof(body)});
    assert_true(raw_http_post(second, "/slow", "", (struct str){body, sizeof(body)}));
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, fx), 0);
    expect(first, 503, NULL);
    expect(second, 503, NULL);
    atomic_store(&fx->may_go_on, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&fx->slow_handled), 1);
    close(first);
    close(second);
}

/* What is inflated in many turns is the same, whether it comes whole or in chunks, and so is what stands
 * behind it. */
static void test_http_fairness_inflates_in_many_turns(void **state)
{
    struct fixture *fx = *state;
    size_t len = BODY_BYTES_MAX / 4 - 7;
    char *text = malloc(len);
    struct str packed;
    char length[32];
    char head[64];
    int fd = connected(fx);

    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + (i / 1000 + i % 7) % 26);
    }
    snprintf(length, sizeof(length), "%zu", len);
    packed = raw_http_gzip((struct str){text, len});
    assert_true(raw_http_post(fd, "/length", "Content-Encoding: gzip\r\n", packed));
    assert_true(raw_http_post(fd, "/echo", "", STR("next")));
    expect(fd, 200, length);
    expect(fd, 200, "next");
    snprintf(head, sizeof(head), "%zx\r\n", packed.len);
    assert_true(
        raw_http_send(fd, STR("POST /length HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n")));
    assert_true(raw_http_send(fd, str_view(head)));
    assert_true(raw_http_send(fd, packed));
    assert_true(raw_http_send(fd, STR("\r\n0\r\n\r\n")));
    assert_true(raw_http_post(fd, "/echo", "", STR("last")));
    expect(fd, 200, length);
    expect(fd, 200, "last");
    close(fd);
    free((char *)packed.ptr);
    free(text);
}

/* Of count requests in one go; they wait in the server's kernel. */
static void send_counts(int fd, size_t count)
{
    struct str request = STR("GET /count HTTP/1.1\r\nHost: a\r\n\r\n");
    char *many = malloc(request.len * count);

    assert_non_null(many);
    for (size_t i = 0; i < count; i++) {
        memcpy(many + i * request.len, request.ptr, request.len);
    }
    assert_true(raw_http_send(fd, (struct str){many, request.len * count}));
    free(many);
    wait_delivered(fd);
}

/* A bomb takes hundreds of turns, and others, who came behind it, are served in between. Inflated at once it lets one
 * through. */
static void test_http_fairness_serves_others_while_a_bomb_inflates(void **state)
{
    struct fixture *fx = *state;
    char *zeros = calloc(1, BODY_BYTES_MAX / 2);
    struct str packed;
    int stopper = connected(fx);
    int bomber = connected(fx);
    int modest = connected(fx);

    assert_non_null(zeros);
    packed = raw_http_gzip((struct str){zeros, BODY_BYTES_MAX / 2});
    free(zeros);
    begin_slow(fx, stopper, STR("x")); /* the loop sleeps while both send */
    assert_true(raw_http_post(bomber, "/length", "Content-Encoding: gzip\r\n", packed));
    wait_delivered(bomber);
    send_counts(modest, BESIDE_BOMB);
    atomic_store(&fx->may_go_on, true);
    for (int i = 0; i < BESIDE_BOMB; i++) {
        expect(modest, 200, NULL);
    }
    expect(bomber, 200, NULL);
    assert_int_equal(atomic_load(&fx->counted_at_length), BESIDE_BOMB);
    close(stopper);
    close(bomber);
    close(modest);
    free((char *)packed.ptr);
}

static void test_http_fairness_closes_new_connections_while_nobody_is_silent(void **state)
{
    struct fixture *fx = *state;
    int fds[CONNECTIONS_MAX];
    int extra;

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connected(fx);
    }
    assert_true(raw_http_post(fds[0], "/echo", "", STR("x")));
    expect(fds[0], 200, "x");
    extra = connected(fx);
    assert_true(raw_http_is_closed(extra, WAIT_MS));
    close(extra);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        assert_true(raw_http_post(fds[i], "/echo", "", STR("y")));
        expect(fds[i], 200, "y");
        close(fds[i]);
    }
}

/* The first has begun to speak; of the others each second one has had an answer, the rest have said nothing. An
 * answer also shows that the connection before it has been taken. */
static void test_http_fairness_makes_room_by_closing_silent_connections(void **state)
{
    struct fixture *fx = *state;
    int fds[CONNECTIONS_MAX];

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connected(fx);
        if (i == 0) {
            assert_true(raw_http_send(fds[0], STR("POST /echo HTTP/1.1\r\nHost: ")));
        } else if (i % 2 == 1) {
            assert_true(raw_http_post(fds[i], "/echo", "", STR("x")));
            expect(fds[i], 200, "x");
        }
    }
    for (int i = 1; i < CONNECTIONS_MAX; i++) {
        int extra = connected(fx);

        assert_true(raw_http_post(extra, "/echo", "", STR("new")));
        expect(extra, 200, "new");
        assert_true(raw_http_is_closed(fds[i], WAIT_MS));
        close(fds[i]);
        fds[i] = extra;
    }
    assert_true(raw_http_send(fds[0], STR("a\r\nContent-Length: 3\r\n\r\nend")));
    expect(fds[0], 200, "end");
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

/* Many requests in one go and, sent behind them, one of somebody else. */
static void test_http_fairness_takes_turns_with_who_sends_many_requests(void **state)
{
    struct fixture *fx = *state;
    int stopper = connected(fx);
    int greedy = connected(fx);
    int modest = connected(fx);
    struct raw_answer answer;

    begin_slow(fx, stopper, STR("x")); /* the loop sleeps while both send */
    send_counts(greedy, PIPELINED);
    send_counts(modest, 1);
    atomic_store(&fx->may_go_on, true);
    answer = raw_http_read(modest, WAIT_MS);
    assert_int_equal(answer.status, 200);
    print_message("the other one was number %s of %d\n", answer.body, PIPELINED + 1);
    assert_true(strtol(answer.body, NULL, 10) < 20);
    raw_http_fini(&answer);
    for (int i = 0; i < PIPELINED; i++) {
        expect(greedy, 200, NULL);
    }
    close(stopper);
    close(greedy);
    close(modest);
}

/* Three large ones that never end take what they can get. */
static void test_http_fairness_keeps_memory_for_small_bodies(void **state)
{
    struct fixture *fx = *state;
    static const size_t large_bytes[] = {1024 * 1024, 700 * 1024, 256 * 1024};
    char *part = calloc(1, large_bytes[0]);
    struct pollfd polled[3];
    int fds[3];
    int fd = connected(fx);

    assert_non_null(part);
    for (int i = 0; i < 3; i++) {
        char head[128];
        int len = snprintf(head, sizeof(head),
                           "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                           large_bytes[i]);

        fds[i] = connected(fx);
        assert_true(raw_http_send(fds[i], (struct str){head, (size_t)len}));
        raw_http_send(fds[i], (struct str){part, large_bytes[i] - 1});
    }
    /* Whichever comes last; that is mostly the third. */
    for (int i = 0; i < 3; i++) {
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    assert_int_equal(poll(polled, 3, WAIT_MS), 1);
    assert_true(raw_http_post(fd, "/length", "", (struct str){part, 100 * 1024}));
    expect(fd, 200, "102400");
    for (int i = 0; i < 3; i++) {
        raw_http_send(fds[i], STR("x"));
        expect(fds[i], polled[i].revents ? 503 : 200, NULL);
        close(fds[i]);
    }
    close(fd);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define SERVED(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)
        SERVED(test_http_fairness_handles_large_bodies_aside, setup),
        SERVED(test_http_fairness_serves_others_while_one_is_handled, setup),
        SERVED(test_http_fairness_forgets_what_expired_in_the_queue, setup_impatient),
        SERVED(test_http_fairness_ends_while_one_is_handled, setup),
        SERVED(test_http_fairness_inflates_in_many_turns, setup),
        SERVED(test_http_fairness_serves_others_while_a_bomb_inflates, setup),
        SERVED(test_http_fairness_takes_turns_with_who_sends_many_requests, setup),
        SERVED(test_http_fairness_keeps_memory_for_small_bodies, setup_little_memory),
        SERVED(test_http_fairness_closes_new_connections_while_nobody_is_silent, setup),
        SERVED(test_http_fairness_makes_room_by_closing_silent_connections, setup_giving_way),
#undef SERVED
    };
    return cmocka_run_group_tests_name("http_fairness", tests, NULL, NULL);
}
