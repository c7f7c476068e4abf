/* A lane with its two threads and a sink in memory: what becomes of a batch for each answer of the sink, and how
 * a batch that grew too large is cut. */
#include "processors/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/settings.h"
#include "core/timebase.h"
#include "schemas/identity.h"
#include "schemas/redact.h"
#include "support/memory_sink.h"

#define TOPIC "openlineage.events"
#define WAIT_MS 60000
#define BODIES_MAX 64

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster; /* takes the dead letters */
    struct settings st;
    struct known_set *known;
    struct known_set *events;
    struct bounded_queue *done;
    struct dead_letters *letters;
    struct lane lane;
    char *bodies[BODIES_MAX];
    size_t body_count;
};

static int setup(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];
    char brokers[256];
    char topics[] = "--ingest.openlineage-topics=" TOPIC;
    char soft[] = "--worker.batch-bytes-max=64KiB";
    char *args[] = {brokers, topics, soft};
    struct settings_rest rest = {0};
    struct err err;

    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    bed->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    bed->cluster = rd_kafka_mock_cluster_new(bed->host, 1);
    rd_kafka_mock_topic_create(bed->cluster, "metaops.dead-letters", 1, 1);
    snprintf(brokers, sizeof brokers, "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed->cluster));
    assert_int_equal(settings_load(&bed->st, 3, args, &rest, &err), OK);
    free(rest.words);
    memory_sink_reset();
    memory_sink_move(TOPIC, 0, 0);
    memory_sink_move(TOPIC, 1, 0);
    bed->known = known_set_new(4096);
    bed->events = known_set_new(4096);
    bed->done = bounded_queue_new(64);
    assert_int_equal(dead_letters_start(&bed->st, NULL, &bed->letters, &err), OK);
    bed->lane = (struct lane){.index = 0,
                              .st = &bed->st,
                              .ops = &memory_sink_ops,
                              .known = bed->known,
                              .events = bed->events,
                              .letters = bed->letters,
                              .done = bed->done};
    assert_int_equal(lane_start(&bed->lane, "cluster", &err), OK);
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;
    struct batch *bt;

    memory_sink_hold(false);
    lane_stop(&bed->lane);
    while ((bt = bounded_queue_pop(bed->done, 0))) {
        batch_free(bt);
    }
    lane_fini(&bed->lane);
    dead_letters_stop(bed->letters);
    bounded_queue_free(bed->done);
    known_set_free(bed->known);
    known_set_free(bed->events);
    for (size_t i = 0; i < bed->body_count; i++) {
        free(bed->bodies[i]);
    }
    settings_fini(&bed->st);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    free(bed);
    return 0;
}

/* Event number n, its body filled with filler_bytes of noise. */
static struct str body(struct bed *bed, int n, size_t filler_bytes)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    uint32_t noise = (uint32_t)n * 2654435761u + 1;
    assert_non_null(out);
    fprintf(out,
            "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"run\":{\"runId\":\"r%d\"},\"job\":{"
            "\"namespace\":\"jobs\",\"name\":\"load\"},\"inputs\":[{\"namespace\":\"db\","
            "\"name\":\"a\"}],\"x\":\"",
            n);
    for (size_t i = 0; i < filler_bytes; i++) {
        noise = noise * 1664525u + 1013904223u;
        fputc((int)('A' + (noise >> 24) % 26), out);
    }
    fputs("\"}", out);
    fclose(out);
    bed->bodies[bed->body_count++] = text;
    return (struct str){text, len};
}

static struct batch *batch(struct bed *bed)
{
    struct batch *bt = batch_new(0, (size_t)bed->st.worker.batch_bytes_max, 1u << 20);
    assert_non_null(bt);
    bt->epoch = atomic_load(&bed->lane.epoch);
    return bt;
}

static void add_position(struct batch *bt, int32_t partition, int64_t expected_offset)
{
    struct graph_position *position = graph_rows_add(&bt->rows.positions);
    position->topic = arena_dup(bt->arena, STR(TOPIC));
    position->partition = partition;
    position->expected_offset = expected_offset;
}

static void add_record(struct batch *bt, int32_t partition, int64_t offset, struct str value)
{
    struct kafka_record *record = graph_rows_add(&bt->records);
    *record = (struct kafka_record){.topic = TOPIC,
                                    .partition = partition,
                                    .offset = offset,
                                    .timestamp_ms = 1767225600000 + offset,
                                    .value = value};
}

/* The next batch that comes back, with its outcome. */
static struct batch *come_back(struct bed *bed, enum lane_outcome outcome)
{
    struct batch *bt = bounded_queue_pop(bed->done, WAIT_MS);
    assert_non_null(bt);
    assert_int_equal(bt->outcome, outcome);
    atomic_fetch_sub(&bed->lane.in_flight, 1);
    return bt;
}

