#include "series_write.h"

#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "core/log.h"
#include "series_codec.h"

#define WHERE "series_write"

enum what { OFF = 1, STILL_OFF = 2, BACK = 3, WAS_OFF = 4, NEVER_OFF = 5 };

struct finding {
    struct finding *next;
    enum what what;
    struct series_episode episode;
};

struct series_row {
    struct id128 id;
    int16_t metric;
    bool is_missing; /* somebody was told that a write is missing */
    bool is_changed;
    bool is_accepted;
    struct id128 accepted_run; /* what it began is expected */
    int64_t last_at_us;
    struct series_state state;
    struct series_view view;
    struct finding *findings; /* in order */
    struct finding **end;
};

static void bind_id_or_null(struct pg_bind *bind, int index, struct id128 id)
{
    if (id128_is_zero(id)) {
        pg_bind_null(bind, index);
    } else {
        pg_bind_uuid(bind, index, id);
    }
}

static enum verdict is_short(struct err *err)
{
    return err_set(err, RETRY, WHERE, "memory is short");
}

static int by_id(const void *a, const void *b)
{
    const struct graph_series *const *x = a;
    const struct graph_series *const *y = b;
    return id128_cmp((*x)->id, (*y)->id);
}

static void bind_series(struct pg_bind *bind, const struct graph_series *series)
{
    pg_bind_uuid(bind, 0, series->id);
    pg_bind_uuid(bind, 1, series->job);
    bind_id_or_null(bind, 2, series->dataset);
    pg_bind_int2(bind, 3, series->direction);
    pg_bind_int2(bind, 4, series->metric);
    pg_bind_text(bind, 5, series->field);
}

enum verdict series_write_names(const struct graph_batch *rows, struct arena *scratch,
                                struct pg_bind *bind, struct pg_conn *pg, struct err *err)
{
    size_t count = rows->series.count;
    if (count == 0) {
        return OK;
    }
    const struct graph_series **sorted = arena_alloc(scratch, count * sizeof *sorted);
    if (!sorted) {
        return is_short(err);
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &rows->series.items[i];
    }
    qsort(sorted, count, sizeof *sorted, by_id);
    pg_bind_begin(bind, "uuu22t");
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !id128_eq(sorted[i]->id, sorted[i - 1]->id)) {
            bind_series(bind, sorted[i]);
        }
    }
    return pg_bind_send(bind, pg, "insert_series", err);
}

static int by_series(const void *a, const void *b)
{
    const struct graph_observation *x = a;
    const struct graph_observation *y = b;
    int order = id128_cmp(x->series, y->series);
    return order ? order : (x->event > y->event) - (x->event < y->event);
}

enum verdict series_write_begin(struct series_write *sw, const struct graph_batch *rows,
                                struct arena *scratch, int64_t lateness_us, struct err *err)
{
    *sw = (struct series_write){.scratch = scratch, .lateness_us = lateness_us};
    if (rows->observations.count == 0) {
        return OK;
    }
    sw->items = arena_alloc(scratch, rows->observations.count * sizeof *sw->items);
    if (!sw->items) {
        return is_short(err);
    }
    for (size_t i = 0; i < rows->observations.count; i++) {
        const struct graph_observation *item = &rows->observations.items[i];
        if (!rows->events.items[item->event].is_stored) {
            sw->items[sw->count++] = *item;
        }
    }
    return OK;
}

static int by_run(const void *a, const void *b)
{
    const struct graph_observation *x = a;
    const struct graph_observation *y = b;
    return id128_cmp(x->run, y->run);
}

static bool read_time(const PGresult *result, int row, int column, int64_t *out_us)
{
    uint64_t wire;
    if (PQgetisnull(result, row, column)) {
        return false;
    }
    memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    *out_us = (int64_t)be64toh(wire) + PG_BIND_EPOCH_US;
    return true;
}

static bool is_named(const PGresult *result, const char *name)
{
    return PQnfields(result) > 0 && strcmp(PQfname(result, 0), name) == 0;
}

/* One observation of a run's duration, of several events the first; the others stay without a value. */
static void take_duration(struct series_write *sw, const PGresult *result, int row)
{
    int64_t started_at_us;
    int64_t ended_at_us;
    uint16_t state;
    struct graph_observation key;
    memcpy(key.run.bytes, PQgetvalue(result, row, 0), sizeof key.run.bytes);
    memcpy(&state, PQgetvalue(result, row, 3), sizeof state);
    if (ntohs(state) != 2 || !read_time(result, row, 1, &started_at_us) ||
        !read_time(result, row, 2, &ended_at_us) || ended_at_us < started_at_us) {
        return;
    }
    struct graph_observation *found = bsearch(&key, sw->items, sw->count, sizeof key, by_run);
    for (; found && found > sw->items && id128_eq(found[-1].run, key.run); found--) {
    }
    for (; found && found < sw->items + sw->count && id128_eq(found->run, key.run); found++) {
        if (found->is_of_run) {
            found->is_of_run = false;
            found->at_us = ended_at_us;
            found->value = (double)(ended_at_us - started_at_us) / 1000000;
            return;
        }
    }
}

