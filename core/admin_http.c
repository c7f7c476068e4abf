#include "core/admin_http.h"

#include <stdlib.h>

#include "core/http_server.h"
#include "core/metrics.h"

#define REASON_BYTES 256
#define BODY_BYTES_MAX ((size_t)4096)
#define HEAD_BYTES_MAX ((size_t)8192)
#define MEMORY_BYTES_MAX ((size_t)1024 * 1024)
#define CONNECTIONS_MAX 64
#define TIMEOUT_MS 5000
#define IDLE_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 500
#define TEXT "text/plain; charset=utf-8"

struct admin_http {
    struct http_server *server;
    admin_http_ready is_ready;
    void *arg;
};

static void answer_metrics(void *arg, struct http_request *request)
{
    size_t len = 0;
    char *text = metrics_exposition(&len);

    (void)arg;
    if (text) {
        http_request_answer(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                            (struct str){text, len}, 0);
    } else {
        http_request_problem(request, 503, "out of memory", NULL, -1, 1);
    }
    free(text);
}

static void answer_health(void *arg, struct http_request *request)
{
    (void)arg;
    http_request_answer(request, 200, TEXT, STR("ok\n"), 0);
}

static void answer_ready(void *arg, struct http_request *request)
{
    struct admin_http *admin = arg;
    char reason[REASON_BYTES] = "";
    size_t len;

    if (admin->is_ready(admin->arg, reason, REASON_BYTES - 1)) {
        http_request_answer(request, 200, TEXT, STR("ready\n"), 0);
        return;
    }
    len = strnlen(reason, REASON_BYTES - 1);
    reason[len] = '\n';
    http_request_answer(request, 503, TEXT, (struct str){reason, len + 1}, 0);
}

static const struct http_route routes[] = {
    {.method = "GET",
     .path = "/metrics",
     .body_bytes_max = BODY_BYTES_MAX,
     .handle = answer_metrics},
    {.method = "GET",
     .path = "/healthz",
     .body_bytes_max = BODY_BYTES_MAX,
     .handle = answer_health},
    {.method = "GET", .path = "/readyz", .body_bytes_max = BODY_BYTES_MAX, .handle = answer_ready},
    {.method = NULL},
};

enum verdict admin_http_start(const char *listen, admin_http_ready is_ready, void *arg,
                              struct admin_http **out_admin, struct err *err)
{
    struct admin_http *admin = calloc(1, sizeof(*admin));
    struct http_server_options options = {.listen = listen,
                                          .threads = 1,
                                          .routes = routes,
                                          .arg = admin,
                                          .head_bytes_max = HEAD_BYTES_MAX,
                                          .memory_bytes_max = MEMORY_BYTES_MAX,
                                          .connections_max = CONNECTIONS_MAX,
                                          .head_timeout_ms = TIMEOUT_MS,
                                          .body_timeout_ms = TIMEOUT_MS,
                                          .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                          .metric_connections = -1,
                                          .metric_connections_refused = -1,
                                          .metric_bad_http = -1,
                                          .metric_seconds = -1};
    enum verdict verdict;

    if (!admin) {
        return err_set(err, FATAL, "admin_http", "out of memory");
    }
    admin->is_ready = is_ready;
    admin->arg = arg;
    verdict = http_server_start(&options, &admin->server, err);
    if (verdict != OK) {
        free(admin);
        return verdict;
    }
    *out_admin = admin;
    return OK;
}

void admin_http_stop(struct admin_http *admin)
{
    if (!admin) {
        return;
    }
    http_server_stop(admin->server, STOP_TIMEOUT_MS);
    http_server_free(admin->server);
    free(admin);
}
