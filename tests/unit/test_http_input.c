/* What becomes of the bytes of a connection: one that stands by itself, with its loop, its socket and its answers stood
 * in for. Real connections are in component/test_http_*.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_aside.h"
#include "core/http_conn.h"
#include "core/http_input.h"
#include "core/http_io.h"
#include "core/http_loop.h"

#define POST "POST /take HTTP/1.1\r\nHost: a\r\n"
#define GET "GET /take HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEADS_OF_ONE_TURN 8
#define RECORDS_OF_ONE_TURN 16

/* What the neighbours do, and what they were told. */
static struct world {
    bool is_memory_short;  /* malloc and realloc */
    bool is_request_short; /* http_request_new */
    bool is_refused;       /* by the route's admit */
    bool has_pending;
    ssize_t sent; /* what http_io_send answers */
    const char *received;
    int receive_errno; /* when received is NULL */
    int receives;
    int handled, refused, sends, comes_back, failed;
    int status; /* of the last refusal */
    bool keeps_alive;
    enum http_conn_state after; /* the handler's answer leaves it in this state */
    bool lingers_after;
} world;

void *__real_malloc(size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_http_aside_push(struct http_aside *aside, struct http_request *request);
void __wrap_http_conn_come_back(struct http_conn *conn);
void __wrap_http_conn_refuse(struct http_conn *conn, const struct http_conn_refusal *refusal);
void __wrap_http_conn_refuse_stream(struct http_conn *conn, int status, const char *reason);
void __wrap_http_conn_set_state(struct http_conn *conn, enum http_conn_state state);
void __wrap_http_io_fail(struct http_conn *conn);
bool __wrap_http_io_has_pending(const struct http_conn *conn);
ssize_t __wrap_http_io_recv(struct http_conn *conn, char *room, size_t bytes);
ssize_t __wrap_http_io_send(struct http_conn *conn, struct str head, struct str body);
struct http_request *__wrap_http_request_new(struct http_loop *loop, const struct http_head *head,
                                             struct str text, struct str client_name);

void *__wrap_malloc(size_t size)
{
    return world.is_memory_short ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return world.is_memory_short ? NULL : __real_realloc(ptr, size);
}

void __wrap_http_aside_push(struct http_aside *aside, struct http_request *request)
{
    (void)aside;
    (void)request;
    fail();
}

void __wrap_http_conn_come_back(struct http_conn *conn)
{
    (void)conn;
    world.comes_back++;
}

static void drop_request(struct http_conn *conn)
{
    if (conn->request) {
        http_body_fini(&conn->request->body);
        free(conn->request);
        conn->request = NULL;
    }
}

static void refused(struct http_conn *conn, int status, bool keeps_alive)
{
    world.refused++;
    world.status = status;
    world.keeps_alive = keeps_alive;
    drop_request(conn);
    conn->state = keeps_alive ? HTTP_CONN_IDLE : HTTP_CONN_LINGER;
}

void __wrap_http_conn_refuse(struct http_conn *conn, const struct http_conn_refusal *refusal)
{
    refused(conn, refusal->status, refusal->keep_alive);
}

void __wrap_http_conn_refuse_stream(struct http_conn *conn, int status, const char *reason)
{
    assert_non_null(reason);
    refused(conn, -status, false);
}

void __wrap_http_conn_set_state(struct http_conn *conn, enum http_conn_state state)
{
    conn->state = state;
}

void __wrap_http_io_fail(struct http_conn *conn)
{
    conn->state = HTTP_CONN_LINGER;
    world.failed++;
}

bool __wrap_http_io_has_pending(const struct http_conn *conn)
{
    (void)conn;
    return world.has_pending;
}

ssize_t __wrap_http_io_recv(struct http_conn *conn, char *room, size_t bytes)
{
    (void)conn;
    world.receives++;
    if (!world.received) {
        errno = world.receive_errno;
        return -1;
    }
    size_t len = strlen(world.received);
    assert_true(len <= bytes);
    memcpy(room, world.received, len);
    return (ssize_t)len;
}

ssize_t __wrap_http_io_send(struct http_conn *conn, struct str head, struct str body)
{
    (void)conn;
    (void)body;
    assert_int_equal(head.len, 25);
    world.sends++;
    return world.sent;
}

struct http_request *__wrap_http_request_new(struct http_loop *loop, const struct http_head *head,
                                             struct str text, struct str client_name)
{
    struct http_request *request = world.is_request_short ? NULL : calloc(1, sizeof(*request));

    (void)text;
    (void)client_name;
    if (request) {
        request->loop = loop;
        request->head = *head;
    }
    return request;
}

static void handle(void *arg, struct http_request *request)
{
    struct http_conn *conn = request->conn;

    (void)arg;
    world.handled++;
    drop_request(conn);
    conn->lingers_after = world.lingers_after;
    conn->state = world.after;
}

static bool admit(void *arg, struct http_request *request, struct http_refusal *out_refusal)
{
    (void)arg;
    (void)request;
    out_refusal->status = 401;
    return !world.is_refused;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "", .handle = handle},
    {.method = "POST",
     .path = "/take",
     .body_bytes_max = 1 << 20,
     .handle = handle,
     .admit = admit},
    {.method = "GET", .path = "/take", .body_bytes_max = 1 << 20, .handle = handle},
    {.method = NULL},
};

