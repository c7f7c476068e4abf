/* tls_bed.h - an HTTP server with TLS for tests: POST /echo answers the body, POST /who the client's
 * name. */
#ifndef METAOPS_TESTS_SUPPORT_TLS_BED_H
#define METAOPS_TESTS_SUPPORT_TLS_BED_H

#include "core/http_server.h"
#include "core/tls_server.h"
#include "support/tls_world.h"

#define TLS_BED_BODY_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct tls_bed_options {
    const char *client_ca; /* NULL: no client certificates */
    bool is_client_required;
    int connections_max;
    int head_timeout_ms; /* 0, as the next: longer than any test takes */
    int idle_timeout_ms;
};

struct tls_bed {
    struct tls_world world;
    struct http_server *server;
    int port;
};

/* Makes the world with server.pem (DNS:localhost) and starts. No connection gives way to a new one. */
void tls_bed_open(struct tls_bed *bed, const struct tls_bed_options *wanted);

/* The files it was started with, in other buffers each time. */
struct tls_server_files tls_bed_files(const struct tls_bed *bed, const char *client_ca);

void tls_bed_close(struct tls_bed *bed);

#endif
