/* raw_http.h - a client that sends exactly the bytes it is told to, for tests of the HTTP
 * doors. */
#ifndef METAOPS_TESTS_SUPPORT_RAW_HTTP_H
#define METAOPS_TESTS_SUPPORT_RAW_HTTP_H

#include "core/str.h"

struct raw_answer {
    int status;        /* 0: the connection ended or the time was over before a whole answer */
    int retry_after_s; /* 0: none */
    bool is_closing;   /* Connection: close */
    char head[2048];
    char *body; /* malloc'd, ended by a NUL byte; raw_http_fini */
    size_t body_bytes;
};

/* Connects to 127.0.0.1. -1 when nobody listens. */
int raw_http_connect(int port);

/* Sends all; false when the other side is gone. */
bool raw_http_send(int fd, struct str bytes);

/* Reads one answer (interim ones too), not a byte more. */
struct raw_answer raw_http_read(int fd, int timeout_ms);

/* True when the other side closes within timeout_ms and sends nothing before. */
bool raw_http_is_closed(int fd, int timeout_ms);

/* POST of body to path in one go, headers as whole lines with CR LF (may be ""). */
bool raw_http_post(int fd, const char *path, const char *headers, struct str body);

void raw_http_fini(struct raw_answer *answer);

/* A gzip member of text, malloc'd. */
struct str raw_http_gzip(struct str text);

#endif
