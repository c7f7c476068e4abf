#include "core/http_loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/metrics.h"
#include "core/timebase.h"

/* Connections taken per turn, so that a flood of them leaves time for those that are there. */
#define ACCEPTS_MAX 64

static void accept_one(struct http_loop *loop, int fd)
{
    struct http_shared *shared = loop->shared;
    int metric_refused = shared->options.metric_connections_refused;
    int on = 1;

    if (atomic_fetch_add(&shared->connections, 1) >= shared->options.connections_max &&
        !http_conn_make_room(loop,
                             timebase_mono_us() - shared->options.silent_ms * INT64_C(1000))) {
        atomic_fetch_sub(&shared->connections, 1);
        close(fd);
        if (metric_refused >= 0) {
            metrics_inc((enum metric)metric_refused);
        }
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!http_conn_open(loop, fd)) {
        atomic_fetch_sub(&shared->connections, 1);
    }
}

static void accept_waiting(struct http_loop *loop)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(loop->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            accept_one(loop, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* Listening on would spin: the sweep tries again. */
            event_del(loop->listen_event);
            loop->is_listening = false;
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *loop = arg;

    (void)fd;
    (void)what;
    accept_waiting(loop);
    http_loop_settle(loop);
}

static void begin_drain(struct http_loop *loop)
{
    if (loop->is_draining || !atomic_load(&loop->shared->is_stopping)) {
        return;
    }
    /* Who has sent a request by now gets an answer, also when nobody has looked at it yet. */
    accept_waiting(loop);
    loop->is_draining = true;
    event_del(loop->listen_event);
    loop->is_listening = false;
    close(loop->listen_fd);
    loop->listen_fd = -1;
    http_conn_drain(loop);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *loop = arg;
    uint64_t count;

    (void)what;
    /* Only the readiness matters; a failed read just comes again. */
    if (read(fd, &count, sizeof(count)) == sizeof(count)) {
        begin_drain(loop);
    }
    http_loop_settle(loop);
}

static void set_date(struct http_loop *loop)
{
    int64_t now_s = timebase_wall_us() / 1000000;
    time_t seconds = (time_t)now_s;
    struct tm parts;

    if (now_s != loop->date_s && gmtime_r(&seconds, &parts)) {
        loop->date_s = now_s;
        strftime(loop->date, sizeof(loop->date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *loop = arg;

    (void)fd;
    (void)what;
    http_conn_turn(loop);
    http_loop_settle(loop);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct http_loop *loop = arg;
    int64_t now_us = timebase_mono_us();
    int metric_connections = loop->shared->options.metric_connections;

    (void)fd;
    (void)what;
    atomic_store(&loop->swept_us, now_us);
    set_date(loop);
    begin_drain(loop);
    http_conn_sweep(loop, now_us);
    if (loop->is_draining && now_us >= loop->shared->stop_deadline_us) {
        loop->is_forced = true;
    }
    if (!loop->is_listening && !loop->is_draining && event_add(loop->listen_event, NULL) == 0) {
        loop->is_listening = true;
    }
    if (metric_connections >= 0) {
        metrics_set((enum metric)metric_connections, atomic_load(&loop->shared->connections));
    }
    http_loop_settle(loop);
}

static struct http_request *take_answered(struct http_loop *loop)
{
    struct http_request *first;

    pthread_mutex_lock(&loop->lock);
    first = loop->answered_first;
    loop->answered_first = NULL;
    loop->answered_last = NULL;
    pthread_mutex_unlock(&loop->lock);
    return first;
}

static void hand_out_answers(struct http_loop *loop)
{
    struct http_request *request;

    while ((request = take_answered(loop))) {
        while (request) {
            struct http_request *next = request->next;
            http_conn_answer(request->conn, request);
            request = next;
        }
    }
}

void http_loop_settle(struct http_loop *loop)
{
    hand_out_answers(loop);
    if (loop->is_forced) {
        http_conn_force(loop);
    }
    http_conn_reap(loop);
    if (loop->is_draining && loop->conn_count == 0) {
        event_base_loopbreak(loop->base);
    }
}

void http_loop_answered(struct http_loop *loop, struct http_request *request)
{
    bool is_own_turn = pthread_equal(pthread_self(), loop->thread) && loop->is_dispatching;
    uint64_t one = 1;
    bool was_empty;

    request->next = NULL;
    pthread_mutex_lock(&loop->lock);
    was_empty = loop->answered_first == NULL;
    if (was_empty) {
        loop->answered_first = request;
    } else {
        loop->answered_last->next = request;
    }
    loop->answered_last = request;
    if (was_empty && !is_own_turn) {
        /* Can only fail when the counter is full, and then the loop is awake anyway. */
        ssize_t written = write(loop->wake_fd, &one, sizeof(one));
        (void)written;
    }
    pthread_mutex_unlock(&loop->lock);
}

void http_loop_wake(struct http_loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one));

    (void)written;
}

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config) {
        /* Nothing but the eventfd is touched by other threads. */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    return base;
}

struct http_loop *http_loop_new(struct http_shared *shared, int listen_fd)
{
    struct timeval sweep = {.tv_usec = HTTP_LOOP_SWEEP_MS * 1000};
    struct http_loop *loop = calloc(1, sizeof(*loop));

    if (!loop) {
        close(listen_fd);
        return NULL;
    }
    pthread_mutex_init(&loop->lock, NULL);
    for (int state = 0; state < HTTP_CONN_STATES; state++) {
        TAILQ_INIT(&loop->conns[state]);
    }
    TAILQ_INIT(&loop->coming_back);
    loop->shared = shared;
    loop->listen_fd = listen_fd;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = make_base();
    if (loop->base && loop->wake_fd >= 0) {
        loop->listen_event =
            event_new(loop->base, listen_fd, EV_READ | EV_PERSIST, on_connection, loop);
        loop->wake_event =
            event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
        loop->sweep_event = event_new(loop->base, -1, EV_PERSIST, on_sweep, loop);
        loop->turn_event = event_new(loop->base, -1, 0, on_turn, loop);
    }
    if (!loop->listen_event || !loop->wake_event || !loop->sweep_event || !loop->turn_event ||
        event_add(loop->listen_event, NULL) != 0 || event_add(loop->wake_event, NULL) != 0 ||
        event_add(loop->sweep_event, &sweep) != 0) {
        http_loop_free(loop);
        return NULL;
    }
    loop->is_listening = true;
    atomic_store(&loop->swept_us, timebase_mono_us());
    set_date(loop);
    return loop;
}

static void *run(void *arg)
{
    struct http_loop *loop = arg;

    event_base_dispatch(loop->base);
    return NULL;
}

enum verdict http_loop_start(struct http_loop *loop, struct err *err)
{
    sigset_t all;
    sigset_t before;
    int failure;

    /* Signals are the role's business, on its own thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&loop->thread, NULL, run, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        return err_set(err, FATAL, "http_server", "no thread: %s", strerror(failure));
    }
    loop->has_thread = true;
    pthread_setname_np(loop->thread, "http");
    return OK;
}

void http_loop_join(struct http_loop *loop)
{
    if (loop->has_thread) {
        pthread_join(loop->thread, NULL);
        loop->has_thread = false;
    }
}

void http_loop_free(struct http_loop *loop)
{
    if (!loop) {
        return;
    }
    if (loop->listen_event) {
        event_free(loop->listen_event);
    }
    if (loop->wake_event) {
        event_free(loop->wake_event);
    }
    if (loop->sweep_event) {
        event_free(loop->sweep_event);
    }
    if (loop->turn_event) {
        event_free(loop->turn_event);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->listen_fd >= 0) {
        close(loop->listen_fd);
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}
