#include "alerter_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define WHERE "alerter"
#define ROUTE_MAX 200
#define ROUTE_MAX_TEXT "200"
#define CLAIM_GRACE_MS                                                                             \
    5000 /* beyond the receiver's time: an alerter that needs longer counts as dead */
#define NUMBER_BYTES 24

struct alerter_store {
    const struct settings *st;
    struct pg_conn *pg; /* NULL: not connected */
};

enum verdict alerter_store_open(const struct settings *st, struct alerter_store **out_store,
                                struct err *err)
{
    struct alerter_store *store = calloc(1, sizeof *store);
    if (!store) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    store->st = st;
    *out_store = store;
    return OK;
}

static void disconnect(struct alerter_store *store)
{
    pg_conn_close(store->pg);
    store->pg = NULL;
}

enum verdict alerter_store_connect(struct alerter_store *store, struct err *err)
{
    if (store->pg && pg_conn_is_broken(store->pg)) {
        disconnect(store);
    }
    if (store->pg) {
        return OK;
    }
    enum verdict verdict =
        pg_conn_open(store->st, PG_CONN_WRITE, "metaops alerter", &store->pg, err);
    /* A commit that is lost with the server is a message that is sent again under its key: no
     * need to wait for its disk. */
    if (verdict == OK) {
        verdict =
            pg_conn_exec(store->pg, "set synchronous_commit = off; listen metaops_alerts", err);
        if (verdict != OK) {
            disconnect(store);
        }
    }
    return verdict;
}

int alerter_store_socket(const struct alerter_store *store)
{
    return store->pg ? pg_conn_socket(store->pg) : -1;
}

bool alerter_store_was_notified(struct alerter_store *store)
{
    return store->pg && pg_conn_was_notified(store->pg);
}

static enum verdict query(struct alerter_store *store, const char *name, int count,
                          const char *const *params, struct pg_result **out_rows, struct err *err)
{
    if (!store->pg) {
        return err_set(err, RETRY, WHERE, "the database is away");
    }
    return pg_conn_query(store->pg, embedded_text(sinks_files, name).ptr, count, params, out_rows,
                         err);
}

static enum verdict run(struct alerter_store *store, const char *name, int count,
                        const char *const *params, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(store, name, count, params, &rows, err);
    pg_conn_clear(rows);
    return verdict;
}

/* Three lists as PostgreSQL writes arrays. */
struct lists {
    FILE *files[3];
    char *texts[3];
    size_t sizes[3];
};

static bool lists_open(struct lists *lists)
{
    bool is_good = true;
    for (int i = 0; i < 3; i++) {
        lists->files[i] = open_memstream(&lists->texts[i], &lists->sizes[i]);
        is_good = is_good && lists->files[i] && fputc('{', lists->files[i]) != EOF;
    }
    return is_good;
}

/* Names hold no quotes and no backslashes, numbers neither. */
static void lists_add(struct lists *lists, int index, const char *value)
{
    FILE *file = lists->files[index];
    fprintf(file, "%s\"%s\"", ftell(file) > 1 ? "," : "", value);
}

static bool lists_end(struct lists *lists)
{
    bool is_good = true;
    for (int i = 0; i < 3; i++) {
        is_good = lists->files[i] && fputc('}', lists->files[i]) != EOF && is_good;
        is_good = lists->files[i] && fclose(lists->files[i]) == 0 && is_good;
        lists->files[i] = NULL;
    }
    return is_good;
}

static void lists_free(struct lists *lists)
{
    for (int i = 0; i < 3; i++) {
        free(lists->texts[i]);
    }
}

static void route_one(const struct pg_result *rows, int row, const struct alerter_routes *routes,
                      struct lists *lists)
{
    bool chosen[ALERTER_RECEIVERS_MAX] = {false};
    const char *outbox_id = pg_conn_value(rows, row, 0);
    struct alerter_subject subject = {.what = pg_conn_value(rows, row, 1),
                                      .kind = pg_conn_value(rows, row, 2),
                                      .severity = pg_conn_value(rows, row, 3),
                                      .namespace_name = pg_conn_value(rows, row, 4),
                                      .owners = pg_conn_value(rows, row, 6)};

    if (alerter_routes_choose(routes, &subject, chosen) == 0 &&
        !alerter_routes_is_decision(subject.what)) {
        const char *title = pg_conn_value(rows, row, 5);
        metrics_inc(METRIC_ALERTER_UNROUTED);
        log_info("alert that nobody is to be told of what=%s kind=%s severity=%s title=\"%s\"",
                 subject.what, subject.kind, subject.severity, title ? title : "");
    }
    for (size_t i = 0; i < routes->receiver_count; i++) {
        if (chosen[i]) {
            lists_add(lists, 0, outbox_id);
            lists_add(lists, 1, routes->receivers[i].name);
        }
    }
    lists_add(lists, 2, outbox_id);
}

