#include "core/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/failpoint.h"
#include "core/http_input.h"
#include "core/http_io.h"
#include "core/http_loop.h"
#include "core/metrics.h"
#include "core/timebase.h"
#include "core/tls_conn.h"

#define LINGER_TIMEOUT_MS 2000
#define ANSWER_HEAD_BYTES_MAX 512

/* So long without a request, and a TLS connection gives its buffers back. */
#define SILENT_MS 1000

static int64_t state_timeout_ms(const struct http_loop *loop, enum http_conn_state state)
{
    const struct http_server_options *options = &loop->shared->options;

    switch (state) {
    case HTTP_CONN_HEAD:
        return options->head_timeout_ms;
    case HTTP_CONN_BODY:
    case HTTP_CONN_WRITE:
        return options->body_timeout_ms;
    case HTTP_CONN_HANDLER:
        /* A sweep earlier, because clients count on the answer within the time. */
        return options->answer_timeout_ms > HTTP_LOOP_SWEEP_MS
                   ? options->answer_timeout_ms - HTTP_LOOP_SWEEP_MS
                   : options->answer_timeout_ms;
    case HTTP_CONN_IDLE:
        return options->idle_timeout_ms;
    case HTTP_CONN_LINGER:
        return LINGER_TIMEOUT_MS;
    default:
        return 0;
    }
}

void http_conn_set_state(struct http_conn *conn, enum http_conn_state state)
{
    int64_t timeout_ms = state_timeout_ms(conn->loop, state);

    TAILQ_REMOVE(&conn->loop->conns[conn->state], conn, link);
    conn->state = state;
    conn->since_us = timebase_mono_us();
    conn->deadline_us = timeout_ms > 0 ? conn->since_us + timeout_ms * 1000 : INT64_MAX;
    TAILQ_INSERT_TAIL(&conn->loop->conns[state], conn, link);
}

static void set_reading(struct http_conn *conn, bool is_reading)
{
    if (conn->is_reading == is_reading) {
        return;
    }
    conn->is_reading = is_reading;
    if (!is_reading) {
        event_del(conn->read_event);
    } else if (event_add(conn->read_event, NULL) != 0) {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
    }
}

void http_conn_come_back(struct http_conn *conn)
{
    static const struct timeval now = {0};

    if (!conn->comes_back) {
        conn->comes_back = true;
        TAILQ_INSERT_TAIL(&conn->loop->coming_back, conn, back_link);
    }
    if (event_add(conn->loop->turn_event, &now) != 0) {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
    }
}

void http_conn_turn(struct http_loop *loop)
{
    struct http_conn_list now = TAILQ_HEAD_INITIALIZER(now);
    struct http_conn *conn;

    /* Who comes back once more does so in the next turn. */
    TAILQ_CONCAT(&now, &loop->coming_back, back_link);
    while ((conn = TAILQ_FIRST(&now))) {
        TAILQ_REMOVE(&now, conn, back_link);
        conn->comes_back = false;
        if (conn->is_reading && conn->state != HTTP_CONN_HANDLER &&
            conn->state != HTTP_CONN_WRITE && conn->state != HTTP_CONN_CLOSED) {
            http_input_receive(conn);
        }
    }
}

