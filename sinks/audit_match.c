/* Partition by partition: the entries of its chains on one side, on the other the rows of events, letters and changes of
 * keys, in cursors that run through all partitions once, in the same order as the chains. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_cursor.h"
#include "audit_verify.h"

#define WHERE "audit"
#define STRAYS_MAX 10000 /* of one partition are told singly */

struct place {
    struct str topic;
    int32_t partition;
};

/* A row that no entry stands for, as it is. */
struct stray {
    int64_t kafka_offset;
    int64_t received_at_us;
    char id[40];
};

/* A table whose rows are matched by partition. */
struct side {
    enum audit_kind kind;
    const char *file;
    const char *noun;
    const char *plural;
    const char *noun_was;
    const char *nouns_were;
    void (*digest)(const struct audit_cursor *cursor, struct id128 *out_digest);
    struct audit_cursor cursor;
    bool has_row;
    struct stray *strays;
    size_t stray_count;
    uint64_t more_strays;
};

static void digest_of_event(const struct audit_cursor *cursor, struct id128 *out_digest)
{
    struct audit_event event = {.kafka_offset = audit_cursor_number(cursor, 2),
                                .received_at_us = audit_cursor_number(cursor, 4),
                                .source = (int16_t)audit_cursor_number(cursor, 5),
                                .principal = audit_cursor_text(cursor, 6),
                                .emitter_id = audit_cursor_text(cursor, 7),
                                .emitter_epoch = audit_cursor_number(cursor, 8),
                                .emitter_sequence = audit_cursor_number(cursor, 9),
                                .idempotency_key = audit_cursor_text(cursor, 10)};
    (void)audit_cursor_unhex(audit_cursor_text(cursor, 3), event.id.bytes, sizeof event.id.bytes);
    *out_digest = audit_chain_event(&event);
}

/* The database has made it. */
static void digest_as_told(const struct audit_cursor *cursor, struct id128 *out_digest)
{
    *out_digest = (struct id128){{0}};
    (void)audit_cursor_unhex(audit_cursor_text(cursor, 5), out_digest->bytes,
                             sizeof out_digest->bytes);
}

static int compare(struct place a, struct place b)
{
    int order = str_cmp(a.topic, b.topic);
    return order ? order : (a.partition > b.partition) - (a.partition < b.partition);
}

static struct place place_of(const struct side *side)
{
    return (struct place){audit_cursor_text(&side->cursor, 0),
                          (int32_t)audit_cursor_number(&side->cursor, 1)};
}

static void add_stray(struct side *side)
{
    struct str id = audit_cursor_text(&side->cursor, 3);
    if (side->stray_count == STRAYS_MAX) {
        side->more_strays++;
        return;
    }
    struct stray *stray = &side->strays[side->stray_count++];
    *stray = (struct stray){.kafka_offset = audit_cursor_number(&side->cursor, 2),
                            .received_at_us = audit_cursor_number(&side->cursor, 4)};
    if (id.len == 32) { /* digits alone: as a UUID is written */
        snprintf(stray->id, sizeof stray->id, "%.8s-%.4s-%.4s-%.4s-%.12s", id.ptr, id.ptr + 8,
                 id.ptr + 12, id.ptr + 16, id.ptr + 20);
    } else {
        snprintf(stray->id, sizeof stray->id, "%.*s", (int)id.len, id.ptr);
    }
}

/* Rows of a partition that has no chain: told together. */
static enum verdict pass_unchained(struct audit_verify *av, struct side *side, struct err *err)
{
    char topic[256];
    struct place place = place_of(side);
    int64_t first_offset = audit_cursor_number(&side->cursor, 2);
    uint64_t count = 0;
    enum verdict verdict = OK;
    snprintf(topic, sizeof topic, "%.*s", (int)place.topic.len, place.topic.ptr);
    place.topic = str_view(topic);
    while (verdict == OK && side->has_row && compare(place_of(side), place) == 0) {
        count++;
        verdict = audit_cursor_next(&side->cursor, &side->has_row, err);
    }
    if (verdict == OK) {
        audit_report_fault(av->rp,
                           "%s/%d offset %" PRId64 " and on: %" PRIu64
                           " %s inserted: the partition has no chain",
                           topic, place.partition, first_offset, count,
                           count == 1 ? side->noun_was : side->nouns_were);
    }
    return verdict;
}

