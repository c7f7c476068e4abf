/* status_print.h - a sample, and what changed since the one before, as text for people or as one JSON object. */
#ifndef METAOPS_SINKS_STATUS_PRINT_H
#define METAOPS_SINKS_STATUS_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct status_sample;

struct status_view {
    const struct status_sample *before; /* rates are between the two */
    const struct status_sample *now;
    long lag_seconds_max; /* more is trouble */
    bool has_partitions;
};

/* How many things are wrong; each as a line to out (NULL: only counted). */
int status_print_troubles(const struct status_view *view, FILE *out);

/* Lines of text; the last ones are what is wrong, if anything. */
void status_print_text(const struct status_view *view, FILE *out);

/* One line. */
void status_print_json(const struct status_view *view, FILE *out);

#endif