static enum verdict route_rows(struct alerter_store *store, const struct pg_result *rows,
                               const struct alerter_routes *routes, struct err *err)
{
    struct lists lists = {.texts = {NULL}};
    bool is_good = lists_open(&lists);
    for (int row = 0; is_good && row < pg_conn_rows(rows); row++) {
        route_one(rows, row, routes, &lists);
    }
    is_good = lists_end(&lists) && is_good;
    enum verdict verdict =
        is_good ? run(store, "alerter/route.sql", 3, (const char *const *)lists.texts, err)
                : err_set(err, RETRY, WHERE, "memory is short");
    lists_free(&lists);
    return verdict;
}

enum verdict alerter_store_route(struct alerter_store *store, const struct alerter_routes *routes,
                                 bool *out_is_more, struct err *err)
{
    const char *params[] = {ROUTE_MAX_TEXT, NULL};
    struct pg_result *attached = NULL;
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_exec(store->pg, "begin", err);
    if (verdict == OK) {
        verdict = query(store, "alerter/attach.sql", 1, params, &attached, err);
    }
    if (verdict == OK) {
        params[1] = pg_conn_value(attached, 0, 0);
        verdict = query(store, "alerter/take.sql", 2, params, &rows, err);
    }
    if (verdict == OK && pg_conn_rows(rows) > 0) {
        verdict = route_rows(store, rows, routes, err);
    }
    if (verdict == OK) {
        *out_is_more = pg_conn_rows(rows) == ROUTE_MAX || params[1];
        verdict = pg_conn_exec(store->pg, "commit", err);
    }
    pg_conn_clear(attached);
    pg_conn_clear(rows);
    if (verdict != OK) {
        disconnect(store); /* whatever the transaction was in */
    }
    return verdict;
}

/* Columns of claim.sql. */
enum column {
    C_OUTBOX_ID,
    C_RECEIVER,
    C_ATTEMPTS,
    C_AT_US,
    C_ALERT_ID,
    C_WHAT,
    C_ALERT,
    C_KIND,
    C_SEVERITY,
    C_STATUS,
    C_SUBJECT_KIND,
    C_NAMESPACE,
    C_NAME,
    C_FIELD,
    C_TITLE,
    C_RUN_ID,
    C_OPENED_AT_US,
    C_EVENT_TIME_US,
    C_OCCURRENCES,
    C_DETAIL,
    C_DOWNSTREAM,
    C_OWNERS,
    C_DOWNSTREAM_COUNT
};

static int64_t number(const struct pg_result *rows, int row, enum column column)
{
    const char *value = pg_conn_value(rows, row, column);
    return value ? strtoll(value, NULL, 10) : 0;
}

/* What every alert has; a row that somebody else wrote may lack it. */
static const char *text(const struct pg_result *rows, int row, enum column column)
{
    const char *value = pg_conn_value(rows, row, column);
    return value ? value : "";
}

static struct alerter_claim claim_of(const struct pg_result *rows, int row)
{
    struct alerter_message msg = {
        .outbox_id = number(rows, row, C_OUTBOX_ID),
        .at_us = number(rows, row, C_AT_US),
        .what = text(rows, row, C_WHAT),
        .alert = text(rows, row, C_ALERT),
        .alert_id = text(rows, row, C_ALERT_ID),
        .kind = text(rows, row, C_KIND),
        .severity = text(rows, row, C_SEVERITY),
        .status = text(rows, row, C_STATUS),
        .subject_kind = pg_conn_value(rows, row, C_SUBJECT_KIND),
        .namespace_name = pg_conn_value(rows, row, C_NAMESPACE),
        .name = pg_conn_value(rows, row, C_NAME),
        .field = pg_conn_value(rows, row, C_FIELD),
        .title = text(rows, row, C_TITLE),
        .run_id = pg_conn_value(rows, row, C_RUN_ID),
        .opened_at_us = number(rows, row, C_OPENED_AT_US),
        .event_time_us = number(rows, row, C_EVENT_TIME_US),
        .occurrences = (int)number(rows, row, C_OCCURRENCES),
        .detail = text(rows, row, C_DETAIL),
        .downstream = text(rows, row, C_DOWNSTREAM),
        .owners = pg_conn_value(rows, row, C_OWNERS),
        .downstream_count = (int)number(rows, row, C_DOWNSTREAM_COUNT),
    };
    return (struct alerter_claim){.msg = msg,
                                  .receiver = pg_conn_value(rows, row, C_RECEIVER),
                                  .attempt = (int)number(rows, row, C_ATTEMPTS)};
}

