#include "core/http_input.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "core/http_aside.h"
#include "core/http_conn.h"
#include "core/http_io.h"
#include "core/http_loop.h"
#include "core/timebase.h"
#include "core/tls_conn.h"

#define LINGER_BYTES_MAX ((size_t)96 * 1024 * 1024)
#define RECORDS_MAX 16 /* of TLS, a turn and connection */
#define HEADS_MAX 8    /* of requests sent in one go, likewise */

static void dispatch(struct http_conn *conn)
{
    struct http_request *request = conn->request;
    struct http_loop *loop = conn->loop;

    http_conn_set_state(conn, HTTP_CONN_HANDLER);
    request->ready_us = timebase_mono_us();
    if (loop->shared->aside && request->route->aside_bytes_min > 0 &&
        request->body.len >= request->route->aside_bytes_min) {
        http_aside_push(loop->shared->aside, request);
        return;
    }
    loop->is_dispatching = true;
    request->route->handle(loop->shared->options.arg, request);
    loop->is_dispatching = false;
}

static bool path_matches(const char *pattern, struct str path)
{
    struct str rest = str_view(pattern);

    if (rest.len > 1 && rest.ptr[rest.len - 1] == '*') {
        size_t segment = 0;
        while (segment < path.len && path.ptr[path.len - segment - 1] != '/') {
            segment++;
        }
        if (segment == 0) {
            return false;
        }
        path.len -= segment;
        rest.len--;
    }
    if (rest.len == 0 || rest.ptr[0] != '*') {
        return str_eq(rest, path);
    }
    rest.ptr++;
    rest.len--;
    return path.len >= rest.len && memcmp(path.ptr + path.len - rest.len, rest.ptr, rest.len) == 0;
}

static const struct http_route *find_route(const struct http_route *routes,
                                           const struct http_head *head, const char **out_allow)
{
    *out_allow = NULL;
    for (const struct http_route *route = routes; route->method; route++) {
        if (!path_matches(route->path, head->path)) {
            continue;
        }
        if (str_eq(str_view(route->method), head->method)) {
            return route;
        }
        *out_allow = route->method;
    }
    return NULL;
}

/* False: refused, and answered so. */
static bool admit(struct http_conn *conn)
{
    const struct http_request *request = conn->request;
    const struct http_head *head = &request->head;
    struct http_refusal refusal = {.status = 503};

    if (!request->route->admit ||
        request->route->admit(conn->loop->shared->options.arg, conn->request, &refusal)) {
        return true;
    }
    http_conn_refuse(conn, &(struct http_conn_refusal){.status = refusal.status,
                                                       .retry_after_s = refusal.retry_after_s,
                                                       .reason = refusal.reason,
                                                       .keep_alive = head->keep_alive &&
                                                                     !head->is_chunked &&
                                                                     head->content_length == 0,
                                                       .is_judged = true});
    return false;
}

