#include "maintain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/kafka_topic.h"
#include "core/log.h"
#include "core/settings.h"
#include "pg_conn.h"
#include "pg_verdict.h"

#define WHERE "maintain"
#define BATCH_ROWS 10000
#define LOCK_TRIES 4
#define SPOOL_DAYS 7 /* how long an emitter may hold an event back */
#define KAFKA_TIMEOUT_MS 10000
#define DAY_MS 86400000L
#define CUTOFF_BYTES 64

struct maintain {
    const struct settings *st;
    struct pg_conn *pg;
    bool is_dry;
    int failures;
};

static void PRINTF_LIKE(2, 3) tell(const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%-14s ", subject);
    vprintf(format, args);
    puts("");
    va_end(args);
    fflush(stdout);
}

/* One number from one statement. */
static enum verdict ask(struct maintain *mt, const char *sql, int param_count,
                        const char *const *params, int64_t *out_number, struct err *err)
{
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(mt->pg, sql, param_count, params, &result, err);
    if (verdict != OK) {
        return verdict;
    }
    const char *value = pg_conn_rows(result) ? pg_conn_value(result, 0, 0) : NULL;
    *out_number = value ? strtoll(value, NULL, 10) : 0;
    pg_conn_clear(result);
    return OK;
}

/* What was received before is older than so many days: one time for a whole step, as the audit tells it. */
static enum verdict cutoff_of(struct maintain *mt, int64_t days, char *out_cutoff, struct err *err)
{
    char number[24];
    const char *params[] = {number};
    struct pg_result *result = NULL;
    snprintf(number, sizeof number, "%" PRId64, days);
    enum verdict verdict = pg_conn_query(
        mt->pg, "select (now() - make_interval(days => $1::int))::text", 1, params, &result, err);
    if (verdict == OK) {
        snprintf(out_cutoff, CUTOFF_BYTES, "%s", pg_conn_value(result, 0, 0));
    }
    pg_conn_clear(result);
    return verdict;
}

static enum verdict make_partitions(struct maintain *mt, struct err *err)
{
    char months[24];
    const char *params[] = {months};
    int64_t count = 0;
    snprintf(months, sizeof months, "%" PRId64, mt->st->postgres.partitions_ahead);
    enum verdict verdict = ask(mt,
                               mt->is_dry ? "select graph.missing_partitions($1::int)"
                                          : "select graph.ensure_partitions($1::int)",
                               1, params, &count, err);
    if (verdict == OK) {
        tell("partitions", "%" PRId64 " %s", count, mt->is_dry ? "to be made" : "made");
    }
    return verdict;
}

static void vacuum(struct maintain *mt, const char *table)
{
    char sql[128];
    struct err err = {.text = ""};
    snprintf(sql, sizeof sql, "vacuum (analyze, skip_locked) graph.%s", table);
    if (pg_conn_exec(mt->pg, sql, &err) != OK) {
        tell("vacuum", "%s: %s", table, err.text);
    }
}

/* Calls sql in batches until it does nothing more: $1 cutoff, $2 the most rows, $3 is_dry, $4 fourth. */
static enum verdict in_batches(struct maintain *mt, const char *sql, const char *fourth,
                               const char *cutoff, int64_t *out_count, struct err *err)
{
    char rows[16];
    const char *params[] = {cutoff, rows, mt->is_dry ? "t" : "f", fourth};
    int64_t some = 0;
    *out_count = 0;
    snprintf(rows, sizeof rows, "%d", BATCH_ROWS);
    do {
        enum verdict verdict = ask(mt, sql, fourth ? 4 : 3, params, &some, err);
        if (verdict != OK) {
            return verdict;
        }
        *out_count += some;
    } while (some > 0 && !mt->is_dry);
    return OK;
}