enum verdict alerter_store_claim(struct alerter_store *store, const struct alerter_routes *routes,
                                 void (*each)(void *arg, const struct alerter_claim *claim),
                                 void *arg, bool *out_is_more, struct err *err)
{
    struct lists lists = {.texts = {NULL}};
    struct pg_result *rows = NULL;
    char digits[NUMBER_BYTES];
    int64_t room = 0;

    bool is_good = lists_open(&lists);
    for (size_t i = 0; is_good && i < routes->receiver_count; i++) {
        int64_t free_places = store->st->alerts.in_flight_max - routes->receivers[i].in_flight;
        if (free_places > 0) {
            snprintf(digits, sizeof digits, "%lld", (long long)free_places);
            lists_add(&lists, 0, routes->receivers[i].name);
            lists_add(&lists, 1, digits);
            room = free_places > room ? free_places : room;
        }
    }
    is_good = lists_end(&lists) && is_good;
    snprintf(digits, sizeof digits, "%lld",
             (long long)store->st->alerts.request_timeout_ms + CLAIM_GRACE_MS);
    const char *params[] = {lists.texts[0], lists.texts[1], digits};
    enum verdict verdict = is_good ? OK : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK && room > 0) {
        verdict = query(store, "alerter/claim.sql", 3, params, &rows, err);
    }
    lists_free(&lists);
    for (int row = 0; verdict == OK && rows && row < pg_conn_rows(rows); row++) {
        struct alerter_claim claim = claim_of(rows, row);
        each(arg, &claim);
    }
    *out_is_more = verdict == OK && rows && pg_conn_rows(rows) > 0;
    pg_conn_clear(rows);
    return verdict;
}

enum verdict alerter_store_done(struct alerter_store *store, int64_t outbox_id,
                                const char *receiver, struct err *err)
{
    char digits[NUMBER_BYTES];
    snprintf(digits, sizeof digits, "%lld", (long long)outbox_id);
    const char *params[] = {digits, receiver};
    return run(store, "alerter/done.sql", 2, params, err);
}

enum verdict alerter_store_failed(struct alerter_store *store, int64_t outbox_id,
                                  const char *receiver, int attempt, const char *why,
                                  int64_t again_ms, struct err *err)
{
    char numbers[3][NUMBER_BYTES];
    snprintf(numbers[0], NUMBER_BYTES, "%lld", (long long)outbox_id);
    snprintf(numbers[1], NUMBER_BYTES, "%d", attempt);
    snprintf(numbers[2], NUMBER_BYTES, "%lld", (long long)again_ms);
    const char *params[] = {numbers[0], receiver, numbers[1], why,
                            again_ms < 0 ? NULL : numbers[2]};
    return run(store, "alerter/failed.sql", 5, params, err);
}

enum verdict alerter_store_load_contracts(struct alerter_store *store, const char *path,
                                          int *out_changed, struct err *err)
{
    return store->pg ? contracts_load(store->pg, path, out_changed, err)
                     : err_set(err, RETRY, WHERE, "the database is away");
}

enum verdict alerter_store_judge(struct alerter_store *store, bool *out_is_left, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(store, "alerter/judge.sql", 0, NULL, &rows, err);
    *out_is_left = verdict == OK && pg_conn_value(rows, 0, 0)[0] == 't';
    pg_conn_clear(rows);
    return verdict;
}

enum verdict alerter_store_missing_topics(struct alerter_store *store, char **out_topics,
                                          struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(store, "alerter/missing_topics.sql", 0, NULL, &rows, err);
    if (verdict == OK) {
        const char *topics = pg_conn_value(rows, 0, 0);
        char *copy = topics ? strdup(topics) : NULL;
        if (topics && !copy) {
            verdict = err_set(err, RETRY, WHERE, "memory is short");
        } else {
            *out_topics = copy;
        }
    }
    pg_conn_clear(rows);
    return verdict;
}

enum verdict alerter_store_missing(struct alerter_store *store, const char *cluster,
                                   const char *ends, int64_t *out_count, int64_t *out_behind_ms,
                                   struct err *err)
{
    struct pg_result *rows = NULL;
    const char *params[] = {cluster, ends};
    enum verdict verdict = query(store, "alerter/missing.sql", 2, params, &rows, err);
    if (verdict == OK) {
        *out_count = strtoll(pg_conn_value(rows, 0, 0), NULL, 10);
        *out_behind_ms = strtoll(pg_conn_value(rows, 0, 1), NULL, 10);
    }
    pg_conn_clear(rows);
    return verdict;
}

enum verdict alerter_store_tidy(struct alerter_store *store, int64_t *out_pending,
                                int64_t *out_given_up, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = run(store, "alerter/tidy.sql", 0, NULL, err);
    if (verdict == OK) {
        verdict = query(store, "alerter/counts.sql", 0, NULL, &rows, err);
    }
    if (verdict == OK) {
        *out_pending = strtoll(pg_conn_value(rows, 0, 0), NULL, 10);
        *out_given_up = strtoll(pg_conn_value(rows, 0, 1), NULL, 10);
    }
    pg_conn_clear(rows);
    return verdict;
}

void alerter_store_close(struct alerter_store *store)
{
    if (store) {
        disconnect(store);
        free(store);
    }
}
