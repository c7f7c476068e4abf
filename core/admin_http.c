#include "core/admin_http.h"

#include <stdlib.h>

#include "core/admin_token.h"
#include "core/http_server.h"
#include "core/listen_address.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/tls_files.h"

#define REASON_BYTES 256
#define BODY_BYTES_MAX ((size_t)4096)
#define HEAD_BYTES_MAX ((size_t)8192)
#define MEMORY_BYTES_MAX ((size_t)1024 * 1024)
#define CONNECTIONS_MAX 64
#define TIMEOUT_MS 5000
#define IDLE_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 500
#define ALIVE_MS 5000
#define TEXT "text/plain; charset=utf-8"

struct admin_http {
    struct http_server *server;
    struct admin_token *token;
    const char *listen;
    admin_http_ready is_ready;
    void *arg;
};

static bool shows_token(const struct admin_http *admin, const struct http_request *request)
{
    return admin_token_accepts(admin->token,
                               http_head_get(http_request_head(request), "Authorization"));
}

static void answer_metrics(void *arg, struct http_request *request)
{
    const struct admin_http *admin = arg;
    size_t len = 0;
    char *text;

    if (!shows_token(admin, request)) {
        http_request_problem(request, 401, "the token of admin.token_file is needed", NULL, -1, 0);
        return;
    }
    text = metrics_exposition(&len);
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
    if (!shows_token(admin, request)) {
        http_request_answer(request, 503, TEXT, STR("not ready\n"), 0);
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

enum verdict admin_http_check(const char *listen, const struct settings *st, struct err *err)
{
    if (*st->admin.token_file || listen_address_is_loopback(listen)) {
        return OK;
    }
    return err_set(err, FATAL, "admin_http",
                   "the admin port %.40s is open to other machines: set admin.token_file to a file "
                   "with a token (and admin.tls_certificate_file), or listen on 127.0.0.1",
                   listen);
}

static enum verdict start_server(struct admin_http *admin, const struct settings *st,
                                 struct err *err)
{
    struct tls_server_files files = tls_files_admin(st);
    struct http_server_options options = {.listen = admin->listen,
                                          .tls = *files.certificate ? &files : NULL,
                                          .threads = 1,
                                          .routes = routes,
                                          .arg = admin,
                                          .head_bytes_max = HEAD_BYTES_MAX,
                                          .memory_bytes_max = MEMORY_BYTES_MAX,
                                          .connections_max = CONNECTIONS_MAX,
                                          .silent_ms = HTTP_SERVER_SILENT_MS,
                                          .head_timeout_ms = TIMEOUT_MS,
                                          .body_timeout_ms = TIMEOUT_MS,
                                          .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                          .metric_connections = -1,
                                          .metric_connections_refused = -1,
                                          .metric_bad_http = -1,
                                          .metric_seconds = -1,
                                          .metric_tls_full = -1,
                                          .metric_tls_resumed = -1,
                                          .metric_tls_failed = -1,
                                          .metric_tls_plain = -1};

    return http_server_start(&options, &admin->server, err);
}

enum verdict admin_http_start(const char *listen, const struct settings *st,
                              admin_http_ready is_ready, void *arg, struct admin_http **out_admin,
                              struct err *err)
{
    struct admin_http *admin = calloc(1, sizeof(*admin));
    enum verdict verdict;

    if (!admin) {
        return err_set(err, FATAL, "admin_http", "out of memory");
    }
    admin->listen = listen;
    admin->is_ready = is_ready;
    admin->arg = arg;
    verdict = admin_http_check(listen, st, err);
    if (verdict == OK) {
        verdict = admin_token_open(st->admin.token_file, &admin->token, err);
    }
    if (verdict == OK) {
        verdict = start_server(admin, st, err);
    }
    if (verdict != OK) {
        admin_token_close(admin->token);
        free(admin);
        return verdict;
    }
    *out_admin = admin;
    return OK;
}

static enum verdict reload(void *arg, const struct settings *fresh, struct err *err)
{
    struct admin_http *admin = arg;
    struct tls_server_files files = tls_files_admin(fresh);
    enum verdict verdict = admin_http_check(admin->listen, fresh, err);

    if (verdict == OK) {
        verdict = tls_files_reload(http_server_tls(admin->server), &files, err);
    }
    return verdict == OK ? admin_token_reload(admin->token, fresh->admin.token_file, err) : verdict;
}

static enum verdict refresh(void *arg, bool *out_is_new, struct err *err)
{
    struct admin_http *admin = arg;
    struct tls_server *tls = http_server_tls(admin->server);
    bool is_certificate_new = false;
    enum verdict verdict = admin_token_refresh(admin->token, out_is_new, err);

    if (verdict == OK && tls) {
        verdict = tls_server_refresh(tls, &is_certificate_new, err);
    }
    *out_is_new = *out_is_new || is_certificate_new;
    return verdict;
}

struct service_part admin_http_part(struct admin_http *admin)
{
    return (struct service_part){
        .name = "admin port", .arg = admin, .reload = reload, .refresh = refresh};
}

bool admin_http_is_alive(const struct admin_http *admin)
{
    return http_server_is_alive(admin->server, ALIVE_MS);
}

void admin_http_stop(struct admin_http *admin)
{
    if (!admin) {
        return;
    }
    http_server_stop(admin->server, STOP_TIMEOUT_MS);
    http_server_free(admin->server);
    admin_token_close(admin->token);
    free(admin);
}
