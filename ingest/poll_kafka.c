#include "ingest/poll_kafka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/door.h"
#include "ingest/poll_places.h"
#include "ingest/poll_record.h"
#include "ingest/poll_source.h"
#include "schemas/unread_record.h"

#define WHERE "poll"
#define TOPICS_MAX 8
#define PATTERN_BYTES 1024 /* a prefix of 200 bytes, each in brackets, and what is behind it */
#define POLL_MS 20
#define RECORDS_PER_TURN 500
#define COMMIT_US 500000
#define AGAIN_US 200000
/* Waiting longer for room than this, partitions are paused so that the group hears of us. */
#define PAUSE_US 5000000
#define FULL_STEP_US 2000
#define ALIVE_US 30000000
#define ARENA_KEEP_BYTES ((size_t)1 << 20)
#define ARENA_BYTES_PER_BYTE 8 /* the text of an error, escaped */

struct poll_kafka {
    const struct settings *st;
    struct settings source_st; /* st with the brokers of the sources: owns nothing */
    struct publish *publish;
    struct kafka_consumer *consumer;
    struct poll_places places;
    struct arena *arena;
    struct visitor visitor;
    const char *topics[TOPICS_MAX + 1];
    char patterns[2][PATTERN_BYTES];
    bool has_thread;
    bool is_paused;
    int64_t full_since_us; /* 0: there is room */
    int64_t commit_us;     /* of these two: when the next is due */
    int64_t again_us;
    int64_t stop_us; /* set before is_stopping */
    atomic_bool is_stopping;
    _Atomic int64_t turned_us;
    pthread_t thread;
};

static bool is_wanted(const struct settings *st)
{
    return *st->poll.seldon_v2_prefix || *st->poll.seldon_v1_topic ||
           *st->poll.mlserver_input_topic || *st->poll.mlserver_output_topic;
}

/* On the producer's thread; the slot is another's afterwards. */
static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct poll_slot *slot = (struct poll_slot *)(void *)record;

    (void)partition;
    (void)offset;
    if (verdict == OK) {
        metrics_inc(slot->is_letter ? METRIC_POLL_DEAD_LETTERS : METRIC_POLL_PUBLISHED);
    }
    atomic_store(&slot->state, verdict == OK       ? SLOT_IS_DONE
                               : verdict == REJECT ? SLOT_REFUSED
                                                   : SLOT_FAILED);
}

static void lose(struct poll_slot *slot, const char *reason)
{
    log_error("poll: a record is lost topic=%s partition=%d offset=%lld: %s", slot->source.topic,
              (int)slot->source.partition, (long long)slot->source.offset, reason);
    metrics_inc(METRIC_POLL_LOST);
    atomic_store(&slot->state, SLOT_IS_DONE);
}

static void send_letter(struct poll_kafka *poll, struct poll_slot *slot, const char *reason,
                        const struct json_fault *place)
{
    const struct unread_record unread = {.topic = str_view(slot->source.topic),
                                         .partition = slot->source.partition,
                                         .offset = slot->source.offset,
                                         .timestamp_ms = slot->source.timestamp_ms,
                                         .reason = str_view(reason),
                                         .json_pointer = str_view(place ? place->pointer : ""),
                                         .byte_offset = place ? (int64_t)place->offset : -1,
                                         .value = slot->is_bare ? STR("") : slot->source.value};
    struct err err;

    slot->is_letter = true;
    atomic_store(&slot->state, SLOT_IS_SENT);
    enum verdict verdict = publish_unread(poll->publish, &unread, &slot->record, &err);
    if (verdict == REJECT || verdict == FATAL) {
        lose(slot, err.text);
    } else if (verdict != OK) {
        slot->is_letter = false;
        atomic_store(&slot->state, SLOT_WAITS);
    } else {
        log_warn("poll: a record cannot be used topic=%s partition=%d offset=%lld: %s",
                 slot->source.topic, (int)unread.partition, (long long)unread.offset, reason);
    }
}

static size_t gather_headers(const struct kafka_record *record, struct poll_header *headers)
{
    size_t count = 0;

    while (count < POLL_HEADERS_MAX &&
           kafka_record_header(record, count, &headers[count].name, &headers[count].value)) {
        count++;
    }
    return count;
}

