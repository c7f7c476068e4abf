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
#define NAME_BYTES 64
#define INSERT_EVENTS "rebuild/insert_events.sql"

struct replay_shadow {
    struct pg_conn *pg;
    struct pg_bind bind;
    struct arena *scratch;
    bool is_doubting; /* what is written is noted in schema graph_doubt too */
};

/* Where the sink's statements write: the schema, and what stands before their names when they do. */
static const struct copy {
    const char *schema;
    const char *prefix;
} copies[] = {{.schema = "graph_shadow.", .prefix = ""},
              {.schema = "graph_doubt.", .prefix = "doubt_"}};

/* The sink's own statement, its tables in another schema. The caller frees it; NULL when memory is short. */
static char *in_schema(const char *sql, const char *other)
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
        fputs(other, out);
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

static void name_in(const struct copy *copy, const struct pg_table *table, char *name)
{
    snprintf(name, NAME_BYTES, "%s%s", copy->prefix, table->statement);
}

static enum verdict prepare_table(struct replay_shadow *shadow, const struct pg_table *table,
                                  struct err *err)
{
    enum verdict verdict = OK;
    char file[NAME_BYTES];
    snprintf(file, sizeof file, "sql/%s.sql", table->statement);
    for (size_t i = 0; verdict == OK && i < sizeof copies / sizeof copies[0]; i++) {
        char name[NAME_BYTES];
        name_in(&copies[i], table, name);
        char *sql = in_schema(embedded_text(sinks_files, file).ptr, copies[i].schema);
        verdict =
            sql ? prepare(shadow, name, sql, err) : err_set(err, RETRY, WHERE, "memory is short");
        free(sql);
    }
    return verdict;
}

static enum verdict prepare_all(struct replay_shadow *shadow, struct err *err)
{
    enum verdict verdict =
        prepare(shadow, INSERT_EVENTS, embedded_text(sinks_files, INSERT_EVENTS).ptr, err);
    for (const struct pg_table *table = pg_tables; verdict == OK && table->statement; table++) {
        if (table->is_derived) {
            verdict = prepare_table(shadow, table, err);
        }
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
        /* What a crash takes is made anew anyhow; comparing takes as long as it takes. */
        verdict = pg_conn_exec(shadow->pg,
                               "set synchronous_commit = off; set statement_timeout = 0; "
                               "set work_mem = '128MB'",
                               err);
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
        pg_bind_optional_uuid(bind, 2, event->has_run, event->run);
        pg_bind_uuid(bind, 3, event->statement);
        pg_bind_text(bind, 4, event->event_type);
        pg_bind_text(bind, 5, digests_of(event));
        differing++;
    }
    return differing ? execute(shadow, INSERT_EVENTS, err) : OK;
}

static enum verdict write_table(struct replay_shadow *shadow, const struct pg_table *table,
                                const struct graph_batch *rows, struct err *err)
{
    size_t count = 0;
    size_t written = shadow->is_doubting ? 2 : 1;
    enum verdict verdict =
        pg_tables_bind(table, rows, ALL_EVENTS, shadow->scratch, &shadow->bind, &count, err);
    for (size_t i = 0; verdict == OK && count && i < written; i++) {
        char name[NAME_BYTES];
        name_in(&copies[i], table, name);
        verdict = execute(shadow, name, err);
    }
    return verdict;
}

enum verdict replay_shadow_write(struct replay_shadow *shadow, const struct graph_batch *rows,
                                 const struct replay_row *stored, size_t count, struct err *err)
{
    arena_reset(shadow->scratch, SCRATCH_KEEP_BYTES);
    enum verdict verdict = pg_conn_exec(shadow->pg, "begin", err);
    for (const struct pg_table *table = pg_tables; verdict == OK && table->statement; table++) {
        if (table->is_derived) {
            verdict = write_table(shadow, table, rows, err);
        }
    }
    if (verdict == OK) {
        verdict = write_events(shadow, rows, stored, count, err);
    }
    return verdict == OK ? pg_conn_exec(shadow->pg, "commit", err) : verdict;
}

/* A thousand rows of the graph, whose columns have come as arrays, go back as the statement's parameters: so its rules
 * merge them, which stand nowhere else. */
static enum verdict merge_chunk(struct replay_shadow *shadow, const char *statement,
                                const PGresult *chunk, struct err *err)
{
    const char *params[PG_BIND_PARAMS_MAX];
    int count = PQnfields(chunk);
    for (int i = 0; i < count && i < PG_BIND_PARAMS_MAX; i++) {
        params[i] = PQgetvalue(chunk, 0, i);
    }
    PGresult *result = PQexecPrepared(shadow->pg, statement, count, params, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    enum verdict verdict = is_good ? OK : pg_conn_fault(shadow->pg, result, err);
    PQclear(result);
    if (verdict != OK) {
        err_wrap(err, "%s", statement);
    }
    return verdict;
}

/* "insert_jobs" writes jobs, "upsert_runs" runs. */
static enum verdict declare_arrays(struct replay_shadow *shadow, const char *statement,
                                   struct err *err)
{
    const char *params[] = {strchr(statement, '_') + 1};
    struct pg_result *sql = NULL;
    enum verdict verdict =
        pg_conn_query(shadow->pg, "select graph_shadow.arrays_of($1)", 1, params, &sql, err);
    if (verdict == OK) {
        verdict = pg_conn_exec(shadow->pg, pg_conn_value(sql, 0, 0), err);
    }
    pg_conn_clear(sql);
    return verdict;
}

static enum verdict merge_table(struct replay_shadow *shadow, const char *statement,
                                struct err *err)
{
    enum verdict verdict = declare_arrays(shadow, statement, err);
    for (bool is_over = false; verdict == OK && !is_over;) {
        PGresult *chunk = PQexec(shadow->pg, "fetch 1 from arrays");
        verdict =
            PQresultStatus(chunk) == PGRES_TUPLES_OK ? OK : pg_conn_fault(shadow->pg, chunk, err);
        is_over = verdict == OK && PQntuples(chunk) == 0;
        if (verdict == OK && !is_over) {
            verdict = merge_chunk(shadow, statement, chunk, err);
        }
        PQclear(chunk);
    }
    return verdict == OK ? pg_conn_exec(shadow->pg, "close arrays", err) : verdict;
}

enum verdict replay_shadow_merge(struct replay_shadow *shadow, struct err *err)
{
    enum verdict verdict = pg_conn_exec(shadow->pg, "begin", err);
    for (const struct pg_table *table = pg_tables; verdict == OK && table->statement; table++) {
        if (table->is_derived) {
            verdict = merge_table(shadow, table->statement, err);
        }
    }
    return verdict == OK ? pg_conn_exec(shadow->pg, "commit", err) : verdict;
}

enum verdict replay_shadow_compare(struct replay_shadow *shadow, struct err *err)
{
    shadow->is_doubting = true;
    return pg_conn_exec(shadow->pg, "select graph_shadow.compare()", err);
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
        if (pg_conn_exec(shadow->pg, "drop schema if exists graph_shadow, graph_doubt cascade",
                         &err) != OK) {
            log_warn("schemas graph_shadow and graph_doubt stay until the next rebuild: %s",
                     err.text);
        }
    }
    pg_conn_close(shadow->pg);
    pg_bind_fini(&shadow->bind);
    arena_free(shadow->scratch);
    free(shadow);
}
