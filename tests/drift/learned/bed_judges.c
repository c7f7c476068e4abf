#include "bed_judges.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/graph_rows.h"
#include "sinks/series_codec.h"

#define DAY_US INT64_C(86400000000)
#define WINDOW_US (14 * DAY_US)
#define WINDOW_MIN 9 /* working days of two weeks, but one */
#define LATENESS_US (31 * DAY_US)

static struct id128 run_id(uint32_t run)
{
    struct id128 id = {{1}};
    for (int i = 0; i < 4; i++) {
        id.bytes[12 + i] = (uint8_t)(run >> (24 - 8 * i));
    }
    return id;
}

static uint32_t run_number(struct id128 id)
{
    return (uint32_t)id.bytes[12] << 24 | (uint32_t)id.bytes[13] << 16 |
           (uint32_t)id.bytes[14] << 8 | id.bytes[15];
}

static void add(struct bed_alerts *alerts, uint32_t at, double delay_steps)
{
    for (size_t i = 0; i < alerts->count; i++) {
        if (alerts->at[i] == at) {
            return;
        }
    }
    alerts->at[alerts->count] = at;
    alerts->delay_steps[alerts->count++] = delay_steps;
}

static void take_away(struct bed_alerts *alerts, uint32_t at)
{
    for (size_t i = 0; i < alerts->count; i++) {
        if (alerts->at[i] == at) {
            alerts->count--;
            memmove(&alerts->at[i], &alerts->at[i + 1], (alerts->count - i) * sizeof *alerts->at);
            memmove(&alerts->delay_steps[i], &alerts->delay_steps[i + 1],
                    (alerts->count - i) * sizeof *alerts->delay_steps);
            return;
        }
    }
}

static bool has_episode(const struct series_view *view, struct id128 run)
{
    for (uint32_t i = 0; i < view->episode_count; i++) {
        if (id128_eq(view->episodes[i].run, run)) {
            return true;
        }
    }
    return false;
}

static void compare(const struct series_view *before, const struct series_view *after,
                    struct bed_alerts *alerts)
{
    for (uint32_t i = 0; i < before->episode_count; i++) {
        if (!has_episode(after, before->episodes[i].run)) {
            take_away(alerts, run_number(before->episodes[i].run));
        }
    }
    for (uint32_t i = 0; i < after->episode_count; i++) {
        if (!has_episode(before, after->episodes[i].run)) {
            add(alerts, run_number(after->episodes[i].run), 0);
        }
    }
}

/* Every state through its stored form, as in the store. */
static void observe(const struct bed_series *series, size_t number, struct series_state *state,
                    struct series_view *view, struct bed_alerts *alerts)
{
    char stored[SERIES_CODEC_BYTES_MAX];
    struct series_view before;
    struct series_point point = {.at_us = series->points[number].at_us,
                                 .run = run_id(series->points[number].run),
                                 .value = (float)series->points[number].value};
    if (series_model_observe(state, series->metric, &point, LATENESS_US, &before, view)) {
        compare(&before, view, alerts);
        struct str bytes = {stored, series_codec_encode(state, stored)};
        bool is_read = series_codec_decode(bytes, state);
        assert(is_read);
    }
}

static void run_ours(const struct bed_series *series, struct bed_alerts *alerts)
{
    struct series_state state = {0};
    struct series_view view;
    for (size_t i = 0; i < series->count; i++) {
        observe(series, i, &state, &view, alerts);
        if (series->kind == BED_FRESHNESS && view.late_at_us && i + 1 < series->count &&
            view.late_at_us < series->points[i + 1].at_us) {
            add(alerts, (uint32_t)i + 1,
                (double)(view.late_at_us - series->points[i].at_us) / 1e6 / series->step_s - 1);
        }
    }
}

void bed_judges_shuffled(const struct bed_series *series, const size_t *order, size_t count,
                         struct bed_alerts *out_alerts)
{
    struct series_state state = {0};
    struct series_view view;
    out_alerts->count = 0;
    for (size_t i = 0; i < count; i++) {
        observe(series, order[i], &state, &view, out_alerts);
    }
}

/* What the two others look at: the value, for freshness the gap. */
static double seen(const struct bed_series *series, size_t i)
{
    if (series->kind != BED_FRESHNESS) {
        return series->points[i].value;
    }
    return i ? (double)(series->points[i].at_us - series->points[i - 1].at_us) / 1e6 : 0;
}

/* The last 14 days, by their sums. */
struct window {
    size_t from;
    size_t count;
    double sum;
    double squares;
};

static double limit_of_plain(struct window *wd, const struct bed_series *series, size_t i,
                             double *out_mean)
{
    double last = i > 1 ? seen(series, i - 1) : 0;
    if (i > 1) {
        wd->sum += last;
        wd->squares += last * last;
        wd->count++;
    }
    for (; wd->count && series->points[i].at_us - series->points[wd->from].at_us > WINDOW_US;
         wd->from++) {
        double first = seen(series, wd->from);
        wd->sum -= first;
        wd->squares -= first * first;
        wd->count--;
    }
    if (wd->count < WINDOW_MIN) {
        return INFINITY;
    }
    *out_mean = wd->sum / (double)wd->count;
    return 3 * sqrt(fmax(wd->squares / (double)wd->count - *out_mean * *out_mean, 0));
}

static double limit_of_rules(const struct bed_series *series, size_t i, double *out_mean)
{
    if (i < 2) {
        return INFINITY;
    }
    *out_mean = seen(series, i - 1);
    return series->kind == BED_QUALITY   ? 0.1
           : seen(series, i) < *out_mean ? 0.5 * *out_mean
                                         : *out_mean;
}

static void run_other(enum bed_judge judge, const struct bed_series *series,
                      struct bed_alerts *alerts)
{
    bool was_off = false;
    struct window wd = {.from = 1};
    for (size_t i = 1; i < series->count; i++) {
        double mean = 0;
        double limit = judge == BED_PLAIN ? limit_of_plain(&wd, series, i, &mean)
                                          : limit_of_rules(series, i, &mean);
        double by = seen(series, i) - mean;
        bool is_off = series->kind == BED_FRESHNESS ? by > limit : fabs(by) > limit;
        if (is_off && !was_off) {
            add(alerts, (uint32_t)i, (mean + limit) / series->step_s - 1);
        }
        was_off = is_off;
    }
}

void bed_judges_run(enum bed_judge judge, const struct bed_series *series,
                    struct bed_alerts *out_alerts)
{
    out_alerts->count = 0;
    if (judge == BED_OURS) {
        run_ours(series, out_alerts);
    } else {
        run_other(judge, series, out_alerts);
    }
}