static enum verdict read_slot(struct poll_kafka *poll, const struct poll_slot *slot,
                              struct payload_attributes *out_attributes,
                              struct payload_source *out_source, struct err *err)
{
    const struct kafka_record *source = &slot->source;
    struct poll_header headers[POLL_HEADERS_MAX];
    struct poll_record record = {.topic = str_view(source->topic),
                                 .partition = source->partition,
                                 .offset = source->offset,
                                 .timestamp_ms = source->timestamp_ms,
                                 .key = source->key,
                                 .value = source->value,
                                 .headers = headers,
                                 .header_count = gather_headers(source, headers)};

    arena_reset(poll->arena, ARENA_KEEP_BYTES);
    return poll_record_read(poll->st, &record, poll->arena, out_attributes, out_source, err);
}

static void send_slot(struct poll_kafka *poll, struct poll_slot *slot)
{
    struct publish_refusal refusal = {0};
    struct payload_attributes attributes;
    struct payload_source source;
    struct err err;

    enum verdict verdict = read_slot(poll, slot, &attributes, &source, &err);
    if (verdict == REJECT) {
        send_letter(poll, slot, err.text, NULL);
        return;
    }
    if (verdict != OK) {
        return; /* it waits */
    }
    slot->is_letter = false;
    atomic_store(&slot->state, SLOT_IS_SENT);
    if (publish_payload(poll->publish, &poll->visitor, &source, &slot->record, &refusal)) {
        return;
    }
    atomic_store(&slot->state, SLOT_WAITS);
    if (refusal.status != 503) {
        send_letter(poll, slot, refusal.place.reason, refusal.has_place ? &refusal.place : NULL);
    }
}

static void send_again(void *arg, struct poll_slot *slot)
{
    if (atomic_load(&slot->state) == SLOT_REFUSED && slot->is_bare) {
        lose(slot, "Kafka refuses its dead letter");
        return;
    }
    if (atomic_load(&slot->state) == SLOT_REFUSED) {
        slot->is_bare = slot->is_letter;
        send_letter(arg, slot, "the event is larger than Kafka takes", NULL);
        return;
    }
    metrics_inc(METRIC_POLL_RETRIES);
    send_slot(arg, slot);
}

/* False when the commit before it is not through yet. */
static bool commit(struct poll_kafka *poll)
{
    size_t count = 0;

    poll_places_reap(&poll->places);
    struct kafka_partition *partitions = poll_places_list(&poll->places, true, &count);
    bool is_taken = kafka_consumer_commit(poll->consumer, partitions, count);
    if (is_taken) {
        poll_places_settle(&poll->places, partitions, count);
    }
    free(partitions);
    return is_taken;
}

static size_t on_assign(void *arg, struct kafka_partition *partitions, size_t count)
{
    struct poll_kafka *poll = arg;
    size_t wanted = 0;

    poll->is_paused = false;
    while (wanted < count && poll_places_open(&poll->places, partitions[wanted].topic,
                                              partitions[wanted].partition)) {
        partitions[wanted].offset = KAFKA_OFFSET_COMMITTED;
        wanted++;
    }
    log_info("poll: partitions assigned count=%zu", count);
    return wanted;
}

static void on_revoke(void *arg, const struct kafka_partition *partitions, size_t count, bool lost)
{
    struct poll_kafka *poll = arg;

    if (!lost) {
        (void)commit(poll);
    }
    for (size_t i = 0; i < count; i++) {
        poll_places_leave(&poll->places, partitions[i].topic, partitions[i].partition);
    }
}

static bool has_room(const struct poll_kafka *poll)
{
    return poll->places.slots < (size_t)poll->st->poll.in_flight_max &&
           (poll->places.slots == 0 ||
            poll->places.bytes < (size_t)poll->st->poll.in_flight_bytes_max);
}

