/* series_model.h - what is usual for a series of numbers, and whether the newest are: arithmetic only, no store.
 *
 * A state is what was learned from the settled points, and the newest few points beside it, in the order of their
 * times. A point that comes late is put in its place among those few, and what stands behind it is judged anew: so
 * whatever the order in which points come, as long as fewer than SERIES_PENDING_MAX pass each other and none is older
 * than the lateness allowed, the state and what is off are the same. What comes later still is left out.
 *
 * Two forecasts run side by side, and the one with the smaller error counts: a level that follows quickly, and a level
 * with a season (day of the week, and hour when there are several points a day; cells shrink to the level while they
 * are young). A point is off when its distance from the forecast, in robust standard deviations, is large at once, or
 * when smaller distances add up (EWMA, Page-Hinkley). What is off begins an episode, in which nothing is learned; it
 * ends when the points are back, or when enough of them agree that this is the new level. Sources of the formulas stand
 * in the .c files.
 *
 * Pure functions; any thread. How a state is stored: series_codec.h. */
#ifndef METAOPS_SINKS_SERIES_MODEL_H
#define METAOPS_SINKS_SERIES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "series_usual.h"

#define SERIES_PENDING_MAX 5
#define SERIES_HISTORY_MIN 14 /* points before anything can be off */
#define SERIES_EPISODES_MAX (SERIES_PENDING_MAX + 2)

/* What rules say; zeros: nothing. */
struct series_limits {
    float sensitivity;    /* limits are divided by it */
    uint32_t history_min; /* points before anything can be off */
};

struct series_state {
    struct series_learned learned;
    struct series_point pending[SERIES_PENDING_MAX];
    uint8_t pending_count;
    struct series_limits limits; /* the caller's; not part of what is stored as state */
};

/* A time in which the series was off. */
struct series_episode {
    struct id128 run; /* the first that was off; names the episode */
    bool is_open;
    bool is_known; /* it began before the points that are looked at: what follows is not known */
    int64_t at_us;
    struct id128 good_run; /* the last before it; zero: none */
    int64_t good_at_us;
    double value;
    double expected;
    double spread;
    double score;
};

/* How the series stands after its newest point. */
struct series_view {
    uint32_t points;
    struct series_point newest; /* for a gap: value is the gap */
    double expected;
    double spread; /* one robust standard deviation above expected, as a difference */
    double
        score; /* standard deviations by which the newest was off; NAN while there is no telling */
    int64_t late_at_us; /* a gap: when the next one is late, and stale; 0: no telling */
    int64_t stale_at_us;
    struct series_episode episodes[SERIES_EPISODES_MAX];
    uint32_t episode_count;
};

/* Judges the pending points of a series of this metric (enum graph_metric). */
void series_model_view(const struct series_state *state, int16_t metric,
                       struct series_view *out_view);

/* Takes a point in; out_before and out_after are how the series stood without and with it. Of several points of one run
 * the latest counts. False: it is too late or was there before, and nothing changed. */
MUST_CHECK bool series_model_observe(struct series_state *state, int16_t metric,
                                     const struct series_point *point, int64_t lateness_us,
                                     struct series_view *out_before, struct series_view *out_after);

/* What began with this run is expected: no episode any more, and known as the new level after
 * a few points. Of a gap: the one that begins with the newest point, whatever run is. Nothing when the run
 * is settled and what it began is over. */
void series_model_accept(struct series_state *state, int16_t metric, struct id128 run);

#endif
