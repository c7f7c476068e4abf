#include "tests/bench/load_driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load_tls.h"

#define HEAD_BYTES_MAX 512
#define ANSWER_BYTES_MAX 8192
#define REPEAT_AFTER_US 200000
#define REPEATS_MAX 1000000
#define EVENTS_MAX 64

struct connection {
    int fd;
    struct load_tls *tls; /* NULL: plain */
    bool is_open;         /* a request is open */
    uint32_t item;        /* its number in the block */
    char head[HEAD_BYTES_MAX];
    size_t head_len;
    size_t sent;
    char answer[ANSWER_BYTES_MAX];
    size_t answer_len;
};

struct repeat {
    uint32_t item;
    int64_t due_us;
};

struct load_driver {
    struct load_driver_options options;
    int epoll_fd;
    struct connection *connections;
    int *idle;
    int idle_count;
    struct load_set *set;
    const struct load_item *items;
    size_t item_count;
    size_t next;
    size_t done;
    int64_t start_us;
    int64_t step_us;
    struct repeat *repeats; /* a ring: each item is in it at most once */
    size_t repeat_head;
    size_t repeat_count;
    size_t repeats_made;
    struct load_driver_counts counts;
};

int64_t load_driver_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000 + now.tv_nsec / 1000;
}

static enum verdict dial(struct load_driver *driver, struct connection *conn, struct err *err)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)driver->options.port),
    };
    int one = 1;
    if (inet_pton(AF_INET, driver->options.host, &address.sin_addr) != 1) {
        return err_set(err, FATAL, "load_driver", "not an IPv4 address: %s", driver->options.host);
    }
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return err_set(err, FATAL, "load_driver", "%s:%d: %s", driver->options.host,
                       driver->options.port, strerror(errno));
    }
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (driver->options.is_tls && load_tls_open(conn->fd, &conn->tls, err) != OK) {
        return FATAL;
    }
    struct epoll_event want = {
        .events = EPOLLIN | EPOLLOUT | EPOLLET,
        .data.ptr = conn,
    };
    if (epoll_ctl(driver->epoll_fd, EPOLL_CTL_ADD, conn->fd, &want) != 0) {
        return err_set(err, FATAL, "load_driver", "epoll: %s", strerror(errno));
    }
    return OK;
}

enum verdict load_driver_open(const struct load_driver_options *options,
                              struct load_driver **out_driver, struct err *err)
{
    size_t count = (size_t)options->connections;
    enum verdict verdict = OK;
    struct load_driver *driver = calloc(1, sizeof(*driver));
    if (!driver) {
        return err_set(err, FATAL, "load_driver", "out of memory");
    }
    driver->options = *options;
    driver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    driver->connections = calloc(count, sizeof(*driver->connections));
    driver->idle = calloc(count, sizeof(*driver->idle));
    for (int i = 0; driver->connections && i < options->connections; i++) {
        driver->connections[i].fd = -1;
    }
    if (driver->epoll_fd < 0 || !driver->connections || !driver->idle) {
        verdict = err_set(err, FATAL, "load_driver", "out of memory or descriptors");
    }
    for (int i = 0; verdict == OK && i < options->connections; i++) {
        verdict = dial(driver, &driver->connections[i], err);
        driver->idle[driver->idle_count++] = i;
    }
    if (verdict != OK) {
        load_driver_close(driver);
        return verdict;
    }
    *out_driver = driver;
    return OK;
}

enum verdict load_driver_begin(struct load_driver *driver, struct load_set *set, int64_t start_us,
                               int64_t step_us, struct err *err)
{
    driver->set = set;
    driver->items = load_set_items(set, &driver->item_count);
    driver->next = 0;
    driver->done = 0;
    driver->start_us = start_us;
    driver->step_us = step_us;
    free(driver->repeats);
    driver->repeat_head = 0;
    driver->repeat_count = 0;
    driver->repeats = calloc(driver->item_count + 1, sizeof(*driver->repeats));
    return driver->repeats ? OK : err_set(err, FATAL, "load_driver", "out of memory");
}