static void set_paused(struct poll_kafka *poll, bool is_paused)
{
    size_t count = 0;
    struct kafka_partition *partitions = poll_places_list(&poll->places, false, &count);

    if (is_paused) {
        kafka_consumer_pause(poll->consumer, partitions, count);
    } else {
        kafka_consumer_resume(poll->consumer, partitions, count);
    }
    free(partitions);
    poll->is_paused = is_paused;
}

/* One record; false when none came, or the client is broken and err says why. */
static bool take_record(struct poll_kafka *poll, int timeout_ms, enum verdict *out_verdict,
                        struct err *err)
{
    struct kafka_record record;
    enum verdict verdict = kafka_consumer_poll(poll->consumer, timeout_ms, &record, err);

    *out_verdict = verdict;
    if (verdict != OK) {
        log_debug("poll: %s: %s", err->where, err->text);
        return false;
    }
    if (!record.handle) {
        return false;
    }
    struct poll_slot *slot = poll_places_add(&poll->places, &record, on_done);
    if (!slot) {
        kafka_record_free(&record);
        *out_verdict = err_set(err, FATAL, WHERE, "out of memory");
        return false;
    }
    send_slot(poll, slot);
    return true;
}

/* False when reading cannot go on. */
static bool read_some(struct poll_kafka *poll)
{
    enum verdict verdict = OK;
    struct err err;
    int count = 0;

    if (poll->is_paused && has_room(poll)) {
        set_paused(poll, false);
    }
    while (count < RECORDS_PER_TURN && (poll->is_paused || has_room(poll)) &&
           take_record(poll, count ? 0 : POLL_MS, &verdict, &err)) {
        count++;
    }
    if (verdict == FATAL) {
        log_error("poll cannot read: %s: %s", err.where, err.text);
    }
    return verdict != FATAL;
}

static void wait_for_room(struct poll_kafka *poll, int64_t now_us)
{
    if (poll->is_paused || has_room(poll)) {
        poll->full_since_us = 0;
        return;
    }
    poll->full_since_us = poll->full_since_us ? poll->full_since_us : now_us;
    if (now_us - poll->full_since_us > PAUSE_US) {
        set_paused(poll, true);
        return;
    }
    timebase_sleep_us(FULL_STEP_US);
}

static void do_what_is_due(struct poll_kafka *poll)
{
    int64_t now_us = timebase_mono_us();

    poll_places_reap(&poll->places);
    if (now_us >= poll->again_us) {
        poll->again_us = now_us + AGAIN_US;
        poll_places_each_due(&poll->places, send_again, poll);
    }
    if (now_us >= poll->commit_us) {
        poll->commit_us = now_us + COMMIT_US;
        (void)commit(poll);
    }
    wait_for_room(poll, now_us);
    metrics_set(METRIC_POLL_IN_FLIGHT, (int64_t)poll->places.slots);
    metrics_set(METRIC_POLL_IN_FLIGHT_BYTES, (int64_t)poll->places.bytes);
    atomic_store(&poll->turned_us, now_us);
}

/* The answers to commits come while polling, and so may new partitions: what of these comes is let go unread. */
static void drain(struct poll_kafka *poll)
{
    struct kafka_record record;
    enum verdict verdict = OK;
    bool is_through = false;
    struct err err;

    set_paused(poll, true);
    while (!is_through && verdict != FATAL && timebase_mono_us() < poll->stop_us) {
        verdict = kafka_consumer_poll(poll->consumer, POLL_MS, &record, &err);
        kafka_record_free(&record);
        do_what_is_due(poll);
        is_through = poll->places.slots == 0 && commit(poll);
    }
}

static void *poll_main(void *arg)
{
    struct poll_kafka *poll = arg;

    log_thread_name("poll");
    while (!atomic_load(&poll->is_stopping)) {
        if (!read_some(poll)) {
            atomic_store(&poll->turned_us, -ALIVE_US);
            return NULL;
        }
        do_what_is_due(poll);
    }
    drain(poll);
    return NULL;
}

/* Each dot of a prefix is one; what else a name can have means itself. */
static void write_pattern(const char *prefix, const char *rest, char *out)
{
    size_t len = 0;

    out[len++] = '^';
    for (const char *c = prefix; *c; c++) {
        len += (size_t)snprintf(out + len, PATTERN_BYTES - len, *c == '.' ? "[%c]" : "%c", *c);
    }
    snprintf(out + len, PATTERN_BYTES - len, "%s", rest);
}