/* The lock it takes for a moment may not be had at once: workers come first. */
static enum verdict drop_partition(struct maintain *mt, const char *partition, const char *cutoff,
                                   struct err *err)
{
    const char *params[] = {partition, cutoff};
    struct pg_result *result = NULL;
    int tries_left = LOCK_TRIES;
    enum verdict verdict = OK;
    if (mt->is_dry) {
        tell("events", "partition %s to be dropped", partition);
        return OK;
    }
    do {
        verdict = pg_conn_query(mt->pg,
                                "select graph.tell_retention('events', $2::timestamptz, "
                                "graph.drop_events($1, $2::timestamptz)::int, false)",
                                2, params, &result, err);
    } while (pg_conn_may_try_again(verdict, err, &tries_left));
    if (verdict == OK) {
        bool is_dropped = strcmp(pg_conn_value(result, 0, 0), "1") == 0;
        tell("events", "partition %s %s", partition,
             is_dropped ? "dropped" : "has younger rows by now: left");
        pg_conn_clear(result);
    } else if (verdict == RETRY && err->code == pg_verdict_code("55P03")) {
        tell("events", "partition %s is busy: left for the next run", partition);
        verdict = OK;
    }
    return verdict;
}

static enum verdict expire_partition(struct maintain *mt, const char *partition, const char *cutoff,
                                     struct err *err)
{
    int64_t count = 0;
    enum verdict verdict =
        in_batches(mt,
                   "select graph.tell_retention('events', $1::timestamptz, graph.expire_events($4, "
                   "$1::timestamptz, $2::int, $3::boolean), $3::boolean)",
                   partition, cutoff, &count, err);
    if (verdict == OK && count) {
        tell("events", "%" PRId64 " rows of %s %s", count, partition,
             mt->is_dry ? "to be deleted or emptied" : "deleted or emptied");
    }
    if (verdict == OK && count && !mt->is_dry) {
        vacuum(mt, partition);
    }
    return verdict;
}

static enum verdict expire_bases(struct maintain *mt, const char *cutoff, struct err *err)
{
    const char *params[] = {cutoff, mt->is_dry ? "t" : "f"};
    int64_t count = 0;
    enum verdict verdict =
        ask(mt, "select graph.expire_bases($1::timestamptz, $2::boolean)", 2, params, &count, err);
    if (verdict == OK && count) {
        tell("bodies", "%" PRId64 " bases %s", count, mt->is_dry ? "to be deleted" : "deleted");
    }
    return verdict;
}

static enum verdict expire_events(struct maintain *mt, struct err *err)
{
    char cutoff[CUTOFF_BYTES];
    const char *params[] = {cutoff};
    struct pg_result *parts = NULL;
    if (mt->st->postgres.retention_days == 0) {
        tell("events", "kept for ever (postgres.retention_days is 0)");
        return OK;
    }
    enum verdict verdict = cutoff_of(mt, mt->st->postgres.retention_days, cutoff, err);
    if (verdict == OK) {
        verdict = pg_conn_query(
            mt->pg, "select name, is_expired from graph.event_partitions($1::timestamptz)", 1,
            params, &parts, err);
    }
    for (int row = 0; verdict == OK && row < pg_conn_rows(parts); row++) {
        const char *name = pg_conn_value(parts, row, 0);
        verdict = strcmp(pg_conn_value(parts, row, 1), "t") == 0
                      ? drop_partition(mt, name, cutoff, err)
                      : expire_partition(mt, name, cutoff, err);
    }
    pg_conn_clear(parts);
    return verdict == OK ? expire_bases(mt, cutoff, err) : verdict;
}

/* How long Kafka keeps records of events; -1: for ever. */
static enum verdict ask_kafka_days(struct maintain *mt, int64_t *out_days, struct err *err)
{
    long retention_ms = 0;
    enum verdict verdict = kafka_topic_number(mt->st, mt->st->kafka.topic_events, "retention.ms",
                                              KAFKA_TIMEOUT_MS, &retention_ms, err);
    if (verdict != OK) {
        err_wrap(err, "how long Kafka keeps records is not known");
        return verdict;
    }
    *out_days = retention_ms < 0 ? -1 : retention_ms / DAY_MS;
    return OK;
}

