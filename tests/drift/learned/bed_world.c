#include "bed_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/graph_rows.h"

#define DAY_S 86400.0
#define START_S 1767225600.0 /* 2026-01-01 */
#define LATE_PLACES 4

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014). */
uint64_t bed_world_random(struct bed_rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(struct bed_rng *rng, double from, double to)
{
    return from + (to - from) * (double)(bed_world_random(rng) >> 11) / 9007199254740992.0;
}

static bool chance(struct bed_rng *rng, double share)
{
    return uniform(rng, 0, 1) < share;
}

static double normal(struct bed_rng *rng)
{
    return sqrt(-2 * log(1 - uniform(rng, 0, 1))) * cos(2 * M_PI * uniform(rng, 0, 1));
}

/* What one series is like. */
struct habit {
    double step_s;
    bool skips_weekends;
    double level;
    double noise;
    double trend_per_day;
    double day[7];
    double day_wave; /* amplitude over the hours of a day */
    double correlation;
    bool has_tails;
};

static struct habit habit_of(struct bed_rng *rng, enum bed_kind kind)
{
    static const double steps[] = {DAY_S, DAY_S, DAY_S, 21600, 3600};
    struct habit hb = {.step_s = steps[bed_world_random(rng) % 5]};
    hb.skips_weekends = hb.step_s == DAY_S && chance(rng, 0.25);
    hb.correlation = chance(rng, 0.3) ? uniform(rng, 0, 0.3) : 0;
    hb.has_tails = chance(rng, 0.2);
    if (kind == BED_QUALITY) {
        hb.level = uniform(rng, 0.05, 0.6); /* arcsine of shares from 0.0025 to 0.3 */
        hb.noise = uniform(rng, 0.02, 0.04);
        return hb;
    }
    hb.level = kind == BED_DURATION ? uniform(rng, 4, 8) : uniform(rng, 6, 16);
    hb.noise = kind == BED_DURATION ? uniform(rng, 0.1, 0.3) : uniform(rng, 0.03, 0.3);
    if (chance(rng, 0.3)) {
        hb.trend_per_day = uniform(rng, -0.005, 0.01);
    }
    if (chance(rng, 0.6)) {
        double weekend = uniform(rng, -1.5, 0.5);
        hb.day[5] = hb.day[6] = weekend;
        for (int i = 0; i < 7; i++) {
            hb.day[i] += uniform(rng, -0.1, 0.1);
        }
    }
    hb.day_wave = hb.step_s < DAY_S && chance(rng, 0.6) ? uniform(rng, 0.1, 1.0) : 0;
    return hb;
}

static double value_of(enum bed_kind kind, double y)
{
    if (kind == BED_QUALITY) {
        double s = sin(fmin(fmax(y, 0), M_PI_2));
        return s * s;
    }
    if (kind == BED_DURATION) {
        return fmax(expm1(y), 0);
    }
    return fmax(round(expm1(y)), 0);
}

static int16_t metric_of(enum bed_kind kind)
{
    static const int16_t metrics[BED_KINDS] = {GRAPH_METRIC_ROWS, GRAPH_METRIC_NULLS,
                                               GRAPH_METRIC_DURATION, GRAPH_METRIC_GAP};
    return metrics[kind];
}

static double noise_at(struct bed_rng *rng, const struct habit *hb, double *last)
{
    double fresh = normal(rng);
    if (hb->has_tails && chance(rng, 0.02)) {
        fresh *= 1.5;
    }
    *last = hb->correlation * *last + sqrt(1 - hb->correlation * hb->correlation) * fresh;
    return *last * hb->noise;
}

/* The standard deviation in which a shift is measured; small counts scatter by themselves. */
static double unit_of(enum bed_kind kind, const struct habit *hb)
{
    double poisson = kind == BED_VOLUME ? 1 / sqrt(expm1(fmax(hb->level - 1.5, 0.7)) + 1) : 0;
    return fmax(hb->noise, poisson);
}

static int day_of(double at_s)
{
    return (int)(((int64_t)(at_s / DAY_S) + 3) % 7); /* 0 Monday */
}

/* For three steps and more nothing is written, in the middle of a working week. */
static bool is_break(const struct bed_series *series, const struct habit *hb, double at_s,
                     double break_s)
{
    return series->kind == BED_FRESHNESS && at_s >= break_s && at_s < break_s + 3.2 * hb->step_s;
}

void bed_world_make(struct bed_rng *rng, enum bed_kind kind, double shift,
                    struct bed_series *out_series)
{
    struct habit hb = habit_of(rng, kind);
    struct bed_series *series = out_series;
    double last = 0;
    double shift_s = START_S + DAY_S * round(uniform(rng, BED_SHIFT_DAY_MIN, BED_DAYS - 20));
    double side = chance(rng, 0.6) && kind != BED_QUALITY && kind != BED_DURATION ? -1 : 1;
    double phase_s = uniform(rng, 0, hb.step_s);
    double jitter_s = hb.step_s * uniform(rng, 0.001, 0.03);
    memset(series, 0, sizeof *series);
    series->kind = kind;
    series->metric = metric_of(kind);
    series->days = BED_DAYS;
    series->step_s = hb.step_s;
    series->shift_at = BED_POINTS_MAX;
    for (; day_of(shift_s) > 0; shift_s += DAY_S) {
    }
    shift_s += phase_s - jitter_s * 4;
    for (double at_s = START_S + phase_s; at_s < START_S + BED_DAYS * DAY_S; at_s += hb.step_s) {
        if (hb.skips_weekends && day_of(at_s) >= 5) {
            continue;
        }
        bool is_shifted = shift > 0 && at_s >= shift_s;
        double run_s = at_s + fabs(normal(rng)) * jitter_s;
        double y = hb.level + hb.trend_per_day * (at_s - START_S) / DAY_S + hb.day[day_of(run_s)] +
                   hb.day_wave * sin(2 * M_PI * fmod(run_s, DAY_S) / DAY_S) +
                   noise_at(rng, &hb, &last);
        if (is_shifted && is_break(series, &hb, at_s, shift_s)) {
            series->due_at_us = series->due_at_us ? series->due_at_us : (int64_t)(at_s * 1e6);
            continue;
        }
        if (is_shifted && series->shift_at == BED_POINTS_MAX) {
            series->shift_at = series->count;
        }
        if (is_shifted && kind != BED_FRESHNESS) {
            y += side * shift * unit_of(kind, &hb);
        }
        series->points[series->count] = (struct bed_point){.at_us = (int64_t)(run_s * 1e6),
                                                           .value = value_of(kind, y),
                                                           .run = (uint32_t)series->count};
        series->count++;
    }
    if (series->shift_at == BED_POINTS_MAX) {
        series->shift_at = series->count;
    }
}

struct parcel {
    size_t place;
    size_t number;
};

static int by_place(const void *a, const void *b)
{
    const struct parcel *x = a;
    const struct parcel *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->number > y->number) - (x->number < y->number);
}

size_t bed_world_deliver(struct bed_rng *rng, const struct bed_series *series, size_t *order)
{
    static struct parcel parcels[2 * BED_POINTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        size_t late = chance(rng, 0.25) ? 1 + bed_world_random(rng) % LATE_PLACES : 0;
        parcels[count++] = (struct parcel){.place = i + late, .number = i};
        if (chance(rng, 1.0 / 3)) {
            size_t later = bed_world_random(rng) % LATE_PLACES;
            parcels[count++] = (struct parcel){.place = i + late + later, .number = i};
        }
    }
    qsort(parcels, count, sizeof *parcels, by_place);
    for (size_t i = 0; i < count; i++) {
        order[i] = parcels[i].number;
    }
    return count;
}
