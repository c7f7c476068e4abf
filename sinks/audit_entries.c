#include "audit_entries.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 256

static enum verdict grow(void **items, size_t *capacity, size_t wanted, size_t item_bytes,
                         struct err *err)
{
    size_t larger = *capacity ? *capacity : ROWS_MIN;
    if (wanted <= *capacity) {
        return OK;
    }
    while (larger < wanted) {
        larger *= 2;
    }
    void *grown = larger < UINT32_MAX ? reallocarray(*items, larger, item_bytes) : NULL;
    if (!grown) {
        return err_set(err, RETRY, "audit", "memory is short");
    }
    *items = grown;
    *capacity = larger;
    return OK;
}

enum verdict audit_entries_add(struct audit_entries *entries, const struct audit_link *link,
                               const struct id128 *digests, size_t count, struct err *err)
{
    enum verdict verdict = grow((void **)&entries->links, &entries->link_capacity,
                                entries->link_count + 1, sizeof *entries->links, err);
    if (verdict == OK) {
        verdict = grow((void **)&entries->items, &entries->capacity, entries->count + count,
                       sizeof *entries->items, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    struct audit_link *added = &entries->links[entries->link_count];
    *added = *link;
    added->first = entries->count;
    added->count = count;
    for (size_t i = 0; i < count; i++) {
        entries->items[entries->count++] =
            (struct audit_entry){.digest = digests[i], .link = (uint32_t)entries->link_count};
    }
    entries->link_count++;
    return OK;
}

/* Digests are random already. */
static size_t slot_of(const struct audit_entries *entries, struct id128 digest)
{
    uint64_t bits;
    memcpy(&bits, digest.bytes, sizeof bits);
    return (size_t)bits & (entries->slot_count - 1);
}

enum verdict audit_entries_index(struct audit_entries *entries, struct err *err)
{
    size_t wanted = ROWS_MIN;
    while (wanted < 2 * entries->count) {
        wanted *= 2;
    }
    free(entries->slots);
    entries->slot_count = wanted;
    entries->slots = calloc(wanted, sizeof *entries->slots);
    if (!entries->slots) {
        entries->slot_count = 0;
        return err_set(err, RETRY, "audit", "memory is short");
    }
    for (size_t i = 0; i < entries->count; i++) {
        size_t slot = slot_of(entries, entries->items[i].digest);
        while (entries->slots[slot]) {
            slot = (slot + 1) & (entries->slot_count - 1);
        }
        entries->slots[slot] = (uint32_t)i + 1;
    }
    return OK;
}

bool audit_entries_meet(struct audit_entries *entries, struct id128 digest)
{
    if (!entries->slot_count) {
        return false;
    }
    for (size_t slot = slot_of(entries, digest); entries->slots[slot];
         slot = (slot + 1) & (entries->slot_count - 1)) {
        struct audit_entry *entry = &entries->items[entries->slots[slot] - 1];
        if (!entry->is_met && id128_eq(entry->digest, digest)) {
            entry->is_met = true;
            return true;
        }
    }
    return false;
}

const struct audit_link *audit_entries_pair(struct audit_entries *entries, int64_t kafka_offset)
{
    for (size_t i = 0; i < entries->link_count; i++) {
        const struct audit_link *link = &entries->links[i];
        if (kafka_offset < link->from_offset || kafka_offset >= link->next_offset) {
            continue;
        }
        for (size_t e = link->first; e < link->first + link->count; e++) {
            if (!entries->items[e].is_met) {
                entries->items[e].is_met = true;
                return link;
            }
        }
    }
    return NULL;
}

void audit_entries_reset(struct audit_entries *entries)
{
    entries->link_count = 0;
    entries->count = 0;
    free(entries->slots);
    entries->slots = NULL;
    entries->slot_count = 0;
}

void audit_entries_fini(struct audit_entries *entries)
{
    free(entries->links);
    free(entries->items);
    free(entries->slots);
    *entries = (struct audit_entries){.links = NULL};
}
