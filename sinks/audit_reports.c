/* Reports of refusals: an entry of the chain stands for a report, whose entries are rows one behind the other. */
#include <stdlib.h>

#include "audit_cursor.h"
#include "audit_verify.h"

#define WHERE "audit"

/* Entries of one report, read one behind the other. */
#define REPORT_ENTRIES_MAX 4096

struct report {
    struct id128 id;
    struct audit_refusal *refusals;
    size_t count;
};

static void meet_report(struct audit_verify *av, const struct report *report)
{
    char id[ID128_TEXT_BYTES];
    struct id128 digest = audit_chain_report(report->id, report->refusals, report->count);
    if (!report->count) {
        return;
    }
    if (audit_entries_meet(&av->entries[AUDIT_REFUSALS], digest)) {
        av->met[AUDIT_REFUSALS]++;
        return;
    }
    int64_t last_us = report->refusals[0].last_us;
    for (size_t i = 1; i < report->count; i++) {
        last_us = report->refusals[i].last_us < last_us ? report->refusals[i].last_us : last_us;
    }
    if (last_us < av->cutoff_us[AUDIT_REFUSALS] || last_us < av->begun_us) {
        av->before_chain++; /* or what is left of it, as its entries expire one by one */
        return;
    }
    id128_format(report->id, id);
    audit_report_fault(av->rp, "refusals: report %s was altered or inserted", id);
}

static enum verdict read_refusal(struct audit_verify *av, const struct audit_cursor *cursor,
                                 struct report *report, struct arena *arena, struct err *err)
{
    struct id128 id = {{0}};
    (void)audit_cursor_unhex(audit_cursor_text(cursor, 0), id.bytes, sizeof id.bytes);
    if (!id128_eq(id, report->id) || report->count == REPORT_ENTRIES_MAX) {
        meet_report(av, report);
        report->id = id;
        report->count = 0;
        arena_reset(arena, 1u << 20);
    }
    struct audit_refusal *refusal = &report->refusals[report->count++];
    *refusal = (struct audit_refusal){.ordinal = (int32_t)audit_cursor_number(cursor, 1),
                                      .key_id = arena_dup(arena, audit_cursor_text(cursor, 2)),
                                      .status = (int16_t)audit_cursor_number(cursor, 3),
                                      .reason = arena_dup(arena, audit_cursor_text(cursor, 4)),
                                      .count = audit_cursor_number(cursor, 5),
                                      .first_us = audit_cursor_number(cursor, 6),
                                      .last_us = audit_cursor_number(cursor, 7),
                                      .gateway = arena_dup(arena, audit_cursor_text(cursor, 8))};
    return refusal->key_id.ptr && refusal->reason.ptr && refusal->gateway.ptr
               ? OK
               : err_set(err, RETRY, WHERE, "memory is short");
}

enum verdict audit_reports_match(struct audit_verify *av, struct err *err)
{
    struct audit_cursor cursor = {.pg = NULL};
    struct arena *arena = arena_new(64u << 20);
    struct report report = {.refusals = calloc(REPORT_ENTRIES_MAX, sizeof *report.refusals)};
    bool has_row = false;
    if (!av->may_read[AUDIT_REFUSALS]) {
        free(report.refusals);
        arena_free(arena);
        return OK;
    }
    enum verdict verdict =
        arena && report.refusals ? OK : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK) {
        verdict = audit_entries_index(&av->entries[AUDIT_REFUSALS], err);
    }
    if (verdict == OK) {
        verdict = audit_cursor_open(&cursor, av->pg, "refusals", NULL, err);
    }
    if (verdict == OK) {
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        verdict = read_refusal(av, &cursor, &report, arena, err);
        if (verdict == OK) {
            verdict = audit_cursor_next(&cursor, &has_row, err);
        }
    }
    if (verdict == OK) {
        meet_report(av, &report);
        audit_match_missing(av, AUDIT_REFUSALS, "report of refusals", "reports of refusals");
    }
    audit_cursor_close(&cursor);
    free(report.refusals);
    arena_free(arena);
    return verdict;
}
