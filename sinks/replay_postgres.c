#include "replay_postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "migrate.h"
#include "pg_conn.h"
#include "replay_shadow.h"
#include "replay_source.h"
#include "schemas/embedded.h"

#define WHERE "replay_postgres"
#define LOCK_TRIES 4

struct replay {
    struct pg_conn *pg;
    struct replay_source *source;
    struct replay_shadow *shadow;
    enum replay_stretch stretch;
    const struct replay_row *rows; /* of the last next */
    size_t count;
    int64_t since; /* oldest transaction that was not over when this stretch was begun */
};

/* One value of one row as a number. */
static enum verdict ask(struct pg_conn *pg, const char *sql, int64_t *out_number, struct err *err)
{
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(pg, sql, 0, NULL, &result, err);
    if (verdict == OK) {
        *out_number = strtoll(pg_conn_value(result, 0, 0), NULL, 10);
    }
    pg_conn_clear(result);
    return verdict;
}

/* Neither retention nor a migration may change what is being read, and nobody else rebuilds. */
static enum verdict be_alone(struct replay *replay, struct err *err)
{
    int64_t is_alone = 0;
    enum verdict verdict = ask(replay->pg,
                               "select (pg_try_advisory_lock(hashtext('metaops.maintain')) and "
                               "pg_try_advisory_lock(hashtext('metaops.migrate')))::int",
                               &is_alone, err);
    return verdict == OK && !is_alone
               ? err_set(err, FATAL, WHERE,
                         "metaops maintain, migrate or another rebuild is at work: try again later")
               : verdict;
}

static void replay_close(struct replay *replay);

static enum verdict replay_open(const struct settings *st, struct replay **out_replay,
                                struct err *err)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_WRITE, "metaops rebuild", &replay->pg, err);
    if (verdict == OK) {
        verdict = migrate_check(replay->pg, err);
    }
    if (verdict == OK) {
        verdict = be_alone(replay, err);
    }
    if (verdict == OK) {
        verdict = pg_conn_exec(replay->pg,
                               "set statement_timeout = 0; set lock_timeout = '3s'; "
                               "set work_mem = '128MB'",
                               err);
    }
    if (verdict == OK) {
        verdict = replay_shadow_open(st, &replay->shadow, err);
    }
    if (verdict == OK) {
        verdict = replay_source_new(replay->pg, &replay->source, err);
    }
    if (verdict != OK) {
        replay_close(replay);
        return verdict;
    }
    *out_replay = replay;
    return OK;
}

/* From here to the end of the transaction no batch of a worker can begin to write: its first row goes to the ledger.
 * Those that wait do not lose their batch. */
static enum verdict hold_writers(struct replay *replay, struct err *err)
{
    int tries_left = LOCK_TRIES;
    enum verdict verdict = OK;
    do {
        verdict = pg_conn_exec(replay->pg, "begin", err);
        if (verdict == OK) {
            verdict = pg_conn_exec(replay->pg,
                                   "lock table graph.event_ids in share row exclusive mode", err);
        }
        if (verdict != OK) {
            struct err ignored;
            (void)!pg_conn_exec(replay->pg, "rollback", &ignored);
        }
    } while (pg_conn_may_try_again(verdict, err, &tries_left));
    return verdict;
}

static enum verdict ask_since(struct replay *replay, struct err *err)
{
    return ask(replay->pg, "select pg_snapshot_xmin(pg_current_snapshot())::xid", &replay->since,
               err);
}

/* The last one goes over into the exchange; the others are over, and the next one begins from them. */
static enum verdict end_stretch(struct replay *replay, struct err *err)
{
    char sql[80];
    if (replay->stretch == REPLAY_LAST) {
        return pg_conn_exec(replay->pg, "close bodies", err);
    }
    snprintf(sql, sizeof sql, "commit; set metaops.since = '%" PRId64 "'", replay->since);
    return pg_conn_exec(replay->pg, sql, err);
}

