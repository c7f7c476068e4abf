/* spool_read.c - the reading side of spool_set.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "ingest/emitter/crc32c.h"
#include "ingest/emitter/spool_set.h"
#include "ingest/emitter/spool_set_impl.h"

#define WHERE "spool"
#define BATCH_KEEP_BYTES ((size_t)1 << 20)

/* What a look into the head segment came to. */
enum spool_look {
    LOOK_BATCH,  /* events in the batch */
    LOOK_AGAIN,  /* something was passed over: look again */
    LOOK_LARGER, /* the next record is larger than what was read */
    LOOK_END,    /* of what is written */
};

static bool spool_read_reserve(struct spool_batch *batch, size_t bytes)
{
    bool is_huge = batch->size > BATCH_KEEP_BYTES && bytes <= BATCH_KEEP_BYTES;

    if (bytes <= batch->size && !is_huge) {
        return true;
    }
    free(batch->bytes);
    batch->size = 0;
    batch->bytes = malloc(bytes + JSON_PADDING_BYTES);
    if (!batch->bytes) {
        return false;
    }
    batch->size = bytes;
    return true;
}

/* Everything before offset of head is done. */
static void spool_read_pass(struct spool_set *set, size_t bytes)
{
    set->offset += bytes;
    set->head_done += 1;
}

/* A record at the front that will not be shipped. */
static void spool_read_drop(struct spool_set *set, const struct spool_record *record, size_t bytes,
                            enum spool_gap_reason reason)
{
    spool_set_gap(set, record->sequence, record->sequence, reason);
    set->settled = record->sequence;
    set->dropped++;
    spool_set_forget(set, 1);
    spool_read_pass(set, bytes);
}

/* How many of the numbers from..to were written: emits that failed took numbers, too. */
static uint64_t spool_read_written(const struct spool_set *set, uint64_t from, uint64_t to)
{
    uint64_t written = to - from + 1;

    for (size_t i = 0; i < set->gap_count; i++) {
        const struct spool_gap *gap = &set->gaps[i];
        uint64_t first = gap->from > from ? gap->from : from;
        uint64_t last = gap->to < to ? gap->to : to;
        if (gap->reason == SPOOL_GAP_NOT_SPOOLED && first <= last) {
            written -= last - first + 1;
        }
    }
    if (!set->is_adopted) {
        uint64_t left = set->head->records - set->head_done;
        written = written < left ? written : left;
    }
    return written;
}

/* Numbers from..to were damaged, or are not there. */
static void spool_read_lost(struct spool_set *set, uint64_t from, uint64_t to)
{
    uint64_t lost = spool_read_written(set, from, to);

    spool_set_gap(set, from, to, set->has_damage ? SPOOL_GAP_DAMAGED : SPOOL_GAP_MISSING);
    set->dropped += lost;
    set->head_done += lost;
    set->settled = to; /* so that it is not lost again with each read */
    spool_set_forget(set, lost);
}

/* The record is the next one to ship: numbers between the last and it are gone. */
static void spool_read_hole(struct spool_set *set, const struct spool_record *record)
{
    if (record->sequence > set->settled + 1 && (set->has_damage || set->is_adopted)) {
        spool_read_lost(set, set->settled + 1, record->sequence - 1);
    }
    set->has_damage = false;
}

/* Whether a whole record may join the batch; at the front it may be passed over instead. */
static enum spool_look spool_read_take(struct spool_set *set, struct spool_batch *batch,
                                       const struct spool_record *record, size_t end,
                                       int64_t now_us)
{
    bool is_front = batch->count == 0;
    bool is_old = record->emitted_at_us < now_us - set->limits.age_us_max;

    if (record->sequence <= set->settled && is_front) {
        spool_read_pass(set, end - set->offset); /* done before a crash */
        return LOOK_AGAIN;
    }
    if (is_front && is_old) {
        spool_read_hole(set, record);
        spool_read_drop(set, record, end - set->offset, SPOOL_GAP_OLD);
        return LOOK_AGAIN;
    }
    if (!is_front &&
        (is_old || record->sequence != batch->records[batch->count - 1].sequence + 1)) {
        return LOOK_BATCH;
    }
    if (is_front) {
        spool_read_hole(set, record);
    }
    batch->records[batch->count] = *record;
    batch->ends[batch->count] = end;
    batch->count++;
    return LOOK_AGAIN;
}

