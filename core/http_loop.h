/* http_loop.h - one thread of the HTTP server: a listener, its connections in lists by state,
 * one sweep for all deadlines, and the list of answers from other threads. For core/http_*.c
 * only.
 *
 * Everything belongs to the loop's thread, except what is named below `lock` and the shared
 * part. */
#ifndef METAOPS_CORE_HTTP_LOOP_H
#define METAOPS_CORE_HTTP_LOOP_H

#include <pthread.h>
#include <sys/queue.h>

#include "http_conn.h"
#include "http_request.h"

#define HTTP_LOOP_SWEEP_MS 100
#define HTTP_LOOP_SCRATCH_BYTES ((size_t)64 * 1024)

/* What the loops of one server have in common. */
struct http_shared {
    struct http_server_options options;
    struct tls_server *tls;   /* NULL: plain HTTP */
    struct http_aside *aside; /* NULL: none */
    atomic_size_t memory_bytes;
    atomic_int connections;
    atomic_bool is_stopping;
    int64_t stop_deadline_us; /* written before is_stopping */
};

TAILQ_HEAD(http_conn_list, http_conn);

struct http_loop {
    struct http_shared *shared;
    pthread_t thread;
    bool has_thread;
    struct event_base *base;
    int listen_fd;
    struct event *listen_event;
    struct event *wake_event;
    struct event *sweep_event;
    struct event *turn_event; /* behind all that the sockets have for this turn */
    struct http_conn_list coming_back;
    struct http_conn_list conns[HTTP_CONN_STATES];
    size_t conn_count;
    bool is_listening;
    bool is_draining;
    bool is_dispatching;          /* inside a handler: no wake-up is needed */
    bool is_forced;               /* the time to drain is over */
    atomic_int_fast64_t swept_us; /* when it last came round, for http_server_is_alive */
    int64_t date_s;
    char date[40];
    struct http_head head; /* of the request being read */
    char scratch[HTTP_LOOP_SCRATCH_BYTES];

    int wake_fd;
    pthread_mutex_t lock;
    struct http_request *answered_first;
    struct http_request *answered_last;
};

/* Adopts listen_fd (closed by free, also when this fails). NULL when memory or descriptors are
 * short. */
struct http_loop *http_loop_new(struct http_shared *shared, int listen_fd);

/* Starts and ends the thread; stop waits for its end. */
MUST_CHECK enum verdict http_loop_start(struct http_loop *loop, struct err *err);
void http_loop_wake(struct http_loop *loop);
void http_loop_join(struct http_loop *loop);
void http_loop_free(struct http_loop *loop);

/* Any thread: request has its answer. */
void http_loop_answered(struct http_loop *loop, struct http_request *request);

/* Ends every turn of the loop: hands out answers, frees closed connections. */
void http_loop_settle(struct http_loop *loop);

#endif
