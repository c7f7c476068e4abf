#include "core/http_io.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <event2/event.h>

#include "core/http_conn.h"
#include "core/http_loop.h"
#include "core/metrics.h"
#include "core/tls_conn.h"

void http_io_count(int metric)
{
    if (metric >= 0) {
        metrics_inc((enum metric)metric);
    }
}

static void count_handshake(struct http_conn *conn)
{
    const struct http_server_options *options = &conn->loop->shared->options;

    if (!conn->is_counted && tls_conn_is_established(conn->tls)) {
        conn->is_counted = true;
        http_io_count(tls_conn_is_resumed(conn->tls) ? options->metric_tls_resumed
                                                     : options->metric_tls_full);
    }
}

ssize_t http_io_recv(struct http_conn *conn, char *room, size_t bytes)
{
    ssize_t received;

    if (!conn->tls || conn->state == HTTP_CONN_LINGER) {
        return recv(conn->fd, room, bytes, 0);
    }
    received = tls_conn_recv(conn->tls, room, bytes);
    count_handshake(conn);
    if (received < 0 && errno == EAGAIN && tls_conn_wants_write(conn->tls) &&
        event_add(conn->write_event, NULL) != 0) {
        errno = ENOMEM;
    }
    return received;
}

static ssize_t send_record(struct http_conn *conn, struct str head, struct str body)
{
    char record[TLS_CONN_SEND_BYTES_MAX];
    size_t head_bytes = head.len < sizeof(record) ? head.len : sizeof(record);
    size_t room_bytes = sizeof(record) - head_bytes;
    size_t body_bytes = body.len < room_bytes ? body.len : room_bytes;

    if (body.len == 0) {
        return tls_conn_send(conn->tls, head.ptr, head_bytes);
    }
    memcpy(record, head.ptr, head_bytes);
    memcpy(record + head_bytes, body.ptr, body_bytes);
    return tls_conn_send(conn->tls, record, head_bytes + body_bytes);
}

ssize_t http_io_send(struct http_conn *conn, struct str head, struct str body)
{
    struct iovec pieces[2] = {{.iov_base = (char *)head.ptr, .iov_len = head.len},
                              {.iov_base = (char *)body.ptr, .iov_len = body.len}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = body.len ? 2 : 1};

    return conn->tls ? send_record(conn, head, body) : sendmsg(conn->fd, &message, MSG_NOSIGNAL);
}

bool http_io_end_sending(struct http_conn *conn)
{
    if (conn->tls) {
        tls_conn_end_sending(conn->tls);
    }
    return shutdown(conn->fd, SHUT_WR) == 0;
}

bool http_io_has_pending(const struct http_conn *conn)
{
    return conn->tls && tls_conn_has_pending(conn->tls);
}

void http_io_fail(struct http_conn *conn)
{
    const struct http_server_options *options = &conn->loop->shared->options;
    bool is_plain_http = tls_conn_is_plain_http(conn->tls);

    if (!tls_conn_is_established(conn->tls)) {
        http_io_count(is_plain_http ? options->metric_tls_plain : options->metric_tls_failed);
        conn->is_counted = true;
    } else {
        http_io_count(options->metric_bad_http);
    }
    tls_conn_close(conn->tls);
    conn->tls = NULL; /* what is sent from here on is plain, and nothing is read any more */
    if (is_plain_http) {
        http_conn_refuse_stream(conn, -400, "this port speaks HTTPS: use https://");
        return;
    }
    http_request_free(conn->request);
    conn->request = NULL;
    /* The client is to read the alert: a close with unread input would reset it away. */
    http_conn_set_state(conn,
                        shutdown(conn->fd, SHUT_WR) == 0 ? HTTP_CONN_LINGER : HTTP_CONN_CLOSED);
}
