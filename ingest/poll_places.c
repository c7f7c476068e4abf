#include "ingest/poll_places.h"

#include <stdlib.h>
#include <string.h>

struct poll_place {
    struct poll_place *next;
    char *topic;
    int32_t partition;
    bool is_left;
    int64_t confirmed; /* the offset behind all that is done; 0: nothing yet */
    int64_t settled;   /* of that what was committed */
    struct poll_slot *first;
    struct poll_slot *last;
};

static struct poll_place *find(const struct poll_places *places, const char *topic,
                               int32_t partition)
{
    struct poll_place *place = places->first;

    while (place &&
           (place->is_left || place->partition != partition || strcmp(place->topic, topic) != 0)) {
        place = place->next;
    }
    return place;
}

bool poll_places_open(struct poll_places *places, const char *topic, int32_t partition)
{
    struct poll_place *place = calloc(1, sizeof(*place));

    if (place) {
        place->topic = strdup(topic);
    }
    if (!place || !place->topic) {
        free(place);
        return false;
    }
    place->partition = partition;
    place->next = places->first;
    places->first = place;
    places->count++;
    return true;
}

void poll_places_leave(struct poll_places *places, const char *topic, int32_t partition)
{
    struct poll_place *place = find(places, topic, partition);

    if (place) {
        place->is_left = true;
    }
}

struct poll_slot *poll_places_add(struct poll_places *places, struct kafka_record *record,
                                  void (*done)(struct publish_record *record, enum verdict verdict,
                                               int32_t partition, int64_t offset))
{
    struct poll_place *place = find(places, record->topic, record->partition);
    struct poll_slot *slot = place ? calloc(1, sizeof(*slot)) : NULL;

    if (!slot) {
        return NULL;
    }
    slot->record.done = done;
    slot->source = *record;
    record->handle = NULL;
    atomic_init(&slot->state, SLOT_WAITS);
    if (place->last) {
        place->last->next = slot;
    } else {
        place->first = slot;
    }
    place->last = slot;
    places->slots++;
    places->bytes += slot->source.value.len;
    return slot;
}

static void drop_first(struct poll_places *places, struct poll_place *place)
{
    struct poll_slot *slot = place->first;

    place->first = slot->next;
    place->last = place->first ? place->last : NULL;
    places->slots--;
    places->bytes -= slot->source.value.len;
    kafka_record_free(&slot->source);
    free(slot);
}

static void reap_place(struct poll_places *places, struct poll_place *place)
{
    while (place->first) {
        int state = atomic_load(&place->first->state);
        if (state == SLOT_IS_SENT || (state != SLOT_IS_DONE && !place->is_left)) {
            return;
        }
        place->confirmed = place->first->source.offset + 1;
        drop_first(places, place);
    }
}

static void free_place(struct poll_place *place)
{
    free(place->topic);
    free(place);
}

void poll_places_reap(struct poll_places *places)
{
    struct poll_place **at = &places->first;

    while (*at) {
        struct poll_place *place = *at;
        reap_place(places, place);
        if (place->is_left && !place->first) {
            *at = place->next;
            places->count--;
            free_place(place);
        } else {
            at = &place->next;
        }
    }
}

void poll_places_each_due(struct poll_places *places,
                          void (*each)(void *arg, struct poll_slot *slot), void *arg)
{
    for (struct poll_place *place = places->first; place; place = place->next) {
        for (struct poll_slot *slot = place->is_left ? NULL : place->first; slot;
             slot = slot->next) {
            int state = atomic_load(&slot->state);
            if (state != SLOT_IS_SENT && state != SLOT_IS_DONE) {
                each(arg, slot);
            }
        }
    }
}

struct kafka_partition *poll_places_list(const struct poll_places *places, bool only_news,
                                         size_t *out_count)
{
    struct kafka_partition *partitions =
        places->count > 0 ? calloc(places->count, sizeof(*partitions)) : NULL;
    size_t count = 0;

    for (struct poll_place *place = partitions ? places->first : NULL; place; place = place->next) {
        if (!place->is_left && (!only_news || place->confirmed > place->settled)) {
            partitions[count++] = (struct kafka_partition){
                .topic = place->topic, .partition = place->partition, .offset = place->confirmed};
        }
    }
    *out_count = count;
    return partitions;
}

void poll_places_settle(struct poll_places *places, const struct kafka_partition *partitions,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct poll_place *place = find(places, partitions[i].topic, partitions[i].partition);
        if (place) {
            place->settled = partitions[i].offset;
        }
    }
}

void poll_places_free(struct poll_places *places)
{
    while (places->first) {
        struct poll_place *place = places->first;
        while (place->first) {
            drop_first(places, place);
        }
        places->first = place->next;
        places->count--;
        free_place(place);
    }
}
