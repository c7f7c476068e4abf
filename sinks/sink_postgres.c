#include "sink_postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "audit_export.h"
#include "audit_rows.h"
#include "core/failpoint.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "pg_conn.h"
#include "pg_prepare.h"
#include "pg_tables.h"
#include "pg_verdict.h"
#include "series_write.h"

#define SCRATCH_BYTES_MAX (256u << 20)
#define SCRATCH_KEEP_BYTES (1u << 20)
#define ALL_EVENTS UINT32_MAX
#define ERASED_STATE "MO001"
#define ERASED_WORDS "body of event "

struct sink {
    const struct settings *st;
    const char *cluster_id;
    char application_name[32];
    struct pg_conn *pg;
    struct pg_bind bind;
    struct arena *scratch;
};

static enum verdict sink_open(const struct settings *st, const char *cluster_id, int lane,
                              struct sink **out_sink, struct err *err)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        return err_set(err, RETRY, "sink_postgres", "memory is short");
    }
    sink->st = st;
    sink->cluster_id = cluster_id;
    snprintf(sink->application_name, sizeof sink->application_name, "metaops sink-%d", lane);
    sink->scratch = arena_new(SCRATCH_BYTES_MAX);
    if (!sink->scratch) {
        free(sink);
        return err_set(err, RETRY, "sink_postgres", "memory is short");
    }
    *out_sink = sink;
    return OK;
}

static void disconnect(struct sink *sink)
{
    pg_conn_close(sink->pg);
    sink->pg = NULL;
}

static enum verdict connect_and_prepare(struct sink *sink, struct err *err)
{
    if (sink->pg && !pg_conn_is_broken(sink->pg)) {
        return OK;
    }
    disconnect(sink);
    enum verdict verdict =
        pg_conn_open(sink->st, PG_CONN_WRITE, sink->application_name, &sink->pg, err);
    if (verdict == OK) {
        verdict = pg_prepare_all(sink->pg, err);
    }
    if (verdict != OK) {
        disconnect(sink);
    }
    return verdict;
}

/* Reads results up to the next sync. The first failure fills err; each(i, result) sees every good
 * result in the order of sending. */
static enum verdict read_results(struct sink *sink, void (*each)(void *arg, int index, PGresult *),
                                 void *arg, struct err *err)
{
    enum verdict verdict = OK;
    int index = 0;
    for (;;) {
        struct err silence;
        if (pg_conn_await(sink->pg, sink->st->postgres.statement_timeout_ms, &silence) != OK) {
            *err = silence;
            return RETRY;
        }
        PGresult *result = PQgetResult(sink->pg);
        if (!result) {
            if (PQstatus(sink->pg) == CONNECTION_BAD) {
                return verdict == OK ? pg_conn_fault(sink->pg, NULL, err) : verdict;
            }
            index++;
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return verdict;
        }
        bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        if (is_good && each) {
            each(arg, index, result);
        } else if (!is_good && status != PGRES_PIPELINE_ABORTED && verdict == OK) {
            verdict = pg_conn_fault(sink->pg, result, err);
        }
        PQclear(result);
    }
}

static enum verdict send_plain(struct sink *sink, const char *statement, struct err *err)
{
    pg_bind_begin(&sink->bind, "");
    return pg_bind_send(&sink->bind, sink->pg, statement, err);
}

static enum verdict sync(struct sink *sink, struct err *err)
{
    return PQpipelineSync(sink->pg)
               ? OK
               : err_set(err, RETRY, "sink_postgres", "the connection is gone");
}

static enum verdict sync_and_read(struct sink *sink, void (*each)(void *, int, PGresult *),
                                  void *arg, struct err *err)
{
    enum verdict verdict = sync(sink, err);
    return verdict == OK ? read_results(sink, each, arg, err) : verdict;
}

