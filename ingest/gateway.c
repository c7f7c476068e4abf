#include "ingest/gateway.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include <event2/event.h>
#include <zlib.h>

#include "core/admin_http.h"
#include "core/exit_code.h"
#include "core/http_server.h"
#include "core/kafka_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "core/tls_files.h"
#include "ingest/door.h"
#include "ingest/door_guard.h"
#include "ingest/door_tls.h"
#include "ingest/post_audit.h"
#include "ingest/post_batch.h"
#include "ingest/post_cloudevents.h"
#include "ingest/post_lineage.h"
#include "ingest/post_mlflow.h"
#include "ingest/publish.h"
#include "ingest/refusal_sender.h"

/* What takes longer than a millisecond or so is handled aside: a large event, and a batch of a thousand tiny ones. */
#define ASIDE_EVENT_BYTES ((size_t)64 * 1024)
#define ASIDE_BATCH_BYTES ((size_t)4 * 1024)

/* Who sends is known only once all of the body is there. */
#define MLFLOW_BODY_BYTES_MAX ((size_t)1024 * 1024)

#define ROUTES_MAX 6
#define TOPIC_WAIT_MS 1000
#define LARGE_BYTES (256 * 1024)
#define ALIVE_MS 5000
#define STATUS_BYTES 200
#define OTHER_DESCRIPTORS 128 /* brokers, admin port, logs */
/* Of the time to drain, what is kept for the records after the last request is answered. */
#define FLUSH_PERCENT 20

enum topic_state { TOPIC_UNKNOWN, TOPIC_MISSING, TOPIC_THERE };

struct gateway {
    const struct settings *st;
    struct door *door;
    struct publish *publish;
    struct refusal_sender *refusals;
    struct http_server *server;
    struct admin_http *admin;
    struct service *service;
    struct http_route routes[ROUTES_MAX];
    atomic_int topic_state;
    atomic_bool is_draining;
};

static bool is_ready(void *arg, char *reason, int size)
{
    struct gateway *gateway = arg;
    const char *topic = gateway->st->kafka.topic_events;

    if (atomic_load(&gateway->is_draining)) {
        snprintf(reason, (size_t)size, "the gateway is being stopped");
    } else if (atomic_load(&gateway->topic_state) == TOPIC_UNKNOWN) {
        snprintf(reason, (size_t)size, "Kafka at %s has not answered yet",
                 gateway->st->kafka.brokers);
    } else if (atomic_load(&gateway->topic_state) == TOPIC_MISSING) {
        snprintf(reason, (size_t)size, "topic %s is not there: run metaops migrate --kafka", topic);
    } else if (!publish_has_schemas(gateway->publish, reason, (size_t)size)) {
        return false;
    } else if (!publish_is_healthy(gateway->publish)) {
        snprintf(reason, (size_t)size, "Kafka at %s does not take records",
                 gateway->st->kafka.brokers);
    } else if (door_is_ready(gateway->door, reason, (size_t)size)) {
        return true;
    }
    return false;
}

/* Asks until the topic has been seen once; from then on the deliveries tell. */
static void look_for_topic(struct gateway *gateway)
{
    char cluster_id[64];
    int partitions = -1;
    struct err err;

    if (atomic_load(&gateway->topic_state) == TOPIC_THERE ||
        kafka_client_describe(gateway->st, gateway->st->kafka.topic_events, TOPIC_WAIT_MS,
                              cluster_id, &partitions, &err) != OK) {
        return;
    }
    atomic_store(&gateway->topic_state, partitions > 0 ? TOPIC_THERE : TOPIC_MISSING);
    if (partitions > 0) {
        log_info("topic found topic=%s partitions=%d cluster=%s", gateway->st->kafka.topic_events,
                 partitions, cluster_id);
    }
}

static void log_versions(void)
{
    struct event_base *base = event_base_new();

    log_info("gateway starts version=%s libevent=%s method=%s zlib=%s", METAOPS_VERSION,
             event_get_version(), base ? event_base_get_method(base) : "none", zlibVersion());
    if (base) {
        event_base_free(base);
    }
}

/* Connections need descriptors, and so does Kafka: raises the soft limit, and takes fewer
 * connections where the hard one is too low. */