void series_write_runs(struct series_write *sw, const struct pg_result *result)
{
    if (!is_named(result, "run_uuid") || sw->count == 0) {
        return;
    }
    qsort(sw->items, sw->count, sizeof *sw->items, by_run);
    for (int row = 0; row < PQntuples(result); row++) {
        take_duration(sw, result, row);
    }
}

enum verdict series_write_lock(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                               bool *out_is_sent, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < sw->count; i++) {
        if (!sw->items[i].is_of_run) {
            sw->items[kept++] = sw->items[i];
        }
    }
    sw->count = kept;
    *out_is_sent = kept > 0;
    if (kept == 0) {
        return OK;
    }
    qsort(sw->items, sw->count, sizeof *sw->items, by_series);
    pg_bind_begin(bind, "u");
    for (size_t i = 0; i < sw->count; i++) {
        if (i == 0 || !id128_eq(sw->items[i].series, sw->items[i - 1].series)) {
            pg_bind_uuid(bind, 0, sw->items[i].series);
        }
    }
    return pg_bind_send(bind, pg, "lock_series", err);
}

static struct series_limits limits_of(const PGresult *result, int row)
{
    struct series_limits limits = {0};
    uint32_t wire;
    if (!PQgetisnull(result, row, 5)) {
        memcpy(&wire, PQgetvalue(result, row, 5), sizeof wire);
        wire = ntohl(wire);
        memcpy(&limits.sensitivity, &wire, sizeof wire);
    }
    if (!PQgetisnull(result, row, 6)) {
        memcpy(&wire, PQgetvalue(result, row, 6), sizeof wire);
        limits.history_min = ntohl(wire);
    }
    return limits;
}

static void read_state(struct series_row *into, const PGresult *result, int row)
{
    uint16_t missing;
    struct str state = {PQgetvalue(result, row, 3), (size_t)PQgetlength(result, row, 3)};
    *into = (struct series_row){0};
    memcpy(into->id.bytes, PQgetvalue(result, row, 0), sizeof into->id.bytes);
    memcpy(&missing, PQgetvalue(result, row, 1), sizeof missing);
    into->is_missing = missing != 0;
    into->end = &into->findings;
    (void)!read_time(result, row, 2, &into->last_at_us);
    if (!series_codec_decode(state, &into->state)) {
        char id[ID128_TEXT_BYTES];
        id128_format(into->id, id);
        log_warn("the state of series %s cannot be read, it learns anew", id);
        into->state = (struct series_state){0};
    }
    into->state.limits = limits_of(result, row);
    into->is_accepted = !PQgetisnull(result, row, 4);
    if (into->is_accepted) {
        memcpy(into->accepted_run.bytes, PQgetvalue(result, row, 4),
               sizeof into->accepted_run.bytes);
    }
}

void series_write_states(struct series_write *sw, const struct pg_result *result)
{
    if (!is_named(result, "locked_series")) {
        return;
    }
    int count = PQntuples(result);
    sw->rows = arena_alloc(sw->scratch, (size_t)count * sizeof *sw->rows);
    if (!sw->rows) {
        sw->is_short = true;
        return;
    }
    for (int row = 0; row < count; row++) {
        read_state(&sw->rows[row], result, row);
    }
    sw->row_count = (size_t)count;
}

static bool find(struct series_write *sw, struct series_row *row, enum what what,
                 const struct series_episode *episode)
{
    struct finding *found = arena_alloc(sw->scratch, sizeof *found);
    if (!found) {
        return false;
    }
    *found = (struct finding){.what = what, .episode = *episode};
    *row->end = found;
    row->end = &found->next;
    sw->finding_count++;
    return true;
}

static const struct series_episode *same_in(const struct series_view *view,
                                            const struct series_episode *episode)
{
    for (uint32_t i = 0; i < view->episode_count; i++) {
        if (id128_eq(view->episodes[i].run, episode->run)) {
            return &view->episodes[i];
        }
    }
    return NULL;
}

