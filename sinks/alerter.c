#include "alerter.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerter_contracts.h"
#include "alerter_ends.h"
#include "alerter_routes.h"
#include "alerter_send.h"
#include "alerter_store.h"
#include "core/admin_http.h"
#include "core/backoff.h"
#include "core/exit_code.h"
#include "core/file_stamp.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/service.h"
#include "core/settings.h"
#include "core/timebase.h"

#define TURN_MS 100
#define RECONNECT_US 1000000
#define JUDGE_US 500000
/* While something is left: a third of the time, as ingestion has the same cores. */
#define JUDGE_PAUSES 2
#define TIDY_US 5000000
#define MISSING_US 2000000
/* No index knows when the next write is late, as each write would have to change it: whoever has very many datasets is
 * looked through for a twentieth of the time. */
#define MISSING_PAUSES 20
#define MISSING_AGAIN_US 30000000 /* when Kafka did not answer */
#define DRAIN_US 5000000
#define STATUS_BYTES 200

struct alerter {
    const struct settings *st;
    struct service *service;
    struct admin_http *admin;
    struct alerter_store *store;
    struct alerter_ends *ends;
    struct alerter_send *send;
    struct alerter_routes *routes;
    struct settings current; /* as started, but for what routes are made of */
    struct file_stamp routes_stamp;
    struct alerter_contracts contracts;
    bool is_due; /* look into the database now */
    int64_t poll_at_us;
    int64_t tidy_at_us;
    int64_t judge_at_us;
    bool is_left; /* to be judged, when it was judged last */
    int64_t missing_at_us;
    bool is_waiting; /* what seems to be missing may be in Kafka */
    int64_t connect_at_us;
    atomic_bool is_connected; /* read by /readyz */
    bool has_failed;
};

/* Lock-free: set by a signal handler on whichever thread, read by the admin port's thread too. */
static atomic_bool is_stopping;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_stopping = true;
}

static bool is_ready(void *arg, char *reason, int size)
{
    struct alerter *al = arg;
    if (is_stopping) {
        snprintf(reason, (size_t)size, "stopping");
    } else if (!atomic_load(&al->is_connected)) {
        snprintf(reason, (size_t)size, "the database cannot be reached");
    } else {
        return true;
    }
    return false;
}

/* Something about the database went wrong: what is under way goes on, the rest waits for a new connection. */
static void on_store_fault(struct alerter *al, const struct err *err, enum verdict verdict)
{
    atomic_store(&al->is_connected, false);
    al->connect_at_us = timebase_mono_us() + RECONNECT_US;
    if (verdict == FATAL) {
        log_error("the alerter cannot go on: %s", err->text);
        al->has_failed = true;
        return;
    }
    log_warn("database: %s", err->text);
}

/* Doubled each time, and half of it by chance, so that what failed together does not come back together. */
static int64_t backoff_ms(const struct alerter *al, const struct alerter_outcome *outcome)
{
    int64_t wait_ms = backoff_doubled(al->st->alerts.backoff_ms, outcome->attempt - 1,
                                      al->st->alerts.backoff_max_ms);
    wait_ms = wait_ms / 2 + arc4random_uniform((uint32_t)(wait_ms / 2 + 1));
    return wait_ms > outcome->retry_after_ms ? wait_ms : outcome->retry_after_ms;
}

static enum verdict note_failure(struct alerter *al, const struct alerter_outcome *outcome,
                                 struct err *err)
{
    bool is_last = outcome->attempt >= al->st->alerts.attempts_max;
    int64_t again_ms = is_last ? -1 : backoff_ms(al, outcome);

    metrics_inc(is_last ? METRIC_ALERTER_GIVEN_UP : METRIC_ALERTER_FAILED);
    if (is_last) {
        log_error("message given up, kept in metaops.alert_deliveries outbox_id=%lld receiver=%s "
                  "attempts=%d reason=\"%s\"",
                  (long long)outcome->outbox_id, outcome->receiver, outcome->attempt,
                  outcome->reason);
    } else {
        log_warn("message not delivered, again later outbox_id=%lld receiver=%s attempt=%d "
                 "again_ms=%lld reason=\"%s\"",
                 (long long)outcome->outbox_id, outcome->receiver, outcome->attempt,
                 (long long)again_ms, outcome->reason);
    }
    return alerter_store_failed(al->store, outcome->outbox_id, outcome->receiver, outcome->attempt,
                                outcome->reason, again_ms, err);
}

