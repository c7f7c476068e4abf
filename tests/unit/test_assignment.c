/* Where a partition is read on, and when it is stopped instead: each answer of the database and the broker, which are
 * stood in for here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/assignment.h"
#include "schemas/identity.h"

#define EVERY_LANE UINT32_MAX

/* What the neighbours answer, and what they were told. */
static struct world {
    struct sink_position row; /* of every partition */
    enum verdict load, save, watermarks, record_at;
    int64_t low, high;
    const char *record; /* NULL: none at that offset */
    bool is_logging;
    int loads, saves, asked;
    int64_t asked_offset;
    int64_t saved_offset;
    char saved_reason[160];
} world;

int __wrap_log_enabled(int level);
enum verdict __wrap_kafka_consumer_watermarks(struct kafka_consumer *consumer, const char *topic,
                                              int32_t partition, int timeout_ms, int64_t *out_low,
                                              int64_t *out_high, struct err *err);
enum verdict __wrap_kafka_consumer_record_at(struct kafka_consumer *consumer, const char *topic,
                                             int32_t partition, int64_t offset, int timeout_ms,
                                             struct kafka_record *out_record, struct err *err);
void __wrap_kafka_record_free(struct kafka_record *record);

int __wrap_log_enabled(int level)
{
    (void)level;
    return world.is_logging;
}

enum verdict __wrap_kafka_consumer_watermarks(struct kafka_consumer *consumer, const char *topic,
                                              int32_t partition, int timeout_ms, int64_t *out_low,
                                              int64_t *out_high, struct err *err)
{
    (void)consumer;
    (void)topic;
    (void)partition;
    (void)timeout_ms;
    *out_low = world.low;
    *out_high = world.high;
    return world.watermarks == OK ? OK : err_set(err, world.watermarks, "fake", "no broker");
}

enum verdict __wrap_kafka_consumer_record_at(struct kafka_consumer *consumer, const char *topic,
                                             int32_t partition, int64_t offset, int timeout_ms,
                                             struct kafka_record *out_record, struct err *err)
{
    (void)consumer;
    (void)topic;
    (void)partition;
    (void)timeout_ms;
    world.asked++;
    world.asked_offset = offset;
    if (world.record_at != OK) {
        return err_set(err, world.record_at, "fake", "no broker");
    }
    if (world.record) {
        *out_record = (struct kafka_record){.value = str_view(world.record), .handle = &world};
    }
    return OK;
}

void __wrap_kafka_record_free(struct kafka_record *record)
{
    *record = (struct kafka_record){.topic = NULL};
}

static enum verdict load(struct sink *sink, struct sink_position *positions, size_t count,
                         struct err *err)
{
    (void)sink;
    world.loads++;
    for (size_t i = 0; i < count; i++) {
        struct sink_position asked = positions[i];
        positions[i] = world.row;
        positions[i].topic = asked.topic;
        positions[i].partition = asked.partition;
    }
    return world.load == OK ? OK : err_set(err, world.load, "fake", "no database");
}

static enum verdict save(struct sink *sink, const struct sink_position *position,
                         const char *reason, struct err *err)
{
    (void)sink;
    world.saves++;
    world.saved_offset = position->next_offset;
    strncpy(world.saved_reason, reason ? reason : "", sizeof(world.saved_reason) - 1);
    return world.save == OK ? OK : err_set(err, world.save, "fake", "no database");
}

static void close_desk(struct sink *sink)
{
    (void)sink;
    world.loads = -1;
}

static const struct sink_ops ops = {
    .name = "fake", .load = load, .save = save, .close = close_desk};

/* One partition of that topic, and the world as it is: nothing stored, offsets 10 to 20. */
static struct assignment begin(const char *topic)
{
    struct assignment as = {
        .lanes = 2, .own_topics = {"events", "keys"}, .ops = &ops, .desk = (struct sink *)&world};
    struct kafka_partition partition = {.topic = topic, .partition = 3};
    struct err err;

    world = (struct world){.low = 10, .high = 20, .is_logging = world.is_logging};
    assert_int_equal(assignment_set(&as, &partition, 1, &err), OK);
    return as;
}

static void expect_place(const char *topic, enum verdict verdict, int64_t offset)
{
    struct assignment as = begin(topic);
    struct err err;

    as.partitions[0].is_stopped = true; /* before somebody accepted it */
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), verdict);
    assert_true(as.partitions[0].is_positioned);
    assert_false(as.partitions[0].is_stopped);
    assert_int_equal(as.partitions[0].expected_offset, offset);
    assert_int_equal(as.partitions[0].stored_offset, offset);
    assignment_fini(&as);
}

static void test_our_own_topics_begin_at_zero(void **state)
{
    (void)state;
    struct assignment as = begin("events");
    struct err err;

    world.low = 0;
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_true(as.partitions[0].is_positioned);
    assert_int_equal(as.partitions[0].expected_offset, 0);
    assert_int_equal(world.saves, 1);
    assert_string_equal(world.saved_reason, "");
    assignment_fini(&as);
    as = begin("keys");
    world.low = 0;
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_int_equal(as.partitions[0].expected_offset, 0);
    assignment_fini(&as);
}