/* What another point made of the episodes. */
static bool compare(struct series_write *sw, struct series_row *row,
                    const struct series_view *before)
{
    const struct series_view *after = &row->view;
    for (uint32_t i = 0; i < before->episode_count; i++) {
        if (!same_in(after, &before->episodes[i]) &&
            !find(sw, row, NEVER_OFF, &before->episodes[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < after->episode_count; i++) {
        const struct series_episode *now = &after->episodes[i];
        const struct series_episode *was = same_in(before, now);
        enum what what;
        if (!was || (now->is_open && !was->is_open)) {
            what = now->is_open ? OFF : WAS_OFF;
        } else if (was->is_open) {
            what = now->is_open ? STILL_OFF : BACK;
        } else {
            continue;
        }
        if (!find(sw, row, what, now)) {
            return false;
        }
    }
    return true;
}

static bool observe(struct series_write *sw, struct series_row *row,
                    const struct graph_observation *item)
{
    struct series_point point = {
        .at_us = item->at_us, .run = item->run, .value = (float)item->value};
    struct series_view before;
    struct series_view after;
    row->metric = item->metric;
    if (row->is_accepted) {
        series_model_accept(&row->state, row->metric, row->accepted_run);
        row->is_accepted = false;
    }
    if (!series_model_observe(&row->state, row->metric, &point, sw->lateness_us, &before, &after)) {
        return true;
    }
    row->is_changed = true;
    row->view = after;
    return compare(sw, row, &before);
}

static bool judge(struct series_write *sw)
{
    size_t at = 0;
    for (size_t i = 0; i < sw->row_count; i++) {
        struct series_row *row = &sw->rows[i];
        while (at < sw->count && id128_cmp(sw->items[at].series, row->id) < 0) {
            at++; /* its row was taken away by somebody */
        }
        for (; at < sw->count && id128_eq(sw->items[at].series, row->id); at++) {
            if (!observe(sw, row, &sw->items[at])) {
                return false;
            }
        }
    }
    return true;
}

static bool has_come(const struct series_row *row)
{
    return row->is_missing && row->view.newest.at_us > row->last_at_us;
}

static void bind_row(struct pg_bind *bind, const struct series_row *row)
{
    const struct series_view *view = &row->view;
    bool is_told = view->points >= SERIES_FIRST;
    char state[SERIES_CODEC_BYTES_MAX];
    pg_bind_uuid(bind, 0, row->id);
    pg_bind_int4(bind, 1, (int32_t)view->points);
    pg_bind_time(bind, 2, view->newest.at_us);
    pg_bind_time(bind, 3, view->late_at_us ? view->late_at_us : GRAPH_NO_TIME);
    pg_bind_time(bind, 4, view->stale_at_us ? view->stale_at_us : GRAPH_NO_TIME);
    pg_bind_float8(bind, 5, (double)view->newest.value);
    pg_bind_float8(bind, 6, is_told ? view->expected : NAN);
    pg_bind_float8(bind, 7, is_told ? view->spread : NAN);
    pg_bind_float8(bind, 8, view->score);
    pg_bind_bool(bind, 9, has_come(row));
    pg_bind_text(bind, 10, (struct str){state, series_codec_encode(&row->state, state)});
}

static void bind_finding(struct pg_bind *bind, const struct series_row *row,
                         const struct finding *found)
{
    const struct series_episode *episode = &found->episode;
    bool has_good = !id128_is_zero(episode->good_run);
    pg_bind_uuid(bind, 0, row->id);
    pg_bind_int2(bind, 1, (int16_t)found->what);
    pg_bind_uuid(bind, 2, episode->run);
    pg_bind_time(bind, 3, episode->at_us);
    bind_id_or_null(bind, 4, episode->good_run);
    pg_bind_time(bind, 5, has_good ? episode->good_at_us : GRAPH_NO_TIME);
    pg_bind_float8(bind, 6, episode->value);
    pg_bind_float8(bind, 7, episode->expected);
    pg_bind_float8(bind, 8, episode->spread);
    pg_bind_float8(bind, 9, episode->score);
}

static enum verdict send_come(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                              struct err *err)
{
    size_t count = 0;
    pg_bind_begin(bind, "u");
    for (size_t i = 0; i < sw->row_count; i++) {
        if (sw->rows[i].is_changed && has_come(&sw->rows[i])) {
            pg_bind_uuid(bind, 0, sw->rows[i].id);
            count++;
        }
    }
    return count ? pg_bind_send(bind, pg, "end_missing", err) : OK;
}

static enum verdict send_findings(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                                  struct err *err)
{
    if (sw->finding_count == 0) {
        return OK;
    }
    pg_bind_begin(bind, "u2uzuzdddd");
    for (size_t i = 0; i < sw->row_count; i++) {
        for (const struct finding *each = sw->rows[i].findings; each; each = each->next) {
            bind_finding(bind, &sw->rows[i], each);
        }
    }
    return pg_bind_send(bind, pg, "raise_series", err);
}

enum verdict series_write_send(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                               struct err *err)
{
    size_t count = 0;
    if (sw->is_short || !judge(sw)) {
        return is_short(err);
    }
    enum verdict verdict = send_come(sw, bind, pg, err);
    pg_bind_begin(bind, "u4zzzddddby");
    for (size_t i = 0; i < sw->row_count; i++) {
        if (sw->rows[i].is_changed) {
            bind_row(bind, &sw->rows[i]);
            count++;
        }
    }
    if (verdict == OK && count) {
        verdict = pg_bind_send(bind, pg, "write_series", err);
    }
    return verdict == OK ? send_findings(sw, bind, pg, err) : verdict;
}