static void on_ended(void *arg, const struct alerter_outcome *outcome)
{
    struct alerter *al = arg;
    struct err err = {.text = ""};
    enum verdict verdict;

    if (outcome->verdict == OK) {
        int64_t took_us = timebase_wall_us() - outcome->at_us;
        metrics_inc(METRIC_ALERTER_DELIVERED);
        metrics_observe_us(METRIC_ALERTER_LATENCY_SECONDS, took_us > 0 ? took_us : 0);
        verdict = alerter_store_done(al->store, outcome->outbox_id, outcome->receiver, &err);
    } else {
        verdict = note_failure(al, outcome, &err);
    }
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
    }
    al->is_due = true; /* there is room again, and perhaps the next message of this alert */
}

static void on_claim(void *arg, const struct alerter_claim *claim)
{
    struct alerter *al = arg;
    alerter_send_start(al->send, al->routes, claim);
}

/* New messages get their deliveries, and those that are due are sent. */
static void look(struct alerter *al, int64_t now_us)
{
    struct err err = {.text = ""};
    bool is_more = false;
    bool has_claimed = false;

    al->is_due = false;
    al->poll_at_us = now_us + 1000 * al->st->alerts.poll_interval_ms;
    enum verdict verdict = alerter_store_route(al->store, al->routes, &is_more, &err);
    if (verdict == OK) {
        verdict = alerter_store_claim(al->store, al->routes, on_claim, al, &has_claimed, &err);
    }
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
    }
    al->is_due = al->is_due || is_more;
}

/* A file that was changed for the worse since it was judged is named, and what held before holds on. */
static void load_contracts(struct alerter *al)
{
    struct err err = {.text = ""};
    int changed = 0;

    enum verdict verdict =
        alerter_store_load_contracts(al->store, al->contracts.path, &changed, &err);
    al->contracts.is_due = verdict == RETRY;
    if (verdict == OK) {
        log_info("contracts loaded file=%s changed=%d", al->contracts.path, changed);
    } else if (verdict == RETRY) {
        on_store_fault(al, &err, verdict);
    } else {
        log_error("contracts not loaded: %s", err.text);
    }
}

static void judge(struct alerter *al, int64_t now_us)
{
    struct err err = {.text = ""};

    enum verdict verdict = alerter_store_judge(al->store, &al->is_left, &err);
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
    }
    int64_t ended_us = timebase_mono_us();
    al->judge_at_us =
        al->is_left ? ended_us + JUDGE_PAUSES * (ended_us - now_us) : now_us + JUDGE_US;
}

/* Kafka does not say what is in it: nothing is told, as what is missing may be there. */
static void on_kafka_fault(struct alerter *al, int64_t now_us, const struct err *err)
{
    al->missing_at_us = now_us + MISSING_AGAIN_US;
    log_warn("writes that seem to be missing are not told: %s", err->text);
}

static void tell_missing(struct alerter *al, int64_t now_us, const char *topics)
{
    struct err err = {.text = ""};
    const char *cluster = NULL;
    char *ends = NULL;
    int64_t count = 0;
    int64_t behind_ms = 0;

    enum verdict verdict = alerter_ends_ask(al->ends, topics, &cluster, &ends, &err);
    if (verdict != OK) {
        on_kafka_fault(al, now_us, &err);
        return;
    }
    verdict = alerter_store_missing(al->store, cluster, ends, &count, &behind_ms, &err);
    free(ends);
    al->missing_at_us = count ? now_us : now_us + MISSING_US;
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
        return;
    }
    bool is_waiting = count == 0 && behind_ms > 0;
    if (is_waiting && !al->is_waiting) {
        log_info(
            "writes that seem to be missing may be among what is not stored yet behind_ms=%lld",
            (long long)behind_ms);
    }
    al->is_waiting = is_waiting;
}

/* What should have come by now. */
static void look_for_missing(struct alerter *al, int64_t now_us)
{
    struct err err = {.text = ""};
    char *topics = NULL;

    enum verdict verdict = alerter_store_missing_topics(al->store, &topics, &err);
    int64_t pause_us = MISSING_PAUSES * (timebase_mono_us() - now_us);
    al->missing_at_us = now_us + MISSING_US;
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
    } else if (topics) {
        tell_missing(al, now_us, topics);
    }
    if (al->missing_at_us < now_us + pause_us) {
        al->missing_at_us = now_us + pause_us;
    }
    free(topics);
}

