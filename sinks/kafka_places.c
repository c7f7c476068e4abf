#include "kafka_places.h"

#include <stdlib.h>

#include "core/kafka_consumer.h"
#include "core/kafka_tail.h"
#include "core/known_set.h"
#include "core/log.h"
#include "core/settings.h"
#include "schemas/enriched_event.h"

#define WHERE "kafka places"
#define BROKER_TIMEOUT_MS 5000
#define TOPIC_BYTES 250
#define PLACES_MIN 32

/* One source partition. */
struct place {
    char topic[TOPIC_BYTES];
    int32_t partition;
    int64_t done; /* all before it is dealt with; -1: nothing known */
    int64_t next; /* where it stands now; -1: to be loaded */
};

struct kafka_places {
    const struct settings *st;
    struct framing *framing;
    struct known_set *written;
    struct kafka_tail *tail;
    struct place *items;
    size_t count;
    size_t capacity;
    int partitions;
    int64_t window;   /* records of one partition */
    int64_t *read_to; /* of each partition of the topic: what is before it has been read */
};

enum verdict kafka_places_open(const struct settings *st, int partitions, struct framing *framing,
                               struct known_set *written, struct kafka_places **out_places,
                               struct err *err)
{
    struct kafka_places *places = calloc(1, sizeof *places);
    enum verdict verdict = OK;
    if (!places) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    places->st = st;
    places->framing = framing;
    places->written = written;
    places->partitions = partitions;
    places->window = st->worker.known_ids_max / 2 / partitions;
    if (places->window < 2 * st->worker.batch_events_max) {
        places->window = 2 * st->worker.batch_events_max;
    }
    places->read_to = calloc((size_t)partitions, sizeof *places->read_to);
    if (!places->read_to) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    }
    if (verdict == OK) {
        verdict = kafka_tail_open(st, &places->tail, err);
    }
    if (verdict != OK) {
        kafka_places_close(places);
        return verdict;
    }
    *out_places = places;
    return OK;
}

void kafka_places_close(struct kafka_places *places)
{
    if (places) {
        kafka_tail_close(places->tail);
        free(places->read_to);
        free(places->items);
        free(places);
    }
}

static struct place *find(struct kafka_places *places, struct str topic, int32_t partition)
{
    for (size_t i = 0; i < places->count; i++) {
        struct place *place = &places->items[i];
        if (place->partition == partition && str_eq(str_view(place->topic), topic)) {
            return place;
        }
    }
    return NULL;
}

/* Found or made; NULL when memory is short or the topic's name is none. */
static struct place *take(struct kafka_places *places, struct str topic, int32_t partition)
{
    struct place *place = find(places, topic, partition);
    if (place || topic.len >= TOPIC_BYTES) {
        return place;
    }
    if (places->count == places->capacity) {
        size_t wanted = places->capacity ? 2 * places->capacity : PLACES_MIN;
        struct place *grown = reallocarray(places->items, wanted, sizeof *grown);
        if (!grown) {
            return NULL;
        }
        places->items = grown;
        places->capacity = wanted;
    }
    place = &places->items[places->count++];
    *place = (struct place){.partition = partition, .done = -1, .next = -1};
    memcpy(place->topic, topic.ptr, topic.len);
    return place;
}

/* A record of the topic. One that is none of ours is left alone: others may have rights to write. */
static enum verdict on_record(void *arg, const struct kafka_record *record, struct err *err)
{
    struct kafka_places *places = arg;
    struct enriched_place from;
    enum verdict verdict = enriched_event_place(places->framing, record->value, &from, err);
    if (verdict == REJECT) {
        log_warn("a record of the topic is no enriched event, ignoring topic=%s partition=%d "
                 "offset=%lld: %s",
                 record->topic, record->partition, (long long)record->offset, err->text);
        return OK;
    }
    if (verdict != OK) {
        return verdict;
    }
    known_set_add(places->written, from.event_id);
    struct place *place = take(places, from.source_topic, from.source_partition);
    if (!place) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    if (from.source_resume_offset > place->done) {
        place->done = from.source_resume_offset;
    }
    return OK;
}

/* What came into the topic's partition since it was read last, at first its window. */
static enum verdict catch_up(struct kafka_places *places, int32_t partition, struct err *err)
{
    const char *topic = places->st->kafka.topic_enriched;
    int64_t low = 0, high = 0;
    if (partition >= places->partitions) {
        return err_set(err, RETRY, WHERE, "topic %s has no partition %d", topic, (int)partition);
    }
    enum verdict verdict =
        kafka_tail_ends(places->tail, topic, partition, BROKER_TIMEOUT_MS, &low, &high, err);
    if (verdict != OK) {
        return verdict;
    }
    int64_t from = places->read_to[partition];
    if (from < high - places->window) {
        from = high - places->window;
    }
    if (from < low) {
        from = low;
    }
    verdict = kafka_tail_read(places->tail, topic, partition, from, high, BROKER_TIMEOUT_MS,
                              on_record, places, err);
    if (verdict == OK) {
        places->read_to[partition] = high;
    }
    return verdict;
}

enum verdict kafka_places_load(struct kafka_places *places, struct str topic, int32_t partition,
                               int64_t *out_next, struct err *err)
{
    int64_t committed = -1;
    enum verdict verdict = catch_up(places, partition, err);
    struct place *place = verdict == OK ? take(places, topic, partition) : NULL;
    if (verdict == OK && !place) {
        verdict = err_set(err, RETRY, WHERE, "memory is short");
    }
    if (verdict == OK) {
        verdict = kafka_tail_committed(places->tail, place->topic, partition, BROKER_TIMEOUT_MS,
                                       &committed, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (committed > place->done) {
        place->done = committed;
    }
    place->next = place->done;
    *out_next = place->done;
    return OK;
}

bool kafka_places_is_at(struct kafka_places *places, struct str topic, int32_t partition,
                        int64_t offset)
{
    const struct place *place = find(places, topic, partition);
    return place && place->next >= 0 && place->next == offset;
}

enum verdict kafka_places_move(struct kafka_places *places, struct str topic, int32_t partition,
                               int64_t next, struct err *err)
{
    struct place *place = take(places, topic, partition);
    if (!place) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    place->next = next;
    place->done = next > place->done ? next : place->done;
    return OK;
}

void kafka_places_forget(struct kafka_places *places, struct str topic, int32_t partition)
{
    struct place *place = find(places, topic, partition);
    if (place) {
        place->next = -1;
    }
}
