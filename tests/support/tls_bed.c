#include "support/tls_bed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"

#define PATIENT_MS 600000

static void handle_echo(void *arg, struct http_request *request)
{
    (void)arg;
    http_request_answer(request, 200, "text/plain", http_request_body(request), 0);
}

static void handle_who(void *arg, struct http_request *request)
{
    (void)arg;
    http_request_answer(request, 200, "text/plain", http_request_client_name(request), 0);
}

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/echo",
     .body_bytes_max = TLS_BED_BODY_BYTES_MAX,
     .handle = handle_echo},
    {.method = "POST", .path = "/who", .body_bytes_max = 64, .handle = handle_who},
    {.method = NULL},
};

struct tls_server_files tls_bed_files(const struct tls_bed *bed, const char *client_ca)
{
    return (struct tls_server_files){.certificate = tls_world_path(&bed->world, "server.pem"),
                                     .key = tls_world_path(&bed->world, "server.key"),
                                     .client_ca =
                                         client_ca ? tls_world_path(&bed->world, client_ca) : ""};
}

static int or_patient(int timeout_ms)
{
    return timeout_ms > 0 ? timeout_ms : PATIENT_MS;
}

void tls_bed_open(struct tls_bed *bed, const struct tls_bed_options *wanted)
{
    struct tls_server_files files;
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .tls = &files,
                                          .threads = 1,
                                          .routes = routes,
                                          .head_bytes_max = 4096,
                                          .memory_bytes_max = 4 * TLS_BED_BODY_BYTES_MAX,
                                          .connections_max = wanted->connections_max,
                                          .silent_ms = PATIENT_MS,
                                          .head_timeout_ms = or_patient(wanted->head_timeout_ms),
                                          .body_timeout_ms = PATIENT_MS,
                                          .idle_timeout_ms = or_patient(wanted->idle_timeout_ms),
                                          .answer_timeout_ms = PATIENT_MS,
                                          .metric_connections = METRIC_GATEWAY_CONNECTIONS,
                                          .metric_connections_refused =
                                              METRIC_GATEWAY_CONNECTIONS_REFUSED,
                                          .metric_bad_http = METRIC_GATEWAY_BAD_HTTP,
                                          .metric_seconds = -1,
                                          .metric_tls_full = METRIC_GATEWAY_TLS_FULL,
                                          .metric_tls_resumed = METRIC_GATEWAY_TLS_RESUMED,
                                          .metric_tls_failed = METRIC_GATEWAY_TLS_FAILED,
                                          .metric_tls_plain = METRIC_GATEWAY_TLS_PLAIN};
    struct err err;

    signal(SIGPIPE, SIG_IGN);
    tls_world_open(&bed->world);
    tls_world_issue(&bed->world, "server", "server", "DNS:localhost,IP:127.0.0.1");
    files = tls_bed_files(bed, wanted->client_ca);
    files.is_client_required = wanted->is_client_required;
    if (http_server_start(&options, &bed->server, &err) != OK) {
        fprintf(stderr, "tls_bed: %s\n", err.text);
        abort();
    }
    bed->port = http_server_port(bed->server);
}

void tls_bed_close(struct tls_bed *bed)
{
    http_server_stop(bed->server, 500);
    http_server_free(bed->server);
    tls_world_close(&bed->world);
}