static enum verdict send_fence(struct sink *sink, const struct graph_batch *rows, struct err *err)
{
    struct pg_bind *bind = &sink->bind;
    pg_bind_begin(bind, "st488u8");
    pg_bind_text(bind, 0, str_view(sink->cluster_id));
    for (size_t i = 0; i < rows->positions.count; i++) {
        const struct graph_position *position = &rows->positions.items[i];
        pg_bind_text(bind, 1, position->topic);
        pg_bind_int4(bind, 2, position->partition);
        pg_bind_int8(bind, 3, position->expected_offset);
        pg_bind_int8(bind, 4, position->next_offset);
        pg_bind_uuid(bind, 5, position->last_id);
        pg_bind_int8(bind, 6, position->last_timestamp_ms);
    }
    return pg_bind_send(bind, sink->pg, "move_offsets", err);
}

static int by_event_id(const void *a, const void *b)
{
    const struct graph_event *const *x = a;
    const struct graph_event *const *y = b;
    return id128_cmp((*x)->id, (*y)->id);
}

/* What the first half of a transaction tells: partitions moved, events that are new. */
struct judgement {
    struct graph_event **sorted;
    size_t count;
    int fenced_rows;
};

static enum verdict send_ledger(struct sink *sink, struct judgement *judgement, struct err *err)
{
    pg_bind_begin(&sink->bind, "uzb");
    for (size_t i = 0; i < judgement->count; i++) {
        pg_bind_uuid(&sink->bind, 0, judgement->sorted[i]->id);
        pg_bind_time(&sink->bind, 1, judgement->sorted[i]->received_at_us);
        if (judgement->sorted[i]->is_payload) {
            pg_bind_bool(&sink->bind, 2, true);
        } else {
            pg_bind_null(&sink->bind, 2);
        }
    }
    return pg_bind_send(&sink->bind, sink->pg, "insert_event_ids", err);
}

/* New ids come back in the order sent: what is missing was stored before. */
static void judge(void *arg, int index, PGresult *result)
{
    struct judgement *judgement = arg;
    if (index == 1) {
        judgement->fenced_rows = PQntuples(result);
    }
    if (index != 2) {
        return;
    }
    int rows = PQntuples(result);
    int row = 0;
    for (size_t i = 0; i < judgement->count; i++) {
        struct graph_event *event = judgement->sorted[i];
        bool is_new = row < rows && memcmp(PQgetvalue(result, row, 0), event->id.bytes, 16) == 0;
        event->is_stored = !is_new;
        row += is_new;
    }
}

static enum verdict prepare_judgement(struct sink *sink, struct graph_batch *rows,
                                      struct judgement *out, struct err *err)
{
    *out = (struct judgement){.count = rows->events.count};
    out->sorted = arena_alloc(sink->scratch, rows->events.count * sizeof *out->sorted);
    if (!out->sorted) {
        return err_set(err, RETRY, "sink_postgres", "memory is short");
    }
    for (size_t i = 0; i < rows->events.count; i++) {
        out->sorted[i] = &rows->events.items[i];
    }
    qsort(out->sorted, out->count, sizeof *out->sorted, by_event_id);
    return OK;
}

static enum verdict send_tables(struct sink *sink, const struct graph_batch *rows,
                                uint32_t only_event, struct err *err)
{
    for (const struct pg_table *table = pg_tables; table->statement; table++) {
        size_t count = 0;
        enum verdict verdict =
            pg_tables_bind(table, rows, only_event, sink->scratch, &sink->bind, &count, err);
        if (verdict == OK && count && table->cluster_param) {
            pg_bind_text(&sink->bind, table->cluster_param, str_view(sink->cluster_id));
        }
        if (verdict == OK && count) {
            verdict = pg_bind_send(&sink->bind, sink->pg, table->statement, err);
        }
        if (verdict != OK) {
            return verdict;
        }
    }
    return OK;
}

/* Behind the tables, whose letters and key changes have added their rows to the chains by then. */
static enum verdict send_audit(struct sink *sink, const struct graph_batch *rows, struct err *err)
{
    static const enum audit_kind kinds[] = {AUDIT_EVENTS, AUDIT_REFUSALS};
    enum verdict verdict = OK;
#ifdef METAOPS_WITHOUT_AUDIT
    return OK; /* what ./tests/run bench --audit compares with */
#endif
    for (size_t i = 0; verdict == OK && i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t count = 0;
        if (kinds[i] == AUDIT_REFUSALS && !rows->refusals.count) {
            continue;
        }
        verdict = audit_rows_bind(&sink->bind, sink->cluster_id, rows, kinds[i], sink->scratch,
                                  &count, err);
        if (verdict == OK && count) {
            verdict = pg_bind_send(&sink->bind, sink->pg, "insert_audit", err);
        }
    }
    return verdict;
}

