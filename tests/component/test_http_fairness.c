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
#include "support/raw_http.h"

#define BODY_BYTES_MAX ((size_t)48 * 1024 * 1024)
#define BESIDE_BOMB 20
#define MEMORY_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define PIPELINED 500
#define ASIDE_BYTES ((size_t)1000)
#define ANSWER_TIMEOUT_MS 400
#define CONNECTIONS_MAX 8
#define SILENT_MS 500 /* what the server asks for */
#define TRIES_MAX 50
#define WAIT_MS 30000

struct fixture {
    struct http_server *server;
    int port;
    atomic_int slow_handled;
    atomic_bool may_end; /* what is slow waits for it */
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
    while (!atomic_load(&fx->may_end)) {
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

static int start(void **state, int answer_timeout_ms, size_t memory_bytes_max)
{
    static struct fixture fixture;
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .threads = 1,
                                          .aside_threads = 1,
                                          .routes = routes,
                                          .arg = &fixture,
                                          .head_bytes_max = 4096,
                                          .memory_bytes_max = memory_bytes_max,
                                          .connections_max = CONNECTIONS_MAX,
                                          .head_timeout_ms = WAIT_MS,
                                          .body_timeout_ms = WAIT_MS,
                                          .idle_timeout_ms = WAIT_MS,
                                          .answer_timeout_ms = answer_timeout_ms,
                                          .metric_connections = -1,
                                          .metric_connections_refused = -1,
                                          .metric_bad_http = -1,
                                          .metric_seconds = -1};
    struct err err;

    memset(&fixture, 0, sizeof(fixture));
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
    return start(state, WAIT_MS, 4 * BODY_BYTES_MAX);
}

static int setup_impatient(void **state)
{
    return start(state, ANSWER_TIMEOUT_MS, 4 * BODY_BYTES_MAX);
}

static int setup_little_memory(void **state)
{
    return start(state, WAIT_MS, MEMORY_BYTES_MAX);
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    atomic_store(&fx->may_end, true);
    if (fx->server) {
        http_server_stop(fx->server, 1000);
        http_server_free(fx->server);
    }
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

/* Until all that was sent to it is with the other side's kernel. */
static void wait_delivered(int fd)
{
    int left = 1;

    while (left > 0) {
        assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0);
        usleep(1000);
    }
}

/* A slow request that is being handled, until fx->may_end. */
static int slow_one(struct fixture *fx, struct str body)
{
    int fd = connected(fx);

    assert_true(raw_http_post(fd, "/slow", "", body));
    while (atomic_load(&fx->slow_handled) == 0) {
        usleep(1000);
    }
    return fd;
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

static void test_http_fairness_serves_others_while_one_is_handled(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES] = "";
    int slow = slow_one(fx, (struct str){body, sizeof(body)});
    int quick = connected(fx);

    for (int i = 0; i < 10; i++) {
        assert_true(raw_http_post(quick, "/echo", "", STR("quick")));
        expect(quick, 200, "quick");
    }
    atomic_store(&fx->may_end, true);
    expect(slow, 200, "slow");
    close(slow);
    close(quick);
}

static void test_http_fairness_forgets_what_expired_in_the_queue(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES] = "";
    int fds[3];
    int status = 0;