/* Goes through what was read from set->offset on. is_whole: the file has no more. */
static enum spool_look spool_read_look(struct spool_set *set, struct str bytes, bool is_whole,
                                       int64_t now_us, size_t events_max, struct spool_batch *batch,
                                       size_t *out_wanted)
{
    size_t start = set->offset;
    size_t at = 0;

    while (at < bytes.len && batch->count < events_max) {
        struct str rest = {.ptr = bytes.ptr + at, .len = bytes.len - at};
        struct spool_record record;
        size_t size;
        enum spool_found found = spool_record_parse(rest, &record, &size);
        if (found == SPOOL_FOUND) {
            if (spool_read_take(set, batch, &record, start + at + size, now_us) == LOOK_BATCH) {
                return LOOK_BATCH;
            }
            at += size;
            continue;
        }
        if (batch->count > 0) {
            return LOOK_BATCH;
        }
        if (found == SPOOL_MORE && !is_whole) {
            *out_wanted = size;
            return LOOK_LARGER;
        }
        if (found == SPOOL_MORE) {
            /* A torn tail, or a damaged length with good records behind it. */
            size = 1;
        }
        set->has_damage = true;
        set->offset += size;
        at += size;
    }
    if (batch->count > 0) {
        return LOOK_BATCH;
    }
    return is_whole ? LOOK_END : LOOK_AGAIN;
}

/* A record whose length is damaged can hide good ones: search from the next mark on. */
static enum verdict spool_read_segment(struct spool_set *set, int64_t now_us, size_t events_max,
                                       size_t bytes_max, struct spool_batch *batch,
                                       enum spool_look *out_look, struct err *err)
{
    struct spool_segment *segment = set->head;
    size_t left = segment->bytes - set->offset;
    size_t wanted = left < bytes_max ? left : bytes_max;
    enum spool_look look = LOOK_AGAIN;

    while (look == LOOK_AGAIN || look == LOOK_LARGER) {
        size_t offset = set->offset;
        left = segment->bytes - offset;
        wanted = wanted < left ? wanted : left;
        if (left == 0) {
            look = LOOK_END;
            break;
        }
        if (!spool_read_reserve(batch, wanted)) {
            return err_set(err, RETRY, WHERE, "out of memory");
        }
        set->is_reading = true;
        pthread_mutex_unlock(&set->lock);
        long got =
            spool_segment_read(segment, set->dir_fd, set->book, offset, batch->bytes, wanted);
        int code = errno;
        pthread_mutex_lock(&set->lock);
        set->is_reading = false;
        if (set->orphan) {
            spool_segment_free(set->orphan, -1, set->book, false);
            set->orphan = NULL;
            *out_look = LOOK_AGAIN;
            return OK;
        }
        if (got < 0) {
            return err_set(err, RETRY, WHERE, "reading the spool: %s", strerror(code));
        }
        bool is_whole = (size_t)got == left || (size_t)got < wanted;
        struct str bytes = {.ptr = batch->bytes, .len = (size_t)got};
        size_t larger = bytes_max;
        look = spool_read_look(set, bytes, is_whole, now_us, events_max, batch, &larger);
        wanted = larger > bytes_max ? larger : bytes_max;
    }
    *out_look = look;
    return OK;
}

/* The end of head: of a set at rest that is its end; a living tail goes on. */
static bool spool_read_next_segment(struct spool_set *set)
{
    if (set->head == set->tail && !set->is_adopted) {
        if (set->offset >= set->head->bytes && set->settled < set->appended) {
            spool_read_lost(set, set->settled + 1, set->appended); /* nothing whole follows */
            set->has_damage = false;
        }
        return false;
    }
    spool_set_shift(set);
    if (!set->head) {
        set->pending = 0;
        return false;
    }
    return true;
}