/* Rows of the side up to the end of this place (NULL: all that are left); those before it are of no chain at all. */
static enum verdict meet_rows(struct audit_verify *av, struct side *side, const struct place *place,
                              struct err *err)
{
    enum verdict verdict = OK;
    while (verdict == OK && side->has_row) {
        int order = place ? compare(place_of(side), *place) : -1;
        struct id128 digest;
        if (order > 0) {
            break;
        }
        if (order < 0) {
            verdict = pass_unchained(av, side, err);
            continue;
        }
        side->digest(&side->cursor, &digest);
        if (audit_entries_meet(&av->entries[side->kind], digest)) {
            av->met[side->kind]++;
        } else {
            add_stray(side);
        }
        verdict = audit_cursor_next(&side->cursor, &side->has_row, err);
    }
    return verdict;
}

/* Chains of one place, those of av->streams from first on. */
struct group {
    struct place place;
    size_t first;
    size_t count;
};

/* Older than every chain of its partition, or than what retention left of them? */
static bool is_outside(struct audit_verify *av, const struct group *group,
                       const struct stray *stray)
{
    bool is_before = true;
    for (size_t i = group->first; i < group->first + group->count; i++) {
        const struct audit_stream *stream = &av->streams[i];
        if (stream->has_anchor &&
            (stray->kafka_offset < stream->anchor_next_offset ||
             (stream->has_begun_anew && stray->received_at_us <= stream->anchor_until_us))) {
            av->behind_anchor++;
            return true;
        }
        is_before = is_before && stray->kafka_offset < stream->covers_from && !stream->has_anchor;
    }
    av->before_chain += is_before;
    return is_before;
}

static bool is_in_gap(const struct audit_verify *av, const struct stray *stray)
{
    for (size_t i = 0; i < av->gap_count; i++) {
        if (stray->kafka_offset >= av->gaps[i].from_offset &&
            stray->kafka_offset < av->gaps[i].next_offset) {
            return true;
        }
    }
    return false;
}

static void tell_strays(struct audit_verify *av, struct side *side, const struct group *group)
{
    for (size_t i = 0; i < side->stray_count; i++) {
        const struct stray *stray = &side->strays[i];
        if (is_outside(av, group, stray) || is_in_gap(av, stray)) {
            continue;
        }
        const struct audit_link *link =
            audit_entries_pair(&av->entries[side->kind], stray->kafka_offset);
        if (link) {
            audit_report_fault(
                av->rp,
                "%.*s/%d offset %" PRId64 ": %s %s was altered: it does not give its "
                "digest in row %" PRId64 " of the chain",
                (int)group->place.topic.len, group->place.topic.ptr, group->place.partition,
                stray->kafka_offset, side->noun, stray->id, link->sequence);
        } else {
            audit_report_fault(av->rp,
                               "%.*s/%d offset %" PRId64
                               ": %s %s was inserted: it is in no row of the chain",
                               (int)group->place.topic.len, group->place.topic.ptr,
                               group->place.partition, stray->kafka_offset, side->noun, stray->id);
        }
    }
    if (side->more_strays) {
        audit_report_fault(av->rp, "%.*s/%d: %" PRIu64 " further rows of %ss are in no chain",
                           (int)group->place.topic.len, group->place.topic.ptr,
                           group->place.partition, side->more_strays, side->plural);
    }
    side->stray_count = 0;
    side->more_strays = 0;
}

