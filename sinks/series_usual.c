/* series_usual.c - levels, seasons and spreads.
 *
 * Sources: Huber's psi in front of exponential smoothing and a bounded rho for the scale: Gelper, Fried, Croux, "Robust
 * forecasting with exponential and Holt-Winters smoothing", J. of Forecasting 29 (2010); the scale's constants as Huber's
 * proposal 2, "Robust estimation of a location parameter", Ann. Math. Stat. 35 (1964). MAD and its factor: Hampel, "The
 * influence curve and its role in robust estimation", JASA 69 (1974). Slope: Holt's linear trend (1957). Shrunk cells: the
 * posterior mean under a normal prior worth a quarter of a point. */
#include "series_usual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/graph_rows.h"
#include "series_form.h"

#define DAY_S 86400.0
#define US 1000000
#define SATURDAY 2 /* 1970 began on a Thursday */
#define SUNDAY 3
#define MAD_TO_SD 1.4826
#define MEAN_TO_SD 1.2533 /* mean absolute deviation of a normal variable */
#define HUBER 2.0
#define RHO 2.5
#define RHO_MEAN 0.97756 /* E min(Z^2, RHO^2) */
#define CELL_PARTS 256.0
#define VISITS_MAX 15
#define PRIOR 0.25
#define FAST_GAIN 0.15
#define SLOW_GAIN_MIN 0.005
#define SPREAD_GAIN 0.02
#define DAY_GAIN_MIN (1.0 / 8)
#define HOUR_GAIN_MIN (1.0 / 12)
#define KNOWN_VISITS 4     /* from which on a day of the week has a say of its own */
#define SURE_VISITS 2      /* from which on a cell learns no more from outliers than a level does */
#define HOURLY_FROM 1.5    /* points a day from which hours are told apart */
#define NEW_STRICTNESS 2.0 /* while a day of the week or an hour is seen for the first time */
#define DAY_SHARE 0.25     /* of a new level, that may be the day's */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A gap belongs to the moment at which it begins. */
struct series_look series_usual_look(const struct series_learned *ln, int16_t metric,
                                     const struct series_point *point)
{
    bool is_gap = metric == GRAPH_METRIC_GAP;
    int64_t hour = floor_div(is_gap ? ln->last_at_us : point->at_us, (int64_t)3600 * US);
    int64_t last_hour = floor_div(ln->last_at_us, (int64_t)3600 * US);
    int64_t day = floor_div(hour, SERIES_HOURS);
    struct series_look look = {.point = point,
                               .value = is_gap ? (double)(point->at_us - ln->last_at_us) / US
                                               : (double)point->value,
                               .day = (int)(((day % SERIES_DAYS) + SERIES_DAYS) % SERIES_DAYS),
                               .hour = (int)(hour - day * SERIES_HOURS),
                               .is_other_day = is_gap || day != floor_div(last_hour, SERIES_HOURS),
                               .is_other_hour = is_gap || hour != last_hour};
    look.y = series_form_of(metric, look.value);
    return look;
}

static double points_per_day(const struct series_learned *ln)
{
    return ln->step_s > 0 ? fmin(fmax(DAY_S / ln->step_s, 1), DAY_S) : 1;
}

static bool has_hours(const struct series_learned *ln)
{
    return points_per_day(ln) > HOURLY_FROM;
}

static bool is_weekend(int day)
{
    return day == SATURDAY || day == SUNDAY;
}

/* Of a day of the week that was never seen, what its likes have; false: none of them was. */
static bool day_of(const struct series_learned *ln, int day, double *out_effect)
{
    double sum = 0;
    int count = 0;
    *out_effect = ln->day[day];
    for (int i = 0; ln->day_visits[day] == 0 && i < SERIES_DAYS; i++) {
        bool is_like = ln->day_visits[i] > 0 && is_weekend(i) == is_weekend(day);
        sum += is_like ? ln->day[i] : 0;
        count += is_like;
    }
    if (count > 0) {
        *out_effect = sum / count;
    }
    return count > 0 || ln->day_visits[day] > 0;
}

