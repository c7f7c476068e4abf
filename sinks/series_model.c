/* series_model.c - the arithmetic of series.
 *
 * Sources: variance-stabilizing forms: Bartlett, "The use of transformations", Biometrics 3 (1947) (logarithm, and the
 * arcsine for shares). Robust forecasts with Huber's psi in front of exponential smoothing and a bounded rho for the
 * scale: Gelper, Fried, Croux, "Robust forecasting with exponential and Holt-Winters smoothing", J. of Forecasting 29
 * (2010); the scale's constants as Huber's proposal 2, "Robust estimation of a location parameter", Ann. Math. Stat.
 * 35 (1964). MAD and its factor 1.4826: Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974).
 * Shrunk cells: the posterior mean under a normal prior worth a quarter of a point. EWMA and its limit: Roberts, "Control
 * chart tests based on geometric moving averages", Technometrics 1 (1959). Page-Hinkley: Page, "Continuous inspection
 * schemes", Biometrika 41 (1954), two-sided. */
#include "series_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/graph_rows.h"

#define DAY_S 86400.0
#define US 1000000
#define MAD_TO_SD 1.4826
#define MEAN_TO_SD 1.2533 /* mean absolute deviation of a normal variable */
#define HUBER 2.0
#define RHO 2.5
#define RHO_MEAN 0.97756 /* E min(Z^2, RHO^2) */
#define CELL_PARTS 256.0
#define VISITS_MAX 15
#define PRIOR 0.25
#define FAST_GAIN 0.15
#define SLOW_GAIN_MIN 0.02
#define SPREAD_GAIN 0.02
#define DAY_GAIN_MIN (1.0 / 8)
#define HOUR_GAIN_MIN (1.0 / 12)
#define SEASON_POINTS_MIN 21
#define SEASON_ADVANTAGE 0.9
#define HOURLY_FROM 1.5 /* points a day from which hours are told apart */

/* When a point is off, in standard deviations, and when it is back. */
#define OFF_AT_ONCE 5.0
#define OFF_IN_RUN 2.5 /* of the newest, for sums to count as a jump */
#define BACK 2.0
#define SCORE_MAX 6.0 /* what one point adds to sums at most */
#define EWMA_GAIN 0.25
#define EWMA_LIMIT 5.0
#define PAGE_SLACK 1.0
#define PAGE_LIMIT 6.0
#define YOUNG 3.0 /* limits grow by this share of the number of points */
#define NEW_LEVEL_POINTS 7
#define LATE 4.5
#define STALE 9.0

enum form { COUNT, SIZE, TIME, SHARE, PLAIN };

/* How numbers of a metric are compared: their form, and the least spread that is believed. */
struct shape {
    enum form form;
    double floor;
};

static struct shape shape_of(int16_t metric)
{
    switch (metric) {
    case GRAPH_METRIC_GAP:
        return (struct shape){.form = TIME, .floor = 0.1};
    case GRAPH_METRIC_DURATION:
        return (struct shape){.form = TIME, .floor = 0.1};
    case GRAPH_METRIC_ROWS:
    case GRAPH_METRIC_FILES:
        return (struct shape){.form = COUNT, .floor = 0.02};
    case GRAPH_METRIC_BYTES:
        return (struct shape){.form = SIZE, .floor = 0.02};
    case GRAPH_METRIC_PASSED:
    case GRAPH_METRIC_NULLS:
    case GRAPH_METRIC_DISTINCT:
        return (struct shape){.form = SHARE, .floor = 0.02};
    default:
        return (struct shape){.form = PLAIN, .floor = 0};
    }
}

static double to_form(enum form form, double value)
{
    switch (form) {
    case COUNT:
    case SIZE:
    case TIME:
        return log1p(fmax(value, 0));
    case SHARE:
        return asin(sqrt(fmin(fmax(value, 0), 1)));
    default:
        return value;
    }
}

static double from_form(enum form form, double y)
{
    switch (form) {
    case COUNT:
    case SIZE:
    case TIME:
        return expm1(fmax(y, 0));
    case SHARE: {
        double s = sin(fmin(fmax(y, 0), M_PI_2));
        return s * s;
    }
    default:
        return y;
    }
}