/* BEGIN, fence and ledger in one round trip. */
static enum verdict first_half(struct sink *sink, struct graph_batch *rows,
                               struct judgement *judgement, struct err *err)
{
    enum verdict verdict = prepare_judgement(sink, rows, judgement, err);
    if (verdict == OK) {
        verdict = send_plain(sink, "begin", err);
    }
    if (verdict == OK) {
        FAILPOINT("sink.begun");
        verdict = send_fence(sink, rows, err);
    }
    if (verdict == OK) {
        verdict = send_ledger(sink, judgement, err);
    }
    return verdict == OK ? sync_and_read(sink, judge, judgement, err) : verdict;
}

static void read_runs(void *arg, int index, PGresult *result)
{
    (void)index;
    series_write_runs(arg, result);
}

static void read_states(void *arg, int index, PGresult *result)
{
    (void)index;
    series_write_states(arg, result);
}

static void read_orders(void *arg, int index, PGresult *result)
{
    (void)index;
    series_write_ordered(arg, result);
}

/* From the lock of series on to what they are now. */
static enum verdict write_series(struct sink *sink, struct series_write *sw, struct err *err)
{
    bool is_sent = false;
    enum verdict verdict = series_write_lock(sw, &sink->bind, sink->pg, &is_sent, err);
    if (verdict != OK || !is_sent) {
        return verdict;
    }
    verdict = sync_and_read(sink, read_states, sw, err);
    if (verdict == OK) {
        verdict = series_write_orders(sw, &sink->bind, sink->pg, &is_sent, err);
    }
    if (verdict == OK && is_sent) {
        verdict = sync_and_read(sink, read_orders, sw, err);
    }
    return verdict == OK ? series_write_send(sw, &sink->bind, sink->pg, err) : verdict;
}

/* Behind the tables: what runs took is known by then, and series are locked last. Two more round trips, for batches
 * with numbers only; one more where series may be new, or people or rules have something to say. */
static enum verdict send_series(struct sink *sink, const struct graph_batch *rows, struct err *err)
{
    struct series_write sw;
    enum verdict verdict = series_write_names(rows, sink->scratch, &sink->bind, sink->pg, err);
    if (verdict == OK) {
        verdict = series_write_begin(&sw, rows, sink->scratch,
                                     sink->st->worker.series_lateness_ms * INT64_C(1000), err);
    }
    if (verdict != OK || sw.count + sw.of_run_count == 0) {
        return verdict;
    }
    verdict = sync_and_read(sink, read_runs, &sw, err);
    return verdict == OK ? write_series(sink, &sw, err) : verdict;
}

/* Rows and COMMIT in one round trip, but for series. */
static enum verdict second_half(struct sink *sink, struct graph_batch *rows, struct err *err)
{
    enum verdict verdict = send_tables(sink, rows, ALL_EVENTS, err);
    if (verdict == OK) {
        verdict = send_series(sink, rows, err);
    }
    if (verdict == OK) {
        verdict = send_audit(sink, rows, err);
    }
#ifndef METAOPS_WITHOUT_DRIFT
    if (verdict == OK) {
        verdict = send_plain(sink, "judge_drift", err);
    }
#endif
    if (verdict == OK) {
        FAILPOINT("sink.rows_sent");
        verdict = send_plain(sink, "commit", err);
    }
    if (verdict == OK) {
        verdict = sync(sink, err);
    }
    FAILPOINT("sink.commit_sent");
    return verdict == OK ? read_results(sink, NULL, NULL, err) : verdict;
}