/* What is left of a row of the chain: its neighbours say between which offsets. */
void audit_match_missing(struct audit_verify *av, enum audit_kind kind, const char *noun,
                         const char *plural)
{
    const struct audit_entries *entries = &av->entries[kind];
    for (size_t i = 0; i < entries->link_count; i++) {
        const struct audit_link *link = &entries->links[i];
        const struct audit_stream *stream = &av->streams[link->stream];
        size_t missing = 0;
        for (size_t e = link->first; e < link->first + link->count; e++) {
            missing += !entries->items[e].is_met;
        }
        if (missing && link->received_from_us < av->cutoff_us[kind]) {
            av->expired[kind] += missing;
        } else if (missing) {
            audit_report_fault(av->rp,
                               "%.*s/%d: %zu %s of row %" PRId64 " of the chain (offsets %" PRId64
                               " to %" PRId64 ") %s removed",
                               (int)stream->topic.len, stream->topic.ptr, stream->partition,
                               missing, missing == 1 ? noun : plural, link->sequence,
                               link->from_offset, link->next_offset - 1,
                               missing == 1 ? "was" : "were");
        }
    }
}

static enum verdict match_group(struct audit_verify *av, struct side *sides, size_t side_count,
                                const struct group *group, struct err *err)
{
    enum verdict verdict = OK;
    av->gap_count = 0;
    for (size_t i = 0; i < side_count; i++) {
        audit_entries_reset(&av->entries[sides[i].kind]);
    }
    for (size_t i = group->first; verdict == OK && i < group->first + group->count; i++) {
        verdict = audit_chains_read(av, (uint32_t)i, err);
    }
    for (size_t i = 0; verdict == OK && i < side_count; i++) {
        struct side *side = &sides[i];
        if (!av->may_read[side->kind]) {
            continue;
        }
        verdict = audit_entries_index(&av->entries[side->kind], err);
        if (verdict == OK) {
            verdict = meet_rows(av, side, &group->place, err);
        }
        if (verdict == OK) {
            tell_strays(av, side, group);
            audit_match_missing(av, side->kind, side->noun, side->plural);
        }
    }
    return verdict;
}

static enum verdict open_sides(struct audit_verify *av, struct side *sides, size_t count,
                               struct err *err)
{
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < count; i++) {
        if (!av->may_read[sides[i].kind]) {
            continue;
        }
        sides[i].strays = calloc(STRAYS_MAX, sizeof *sides[i].strays);
        verdict = sides[i].strays
                      ? audit_cursor_open(&sides[i].cursor, av->pg, sides[i].file, NULL, err)
                      : err_set(err, RETRY, WHERE, "memory is short");
        if (verdict == OK) {
            verdict = audit_cursor_next(&sides[i].cursor, &sides[i].has_row, err);
        }
    }
    return verdict;
}

enum verdict audit_match_all(struct audit_verify *av, struct err *err)
{
    struct side sides[] = {{.kind = AUDIT_EVENTS,
                            .file = "events",
                            .noun = "event",
                            .plural = "events",
                            .noun_was = "event was",
                            .nouns_were = "events were",
                            .digest = digest_of_event},
                           {.kind = AUDIT_LETTERS,
                            .file = "letters",
                            .noun = "dead letter",
                            .plural = "dead letters",
                            .noun_was = "dead letter was",
                            .nouns_were = "dead letters were",
                            .digest = digest_as_told},
                           {.kind = AUDIT_KEY_CHANGES,
                            .file = "key_changes",
                            .noun = "change of keys",
                            .plural = "changes of keys",
                            .noun_was = "change of keys was",
                            .nouns_were = "changes of keys were",
                            .digest = digest_as_told}};
    const size_t count = sizeof sides / sizeof sides[0];
    enum verdict verdict = open_sides(av, sides, count, err);
    for (size_t i = 0; verdict == OK && i < av->stream_count;) {
        struct group group = {.place = {av->streams[i].topic, av->streams[i].partition},
                              .first = i};
        while (i < av->stream_count &&
               compare((struct place){av->streams[i].topic, av->streams[i].partition},
                       group.place) == 0) {
            i++;
            group.count++;
        }
        verdict = match_group(av, sides, count, &group, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (verdict == OK && av->may_read[sides[i].kind]) {
            verdict = meet_rows(av, &sides[i], NULL, err);
        }
        audit_cursor_close(&sides[i].cursor);
        free(sides[i].strays);
    }
    return verdict;
}
