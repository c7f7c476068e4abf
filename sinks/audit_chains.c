/* Rows are read in their order and hashed anew, each behind the hash that the store has for the one before: so a row
 * that was altered is told, and those behind it are not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_cursor.h"
#include "audit_verify.h"

#define WHERE "audit"
#define CHAIN "%.*s/%d"
#define CHAIN_ARGS(stream) (int)(stream)->topic.len, (stream)->topic.ptr, (stream)->partition

/* Walks along a chain: what the next row has to follow. */
struct walk {
    struct audit_hash before;
    int64_t sequence;
    struct audit_head *heads;
    size_t head_count;
    int64_t head_sequence_good; /* of the last head that agreed */
    bool has_missed;            /* rows before the present one are missing, and told */
    char name[320];
};

/* Heads up to this row; the row itself has that hash. */
static void compare_heads(struct audit_verify *av, struct walk *walk, int64_t sequence,
                          struct audit_hash hash)
{
    for (; walk->head_count && walk->heads->sequence <= sequence;
         walk->heads++, walk->head_count--) {
        const struct audit_head *head = walk->heads;
        walk->heads->is_met = true;
        if (head->sequence < sequence) {
            continue; /* its row is missing, which is told already, or retention took it */
        }
        if (audit_chain_equal(head->hash, hash)) {
            walk->head_sequence_good = sequence;
            continue;
        }
        audit_report_fault(av->rp,
                           "%s: row %" PRId64 " has another hash than the head signed at %.*s: the "
                           "chain was rewritten from a row between %" PRId64 " and %" PRId64 " on",
                           walk->name, sequence, (int)head->at.len, head->at.ptr,
                           walk->head_sequence_good + 1, sequence);
    }
}

static void compare_last_heads(struct audit_verify *av, struct walk *walk)
{
    if (walk->head_count) {
        const struct audit_head *head = &walk->heads[walk->head_count - 1];
        audit_report_fault(av->rp,
                           "%s: ends at row %" PRId64
                           ", but the head signed at %.*s is row %" PRId64 ": %" PRId64
                           " rows were cut from its end",
                           walk->name, walk->sequence, (int)head->at.len, head->at.ptr,
                           head->sequence, head->sequence - walk->sequence);
    }
    for (; walk->head_count; walk->heads++, walk->head_count--) {
        walk->heads->is_met = true;
    }
}

/* Is it the next one, and does it give its hash? */
static void judge_row(struct audit_verify *av, struct walk *walk, int64_t sequence,
                      struct audit_hash computed, struct str stored)
{
    struct audit_hash hash = {{0}};
    bool is_hash = audit_chain_parse(stored, &hash);
    walk->has_missed = walk->has_missed || sequence > walk->sequence + 1;
    if (sequence <= walk->sequence) {
        audit_report_fault(av->rp, "%s: row %" PRId64 " was inserted: retention had taken it",
                           walk->name, sequence);
    } else if (sequence == walk->sequence + 2) {
        audit_report_fault(av->rp, "%s: row %" PRId64 " was removed", walk->name, sequence - 1);
    } else if (sequence > walk->sequence + 2) {
        audit_report_fault(av->rp, "%s: rows %" PRId64 " to %" PRId64 " were removed", walk->name,
                           walk->sequence + 1, sequence - 1);
    } else if (!is_hash || !audit_chain_equal(hash, computed)) {
        audit_report_fault(av->rp,
                           "%s: row %" PRId64 " was altered: it does not give its hash behind row "
                           "%" PRId64,
                           walk->name, sequence, walk->sequence);
    }
    compare_heads(av, walk, sequence, hash);
    walk->sequence = sequence;
    walk->before = hash;
}

static struct walk begin_walk(struct audit_verify *av, const struct audit_stream *stream)
{
    struct walk walk = {.sequence = 0};
    if (av->heads) {
        walk.heads =
            stream ? audit_heads_of(av->heads, stream->cluster_id, stream->topic, stream->partition,
                                    &walk.head_count)
                   : audit_heads_of(av->heads, (struct str){NULL, 0}, STR(""), 0, &walk.head_count);
    }
    return walk;
}

