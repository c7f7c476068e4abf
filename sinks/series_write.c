#include "series_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "core/log.h"
#include "pg_read.h"
#include "schemas/openlineage.h"
#include "series_locked.h"

#define WHERE "series_write"

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
    pg_bind_uuid(bind, 1, series->group);
    pg_bind_uuid(bind, 2, series->job);
    pg_bind_optional_uuid(bind, 3, series->has_dataset, series->dataset);
    pg_bind_int2(bind, 4, series->direction);
    pg_bind_int2(bind, 5, series->metric);
    pg_bind_text(bind, 6, series->field);
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
    pg_bind_begin(bind, "uuuu22t");
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !id128_eq(sorted[i]->id, sorted[i - 1]->id)) {
            bind_series(bind, sorted[i]);
        }
    }
    return pg_bind_send(bind, pg, "insert_series", err);
}

static int by_group(const void *a, const void *b)
{
    const struct graph_observation *x = *(struct graph_observation *const *)a;
    const struct graph_observation *y = *(struct graph_observation *const *)b;
    int order = id128_cmp(x->group, y->group) ?: (x->metric > y->metric) - (x->metric < y->metric);
    return order ? order : (x->event > y->event) - (x->event < y->event);
}

static int by_run(const void *a, const void *b)
{
    const struct graph_observation *x = *(struct graph_observation *const *)a;
    const struct graph_observation *y = *(struct graph_observation *const *)b;
    return id128_cmp(x->run, y->run);
}

/* Copies: what a run took is written into them, and the batch may have to be written again. */
enum verdict series_write_begin(struct series_write *sw, const struct graph_batch *rows,
                                struct arena *scratch, int64_t lateness_us, struct err *err)
{
    size_t count = rows->observations.count;
    *sw = (struct series_write){.scratch = scratch, .lateness_us = lateness_us, .batch = rows};
    if (count == 0) {
        return OK;
    }
    struct graph_observation *copies = arena_alloc(scratch, count * sizeof *copies);
    sw->items = arena_alloc(scratch, count * sizeof *sw->items);
    sw->of_runs = arena_alloc(scratch, count * sizeof *sw->of_runs);
    if (!copies || !sw->items || !sw->of_runs) {
        return is_short(err);
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = rows->observations.items[i];
        if (rows->events.items[copies[i].event].is_stored) {
            continue;
        }
        if (copies[i].is_of_run) {
            sw->of_runs[sw->of_run_count++] = &copies[i];
        } else {
            sw->items[sw->count++] = &copies[i];
        }
    }
    qsort(sw->of_runs, sw->of_run_count, sizeof *sw->of_runs, by_run);
    return OK;
}

static bool is_named(const PGresult *result, const char *name)
{
    return PQnfields(result) > 0 && strcmp(PQfname(result, 0), name) == 0;
}

/* One observation of a run's duration, however many of its events are here; without both ends there is none. */
static void take_duration(struct series_write *sw, const PGresult *result, int row)
{
    struct graph_observation key = {.run = pg_read_uuid(result, row, 0)};
    const struct graph_observation *sought = &key;
    int64_t started_at_us = pg_read_time(result, row, 1);
    int64_t ended_at_us = pg_read_time(result, row, 2);
    if (pg_read_int2(result, row, 3) != OPENLINEAGE_STATE_COMPLETE ||
        started_at_us == GRAPH_NO_TIME || ended_at_us < started_at_us) {
        return;
    }
    struct graph_observation **found =
        bsearch(&sought, sw->of_runs, sw->of_run_count, sizeof *found, by_run);
    if (found) {
        (*found)->at_us = ended_at_us;
        (*found)->value = (double)(ended_at_us - started_at_us) / 1000000;
        sw->items[sw->count++] = *found;
    }
}

void series_write_runs(struct series_write *sw, const struct pg_result *result)
{
    if (!is_named(result, "run_uuid")) {
        return;
    }
    for (int row = 0; row < PQntuples(result) && sw->of_run_count; row++) {
        take_duration(sw, result, row);
    }
}

enum verdict series_write_lock(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                               bool *out_is_sent, struct err *err)
{
    *out_is_sent = sw->count > 0;
    if (sw->count == 0) {
        return OK;
    }
    qsort(sw->items, sw->count, sizeof *sw->items, by_group);
    pg_bind_begin(bind, "u");
    for (size_t i = 0; i < sw->count; i++) {
        if (i == 0 || !id128_eq(sw->items[i]->group, sw->items[i - 1]->group)) {
            pg_bind_uuid(bind, 0, sw->items[i]->group);
        }
    }
    return pg_bind_send(bind, pg, "lock_series", err);
}

