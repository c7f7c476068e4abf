#include "audit_rows.h"

#include <stdlib.h>

struct entry {
    size_t position; /* in the batch's positions */
    int64_t offset;
    int64_t received_at_us;
    struct id128 digest;
};

struct entries {
    struct entry *items;
    size_t count;
};

static int in_order(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    return x->position != y->position ? (x->position > y->position) - (x->position < y->position)
                                      : (x->offset > y->offset) - (x->offset < y->offset);
}

/* Neighbours are mostly of one partition: begins with the one found last. */
static bool find_position(const struct graph_batch *rows, const struct graph_event *event,
                          size_t *inout_position)
{
    for (size_t tried = 0; tried < rows->positions.count; tried++) {
        size_t i = (*inout_position + tried) % rows->positions.count;
        const struct graph_position *position = &rows->positions.items[i];
        if (position->partition == event->partition && str_eq(position->topic, event->topic)) {
            *inout_position = i;
            return true;
        }
    }
    return false;
}

static struct id128 digest_of_event(const struct graph_event *event)
{
    const struct audit_event way_in = {.id = event->id,
                                       .kafka_offset = event->kafka_offset,
                                       .received_at_us = event->received_at_us,
                                       .source = (int16_t)event->source,
                                       .principal = event->principal,
                                       .emitter_id = event->emitter_id,
                                       .emitter_epoch = event->emitter_epoch,
                                       .emitter_sequence = event->emitter_sequence,
                                       .idempotency_key = event->idempotency_key};
    return audit_chain_event(&way_in);
}

/* The entries of a report stand together, in the order of their ordinals. NULL: memory is short. */
static struct audit_refusal *refusals_of(const struct graph_batch *rows, uint32_t event,
                                         struct arena *scratch, size_t *out_count)
{
    size_t first = 0;
    size_t end = 0;
    while (first < rows->refusals.count && rows->refusals.items[first].event != event) {
        first++;
    }
    for (end = first; end < rows->refusals.count && rows->refusals.items[end].event == event;) {
        end++;
    }
    struct audit_refusal *refusals = arena_alloc(scratch, (end - first) * sizeof *refusals + 1);
    for (size_t i = first; refusals && i < end; i++) {
        const struct graph_refusal *row = &rows->refusals.items[i];
        refusals[i - first] = (struct audit_refusal){.ordinal = row->ordinal,
                                                     .key_id = row->key_id,
                                                     .status = row->status,
                                                     .reason = row->reason,
                                                     .count = row->count,
                                                     .first_us = row->first_us,
                                                     .last_us = row->last_us,
                                                     .gateway = row->gateway};
    }
    *out_count = end - first;
    return refusals;
}

/* *out_is_one: the event is an entry of this kind. */
static enum verdict digest_of(const struct graph_batch *rows, uint32_t number, enum audit_kind kind,
                              struct arena *scratch, bool *out_is_one, struct id128 *out_digest,
                              struct err *err)
{
    const struct graph_event *event = &rows->events.items[number];
    *out_is_one =
        !event->is_stored && !event->is_payload && event->is_control == (kind == AUDIT_REFUSALS);
    if (!*out_is_one) {
        return OK;
    }
    if (kind == AUDIT_EVENTS) {
        *out_digest = digest_of_event(event);
        return OK;
    }
    size_t count = 0;
    const struct audit_refusal *refusals = refusals_of(rows, number, scratch, &count);
    if (!refusals) {
        return err_set(err, RETRY, "audit_rows", "memory is short");
    }
    *out_is_one = count > 0;
    *out_digest = audit_chain_report(event->id, refusals, count);
    return OK;
}

static enum verdict collect(const struct graph_batch *rows, enum audit_kind kind,
                            struct arena *scratch, struct entries *out, struct err *err)
{
    size_t position = 0;
    out->count = 0;
    out->items = arena_alloc(scratch, (rows->events.count + 1) * sizeof *out->items);
    if (!out->items) {
        return err_set(err, RETRY, "audit_rows", "memory is short");
    }
    for (uint32_t i = 0; i < rows->events.count; i++) {
        const struct graph_event *event = &rows->events.items[i];
        struct entry *entry = &out->items[out->count];
        bool is_one = false;
        enum verdict verdict = digest_of(rows, i, kind, scratch, &is_one, &entry->digest, err);
        if (verdict != OK) {
            return verdict;
        }
        if (!is_one) {
            continue;
        }
        if (!find_position(rows, event, &position)) {
            return err_set(err, FATAL, "audit_rows",
                           "BUG: an event of a partition that the batch does not move");
        }
        entry->position = position;
        entry->offset = event->kafka_offset;
        entry->received_at_us = event->received_at_us;
        out->count++;
    }
    qsort(out->items, out->count, sizeof *out->items, in_order);
    return OK;
}

/* The entries of one partition, count of them, as one row. */
static enum verdict bind_row(struct pg_bind *bind, const struct graph_position *position,
                             enum audit_kind kind, const struct entry *entries, size_t count,
                             struct arena *scratch, struct err *err)
{
    struct id128 *digests = arena_alloc(scratch, count * sizeof *digests + 1);
    int64_t from_us = count ? INT64_MAX : GRAPH_NO_TIME;
    int64_t until_us = GRAPH_NO_TIME;
    bool is_whole = kind == AUDIT_EVENTS;
    if (!digests) {
        return err_set(err, RETRY, "audit_rows", "memory is short");
    }
    for (size_t i = 0; i < count; i++) {
        digests[i] = entries[i].digest;
        from_us = entries[i].received_at_us < from_us ? entries[i].received_at_us : from_us;
        until_us = entries[i].received_at_us > until_us ? entries[i].received_at_us : until_us;
    }
    pg_bind_text(bind, 1, position->topic);
    pg_bind_int4(bind, 2, position->partition);
    pg_bind_int2(bind, 3, (int16_t)kind);
    pg_bind_int8(bind, 4, is_whole ? position->expected_offset : entries[0].offset);
    pg_bind_int8(bind, 5, is_whole ? position->next_offset : entries[count - 1].offset + 1);
    pg_bind_time(bind, 6, from_us);
    pg_bind_time(bind, 7, until_us);
    pg_bind_text(bind, 8, (struct str){(const char *)digests, count * sizeof *digests});
    return OK;
}

enum verdict audit_rows_bind(struct pg_bind *bind, const char *cluster_id,
                             const struct graph_batch *rows, enum audit_kind kind,
                             struct arena *scratch, size_t *out_count, struct err *err)
{
    struct entries entries;
    enum verdict verdict = collect(rows, kind, scratch, &entries, err);
    size_t at = 0;
    *out_count = 0;
    pg_bind_begin(bind, "st4288zzy");
    pg_bind_text(bind, 0, str_view(cluster_id));
    for (size_t i = 0; verdict == OK && i < rows->positions.count; i++) {
        const struct entry *first = &entries.items[at];
        size_t count = 0;
        while (at < entries.count && entries.items[at].position == i) {
            at++;
            count++;
        }
        if (count || kind == AUDIT_EVENTS) {
            verdict = bind_row(bind, &rows->positions.items[i], kind, first, count, scratch, err);
            ++*out_count;
        }
    }
    return verdict;
}
