#include "series_locked.h"

#include <string.h>

#include "core/log.h"
#include "pg_read.h"

bool series_locked_read(struct series_group *into, const PGresult *result, int row,
                        struct arena *scratch)
{
    struct str states = pg_read_text(result, row, 6);
    char *copy = arena_alloc(scratch, states.len + 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, states.ptr ? states.ptr : "", states.len);
    *into = (struct series_group){.id = pg_read_uuid(result, row, 0),
                                  .missing = pg_read_int2(result, row, 1),
                                  .has_orders = PQgetvalue(result, row, 2)[0] != 0,
                                  .writes = {.last_at_us = pg_read_time(result, row, 3),
                                             .late_at_us = pg_read_time(result, row, 4),
                                             .stale_at_us = pg_read_time(result, row, 5)},
                                  .states = {copy, states.len}};
    return true;
}

bool series_locked_begin(struct series_group *group, struct graph_observation *const *items,
                         size_t count, struct arena *scratch)
{
    struct str rest = group->states;
    struct series_entry entry;
    bool has_entry = series_group_next(&rest, &entry);
    size_t metrics = 0;
    for (size_t i = 0; i < count; i++) {
        metrics += i == 0 || items[i]->metric != items[i - 1]->metric;
    }
    group->rows = arena_calloc(scratch, metrics, sizeof *group->rows);
    if (!group->rows) {
        return false;
    }
    for (size_t i = 0; i < count;) {
        struct series_row *row = &group->rows[group->row_count++];
        *row = (struct series_row){.id = items[i]->series,
                                   .metric = items[i]->metric,
                                   .end = &row->findings,
                                   .items = &items[i]};
        while (has_entry && entry.metric < row->metric) {
            has_entry = series_group_next(&rest, &entry);
        }
        if (has_entry && entry.metric == row->metric) {
            row->entry = entry.bytes;
            row->state = entry.state;
        }
        for (; i < count && items[i]->metric == row->metric; i++) {
            row->item_count++;
        }
    }
    return true;
}

void series_locked_order(struct series_group *group, const PGresult *result, int row)
{
    int16_t metric = pg_read_int2(result, row, 2);
    struct series_limits limits = {.sensitivity = pg_read_float4(result, row, 4),
                                   .history_min = (uint32_t)pg_read_int4(result, row, 5)};
    struct series_row *found = NULL;
    for (size_t i = 0; i < group->row_count && !found; i++) {
        found = group->rows[i].metric == metric ? &group->rows[i] : NULL;
    }
    group->has_orders = group->has_orders || limits.sensitivity > 0 || limits.history_min || !found;
    if (found) {
        found->limits = limits;
        found->accepted_run = pg_read_uuid(result, row, 3);
        found->is_accepted = !id128_is_zero(found->accepted_run);
    }
}

struct str series_locked_states(const struct series_group *group, struct arena *scratch)
{
    char *bytes =
        arena_alloc(scratch, group->states.len + group->row_count * SERIES_GROUP_ENTRY_BYTES_MAX);
    struct str rest = group->states;
    struct series_entry entry;
    bool has_entry = series_group_next(&rest, &entry);
    char *end = bytes;
    for (size_t i = 0; bytes && (i < group->row_count || has_entry);) {
        const struct series_row *row = i < group->row_count ? &group->rows[i] : NULL;
        bool is_row = row && (!has_entry || row->metric <= entry.metric);
        struct str next = is_row ? row->entry : entry.bytes;
        end = mempcpy(end, next.ptr ? next.ptr : "", next.len);
        if (has_entry && (!is_row || row->metric == entry.metric)) {
            has_entry = series_group_next(&rest, &entry);
        }
        i += is_row;
    }
    if (rest.len) {
        char id[ID128_TEXT_BYTES];
        id128_format(group->id, id);
        log_warn("states of series of group %s cannot be read, they learn anew", id);
    }
    return (struct str){bytes, (size_t)(end - bytes)};
}