enum verdict audit_chains_acts(struct audit_verify *av, struct err *err)
{
    struct audit_cursor cursor = {.pg = NULL};
    struct walk walk = begin_walk(av, NULL);
    bool has_row = false;
    snprintf(walk.name, sizeof walk.name, "operators' acts");
    enum verdict verdict = audit_cursor_open(&cursor, av->pg, "acts", NULL, err);
    if (verdict == OK) {
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        const struct audit_act act = {.sequence = audit_cursor_number(&cursor, 0),
                                      .kind = audit_cursor_text(&cursor, 1),
                                      .done_at_us = audit_cursor_number(&cursor, 2),
                                      .done_by = audit_cursor_text(&cursor, 3),
                                      .detail = audit_cursor_text(&cursor, 4)};
        judge_row(av, &walk, act.sequence, audit_chain_act(walk.before, &act),
                  audit_cursor_text(&cursor, 5));
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    audit_cursor_close(&cursor);
    if (verdict == OK) {
        compare_last_heads(av, &walk);
        audit_report_line(av->rp, "acts", "%" PRId64 " of operators, each behind the one before",
                          walk.sequence);
    }
    return verdict;
}

static enum verdict add_gap(struct audit_verify *av, int64_t from_offset, int64_t next_offset,
                            struct err *err)
{
    if (av->gap_count == av->gap_capacity) {
        size_t larger = av->gap_capacity ? 2 * av->gap_capacity : 16;
        struct audit_gap *grown = reallocarray(av->gaps, larger, sizeof *grown);
        if (!grown) {
            return err_set(err, RETRY, WHERE, "memory is short");
        }
        av->gaps = grown;
        av->gap_capacity = larger;
    }
    av->gaps[av->gap_count++] = (struct audit_gap){from_offset, next_offset};
    return OK;
}

/* Where the offsets of a chain stand. */
struct stretch {
    bool is_begun;
    int64_t next_offset;
    int64_t written_at_us;
};

/* Rows of kind 1 stand for one stretch of offsets behind the other. */
static enum verdict follow_offsets(struct audit_verify *av, struct audit_stream *stream,
                                   struct stretch *at, const struct audit_row *row, bool has_missed,
                                   struct err *err)
{
    bool is_first = !at->is_begun;
    int64_t expected = is_first ? stream->begins_at : at->next_offset;
    int64_t after_us = at->written_at_us;
    *at = (struct stretch){true, row->next_offset, row->written_at_us};
    if (is_first) {
        stream->covers_from = row->from_offset;
    }
    if (row->from_offset == expected ||
        audit_load_is_accepted(av, stream, after_us, row->written_at_us) ||
        (is_first && stream->begins_at != 0)) {
        return OK; /* where a chain begins amid a store, older workers may have gone on for a while */
    }
    if (!has_missed) {
        audit_report_fault(av->rp,
                           CHAIN ": offsets %" PRId64 " to %" PRId64
                                 " were passed without a row of the chain before row %" PRId64
                                 ": rows were cut there, or a worker wrote that knows no chain",
                           CHAIN_ARGS(stream), expected, row->from_offset - 1, row->sequence);
    }
    return add_gap(av, expected, row->from_offset, err);
}

static enum verdict close_offsets(struct audit_verify *av, struct audit_stream *stream,
                                  const struct stretch *at, struct err *err)
{
    int64_t stands_at = at->is_begun ? at->next_offset : stream->begins_at;
    if (!at->is_begun) {
        stream->covers_from = stream->begins_at;
    }
    if (!stream->has_position) {
        audit_report_fault(av->rp, CHAIN ": its position was removed from graph.offsets",
                           CHAIN_ARGS(stream));
        return OK;
    }
    if (stream->position == stands_at ||
        audit_load_is_accepted(av, stream, at->written_at_us, INT64_MAX) ||
        (!at->is_begun && stream->begins_at != 0)) {
        return OK;
    }
    audit_report_fault(av->rp,
                       CHAIN ": the chain ends at offset %" PRId64
                             ", the partition stands at %" PRId64
                             ": rows were cut from its end, or the position was altered",
                       CHAIN_ARGS(stream), stands_at, stream->position);
    return add_gap(av, stands_at, stream->position, err);
}

/* Digests in their binary form, in memory of the caller's to free. */
static struct id128 *digests_of(struct str digits, size_t *out_count)
{
    size_t bytes = digits.len / 2;
    struct id128 *digests = malloc(bytes + sizeof *digests);
    *out_count = bytes / sizeof *digests;
    if (digests && !audit_cursor_unhex(digits, digests, bytes)) {
        *out_count = 0;
    }
    return digests;
}

static enum verdict read_row(struct audit_verify *av, uint32_t number_of_stream,
                             const struct audit_cursor *cursor, struct walk *walk,
                             struct stretch *at, struct err *err)
{
    struct audit_stream *stream = &av->streams[number_of_stream];
    size_t count = 0;
    struct id128 *digests = digests_of(audit_cursor_text(cursor, 7), &count);
    if (!digests) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    const struct audit_row row = {.sequence = audit_cursor_number(cursor, 0),
                                  .kind = (int16_t)audit_cursor_number(cursor, 1),
                                  .from_offset = audit_cursor_number(cursor, 2),
                                  .next_offset = audit_cursor_number(cursor, 3),
                                  .received_from_us = audit_cursor_number(cursor, 4),
                                  .received_until_us = audit_cursor_number(cursor, 5),
                                  .written_at_us = audit_cursor_number(cursor, 6),
                                  .digests = {(const char *)digests, count * sizeof *digests}};
    enum verdict verdict = OK;
    judge_row(av, walk, row.sequence, audit_chain_row(walk->before, &row),
              audit_cursor_text(cursor, 8));
    if (row.kind == AUDIT_EVENTS) {
        verdict = follow_offsets(av, stream, at, &row, walk->has_missed, err);
        walk->has_missed = false;
    }
    av->rows++;
    av->entry_count += count;
    if (verdict == OK && row.kind > 0 && row.kind < AUDIT_VERIFY_KINDS) {
        const struct audit_link link = {.stream = number_of_stream,
                                        .kind = row.kind,
                                        .sequence = row.sequence,
                                        .from_offset = row.from_offset,
                                        .next_offset = row.next_offset,
                                        .received_from_us = row.received_from_us};
        verdict = audit_entries_add(&av->entries[row.kind], &link, digests, count, err);
    }
    free(digests);
    return verdict;
}

enum verdict audit_chains_read(struct audit_verify *av, uint32_t stream_number, struct err *err)
{
    struct audit_stream *stream = &av->streams[stream_number];
    struct audit_cursor cursor = {.pg = NULL};
    struct walk walk = begin_walk(av, stream);
    struct stretch at = {.is_begun = stream->has_anchor,
                         .next_offset = stream->anchor_next_offset,
                         .written_at_us = INT64_MIN};
    bool has_row = false;
    snprintf(walk.name, sizeof walk.name, CHAIN, CHAIN_ARGS(stream));
    walk.before = stream->has_anchor ? stream->anchor_hash : stream->genesis;
    walk.sequence = stream->has_anchor ? stream->anchor_sequence : 0;
    stream->covers_from = stream->has_anchor ? stream->anchor_next_offset : stream->begins_at;
    if (stream->has_anchor) {
        compare_heads(av, &walk, stream->anchor_sequence, stream->anchor_hash);
    }
    enum verdict verdict = audit_cursor_open(&cursor, av->pg, "chain", stream->id, err);
    if (verdict == OK) {
        verdict = audit_cursor_next(&cursor, &has_row, err);
    }
    while (verdict == OK && has_row) {
        verdict = read_row(av, stream_number, &cursor, &walk, &at, err);
        if (verdict == OK) {
            verdict = audit_cursor_next(&cursor, &has_row, err);
        }
    }
    audit_cursor_close(&cursor);
    if (verdict == OK) {
        compare_last_heads(av, &walk);
        verdict = close_offsets(av, stream, &at, err);
    }
    return verdict;
}
