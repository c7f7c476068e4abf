#include "ingest/poll_kubernetes.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/kube_api.h"
#include "ingest/kube_outbox.h"
#include "ingest/kube_reader.h"
#include "ingest/kube_resource.h"
#include "ingest/poll_source.h"
#include "schemas/kube_audit.h"

#define WHERE "kubernetes"
#define ALIVE_US 60000000
#define DRAIN_STEP_US 10000

struct poll_kubernetes;

struct resource_watch {
    struct poll_kubernetes *poll;
    struct kube_outbox *box;
    struct kube_reader *reader;
    pthread_t thread;
    bool has_thread;
};

struct poll_kubernetes {
    struct kube_api api;
    const struct kube_resource *resources[KUBE_RESOURCES_MAX];
    struct resource_watch watches[KUBE_RESOURCES_MAX];
    size_t count;
    int64_t stop_us; /* set before is_stopping */
    atomic_bool is_stopping;
};

static bool is_wanted(const struct settings *st)
{
    return *st->poll.kubernetes_cluster;
}

static void *watch_main(void *arg)
{
    struct resource_watch *watch = arg;

    log_thread_name("watch");
    kube_reader_run(watch->reader);
    while (kube_outbox_count(watch->box) > 0 && timebase_mono_us() < watch->poll->stop_us) {
        timebase_sleep_us(DRAIN_STEP_US);
        kube_outbox_turn(watch->box);
    }
    return NULL;
}

static void free_source(void *source)
{
    struct poll_kubernetes *poll = source;

    for (size_t i = 0; poll && i < poll->count; i++) {
        kube_reader_free(poll->watches[i].reader);
        kube_outbox_free(poll->watches[i].box);
    }
    free(poll);
}

static void stop(void *source, int timeout_ms)
{
    struct poll_kubernetes *poll = source;

    poll->stop_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    atomic_store(&poll->is_stopping, true);
    for (size_t i = 0; i < poll->count; i++) {
        if (poll->watches[i].has_thread) {
            pthread_join(poll->watches[i].thread, NULL);
            poll->watches[i].has_thread = false;
        }
    }
}

static enum verdict start_watch(struct poll_kubernetes *poll, const struct settings *st,
                                struct publish *publish, size_t at, struct err *err)
{
    struct resource_watch *watch = &poll->watches[at];
    size_t slots_max = (size_t)st->poll.in_flight_max / poll->count;
    size_t bytes_max = (size_t)st->poll.in_flight_bytes_max / poll->count;

    watch->poll = poll;
    watch->box = kube_outbox_new(st, publish, poll->resources[at], slots_max, bytes_max);
    const struct kube_reader_needs needs = {.st = st,
                                            .api = &poll->api,
                                            .resource = poll->resources[at],
                                            .box = watch->box,
                                            .is_stopping = &poll->is_stopping};
    watch->reader = watch->box ? kube_reader_new(&needs) : NULL;
    if (!watch->reader) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
        return err_set(err, FATAL, WHERE, "cannot start a thread");
    }
    watch->has_thread = true;
    return OK;
}

static enum verdict start(const struct settings *st, struct publish *publish, void **out_source,
                          struct err *err)
{
    struct poll_kubernetes *poll = calloc(1, sizeof(*poll));
    enum verdict verdict;

    if (!poll) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    *out_source = poll;
    verdict = kube_audit_is_cluster(str_view(st->poll.kubernetes_cluster))
                  ? kube_api_find(st, &poll->api, err)
                  : err_set(err, FATAL, WHERE,
                            "poll.kubernetes_cluster may hold letters, digits, '.', '_' and '-'");
    if (verdict == OK) {
        verdict =
            kube_resource_list(st->poll.kubernetes_resources, poll->resources, &poll->count, err);
    }
    for (size_t i = 0; verdict == OK && i < poll->count; i++) {
        verdict = start_watch(poll, st, publish, i, err);
    }
    return verdict;
}

/* Asked every second: the gauges are refreshed here, too. */
static bool is_alive(const void *source)
{
    const struct poll_kubernetes *poll = source;
    int64_t now_us = timebase_mono_us();
    int64_t watching = 0;
    size_t count = 0;
    size_t bytes = 0;
    bool is_round = true;

    for (size_t i = 0; i < poll->count; i++) {
        const struct resource_watch *watch = &poll->watches[i];
        is_round = is_round && now_us - kube_reader_turned_us(watch->reader) < ALIVE_US;
        watching += kube_reader_is_watching(watch->reader);
        count += kube_outbox_count(watch->box);
        bytes += kube_outbox_bytes(watch->box);
    }
    metrics_set(METRIC_POLL_WATCHES, watching);
    metrics_set(METRIC_POLL_WATCH_IN_FLIGHT, (int64_t)count);
    metrics_set(METRIC_POLL_WATCH_IN_FLIGHT_BYTES, (int64_t)bytes);
    return is_round;
}

const struct poll_source poll_kubernetes_source = {
    .name = "kubernetes",
    .switches = "poll.kubernetes_cluster",
    .is_wanted = is_wanted,
    .start = start,
    .is_alive = is_alive,
    .stop = stop,
    .free = free_source,
};
