/* bed_judges.h - who judges the series of the test bed: the program's model, and the two that it is measured against.
 *
 * plain: mean and standard deviation of the last 14 days, as they come; off beyond three of them. rules: what people
 * write by hand: half or double of the run before, ten points more nulls, a gap twice the one before. Each says of a point
 * whether an alert begins there: one alert for neighbouring points that are off. One thread. */
#ifndef METAOPS_TESTS_DRIFT_BED_JUDGES_H
#define METAOPS_TESTS_DRIFT_BED_JUDGES_H

#include "bed_world.h"

enum bed_judge { BED_OURS, BED_PLAIN, BED_RULES, BED_JUDGES };

/* Alerts of one series: the points at which they begin, in order, and for freshness when. */
struct bed_alerts {
    uint32_t at[BED_POINTS_MAX];
    double delay_steps[BED_POINTS_MAX]; /* freshness: behind the end of the usual step */
    size_t count;
};

/* Points in order. */
void bed_judges_run(enum bed_judge judge, const struct bed_series *series,
                    struct bed_alerts *out_alerts);

/* Ours, with points in another order (numbers, some of them twice); alerts that turned out to be none are left out. */
void bed_judges_shuffled(const struct bed_series *series, const size_t *order, size_t count,
                         struct bed_alerts *out_alerts);

#endif