static void answer_is_out(struct http_conn *conn)
{
    const struct http_loop *loop = conn->loop;

    if (conn->ready_us && loop->shared->options.metric_seconds >= 0) {
        metrics_observe_us((enum metric)loop->shared->options.metric_seconds,
                           timebase_mono_us() - conn->ready_us);
    }
    conn->ready_us = 0;
    if (conn->closes_after || loop->is_draining) {
        if (conn->lingers_after && http_io_end_sending(conn)) {
            http_conn_set_state(conn, HTTP_CONN_LINGER);
            set_reading(conn, true);
        } else {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
        return;
    }
    conn->is_resting = false;
    http_conn_set_state(conn, HTTP_CONN_IDLE);
    set_reading(conn, true);
}

/* Sends as much as the socket takes and keeps the rest for later. */
static void send_bytes(struct http_conn *conn, struct str head, struct str body)
{
    ssize_t sent = http_io_send(conn, head, body);
    size_t sent_bytes = sent > 0 ? (size_t)sent : 0;
    size_t head_sent_bytes = sent_bytes < head.len ? sent_bytes : head.len;

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
        return;
    }
    if (sent_bytes == head.len + body.len) {
        answer_is_out(conn);
        return;
    }
    conn->out_bytes = head.len + body.len - sent_bytes;
    conn->out_sent_bytes = 0;
    conn->out = malloc(conn->out_bytes);
    if (!conn->out || event_add(conn->write_event, NULL) != 0) {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
        return;
    }
    memcpy(conn->out, head.ptr + head_sent_bytes, head.len - head_sent_bytes);
    memcpy(conn->out + head.len - head_sent_bytes, body.ptr + (sent_bytes - head_sent_bytes),
           body.len - (sent_bytes - head_sent_bytes));
    http_conn_set_state(conn, HTTP_CONN_WRITE);
}

static void send_answer(struct http_conn *conn, struct http_request_answer_head *answer,
                        struct str body)
{
    char head[ANSWER_HEAD_BYTES_MAX];
    size_t head_bytes;

    answer->date = conn->loop->date;
    answer->body_bytes = body.len;
    conn->closes_after = !answer->keep_alive;
    head_bytes = http_request_answer_head(answer, head, sizeof(head));
    if (conn->is_head_only) {
        body.len = 0;
    }
    send_bytes(conn, (struct str){head, head_bytes}, body);
}

void http_conn_refuse(struct http_conn *conn, const struct http_conn_refusal *refusal)
{
    char text[HTTP_REQUEST_PROBLEM_BYTES_MAX];
    size_t len = http_request_problem_text(text, refusal->status, refusal->reason, NULL, -1);
    struct http_request_answer_head answer = {.status = refusal->status,
                                              .retry_after_s = refusal->retry_after_s,
                                              .content_type = "application/problem+json",
                                              .allow = refusal->allow,
                                              .minor = 1,
                                              .keep_alive =
                                                  refusal->keep_alive && !conn->loop->is_draining};

    if (!refusal->keep_alive && refusal->status != 503 && !refusal->is_judged) {
        http_io_count(conn->loop->shared->options.metric_bad_http);
    }
    http_request_free(conn->request);
    conn->request = NULL;
    conn->lingers_after = !refusal->keep_alive;
    if (!refusal->keep_alive) {
        conn->in_bytes = 0;
    }
    send_answer(conn, &answer, (struct str){text, len});
}

void http_conn_refuse_stream(struct http_conn *conn, int status, const char *reason)
{
    http_conn_refuse(conn, &(struct http_conn_refusal){.status = -status,
                                                       .retry_after_s = status == -503 ? 1 : 0,
                                                       .reason = reason});
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;
    struct http_loop *loop = conn->loop;

    (void)fd;
    (void)what;
    if (conn->state == HTTP_CONN_HANDLER || conn->state == HTTP_CONN_WRITE) {
        /* One request at a time; also where the end of input is left to wait for the answer. */
        set_reading(conn, false);
    } else if (conn->state != HTTP_CONN_CLOSED) {
        http_input_receive(conn);
    }
    http_loop_settle(loop);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;
    struct http_loop *loop = conn->loop;
    ssize_t sent;

    (void)fd;
    (void)what;
    if (conn->state != HTTP_CONN_WRITE) {
        /* TLS had something to send before it could read on. */
        event_del(conn->write_event);
        on_readable(fd, what, arg);
        return;
    }
    sent = http_io_send(
        conn,
        (struct str){conn->out + conn->out_sent_bytes, conn->out_bytes - conn->out_sent_bytes},
        (struct str){"", 0});
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
    } else {
        conn->out_sent_bytes += (size_t)sent;
    }
    if (conn->state == HTTP_CONN_WRITE && conn->out_sent_bytes == conn->out_bytes) {
        event_del(conn->write_event);
        free(conn->out);
        conn->out = NULL;
        answer_is_out(conn);
        if (conn->state == HTTP_CONN_IDLE) {
            http_input_resume(conn);
        }
    }
    http_loop_settle(loop);
}