/* Gives each group its items; those of a group whose row was taken away by somebody are passed over. */
static bool begin_groups(struct series_write *sw)
{
    size_t at = 0;
    for (size_t i = 0; i < sw->group_count; i++) {
        struct series_group *group = &sw->groups[i];
        while (at < sw->count && id128_cmp(sw->items[at]->group, group->id) < 0) {
            at++;
        }
        size_t end = at;
        while (end < sw->count && id128_eq(sw->items[end]->group, group->id)) {
            end++;
        }
        if (!series_locked_begin(group, &sw->items[at], end - at, sw->scratch)) {
            return false;
        }
        at = end;
    }
    return true;
}

void series_write_states(struct series_write *sw, const struct pg_result *result)
{
    if (!is_named(result, "locked_group")) {
        return;
    }
    size_t count = (size_t)PQntuples(result);
    sw->groups = arena_alloc(sw->scratch, (count + 1) * sizeof *sw->groups);
    sw->is_short = !sw->groups;
    for (size_t i = 0; i < count && !sw->is_short; i++) {
        sw->is_short = !series_locked_read(&sw->groups[i], result, (int)i, sw->scratch);
    }
    sw->group_count = sw->is_short ? 0 : count;
    sw->is_short = sw->is_short || !begin_groups(sw);
}

static int group_by_id(const void *a, const void *b)
{
    const struct series_group *x = a;
    const struct series_group *y = b;
    return id128_cmp(x->id, y->id);
}

static struct series_group *group_of(struct series_write *sw, struct id128 id)
{
    struct series_group key = {.id = id};
    return sw->group_count ? bsearch(&key, sw->groups, sw->group_count, sizeof key, group_by_id)
                           : NULL;
}

enum verdict series_write_orders(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                                 bool *out_is_sent, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < sw->batch->series.count; i++) {
        struct series_group *group = group_of(sw, sw->batch->series.items[i].group);
        if (group) {
            group->has_orders = true;
        }
    }
    pg_bind_begin(bind, "u");
    for (size_t i = 0; i < sw->group_count; i++) {
        struct series_group *group = &sw->groups[i];
        if (group->has_orders) {
            pg_bind_uuid(bind, 0, group->id);
            group->has_orders = false;
            count++;
        }
    }
    *out_is_sent = count > 0;
    return count ? pg_bind_send(bind, pg, "load_series_orders", err) : OK;
}

void series_write_ordered(struct series_write *sw, const struct pg_result *result)
{
    if (!is_named(result, "ordered_series")) {
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        struct series_group *group = group_of(sw, pg_read_uuid(result, row, 1));
        if (group) {
            series_locked_order(group, result, row);
        }
    }
}

