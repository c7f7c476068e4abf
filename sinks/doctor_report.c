#include "doctor_report.h"

#include <stdarg.h>

#include "lineage_print.h"

/* Details quote what servers answer: they pass as text for people. */
static void line(struct doctor_report *report, const char *state, const char *subject,
                 const char *mend, const char *format, va_list args)
{
    char detail[512];

    vsnprintf(detail, sizeof(detail), format, args);
    fprintf(report->out, "%-4s  %-26s  ", state, subject);
    lineage_print_text(report->out, detail);
    fputs("\n", report->out);
    if (mend) {
        fprintf(report->out, "      %-26s  mend: %s\n", "", mend);
    }
    fflush(report->out);
}

void doctor_report_ok(struct doctor_report *report, const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(report, "ok", subject, NULL, format, args);
    va_end(args);
}

void doctor_report_skip(struct doctor_report *report, const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(report, "-", subject, NULL, format, args);
    va_end(args);
    report->skipped++;
}

void doctor_report_warn(struct doctor_report *report, const char *subject, const char *mend,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(report, "warn", subject, mend, format, args);
    va_end(args);
    report->warned++;
}

void doctor_report_fail(struct doctor_report *report, const char *subject, const char *mend,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(report, "FAIL", subject, mend, format, args);
    va_end(args);
    report->failed++;
}