/* Ids are the judge of duplicates: they may only go when nothing can come again. */
static enum verdict check_id_days(struct maintain *mt, struct err *err)
{
    int64_t id_days = mt->st->postgres.id_retention_days;
    int64_t days = mt->st->postgres.retention_days;
    int64_t kafka_days = 0;
    if (days == 0 || id_days <= days) {
        return err_set(err, FATAL, WHERE,
                       "postgres.id_retention_days (%" PRId64 ") has to be more than "
                       "postgres.retention_days (%" PRId64 "), which has to be set",
                       id_days, days);
    }
    enum verdict verdict = ask_kafka_days(mt, &kafka_days, err);
    if (verdict == OK && (kafka_days < 0 || kafka_days + SPOOL_DAYS >= id_days)) {
        return err_set(err, FATAL, WHERE,
                       "Kafka keeps records of %s for %" PRId64 " days (-1: ever): "
                       "postgres.id_retention_days has to be more than that and %d",
                       mt->st->kafka.topic_events, kafka_days, SPOOL_DAYS);
    }
    return verdict;
}

static enum verdict expire_simple(struct maintain *mt, const char *subject, const char *function,
                                  const char *table, int64_t days_kept, struct err *err)
{
    char sql[200], cutoff[CUTOFF_BYTES];
    int64_t count = 0;
    if (days_kept == 0) {
        tell(subject, "kept for ever");
        return OK;
    }
    snprintf(sql, sizeof sql,
             "select graph.tell_retention('%s', $1::timestamptz, graph.%s($1::timestamptz, "
             "$2::int, $3::boolean), $3::boolean)",
             subject, function);
    enum verdict verdict = cutoff_of(mt, days_kept, cutoff, err);
    if (verdict == OK) {
        verdict = in_batches(mt, sql, NULL, cutoff, &count, err);
    }
    if (verdict == OK) {
        tell(subject, "%" PRId64 " %s", count, mt->is_dry ? "to be deleted" : "deleted");
    }
    if (verdict == OK && count && !mt->is_dry) {
        vacuum(mt, table);
    }
    return verdict;
}