enum verdict spool_set_read(struct spool_set *set, int64_t now_us, size_t events_max,
                            size_t bytes_max, struct spool_batch *batch, struct err *err)
{
    enum verdict verdict = OK;
    enum spool_look look = LOOK_AGAIN;

    batch->count = 0;
    batch->gap = (struct spool_gap){.reason = SPOOL_GAP_NONE};
    batch->identity = set->identity;
    batch->is_adopted = set->is_adopted;
    events_max = events_max < SPOOL_BATCH_EVENTS_MAX ? events_max : SPOOL_BATCH_EVENTS_MAX;
    pthread_mutex_lock(&set->lock);
    while (set->head && verdict == OK && look == LOOK_AGAIN) {
        verdict = spool_read_segment(set, now_us, events_max, bytes_max, batch, &look, err);
        if (verdict == OK && look == LOOK_END) {
            look = spool_read_next_segment(set) ? LOOK_AGAIN : LOOK_END;
        }
    }
    if (batch->count > 0) {
        batch->segment = set->head->sequence_first;
        if (set->gap_count > 0) {
            batch->gap = set->gaps[0];
        }
    }
    pthread_mutex_unlock(&set->lock);
    return verdict;
}

static void spool_read_forget_gap(struct spool_set *set, const struct spool_gap *gap)
{
    for (size_t i = 0; i < set->gap_count; i++) {
        struct spool_gap *own = &set->gaps[i];
        if (own->from == gap->from && own->reason == gap->reason) {
            own->from = gap->to + 1; /* it may have grown since */
            if (own->from > own->to) {
                memmove(own, own + 1, (set->gap_count - i - 1) * sizeof(*own));
                set->gap_count--;
            }
            return;
        }
    }
}

/* The segment was dropped under the batch: what arrived all the same is no gap. */
static void spool_read_arrived(struct spool_set *set, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < set->gap_count; i++) {
        struct spool_gap *gap = &set->gaps[i];
        if (gap->reason == SPOOL_GAP_FULL && gap->from >= first && gap->from <= last) {
            struct spool_gap part = {
                .from = gap->from, .to = last < gap->to ? last : gap->to, .reason = gap->reason};
            uint64_t count = part.to - part.from + 1;
            set->dropped -= count < set->dropped ? count : set->dropped;
            spool_read_forget_gap(set, &part);
            return;
        }
    }
}

void spool_set_settle(struct spool_set *set, const struct spool_batch *batch, size_t count,
                      bool is_gap_reported)
{
    pthread_mutex_lock(&set->lock);
    if (is_gap_reported && batch->gap.reason) {
        spool_read_forget_gap(set, &batch->gap);
    }
    if (count > 0) {
        uint64_t last = batch->records[count - 1].sequence;
        if (set->head && set->head->sequence_first == batch->segment && last > set->settled) {
            set->offset = batch->ends[count - 1];
            set->head_done += count;
            set->settled = last;
            spool_set_forget(set, count);
        } else {
            spool_read_arrived(set, batch->records[0].sequence, last);
        }
        if (set->settled_fd >= 0) {
            uint64_t pair[2] = {set->settled, crc32c(0, &set->settled, sizeof(set->settled))};
            (void)!pwrite(set->settled_fd, pair, sizeof(pair), 0);
        }
    }
    pthread_mutex_unlock(&set->lock);
}

void spool_set_refused(struct spool_set *set, uint64_t sequence)
{
    pthread_mutex_lock(&set->lock);
    spool_set_gap(set, sequence, sequence, SPOOL_GAP_REFUSED);
    pthread_mutex_unlock(&set->lock);
}

void spool_set_batch_fini(struct spool_batch *batch)
{
    free(batch->bytes);
    batch->bytes = NULL;
    batch->size = 0;
    batch->count = 0;
}