static void start_request(struct http_conn *conn, struct str head_text, bool has_more)
{
    const struct http_head *head = &conn->loop->head;
    struct http_shared *shared = conn->loop->shared;
    struct http_body_limits limits = {.memory_bytes = &shared->memory_bytes,
                                      .memory_bytes_max = shared->options.memory_bytes_max};
    const char *allow = NULL;
    const struct http_route *route = find_route(shared->options.routes, head, &allow);
    const char *reason = "out of memory";
    int status;

    conn->is_head_only = str_eq(head->method, STR("HEAD"));
    if (!route) {
        http_conn_refuse(
            conn, &(struct http_conn_refusal){.status = allow ? 405 : 404,
                                              .reason = allow ? "this path takes another method"
                                                              : "there is nothing at this path",
                                              .allow = allow,
                                              .keep_alive = head->keep_alive && !head->is_chunked &&
                                                            head->content_length == 0});
        return;
    }
    conn->request =
        http_request_new(conn->loop, head, head_text,
                         conn->tls ? tls_conn_client_name(conn->tls) : (struct str){NULL, 0});
    if (!conn->request) {
        http_conn_refuse_stream(conn, -503, reason);
        return;
    }
    conn->request->conn = conn;
    conn->request->route = route;
    if (!admit(conn)) {
        return;
    }
    limits.body_bytes_max = route->body_bytes_max;
    status = http_body_init(&conn->request->body, head, &limits, &reason);
    if (status < 0) {
        http_conn_refuse_stream(conn, status, reason);
    } else if (status == HTTP_BODY_DONE) {
        dispatch(conn);
    } else {
        http_conn_set_state(conn, HTTP_CONN_BODY);
        if (head->expects_continue && !has_more &&
            http_io_send(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"), (struct str){"", 0}) != 25) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
    }
}

/* Bytes taken, 0 when the head is not whole yet (or refused). */
static size_t take_head(struct http_conn *conn, struct str text)
{
    size_t head_bytes_max = conn->loop->shared->options.head_bytes_max;
    const char *reason = NULL;
    int taken = http_head_parse(text, &conn->loop->head, &reason);

    if (taken >= 0 && (taken ? (size_t)taken : text.len) > head_bytes_max) {
        taken = -431;
        reason = "the head is larger than is taken here";
    }
    if (taken < 0) {
        http_conn_refuse_stream(conn, taken, reason);
        return 0;
    }
    if (taken > 0) {
        start_request(conn, (struct str){text.ptr, (size_t)taken}, text.len > (size_t)taken);
    }
    return (size_t)taken;
}

static size_t take_body(struct http_conn *conn, struct str text)
{
    const char *reason = NULL;
    size_t taken = 0;
    int status = http_body_feed(&conn->request->body, text, &taken, &reason);

    if (status < 0) {
        http_conn_refuse_stream(conn, status, reason);
    } else if (status == HTTP_BODY_DONE) {
        dispatch(conn);
    }
    return taken;
}

/* Takes what can be taken of text now; returns the bytes that were. */
static size_t advance(struct http_conn *conn, struct str text)
{
    size_t at = 0;
    int heads = 0;

    conn->is_paused = false;
    while (at < text.len) {
        struct str rest = {text.ptr + at, text.len - at};
        size_t taken = 0;

        if (conn->state == HTTP_CONN_BODY) {
            taken = take_body(conn, rest);
            if (conn->state == HTTP_CONN_BODY) {
                conn->is_paused = taken < rest.len && conn->request->body.step == HTTP_BODY_DATA;
                return at + taken;
            }
        } else if (conn->state == HTTP_CONN_HEAD || conn->state == HTTP_CONN_IDLE) {
            if (++heads > HEADS_MAX) {
                conn->is_paused = true;
                break;
            }
            taken = take_head(conn, rest);
        }
        if (taken == 0) {
            break;
        }
        at += taken;
    }
    return at;
}

static void keep_rest(struct http_conn *conn, struct str rest)
{
    bool is_needed = rest.len > 0 && conn->state != HTTP_CONN_LINGER &&
                     conn->state != HTTP_CONN_CLOSED && !conn->lingers_after;
    char *in;

    if (!is_needed) {
        free(conn->in);
        conn->in = NULL;
        conn->in_bytes = 0;
        return;
    }
    in = malloc(rest.len);
    if (in) {
        memcpy(in, rest.ptr, rest.len);
        free(conn->in);
        conn->in = in;
        conn->in_bytes = rest.len;
    } else {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
    }
    if (conn->state == HTTP_CONN_IDLE) {
        http_conn_set_state(conn, HTTP_CONN_HEAD);
    }
}

/* Goes on with kept bytes and, behind them, text. */
void http_input_feed(struct http_conn *conn, struct str text)
{
    size_t taken;

    if (conn->in_bytes > 0 && text.len > 0) {
        char *in = realloc(conn->in, conn->in_bytes + text.len);
        if (!in) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
            return;
        }
        memcpy(in + conn->in_bytes, text.ptr, text.len);
        conn->in = in;
        conn->in_bytes += text.len;
    }
    if (conn->in_bytes > 0) {
        text = (struct str){conn->in, conn->in_bytes};
    }
    taken = advance(conn, text);
    if (conn->in_bytes == 0 || taken > 0 || conn->state == HTTP_CONN_LINGER) {
        keep_rest(conn, (struct str){text.ptr + taken, text.len - taken});
    }
    if (conn->is_paused) {
        http_conn_come_back(conn);
    }
}

static void end_of_input(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_BODY || (conn->state == HTTP_CONN_HEAD && conn->in_bytes > 0)) {
        http_conn_refuse_stream(conn, -400, "the request ends before its end");
    } else {
        http_conn_set_state(conn, HTTP_CONN_CLOSED);
    }
}

/* False when nothing came. */
static bool receive_once(struct http_conn *conn)
{
    size_t room_bytes = HTTP_LOOP_SCRATCH_BYTES;
    char *room = NULL;
    ssize_t received;

    if (conn->state == HTTP_CONN_BODY && conn->in_bytes == 0) {
        room = http_body_room(&conn->request->body, &room_bytes);
    }
    received = http_io_recv(conn, room ? room : conn->loop->scratch, room_bytes);
    if (received < 0) {
        if (errno == EPROTO && conn->tls) {
            http_io_fail(conn);
        } else if (errno != EAGAIN && errno != EINTR) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
        return false;
    }
    if (conn->state == HTTP_CONN_LINGER) {
        conn->lingered_bytes += (size_t)received;
        if (received == 0 || conn->lingered_bytes > LINGER_BYTES_MAX) {
            http_conn_set_state(conn, HTTP_CONN_CLOSED);
        }
    } else if (received == 0) {
        end_of_input(conn);
    } else if (!room) {
        http_input_feed(conn, (struct str){conn->loop->scratch, (size_t)received});
    } else if (http_body_received(&conn->request->body, (size_t)received) == HTTP_BODY_DONE) {
        dispatch(conn);
    }
    return received > 0;
}

static bool is_reading_state(const struct http_conn *conn)
{
    return conn->state == HTTP_CONN_HEAD || conn->state == HTTP_CONN_BODY ||
           conn->state == HTTP_CONN_IDLE;
}

/* TLS takes more off the socket than it gives at once: the rest would wait for bytes that may never
 * come. Bounded, so that one fast client leaves time for the others. */
void http_input_receive(struct http_conn *conn)
{
    int records = 1;

    if (conn->is_paused) {
        http_input_feed(conn, (struct str){"", 0});
        if (!conn->is_paused && is_reading_state(conn) && http_io_has_pending(conn)) {
            http_conn_come_back(conn);
        }
        return;
    }
    while (receive_once(conn) && is_reading_state(conn) && !conn->is_paused &&
           http_io_has_pending(conn)) {
        if (++records > RECORDS_MAX) {
            http_conn_come_back(conn);
            break;
        }
    }
}

void http_input_resume(struct http_conn *conn)
{
    if (conn->in_bytes > 0) {
        conn->is_paused = true;
        http_conn_come_back(conn);
    } else if (http_io_has_pending(conn)) {
        http_input_receive(conn);
    }
}