static void run_one(struct bed *bed, int32_t partition, int64_t offset, struct str value,
                    enum lane_outcome outcome)
{
    struct batch *bt = batch(bed);
    add_position(bt, partition, offset);
    add_record(bt, partition, offset, value);
    assert_true(lane_submit(&bed->lane, bt));
    batch_free(come_back(bed, outcome));
    assert_int_equal(atomic_load(&bed->lane.in_flight), 0);
}

static void test_lane_what_is_stored_is_remembered(void **state)
{
    struct bed *bed = *state;
    struct str value = body(bed, 1, 0);
    run_one(bed, 0, 0, value, LANE_STORED);
    assert_true(memory_sink_has_event(identity_digest(value)));
    assert_int_equal(memory_sink_position(TOPIC, 0), 1);
    assert_true(known_set_has(bed->events, identity_digest(value)));
    assert_true(known_set_has(bed->known, identity_dataset(STR("db"), STR("a"))));
    assert_int_equal(memory_sink_rows_of('d'), 1);
    /* The same event again moves the position and nothing else; another brings no dataset. */
    run_one(bed, 0, 1, value, LANE_STORED);
    run_one(bed, 0, 2, body(bed, 2, 0), LANE_STORED);
    assert_int_equal(memory_sink_events(), 2);
    assert_int_equal(memory_sink_rows_of('d'), 1);
    assert_int_equal(memory_sink_position(TOPIC, 0), 3);
}

static void test_lane_tries_again_what_failed_for_a_passing_reason(void **state)
{
    struct bed *bed = *state;
    memory_sink_answer(SINK_AGAIN, 0);
    memory_sink_answer(SINK_AGAIN, 0);
    run_one(bed, 0, 0, body(bed, 1, 0), LANE_STORED);
    assert_int_equal(memory_sink_writes(), 3);
    assert_int_equal(memory_sink_events(), 1);
}

static void test_lane_nothing_is_remembered_of_what_was_not_stored(void **state)
{
    struct bed *bed = *state;
    struct str value = body(bed, 1, 0);
    memory_sink_answer(SINK_RESET, 0);
    run_one(bed, 0, 0, value, LANE_RESET);
    assert_int_equal(memory_sink_writes(), 1);
    assert_false(known_set_has(bed->events, identity_digest(value)));
    assert_false(known_set_has(bed->known, identity_dataset(STR("db"), STR("a"))));
    run_one(bed, 0, 0, value, LANE_STORED);
    assert_int_equal(memory_sink_rows_of('d'), 1);
    memory_sink_answer(SINK_STOP, 0);
    run_one(bed, 0, 1, body(bed, 2, 0), LANE_STOPPED);
}

static void test_lane_a_fenced_batch_is_reset(void **state)
{
    struct bed *bed = *state;
    memory_sink_move(TOPIC, 0, 7);
    run_one(bed, 0, 0, body(bed, 1, 0), LANE_RESET);
    assert_int_equal(memory_sink_fenced(), 1);
    assert_int_equal(memory_sink_events(), 0);
}

static void test_lane_an_event_that_the_store_refuses_becomes_a_letter(void **state)
{
    struct bed *bed = *state;
    struct str values[3] = {body(bed, 1, 0), body(bed, 2, 0), body(bed, 3, 0)};
    memory_sink_refuse(identity_digest(values[1]));
    for (int attempt = 0; attempt < 2; attempt++) {
        struct batch *bt = batch(bed);
        add_position(bt, 0, 0);
        for (int i = 0; i < 3; i++) {
            add_record(bt, 0, i, values[i]);
        }
        assert_true(lane_submit(&bed->lane, bt));
        batch_free(come_back(bed, attempt == 0 ? LANE_RESET : LANE_STORED));
    }
    assert_int_equal(memory_sink_events(), 2);
    assert_true(memory_sink_has_letter(identity_digest(values[1])));
    assert_int_equal(memory_sink_rows_of('l'), 1);
    assert_int_equal(memory_sink_position(TOPIC, 0), 3);
}

static void test_lane_batches_of_an_older_epoch_are_not_written(void **state)
{
    struct bed *bed = *state;
    struct batch *bt = batch(bed);
    add_position(bt, 0, 0);
    add_record(bt, 0, 0, body(bed, 1, 0));
    atomic_fetch_add(&bed->lane.epoch, 1);
    assert_true(lane_submit(&bed->lane, bt));
    batch_free(come_back(bed, LANE_DROPPED));
    assert_int_equal(memory_sink_writes(), 0);
}