static double cells_of(const struct series_learned *ln, const struct series_look *look)
{
    double cells;
    (void)day_of(ln, look->day, &cells);
    if (has_hours(ln)) {
        cells += ln->hour[look->hour];
    }
    return cells / CELL_PARTS;
}

bool series_usual_is_unknown_day(const struct series_learned *ln, const struct series_look *look)
{
    return has_hours(ln) && ln->points >= SERIES_HOURS && ln->day_visits[look->day] < KNOWN_VISITS;
}

/* How much more must be off while the week, or the day, is seen for the first time; 0: nothing can be told. */
double series_usual_newness(const struct series_learned *ln, const struct series_look *look)
{
    double effect;
    uint8_t days = ln->day_visits[look->day];
    uint8_t hours = ln->hour_visits[look->hour];
    if (!has_hours(ln)) {
        return 1;
    }
    if (!day_of(ln, look->day, &effect)) {
        return 0;
    }
    bool is_new_day = days == 0 || (days == 1 && !look->is_other_day);
    bool is_new_hour = hours == 0 || (hours == 1 && !look->is_other_hour);
    if (is_new_day) {
        for (int i = 0; i < SERIES_DAYS; i++) {
            bool is_like = i != look->day && ln->day_visits[i] > 0;
            if (is_like && is_weekend(i) == is_weekend(look->day)) {
                return is_new_hour ? NEW_STRICTNESS * NEW_STRICTNESS : NEW_STRICTNESS;
            }
        }
        return ln->points < SERIES_HOURS ? NEW_STRICTNESS : 0;
    }
    return is_new_hour ? NEW_STRICTNESS : 1;
}

double series_usual_forecast(const struct series_learned *ln, const struct series_look *look,
                             int which)
{
    return ln->level[which] + (which == 1 ? (double)ln->slope + cells_of(ln, look) : 0);
}