static int64_t fit_connections(int64_t connections_max)
{
    struct rlimit limit;
    int64_t fit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return connections_max;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return connections_max;
    }
    if (limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= (rlim_t)(connections_max + OTHER_DESCRIPTORS)) {
        return connections_max;
    }
    fit = limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? (int64_t)limit.rlim_cur - OTHER_DESCRIPTORS
                                                 : OTHER_DESCRIPTORS;
    log_warn("too few descriptors for ingest.connections_max, taking fewer connections=%lld",
             (long long)fit);
    return fit;
}

static bool admit(void *arg, struct http_request *request, struct http_refusal *out_refusal)
{
    return door_admit(publish_door(arg), request, out_refusal);
}

static enum verdict start_server(struct gateway *gateway, struct err *err)
{
    const struct settings *st = gateway->st;
    struct tls_server_files files = tls_files_ingest(st);
    struct http_server_options options = {
        .listen = st->ingest.listen,
        .tls = *files.certificate ? &files : NULL,
        .threads = (int)st->ingest.threads,
        .aside_threads = (int)st->ingest.threads,
        .routes = gateway->routes,
        .arg = gateway->publish,
        .head_bytes_max = (size_t)st->ingest.head_bytes_max,
        .memory_bytes_max = (size_t)st->ingest.memory_bytes_max,
        .connections_max = (int)fit_connections(st->ingest.connections_max),
        .silent_ms = HTTP_SERVER_SILENT_MS,
        .head_timeout_ms = (int)st->ingest.head_timeout_ms,
        .body_timeout_ms = (int)st->ingest.body_timeout_ms,
        .idle_timeout_ms = (int)st->ingest.idle_timeout_ms,
        .answer_timeout_ms = (int)st->ingest.answer_timeout_ms,
        .metric_connections = METRIC_GATEWAY_CONNECTIONS,
        .metric_connections_refused = METRIC_GATEWAY_CONNECTIONS_REFUSED,
        .metric_bad_http = METRIC_GATEWAY_BAD_HTTP,
        .metric_seconds = METRIC_GATEWAY_REQUEST_SECONDS,
        .metric_tls_full = METRIC_GATEWAY_TLS_FULL,
        .metric_tls_resumed = METRIC_GATEWAY_TLS_RESUMED,
        .metric_tls_failed = METRIC_GATEWAY_TLS_FAILED,
        .metric_tls_plain = METRIC_GATEWAY_TLS_PLAIN};

    gateway->routes[0] = (struct http_route){.method = "POST",
                                             .path = "*/api/v1/lineage",
                                             .body_bytes_max = (size_t)st->ingest.body_bytes_max,
                                             .aside_bytes_min = ASIDE_EVENT_BYTES,
                                             .handle = post_lineage_handle,
                                             .admit = admit};
    gateway->routes[1] = (struct http_route){.method = "POST",
                                             .path = "*/api/v1/lineage/batch",
                                             .body_bytes_max = (size_t)st->ingest.batch_bytes_max,
                                             .aside_bytes_min = ASIDE_BATCH_BYTES,
                                             .handle = post_batch_handle,
                                             .admit = admit};
    gateway->routes[2] = (struct http_route){.method = "POST",
                                             .path = "*/api/v1/cloudevents",
                                             .body_bytes_max = (size_t)st->ingest.body_bytes_max,
                                             .aside_bytes_min = ASIDE_BATCH_BYTES,
                                             .handle = post_cloudevents_handle,
                                             .admit = admit};
    gateway->routes[3] = (struct http_route){.method = "POST",
                                             .path = "*/api/v1/mlflow/webhooks",
                                             .body_bytes_max = MLFLOW_BODY_BYTES_MAX,
                                             .aside_bytes_min = ASIDE_EVENT_BYTES,
                                             .handle = post_mlflow_handle,
                                             .admit = post_mlflow_admit};
    gateway->routes[4] = (struct http_route){.method = "POST",
                                             .path = "*/api/v1/kubernetes/audit/*",
                                             .body_bytes_max = (size_t)st->ingest.audit_bytes_max,
                                             .aside_bytes_min = ASIDE_BATCH_BYTES,
                                             .handle = post_audit_handle,
                                             .admit = admit};
    return http_server_start(&options, &gateway->server, err);
}

static enum verdict start(struct gateway *gateway, struct err *err)
{
    enum verdict verdict = service_open("gateway", gateway->st, &gateway->service, err);