static void free_conn(struct http_conn *conn)
{
    if (!conn) {
        return;
    }
    if (conn->read_event) {
        event_free(conn->read_event);
    }
    if (conn->write_event) {
        event_free(conn->write_event);
    }
    tls_conn_close(conn->tls);
    http_request_free(conn->request);
    free(conn->in);
    free(conn->out);
    free(conn);
}

bool http_conn_open(struct http_loop *loop, int fd)
{
    struct tls_server *tls = loop->shared->tls;
    struct http_conn *conn = calloc(1, sizeof(*conn));

    if (conn) {
        conn->tls = tls ? tls_conn_open(tls, fd) : NULL;
        conn->read_event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
        conn->write_event = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    }
    if (!conn || !conn->read_event || !conn->write_event || (tls && !conn->tls)) {
        free_conn(conn);
        close(fd);
        return false;
    }
    conn->loop = loop;
    conn->fd = fd;
    conn->state = HTTP_CONN_HEAD;
    TAILQ_INSERT_TAIL(&loop->conns[HTTP_CONN_HEAD], conn, link);
    loop->conn_count++;
    http_conn_set_state(conn, HTTP_CONN_HEAD);
    set_reading(conn, true);
    return true;
}

void http_conn_answer(struct http_conn *conn, struct http_request *request)
{
    struct http_request_answer_head answer = {.status = request->status,
                                              .retry_after_s = request->retry_after_s,
                                              .content_type = request->content_type,
                                              .minor = request->head.minor,
                                              .keep_alive = request->head.keep_alive &&
                                                            !conn->loop->is_draining};

    conn->request = NULL;
    conn->ready_us = request->ready_us;
    conn->lingers_after = !answer.keep_alive && conn->in_bytes > 0;
    /* Who has his answer may count on the memory of what he sent. */
    http_body_fini(&request->body);
    send_answer(conn, &answer, (struct str){request->answer, request->answer_bytes});
    FAILPOINT("http_conn.answered");
    http_request_free(request);
    if (conn->state == HTTP_CONN_IDLE) {
        http_input_resume(conn);
    }
}

/* The handler may still hold the request: it is let go, not freed. */
static bool expire_request(struct http_conn *conn, const char *reason)
{
    bool keep_alive = conn->request->head.keep_alive;

    if (!http_request_expire(conn->request)) {
        return false;
    }
    conn->request = NULL;
    http_conn_refuse(
        conn, &(struct http_conn_refusal){.status = 503,
                                          .retry_after_s = 1,
                                          .reason = reason,
                                          .keep_alive = keep_alive && !conn->loop->is_draining});
    if (conn->state == HTTP_CONN_IDLE) {
        http_input_resume(conn);
    }
    return true;
}