/* A point as it is compared: its number in form and units, and where it stands in the week. */
struct look {
    const struct series_point *point;
    double value; /* as measured: for a gap the time since the point before */
    double y;
    int day;
    int hour;
    bool is_other_day;
    bool is_other_hour;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A gap belongs to the moment at which it begins. */
static struct look look_at(const struct series_learned *ln, int16_t metric,
                           const struct series_point *point)
{
    bool is_gap = metric == GRAPH_METRIC_GAP;
    int64_t hour = floor_div(is_gap ? ln->last_at_us : point->at_us, (int64_t)3600 * US);
    int64_t last_hour = floor_div(ln->last_at_us, (int64_t)3600 * US);
    int64_t day = floor_div(hour, SERIES_HOURS);
    struct look look = {.point = point,
                        .value = is_gap ? (double)(point->at_us - ln->last_at_us) / US
                                        : (double)point->value,
                        .day = (int)(((day % SERIES_DAYS) + SERIES_DAYS) % SERIES_DAYS),
                        .hour = (int)(hour - day * SERIES_HOURS),
                        .is_other_day = is_gap || day != floor_div(last_hour, SERIES_HOURS),
                        .is_other_hour = is_gap || hour != last_hour};
    look.y = to_form(shape_of(metric).form, look.value);
    return look;
}

static double points_per_day(const struct series_learned *ln)
{
    return ln->step_s > 0 ? fmin(fmax(DAY_S / ln->step_s, 1), DAY_S) : 1;
}

static double cells_of(const struct series_learned *ln, const struct look *look)
{
    double cells = ln->day[look->day];
    if (points_per_day(ln) > HOURLY_FROM) {
        cells += ln->hour[look->hour];
    }
    return cells / CELL_PARTS;
}

static int better_forecast(const struct series_learned *ln)
{
    return ln->points >= SEASON_POINTS_MIN && ln->spread[1] < SEASON_ADVANTAGE * ln->spread[0];
}

static double forecast(const struct series_learned *ln, const struct look *look, int which)
{
    return ln->level[which] + (which == 1 ? cells_of(ln, look) : 0);
}

/* The standard deviation that is believed, in units: counts are at least as uncertain as Poisson's. */
static double believed(const struct series_learned *ln, int16_t metric, int which, double expected)
{
    struct shape shape = shape_of(metric);
    double least = shape.floor;
    if (shape.form == COUNT) {
        double count = from_form(COUNT, ln->origin + expected * ln->unit);
        least = fmax(least, 1 / sqrt(count + 1));
    }
    return fmax(ln->spread[which], least / ln->unit);
}

static double clip(double value, double limit)
{
    return fmin(fmax(value, -limit), limit);
}

static void add_to_cell(int16_t *cell, double by)
{
    double parts = round(*cell + by * CELL_PARTS);
    *cell = (int16_t)clip(parts, INT16_MAX);
}

static double cell_gain(uint8_t visits, double least)
{
    return fmax(1 / (visits + 1 + PRIOR), least);
}

static void visit(uint8_t *visits, bool is_other)
{
    *visits += is_other && *visits < VISITS_MAX;
}

static void learn_spread(struct series_learned *ln, int which, double error)
{
    double gain = fmax(SPREAD_GAIN, 1.0 / (ln->points + 3));
    double spread = fmax(ln->spread[which], 1e-6);
    double ratio = fmin(error * error / (spread * spread), RHO * RHO) / RHO_MEAN;
    ln->spread[which] = (float)(spread * sqrt(1 - gain + gain * ratio));
}

static void learn(struct series_learned *ln, const struct look *look)
{
    double young = 1.0 / (ln->points + 1);
    double per_day = points_per_day(ln);
    double errors[SERIES_FORECASTS];
    double steps[SERIES_FORECASTS];
    for (int i = 0; i < SERIES_FORECASTS; i++) {
        errors[i] = look->y - forecast(ln, look, i);
        steps[i] = clip(errors[i], HUBER * fmax(ln->spread[i], 1e-6));
        learn_spread(ln, i, errors[i]);
    }
    ln->level[0] += (float)(fmax(FAST_GAIN, young) * steps[0]);
    ln->level[1] += (float)(fmax(fmax(FAST_GAIN / per_day, SLOW_GAIN_MIN), young) * steps[1]);
    double day_gain = cell_gain(ln->day_visits[look->day], DAY_GAIN_MIN) / per_day;
    add_to_cell(&ln->day[look->day], day_gain * steps[1]);
    visit(&ln->day_visits[look->day], look->is_other_day);
    if (per_day > HOURLY_FROM) {
        double per_hour = fmax(per_day / SERIES_HOURS, 1);
        double hour_gain = cell_gain(ln->hour_visits[look->hour], HOUR_GAIN_MIN) / per_hour;
        add_to_cell(&ln->hour[look->hour], hour_gain * steps[1]);
        visit(&ln->hour_visits[look->hour], look->is_other_hour);
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median_of(float *values)
{
    qsort(values, SERIES_FIRST, sizeof *values, by_value);
    return values[SERIES_FIRST / 2];
}

/* Median and MAD of the first points; where most are alike, the mean deviation. */
static void begin(struct series_learned *ln, int16_t metric)
{
    float sorted[SERIES_FIRST];
    float away[SERIES_FIRST];
    double mean = 0;
    memcpy(sorted, ln->first_value, sizeof sorted);
    ln->origin = (float)median_of(sorted);
    for (int i = 0; i < SERIES_FIRST; i++) {
        away[i] = fabsf(ln->first_value[i] - ln->origin);
        mean += (double)away[i] / SERIES_FIRST;
    }
    double spread = fmax(MAD_TO_SD * median_of(away), MEAN_TO_SD * mean);
    double least = shape_of(metric).floor;
    if (shape_of(metric).form == PLAIN) {
        least = fmax(1e-3 * fabs((double)ln->origin), 1e-6);
    }
    ln->unit = (float)fmax(spread, least);
    for (int i = 0; i < SERIES_FORECASTS; i++) {
        ln->spread[i] = (float)(spread / (double)ln->unit);
    }
    for (int i = 0; i < SERIES_FIRST; i++) {
        struct look look = {.y = (double)(ln->first_value[i] - ln->origin) / (double)ln->unit,
                            .day = ln->first_day[i],
                            .hour = ln->first_hour[i],
                            .is_other_day = true,
                            .is_other_hour = true};
        learn(ln, &look);
    }
}

static void forget_sums(struct series_learned *ln)
{
    ln->ewma = 0;
    ln->above = 0;
    ln->below = 0;
}

static void end_episode(struct series_learned *ln, struct series_view *view)
{
    ln->off_points = 0;
    forget_sums(ln);
    if (view) {
        view->episodes[view->episode_count - 1].is_open = false;
    }
}

static void shift_level(struct series_learned *ln, double by)
{
    for (int i = 0; i < SERIES_FORECASTS; i++) {
        ln->level[i] += (float)by;
    }
}

/* A jump: nothing is learned until points are back, or enough of them are elsewhere. */
static void go_on(struct series_learned *ln, const struct look *look, double error, double score,
                  struct series_view *view)
{
    if (ln->off_is_slow) {
        learn(ln, look);
        if (++ln->off_points > NEW_LEVEL_POINTS) {
            end_episode(ln, view);
        }
        return;
    }
    if (fabs(score) < BACK) {
        end_episode(ln, view);
        learn(ln, look);
        return;
    }
    ln->off_points++;
    ln->off_by += (float)((error - (double)ln->off_by) / ln->off_points);
    if (ln->off_points >= NEW_LEVEL_POINTS) {
        shift_level(ln, (double)ln->off_by);
        end_episode(ln, view);
    }
}

static bool sums_are_off(struct series_learned *ln, double score, double strictness)
{
    double part = clip(score, SCORE_MAX);
    double limit = EWMA_LIMIT * sqrt(EWMA_GAIN / (2 - EWMA_GAIN));
    ln->ewma += (float)(EWMA_GAIN * (part - (double)ln->ewma));
    ln->above = (float)fmax(0, (double)ln->above + part - PAGE_SLACK);
    ln->below = (float)fmax(0, (double)ln->below - part - PAGE_SLACK);
    return fabs((double)ln->ewma) > limit * strictness ||
           fmax((double)ln->above, (double)ln->below) > PAGE_LIMIT * strictness;
}

/* How one point stands to what is usual. */
struct judgement {
    double expected; /* in units, as the others */
    double spread;
    double error;
    double score;
};

static struct judgement judgement_of(const struct series_learned *ln, int16_t metric,
                                     const struct look *look)
{
    int which = better_forecast(ln);
    struct judgement jd = {.expected = forecast(ln, look, which)};
    jd.spread = believed(ln, metric, which, jd.expected);
    jd.error = look->y - jd.expected;
    jd.score = jd.error / jd.spread;
    return jd;
}

/* In the number's own unit. */
static double told(const struct series_learned *ln, int16_t metric, double units)
{
    return from_form(shape_of(metric).form, (double)ln->origin + units * (double)ln->unit);
}

static struct series_episode episode_of(const struct series_learned *ln, int16_t metric,
                                        const struct look *look, const struct judgement *jd)
{
    double expected = told(ln, metric, jd->expected);
    return (struct series_episode){.run = look->point->run,
                                   .is_open = true,
                                   .at_us = look->point->at_us,
                                   .good_run = ln->last_run,
                                   .good_at_us = ln->last_at_us,
                                   .value = look->value,
                                   .expected = expected,
                                   .spread = told(ln, metric, jd->expected + jd->spread) - expected,
                                   .score = jd->score};
}

static void begin_episode(struct series_learned *ln, int16_t metric, const struct look *look,
                          const struct judgement *jd, bool is_slow, struct series_view *view)
{
    double by = is_slow ? (double)ln->ewma * jd->spread : jd->error;
    if (view) {
        view->episodes[view->episode_count++] = episode_of(ln, metric, look, jd);
    }
    ln->off_points = 1;
    ln->off_is_slow = is_slow;
    ln->off_by = (float)by;
    ln->off_run = look->point->run;
    if (is_slow) {
        shift_level(ln, by);
        forget_sums(ln);
    }
}

static void judge(struct series_learned *ln, int16_t metric, const struct look *look,
                  struct series_view *view)
{
    struct judgement jd = judgement_of(ln, metric, look);
    double strictness = 1 + YOUNG / ln->points;
    bool can_tell = ln->points + 1 >= SERIES_HISTORY_MIN && metric != GRAPH_METRIC_GAP;
    if (ln->off_points) {
        go_on(ln, look, jd.error, jd.score, view);
        return;
    }
    bool is_slow = can_tell && sums_are_off(ln, jd.score, strictness);
    bool is_jump = can_tell && (fabs(jd.score) > OFF_AT_ONCE * strictness ||
                                (is_slow && fabs(jd.score) > OFF_IN_RUN));
    if (is_jump || is_slow) {
        begin_episode(ln, metric, look, &jd, !is_jump, view);
    } else {
        learn(ln, look);
    }
}

static void note_first(struct series_learned *ln, int16_t metric, const struct look *look)
{
    ln->first_value[ln->points] = (float)look->y;
    ln->first_day[ln->points] = (uint8_t)look->day;
    ln->first_hour[ln->points] = (uint8_t)look->hour;
    if (ln->points + 1 == SERIES_FIRST) {
        ln->points++;
        begin(ln, metric);
        ln->points--;
    }
}

/* One point further. view: NULL when nobody wants to know. */
static void step(struct series_learned *ln, int16_t metric, const struct series_point *point,
                 struct series_view *view)
{
    bool is_first = id128_is_zero(ln->last_run);
    struct look look = look_at(ln, metric, point);
    if (!is_first) {
        double step_s = (double)(point->at_us - ln->last_at_us) / US;
        double gain = fmax(SPREAD_GAIN, 1.0 / (ln->points + 1));
        ln->step_s += (float)(gain * (step_s - (double)ln->step_s));
    }
    if (!is_first || metric != GRAPH_METRIC_GAP) {
        if (ln->points < SERIES_FIRST) {
            note_first(ln, metric, &look);
        } else {
            look.y = (look.y - (double)ln->origin) / (double)ln->unit;
            judge(ln, metric, &look, view);
        }
        ln->points++;
    }
    ln->last_at_us = point->at_us;
    ln->last_run = point->run;
}

/* When the next point of a gap series is missed. */
static void expect_next(const struct series_learned *ln, struct series_view *view)
{
    if (ln->points < SERIES_HISTORY_MIN) {
        return;
    }
    struct series_point now = {.at_us = ln->last_at_us};
    struct look look = look_at(ln, GRAPH_METRIC_GAP, &now);
    int which = better_forecast(ln);
    double expected = forecast(ln, &look, which);
    double spread = believed(ln, GRAPH_METRIC_GAP, which, expected) * (1 + YOUNG / ln->points);
    double late_s = told(ln, GRAPH_METRIC_GAP, expected + LATE * spread);
    double stale_s = told(ln, GRAPH_METRIC_GAP, expected + STALE * spread);
    double years_s = 10 * 365 * DAY_S;
    view->expected = told(ln, GRAPH_METRIC_GAP, expected);
    view->late_at_us = ln->last_at_us + (int64_t)(fmin(late_s, years_s) * US);
    view->stale_at_us = ln->last_at_us + (int64_t)(fmin(stale_s, years_s) * US);
}

/* How the newest point stands, before it is taken in. */
static void view_newest(const struct series_learned *ln, int16_t metric,
                        const struct series_point *point, struct series_view *view)
{
    struct look look = look_at(ln, metric, point);
    view->newest = *point;
    view->newest.value = (float)look.value;
    view->score = NAN;
    if (ln->points < SERIES_FIRST) {
        return;
    }
    look.y = (look.y - (double)ln->origin) / (double)ln->unit;
    struct judgement jd = judgement_of(ln, metric, &look);
    view->expected = told(ln, metric, jd.expected);
    view->spread = told(ln, metric, jd.expected + jd.spread) - view->expected;
    view->score = ln->points + 1 >= SERIES_HISTORY_MIN ? jd.score : NAN;
}

/* before: the same without the newest; NULL: nobody wants it. */
static void view_points(const struct series_learned *learned, int16_t metric,
                        const struct series_point *points, size_t count, struct series_view *before,
                        struct series_view *out_view)
{
    struct series_learned ln = *learned;
    *out_view = (struct series_view){.score = NAN};
    if (ln.off_points) {
        out_view->episodes[out_view->episode_count++] =
            (struct series_episode){.run = ln.off_run, .is_open = true, .is_known = true};
    }
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count) {
            if (before) {
                *before = *out_view;
            }
            view_newest(&ln, metric, &points[i], out_view);
        }
        step(&ln, metric, &points[i], out_view);
    }
    out_view->points = ln.points;
    if (metric == GRAPH_METRIC_GAP) {
        expect_next(&ln, out_view);
    }
}

void series_model_view(const struct series_state *state, int16_t metric,
                       struct series_view *out_view)
{
    view_points(&state->learned, metric, state->pending, state->pending_count, NULL, out_view);
}

static int order_of(const struct series_point *a, const struct series_point *b)
{
    return a->at_us != b->at_us ? (a->at_us < b->at_us ? -1 : 1) : id128_cmp(a->run, b->run);
}

/* Whether the one or the other counts, of two points of one run. */
static bool is_later(const struct series_point *a, const struct series_point *b)
{
    return a->at_us != b->at_us ? a->at_us > b->at_us : a->value > b->value;
}

bool series_model_observe(struct series_state *state, int16_t metric,
                          const struct series_point *point, int64_t lateness_us,
                          struct series_view *out_before, struct series_view *out_after)
{
    struct series_point points[SERIES_PENDING_MAX + 1];
    size_t count = 0;
    const struct series_point settled = {.at_us = state->learned.last_at_us,
                                         .run = state->learned.last_run};
    if (!id128_is_zero(settled.run) && order_of(point, &settled) <= 0) {
        return false;
    }
    for (size_t i = 0; i < state->pending_count; i++) {
        const struct series_point *other = &state->pending[i];
        if (other->at_us - point->at_us > lateness_us) {
            return false;
        }
        if (!id128_eq(other->run, point->run)) {
            points[count++] = *other;
        } else if (!is_later(point, other)) {
            return false;
        }
    }
    size_t at = count;
    for (; at > 0 && order_of(point, &points[at - 1]) < 0; at--) {
        points[at] = points[at - 1];
    }
    points[at] = *point;
    count++;
    bool is_behind_all = at + 1 == count && count == state->pending_count + 1u;
    if (!is_behind_all) {
        series_model_view(state, metric, out_before);
    }
    view_points(&state->learned, metric, points, count, is_behind_all ? out_before : NULL,
                out_after);
    if (count > SERIES_PENDING_MAX) {
        step(&state->learned, metric, &points[0], NULL);
        count--;
        memmove(points, points + 1, count * sizeof points[0]);
    }
    memcpy(state->pending, points, count * sizeof points[0]);
    state->pending_count = (uint8_t)count;
    return true;
}

void series_model_accept(struct series_state *state, int16_t metric)
{
    struct series_learned *ln = &state->learned;
    for (size_t i = 0; i < state->pending_count; i++) {
        step(ln, metric, &state->pending[i], NULL);
    }
    state->pending_count = 0;
    if (ln->off_points && !ln->off_is_slow) {
        shift_level(ln, (double)ln->off_by);
    }
    ln->off_points = 0;
    forget_sums(ln);
}