    if (verdict == OK) {
        verdict = door_open(gateway->st, &gateway->door, err);
    }
    if (verdict == OK) {
        verdict = publish_start(gateway->st, gateway->door, &gateway->publish, err);
    }
    if (verdict == OK) {
        verdict = refusal_sender_new(gateway->st, gateway->door, gateway->publish,
                                     &gateway->refusals, err);
    }
    if (verdict == OK) {
        verdict = admin_http_start(gateway->st->ingest.admin_listen, gateway->st, is_ready, gateway,
                                   &gateway->admin, err);
    }
    if (verdict == OK) {
        verdict = start_server(gateway, err);
    }
    if (verdict == OK) {
        service_add(gateway->service, admin_http_part(gateway->admin));
        service_add(gateway->service, door_tls_part(gateway->server));
        service_add(gateway->service, (struct service_part){.name = "limits of keys",
                                                            .arg = gateway->door,
                                                            .reload = door_reload});
    }
    return verdict;
}

static void show_state(struct gateway *gateway)
{
    char reason[STATUS_BYTES] = "taking events";

    (void)is_ready(gateway, reason, sizeof(reason));
    service_status(gateway->service, reason);
}

static void wait_for_signal(struct gateway *gateway, const sigset_t *signals)
{
    struct timespec second = {.tv_sec = 1};

    service_ready(gateway->service);
    do {
        look_for_topic(gateway);
        show_state(gateway);
        door_measure(gateway->door);
        refusal_sender_turn(gateway->refusals);
        service_turn(gateway->service, http_server_is_alive(gateway->server, ALIVE_MS) &&
                                           admin_http_is_alive(gateway->admin));
    } while (sigtimedwait(signals, NULL, &second) < 0);
}

static void stop(struct gateway *gateway)
{
    int64_t timeout_ms = gateway->st->ingest.drain_timeout_ms;
    int64_t deadline_us = timebase_mono_us() + timeout_ms * 1000;

    atomic_store(&gateway->is_draining, true);
    if (gateway->service) {
        service_stopping(gateway->service);
    }
    if (gateway->server) {
        http_server_stop(gateway->server, (int)(timeout_ms - timeout_ms / 100 * FLUSH_PERCENT));
    }
    if (gateway->refusals) {
        refusal_sender_flush(gateway->refusals);
    }
    if (gateway->publish) {
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        publish_stop(gateway->publish, left_ms > 0 ? (int)left_ms : 0);
    }
    admin_http_stop(gateway->admin);
    http_server_free(gateway->server);
    publish_free(gateway->publish);
    refusal_sender_free(gateway->refusals);
    door_close(gateway->door);
    service_close(gateway->service);
}

/* What no restart will mend. */
static enum verdict check(const struct settings *st, struct err *err)
{
    enum verdict verdict = door_guard_check(st, err);

    return verdict == OK ? admin_http_check(st->ingest.admin_listen, st, err) : verdict;
}

int gateway_run(const struct settings *st)
{
    struct gateway gateway = {.st = st};
    sigset_t signals;
    struct err err;
    int exit_code = EXIT_CODE_OK;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Large bodies go back to the system at once; otherwise glibc raises this limit with each
     * and keeps them. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    log_thread_name("gateway");
    log_versions();
    if (check(st, &err) != OK) {
        log_error("gateway does not start: %s", err.text);
        return EXIT_CODE_SETTINGS;
    }
    if (start(&gateway, &err) == OK) {
        log_info("gateway is up listen=%s admin=%s", st->ingest.listen, st->ingest.admin_listen);
        wait_for_signal(&gateway, &signals);
        log_info("gateway stops: answering what is open");
    } else {
        log_error("gateway cannot start: %s: %s", err.where, err.text);
        exit_code = EXIT_CODE_FAILED;
    }
    stop(&gateway);
    if (exit_code == EXIT_CODE_OK) {
        log_info("gateway has stopped accepted=%lld refused=%lld unavailable=%lld",
                 (long long)metrics_read(METRIC_GATEWAY_ACCEPTED),
                 (long long)metrics_read(METRIC_GATEWAY_REFUSED),
                 (long long)metrics_read(METRIC_GATEWAY_UNAVAILABLE));
    }
    return exit_code;
}