/* The first records are gone before anybody read them: that is a loss. */
static void test_our_own_topic_without_its_beginning_is_stopped(void **state)
{
    (void)state;
    struct assignment as = begin("events");
    struct err err;

    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_false(as.partitions[0].is_positioned);
    assert_int_equal(assignment_stopped_count(&as, EVERY_LANE), 1);
    assert_non_null(strstr(world.saved_reason, "offsets 10 to 20"));
    assignment_fini(&as);
}

static void test_topics_of_others_begin_where_they_begin(void **state)
{
    (void)state;
    expect_place("theirs", OK, 10);
    assert_int_equal(world.saves, 1);
    assert_int_equal(world.saved_offset, 10);
}

static struct assignment begin_stored(const char *topic, int64_t next_offset, const char *last)
{
    struct assignment as = begin(topic);

    world.row = (struct sink_position){.is_found = true, .next_offset = next_offset};
    if (last) {
        world.row.has_last_id = true;
        world.row.last_id = identity_digest(str_view(last));
    }
    return as;
}

static void expect_stored(const char *last, const char *record, int64_t offset, bool is_placed,
                          int asked)
{
    struct assignment as = begin_stored("events", offset, last);
    struct err err;

    world.record = record;
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_int_equal(as.partitions[0].is_positioned, is_placed);
    assert_int_equal(as.partitions[0].is_stopped, !is_placed);
    assert_int_equal(as.partitions[0].expected_offset, offset);
    assert_int_equal(world.asked, asked);
    assert_int_equal(world.saves, !is_placed);
    assignment_fini(&as);
}

static void test_a_place_is_good_where_the_record_before_it_is_the_stored_one(void **state)
{
    (void)state;
    expect_stored(NULL, NULL, 15, true, 0);
    expect_stored("a", "a", 15, true, 1);
    assert_int_equal(world.asked_offset, 14);
    expect_stored("a", "b", 15, false, 1);
    expect_stored("a", NULL, 15, true, 1); /* gone, and nothing behind it */
    expect_stored("a", "b", 10, true, 0);  /* nothing before it to compare with */
    expect_stored("a", "a", 20, true, 1);
    expect_stored("a", "a", 9, false, 0);
    expect_stored("a", "a", 21, false, 0);
}

static void test_an_accepted_partition_goes_on_at_the_low_watermark(void **state)
{
    (void)state;
    static const char *const topics[] = {"events", "theirs"};
    struct err err;

    for (int i = 0; i < 2; i++) {
        struct assignment as = begin_stored(topics[i], -1, "a");
        assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
        assert_true(as.partitions[0].is_positioned);
        assert_int_equal(as.partitions[0].expected_offset, 10);
        assert_int_equal(world.asked, 0);
        assert_int_equal(world.saved_offset, 10);
        assignment_fini(&as);
    }
}

static void test_another_cluster_and_a_stopped_row_stop(void **state)
{
    (void)state;
    struct assignment as = begin("events");
    struct err err;

    world.row.is_elsewhere = true;
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_true(as.partitions[0].is_stopped);
    assert_non_null(strstr(world.saved_reason, "another cluster"));
    /* Once more: it stays stopped. */
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_true(as.partitions[0].is_stopped);
    assignment_fini(&as);

    as = begin_stored("events", 15, NULL);
    world.row.is_stopped = true;
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_true(as.partitions[0].is_stopped);
    assert_false(as.partitions[0].is_positioned);
    assert_int_equal(world.saves, 0);
    assignment_fini(&as);
}

/* Who cannot say is asked again; nothing is read until then. */
/* Sanitizers would rather end the program than give no memory. */
#define NO_MEMORY_IS_AN_ANSWER(options)                                                            \
    const char *options(void);                                                                     \
    const char *options(void)                                                                      \
    {                                                                                              \
        return "allocator_may_return_null=1";                                                      \
    }
NO_MEMORY_IS_AN_ANSWER(__asan_default_options)
NO_MEMORY_IS_AN_ANSWER(__tsan_default_options)

static void test_what_cannot_be_found_out_is_tried_again(void **state)
{
    (void)state;
    struct err err;

    for (int i = 0; i < 4; i++) {
        struct assignment as = i == 3 ? begin_stored("events", 15, "a") : begin("theirs");
        *(enum verdict *[]){&world.load, &world.watermarks, &world.save, &world.record_at}[i] =
            RETRY;
        assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), RETRY);
        assert_false(as.partitions[0].is_positioned);
        assert_false(as.partitions[0].is_stopped);
        assignment_fini(&as);
    }
    struct assignment huge = {.count = SIZE_MAX};
    assert_int_equal(assignment_position(&huge, NULL, EVERY_LANE, &err), RETRY);
}

static void test_a_stop_that_cannot_be_recorded_holds_all_the_same(void **state)
{
    (void)state;
    struct assignment as = begin("events");

    world.save = RETRY;
    as.partitions[0].is_positioned = true;
    assignment_stop(&as, &as.partitions[0], "for this reason");
    assert_true(as.partitions[0].is_stopped);
    assert_false(as.partitions[0].is_positioned);
    assert_string_equal(world.saved_reason, "for this reason");
    assignment_fini(&as);
}

