/* tls_bed.h - an HTTP server with TLS for tests: POST /echo answers the body, POST /who the client's
 * name. */
#ifndef METAOPS_TESTS_SUPPORT_TLS_BED_H
#define METAOPS_TESTS_SUPPORT_TLS_BED_H

#include "core/http_server.h"
#include "core/tls_server.h"
#include "support/tls_world.h"

#define TLS_BED_BODY_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define TLS_BED_HEAD_TIMEOUT_MS 500
#define TLS_BED_IDLE_TIMEOUT_MS 900 /* what most tests take */

struct tls_bed {
    struct tls_world world;
    struct http_server *server;
    int port;
};

/* Makes the world with server.pem (DNS:localhost) and starts; client_ca NULL: no client
 * certificates. */
void tls_bed_open(struct tls_bed *bed, const char *client_ca, bool is_client_required,
                  int connections_max, int idle_timeout_ms);

/* The files it was started with, in other buffers each time. */
struct tls_server_files tls_bed_files(const struct tls_bed *bed, const char *client_ca);

void tls_bed_close(struct tls_bed *bed);

#endif