static void tidy(struct alerter *al, int64_t now_us)
{
    struct err err = {.text = ""};
    int64_t pending = 0;
    int64_t given_up = 0;

    al->tidy_at_us = now_us + TIDY_US;
    enum verdict verdict = alerter_store_tidy(al->store, &pending, &given_up, &err);
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
        return;
    }
    metrics_set(METRIC_ALERTER_PENDING, pending);
    metrics_set(METRIC_ALERTER_LOST, given_up);
}

static void connect_store(struct alerter *al, int64_t now_us)
{
    struct err err = {.text = ""};
    if (now_us < al->connect_at_us) {
        return;
    }
    enum verdict verdict = alerter_store_connect(al->store, &err);
    if (verdict != OK) {
        on_store_fault(al, &err, verdict);
        return;
    }
    atomic_store(&al->is_connected, true);
    al->is_due = true;
}

static void show_state(struct alerter *al)
{
    char reason[STATUS_BYTES] = "telling of alerts";

    (void)is_ready(al, reason, sizeof reason);
    service_status(al->service, reason);
    service_turn(al->service, admin_http_is_alive(al->admin));
}

static void turn(struct alerter *al)
{
    int64_t now_us = timebase_mono_us();
    show_state(al);
    if (!atomic_load(&al->is_connected)) {
        connect_store(al, now_us);
    }
    if (atomic_load(&al->is_connected)) {
        bool was_notified = alerter_store_was_notified(al->store);
        if (was_notified && !al->is_left) {
            al->judge_at_us = now_us; /* who wrote messages may have left something to be judged */
        }
        if (was_notified || al->is_due || now_us >= al->poll_at_us) {
            look(al, now_us);
        }
        if (atomic_load(&al->is_connected) && al->contracts.is_due) {
            load_contracts(al);
        }
        if (atomic_load(&al->is_connected) && now_us >= al->judge_at_us) {
            judge(al, now_us);
        }
        if (atomic_load(&al->is_connected) && now_us >= al->missing_at_us) {
            look_for_missing(al, now_us);
        }
        if (now_us >= al->tidy_at_us) {
            tidy(al, now_us);
        }
    }
    alerter_send_turn(al->send, al->is_due ? 0 : TURN_MS, alerter_store_socket(al->store));
}

/* What is under way may end; nothing new begins. */
static void drain(struct alerter *al)
{
    int64_t until_us = timebase_mono_us() + DRAIN_US;
    while (alerter_send_count(al->send) > 0 && timebase_mono_us() < until_us) {
        alerter_send_turn(al->send, TURN_MS, -1);
    }
}

/* What is under way keeps the receivers that it began with. */
static enum verdict load_routes(struct alerter *al, const struct settings *st, struct err *err)
{
    struct alerter_routes *fresh = NULL;
    struct file_stamp stamp = file_stamp_of(st->alerts.routes_file);
    enum verdict verdict = alerter_routes_load(st, &fresh, err);
    if (verdict == OK) {
        alerter_routes_drop(al->routes);
        al->routes = fresh;
        al->routes_stamp = stamp;
        al->is_due = true;
    }
    return verdict;
}

/* The settings of the routes, from another struct or none. False when memory is short. */
static bool copy_routes_settings(struct settings *to, const struct settings *from)
{
    to->alerts.routes_file = strdup(from->alerts.routes_file);
    to->alerts.trusted_hosts = strdup(from->alerts.trusted_hosts);
    to->alerts.webhook_key_file = strdup(from->alerts.webhook_key_file);
    to->alerts.webhook_url = strdup(from->alerts.webhook_url);
    return to->alerts.routes_file && to->alerts.trusted_hosts && to->alerts.webhook_key_file &&
           to->alerts.webhook_url;
}

static void free_routes_settings(struct settings *st)
{
    free(st->alerts.routes_file);
    free(st->alerts.trusted_hosts);
    free(st->alerts.webhook_key_file);
    free(st->alerts.webhook_url);
}

