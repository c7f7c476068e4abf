#include "replay_shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "core/arena.h"
#include "core/log.h"
#include "pg_conn.h"
#include "pg_tables.h"
#include "replay_source.h"
#include "schemas/embedded.h"

#define WHERE "replay_shadow"
#define SCRATCH_BYTES_MAX (256u << 20)
#define SCRATCH_KEEP_BYTES (1u << 20)
#define ALL_EVENTS UINT32_MAX
#define INSERT_SEEN "rebuild/insert_seen.sql"
#define INSERT_EVENTS "rebuild/insert_events.sql"

struct replay_shadow {
    struct pg_conn *pg;
    struct pg_bind bind;
    struct arena *scratch;
};

/* The sink's own statement, its tables in the other schema. The caller frees it; NULL when memory is short. */
static char *in_shadow(const char *sql)
{
    static const char schema[] = "graph.";
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return NULL;
    }
    for (const char *found; (found = strstr(sql, schema)); sql = found + strlen(schema)) {
        fwrite(sql, 1, (size_t)(found - sql), out);
        fputs("graph_shadow.", out);
    }
    fputs(sql, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static enum verdict prepare(struct replay_shadow *shadow, const char *name, const char *sql,
                            struct err *err)
{
    PGresult *result = PQprepare(shadow->pg, name, sql, 0, NULL);
    enum verdict verdict =
        PQresultStatus(result) == PGRES_COMMAND_OK ? OK : pg_conn_fault(shadow->pg, result, err);
    PQclear(result);
    if (verdict != OK) {
        err_wrap(err, "%s", name);
    }
    return verdict;
}

static enum verdict prepare_all(struct replay_shadow *shadow, struct err *err)
{
    static const char *const own[] = {INSERT_SEEN, INSERT_EVENTS};
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof own / sizeof own[0]; i++) {
        verdict = prepare(shadow, own[i], embedded_text(sinks_files, own[i]).ptr, err);
    }
    for (const struct pg_table *table = pg_tables; verdict == OK && table->statement; table++) {
        char file[64];
        if (!table->is_derived) {
            continue;
        }
        snprintf(file, sizeof file, "sql/%s.sql", table->statement);
        char *sql = in_shadow(embedded_text(sinks_files, file).ptr);
        verdict = sql ? prepare(shadow, table->statement, sql, err)
                      : err_set(err, RETRY, WHERE, "memory is short");
        free(sql);
    }
    return verdict;
}

enum verdict replay_shadow_open(const struct settings *st, struct replay_shadow **out_shadow,
                                struct err *err)
{
    struct replay_shadow *shadow = calloc(1, sizeof *shadow);
    if (!shadow) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    shadow->scratch = arena_new(SCRATCH_BYTES_MAX);
    enum verdict verdict =
        shadow->scratch ? pg_conn_open(st, PG_CONN_WRITE, "metaops rebuild", &shadow->pg, err)
                        : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK) {
        verdict =
            pg_conn_exec(shadow->pg, embedded_text(sinks_files, "rebuild/shadow.sql").ptr, err);
    }
    if (verdict == OK) {
        verdict = prepare_all(shadow, err);
    }
    if (verdict == OK) {
        /* What a crash takes is made anew anyhow. */
        verdict = pg_conn_exec(shadow->pg, "set synchronous_commit = off", err);
    }
    if (verdict != OK) {
        replay_shadow_close(shadow);
        return verdict;
    }
    *out_shadow = shadow;
    return OK;
}

static enum verdict execute(struct replay_shadow *shadow, const char *statement, struct err *err)
{
    enum verdict verdict = pg_bind_send(&shadow->bind, shadow->pg, statement, err);
    if (verdict != OK) {
        return verdict;
    }
    for (PGresult *result; (result = PQgetResult(shadow->pg));) {
        ExecStatusType status = PQresultStatus(result);
        if (verdict == OK && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            verdict = pg_conn_fault(shadow->pg, result, err);
            err_wrap(err, "%s", statement);
        }
        PQclear(result);
    }
    return verdict;
}