    for (int i = 0; i < 3; i++) {
        fds[i] = connected(fx);
        assert_true(raw_http_post(fds[i], "/slow", "", (struct str){body, sizeof(body)}));
    }
    for (int i = 0; i < 3; i++) {
        expect(fds[i], 503, NULL);
    }
    atomic_store(&fx->may_end, true);
    /* Behind them in the queue; this server is impatient with a busy machine, too. */
    for (int i = 0; i < TRIES_MAX && status != 200; i++) {
        struct raw_answer answer;

        assert_true(raw_http_post(fds[0], "/echo", "", (struct str){body, sizeof(body)}));
        answer = raw_http_read(fds[0], WAIT_MS);
        status = answer.status;
        raw_http_fini(&answer);
    }
    assert_int_equal(status, 200);
    assert_int_equal(atomic_load(&fx->slow_handled), 1);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void *stop_server(void *arg)
{
    struct fixture *fx = arg;

    http_server_stop(fx->server, 100);
    return NULL;
}

static void test_http_fairness_ends_while_one_is_handled(void **state)
{
    struct fixture *fx = *state;
    char body[ASIDE_BYTES] = "";
    int first = slow_one(fx, (struct str){body, sizeof(body)});
    int second = connected(fx);
    int third = connected(fx);
    pthread_t stopper;

    assert_true(raw_http_post(second, "/slow", "", (struct str){body, sizeof(body)}));
    wait_delivered(second);
    /* Sent later, so the loop has seen the second when it answers this. */
    assert_true(raw_http_post(third, "/echo", "", STR("x")));
    expect(third, 200, "x");
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, fx), 0);
    expect(first, 503, NULL);
    expect(second, 503, NULL);
    atomic_store(&fx->may_end, true);
    pthread_join(stopper, NULL);
    assert_int_equal(atomic_load(&fx->slow_handled), 1);
    close(first);
    close(second);
    close(third);
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
    int stopper = slow_one(fx, STR("x")); /* the loop sleeps while both send */
    int bomber = connected(fx);
    int modest = connected(fx);

    assert_non_null(zeros);
    packed = raw_http_gzip((struct str){zeros, BODY_BYTES_MAX / 2});
    free(zeros);
    assert_true(raw_http_post(bomber, "/length", "Content-Encoding: gzip\r\n", packed));
    wait_delivered(bomber);
    send_counts(modest, BESIDE_BOMB);
    atomic_store(&fx->may_end, true);
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

/* Whether a connection is served: there is room for it, or was made. */
static bool has_place(int fd)
{
    bool is_sent = raw_http_post(fd, "/echo", "", STR("new"));
    struct raw_answer answer = raw_http_read(fd, WAIT_MS);
    bool is_served = is_sent && answer.status == 200;

    raw_http_fini(&answer);
    return is_served;
}

/* As many connections as there may be. The last one has begun to speak; the first has had an answer. */
static void fill(struct fixture *fx, int *fds)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connected(fx);
    }
    assert_true(raw_http_send(fds[CONNECTIONS_MAX - 1], STR("POST /echo HTTP/1.1\r\nHost: ")));
    assert_true(raw_http_post(fds[0], "/echo", "", STR("x")));
    expect(fds[0], 200, "x");
}

static void close_all(const int *fds)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

/* One more than there may be gets no place as long as nobody has been silent for long. That needs a test that is quicker
 * than this silence, so it is tried again where the machine had something else to do. */
static void refuse_one_more(struct fixture *fx, int *fds)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        int64_t begin_us = timebase_mono_us();
        int extra;
        bool is_served;
        bool was_quick;

        fill(fx, fds);
        extra = connected(fx);
        is_served = has_place(extra);
        was_quick = timebase_mono_us() - begin_us < SILENT_MS * INT64_C(1000);
        close(extra);
        if (!is_served) {
            return;
        }
        assert_false(was_quick);
        close_all(fds);
        usleep((SILENT_MS + 100) * 1000); /* until the server has seen that */
    }
    fail_msg("the machine was never quick enough");
}

static void test_http_fairness_makes_room_by_closing_silent_connections(void **state)
{
    struct fixture *fx = *state;
    int fds[CONNECTIONS_MAX];

    refuse_one_more(fx, fds);
    usleep((SILENT_MS + 100) * 1000);
    for (int i = 0; i < CONNECTIONS_MAX - 1; i++) {
        int extra = connected(fx);

        assert_true(has_place(extra));
        assert_true(raw_http_is_closed(fds[i], WAIT_MS));
        close(fds[i]);
        fds[i] = extra;
    }
    /* The one who speaks had to give way to nobody. */
    assert_true(raw_http_send(fds[CONNECTIONS_MAX - 1], STR("a\r\nContent-Length: 3\r\n\r\nend")));
    expect(fds[CONNECTIONS_MAX - 1], 200, "end");
    close_all(fds);
}

/* Many requests in one go and, sent a little later, one of somebody else. */
static void test_http_fairness_takes_turns_with_who_sends_many_requests(void **state)
{
    struct fixture *fx = *state;
    int stopper = slow_one(fx, STR("x")); /* the loop sleeps while both send */
    int greedy = connected(fx);
    int modest = connected(fx);
    struct raw_answer answer;

    send_counts(greedy, PIPELINED);
    send_counts(modest, 1);
    atomic_store(&fx->may_end, true);
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
        SERVED(test_http_fairness_makes_room_by_closing_silent_connections, setup),
#undef SERVED
    };
    return cmocka_run_group_tests_name("http_fairness", tests, NULL, NULL);
}
