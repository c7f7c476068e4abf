#include "ingest/keys_topic.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/kafka_producer.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/key_feed.h"
#include "schemas/event_codec.h"

#define BODY_BYTES_MAX ((size_t)2 << 20)
#define STOP_MS 1000
#define PARTITION 0 /* the only one that is read */

struct reading {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct keys_list list;
    bool is_known;
    int partitions; /* when they are too many */
    bool is_short;  /* of memory */
};

static char *copy(struct str text)
{
    char *to = malloc(text.len + 1);

    if (to) {
        memcpy(to, text.ptr, text.len);
        to[text.len] = '\0';
    }
    return to;
}

static void fini_entry(struct keys_entry *entry)
{
    for (uint32_t i = 0; i < entry->namespace_count; i++) {
        free(entry->namespaces[i]);
    }
    free(entry->namespaces);
    free(entry->name);
    free(entry->by);
    free(entry->revoked_by);
}

static struct keys_entry *entry_of(struct keys_list *list, struct str id)
{
    struct keys_entry *entry = (struct keys_entry *)keys_topic_find(list, id);

    if (entry) {
        return entry;
    }
    if (list->count == list->capacity) {
        size_t wanted = list->capacity ? 2 * list->capacity : 16;
        struct keys_entry *grown = reallocarray(list->items, wanted, sizeof(*grown));
        if (!grown) {
            return NULL;
        }
        list->items = grown;
        list->capacity = wanted;
    }
    entry = &list->items[list->count++];
    *entry = (struct keys_entry){.expires_at_us = KEY_CHANGE_NEVER};
    memcpy(entry->id, id.ptr, API_KEY_ID_CHARS);
    return entry;
}

static bool fill_added(struct keys_entry *entry, const struct key_change *change)
{
    entry->name = copy(change->name);
    entry->by = copy(change->by);
    entry->at_us = change->at_us;
    entry->expires_at_us = change->expires_at_us;
    entry->rate_per_s = change->rate_per_s;
    entry->burst = change->burst;
    entry->events_per_day = change->events_per_day;
    entry->bytes_per_day = change->bytes_per_day;
    entry->namespaces = calloc((size_t)change->namespace_count + 1, sizeof(char *));
    for (uint32_t i = 0; entry->namespaces && i < change->namespace_count; i++) {
        entry->namespaces[i] = copy(change->namespaces[i]);
        if (!entry->namespaces[i]) {
            return false;
        }
        entry->namespace_count++;
    }
    return entry->name && entry->by && entry->namespaces;
}

/* As the gateways do: the first word about a key stands, and so does its revocation. */
static void on_change(void *arg, const struct key_change *change)
{
    struct reading *reading = arg;
    bool is_full = false;

    pthread_mutex_lock(&reading->lock);
    struct keys_entry *entry = entry_of(&reading->list, change->key_id);
    if (!entry) {
        is_full = true;
    } else if (change->is_revoked && !entry->is_revoked) {
        entry->is_revoked = true;
        entry->revoked_at_us = change->at_us;
        entry->revoked_by = copy(change->by);
        is_full = !entry->revoked_by;
    } else if (!change->is_revoked && !entry->name) {
        is_full = !fill_added(entry, change);
    }
    reading->is_short = reading->is_short || is_full;
    pthread_mutex_unlock(&reading->lock);
}

static void on_known(void *arg, bool is_known)
{
    struct reading *reading = arg;

    pthread_mutex_lock(&reading->lock);
    if (!is_known) {
        keys_topic_fini(&reading->list);
    }
    reading->is_known = is_known;
    pthread_cond_signal(&reading->changed);
    pthread_mutex_unlock(&reading->lock);
}

static void on_unfit(void *arg, int partitions)
{
    struct reading *reading = arg;

    pthread_mutex_lock(&reading->lock);
    reading->partitions = partitions;
    pthread_cond_signal(&reading->changed);
    pthread_mutex_unlock(&reading->lock);
}