static void act_on_deadline(struct http_conn *conn)
{
    switch (conn->state) {
    case HTTP_CONN_HEAD:
        if (conn->in_bytes > 0) {
            http_conn_refuse_stream(conn, -408, "the head did not arrive in time");
        } else if (conn->tls && !tls_conn_is_established(conn->tls)) {
            http_io_fail(conn);
        } else {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
        break;
    case HTTP_CONN_BODY:
        http_conn_refuse_stream(conn, -408, "the body did not arrive in time");
        break;
    case HTTP_CONN_HANDLER:
        if (!expire_request(conn, "no answer in time; sending the same again is safe")) {
            http_conn_set_state(conn, HTTP_CONN_HANDLER);
        }
        break;
    default:
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
        break;
    }
}

/* The list is in the order of silence, so those that rest already stand at its front. */
static void rest_silent(struct http_loop *loop, int64_t now_us)
{
    int64_t silent_us = now_us - SILENT_MS * INT64_C(1000);
    struct http_conn *conn;

    TAILQ_FOREACH_REVERSE(conn, &loop->conns[HTTP_CONN_IDLE], http_conn_list, link)
    {
        if (!conn->tls || conn->is_resting) {
            break;
        }
        if (conn->since_us <= silent_us) {
            tls_conn_rest(conn->tls);
            conn->is_resting = true;
        }
    }
}

void http_conn_sweep(struct http_loop *loop, int64_t now_us)
{
    rest_silent(loop, now_us);
    for (int state = 0; state < HTTP_CONN_CLOSED; state++) {
        struct http_conn *conn;

        while ((conn = TAILQ_FIRST(&loop->conns[state])) && conn->deadline_us <= now_us) {
            act_on_deadline(conn);
        }
    }
}

static void close_all(struct http_loop *loop, enum http_conn_state state)
{
    struct http_conn *conn;

    while ((conn = TAILQ_FIRST(&loop->conns[state]))) {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
    }
}

static void drain_state(struct http_loop *loop, enum http_conn_state state)
{
    struct http_conn *next;

    for (struct http_conn *conn = TAILQ_FIRST(&loop->conns[state]); conn; conn = next) {
        next = TAILQ_NEXT(conn, link);
        http_input_receive(conn);
        if (conn->state == state && conn->in_bytes == 0) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
    }
}

void http_conn_drain(struct http_loop *loop)
{
    drain_state(loop, HTTP_CONN_HEAD);
    drain_state(loop, HTTP_CONN_IDLE);
}

void http_conn_force(struct http_loop *loop)
{
    struct http_conn *next;

    for (struct http_conn *conn = TAILQ_FIRST(&loop->conns[HTTP_CONN_HANDLER]); conn; conn = next) {
        next = TAILQ_NEXT(conn, link);
        (void)expire_request(conn, "the server is being stopped");
    }
    for (struct http_conn *conn = TAILQ_FIRST(&loop->conns[HTTP_CONN_BODY]); conn; conn = next) {
        next = TAILQ_NEXT(conn, link);
        http_conn_refuse_stream(conn, -503, "the server is being stopped");
    }
    close_all(loop, HTTP_CONN_HEAD);
    close_all(loop, HTTP_CONN_IDLE);
    close_all(loop, HTTP_CONN_WRITE);
    close_all(loop, HTTP_CONN_LINGER);
}

/* In HEAD stand also those whose head has begun. */
static struct http_conn *oldest_without_input(struct http_loop *loop)
{
    struct http_conn *conn;

    TAILQ_FOREACH(conn, &loop->conns[HTTP_CONN_HEAD], link)
    {
        if (conn->in_bytes == 0) {
            break;
        }
    }
    return conn;
}

bool http_conn_make_room(struct http_loop *loop, int64_t since_us)
{
    struct http_conn *idle = TAILQ_FIRST(&loop->conns[HTTP_CONN_IDLE]);
    struct http_conn *conn = oldest_without_input(loop);

    if (idle && (!conn || idle->since_us <= conn->since_us)) {
        conn = idle;
    }
    if (!conn || conn->since_us > since_us) {
        return false;
    }
    http_conn_set_state(conn, HTTP_CONN_CLOSED);
    http_conn_reap(loop);
    return true;
}

void http_conn_reap(struct http_loop *loop)
{
    struct http_conn *conn;
    int fd;

    while ((conn = TAILQ_FIRST(&loop->conns[HTTP_CONN_CLOSED]))) {
        TAILQ_REMOVE(&loop->conns[HTTP_CONN_CLOSED], conn, link);
        if (conn->comes_back) {
            TAILQ_REMOVE(&loop->coming_back, conn, back_link);
        }
        fd = conn->fd;
        free_conn(conn); /* its events first: they must not outlive the descriptor */
        close(fd);
        loop->conn_count--;
        atomic_fetch_sub(&loop->shared->connections, 1);
    }
}