/* Back to no transaction; a connection on which that fails is of no more use. */
static void roll_back(struct sink *sink)
{
    struct err ignored;
    if (!sink->pg || pg_conn_is_broken(sink->pg)) {
        disconnect(sink);
        return;
    }
    PGTransactionStatusType status = PQtransactionStatus(sink->pg);
    if (status == PQTRANS_ACTIVE) {
        disconnect(sink); /* results are still under way: not worth untangling */
    } else if (status != PQTRANS_IDLE && (send_plain(sink, "rollback", &ignored) != OK ||
                                          sync_and_read(sink, NULL, NULL, &ignored) != OK)) {
        disconnect(sink);
    }
}

/* Which event does the database refuse? Each alone, in transactions that are never committed. */
static enum sink_result find_poison(struct sink *sink, struct graph_batch *rows,
                                    uint32_t *out_event, struct err *err)
{
    for (uint32_t event = 0; event < rows->events.count; event++) {
        struct err tried;
        arena_reset(sink->scratch, SCRATCH_KEEP_BYTES);
        enum verdict verdict = send_plain(sink, "begin", &tried);
        if (verdict == OK) {
            verdict = send_tables(sink, rows, event, &tried);
        }
        if (verdict == OK) {
            verdict = sync_and_read(sink, NULL, NULL, &tried);
        }
        roll_back(sink);
        if (verdict == REJECT) {
            *err = tried;
            *out_event = event;
            return SINK_POISON;
        }
        if (verdict != OK || !sink->pg) {
            return SINK_RESET;
        }
    }
    err_wrap(err, "BUG: refused together, not one by one");
    return SINK_STOP;
}

static void uuid_of(const char *text, struct id128 *out_id)
{
    unsigned byte;
    size_t filled = 0;
    for (const char *at = text; *at && filled < sizeof out_id->bytes; at++) {
        if (*at != '-' && sscanf(at, "%2x", &byte) == 1) {
            out_id->bytes[filled++] = (uint8_t)byte;
            at++;
        }
    }
}

/* The event that is stored against the body of which graph.refuse_erased speaks. */
static bool find_unbased(const struct graph_batch *rows, const struct err *err, uint32_t *out_event)
{
    const char *named = strstr(err->text, ERASED_WORDS);
    struct id128 base = {{0}};
    if (err->code != pg_verdict_code(ERASED_STATE) || !named) {
        return false;
    }
    uuid_of(named + strlen(ERASED_WORDS), &base);
    for (uint32_t event = 0; event < rows->events.count; event++) {
        if (rows->events.items[event].has_base && id128_eq(rows->events.items[event].base, base)) {
            *out_event = event;
            return true;
        }
    }
    return false;
}

static enum sink_result failed(struct sink *sink, struct graph_batch *rows, enum verdict verdict,
                               uint32_t *out_event, struct err *err)
{
    roll_back(sink);
    if (!sink->pg) {
        return SINK_RESET;
    }
    if (find_unbased(rows, err, out_event)) {
        return SINK_UNBASED;
    }
    switch (verdict) {
    case REJECT:
        return find_poison(sink, rows, out_event, err);
    case FATAL:
        return SINK_STOP;
    default:
        return SINK_AGAIN;
    }
}

static enum sink_result sink_write(struct sink *sink, struct graph_batch *rows, uint32_t *out_event,
                                   struct err *err)
{
    struct judgement judgement;
    int64_t begun_us = timebase_mono_us();
    if (!sink->pg && connect_and_prepare(sink, err) != OK) {
        return err->verdict == FATAL ? SINK_STOP : SINK_RESET;
    }
    arena_reset(sink->scratch, SCRATCH_KEEP_BYTES);
    enum verdict verdict = first_half(sink, rows, &judgement, err);
    if (verdict != OK) {
        return failed(sink, rows, verdict, out_event, err);
    }
    FAILPOINT("sink.judged");
    if ((size_t)judgement.fenced_rows != rows->positions.count) {
        roll_back(sink);
        metrics_inc(METRIC_WORKER_FENCED);
        err_set(err, RETRY, "sink_postgres", "an offset is not where this worker left it");
        return SINK_RESET;
    }
    verdict = second_half(sink, rows, err);
    if (verdict != OK) {
        return failed(sink, rows, verdict, out_event, err);
    }
    FAILPOINT("sink.committed");
    rows->stored_count = 0;
    for (size_t i = 0; i < rows->events.count; i++) {
        rows->stored_count += rows->events.items[i].is_stored;
    }
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, timebase_mono_us() - begun_us);
    return SINK_STORED;
}

