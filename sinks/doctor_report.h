/* doctor_report.h - the lines of the doctor's table, and how many of them are bad. */
#ifndef METAOPS_SINKS_DOCTOR_REPORT_H
#define METAOPS_SINKS_DOCTOR_REPORT_H

#include <stdio.h>

#include "core/err.h"

struct doctor_report {
    FILE *out;
    int failed;
    int warned;
    int skipped;
};

/* One line each: what was looked at, and the detail. Each is flushed: the next may take seconds. */
void doctor_report_ok(struct doctor_report *report, const char *subject, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Not asked, because something it needs failed. */
void doctor_report_skip(struct doctor_report *report, const char *subject, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* mend is the command, or what to do, in the next line. */
void doctor_report_warn(struct doctor_report *report, const char *subject, const char *mend,
                        const char *format, ...) PRINTF_LIKE(4, 5);
void doctor_report_fail(struct doctor_report *report, const char *subject, const char *mend,
                        const char *format, ...) PRINTF_LIKE(4, 5);

#endif