static void repeat_later(struct load_driver *driver, uint32_t item)
{
    size_t at = (driver->repeat_head + driver->repeat_count++) % driver->item_count;
    driver->repeats[at] = (struct repeat){
        .item = item,
        .due_us = load_driver_now_us() + REPEAT_AFTER_US,
    };
    driver->repeats_made++;
}

static void make_idle(struct load_driver *driver, struct connection *conn)
{
    conn->is_open = false;
    driver->idle[driver->idle_count++] = (int)(conn - driver->connections);
}

/* The connection is of no use any more: a new one, and the open request again. */
static enum verdict dial_again(struct load_driver *driver, struct connection *conn, struct err *err)
{
    load_tls_close(conn->tls);
    conn->tls = NULL;
    close(conn->fd);
    if (conn->is_open) {
        driver->counts.broken++;
        repeat_later(driver, conn->item);
        make_idle(driver, conn);
    }
    return dial(driver, conn, err);
}

static enum verdict send_more(struct load_driver *driver, struct connection *conn, struct err *err)
{
    const struct load_item *item = &driver->items[conn->item];
    const char *body = load_set_body(driver->set, item);
    size_t total = conn->head_len + item->body_bytes;
    while (conn->sent < total) {
        size_t in_body = conn->sent > conn->head_len ? conn->sent - conn->head_len : 0;
        size_t in_head = conn->sent < conn->head_len ? conn->sent : conn->head_len;
        struct iovec parts[2] = {
            {.iov_base = conn->head + in_head, .iov_len = conn->head_len - in_head},
            {.iov_base = (char *)body + in_body, .iov_len = item->body_bytes - in_body},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t sent = conn->tls ? load_tls_send(conn->tls, parts[0].iov_base, parts[0].iov_len,
                                                 parts[1].iov_base, parts[1].iov_len)
                                 : sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN ? OK : dial_again(driver, conn, err);
        }
        conn->sent += (size_t)sent;
    }
    return OK;
}

/* The item to send now, or -1. */
static int64_t take_item(struct load_driver *driver, int64_t now_us)
{
    if (driver->repeat_count > 0 && driver->repeats[driver->repeat_head].due_us <= now_us) {
        uint32_t item = driver->repeats[driver->repeat_head].item;
        driver->repeat_head = (driver->repeat_head + 1) % driver->item_count;
        driver->repeat_count--;
        return item;
    }
    if (driver->next < driver->item_count &&
        (driver->step_us == 0 ||
         driver->start_us + (int64_t)driver->next * driver->step_us <= now_us)) {
        return (int64_t)driver->next++;
    }
    return -1;
}

static enum verdict send_due(struct load_driver *driver, struct err *err)
{
    int64_t now_us = load_driver_now_us();
    const char *bearer = driver->options.bearer;
    enum verdict verdict = OK;
    while (verdict == OK && driver->idle_count > 0) {
        int64_t item = take_item(driver, now_us);
        if (item < 0) {
            return OK;
        }
        struct connection *conn = &driver->connections[driver->idle[--driver->idle_count]];
        conn->is_open = true;
        conn->item = (uint32_t)item;
        conn->sent = 0;
        conn->answer_len = 0;
        conn->head_len =
            (size_t)snprintf(conn->head, sizeof(conn->head),
                             "POST /api/v1/lineage HTTP/1.1\r\nHost: bench\r\n"
                             "Content-Type: application/json\r\n%s%s%s"
                             "Content-Length: %u\r\n\r\n",
                             bearer ? "Authorization: Bearer " : "", bearer ? bearer : "",
                             bearer ? "\r\n" : "", driver->items[item].body_bytes);
        verdict = send_more(driver, conn, err);
    }
    return verdict;
}

