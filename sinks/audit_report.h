/* audit_report.h - what verifying finds, in words on stdout: faults as they are met, then what was looked at, then what
 * cannot be proven. One thread. */
#ifndef METAOPS_SINKS_AUDIT_REPORT_H
#define METAOPS_SINKS_AUDIT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define AUDIT_REPORT_LINES_MAX 64
#define AUDIT_REPORT_FAULTS_SHOWN 40 /* of one part; all are counted */

struct audit_report {
    uint64_t faults;
    uint64_t shown; /* of the present part */
    uint64_t unseen;
    char *lines[AUDIT_REPORT_LINES_MAX]; /* what was looked at, and notes, in the order told */
    size_t line_count;
};

/* A new part: its first faults are shown again. */
void audit_report_part(struct audit_report *rp);

/* Prints a fault at once. */
void audit_report_fault(struct audit_report *rp, const char *format, ...) PRINTF_LIKE(2, 3);

/* Kept for the end: a subject of up to 12 letters, and what is to be said of it. */
void audit_report_line(struct audit_report *rp, const char *subject, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Prints the lines and the result; frees them. */
void audit_report_end(struct audit_report *rp);

#endif
