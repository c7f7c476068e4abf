/* What verifying has to know before it reads a row: the chains by name, where their partitions stand, and what acts explain. */
#include <stdlib.h>
#include <string.h>

#include "audit_verify.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define WHERE "audit"
/* Entries of a report expire by when they were seen, each alone; the report came that much later at most. */
#define REPORT_SLACK_US (INT64_C(3600) * 1000000)
#define CHAIN "%.*s/%d"
#define CHAIN_ARGS(stream) (int)(stream)->topic.len, (stream)->topic.ptr, (stream)->partition

static enum verdict query(struct audit_verify *av, const char *file, struct pg_result **out_rows,
                          struct err *err)
{
    return pg_conn_query(av->pg, embedded_text(sinks_files, file).ptr, 0, NULL, out_rows, err);
}

static int64_t number(const struct pg_result *rows, int row, int column)
{
    const char *value = pg_conn_value(rows, row, column);
    return value ? strtoll(value, NULL, 10) : 0;
}

static struct str kept(struct audit_verify *av, const struct pg_result *rows, int row, int column)
{
    return arena_dup(av->arena, str_view(pg_conn_value(rows, row, column)));
}

bool audit_load_is_accepted(const struct audit_verify *av, const struct audit_stream *stream,
                            int64_t after_us, int64_t until_us)
{
    for (size_t i = 0; i < av->accept_count; i++) {
        const struct audit_accept *accept = &av->accepts[i];
        if (accept->partition == stream->partition && str_eq(accept->topic, stream->topic) &&
            accept->done_at_us >= after_us && accept->done_at_us <= until_us) {
            return true;
        }
    }
    return false;
}

static enum verdict fill_stream(struct audit_verify *av, const struct pg_result *rows, int row,
                                struct audit_stream *out, struct err *err)
{
    const char *anchor_hash = pg_conn_value(rows, row, 8);
    *out = (struct audit_stream){.cluster_id = kept(av, rows, row, 1),
                                 .topic = kept(av, rows, row, 2),
                                 .partition = (int32_t)number(rows, row, 3),
                                 .begins_at = number(rows, row, 4),
                                 .has_position = pg_conn_value(rows, row, 6) != NULL,
                                 .position = number(rows, row, 6),
                                 .has_anchor = anchor_hash != NULL,
                                 .anchor_sequence = number(rows, row, 7),
                                 .anchor_next_offset = number(rows, row, 9),
                                 .anchor_until_us = number(rows, row, 10)};
    strncpy(out->id, pg_conn_value(rows, row, 0), sizeof out->id - 1);
    if (!out->cluster_id.ptr || !out->topic.ptr) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    struct audit_hash genesis =
        audit_chain_genesis(out->cluster_id, out->topic, out->partition, out->begins_at);
    if (!audit_chain_parse(str_view(pg_conn_value(rows, row, 5)), &out->genesis) ||
        !audit_chain_equal(genesis, out->genesis)) {
        audit_report_fault(
            av->rp, CHAIN ": the chain's name or beginning in graph.audit_streams was altered",
            CHAIN_ARGS(out));
    }
    out->has_begun_anew = audit_load_is_accepted(av, out, INT64_MIN, INT64_MAX);
    if (anchor_hash && !audit_chain_parse(str_view(anchor_hash), &out->anchor_hash)) {
        audit_report_fault(av->rp, CHAIN ": its anchor has no hash", CHAIN_ARGS(out));
    }
    return OK;
}

static enum verdict load_streams(struct audit_verify *av, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(av, "audit/streams.sql", &rows, err);
    if (verdict != OK) {
        return verdict;
    }
    av->stream_count = (size_t)pg_conn_rows(rows);
    av->streams = arena_calloc(av->arena, av->stream_count + 1, sizeof *av->streams);
    if (!av->streams) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    }
    for (size_t i = 0; verdict == OK && i < av->stream_count; i++) {
        verdict = fill_stream(av, rows, (int)i, &av->streams[i], err);
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict load_accepts(struct audit_verify *av, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(av, "audit/accepts.sql", &rows, err);
    if (verdict != OK) {
        return verdict;
    }
    av->accept_count = (size_t)pg_conn_rows(rows);
    av->accepts = arena_calloc(av->arena, av->accept_count + 1, sizeof *av->accepts);
    if (!av->accepts) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    }
    for (size_t i = 0; verdict == OK && i < av->accept_count; i++) {
        av->accepts[i] = (struct audit_accept){.topic = kept(av, rows, (int)i, 0),
                                               .partition = (int32_t)number(rows, (int)i, 1),
                                               .done_at_us = number(rows, (int)i, 2)};
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict load_cutoffs(struct audit_verify *av, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(av, "audit/cutoffs.sql", &rows, err);
    if (verdict == OK) {
        av->cutoff_us[AUDIT_EVENTS] = number(rows, 0, 0);
        av->cutoff_us[0] = number(rows, 0, 1);
        av->cutoff_us[AUDIT_LETTERS] = number(rows, 0, 2);
        av->cutoff_us[AUDIT_REFUSALS] = number(rows, 0, 3);
        if (av->cutoff_us[AUDIT_REFUSALS] != INT64_MIN) {
            av->cutoff_us[AUDIT_REFUSALS] += REPORT_SLACK_US;
        }
        av->begun_us = number(rows, 0, 4);
        av->cutoff_us[AUDIT_KEY_CHANGES] = INT64_MIN;
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict find_orphans(struct audit_verify *av, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = query(av, "audit/orphans.sql", &rows, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        audit_report_fault(
            av->rp, "chain number %s: its name was removed from graph.audit_streams; %s rows",
            pg_conn_value(rows, row, 0), pg_conn_value(rows, row, 1));
    }
    pg_conn_clear(rows);
    return verdict;
}

enum verdict audit_load(struct audit_verify *av, struct err *err)
{
    enum verdict verdict = load_accepts(av, err);
    verdict = verdict == OK ? load_streams(av, err) : verdict;
    verdict = verdict == OK ? load_cutoffs(av, err) : verdict;
    return verdict == OK ? find_orphans(av, err) : verdict;
}