static void wait_until(size_t (*count)(void), size_t wanted)
{
    int64_t end_us = timebase_mono_us() + WAIT_MS * 1000;
    struct timespec pause = {.tv_nsec = 1000000};
    while (count() < wanted && timebase_mono_us() < end_us) {
        nanosleep(&pause, NULL);
    }
    assert_true(count() >= wanted);
}

/* Rows that were left out because they were known must not be missing when the knowledge is withdrawn. */
static void test_lane_a_batch_built_on_withdrawn_knowledge_is_not_written(void **state)
{
    struct bed *bed = *state;
    struct batch *first = batch(bed);
    struct batch *second = batch(bed);
    add_position(first, 0, 0);
    add_record(first, 0, 0, body(bed, 1, 0));
    add_position(second, 0, 1);
    add_record(second, 0, 1, body(bed, 2, 0));
    memory_sink_hold(true);
    assert_true(lane_submit(&bed->lane, first));
    wait_until(memory_sink_writes, 1);
    assert_true(lane_submit(&bed->lane, second));
    for (int i = 0; bounded_queue_len(bed->lane.to_sink) == 0 && i < WAIT_MS; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    known_set_clear(bed->known);
    known_set_clear(bed->events);
    memory_sink_hold(false);
    batch_free(come_back(bed, LANE_STORED));
    batch_free(come_back(bed, LANE_STALE));
    assert_int_equal(memory_sink_writes(), 1);
    /* What the first one stored counts for the old generation only. */
    assert_false(known_set_has(bed->known, identity_dataset(STR("db"), STR("a"))));
}

static void test_lane_takes_no_more_than_it_may_hold(void **state)
{
    struct bed *bed = *state;
    int taken = 0;
    memory_sink_hold(true);
    for (int i = 0; i < 20; i++) {
        struct batch *bt = batch(bed);
        add_position(bt, 0, i);
        add_record(bt, 0, i, body(bed, i, 0));
        if (!lane_submit(&bed->lane, bt)) {
            batch_free(bt);
            break;
        }
        taken++;
        if (taken == 1) {
            wait_until(memory_sink_writes, 1);
        }
    }
    /* One is being written, one waits for that, one for the pool's hand, the rest in its queue. */
    assert_in_range(taken, 1, bed->st.worker.batches_in_flight_max + 3);
    memory_sink_hold(false);
    for (int i = 0; i < taken; i++) {
        batch_free(come_back(bed, LANE_STORED));
    }
    assert_int_equal(memory_sink_events(), taken);
    assert_int_equal(memory_sink_position(TOPIC, 0), taken);
}

/* 30 records of 20 kB, batches of 64 KiB. Partition 1 has its only records at the end. */
static void test_lane_cuts_a_batch_that_grows_too_large(void **state)
{
    struct bed *bed = *state;
    struct batch *bt = batch(bed);
    int64_t next[2] = {0, 0};
    size_t pieces = 0;
    add_position(bt, 0, 0);
    add_position(bt, 1, 0);
    for (int i = 0; i < 30; i++) {
        int32_t partition = i >= 28;
        /* Offsets have gaps, as after a transaction marker. */
        add_record(bt, partition, partition ? i - 28 : i * 2, body(bed, i, 20000));
    }
    struct id128 last = identity_digest(bt->records.items[27].value);
    assert_true(lane_submit(&bed->lane, bt));
    size_t records = 0;
    while (records < 30) {
        struct batch *piece = come_back(bed, LANE_STORED);
        assert_int_equal(piece->is_extra, pieces > 0);
        pieces++;
        records += piece->records.count;
        assert_int_equal(piece->rows.events.count, piece->records.count);
        for (size_t i = 0; i < piece->rows.positions.count; i++) {
            const struct graph_position *position = &piece->rows.positions.items[i];
            assert_int_equal(position->expected_offset, next[position->partition]);
            assert_true(position->next_offset > position->expected_offset);
            next[position->partition] = position->next_offset;
            if (position->partition == 0 && position->next_offset == 55) {
                assert_memory_equal(position->last_id.bytes, last.bytes, 16);
                assert_int_equal(position->last_timestamp_ms, 1767225600054);
            }
        }
        batch_free(piece);
    }
    assert_true(pieces > 3);
    assert_int_equal(atomic_load(&bed->lane.in_flight), 0);
    assert_int_equal(memory_sink_events(), 30);
    assert_int_equal(memory_sink_fenced(), 0);
    assert_int_equal(memory_sink_position(TOPIC, 0), 55);
    assert_int_equal(memory_sink_position(TOPIC, 1), 2);
}

/* A record that becomes a letter: its value, to be freed, and its reason. */
static char *letter_of(struct bed *bed, int64_t offset, struct str value, const char *reason)
{
    struct batch *bt = batch(bed);
    add_position(bt, 0, offset);
    add_record(bt, 0, offset, value);
    assert_true(lane_submit(&bed->lane, bt));
    bt = come_back(bed, LANE_STORED);
    assert_int_equal(bt->rows.letters.count, 1);
    const struct dead_letter *letter = &bt->rows.letters.items[0];
    assert_non_null(memmem(letter->reason.ptr, letter->reason.len, reason, strlen(reason)));
    char *kept = strndup(letter->value.ptr, letter->value.len);
    batch_free(bt);
    return kept;
}

/* A text in which every password that is redacted brings up the next: more than are looked for. */
static struct str onion(struct bed *bed, int n, size_t blanks, const char *end)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"x\":\"%d jdbc:x://h", n);
    for (int i = 0; i < 9; i++) {
        fprintf(out, ",password=%0600d", 7);
    }
    fprintf(out, "%*s%s", (int)blanks, "", end);
    fclose(out);
    bed->bodies[bed->body_count++] = text;
    return (struct str){text, len};
}