enum verdict replay_shadow_see(struct replay_shadow *shadow, const struct replay_row *stored,
                               size_t count, struct err *err)
{
    pg_bind_begin(&shadow->bind, "u");
    for (size_t i = 0; i < count; i++) {
        pg_bind_uuid(&shadow->bind, 0, stored[i].id);
    }
    return execute(shadow, INSERT_SEEN, err);
}

static struct str digests_of(const struct graph_event *event)
{
    uint32_t count = event->facet_digest_count;
    return (struct str){count ? (const char *)event->facet_digests : NULL,
                        count * sizeof *event->facet_digests};
}

/* Null is not the same as no characters. */
static bool is_same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool is_stored_so(const struct graph_event *event, const struct replay_row *row)
{
    return event->event_time_us == row->event_time_us && event->has_run == row->has_run &&
           (!event->has_run || id128_eq(event->run, row->run)) &&
           id128_eq(event->statement, row->statement) &&
           is_same_text(event->event_type, row->event_type) &&
           is_same_text(digests_of(event), row->facet_digests);
}

static enum verdict write_events(struct replay_shadow *shadow, const struct graph_batch *rows,
                                 const struct replay_row *stored, size_t count, struct err *err)
{
    struct pg_bind *bind = &shadow->bind;
    size_t differing = 0;
    size_t at = 0;
    pg_bind_begin(bind, "uzuuty");
    for (size_t i = 0; i < rows->events.count; i++) {
        const struct graph_event *event = &rows->events.items[i];
        while (at < count && !id128_eq(stored[at].id, event->id)) {
            at++;
        }
        if (at == count) {
            return err_set(err, FATAL, WHERE, "BUG: an event that was not read");
        }
        if (is_stored_so(event, &stored[at])) {
            continue;
        }
        pg_bind_uuid(bind, 0, event->id);
        pg_bind_time(bind, 1, event->event_time_us);
        if (event->has_run) {
            pg_bind_uuid(bind, 2, event->run);
        } else {
            pg_bind_null(bind, 2);
        }
        pg_bind_uuid(bind, 3, event->statement);
        pg_bind_text(bind, 4, event->event_type);
        pg_bind_text(bind, 5, digests_of(event));
        differing++;
    }
    return differing ? execute(shadow, INSERT_EVENTS, err) : OK;
}

enum verdict replay_shadow_write(struct replay_shadow *shadow, const struct graph_batch *rows,
                                 const struct replay_row *stored, size_t count, struct err *err)
{
    arena_reset(shadow->scratch, SCRATCH_KEEP_BYTES);
    enum verdict verdict = pg_conn_exec(shadow->pg, "begin", err);
    for (const struct pg_table *table = pg_tables; verdict == OK && table->statement; table++) {
        size_t bound = 0;
        if (!table->is_derived) {
            continue;
        }
        verdict =
            pg_tables_bind(table, rows, ALL_EVENTS, shadow->scratch, &shadow->bind, &bound, err);
        if (verdict == OK && bound) {
            verdict = execute(shadow, table->statement, err);
        }
    }
    if (verdict == OK) {
        verdict = write_events(shadow, rows, stored, count, err);
    }
    return verdict == OK ? pg_conn_exec(shadow->pg, "commit", err) : verdict;
}

enum verdict replay_shadow_analyze(struct replay_shadow *shadow, struct err *err)
{
    static const char sql[] = "do $$ declare part name; begin "
                              "for part in select name from graph_shadow.parts "
                              "union all values ('seen'), ('events') loop "
                              "execute format('analyze graph_shadow.%I', part); "
                              "end loop; end $$";
    return pg_conn_exec(shadow->pg, sql, err);
}

void replay_shadow_close(struct replay_shadow *shadow)
{
    struct err err;
    if (!shadow) {
        return;
    }
    if (shadow->pg && !pg_conn_is_broken(shadow->pg)) {
        /* After a failure a transaction may be open. */
        (void)!pg_conn_exec(shadow->pg, "rollback", &err);
        if (pg_conn_exec(shadow->pg, "drop schema if exists graph_shadow cascade", &err) != OK) {
            log_warn("schema graph_shadow stays until the next rebuild: %s", err.text);
        }
    }
    pg_conn_close(shadow->pg);
    pg_bind_fini(&shadow->bind);
    arena_free(shadow->scratch);
    free(shadow);
}
