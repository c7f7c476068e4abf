/* numbers.c - stage 2: the number that an emitter gave the record, and the gaps that it reports.
 *
 * Before duplicates go and whatever becomes of the event: a number tells that a record arrived. What is
 * made of them is a set, so seeing a record twice does no harm. Numbers that no emitter of ours can
 * have given are not looked at. */
#include "rows.h"
#include "stages.h"

#define EMITTER_BYTES_MAX 256
#define REASON_BYTES_MAX 256
#define SEQUENCE_MAX (INT64_C(1) << 62)

static bool is_sequence(int64_t number)
{
    return number >= 1 && number <= SEQUENCE_MAX;
}

/* Cut between characters. */
static struct str cut(struct str text, size_t bytes_max)
{
    while (text.len > bytes_max ||
           (text.len == bytes_max && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)) {
        text.len--;
    }
    return text;
}

static enum verdict add_gap(struct rows *rs, struct str emitter, const struct lineage_gap *gap,
                            struct err *err)
{
    struct graph_gap *row = graph_rows_add(&rs->bt->rows.gaps);

    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_gap){.event = UINT32_MAX,
                              .emitter = emitter,
                              .epoch = rs->work->ev.emitter_epoch,
                              .from_seq = gap->from_seq,
                              .to_seq = gap->to_seq,
                              .received_at_us = rs->work->ev.received_at_us};
    struct str reason =
        gap->reason.len > REASON_BYTES_MAX ? cut(gap->reason, REASON_BYTES_MAX) : gap->reason;
    return rows_text(rs, reason, &row->reason, err);
}

enum verdict numbers_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err)
{
    const struct lineage_event *ev = &work->ev;
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    struct str emitter;

    if (!ev->emitter_id.ptr || ev->emitter_id.len == 0 || ev->emitter_id.len > EMITTER_BYTES_MAX ||
        !is_sequence(ev->emitter_sequence)) {
        return OK;
    }
    enum verdict verdict = rows_text(&rs, ev->emitter_id, &emitter, err);
    struct graph_sequence *row = verdict == OK ? graph_rows_add(&bt->rows.sequences) : NULL;
    if (!row) {
        return verdict == OK ? rows_short(err) : verdict;
    }
    *row = (struct graph_sequence){.event = UINT32_MAX,
                                   .emitter = emitter,
                                   .epoch = ev->emitter_epoch,
                                   .sequence = ev->emitter_sequence,
                                   .received_at_us = ev->received_at_us};
    for (uint32_t i = 0; verdict == OK && i < ev->gap_count; i++) {
        const struct lineage_gap *gap = &ev->gaps[i];
        if (is_sequence(gap->from_seq) && is_sequence(gap->to_seq) &&
            gap->from_seq <= gap->to_seq) {
            verdict = add_gap(&rs, emitter, gap, err);
        }
    }
    return verdict;
}