/* What cannot be redacted is kept nowhere, one letter for each, and those behind it go on: rejected as an event,
 * given up as bytes, and too large for the memory there is (32 MiB bodies: 208 MiB, a copy for each reading). */
static void test_lane_withholds_what_cannot_be_redacted(void **state)
{
    struct bed *bed = *state;
    const struct {
        struct str value;
        const char *reason;
    } rows[] = {
        {onion(bed, 0, 0, "\"}"), "more secrets"},
        {onion(bed, 1, 0, "\"}"), "more secrets"},
        {onion(bed, 2, 0, ""), "text ends"},
        {onion(bed, 3, 31u << 20, ""), "withheld"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *kept = letter_of(bed, (int64_t)i, rows[i].value, rows[i].reason);
        assert_string_equal(kept, REDACT_MARK);
        free(kept);
        assert_true(memory_sink_has_letter(identity_digest(rows[i].value)));
    }
    run_one(bed, 0, 4, body(bed, 4, 0), LANE_STORED);
    assert_int_equal(memory_sink_events(), 1);
    assert_int_equal(memory_sink_position(TOPIC, 0), 5);
}

/* The pieces behind a failed one are of the same epoch until the consumer says so: the fence holds them. */
static void test_lane_pieces_behind_a_failed_one_are_not_stored(void **state)
{
    struct bed *bed = *state;
    struct batch *bt = batch(bed);
    size_t stored = 0;
    size_t failed = 0;
    add_position(bt, 0, 0);
    for (int i = 0; i < 12; i++) {
        add_record(bt, 0, i, body(bed, i, 20000));
    }
    memory_sink_answer(SINK_STORED, 0);
    memory_sink_answer(SINK_RESET, 0);
    assert_true(lane_submit(&bed->lane, bt));
    size_t records = 0;
    while (records < 12) {
        struct batch *piece = bounded_queue_pop(bed->done, WAIT_MS);
        assert_non_null(piece);
        atomic_fetch_sub(&bed->lane.in_flight, 1);
        records += piece->records.count;
        stored += piece->outcome == LANE_STORED;
        failed += piece->outcome == LANE_RESET;
        batch_free(piece);
    }
    assert_int_equal(stored, 1);
    assert_true(failed >= 2);
    assert_true(memory_sink_fenced() >= 1);
    assert_int_equal(memory_sink_position(TOPIC, 0), memory_sink_events());
}

static void test_lane_stop_finishes_what_it_holds(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 2; i++) {
        struct batch *bt = batch(bed);
        add_position(bt, 0, i);
        add_record(bt, 0, i, body(bed, i, 0));
        assert_true(lane_submit(&bed->lane, bt));
    }
    lane_stop(&bed->lane);
    assert_int_equal(memory_sink_events(), 2);
    batch_free(come_back(bed, LANE_STORED));
    batch_free(come_back(bed, LANE_STORED));
}

#define T(name) cmocka_unit_test_setup_teardown(test_lane_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_stored_is_remembered),
        T(tries_again_what_failed_for_a_passing_reason),
        T(nothing_is_remembered_of_what_was_not_stored),
        T(a_fenced_batch_is_reset),
        T(an_event_that_the_store_refuses_becomes_a_letter),
        T(batches_of_an_older_epoch_are_not_written),
        T(a_batch_built_on_withdrawn_knowledge_is_not_written),
        T(takes_no_more_than_it_may_hold),
        T(cuts_a_batch_that_grows_too_large),
        T(withholds_what_cannot_be_redacted),
        T(pieces_behind_a_failed_one_are_not_stored),
        T(stop_finishes_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