static void test_each_lane_has_its_partitions(void **state)
{
    (void)state;
    struct assignment as = begin("theirs");
    const struct kafka_partition partitions[] = {{.topic = "theirs", .partition = 0},
                                                 {.topic = "theirs", .partition = 1},
                                                 {.topic = "others", .partition = 1}};
    struct err err;

    assert_int_equal(assignment_set(&as, partitions, 3, &err), OK);
    assert_int_equal(assignment_position(&as, NULL, 1, &err), OK);
    assert_false(as.partitions[0].is_positioned);
    assert_true(as.partitions[1].is_positioned);
    assert_ptr_equal(assignment_find(&as, "others", 1), &as.partitions[2]);
    assert_null(assignment_find(&as, "others", 0));
    as.partitions[0].is_stopped = true;
    assert_int_equal(assignment_stopped_count(&as, 0), 1);
    assert_int_equal(assignment_stopped_count(&as, 1), 0);
    /* Those that have their place are not asked for again. */
    assert_int_equal(assignment_position(&as, NULL, 1, &err), OK);
    assert_int_equal(world.loads, 1);
    assignment_fini(&as);
    assert_int_equal(world.loads, -1);
    assignment_fini(&as);
}

/* The place of a partition is compared with what the store says now: nothing there, or another place. */
static void test_a_store_that_went_back_is_noticed(void **state)
{
    (void)state;
    static const struct {
        bool is_positioned, is_found, is_moved;
        int64_t next_offset;
    } rows[] = {{true, true, false, 15},
                {true, true, true, 12},
                {true, false, true, 15},
                {false, false, false, 0}};
    struct err err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct assignment as = begin("events");
        as.partitions[0].is_positioned = rows[i].is_positioned;
        as.partitions[0].stored_offset = 15;
        world.row.is_found = rows[i].is_found;
        world.row.next_offset = rows[i].next_offset;
        assert_int_equal(assignment_compare(&as, &err), OK);
        assert_int_equal(as.partitions[0].is_moved, rows[i].is_moved);
        world.load = RETRY;
        as.partitions[0].is_moved = !rows[i].is_moved;
        assert_int_equal(assignment_compare(&as, &err), RETRY);
        assert_int_equal(as.partitions[0].is_moved, !rows[i].is_moved); /* nobody knows */
        assignment_fini(&as);
    }
    struct assignment huge = {.count = SIZE_MAX - 1};
    assert_int_equal(assignment_compare(&huge, &err), RETRY);
}

static void test_nothing_is_assigned(void **state)
{
    (void)state;
    struct assignment as = begin("theirs");
    struct err err;

    assert_int_equal(assignment_set(&as, NULL, 0, &err), OK);
    assert_int_equal(assignment_position(&as, NULL, EVERY_LANE, &err), OK);
    assert_int_equal(world.loads, 0);
    assert_int_equal(assignment_stopped_count(&as, EVERY_LANE), 0);
    assignment_fini(&as);
}

static int logging(void **state)
{
    (void)state;
    world.is_logging = true;
    return 0;
}

static void test_what_was_left_out_is_read_again_once(void **state)
{
    (void)state;
    struct partition part = {.topic = "t", .expected_offset = 10};

    assert_false(assignment_doubts(&part, 10));
    assert_false(assignment_doubts(&part, 9)); /* a repetition */
    assert_true(assignment_doubts(&part, 12));
    assert_false(assignment_doubts(&part, 10)); /* it is there after all */
    part.expected_offset = 12;
    assert_false(assignment_doubts(&part, 12));
    part.expected_offset = 13;
    assert_true(assignment_doubts(&part, 15));
    assert_false(assignment_doubts(&part, 15)); /* missing twice */
    part.expected_offset = 16;
    assert_false(assignment_doubts(&part, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_own_topics_begin_at_zero),
        cmocka_unit_test(test_our_own_topic_without_its_beginning_is_stopped),
        cmocka_unit_test(test_topics_of_others_begin_where_they_begin),
        cmocka_unit_test(test_a_place_is_good_where_the_record_before_it_is_the_stored_one),
        cmocka_unit_test(test_an_accepted_partition_goes_on_at_the_low_watermark),
        cmocka_unit_test(test_another_cluster_and_a_stopped_row_stop),
        cmocka_unit_test(test_what_cannot_be_found_out_is_tried_again),
        cmocka_unit_test(test_a_stop_that_cannot_be_recorded_holds_all_the_same),
        cmocka_unit_test(test_each_lane_has_its_partitions),
        cmocka_unit_test(test_a_store_that_went_back_is_noticed),
        cmocka_unit_test(test_nothing_is_assigned),
        cmocka_unit_test(test_what_was_left_out_is_read_again_once),
    };
    /* The same whatever is logged. */
    int failed = cmocka_run_group_tests_name("assignment", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("assignment, logging", tests, logging, NULL);
}
