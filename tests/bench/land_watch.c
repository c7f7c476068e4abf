#include "tests/bench/land_watch.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "tests/bench/load_driver.h"
#include "tests/bench/text_out.h"

#define ASK_SQL "select event_id from graph.event_ids where event_id = any($1::uuid[])"
#define RECORDS_SQL "select coalesce(sum(next_offset), 0) from graph.offsets"
#define STORE_SQL                                                                                  \
    "select (select coalesce(sum(next_offset), 0) from graph.offsets),"                            \
    " (select count(*) from graph.event_ids), (select count(*) from graph.dead_letters),"          \
    " (select sum(pg_total_relation_size(c.oid)) from pg_class c"                                  \
    "  join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'graph' and c.relkind = "   \
    "'r')"
#define SENT_SQL                                                                                   \
    "drop table if exists pg_temp.sent;"                                                           \
    "create temp table sent (event_id uuid, is_accepted boolean)"
#define ACCOUNT_SQL                                                                                \
    "with judged as (select s.event_id, s.is_accepted,"                                            \
    "  exists (select from graph.event_ids e where e.event_id = s.event_id) as landed,"            \
    "  exists (select from graph.dead_letters d where d.event_id = s.event_id) as dead"            \
    "  from pg_temp.sent s) "                                                                      \
    "select count(*) filter (where is_accepted), count(*) filter (where is_accepted and landed),"  \
    " count(*) filter (where is_accepted and dead and not landed),"                                \
    " count(*) filter (where is_accepted and not dead and not landed),"                            \
    " count(*) filter (where not is_accepted and landed),"                                         \
    " (select count(*) from pg_temp.sent s join graph.events e using (event_id)"                   \
    "  where s.is_accepted) from judged"

struct land_watch {
    PGconn *pg;
    bool is_asking;
};

static enum verdict fail(struct land_watch *watch, const char *what, struct err *err)
{
    return err_set(err, FATAL, "land_watch", "%s: %s", what, PQerrorMessage(watch->pg));
}

static enum verdict command(struct land_watch *watch, const char *sql, struct err *err)
{
    PGresult *result = PQexec(watch->pg, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_COPY_IN ? OK : fail(watch, sql, err);
}

enum verdict land_watch_open(const char *conninfo, struct land_watch **out_watch, struct err *err)
{
    struct land_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        return err_set(err, FATAL, "land_watch", "out of memory");
    }
    watch->pg = PQconnectdb(conninfo);
    enum verdict verdict = PQstatus(watch->pg) == CONNECTION_OK ? OK : fail(watch, "connect", err);
    if (verdict == OK) {
        verdict = command(watch, "set client_min_messages = warning", err);
    }
    if (verdict == OK) {
        PGresult *result = PQprepare(watch->pg, "ask", ASK_SQL, 1, NULL);
        verdict = PQresultStatus(result) == PGRES_COMMAND_OK ? OK : fail(watch, "prepare", err);
        PQclear(result);
    }
    if (verdict != OK) {
        land_watch_close(watch);
        return verdict;
    }
    *out_watch = watch;
    return OK;
}

/* One row of count numbers. */
static enum verdict numbers(struct land_watch *watch, const char *sql, int64_t *out, int count,
                            struct err *err)
{
    enum verdict verdict = OK;
    PGresult *result = PQexec(watch->pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != count) {
        verdict = fail(watch, sql, err);
    }
    for (int i = 0; verdict == OK && i < count; i++) {
        out[i] = strtoll(PQgetvalue(result, 0, i), NULL, 10);
    }
    PQclear(result);
    return verdict;
}

enum verdict land_watch_records(struct land_watch *watch, int64_t *out_records, struct err *err)
{
    return numbers(watch, RECORDS_SQL, out_records, 1, err);
}

enum verdict land_watch_store(struct land_watch *watch, struct land_watch_store *out_store,
                              struct err *err)
{
    int64_t row[4];
    enum verdict verdict = numbers(watch, STORE_SQL, row, 4, err);
    if (verdict == OK) {
        *out_store = (struct land_watch_store){
            .records = row[0],
            .events = row[1],
            .dead_letters = row[2],
            .bytes = row[3],
        };
    }
    return verdict;
}

static enum verdict end_copy(struct land_watch *watch, struct err *err)
{
    if (PQputCopyEnd(watch->pg, NULL) != 1) {
        return fail(watch, "COPY", err);
    }
    enum verdict verdict = OK;
    for (PGresult *result = PQgetResult(watch->pg); result; result = PQgetResult(watch->pg)) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            verdict = fail(watch, "COPY", err);
        }
        PQclear(result);
    }
    return verdict;
}

static enum verdict copy_sent(struct land_watch *watch, struct load_set *set, struct err *err)
{
    size_t count;
    const struct load_event *events = load_set_events(set, &count);
    struct text_out line = {0};
    enum verdict verdict = command(watch, SENT_SQL, err);
    if (verdict == OK) {
        verdict = command(watch, "copy pg_temp.sent from stdin", err);
    }
    for (size_t i = 0; verdict == OK && i < count; i++) {
        line.len = 0;
        text_out_uuid(&line, events[i].id);
        text_out_put(&line, events[i].is_accepted ? "\tt\n" : "\tf\n");
        if (line.is_short || PQputCopyData(watch->pg, line.ptr, (int)line.len) != 1) {
            verdict = fail(watch, "COPY", err);
        }
    }
    text_out_fini(&line);
    return verdict == OK ? end_copy(watch, err) : verdict;
}