/* The standard deviation that is believed, in units: counts are at least as uncertain as Poisson's. */
double series_usual_spread(const struct series_learned *ln, int16_t metric, int which,
                           double expected)
{
    double least = series_form_floor(metric, (double)ln->origin + expected * (double)ln->unit);
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

/* Of the visit that goes on, as of the one that begins. */
static double cell_gain(uint8_t visits, bool is_other, double least)
{
    int before = is_other || visits == 0 || visits == VISITS_MAX ? visits : visits - 1;
    return fmax(1 / (before + 1 + PRIOR), least);
}

static void learn_spread(struct series_learned *ln, int which, double error)
{
    /* Young spreads forget sooner: they hold errors of seasons that were not known yet. */
    double gain = fmax(SPREAD_GAIN, 3.0 / (ln->points + 20));
    double spread = fmax(ln->spread[which], 1e-6);
    double ratio = fmin(error * error / (spread * spread), RHO * RHO) / RHO_MEAN;
    ln->spread[which] = (float)(spread * sqrt(1 - gain + gain * ratio));
}

/* So that the steps of a day or an hour together are worth gain. */
static double share_of_gain(double gain, double parts)
{
    return 1 - pow(1 - gain, 1 / parts);
}

/* A new day of the week begins as its likes. */
static void begin_day(struct series_learned *ln, int day)
{
    double effect;
    if (ln->day_visits[day] == 0 && day_of(ln, day, &effect)) {
        ln->day[day] = (int16_t)round(effect);
    }
}

static void learn_cell(int16_t *cell, uint8_t *visits, bool is_other, double gain, double error,
                       double limit)
{
    add_to_cell(cell, gain * (*visits < SURE_VISITS ? error : clip(error, limit)));
    *visits += is_other && *visits < VISITS_MAX;
}

/* An hour that is new tells nothing of its day, nor a day that is new of its hours. */
static void learn_seasons(struct series_learned *ln, const struct series_look *look, double error,
                          double limit, bool is_first_sight)
{
    double per_day = points_per_day(ln);
    bool is_known_hour = !has_hours(ln) || ln->hour_visits[look->hour] > !look->is_other_hour;
    if (is_known_hour) {
        double day_gain = cell_gain(ln->day_visits[look->day], look->is_other_day, DAY_GAIN_MIN);
        begin_day(ln, look->day);
        learn_cell(&ln->day[look->day], &ln->day_visits[look->day], look->is_other_day,
                   share_of_gain(day_gain, per_day), error, limit);
    }
    if (has_hours(ln) && !is_first_sight) {
        double hour_gain =
            cell_gain(ln->hour_visits[look->hour], look->is_other_hour, HOUR_GAIN_MIN);
        learn_cell(&ln->hour[look->hour], &ln->hour_visits[look->hour], look->is_other_hour,
                   share_of_gain(hour_gain, fmax(per_day / SERIES_HOURS, 1)), error, limit);
    }
}

void series_usual_learn(struct series_learned *ln, const struct series_look *look)
{
    bool is_first_sight = ln->points >= SERIES_HOURS && series_usual_newness(ln, look) == 0;
    double young = 1.0 / (ln->points + 1);
    double slow = fmax(FAST_GAIN / points_per_day(ln), SLOW_GAIN_MIN);
    double errors[SERIES_FORECASTS];
    double limits[SERIES_FORECASTS];
    for (int i = 0; i < SERIES_FORECASTS; i++) {
        errors[i] = look->y - series_usual_forecast(ln, look, i);
        limits[i] = is_first_sight ? INFINITY : HUBER * fmax((double)ln->spread[i], 1e-6);
        if (!is_first_sight) {
            learn_spread(ln, i, errors[i]);
        }
    }
    ln->level[0] += (float)(fmax(FAST_GAIN, young) * clip(errors[0], limits[0]));
    double gain = is_first_sight ? 0 : fmax(slow, young);
    ln->level[1] += (float)((double)ln->slope + gain * clip(errors[1], limits[1]));
    ln->slope += (float)(gain * slow / 2 * clip(errors[1], limits[1]));
    learn_seasons(ln, look, errors[1], limits[1], is_first_sight);
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
    double least = series_form_floor(metric, (double)ln->origin);
    ln->unit = (float)fmax(spread, least);
    for (int i = 0; i < SERIES_FORECASTS; i++) {
        ln->spread[i] = (float)(spread / (double)ln->unit);
    }
    for (int i = 0; i < SERIES_FIRST; i++) {
        struct series_look look = {
            .y = (double)(ln->first_value[i] - ln->origin) / (double)ln->unit,
            .day = ln->first_day[i],
            .hour = ln->first_hour[i],
            .is_other_day = i == 0 || ln->first_day[i] != ln->first_day[i - 1],
            .is_other_hour = i == 0 || ln->first_hour[i] != ln->first_hour[i - 1]};
        series_usual_learn(ln, &look);
    }
}

void series_usual_first(struct series_learned *ln, int16_t metric, const struct series_look *look)
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

/* What is new may be a day of the week that was not known well: where there are hours, a part of it is
 * the day's, so that a weekend that is taken for a new level every time is known after some. */
void series_usual_shift(struct series_learned *ln, const struct series_look *look, double by)
{
    double of_day = look && has_hours(ln) ? by * DAY_SHARE : 0;
    ln->level[0] += (float)by;
    ln->level[1] += (float)(by - of_day);
    if (look) {
        add_to_cell(&ln->day[look->day], of_day);
    }
}

double series_usual_told(const struct series_learned *ln, int16_t metric, double units)
{
    return series_form_back(metric, (double)ln->origin + units * (double)ln->unit);
}

void series_usual_scale(const struct series_learned *ln, struct series_look *look)
{
    look->y = (look->y - (double)ln->origin) / (double)ln->unit;
}