static bool find(struct series_write *sw, struct series_row *row, enum series_what what,
                 const struct series_episode *episode)
{
    struct series_finding *found = arena_alloc(sw->scratch, sizeof *found);
    if (!found) {
        return false;
    }
    *found = (struct series_finding){.what = what, .episode = *episode};
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
                    const struct series_view *before, const struct series_view *after)
{
    for (uint32_t i = 0; i < before->episode_count; i++) {
        if (!same_in(after, &before->episodes[i]) &&
            !find(sw, row, SERIES_NEVER_OFF, &before->episodes[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < after->episode_count; i++) {
        const struct series_episode *now = &after->episodes[i];
        const struct series_episode *was = same_in(before, now);
        enum series_what what;
        if (!was || (now->is_open && !was->is_open)) {
            what = now->is_open ? SERIES_OFF : SERIES_WAS_OFF;
        } else if (was->is_open) {
            what = now->is_open ? SERIES_STILL_OFF : SERIES_BACK;
        } else {
            continue;
        }
        if (!find(sw, row, what, now)) {
            return false;
        }
    }
    return true;
}

static struct series_state state_of(const struct series_row *row)
{
    struct series_state state;
    if (!series_codec_decode(row->state, &state)) {
        char id[ID128_TEXT_BYTES];
        id128_format(row->id, id);
        log_warn("the state of series %s cannot be read, it learns anew", id);
        state = (struct series_state){0};
    }
    state.limits = row->limits;
    if (row->is_accepted) {
        series_model_accept(&state, row->metric, row->accepted_run);
    }
    return state;
}

static int64_t time_or_none(int64_t us)
{
    return us ? us : GRAPH_NO_TIME;
}

static void take_writes(struct series_group *group, const struct series_view *view)
{
    group->has_come = group->missing && view->newest.at_us > group->writes.last_at_us;
    group->writes = (struct series_writes){.last_at_us = view->newest.at_us,
                                           .late_at_us = time_or_none(view->late_at_us),
                                           .stale_at_us = time_or_none(view->stale_at_us)};
}

static bool keep(struct series_write *sw, struct series_row *row, const struct series_state *state,
                 const struct series_view *view)
{
    char *bytes = arena_alloc(sw->scratch, SERIES_GROUP_ENTRY_BYTES_MAX);
    if (bytes) {
        row->entry = (struct str){bytes, series_group_put(bytes, row->metric, view, state)};
    }
    return bytes;
}

static bool judge_row(struct series_write *sw, struct series_group *group, struct series_row *row)
{
    struct series_state state = state_of(row);
    struct series_view before;
    struct series_view after;
    for (size_t i = 0; i < row->item_count; i++) {
        const struct graph_observation *item = row->items[i];
        struct series_point point = {
            .at_us = item->at_us, .run = item->run, .value = (float)item->value};
        if (!series_model_observe(&state, row->metric, &point, sw->lateness_us, &before, &after)) {
            continue;
        }
        row->is_changed = true;
        if (!compare(sw, row, &before, &after)) {
            return false;
        }
    }
    if (row->is_changed && row->metric == GRAPH_METRIC_GAP) {
        take_writes(group, &after);
    }
    return !row->is_changed || keep(sw, row, &state, &after);
}

static bool judge(struct series_write *sw)
{
    for (size_t i = 0; i < sw->group_count; i++) {
        struct series_group *group = &sw->groups[i];
        for (size_t j = 0; j < group->row_count; j++) {
            struct series_row *row = &group->rows[j];
            if (!judge_row(sw, group, row)) {
                return false;
            }
            group->has_orders = group->has_orders || (row->is_accepted && !row->is_changed);
        }
    }
    return true;
}

static bool is_changed(const struct series_group *group)
{
    for (size_t i = 0; i < group->row_count; i++) {
        if (group->rows[i].is_changed) {
            return true;
        }
    }
    return false;
}

static bool bind_group(struct series_write *sw, struct pg_bind *bind,
                       const struct series_group *group)
{
    struct str states = series_locked_states(group, sw->scratch);
    pg_bind_uuid(bind, 0, group->id);
    pg_bind_int2(bind, 1, group->has_come ? 0 : group->missing);
    pg_bind_bool(bind, 2, group->has_orders);
    pg_bind_time(bind, 3, group->writes.last_at_us);
    pg_bind_time(bind, 4, group->writes.late_at_us);
    pg_bind_time(bind, 5, group->writes.stale_at_us);
    pg_bind_text(bind, 6, states);
    return states.ptr != NULL;
}

static void bind_finding(struct pg_bind *bind, const struct series_row *row,
                         const struct series_finding *found)
{
    const struct series_episode *episode = &found->episode;
    bool has_good = !id128_is_zero(episode->good_run);
    pg_bind_uuid(bind, 0, row->id);
    pg_bind_int2(bind, 1, (int16_t)found->what);
    pg_bind_uuid(bind, 2, episode->run);
    pg_bind_time(bind, 3, episode->at_us);
    pg_bind_optional_uuid(bind, 4, has_good, episode->good_run);
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
    for (size_t i = 0; i < sw->group_count; i++) {
        if (sw->groups[i].has_come) { /* the gap: the least metric */
            pg_bind_uuid(bind, 0, sw->groups[i].rows[0].id);
            count++;
        }
    }
    return count ? pg_bind_send(bind, pg, "end_missing", err) : OK;
}

static enum verdict send_groups(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                                struct err *err)
{
    size_t count = 0;
    pg_bind_begin(bind, "u2bzzzy");
    for (size_t i = 0; i < sw->group_count; i++) {
        if (is_changed(&sw->groups[i])) {
            if (!bind_group(sw, bind, &sw->groups[i])) {
                return is_short(err);
            }
            count++;
        }
    }
    return count ? pg_bind_send(bind, pg, "write_series", err) : OK;
}

static enum verdict send_accepted(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                                  struct err *err)
{
    size_t count = 0;
    pg_bind_begin(bind, "u");
    for (size_t i = 0; i < sw->group_count; i++) {
        for (size_t j = 0; j < sw->groups[i].row_count; j++) {
            const struct series_row *row = &sw->groups[i].rows[j];
            if (row->is_accepted && row->is_changed) {
                pg_bind_uuid(bind, 0, row->id);
                count++;
            }
        }
    }
    return count ? pg_bind_send(bind, pg, "clear_accepted", err) : OK;
}

static enum verdict send_findings(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                                  struct err *err)
{
    if (sw->finding_count == 0) {
        return OK;
    }
    pg_bind_begin(bind, "u2uzuzdddd");
    for (size_t i = 0; i < sw->group_count; i++) {
        for (size_t j = 0; j < sw->groups[i].row_count; j++) {
            const struct series_row *row = &sw->groups[i].rows[j];
            for (const struct series_finding *each = row->findings; each; each = each->next) {
                bind_finding(bind, row, each);
            }
        }
    }
    return pg_bind_send(bind, pg, "raise_series", err);
}

enum verdict series_write_send(struct series_write *sw, struct pg_bind *bind, struct pg_conn *pg,
                               struct err *err)
{
    if (sw->is_short || !judge(sw)) {
        return is_short(err);
    }
    enum verdict verdict = send_come(sw, bind, pg, err);
    if (verdict == OK) {
        verdict = send_groups(sw, bind, pg, err);
    }
    if (verdict == OK) {
        verdict = send_accepted(sw, bind, pg, err);
    }
    return verdict == OK ? send_findings(sw, bind, pg, err) : verdict;
}
