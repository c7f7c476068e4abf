#include "batch.h"

#include <stdlib.h>

#define EMITTED_MIN 1024
#define ARENA_KEEP_BYTES (4u << 20)
#define EMITTED_KEEP (64u << 10)

struct batch *batch_new(uint32_t lane, size_t bytes_soft, size_t event_bytes_max)
{
    struct batch *bt = calloc(1, sizeof *bt);
    if (!bt) {
        return NULL;
    }
    bt->lane = lane;
    bt->arena_bytes_soft = bytes_soft;
    /* An event's rows hold its body, its clean facets and its names: a small multiple. */
    bt->arena = arena_new(bytes_soft + event_bytes_max * 8);
    if (!bt->arena) {
        free(bt);
        return NULL;
    }
    return bt;
}

void batch_reset(struct batch *bt)
{
    for (size_t i = 0; i < bt->records.count; i++) {
        kafka_record_free(&bt->records.items[i]);
    }
    bt->records.count = 0;
    bt->record_bytes = 0;
    bt->repeated_bytes = 0;
    bt->begun_mono_us = 0;
    graph_batch_reset(&bt->rows);
    arena_reset(bt->arena, ARENA_KEEP_BYTES);
    if (bt->emitted.capacity > EMITTED_KEEP) {
        free(bt->emitted.slots);
        bt->emitted.slots = NULL;
        bt->emitted.capacity = 0;
    } else if (bt->emitted.slots) {
        memset(bt->emitted.slots, 0, bt->emitted.capacity * sizeof *bt->emitted.slots);
    }
    bt->emitted.count = 0;
}

/* Ids are digests: their first bytes are as good as any hash. */
static size_t slot_of(const struct batch *bt, struct id128 id)
{
    uint64_t hash;
    memcpy(&hash, id.bytes, sizeof hash);
    size_t slot = hash & (bt->emitted.capacity - 1);
    while (!id128_is_zero(bt->emitted.slots[slot]) && !id128_eq(bt->emitted.slots[slot], id)) {
        slot = (slot + 1) & (bt->emitted.capacity - 1);
    }
    return slot;
}

static bool emitted_grow(struct batch *bt)
{
    struct id128 *old = bt->emitted.slots;
    size_t old_capacity = bt->emitted.capacity;
    size_t capacity = old_capacity ? old_capacity * 2 : EMITTED_MIN;
    struct id128 *slots = calloc(capacity, sizeof *slots);
    if (!slots) {
        return false;
    }
    bt->emitted.slots = slots;
    bt->emitted.capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (!id128_is_zero(old[i])) {
            slots[slot_of(bt, old[i])] = old[i];
        }
    }
    free(old);
    return true;
}

bool batch_emit_once(struct batch *bt, struct id128 id, bool *out_full)
{
    if (bt->emitted.count * 2 >= bt->emitted.capacity && !emitted_grow(bt)) {
        *out_full = true;
        return false;
    }
    size_t slot = slot_of(bt, id);
    if (!id128_is_zero(bt->emitted.slots[slot])) {
        return false;
    }
    bt->emitted.slots[slot] = id;
    bt->emitted.count++;
    return true;
}

void batch_free(struct batch *bt)
{
    if (!bt) {
        return;
    }
    batch_reset(bt);
    free(bt->records.items);
    free(bt->emitted.slots);
    graph_batch_fini(&bt->rows);
    arena_free(bt->arena);
    free(bt);
}
