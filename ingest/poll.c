#include "ingest/poll.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "core/admin_http.h"
#include "core/exit_code.h"
#include "core/kafka_client.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/poll_kafka.h"
#include "ingest/poll_kubernetes.h"
#include "ingest/poll_mlserver.h"
#include "ingest/poll_source.h"
#include "ingest/publish.h"

#define TOPIC_WAIT_MS 1000
#define STATUS_BYTES 200
#define SWITCHES_BYTES 300
/* Of the time to drain, what is kept for what the producer still has. */
#define FLUSH_PERCENT 20

/* Each is started if it is wanted; poll needs one. */
static const struct poll_source *const sources[] = {&poll_kafka_source, &poll_kubernetes_source,
                                                    &poll_mlserver_source};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

struct role {
    const struct settings *st;
    struct publish *publish;
    void *started[SOURCES]; /* NULL: not wanted */
    struct admin_http *admin;
    struct service *service;
    atomic_bool has_topic;
    atomic_bool is_stopping;
};

/* NULL: all of them. */
static const struct poll_source *find_dead(const struct role *role)
{
    for (size_t i = 0; i < SOURCES; i++) {
        if (role->started[i] && !sources[i]->is_alive(role->started[i])) {
            return sources[i];
        }
    }
    return NULL;
}

static bool is_ready(void *arg, char *reason, int size)
{
    struct role *role = arg;
    const struct poll_source *dead = find_dead(role);

    if (atomic_load(&role->is_stopping)) {
        snprintf(reason, (size_t)size, "poll is being stopped");
    } else if (!atomic_load(&role->has_topic)) {
        snprintf(reason, (size_t)size, "topic %s at %s has not been seen yet",
                 role->st->kafka.topic_events, role->st->kafka.brokers);
    } else if (!publish_has_schemas(role->publish, reason, (size_t)size)) {
        return false;
    } else if (!publish_is_healthy(role->publish)) {
        snprintf(reason, (size_t)size, "Kafka at %s does not take records",
                 role->st->kafka.brokers);
    } else if (dead) {
        snprintf(reason, (size_t)size, "source %s: nothing is being read", dead->name);
    } else {
        return true;
    }
    return false;
}

static void look_for_topic(struct role *role)
{
    char cluster_id[64];
    int partitions = -1;
    struct err err;

    if (!atomic_load(&role->has_topic) &&
        kafka_client_describe(role->st, role->st->kafka.topic_events, TOPIC_WAIT_MS, cluster_id,
                              &partitions, &err) == OK) {
        atomic_store(&role->has_topic, partitions > 0);
    }
}

static enum verdict refuse(struct err *err)
{
    char switches[SWITCHES_BYTES] = "";
    size_t len = 0;

    for (size_t i = 0; i < SOURCES && len < sizeof(switches); i++) {
        len += (size_t)snprintf(switches + len, sizeof(switches) - len, "%s%s", i ? ", " : "",
                                sources[i]->switches);
    }
    return err_set(err, FATAL, "poll", "nothing to read: set one of %s", switches);
}

/* What no restart will mend. */
static enum verdict check(const struct settings *st, struct err *err)
{
    for (size_t i = 0; i < SOURCES; i++) {
        if (sources[i]->is_wanted(st)) {
            return admin_http_check(st->poll.admin_listen, st, err);
        }
    }
    return refuse(err);
}

static enum verdict start_sources(struct role *role, struct err *err)
{
    enum verdict verdict = OK;

    for (size_t i = 0; i < SOURCES && verdict == OK; i++) {
        if (sources[i]->is_wanted(role->st)) {
            verdict = sources[i]->start(role->st, role->publish, &role->started[i], err);
        }
    }
    return verdict;
}

static enum verdict start(struct role *role, struct err *err)
{
    enum verdict verdict = service_open("poll", role->st, &role->service, err);

    if (verdict == OK) {
        verdict = publish_start(role->st, NULL, &role->publish, err);
    }
    if (verdict == OK) {
        verdict = start_sources(role, err);
    }
    if (verdict == OK) {
        verdict = admin_http_start(role->st->poll.admin_listen, role->st, is_ready, role,
                                   &role->admin, err);
    }
    if (verdict == OK) {
        service_add(role->service, admin_http_part(role->admin));
    }
    return verdict;
}

/* False when reading ended by itself. */
static bool wait_for_signal(struct role *role, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    bool is_alive;

    service_ready(role->service);
    do {
        char reason[STATUS_BYTES] = "reading";
        look_for_topic(role);
        (void)is_ready(role, reason, sizeof(reason));
        service_status(role->service, reason);
        is_alive = !find_dead(role);
        service_turn(role->service, is_alive && admin_http_is_alive(role->admin));
    } while (is_alive && sigtimedwait(signals, NULL, &second) < 0);
    return is_alive;
}

/* One after the other within the same time: what is left of it falls to the next. */
static void stop_sources(struct role *role, int64_t timeout_ms)
{
    int64_t deadline_us = timebase_mono_us() + timeout_ms * 1000;

    for (size_t i = 0; i < SOURCES; i++) {
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        if (role->started[i]) {
            sources[i]->stop(role->started[i], left_ms > 0 ? (int)left_ms : 0);
        }
    }
}

static void stop(struct role *role)
{
    int64_t timeout_ms = role->st->poll.drain_timeout_ms;
    int64_t deadline_us = timebase_mono_us() + timeout_ms * 1000;

    atomic_store(&role->is_stopping, true);
    if (role->service) {
        service_stopping(role->service);
    }
    stop_sources(role, timeout_ms - timeout_ms / 100 * FLUSH_PERCENT);
    admin_http_stop(role->admin);
    if (role->publish) {
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        publish_stop(role->publish, left_ms > 0 ? (int)left_ms : 0);
    }
    for (size_t i = 0; i < SOURCES; i++) {
        sources[i]->free(role->started[i]);
    }
    publish_free(role->publish);
    service_close(role->service);
}

int poll_run(const struct settings *st)
{
    struct role role = {.st = st};
    int exit_code = EXIT_CODE_OK;
    sigset_t signals;
    struct err err;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    log_thread_name("main");
    if (check(st, &err) != OK) {
        log_error("poll does not start: %s", err.text);
        return EXIT_CODE_SETTINGS;
    }
    if (start(&role, &err) == OK) {
        log_info("poll is up admin=%s group=%s", st->poll.admin_listen, st->poll.group);
        exit_code = wait_for_signal(&role, &signals) ? EXIT_CODE_OK : EXIT_CODE_FAILED;
        log_info("poll stops: waiting for what was read");
    } else {
        log_error("poll cannot start: %s: %s", err.where, err.text);
        exit_code = EXIT_CODE_FAILED;
    }
    stop(&role);
    log_info("poll has stopped published=%lld dead_letters=%lld",
             (long long)metrics_read(METRIC_POLL_PUBLISHED),
             (long long)metrics_read(METRIC_POLL_DEAD_LETTERS));
    return exit_code;
}
