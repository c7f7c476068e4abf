/* series_model.c - when a series is off.
 *
 * Sources: EWMA and its limit: Roberts, "Control chart tests based on geometric moving averages", Technometrics 1 (1959).
 * Page-Hinkley: Page, "Continuous inspection schemes", Biometrika 41 (1954), two-sided. */
#include "series_model.h"

#include <math.h>
#include <string.h>

#include "schemas/graph_rows.h"

/* What is written every few seconds is not late within minutes: it pauses as whoever sends it does. */
#define LATE_S_MIN 900.0
#define DAY_S 86400.0
#define US 1000000
#define STEP_GAIN 0.02 /* of the time between points */

/* When a point is off, in standard deviations, and when it is back. */
#define RIVAL 1.15 /* a forecast with a larger error than so many times the other's has no say */
#define OFF_AT_ONCE 4.5
#define OFF_IN_RUN 2.5 /* of the newest, for sums to count as a jump */
#define BACK 2.0       /* twice */
#define BACK_AT_ONCE 1.0
#define SCORE_MAX 6.0 /* what one point adds to sums at most */
#define EWMA_GAIN 0.25
#define EWMA_LIMIT 6.0
#define PAGE_SLACK 1.5
#define PAGE_LIMIT 3.2
#define YOUNG 3.0 /* limits grow by this share of the number of points */
#define OFTEN 1.0 /* and by this share of the episodes lately, but one */
#define EPISODES_KEPT 0.999
#define NEW_LEVEL_POINTS 7
#define ACCEPTED_POINTS 3 /* that tell where an expected level is */
#define LATE 4.5
#define STALE 9.0

static const struct id128 no_run;

static void forget_sums(struct series_learned *ln)
{
    ln->ewma = 0;
    ln->above = 0;
    ln->below = 0;
}

static bool is_accepted(const struct series_learned *ln, struct id128 run)
{
    return !id128_is_zero(ln->accepted_run) && id128_eq(ln->accepted_run, run);
}

static void end_episode(struct series_learned *ln, struct series_view *view)
{
    bool was_accepted = is_accepted(ln, ln->off_run);
    ln->off_points = 0;
    ln->off_was_back = false;
    forget_sums(ln);
    if (was_accepted) {
        ln->accepted_run = no_run;
    } else if (view) {
        view->episodes[view->episode_count - 1].is_open = false;
    }
}

/* Nothing is learned until points are back from a jump, or enough of them tell where the level is now. */
static void go_on(struct series_learned *ln, const struct series_look *look, double error,
                  double score, struct series_view *view)
{
    if (!ln->off_is_slow && fabs(score) < BACK) {
        if (!ln->off_was_back && fabs(score) >= BACK_AT_ONCE) {
            ln->off_was_back = true;
            return;
        }
        end_episode(ln, view);
        series_usual_learn(ln, look);
        return;
    }
    ln->off_was_back = false;
    ln->off_points++;
    ln->off_by += (float)((error - (double)ln->off_by) / ln->off_points);
    int enough = is_accepted(ln, ln->off_run) ? ACCEPTED_POINTS : NEW_LEVEL_POINTS;
    if (ln->off_points >= enough) {
        series_usual_shift(ln, look, (double)ln->off_by);
        end_episode(ln, view);
    }
}

static double sensitivity_of(const struct series_limits *limits)
{
    return limits->sensitivity > 0 ? (double)limits->sensitivity : 1;
}

static uint32_t history_min_of(const struct series_limits *limits)
{
    uint32_t wanted = limits->history_min ? limits->history_min : SERIES_HISTORY_MIN;
    return wanted > SERIES_FIRST ? wanted : SERIES_FIRST + 1;
}