static enum verdict replay_read(struct replay *replay, enum replay_stretch stretch, struct err *err)
{
    static const char stored_sql[] =
        "declare bodies no scroll cursor for select * from graph_shadow.bodies";
    const char *sql = embedded_text(sinks_files, "rebuild/arrived.sql").ptr;
    enum verdict verdict = OK;
    replay->stretch = stretch;
    switch (stretch) {
    case REPLAY_STORED:
        sql = stored_sql;
        verdict = pg_conn_exec(replay->pg, "begin isolation level repeatable read", err);
        break;
    case REPLAY_ARRIVED:
        verdict = pg_conn_exec(replay->pg, "begin", err);
        break;
    case REPLAY_LAST:
        verdict = hold_writers(replay, err);
        break;
    }
    if (verdict == OK) {
        verdict = ask_since(replay, err);
    }
    return verdict == OK ? pg_conn_exec(replay->pg, sql, err) : verdict;
}

static enum verdict replay_next(struct replay *replay, struct replay_body *bodies, size_t max,
                                size_t *out_count, struct err *err)
{
    enum verdict verdict = OK;
    if (max < REPLAY_SOURCE_ROWS_MAX) {
        return err_set(err, FATAL, WHERE, "BUG: no room for a chunk");
    }
    verdict = replay_source_next(replay->source, &replay->rows, &replay->count, err);
    for (size_t i = 0; verdict == OK && i < replay->count; i++) {
        bodies[i] =
            (struct replay_body){.event_id = replay->rows[i].id, .body = replay->rows[i].body};
    }
    if (verdict == OK && replay->count == 0) {
        verdict = end_stretch(replay, err);
    }
    *out_count = replay->count;
    return verdict;
}

static enum verdict replay_write(struct replay *replay, const struct graph_batch *rows,
                                 struct err *err)
{
    return replay_shadow_write(replay->shadow, rows, replay->rows, replay->count, err);
}

static enum verdict replay_lost(struct replay *replay, int64_t *out_count, struct err *err)
{
    return ask(replay->pg, "select graph_shadow.lost()", out_count, err);
}

static enum verdict replay_merge(struct replay *replay, struct err *err)
{
    return replay_shadow_merge(replay->shadow, err);
}

static enum verdict replay_compare(struct replay *replay, struct err *err)
{
    return replay_shadow_compare(replay->shadow, err);
}

static int64_t number_at(const struct pg_result *result, int row, int column)
{
    return strtoll(pg_conn_value(result, row, column), NULL, 10);
}

static enum verdict replay_exchange(struct replay *replay, bool is_dry,
                                    void (*tell)(void *arg, const struct replay_change *change),
                                    void *arg, struct err *err)
{
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(
        replay->pg, "select part, added, changed, removed from graph_shadow.exchange()", 0, NULL,
        &result, err);
    if (verdict == OK) {
        verdict = pg_conn_exec(replay->pg, is_dry ? "rollback" : "commit", err);
    }
    for (int row = 0; verdict == OK && row < pg_conn_rows(result); row++) {
        const struct replay_change change = {.table = pg_conn_value(result, row, 0),
                                             .added = number_at(result, row, 1),
                                             .changed = number_at(result, row, 2),
                                             .removed = number_at(result, row, 3)};
        tell(arg, &change);
    }
    pg_conn_clear(result);
    return verdict;
}

static void replay_close(struct replay *replay)
{
    struct err ignored;
    if (!replay) {
        return;
    }
    /* First: a transaction that is still open holds what the shadow's end needs. */
    if (replay->pg && !pg_conn_is_broken(replay->pg)) {
        (void)!pg_conn_exec(replay->pg, "rollback", &ignored);
    }
    replay_shadow_close(replay->shadow);
    replay_source_free(replay->source);
    pg_conn_close(replay->pg);
    free(replay);
}

const struct replay_ops replay_postgres_ops = {
    .open = replay_open,
    .read = replay_read,
    .next = replay_next,
    .write = replay_write,
    .lost = replay_lost,
    .merge = replay_merge,
    .compare = replay_compare,
    .exchange = replay_exchange,
    .close = replay_close,
};
