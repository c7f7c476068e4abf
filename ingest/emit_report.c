#include "ingest/emit_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/timebase.h"

#define LINES_MAX 20
#define BAR_COLUMNS 24
#define REDRAW_US 100000

/* Latencies are counted in classes 1/32 apart: 32 per power of two, so a quantile is off by at most
 * 3 %. */
#define FINE_BITS 5
#define FINE (1 << FINE_BITS)
#define CLASSES (40 * FINE)

struct emit_report {
    uint64_t accepted;
    uint64_t refused;
    uint64_t unavailable;
    int64_t start_us;
    int64_t drawn_us;
    bool has_bar;
    bool is_drawn;
    uint64_t latencies;
    uint64_t classes[CLASSES];
};

struct emit_report *emit_report_new(bool has_bar)
{
    struct emit_report *report = calloc(1, sizeof(*report));

    if (report) {
        report->has_bar = has_bar;
        report->start_us = timebase_mono_us();
    }
    return report;
}

static void emit_report_clear_bar(struct emit_report *report)
{
    if (report->is_drawn) {
        fputs("\r\x1b[K", stderr);
        report->is_drawn = false;
    }
}

/* Reasons and pointers repeat text of others: no control byte of theirs may reach a terminal. */
static void emit_report_print_clean(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        fputc(c < 0x20 || c == 0x7F ? '?' : c, stderr);
    }
}

void emit_report_accepted(struct emit_report *report, uint64_t count)
{
    report->accepted += count;
}

void emit_report_refused(struct emit_report *report, struct emit_place place, const char *pointer,
                         int64_t offset, const char *reason)
{
    if (++report->refused > LINES_MAX) {
        return;
    }
    emit_report_clear_bar(report);
    fprintf(stderr, "%s:%" PRIu64 ": refused: ", place.file, place.line);
    if (pointer) {
        emit_report_print_clean(*pointer ? pointer : "(root)");
        fputs(", ", stderr);
    }
    if (offset >= 0) {
        fprintf(stderr, "byte %" PRId64 ": ", offset);
    }
    emit_report_print_clean(reason ? reason : "no reason given");
    fputc('\n', stderr);
}

void emit_report_unavailable(struct emit_report *report, struct emit_place place,
                             const char *reason)
{
    if (++report->unavailable > LINES_MAX) {
        return;
    }
    emit_report_clear_bar(report);
    fprintf(stderr, "%s:%" PRIu64 ": unavailable: ", place.file, place.line);
    emit_report_print_clean(reason);
    fputc('\n', stderr);
}

void emit_report_latency(struct emit_report *report, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    unsigned shift = 0;

    while (value >> shift >= 2 * FINE) {
        shift++;
    }
    uint64_t class = (uint64_t)shift * FINE + (value >> shift);
    report->classes[class < CLASSES ? class : CLASSES - 1]++;
    report->latencies++;
}

/* The upper end of the class that holds the quantile, in milliseconds. */
static double emit_report_quantile_ms(const struct emit_report *report, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)report->latencies);
    uint64_t seen = 0;

    for (uint64_t class = 0; class < CLASSES; class ++) {
        seen += report->classes[class];
        if (seen > rank) {
            uint64_t shift = class < 2 * FINE ? 0 : class / FINE - 1;
            uint64_t low = class - shift * FINE;
            return (double)((low + 1) << shift) / 1000.0;
        }
    }
    return 0;
}

uint64_t emit_report_count(const struct emit_report *report)
{
    return report->accepted + report->refused + report->unavailable;
}

static double emit_report_seconds(const struct emit_report *report)
{
    return (double)(timebase_mono_us() - report->start_us) / 1e6;
}

void emit_report_progress(struct emit_report *report, uint64_t done_bytes, uint64_t total_bytes)
{
    char bar[BAR_COLUMNS + 1];
    int64_t now_us = timebase_mono_us();

    if (!report->has_bar || now_us - report->drawn_us < REDRAW_US) {
        return;
    }
    report->drawn_us = now_us;
    fputs("\r\x1b[K", stderr);
    if (total_bytes > 0) {
        double share = (double)done_bytes / (double)total_bytes;
        share = share > 1 ? 1 : share;
        for (int i = 0; i < BAR_COLUMNS; i++) {
            bar[i] = i < (int)(share * BAR_COLUMNS) ? '#' : '.';
        }
        bar[BAR_COLUMNS] = '\0';
        fprintf(stderr, "[%s] %3d %% ", bar, (int)(100 * share));
    }
    uint64_t count = emit_report_count(report);
    fprintf(stderr, "%" PRIu64 " events, %.0f/s", count,
            (double)count / emit_report_seconds(report));
    if (report->refused > 0) {
        fprintf(stderr, ", %" PRIu64 " refused", report->refused);
    }
    if (report->unavailable > 0) {
        fprintf(stderr, ", %" PRIu64 " unavailable", report->unavailable);
    }
    fflush(stderr);
    report->is_drawn = true;
}

static void emit_report_print_more(uint64_t count, const char *what)
{
    if (count > LINES_MAX) {
        fprintf(stderr, "and %" PRIu64 " more %s\n", count - LINES_MAX, what);
    }
}

bool emit_report_finish(struct emit_report *report, bool is_complete, bool is_json,
                        bool has_latency, FILE *out)
{
    uint64_t sent = emit_report_count(report);
    double seconds = emit_report_seconds(report);
    double per_s = seconds > 0 ? (double)sent / seconds : 0;
    double p50_ms = emit_report_quantile_ms(report, 0.50);
    double p99_ms = emit_report_quantile_ms(report, 0.99);

    emit_report_clear_bar(report);
    emit_report_print_more(report->refused, "refused");
    emit_report_print_more(report->unavailable, "unavailable");
    if (is_json) {
        fprintf(out,
                "{\"sent\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64
                ",\"unavailable\":%" PRIu64 ",\"complete\":%s,\"seconds\":%.3f"
                ",\"events_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
                sent, report->accepted, report->refused, report->unavailable,
                is_complete ? "true" : "false", seconds, per_s, p50_ms, p99_ms);
    } else {
        fprintf(out,
                "sent %" PRIu64 ", accepted %" PRIu64 ", refused %" PRIu64 ", unavailable %" PRIu64
                "; %.2f s, %.0f events/s\n",
                sent, report->accepted, report->refused, report->unavailable, seconds, per_s);
        if (has_latency) {
            fprintf(out, "p50 %.2f ms, p99 %.2f ms\n", p50_ms, p99_ms);
        }
    }
    return is_complete && report->accepted == sent;
}

void emit_report_free(struct emit_report *report)
{
    free(report);
}