static bool sums_are_off(struct series_learned *ln, double score, double strictness)
{
    double part = fmin(fmax(score, -SCORE_MAX), SCORE_MAX);
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

static struct judgement judgement_by(const struct series_learned *ln, int16_t metric,
                                     const struct series_look *look, int which)
{
    struct judgement jd = {.expected = series_usual_forecast(ln, look, which)};
    jd.spread = series_usual_spread(ln, metric, which, jd.expected);
    jd.error = look->y - jd.expected;
    jd.score = jd.error / jd.spread;
    return jd;
}

/* Of two forecasts that are about as good, the one that is surprised less: a season that is new to one of them, or a trend,
 * alarms nobody. */
static struct judgement judgement_of(const struct series_learned *ln, int16_t metric,
                                     const struct series_look *look)
{
    struct judgement level = judgement_by(ln, metric, look, 0);
    struct judgement season = judgement_by(ln, metric, look, 1);
    bool is_learning = series_usual_is_unknown_day(ln, look);
    if (!is_learning && level.spread > RIVAL * season.spread) {
        return season;
    }
    if (!is_learning && season.spread > RIVAL * level.spread) {
        return level;
    }
    return fabs(level.score) < fabs(season.score) ? level : season;
}

static struct series_episode episode_of(const struct series_learned *ln, int16_t metric,
                                        const struct series_look *look, const struct judgement *jd)
{
    double expected = series_usual_told(ln, metric, jd->expected);
    return (struct series_episode){
        .run = look->point->run,
        .is_open = true,
        .at_us = look->point->at_us,
        .good_run = ln->last_run,
        .good_at_us = ln->last_at_us,
        .value = look->value,
        .expected = expected,
        .spread = series_usual_told(ln, metric, jd->expected + jd->spread) - expected,
        .score = jd->score};
}

static void begin_episode(struct series_learned *ln, int16_t metric, const struct series_look *look,
                          const struct judgement *jd, bool is_slow, struct series_view *view)
{
    if (!is_accepted(ln, look->point->run)) {
        ln->episodes += 1;
        if (view) {
            view->episodes[view->episode_count++] = episode_of(ln, metric, look, jd);
        }
    }
    ln->off_points = 1;
    ln->off_is_slow = is_slow;
    ln->off_by = (float)jd->error;
    ln->off_run = look->point->run;
}

/* What limits are multiplied by; 0: nothing can be told. */
static double strictness_of(const struct series_learned *ln, const struct series_limits *limits,
                            const struct series_look *look)
{
    double often = 1 + OFTEN * fmax((double)ln->episodes - 1, 0);
    return (1 + YOUNG / ln->points) * often * series_usual_newness(ln, look) /
           sensitivity_of(limits);
}

/* The gap behind that run is what gaps are from now on. */
static void take_gap(struct series_learned *ln, const struct series_look *look, double error)
{
    series_usual_shift(ln, look, error);
    ln->accepted_run = no_run;
}

static void judge(struct series_learned *ln, int16_t metric, const struct series_limits *limits,
                  const struct series_look *look, struct series_view *view)
{
    struct judgement jd = judgement_of(ln, metric, look);
    double strictness = strictness_of(ln, limits, look);
    bool is_gap = metric == GRAPH_METRIC_GAP;
    bool can_tell = ln->points + 1 >= history_min_of(limits) && !is_gap && strictness > 0;
    ln->episodes *= (float)EPISODES_KEPT;
    if (is_gap && is_accepted(ln, ln->last_run)) {
        take_gap(ln, look, jd.error);
        return;
    }
    if (ln->off_points) {
        go_on(ln, look, jd.error, jd.score, view);
        return;
    }
    bool is_slow = can_tell && !series_usual_is_unknown_day(ln, look) &&
                   sums_are_off(ln, jd.score, strictness);
    bool is_jump = can_tell && (fabs(jd.score) > OFF_AT_ONCE * strictness ||
                                (is_slow && fabs(jd.score) > OFF_IN_RUN));
    if (is_jump || is_slow) {
        begin_episode(ln, metric, look, &jd, !is_jump, view);
    } else {
        series_usual_learn(ln, look);
    }
}

/* One point further. view: NULL when nobody wants to know. */
static void step(struct series_learned *ln, int16_t metric, const struct series_limits *limits,
                 const struct series_point *point, struct series_view *view)
{
    bool is_first = id128_is_zero(ln->last_run);
    struct series_look look = series_usual_look(ln, metric, point);
    if (!is_first) {
        double step_s = (double)(point->at_us - ln->last_at_us) / US;
        double gain = fmax(STEP_GAIN, 1.0 / (ln->points + 1));
        ln->step_s += (float)(gain * (step_s - (double)ln->step_s));
    }
    if (!is_first || metric != GRAPH_METRIC_GAP) {
        if (ln->points < SERIES_FIRST) {
            series_usual_first(ln, metric, &look);
        } else {
            series_usual_scale(ln, &look);
            judge(ln, metric, limits, &look, view);
        }
        ln->points++;
    }
    if (metric != GRAPH_METRIC_GAP && !ln->off_points && is_accepted(ln, point->run)) {
        ln->accepted_run = no_run; /* a late point showed that it began nothing */
    }
    ln->last_at_us = point->at_us;
    ln->last_run = point->run;
}

/* When the next point of a gap series is missed. */
static void expect_next(const struct series_learned *ln, const struct series_limits *limits,
                        struct series_view *view)
{
    if (ln->points < history_min_of(limits)) {
        return;
    }
    struct series_point now = {.at_us = ln->last_at_us};
    struct series_look look = series_usual_look(ln, GRAPH_METRIC_GAP, &now);
    struct judgement level = judgement_by(ln, GRAPH_METRIC_GAP, &look, 0);
    struct judgement season = judgement_by(ln, GRAPH_METRIC_GAP, &look, 1);
    struct judgement jd =
        level.spread > RIVAL * season.spread ||
                (season.spread <= RIVAL * level.spread &&
                 season.expected + LATE * season.spread > level.expected + LATE * level.spread)
            ? season
            : level;
    double spread = jd.spread * (1 + YOUNG / ln->points) / sensitivity_of(limits);
    double late_s = series_usual_told(ln, GRAPH_METRIC_GAP, jd.expected + LATE * spread);
    double stale_s = series_usual_told(ln, GRAPH_METRIC_GAP, jd.expected + STALE * spread);
    double years_s = 10 * 365 * DAY_S;
    late_s = fmax(late_s, LATE_S_MIN);
    stale_s = fmax(stale_s, LATE_S_MIN);
    view->expected = series_usual_told(ln, GRAPH_METRIC_GAP, jd.expected);
    view->late_at_us = ln->last_at_us + (int64_t)(fmin(late_s, years_s) * US);
    view->stale_at_us = ln->last_at_us + (int64_t)(fmin(stale_s, years_s) * US);
}

/* How the newest point stands, before it is taken in. */
static void view_newest(const struct series_learned *ln, int16_t metric,
                        const struct series_limits *limits, const struct series_point *point,
                        struct series_view *view)
{
    struct series_look look = series_usual_look(ln, metric, point);
    view->newest = *point;
    view->newest.value = (float)look.value;
    view->score = NAN;
    if (ln->points < SERIES_FIRST) {
        return;
    }
    series_usual_scale(ln, &look);
    struct judgement jd = judgement_of(ln, metric, &look);
    view->expected = series_usual_told(ln, metric, jd.expected);
    view->spread = series_usual_told(ln, metric, jd.expected + jd.spread) - view->expected;
    view->score = ln->points + 1 >= history_min_of(limits) ? jd.score : NAN;
}

/* before: the same without the newest; NULL: nobody wants it. */
static void view_points(const struct series_state *state, int16_t metric,
                        const struct series_point *points, size_t count, struct series_view *before,
                        struct series_view *out_view)
{
    struct series_learned ln = state->learned;
    const struct series_limits *limits = &state->limits;
    *out_view = (struct series_view){.score = NAN};
    if (ln.off_points && !is_accepted(&ln, ln.off_run)) {
        out_view->episodes[out_view->episode_count++] =
            (struct series_episode){.run = ln.off_run, .is_open = true, .is_known = true};
    }
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count) {
            if (before) {
                *before = *out_view;
            }
            view_newest(&ln, metric, limits, &points[i], out_view);
        }
        step(&ln, metric, limits, &points[i], out_view);
    }
    out_view->points = ln.points;
    if (metric == GRAPH_METRIC_GAP) {
        expect_next(&ln, limits, out_view);
    }
}

void series_model_view(const struct series_state *state, int16_t metric,
                       struct series_view *out_view)
{
    view_points(state, metric, state->pending, state->pending_count, NULL, out_view);
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
    view_points(state, metric, points, count, is_behind_all ? out_before : NULL, out_after);
    if (count > SERIES_PENDING_MAX) {
        step(&state->learned, metric, &state->limits, &points[0], NULL);
        count--;
        memmove(points, points + 1, count * sizeof points[0]);
    }
    memcpy(state->pending, points, count * sizeof points[0]);
    state->pending_count = (uint8_t)count;
    return true;
}

void series_model_accept(struct series_state *state, int16_t metric, struct id128 run)
{
    struct series_learned *ln = &state->learned;
    bool is_pending = false;
    for (size_t i = 0; i < state->pending_count; i++) {
        is_pending = is_pending || id128_eq(state->pending[i].run, run);
    }
    if (metric == GRAPH_METRIC_GAP && state->pending_count > 0) {
        ln->accepted_run = state->pending[state->pending_count - 1].run;
    } else if (is_pending || (ln->off_points && id128_eq(ln->off_run, run))) {
        ln->accepted_run = run;
    }
}
