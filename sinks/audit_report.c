#include "audit_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void audit_report_part(struct audit_report *rp)
{
    if (rp->unseen) {
        printf("FAULT  ... and %" PRIu64 " more of these\n", rp->unseen);
    }
    rp->unseen = 0;
    rp->shown = 0;
}

void audit_report_fault(struct audit_report *rp, const char *format, ...)
{
    va_list args;
    rp->faults++;
    if (rp->shown == AUDIT_REPORT_FAULTS_SHOWN) {
        rp->unseen++;
        return;
    }
    rp->shown++;
    va_start(args, format);
    fputs("FAULT  ", stdout);
    vprintf(format, args);
    puts("");
    va_end(args);
    fflush(stdout);
}

void audit_report_line(struct audit_report *rp, const char *subject, const char *format, ...)
{
    va_list args;
    char *words = NULL;
    char *line = NULL;
    va_start(args, format);
    int length = vasprintf(&words, format, args);
    va_end(args);
    if (length < 0) {
        return; /* memory is short: the next query says so */
    }
    if (rp->line_count < AUDIT_REPORT_LINES_MAX &&
        asprintf(&line, "%-12s %s", subject, words) >= 0) {
        rp->lines[rp->line_count++] = line;
    }
    free(words);
}

void audit_report_end(struct audit_report *rp)
{
    audit_report_part(rp);
    for (size_t i = 0; i < rp->line_count; i++) {
        puts(rp->lines[i]);
        free(rp->lines[i]);
    }
    rp->line_count = 0;
    if (rp->faults) {
        printf("%-12s %" PRIu64 " fault%s, the first one on top\n", "result", rp->faults,
               rp->faults == 1 ? "" : "s");
    } else {
        printf("%-12s no fault\n", "result");
    }
}
