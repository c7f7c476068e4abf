#include "ingest/door_tls.h"

#include "core/http_server.h"
#include "core/metrics.h"
#include "core/tls_files.h"

static void show_expiry(struct tls_server *tls)
{
    if (tls) {
        metrics_set(METRIC_GATEWAY_TLS_EXPIRES, tls_server_expires_s(tls));
    }
}

static enum verdict reload(void *arg, const struct settings *fresh, struct err *err)
{
    struct tls_server *tls = http_server_tls(arg);
    struct tls_server_files files = tls_files_ingest(fresh);
    enum verdict verdict = tls_files_reload(tls, &files, err);

    show_expiry(tls);
    return verdict;
}

static enum verdict refresh(void *arg, bool *out_is_new, struct err *err)
{
    struct tls_server *tls = http_server_tls(arg);
    enum verdict verdict = tls ? tls_server_refresh(tls, out_is_new, err) : OK;

    show_expiry(tls);
    return verdict;
}

struct service_part door_tls_part(struct http_server *server)
{
    return (struct service_part){
        .name = "TLS of ingest.listen", .arg = server, .reload = reload, .refresh = refresh};
}