/* "{a,b}": topics are Kafka names (letters, digits, dots, dashes, underscores) and need no quotes. */
static char *array_literal(const struct sink_position *positions, size_t count, bool of_topics)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        fputs(i ? "," : "{", out);
        if (of_topics) {
            fputs(positions[i].topic, out);
        } else {
            fprintf(out, "%d", positions[i].partition);
        }
    }
    fputs(count ? "}" : "{}", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void fill_position(const PGresult *result, int row, struct sink_position *position)
{
    position->is_found = PQgetvalue(result, row, 4)[0] == 't';
    position->is_elsewhere = !position->is_found && PQgetvalue(result, row, 5)[0] == 't';
    position->is_stopped = position->is_found && PQgetvalue(result, row, 3)[0] == 't';
    position->next_offset = position->is_found ? strtoll(PQgetvalue(result, row, 1), NULL, 10) : 0;
    position->has_last_id = !PQgetisnull(result, row, 2);
    if (position->has_last_id) {
        uuid_of(PQgetvalue(result, row, 2), &position->last_id);
    }
}

static enum verdict sink_load(struct sink *sink, struct sink_position *positions, size_t count,
                              struct err *err)
{
    int64_t timeout_ms = sink->st->postgres.statement_timeout_ms;
    struct pg_result *result = NULL;
    enum verdict verdict = connect_and_prepare(sink, err);
    if (verdict != OK) {
        return verdict;
    }
    char *topics = array_literal(positions, count, true);
    char *partitions = array_literal(positions, count, false);
    if (topics && partitions) {
        const char *params[] = {sink->cluster_id, topics, partitions};
        verdict =
            pg_prepare_run(sink->pg, "begin_audit_streams", 3, params, timeout_ms, &result, err);
        pg_conn_clear(result);
        result = NULL;
        if (verdict == OK) {
            verdict =
                pg_prepare_run(sink->pg, "load_positions", 3, params, timeout_ms, &result, err);
        }
    } else {
        verdict = err_set(err, RETRY, "sink_postgres", "memory is short");
    }
    for (int row = 0; verdict == OK && row < PQntuples(result) && (size_t)row < count; row++) {
        fill_position(result, row, &positions[row]);
    }
    pg_conn_clear(result);
    free(topics);
    free(partitions);
    if (verdict != OK) {
        roll_back(sink);
    }
    return verdict;
}

static enum verdict sink_save(struct sink *sink, const struct sink_position *position,
                              const char *reason, struct err *err)
{
    char partition[16];
    char next_offset[24];
    int64_t timeout_ms = sink->st->postgres.statement_timeout_ms;
    struct pg_result *result = NULL;
    bool is_resumed = position->is_found && !reason;
    enum verdict verdict = connect_and_prepare(sink, err);
    if (verdict != OK) {
        return verdict;
    }
    snprintf(partition, sizeof partition, "%d", position->partition);
    snprintf(next_offset, sizeof next_offset, "%lld", (long long)position->next_offset);
    const char *params[] = {sink->cluster_id, position->topic, partition, next_offset, reason};
    verdict = is_resumed
                  ? pg_prepare_run(sink->pg, "resume_position", 4, params, timeout_ms, &result, err)
                  : pg_prepare_run(sink->pg, "save_position", 5, params, timeout_ms, &result, err);
    pg_conn_clear(result);
    if (verdict != OK) {
        roll_back(sink);
    }
    return verdict;
}

static void sink_close(struct sink *sink)
{
    if (!sink) {
        return;
    }
    disconnect(sink);
    pg_bind_fini(&sink->bind);
    arena_free(sink->scratch);
    free(sink);
}

const struct sink_ops sink_postgres_ops = {.name = "postgres",
                                           .may_go_back = true,
                                           .open = sink_open,
                                           .write = sink_write,
                                           .load = sink_load,
                                           .save = sink_save,
                                           .close = sink_close,
                                           .start_aside = audit_export_start,
                                           .stop_aside = audit_export_stop};
