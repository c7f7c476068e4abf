#include "support/raw_http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zlib.h>

#include "core/timebase.h"

int raw_http_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool raw_http_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return true;
}

/* Bytes read, 0 at the end, -1 when the time is over or the connection was reset. */
static ssize_t read_some(int fd, char *out, size_t size, int64_t deadline_us)
{
    int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    if (left_ms < 0 || poll(&ready, 1, (int)left_ms + 1) != 1) {
        return -1;
    }
    return recv(fd, out, size, 0);
}

static long header_number(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);

    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

struct raw_answer raw_http_read(int fd, int timeout_ms)
{
    int64_t deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    struct raw_answer answer = {0};
    size_t len = 0;

    while (len < 4 || memcmp(answer.head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 >= sizeof(answer.head) ||
            read_some(fd, answer.head + len, 1, deadline_us) != 1) {
            return answer;
        }
        len++;
    }
    answer.body_bytes = (size_t)header_number(answer.head, "\r\nContent-Length:");
    answer.body = calloc(1, answer.body_bytes + 1);
    for (size_t at = 0; at < answer.body_bytes;) {
        ssize_t got = read_some(fd, answer.body + at, answer.body_bytes - at, deadline_us);
        if (got <= 0) {
            return answer;
        }
        at += (size_t)got;
    }
    answer.retry_after_s = (int)header_number(answer.head, "\r\nRetry-After:");
    answer.is_closing = strcasestr(answer.head, "\r\nConnection: close\r\n") != NULL;
    answer.status = (int)strtol(answer.head + 9, NULL, 10);
    return answer;
}

bool raw_http_is_closed(int fd, int timeout_ms)
{
    char byte;

    return read_some(fd, &byte, 1, timebase_mono_us() + (int64_t)timeout_ms * 1000) == 0;
}

bool raw_http_post(int fd, const char *path, const char *headers, struct str body)
{
    char head[1024];
    int len = snprintf(head, sizeof(head),
                       "POST %s HTTP/1.1\r\nHost: test\r\n%sContent-Length: %zu\r\n\r\n", path,
                       headers, body.len);

    return raw_http_send(fd, (struct str){head, (size_t)len}) && raw_http_send(fd, body);
}

void raw_http_fini(struct raw_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

struct str raw_http_gzip(struct str text)
{
    z_stream z = {.next_in = (Bytef *)text.ptr, .avail_in = (uInt)text.len};
    size_t size = text.len + 1024;
    char *out = malloc(size);

    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)size;
    if (!out || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(out);
        return (struct str){NULL, 0};
    }
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return (struct str){out, z.total_out};
}
