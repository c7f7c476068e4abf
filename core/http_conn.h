/* http_conn.h - one connection: bytes in, requests to their handlers, answers out, in order.
 * For core/http_*.c only, on the thread of its loop. */
#ifndef METAOPS_CORE_HTTP_CONN_H
#define METAOPS_CORE_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "str.h"

struct event;
struct http_loop;
struct http_request;
struct tls_conn;

/* Each state is a list of the loop, sorted by deadline because all in it wait equally long:
 *
 *   HEAD -> BODY -> HANDLER -> WRITE -> IDLE -> HEAD   (BODY and WRITE when not done at once)
 *   any  -> WRITE -> LINGER -> CLOSED                     (refused)
 *   any  -> CLOSED                                        (freed at the end of the turn)
 *
 * A TLS handshake is part of the first HEAD. Where TLS fails, nothing is read any more: LINGER. */
enum http_conn_state {
    HTTP_CONN_HEAD,
    HTTP_CONN_BODY,
    HTTP_CONN_HANDLER,
    HTTP_CONN_WRITE,
    HTTP_CONN_IDLE,
    HTTP_CONN_LINGER,
    HTTP_CONN_CLOSED,
    HTTP_CONN_STATES
};

struct http_conn {
    TAILQ_ENTRY(http_conn) link;
    TAILQ_ENTRY(http_conn) back_link; /* while comes_back */
    struct http_loop *loop;
    struct http_request *request; /* BODY and HANDLER */
    enum http_conn_state state;
    int fd;
    struct tls_conn *tls; /* NULL: plain, or TLS has failed */
    int64_t since_us;     /* in this state */
    int64_t deadline_us;
    struct event *read_event;
    struct event *write_event;
    char *in; /* bytes of a head or chunk header that is not whole, and pipelined requests */
    size_t in_bytes;
    char *out; /* what the socket did not take yet */
    size_t out_bytes;
    size_t out_sent_bytes;
    size_t lingered_bytes;
    int64_t ready_us; /* of the answer being written; 0: not measured */
    bool is_reading;
    bool is_paused;     /* has had its share of this turn; what is left of its bytes is in in */
    bool comes_back;    /* reads on in the next turn, without waiting for the socket */
    bool closes_after;  /* the answer being written is the last */
    bool lingers_after; /* there may be unread input: a plain close would reset the answer away */
    bool is_head_only;  /* the method is HEAD */
    bool is_counted;    /* its handshake is */
    bool is_resting;    /* its TLS buffers are given back */
};

struct http_conn_refusal {
    int status;
    int retry_after_s;
    const char *reason;
    const char *allow;
    bool keep_alive; /* only when the next request begins at a known place */
    bool is_judged;  /* by the route's admit: good HTTP, whoever sent it */
};

/* Adopts fd. False when memory is short (fd is closed). */
bool http_conn_open(struct http_loop *loop, int fd);

/* Sends the answer of request, frees it, and goes on with what the client has sent meanwhile. */
void http_conn_answer(struct http_conn *conn, struct http_request *request);

/* The only way to another state; sets the deadline that goes with it. */
void http_conn_set_state(struct http_conn *conn, enum http_conn_state state);

/* Reading goes on in the loop's next turn, when all others had theirs. */
void http_conn_come_back(struct http_conn *conn);

/* The next turn of those that come back. */
void http_conn_turn(struct http_loop *loop);

/* Ends the request being read with a problem document. */
void http_conn_refuse(struct http_conn *conn, const struct http_conn_refusal *refusal);

/* As http_conn_refuse, then closes. status is negative, as the parsers give it. */
void http_conn_refuse_stream(struct http_conn *conn, int status, const char *reason);

/* Acts on every connection whose time is over. */
void http_conn_sweep(struct http_loop *loop, int64_t now_us);

/* Reads once from those that wait for a request and closes the ones that have sent nothing; the
 * others close behind their answer. */
void http_conn_drain(struct http_loop *loop);

/* The time to drain is over: 503 to whoever waits for an answer, and close. One whose answer is
 * just on its way from another thread stays: call again. */
void http_conn_force(struct http_loop *loop);

/* Closes and frees the connection of this loop that has waited longest for the first byte of a request,
 * when that is since before since_us. False when there is none. */
bool http_conn_make_room(struct http_loop *loop, int64_t since_us);

/* Frees the closed ones. */
void http_conn_reap(struct http_loop *loop);

#endif
