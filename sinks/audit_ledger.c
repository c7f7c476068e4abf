/* What chains do not hold: that every event's id is in the ledger, and that every id stands for something. */
#include <inttypes.h>
#include <stdio.h>

#include "audit_cursor.h"
#include "audit_verify.h"

static enum verdict each_lack(struct audit_verify *av, const char *param, struct err *err)
{
    struct audit_cursor cursor = {.pg = NULL};
    bool has_row = false;
    enum verdict verdict = audit_cursor_open(&cursor, av->pg, "ledger_lacks", param, err);
    if (verdict == OK) {
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        bool is_gone = audit_cursor_text(&cursor, 4).ptr[0] == 't';
        struct str topic = audit_cursor_text(&cursor, 1);
        audit_report_fault(av->rp,
                           "%.*s/%" PRId64 " offset %" PRId64 ": the id of event %s %s the ledger",
                           (int)topic.len, topic.ptr, audit_cursor_number(&cursor, 2),
                           audit_cursor_number(&cursor, 3), audit_cursor_text(&cursor, 0).ptr,
                           is_gone ? "was removed from" : "has another time of receipt in");
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    audit_cursor_close(&cursor);
    return verdict;
}

static enum verdict each_extra(struct audit_verify *av, const char *param, uint64_t *out_count,
                               struct err *err)
{
    struct audit_cursor cursor = {.pg = NULL};
    bool has_row = false;
    enum verdict verdict = audit_cursor_open(&cursor, av->pg, "ledger_extra", param, err);
    if (verdict == OK) {
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        audit_report_fault(
            av->rp,
            "ledger: nothing stands for id %s, received %s: its event was removed, or "
            "the id was inserted",
            audit_cursor_text(&cursor, 0).ptr, audit_cursor_text(&cursor, 1).ptr);
        ++*out_count;
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    audit_cursor_close(&cursor);
    return verdict;
}

enum verdict audit_ledger_ids(struct audit_verify *av, struct err *err)
{
    char cutoff[24];
    uint64_t extra = 0;
    if (!av->may_read[0]) {
        return OK;
    }
    audit_report_part(av->rp);
    snprintf(cutoff, sizeof cutoff, "%" PRId64, av->cutoff_us[0]);
    enum verdict verdict = each_lack(av, cutoff, err);
    int64_t gone_us = av->cutoff_us[AUDIT_EVENTS] > av->cutoff_us[AUDIT_REFUSALS]
                          ? av->cutoff_us[AUDIT_EVENTS]
                          : av->cutoff_us[AUDIT_REFUSALS];
    snprintf(cutoff, sizeof cutoff, "%" PRId64, gone_us);
    audit_report_part(av->rp);
    return verdict == OK ? each_extra(av, cutoff, &extra, err) : verdict;
}
