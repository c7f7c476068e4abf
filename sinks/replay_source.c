#include "replay_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <lz4.h>

#include "core/arena.h"
#include "pg_conn.h"
#include "pg_read.h"
#include "replay_bases.h"

#define WHERE "replay_source"
#define BODIES_BYTES_MAX (256u << 20)
#define KEEP_BYTES (32u << 20)
#define UNFOLDED_BYTES_MAX (64 << 10) /* no larger body is packed */

/* Columns of graph_shadow.bodies. */
enum column {
    EVENT_ID,
    EVENT_TIME,
    RUN,
    STATEMENT,
    EVENT_TYPE,
    FACET_DIGESTS,
    BODY_BASE,
    BODY_BYTES,
    BODY
};

struct replay_source {
    struct pg_conn *pg;
    struct replay_bases *bases;
    struct arena *arena; /* unfolded bodies of the chunk */
    PGresult *chunk;     /* what was fetched; rows up to at were given */
    int at;
    PGresult *large; /* one body that was too large for the chunk */
    struct replay_row rows[REPLAY_SOURCE_ROWS_MAX];
};

enum verdict replay_source_new(struct pg_conn *pg, struct replay_source **out_source,
                               struct err *err)
{
    struct replay_source *source = calloc(1, sizeof *source);
    if (!source) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    source->pg = pg;
    source->bases = replay_bases_new();
    source->arena = arena_new(BODIES_BYTES_MAX);
    if (!source->bases || !source->arena) {
        replay_source_free(source);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    *out_source = source;
    return OK;
}

static enum verdict fetch(struct replay_source *source, struct err *err)
{
    char sql[64];
    struct id128 ids[REPLAY_SOURCE_ROWS_MAX];
    size_t count = 0;
    PQclear(source->chunk);
    source->at = 0;
    snprintf(sql, sizeof sql, "fetch %d from bodies", REPLAY_SOURCE_ROWS_MAX);
    source->chunk = PQexecParams(source->pg, sql, 0, NULL, NULL, NULL, NULL, 1);
    if (PQresultStatus(source->chunk) != PGRES_TUPLES_OK) {
        return pg_conn_fault(source->pg, source->chunk, err);
    }
    for (int row = 0; row < PQntuples(source->chunk); row++) {
        if (!PQgetisnull(source->chunk, row, BODY_BASE)) {
            ids[count++] = pg_read_uuid(source->chunk, row, BODY_BASE);
        }
    }
    return replay_bases_fetch(source->bases, source->pg, ids, count, err);
}

static enum verdict fetch_large(struct replay_source *source, struct id128 id, struct str *out_body,
                                struct err *err)
{
    char text[ID128_TEXT_BYTES];
    const char *params[] = {text};
    id128_format(id, text);
    PQclear(source->large);
    source->large =
        PQexecParams(source->pg, "select body from graph.events where event_id = $1::uuid limit 1",
                     1, NULL, params, NULL, NULL, 1);
    if (PQresultStatus(source->large) != PGRES_TUPLES_OK) {
        return pg_conn_fault(source->pg, source->large, err);
    }
    *out_body =
        PQntuples(source->large) ? pg_read_text(source->large, 0, 0) : (struct str){NULL, 0};
    return OK;
}

/* A block that is damaged gives a text that is not the event's: whoever compares it with the id will see. */
static enum verdict unfold(struct replay_source *source, struct id128 base_id, int32_t size,
                           struct str *inout_body, struct err *err)
{
    struct str base = replay_bases_find(source->bases, base_id);
    struct str block = *inout_body;
    *inout_body = STR("");
    if (!base.ptr || size < 0 || size > UNFOLDED_BYTES_MAX) {
        return OK;
    }
    char *text = arena_alloc(source->arena, (size_t)size + 1);
    if (!text) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    int len = LZ4_decompress_safe_usingDict(block.ptr, text, (int)block.len, size, base.ptr,
                                            (int)base.len);
    *inout_body = (struct str){text, len > 0 ? (size_t)len : 0};
    return OK;
}

static enum verdict fill(struct replay_source *source, int at, struct replay_row *row,
                         struct err *err)
{
    const PGresult *chunk = source->chunk;
    int32_t size = pg_read_int4(chunk, at, BODY_BYTES);
    bool is_packed = !PQgetisnull(chunk, at, BODY_BASE);
    enum verdict verdict = OK;
    *row = (struct replay_row){.id = pg_read_uuid(chunk, at, EVENT_ID),
                               .event_time_us = pg_read_time(chunk, at, EVENT_TIME),
                               .has_run = !PQgetisnull(chunk, at, RUN),
                               .run = pg_read_uuid(chunk, at, RUN),
                               .statement = pg_read_uuid(chunk, at, STATEMENT),
                               .event_type = pg_read_text(chunk, at, EVENT_TYPE),
                               .facet_digests = pg_read_text(chunk, at, FACET_DIGESTS),
                               .body = pg_read_text(chunk, at, BODY)};
    if (!row->body.ptr) {
        verdict = fetch_large(source, row->id, &row->body, err);
    }
    if (verdict == OK && row->body.len == 0) {
        row->body.ptr = NULL;
    }
    if (verdict == OK && row->body.ptr && is_packed) {
        verdict = unfold(source, pg_read_uuid(chunk, at, BODY_BASE), size, &row->body, err);
    }
    return verdict;
}

enum verdict replay_source_next(struct replay_source *source, const struct replay_row **out_rows,
                                size_t *out_count, struct err *err)
{
    enum verdict verdict = OK;
    size_t count = 0;
    bool is_alone = false;
    arena_reset(source->arena, KEEP_BYTES);
    if (!source->chunk || source->at == PQntuples(source->chunk)) {
        verdict = fetch(source, err);
    }
    while (verdict == OK && !is_alone && source->at < PQntuples(source->chunk)) {
        is_alone = PQgetisnull(source->chunk, source->at, BODY);
        if (is_alone && count > 0) {
            break;
        }
        verdict = fill(source, source->at, &source->rows[count], err);
        source->at++;
        count++;
    }
    *out_rows = source->rows;
    *out_count = count;
    return verdict;
}

void replay_source_free(struct replay_source *source)
{
    if (!source) {
        return;
    }
    PQclear(source->chunk);
    PQclear(source->large);
    replay_bases_free(source->bases);
    arena_free(source->arena);
    free(source);
}