/* Status of a complete answer at the front of the connection's buffer; 0: more bytes are needed; -1: not HTTP. */
static int answer_status(const struct connection *conn, bool *out_closes)
{
    const char *end = memmem(conn->answer, conn->answer_len, "\r\n\r\n", 4);
    if (!end) {
        return conn->answer_len == sizeof(conn->answer) ? -1 : 0;
    }
    size_t body_bytes = 0;
    *out_closes = false;
    for (const char *line = memmem(conn->answer, conn->answer_len, "\r\n", 2); line && line < end;
         line = memmem(line + 2, (size_t)(end + 2 - line - 2), "\r\n", 2)) {
        const char *name = line + 2;
        if (strncasecmp(name, "content-length:", 15) == 0) {
            body_bytes = strtoul(name + 15, NULL, 10);
        } else if (strncasecmp(name, "connection: close", 17) == 0) {
            *out_closes = true;
        }
    }
    size_t head_bytes = (size_t)(end + 4 - conn->answer);
    if (head_bytes + body_bytes > sizeof(conn->answer) || strncmp(conn->answer, "HTTP/1.1 ", 9)) {
        return -1;
    }
    return conn->answer_len < head_bytes + body_bytes ? 0 : (int)strtol(conn->answer + 9, NULL, 10);
}

static void finish_item(struct load_driver *driver, struct connection *conn, int status)
{
    size_t event_count;
    if (status == 503) {
        driver->counts.busy++;
        repeat_later(driver, conn->item);
        return;
    }
    driver->done++;
    if (status != 201) {
        driver->counts.refused++;
        driver->counts.last_refusal = status;
        return;
    }
    driver->counts.accepted++;
    load_set_events(driver->set, &event_count)[driver->items[conn->item].event].is_accepted = true;
}

static enum verdict receive(struct load_driver *driver, struct connection *conn, struct err *err)
{
    char *room = conn->answer + conn->answer_len;
    size_t room_bytes = sizeof(conn->answer) - 1 - conn->answer_len;
    ssize_t got = conn->tls ? load_tls_recv(conn->tls, room, room_bytes)
                            : recv(conn->fd, room, room_bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return OK;
    }
    if (got <= 0) {
        return dial_again(driver, conn, err);
    }
    conn->answer_len += (size_t)got;
    conn->answer[conn->answer_len] = '\0';
    bool closes = false;
    int status = conn->is_open ? answer_status(conn, &closes) : -1;
    if (status == 0) {
        return OK;
    }
    if (status < 0) {
        return err_set(err, FATAL, "load_driver", "not an answer: %.60s", conn->answer);
    }
    bool is_sent = conn->sent == conn->head_len + driver->items[conn->item].body_bytes;
    finish_item(driver, conn, status);
    make_idle(driver, conn);
    return closes || !is_sent ? dial_again(driver, conn, err) : OK;
}

enum verdict load_driver_step(struct load_driver *driver, int timeout_ms, struct err *err)
{
    struct epoll_event events[EVENTS_MAX];
    enum verdict verdict = send_due(driver, err);
    if (verdict != OK) {
        return verdict;
    }
    if (driver->repeats_made > REPEATS_MAX) {
        return err_set(err, FATAL, "load_driver",
                       "the gateway takes nothing any more: %zu times 503", driver->counts.busy);
    }
    int count = epoll_wait(driver->epoll_fd, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; verdict == OK && i < count; i++) {
        struct connection *conn = events[i].data.ptr;
        if (conn->is_open && events[i].events & EPOLLOUT) {
            verdict = send_more(driver, conn, err);
        }
        if (verdict == OK && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            verdict = receive(driver, conn, err);
        }
    }
    return verdict == OK ? send_due(driver, err) : verdict;
}

bool load_driver_is_done(const struct load_driver *driver)
{
    return driver->done == driver->item_count;
}

size_t load_driver_begun(const struct load_driver *driver)
{
    return driver->next;
}

struct load_driver_counts load_driver_counts(const struct load_driver *driver)
{
    return driver->counts;
}

void load_driver_close(struct load_driver *driver)
{
    if (!driver) {
        return;
    }
    for (int i = 0; driver->connections && i < driver->options.connections; i++) {
        if (driver->connections[i].fd >= 0) {
            load_tls_close(driver->connections[i].tls);
            close(driver->connections[i].fd);
        }
    }
    if (driver->epoll_fd >= 0) {
        close(driver->epoll_fd);
    }
    free(driver->connections);
    free(driver->idle);
    free(driver->repeats);
    free(driver);
}
