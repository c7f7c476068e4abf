#include "doctor_http.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/timebase.h"

#define WHERE "doctor_http"
#define ANSWER_BYTES_MAX (1u << 20)
#define REQUEST_BYTES_MAX 2048

static enum verdict fault(struct err *err, const char *listen, const char *reason)
{
    return err_set(err, RETRY, WHERE, "%s: %s", listen, reason);
}

/* host:port into two texts of `size` bytes. */
static enum verdict split(const char *listen, char *host, char *port, size_t size, struct err *err)
{
    const char *colon = strrchr(listen, ':');
    const char *start = listen;
    size_t len = colon ? (size_t)(colon - listen) : 0;

    if (!colon || !colon[1] || len >= size || strlen(colon + 1) >= size) {
        return err_set(err, FATAL, WHERE, "%s is no host:port", listen);
    }
    if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    }
    snprintf(host, size, "%.*s", (int)len, start);
    snprintf(port, size, "%s", colon + 1);
    if (!*host || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0) {
        snprintf(host, size, "127.0.0.1");
    } else if (strcmp(host, "::") == 0) {
        snprintf(host, size, "::1");
    }
    return OK;
}

/* Waits until fd is ready or the deadline has passed. */
static bool await(int fd, short events, int64_t deadline_us)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    for (;;) {
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        int ready = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

/* A connected, non-blocking socket, or -1 with errno. */
static int connect_to(const struct addrinfo *address, int64_t deadline_us)
{
    int reason = 0;
    socklen_t reason_len = sizeof(reason);
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
        return fd;
    }
    if (errno != EINPROGRESS) {
        reason = errno;
    } else if (!await(fd, POLLOUT, deadline_us)) {
        reason = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &reason_len) != 0) {
        reason = errno;
    }
    if (reason == 0) {
        return fd;
    }
    close(fd);
    errno = reason;
    return -1;
}

/* Reads until the peer closes, the answer is full or the time is up. Returns the bytes read. */
static size_t read_answer(int fd, char *answer, int64_t deadline_us)
{
    size_t len = 0;

    while (len < ANSWER_BYTES_MAX - 1 && await(fd, POLLIN, deadline_us)) {
        ssize_t got = recv(fd, answer + len, ANSWER_BYTES_MAX - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    answer[len] = '\0';
    return len;
}

/* *out_body points into answer. */
static enum verdict exchange(int fd, const char *listen, const char *path, const char *token,
                             int64_t deadline_us, char *answer, int *out_status,
                             const char **out_body, struct err *err)
{
    char request[REQUEST_BYTES_MAX];
    bool has_token = token && *token;
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%sConnection: close\r\n\r\n", path,
                       listen, has_token ? "Authorization: Bearer " : "", has_token ? token : "",
                       has_token ? "\r\n" : "");

    if (len < 0 || (size_t)len >= sizeof(request)) {
        return err_set(err, FATAL, WHERE, "%s is too long", listen);
    }
    /* So few bytes always fit into the buffer of a fresh connection. */
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
        return fault(err, listen, strerror(errno));
    }
    if (read_answer(fd, answer, deadline_us) == 0) {
        return fault(err, listen, "connected, but no answer");
    }
    if (strncmp(answer, "HTTP/1.", 7) != 0 || strlen(answer) < 12) {
        return err_set(err, REJECT, WHERE, "%s: what answers is no HTTP", listen);
    }
    const char *body = strstr(answer, "\r\n\r\n");
    *out_body = body ? body + 4 : "";
    *out_status = (int)strtol(answer + 9, NULL, 10);
    return OK;
}

/* A connected socket in *out_fd. */
static enum verdict reach(const char *listen, int64_t deadline_us, int *out_fd, struct err *err)
{
    char host[256], port[256];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;

    enum verdict verdict = split(listen, host, port, sizeof(host), err);
    if (verdict != OK) {
        return verdict;
    }
    int code = getaddrinfo(host, port, &hints, &addresses);
    if (code != 0) {
        return fault(err, listen, gai_strerror(code));
    }
    for (struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next) {
        fd = connect_to(a, deadline_us);
    }
    int reason = errno;
    freeaddrinfo(addresses);
    if (fd < 0) {
        return fault(err, listen, strerror(reason));
    }
    *out_fd = fd;
    return OK;
}

enum verdict doctor_http_fetch(const char *listen, const char *path, const char *token,
                               int timeout_ms, int *out_status, char **out_body, struct err *err)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    const char *body = NULL;
    int fd = -1;
    enum verdict verdict = reach(listen, deadline_us, &fd, err);
    if (verdict != OK) {
        return verdict;
    }
    char *answer = malloc(ANSWER_BYTES_MAX);
    if (!answer) {
        close(fd);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    verdict = exchange(fd, listen, path, token, deadline_us, answer, out_status, &body, err);
    close(fd);
    if (verdict != OK) {
        free(answer);
        return verdict;
    }
    memmove(answer, body, strlen(body) + 1);
    *out_body = answer;
    return OK;
}

enum verdict doctor_http_get(const char *listen, const char *path, int timeout_ms, int *out_status,
                             char *line, size_t line_size, struct err *err)
{
    char *body = NULL;
    enum verdict verdict =
        doctor_http_fetch(listen, path, NULL, timeout_ms, out_status, &body, err);
    if (verdict == OK) {
        snprintf(line, line_size, "%.*s", (int)strcspn(body, "\r\n"), body);
        free(body);
    }
    return verdict;
}
