/* series_form.c - Bartlett, "The use of transformations", Biometrics 3 (1947). */
#include "series_form.h"

#include <math.h>

#include "schemas/graph_rows.h"

/* Of the number itself; and for those about zero. */
#define PLAIN_FLOOR 1e-3
#define PLAIN_LEAST 1e-6

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

double series_form_of(int16_t metric, double value)
{
    switch (shape_of(metric).form) {
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

double series_form_back(int16_t metric, double form)
{
    switch (shape_of(metric).form) {
    case COUNT:
    case SIZE:
    case TIME:
        return expm1(fmax(form, 0));
    case SHARE: {
        double s = sin(fmin(fmax(form, 0), M_PI_2));
        return s * s;
    }
    default:
        return form;
    }
}

double series_form_floor(int16_t metric, double expected_form)
{
    struct shape shape = shape_of(metric);
    if (shape.form == PLAIN) {
        return fmax(PLAIN_FLOOR * fabs(expected_form), PLAIN_LEAST);
    }
    if (shape.form != COUNT) {
        return shape.floor;
    }
    return fmax(shape.floor, 1 / sqrt(series_form_back(metric, expected_form) + 1));
}