static struct http_shared shared = {
    .options = {.routes = routes, .head_bytes_max = 4096, .memory_bytes_max = 16 << 20}};
static struct http_loop loop = {.shared = &shared};

static struct http_conn begin(enum http_conn_state state)
{
    world = (struct world){.after = HTTP_CONN_IDLE, .sent = 25};
    return (struct http_conn){.loop = &loop, .state = state};
}

static void end(struct http_conn *conn)
{
    drop_request(conn);
    free(conn->in);
    assert_int_equal(shared.memory_bytes, 0);
}

static void receive(struct http_conn *conn, const char *text)
{
    world.received = text;
    http_input_receive(conn);
}

static void test_a_refusal_keeps_the_connection_only_where_the_next_request_is_certain(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        bool is_refused;
        bool keeps_alive;
    } cases[] = {
        {"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, true},
        {"GET /none HTTP/1.0\r\n\r\n", 404, false, false},
        {"PUT /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 404, false, false},
        {"PUT /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 404, false, false},
        {"PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, false, true},
        {POST "Transfer-Encoding: chunked\r\n\r\n", 401, true, false},
        {POST "Content-Length: 5\r\n\r\n", 401, true, false},
        {POST "Content-Length: 0\r\n\r\n", 401, true, true},
        {POST "Connection: close\r\nContent-Length: 0\r\n\r\n", 401, true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_conn conn = begin(HTTP_CONN_HEAD);
        world.is_refused = cases[i].is_refused;
        receive(&conn, cases[i].text);
        assert_int_equal(world.refused, 1);
        assert_int_equal(world.status, cases[i].status);
        assert_int_equal(world.keeps_alive, cases[i].keeps_alive);
        end(&conn);
    }
}

static void test_a_request_without_memory_is_refused(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    world.is_request_short = true;
    receive(&conn, GET);
    assert_int_equal(world.status, 503);
    end(&conn);
}

/* 100 Continue is for who waits for it, and a socket that does not take it is gone. */
static void test_continue_is_sent_to_who_waits(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    receive(&conn, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(world.sends, 1);
    assert_int_equal(conn.state, HTTP_CONN_BODY);
    end(&conn);

    conn = begin(HTTP_CONN_HEAD);
    receive(&conn, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhel");
    assert_int_equal(world.sends, 0);
    receive(&conn, "lo");
    assert_int_equal(world.handled, 1);
    end(&conn);

    conn = begin(HTTP_CONN_HEAD);
    world.sent = 24;
    receive(&conn, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    end(&conn);
}

/* Others have their turn after some of them. */
static void test_pipelined_requests_take_turns(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_IDLE);
    static const char text[] = GET GET GET GET GET GET GET GET GET GET;

    receive(&conn, text);
    assert_int_equal(world.handled, HEADS_OF_ONE_TURN);
    assert_true(conn.is_paused);
    assert_int_equal(world.comes_back, 1);
    /* Kept bytes are a request that has begun. */
    assert_int_equal(conn.state, HTTP_CONN_HEAD);
    http_input_receive(&conn);
    assert_int_equal(world.handled, sizeof(text) / strlen(GET));
    assert_int_equal(world.receives, 1);
    assert_null(conn.in);
    assert_int_equal(world.comes_back, 1);
    end(&conn);
}

/* After the turn what TLS has taken off the socket is read, too. */
static void test_a_paused_connection_comes_back_for_what_tls_holds(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_IDLE);

    conn.is_paused = true;
    world.has_pending = true;
    http_input_receive(&conn);
    assert_int_equal(world.comes_back, 1);
    conn.state = HTTP_CONN_HANDLER;
    conn.is_paused = true;
    http_input_receive(&conn);
    assert_int_equal(world.comes_back, 1);
    world.has_pending = false;
    conn.state = HTTP_CONN_IDLE;
    conn.is_paused = true;
    http_input_receive(&conn);
    assert_int_equal(world.comes_back, 1);
    end(&conn);
}

static void test_a_fast_client_leaves_time_to_others(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    world.has_pending = true;
    receive(&conn, "G");
    assert_int_equal(world.receives, RECORDS_OF_ONE_TURN);
    assert_int_equal(world.comes_back, 1);
    end(&conn);
}

static void test_bytes_behind_an_end_are_dropped(void **state)
{
    (void)state;
    static const enum http_conn_state ends[] = {HTTP_CONN_CLOSED, HTTP_CONN_LINGER,
                                                HTTP_CONN_WRITE};
    for (int i = 0; i < 3; i++) {
        struct http_conn conn = begin(HTTP_CONN_HEAD);
        world.after = ends[i];
        world.lingers_after = ends[i] == HTTP_CONN_WRITE;
        receive(&conn, GET "and more");
        assert_int_equal(world.handled, 1);
        assert_null(conn.in);
        end(&conn);
    }
    /* Kept while an answer is on its way. */
    struct http_conn conn = begin(HTTP_CONN_HEAD);
    world.after = HTTP_CONN_WRITE;
    receive(&conn, GET "and more");
    assert_int_equal(conn.in_bytes, strlen("and more"));
    /* Refused for what was kept: nothing is. */
    conn.state = HTTP_CONN_HEAD;
    receive(&conn, "\n");
    assert_int_equal(world.status, 400);
    assert_null(conn.in);
    end(&conn);
}

static void test_what_cannot_be_kept_ends_the_connection(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    world.is_memory_short = true;
    receive(&conn, "GET /ta");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    end(&conn);

    conn = begin(HTTP_CONN_HEAD);
    receive(&conn, "GET /ta");
    world.is_memory_short = true;
    receive(&conn, "ke HT");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    world.is_memory_short = false;
    end(&conn);
}

static void test_an_end_in_the_middle_is_refused(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    receive(&conn, "");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    end(&conn);

    conn = begin(HTTP_CONN_HEAD);
    receive(&conn, "GET /ta");
    receive(&conn, "");
    assert_int_equal(world.status, 400);
    end(&conn);

    conn = begin(HTTP_CONN_HEAD);
    receive(&conn, POST "Content-Length: 5\r\n\r\nhel");
    receive(&conn, "");
    assert_int_equal(world.status, 400);
    end(&conn);

    conn = begin(HTTP_CONN_IDLE);
    receive(&conn, "");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    end(&conn);
}

static void test_errors_of_the_socket(void **state)
{
    (void)state;
    static const struct {
        int number;
        bool has_tls;
        enum http_conn_state state;
        int failed;
    } cases[] = {
        {EAGAIN, false, HTTP_CONN_HEAD, 0},       {EINTR, false, HTTP_CONN_HEAD, 0},
        {ECONNRESET, false, HTTP_CONN_CLOSED, 0}, {EPROTO, false, HTTP_CONN_CLOSED, 0},
        {EPROTO, true, HTTP_CONN_LINGER, 1},      {ECONNRESET, true, HTTP_CONN_CLOSED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_conn conn = begin(HTTP_CONN_HEAD);
        conn.tls = cases[i].has_tls ? (struct tls_conn *)&world : NULL;
        world.receive_errno = cases[i].number;
        receive(&conn, NULL);
        assert_int_equal(conn.state, cases[i].state);
        assert_int_equal(world.failed, cases[i].failed);
        end(&conn);
    }
}

/* Read and thrown away, up to a bound. */
static void test_lingering_ends(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_LINGER);

    receive(&conn, "more");
    assert_int_equal(conn.state, HTTP_CONN_LINGER);
    assert_int_equal(conn.lingered_bytes, 4);
    conn.lingered_bytes = (size_t)96 << 20;
    receive(&conn, "m");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    conn = begin(HTTP_CONN_LINGER);
    receive(&conn, "");
    assert_int_equal(conn.state, HTTP_CONN_CLOSED);
    end(&conn);
}

static void test_after_an_answer_reading_goes_on(void **state)
{
    (void)state;
    struct http_conn conn = begin(HTTP_CONN_HEAD);

    world.after = HTTP_CONN_WRITE;
    receive(&conn, GET GET);
    assert_int_equal(world.handled, 1);
    conn.state = HTTP_CONN_HEAD;
    http_input_resume(&conn);
    assert_int_equal(world.comes_back, 1);
    http_input_receive(&conn);
    assert_int_equal(world.handled, 2);
    conn.state = HTTP_CONN_IDLE;
    world.has_pending = true;
    world.received = NULL;
    world.receive_errno = EAGAIN;
    http_input_resume(&conn);
    assert_int_equal(world.receives, 2);
    world.has_pending = false;
    http_input_resume(&conn);
    assert_int_equal(world.receives, 2);
    end(&conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_a_refusal_keeps_the_connection_only_where_the_next_request_is_certain),
        cmocka_unit_test(test_a_request_without_memory_is_refused),
        cmocka_unit_test(test_continue_is_sent_to_who_waits),
        cmocka_unit_test(test_pipelined_requests_take_turns),
        cmocka_unit_test(test_a_paused_connection_comes_back_for_what_tls_holds),
        cmocka_unit_test(test_a_fast_client_leaves_time_to_others),
        cmocka_unit_test(test_bytes_behind_an_end_are_dropped),
        cmocka_unit_test(test_what_cannot_be_kept_ends_the_connection),
        cmocka_unit_test(test_an_end_in_the_middle_is_refused),
        cmocka_unit_test(test_errors_of_the_socket),
        cmocka_unit_test(test_lingering_ends),
        cmocka_unit_test(test_after_an_answer_reading_goes_on),
    };
    return cmocka_run_group_tests_name("http_input", tests, NULL, NULL);
}