static void choose_topics(struct poll_kafka *poll)
{
    const char *const plain[] = {poll->st->poll.seldon_v1_topic,
                                 poll->st->poll.mlserver_input_topic,
                                 poll->st->poll.mlserver_output_topic};
    const char *prefix = poll->st->poll.seldon_v2_prefix;
    size_t count = 0;

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (*plain[i]) {
            poll->topics[count++] = plain[i];
        }
    }
    if (*prefix) {
        write_pattern(prefix, "[.][^.]+[.](model|pipeline)[.].+[.](inputs|outputs)$",
                      poll->patterns[0]);
        write_pattern(prefix, "[.][^.]+[.]errors[.]errors$", poll->patterns[1]);
        poll->topics[count++] = poll->patterns[0];
        poll->topics[count++] = poll->patterns[1];
    }
}

/* Only what means itself in a pattern. */
static enum verdict check_prefix(const char *prefix, struct err *err)
{
    size_t fit =
        strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return prefix[fit] ? err_set(err, FATAL, WHERE,
                                 "poll.seldon_v2_prefix can be no part of a topic's name")
                       : OK;
}

static enum verdict open_source(struct poll_kafka *poll, struct err *err)
{
    const struct kafka_consumer_callbacks callbacks = {
        .arg = poll, .on_assign = on_assign, .on_revoke = on_revoke};
    enum verdict verdict = check_prefix(poll->st->poll.seldon_v2_prefix, err);

    if (verdict != OK) {
        return verdict;
    }
    choose_topics(poll);
    poll->arena = arena_new(ARENA_BYTES_PER_BYTE * (size_t)poll->st->kafka.message_bytes_max +
                            ARENA_KEEP_BYTES);
    if (!poll->arena) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    return kafka_consumer_open_foreign(&poll->source_st, poll->topics, &callbacks, &poll->consumer,
                                       err);
}

static void free_source(void *source)
{
    struct poll_kafka *poll = source;

    if (!poll) {
        return;
    }
    poll_places_free(&poll->places);
    kafka_consumer_close(poll->consumer);
    arena_free(poll->arena);
    free(poll);
}

static enum verdict start(const struct settings *st, struct publish *publish, void **out_source,
                          struct err *err)
{
    struct poll_kafka *poll = calloc(1, sizeof(*poll));

    if (!poll) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    poll->st = st;
    poll->source_st = *st;
    if (*st->poll.brokers) {
        poll->source_st.kafka.brokers = st->poll.brokers;
    }
    poll->publish = publish;
    snprintf(poll->visitor.principal, sizeof(poll->visitor.principal), "%s", POLL_PRINCIPAL);
    atomic_init(&poll->turned_us, timebase_mono_us());
    enum verdict verdict = open_source(poll, err);
    if (verdict == OK && pthread_create(&poll->thread, NULL, poll_main, poll) != 0) {
        verdict = err_set(err, FATAL, WHERE, "cannot start a thread");
    }
    if (verdict != OK) {
        free_source(poll);
        return verdict;
    }
    poll->has_thread = true;
    *out_source = poll;
    return OK;
}

static bool is_alive(const void *source)
{
    const struct poll_kafka *poll = source;

    return timebase_mono_us() - atomic_load(&poll->turned_us) < ALIVE_US;
}

static void stop(void *source, int timeout_ms)
{
    struct poll_kafka *poll = source;

    if (!poll->has_thread) {
        return;
    }
    poll->stop_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    atomic_store(&poll->is_stopping, true);
    pthread_join(poll->thread, NULL);
    poll->has_thread = false;
}

const struct poll_source poll_kafka_source = {
    .name = "kafka",
    .switches = "poll.seldon_v2_prefix, poll.seldon_v1_topic, poll.mlserver_input_topic, "
                "poll.mlserver_output_topic",
    .is_wanted = is_wanted,
    .start = start,
    .is_alive = is_alive,
    .stop = stop,
    .free = free_source,
};
