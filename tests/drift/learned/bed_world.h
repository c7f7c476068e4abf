/* bed_world.h - series as they are in the field, from a seed: levels, seasons, weekends, trends and noise, and what goes
 * wrong in them at known times.
 *
 * A series is days of runs: once a day, every six hours, every hour, or once a working day. On the scale on which it is
 * compared (logarithm for counts and times, arcsine for shares) it is level + trend + day of the week and hour at which it ran + noise, the
 * noise now and then with heavier tails and a little correlated. Each series has quiet days, then at most one injection:
 * a shift of so many robust standard deviations of its noise, or that writes stop. One thread. */
#ifndef METAOPS_TESTS_DRIFT_BED_WORLD_H
#define METAOPS_TESTS_DRIFT_BED_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BED_DAYS 120
#define BED_SHIFT_DAY_MIN 70 /* injections begin behind it */
#define BED_POINTS_MAX (BED_DAYS * 24)

enum bed_kind { BED_VOLUME, BED_QUALITY, BED_DURATION, BED_FRESHNESS, BED_KINDS };

struct bed_point {
    int64_t at_us;
    double value; /* as an event tells it */
    uint32_t run; /* its number */
};

struct bed_series {
    enum bed_kind kind;
    int16_t metric; /* enum graph_metric */
    struct bed_point points[BED_POINTS_MAX];
    size_t count;
    double days;
    size_t
        shift_at; /* first point that is shifted; count: none. Freshness: the first that comes after the break */
    int64_t due_at_us; /* freshness: when the write that stays out was due */
    double step_s;     /* usual time between points */
};

struct bed_rng {
    uint64_t state;
};

uint64_t bed_world_random(struct bed_rng *rng);

/* shift: in robust standard deviations of the noise; 0: nothing goes wrong. */
void bed_world_make(struct bed_rng *rng, enum bed_kind kind, double shift,
                    struct bed_series *out_series);

/* The order in which points arrive: late ones up to four places behind, a third delivered twice. Numbers of points into
 * order (room for 2 * count); returns how many. */
size_t bed_world_deliver(struct bed_rng *rng, const struct bed_series *series, size_t *order);

#endif
