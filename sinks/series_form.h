/* series_form.h - how numbers of a metric are compared: on a scale on which their scatter is about the same everywhere.
 *
 * Logarithms of counts, sizes and times, the arcsine of shares, other numbers as they are. Pure functions; any thread. */
#ifndef METAOPS_SINKS_SERIES_FORM_H
#define METAOPS_SINKS_SERIES_FORM_H

#include <stdint.h>

/* A number of this metric (enum graph_metric) in its form, and back. */
double series_form_of(int16_t metric, double value);
double series_form_back(int16_t metric, double form);

/* The least spread that is believed, in its form, where about this is expected: counts are at least as uncertain as
 * Poisson's, of other numbers a thousandth. */
double series_form_floor(int16_t metric, double expected_form);

#endif