static enum verdict on_reload(void *arg, const struct settings *fresh, struct err *err)
{
    struct alerter *al = arg;
    struct settings current = *al->st;
    enum verdict verdict = copy_routes_settings(&current, fresh)
                               ? load_routes(al, &current, err)
                               : err_set(err, RETRY, "alerter", "memory is short");
    free_routes_settings(verdict == OK ? &al->current : &current);
    if (verdict == OK) {
        al->current = current;
    }
    return verdict;
}

static enum verdict on_refresh(void *arg, bool *out_is_new, struct err *err)
{
    struct alerter *al = arg;
    struct file_stamp stamp = file_stamp_of(al->current.alerts.routes_file);
    if (file_stamp_is_same(&stamp, &al->routes_stamp)) {
        return OK;
    }
    al->routes_stamp = stamp; /* one that cannot be used is named once */
    enum verdict verdict = load_routes(al, &al->current, err);
    *out_is_new = verdict == OK;
    return verdict;
}

static enum verdict on_contracts_reload(void *arg, const struct settings *fresh, struct err *err)
{
    struct alerter *al = arg;
    return alerter_contracts_take(&al->contracts, fresh, err);
}

static enum verdict on_contracts_refresh(void *arg, bool *out_is_new, struct err *err)
{
    struct alerter *al = arg;
    return alerter_contracts_refresh(&al->contracts, out_is_new, err);
}

static enum verdict start(struct alerter *al, struct err *err)
{
    al->current = *al->st;
    enum verdict verdict = copy_routes_settings(&al->current, al->st)
                               ? load_routes(al, &al->current, err)
                               : err_set(err, FATAL, "alerter", "memory is short");
    if (verdict == OK) {
        verdict = alerter_contracts_take(&al->contracts, al->st, err);
    }
    if (verdict == OK) {
        verdict = alerter_store_open(al->st, &al->store, err);
    }
    al->ends = alerter_ends_new(al->st);
    if (verdict == OK && !al->ends) {
        verdict = err_set(err, RETRY, "alerter", "memory is short");
    }
    if (verdict == OK) {
        verdict = alerter_send_open(al->st, on_ended, al, &al->send, err);
    }
    if (verdict == OK) {
        verdict = service_open("alerter", al->st, &al->service, err);
    }
    if (verdict == OK) {
        verdict =
            admin_http_start(al->st->alerts.admin_listen, al->st, is_ready, al, &al->admin, err);
    }
    if (verdict == OK) {
        service_add(al->service, admin_http_part(al->admin));
        service_add(al->service,
                    (struct service_part){
                        .name = "routes", .arg = al, .reload = on_reload, .refresh = on_refresh});
        service_add(al->service, (struct service_part){.name = "contracts",
                                                       .arg = al,
                                                       .reload = on_contracts_reload,
                                                       .refresh = on_contracts_refresh});
        service_ready(al->service);
    }
    return verdict;
}

static void stop(struct alerter *al)
{
    if (al->service) {
        service_stopping(al->service);
    }
    if (al->send) {
        drain(al);
    }
    alerter_send_close(al->send);
    alerter_store_close(al->store);
    alerter_ends_free(al->ends);
    alerter_routes_drop(al->routes);
    alerter_contracts_fini(&al->contracts);
    free_routes_settings(&al->current);
    admin_http_stop(al->admin);
    service_close(al->service);
}

int alerter_run(const struct settings *st)
{
    struct err err = {.text = ""};
    struct sigaction action = {.sa_handler = on_signal};
    struct alerter *al = calloc(1, sizeof *al);
    if (!al) {
        log_error("memory is short");
        return EXIT_CODE_FAILED;
    }
    al->st = st;
    is_stopping = false;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (admin_http_check(st->alerts.admin_listen, st, &err) != OK) {
        log_error("alerter does not start: %s", err.text);
        free(al);
        return EXIT_CODE_SETTINGS;
    }
    enum verdict verdict = start(al, &err);
    if (verdict == OK) {
        log_info("alerter starting version=%s receivers=%zu", METAOPS_VERSION,
                 al->routes->receiver_count);
    } else {
        log_error("cannot start: %s", err.text);
    }
    while (verdict == OK && !is_stopping && !al->has_failed) {
        turn(al);
    }
    log_info("alerter stopping");
    bool has_failed = verdict != OK || al->has_failed;
    stop(al);
    free(al);
    return has_failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