static enum verdict expire_ids(struct maintain *mt, struct err *err)
{
    if (mt->st->postgres.id_retention_days) {
        enum verdict verdict = check_id_days(mt, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    return expire_simple(mt, "event ids", "expire_ids", "event_ids",
                         mt->st->postgres.id_retention_days, err);
}

/* As above, but the setting gives way to what Kafka keeps, which is only asked when there is something to delete. */
static enum verdict expire_payload_ids(struct maintain *mt, struct err *err)
{
    static const char subject[] = "payload ids";
    int64_t days = mt->st->postgres.payload_id_retention_days;
    int64_t kafka_days = 0;
    int64_t old = 0;
    char number[24];
    const char *params[] = {number};
    enum verdict verdict = OK;
    snprintf(number, sizeof number, "%" PRId64, days);
    if (days) {
        verdict = ask(mt,
                      "select exists (select from graph.event_ids where is_payload and received_at "
                      "< now() - make_interval(days => $1::int))::int",
                      1, params, &old, err);
    }
    if (verdict == OK && old) {
        verdict = ask_kafka_days(mt, &kafka_days, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (kafka_days < 0) {
        tell(subject, "kept for ever, as Kafka keeps records of %s", mt->st->kafka.topic_events);
        return OK;
    }
    if (old && days <= kafka_days + SPOOL_DAYS) {
        days = kafka_days + SPOOL_DAYS + 1;
    }
    return expire_simple(mt, subject, "expire_payload_ids", "event_ids", days, err);
}

static enum verdict expire_pairs(struct maintain *mt, struct err *err)
{
    return expire_simple(mt, "pairs", "expire_pairs", "inference_pairs",
                         mt->st->postgres.prediction_pair_retention_days, err);
}

static enum verdict expire_windows(struct maintain *mt, struct err *err)
{
    return expire_simple(mt, "windows", "expire_windows", "inference_windows",
                         mt->st->postgres.prediction_retention_days, err);
}

static enum verdict expire_evaluations(struct maintain *mt, struct err *err)
{
    return expire_simple(mt, "evaluations", "expire_evaluations", "drift_evaluations",
                         mt->st->postgres.prediction_retention_days, err);
}

static enum verdict expire_letters(struct maintain *mt, struct err *err)
{
    return expire_simple(mt, "dead letters", "expire_letters", "dead_letters",
                         mt->st->postgres.dead_letter_retention_days, err);
}

static enum verdict expire_refusals(struct maintain *mt, struct err *err)
{
    return expire_simple(mt, "refusals", "expire_refusals", "refusals",
                         mt->st->postgres.refusal_retention_days, err);
}

/* What is kept has to be proven: chains go last, with their hashes left as anchors. */
static enum verdict expire_audit(struct maintain *mt, struct err *err)
{
    int64_t days = mt->st->postgres.audit_retention_days;
    int64_t event_days = mt->st->postgres.retention_days;
    if (days && (event_days == 0 || days < event_days)) {
        return err_set(err, FATAL, WHERE,
                       "postgres.audit_retention_days (%" PRId64 ") has to be no less than "
                       "postgres.retention_days (%" PRId64 "), which has to be set",
                       days, event_days);
    }
    return expire_simple(mt, "audit", "expire_audit", "audit", days, err);
}

/* What autovacuum does not get done, and transaction numbers that run out. */
static enum verdict hint(struct maintain *mt, struct err *err)
{
    static const char sql[] =
        "select format('vacuum (analyze) %I.%I;  -- %s of %s rows are dead', schemaname, relname, "
        "n_dead_tup, n_live_tup + n_dead_tup) from pg_stat_user_tables "
        "where schemaname = 'graph' and n_dead_tup > 100000 and n_dead_tup > n_live_tup / 4 "
        "union all select format('vacuum (freeze);  -- the oldest transaction is %s old', "
        "age(datfrozenxid)) from pg_database where datname = current_database() "
        "and age(datfrozenxid) > 1000000000";
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(mt->pg, sql, 0, NULL, &rows, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        tell("advice", "%s", pg_conn_value(rows, row, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

static const struct {
    const char *name;
    enum verdict (*run)(struct maintain *mt, struct err *err);
} steps[] = {
    {.name = "partitions", .run = make_partitions},
    {.name = "events", .run = expire_events},
    {.name = "event ids", .run = expire_ids},
    {.name = "payload ids", .run = expire_payload_ids},
    {.name = "pairs", .run = expire_pairs},
    {.name = "windows", .run = expire_windows},
    {.name = "evaluations", .run = expire_evaluations},
    {.name = "dead letters", .run = expire_letters},
    {.name = "refusals", .run = expire_refusals},
    {.name = "audit", .run = expire_audit},
    {.name = "advice", .run = hint},
};

/* Each step alone: one that is not possible keeps none of the others from their work. */
static enum verdict run_steps(struct maintain *mt, struct err *err)
{
    int64_t is_first = 0;
    enum verdict verdict =
        pg_conn_exec(mt->pg, "set statement_timeout = 0; set lock_timeout = '10s'", err);
    if (verdict == OK) {
        verdict = ask(mt, "select pg_try_advisory_lock(hashtext('metaops.maintain'))::int", 0, NULL,
                      &is_first, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (!is_first) {
        tell("maintain", "another one is running");
        return OK;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct err fault = {.text = ""};
        if (steps[i].run(mt, &fault) != OK) {
            log_error("maintain: %s: %s", steps[i].name, fault.text);
            mt->failures++;
        }
    }
    return OK;
}

int maintain_run(const struct settings *st, int argc, char **argv)
{
    struct maintain mt = {.st = st, .is_dry = argc == 1 && strcmp(argv[0], "--dry-run") == 0};
    struct err err = {.text = ""};
    if (argc > 0 && !mt.is_dry) {
        fprintf(stderr, "usage: metaops maintain [--dry-run]\n");
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_WRITE, "metaops maintain", &mt.pg, &err);
    if (verdict == OK) {
        verdict = run_steps(&mt, &err);
    }
    pg_conn_close(mt.pg);
    if (verdict != OK) {
        log_error("maintain: %s", err.text);
    }
    return verdict != OK || mt.failures ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
