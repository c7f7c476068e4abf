#include "tests/bench/metrics_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_BYTES_MAX 262144

/* The answer to GET /metrics, with its head; NULL on failure. Free it. */
static char *read_page(unsigned port)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct timeval limit = {.tv_sec = 5};
    size_t len = 0;
    ssize_t got = 0;
    char *page = malloc(PAGE_BYTES_MAX);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (page && fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1) {
        while (len < PAGE_BYTES_MAX - 1 &&
               (got = recv(fd, page + len, PAGE_BYTES_MAX - 1 - len, 0)) > 0) {
            len += (size_t)got;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    if (len == 0 || got < 0) {
        free(page);
        return NULL;
    }
    page[len] = '\0';
    return page;
}

static int64_t sum_of_page(const char *page, const char *name)
{
    int64_t sum = 0;
    size_t name_len = strlen(name);
    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *end = line + strcspn(line, "\r\n");
        if (strncmp(line, name, name_len) == 0 &&
            (line[name_len] == ' ' || line[name_len] == '{')) {
            const char *value = memrchr(line, ' ', (size_t)(end - line));
            sum += value ? (int64_t)strtod(value, NULL) : 0;
        }
        line = end;
    }
    return sum;
}

enum verdict metrics_read_sum(const char *ports, const char *name, int64_t *out_sum,
                              struct err *err)
{
    int64_t sum = 0;
    const char *at = ports;
    while (*at) {
        char *end;
        unsigned long port = strtoul(at, &end, 10);
        char *page = end == at ? NULL : read_page((unsigned)port);
        if (!page) {
            return err_set(err, FATAL, "metrics_read", "no metrics from port %s", at);
        }
        sum += sum_of_page(page, name);
        free(page);
        at = *end == ',' ? end + 1 : end;
    }
    *out_sum = sum;
    return OK;
}
