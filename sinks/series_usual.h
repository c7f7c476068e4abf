/* series_usual.h - what is usual for a series: two levels, a season, and how far numbers lie from them.
 *
 * Part of series_model.h, which says when what is learned here. Pure functions; any thread. */
#ifndef METAOPS_SINKS_SERIES_USUAL_H
#define METAOPS_SINKS_SERIES_USUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/id128.h"

#define SERIES_FIRST 7 /* points from which the first level is taken */
#define SERIES_DAYS 7
#define SERIES_HOURS 24
#define SERIES_FORECASTS 2 /* 0 the level, 1 the level with a season */

struct series_point {
    int64_t at_us;
    struct id128 run;
    float value;
};

/* What is learned. Distances are in units of the spread of the first points, so that one form fits every series. */
struct series_learned {
    uint32_t points;
    int64_t last_at_us; /* of the newest settled point, and its run */
    struct id128 last_run;
    float origin;
    float unit;
    float step_s; /* mean time between points */
    float level[SERIES_FORECASTS];
    float slope;                    /* of the seasonal level, a point */
    float spread[SERIES_FORECASTS]; /* robust standard deviation of the error */
    float ewma;
    float episodes; /* lately: one that alarms often is not believed as easily */
    float above;    /* Page-Hinkley sums */
    float below;
    int16_t day[SERIES_DAYS]; /* 1/256 units */
    int16_t hour[SERIES_HOURS];
    uint8_t day_visits[SERIES_DAYS]; /* up to 15 */
    uint8_t hour_visits[SERIES_HOURS];
    /* While fewer than SERIES_FIRST points are settled. */
    float first_value[SERIES_FIRST];
    uint8_t first_day[SERIES_FIRST];
    uint8_t first_hour[SERIES_FIRST];
    /* The episode; points 0: none. */
    uint8_t off_points;
    bool off_is_slow;
    bool off_was_back; /* the point before was as usual, nearly */
    float off_by;      /* mean distance so far */
    struct id128 off_run;
    /* Somebody expects what this run began, or the gap behind it; zero: none. */
    struct id128 accepted_run;
};

/* A point as it is compared: its number in form and units, and where it stands in the week. */
struct series_look {
    const struct series_point *point;
    double value; /* as measured: for a gap the time since the point before */
    double y;
    int day;
    int hour;
    bool is_other_day; /* than the point before */
    bool is_other_hour;
};

/* y is in form only until there are units: series_usual_scale. */
struct series_look series_usual_look(const struct series_learned *ln, int16_t metric,
                                     const struct series_point *point);
void series_usual_scale(const struct series_learned *ln, struct series_look *look);

/* A first point; with the last of SERIES_FIRST there are a level and units. */
void series_usual_first(struct series_learned *ln, int16_t metric, const struct series_look *look);

/* Learns from a point. */
void series_usual_learn(struct series_learned *ln, const struct series_look *look);

/* The levels are elsewhere from now on; look: the point that shows it, NULL: no point does. */
void series_usual_shift(struct series_learned *ln, const struct series_look *look, double by);

/* In units. */
double series_usual_forecast(const struct series_learned *ln, const struct series_look *look,
                             int which);

/* The standard deviation that is believed, in units. */
double series_usual_spread(const struct series_learned *ln, int16_t metric, int which,
                           double expected);

/* Units as a number of the series. */
double series_usual_told(const struct series_learned *ln, int16_t metric, double units);

/* Of several points a day: this day of the week was not seen often enough to be known. */
bool series_usual_is_unknown_day(const struct series_learned *ln, const struct series_look *look);

/* By how much more something must be off while the week, or the day, is seen for the first time; 0: nothing can be told. */
double series_usual_newness(const struct series_learned *ln, const struct series_look *look);

#endif