enum verdict land_watch_account(struct land_watch *watch, struct load_set *set,
                                struct land_watch_account *out_account, struct err *err)
{
    int64_t row[6];
    enum verdict verdict = copy_sent(watch, set, err);
    if (verdict == OK) {
        verdict = command(watch, "analyze pg_temp.sent", err);
    }
    if (verdict == OK) {
        verdict = numbers(watch, ACCOUNT_SQL, row, 6, err);
    }
    if (verdict == OK) {
        *out_account = (struct land_watch_account){
            .accepted = row[0],
            .landed = row[1],
            .dead_letters = row[2],
            .lost = row[3],
            .uninvited = row[4],
            .rows = row[5],
        };
    }
    return verdict;
}

enum verdict land_watch_ask(struct land_watch *watch, const uint8_t (*ids)[16], size_t count,
                            struct err *err)
{
    if (watch->is_asking || count == 0) {
        return OK;
    }
    struct text_out list = {0};
    text_out_put(&list, "{");
    for (size_t i = 0; i < count && i < LAND_WATCH_ASK_MAX; i++) {
        text_out_put(&list, i ? "," : "");
        text_out_uuid(&list, ids[i]);
    }
    text_out_bytes(&list, "}", 2);
    const char *values[] = {list.ptr};
    int is_sent =
        !list.is_short && PQsendQueryPrepared(watch->pg, "ask", 1, values, NULL, NULL, 1) == 1;
    text_out_fini(&list);
    watch->is_asking = is_sent;
    return is_sent ? OK : fail(watch, "ask", err);
}

bool land_watch_is_asking(const struct land_watch *watch)
{
    return watch->is_asking;
}

enum verdict land_watch_answer(struct land_watch *watch, uint8_t (*out_ids)[16], size_t *out_count,
                               struct err *err)
{
    *out_count = 0;
    if (!watch->is_asking) {
        return OK;
    }
    if (!PQconsumeInput(watch->pg)) {
        return fail(watch, "answer", err);
    }
    while (!PQisBusy(watch->pg)) {
        PGresult *result = PQgetResult(watch->pg);
        if (!result) {
            watch->is_asking = false;
            return OK;
        }
        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            PQclear(result);
            return fail(watch, "answer", err);
        }
        for (int i = 0; i < PQntuples(result) && *out_count < LAND_WATCH_ASK_MAX; i++) {
            memcpy(out_ids[(*out_count)++], PQgetvalue(result, i, 0), 16);
        }
        PQclear(result);
    }
    return OK;
}

/* Binary COPY: a row is the number of columns (1), a length and the bytes. */
static enum verdict copy_bodies(struct land_watch *watch, const struct load_set *set,
                                size_t events_max, size_t *out_copied, struct err *err)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    size_t count;
    const struct load_item *items = load_set_items(set, &count);
    bool is_ok = PQputCopyData(watch->pg, head, sizeof(head)) == 1;
    *out_copied = 0;
    for (size_t i = 0; is_ok && i < count && *out_copied < events_max; i++) {
        if (items[i].is_repeat) {
            continue;
        }
        uint32_t len = htonl(items[i].body_bytes);
        char row[6] = {0, 1};
        memcpy(row + 2, &len, sizeof(len));
        is_ok =
            PQputCopyData(watch->pg, row, sizeof(row)) == 1 &&
            PQputCopyData(watch->pg, load_set_body(set, &items[i]), (int)items[i].body_bytes) == 1;
        ++*out_copied;
    }
    is_ok = is_ok && PQputCopyData(watch->pg, "\377\377", 2) == 1;
    return is_ok ? end_copy(watch, err) : fail(watch, "COPY", err);
}

enum verdict land_watch_floor(struct land_watch *watch, const struct load_set *set,
                              size_t events_max, double *out_per_s, struct err *err)
{
    size_t copied = 0;
    enum verdict verdict = command(watch,
                                   "drop schema if exists bench_floor cascade;"
                                   "create schema bench_floor;"
                                   "create table bench_floor.bodies (body bytea)",
                                   err);
    if (verdict != OK) {
        return verdict;
    }
    int64_t start_us = load_driver_now_us();
    verdict = command(watch, "copy bench_floor.bodies from stdin (format binary)", err);
    if (verdict == OK) {
        verdict = copy_bodies(watch, set, events_max, &copied, err);
    }
    double seconds = (double)(load_driver_now_us() - start_us) / 1e6;
    if (verdict == OK) {
        *out_per_s = (double)copied / seconds;
        verdict = command(watch, "drop schema bench_floor cascade", err);
    }
    return verdict;
}

void land_watch_close(struct land_watch *watch)
{
    if (watch) {
        PQfinish(watch->pg);
        free(watch);
    }
}