static struct timespec deadline_in(int timeout_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

enum verdict keys_topic_read(const struct settings *st, int timeout_ms, struct keys_list *out_list,
                             struct err *err)
{
    struct reading reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    const struct key_feed_callbacks callbacks = {
        .arg = &reading, .on_change = on_change, .on_known = on_known, .on_unfit = on_unfit};
    struct timespec deadline = deadline_in(timeout_ms);
    struct key_feed *feed = NULL;
    int waited = 0;
    enum verdict verdict = key_feed_start(st, &callbacks, &feed, err);

    if (verdict != OK) {
        return verdict;
    }
    pthread_mutex_lock(&reading.lock);
    while (!reading.is_known && reading.partitions == 0 && waited == 0) {
        waited =
            pthread_cond_clockwait(&reading.changed, &reading.lock, CLOCK_MONOTONIC, &deadline);
    }
    pthread_mutex_unlock(&reading.lock);
    key_feed_stop(feed);
    if (!reading.is_known && reading.partitions > 0) {
        verdict = err_set(err, REJECT, "keys", "topic %s has %d partitions, must have 1",
                          st->kafka.topic_keys, reading.partitions);
    } else if (!reading.is_known) {
        verdict = err_set(err, RETRY, "keys",
                          "topic %s cannot be read at %s (is Kafka up, and was metaops migrate "
                          "--kafka run?)",
                          st->kafka.topic_keys, st->kafka.brokers);
    } else if (reading.is_short) {
        verdict = err_set(err, RETRY, "keys", "out of memory");
    }
    if (verdict != OK) {
        keys_topic_fini(&reading.list);
        return verdict;
    }
    *out_list = reading.list;
    return OK;
}

const struct keys_entry *keys_topic_find(const struct keys_list *list, struct str id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(str_view(list->items[i].id), id)) {
            return &list->items[i];
        }
    }
    return NULL;
}

struct writing {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered;
    enum verdict verdict;
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct writing *writing = record_arg;

    (void)partition;
    (void)offset;
    (void)reason;
    pthread_mutex_lock(&writing->lock);
    writing->is_answered = true;
    writing->verdict = verdict;
    pthread_cond_signal(&writing->answered);
    pthread_mutex_unlock(&writing->lock);
}

static enum verdict encode(const struct key_change *change, void **out_bytes, size_t *out_len,
                           struct err *err)
{
    struct event_codec *codec = event_codec_new(BODY_BYTES_MAX);
    struct str body = key_change_write(change);
    enum verdict verdict = RETRY;

    if (codec && body.ptr) {
        struct lineage_event lev = {.event_id = lineage_event_id(body),
                                    .received_at_us = timebase_wall_us(),
                                    .source = SOURCE_EMITTER,
                                    .format = STR("cloudevents"),
                                    .body = body};
        verdict = event_codec_encode(codec, &lev, out_bytes, out_len, err);
    } else {
        err_set(err, RETRY, "keys", "out of memory");
    }
    free((char *)body.ptr);
    event_codec_free(codec);
    return verdict;
}

enum verdict keys_topic_write(const struct settings *st, const struct key_change *change,
                              struct err *err)
{
    struct writing writing = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .answered = PTHREAD_COND_INITIALIZER};
    struct kafka_producer *producer = NULL;
    void *bytes = NULL;
    size_t len = 0;
    enum verdict verdict = encode(change, &bytes, &len, err);

    if (verdict == OK) {
        verdict = kafka_producer_start(st, on_result, &producer, err);
    }
    if (verdict == OK) {
        verdict = kafka_producer_publish_to(producer, st->kafka.topic_keys, PARTITION,
                                            change->key_id, bytes, len, &writing, err);
    }
    if (verdict != OK) {
        free(bytes);
    } else {
        pthread_mutex_lock(&writing.lock);
        while (!writing.is_answered) {
            pthread_cond_wait(&writing.answered, &writing.lock);
        }
        pthread_mutex_unlock(&writing.lock);
        verdict = writing.verdict == OK ? OK
                                        : err_set(err, writing.verdict, "keys",
                                                  "topic %s did not confirm the change: see "
                                                  "metaops keys list whether it is there",
                                                  st->kafka.topic_keys);
    }
    if (producer) {
        kafka_producer_stop(producer, STOP_MS);
        kafka_producer_free(producer);
    }
    return verdict;
}

void keys_topic_fini(struct keys_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fini_entry(&list->items[i]);
    }
    free(list->items);
    *list = (struct keys_list){0};
}
