/* How far a partition may be committed, whatever the order in which its records are confirmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/poll_places.h"

#define TOPIC "seldon.fraud.model.iris.inputs"

static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    (void)record;
    (void)verdict;
    (void)partition;
    (void)offset;
}

static struct poll_slot *add(struct poll_places *places, int32_t partition, int64_t offset)
{
    struct kafka_record record = {
        .topic = TOPIC, .partition = partition, .offset = offset, .value = STR("ten bytes.")};

    return poll_places_add(places, &record, on_done);
}

/* What is to be committed of the only partition that has news; -1: nothing. */
static int64_t news(struct poll_places *places, bool is_settled)
{
    size_t count = 0;

    poll_places_reap(places);
    struct kafka_partition *list = poll_places_list(places, true, &count);
    int64_t offset = count > 0 ? list[0].offset : -1;
    assert_true(count < 2);
    if (is_settled) {
        poll_places_settle(places, list, count);
    }
    free(list);
    return offset;
}

static void count_due(void *arg, struct poll_slot *slot)
{
    (void)slot;
    ++*(int *)arg;
}

static int due(struct poll_places *places)
{
    int count = 0;

    poll_places_each_due(places, count_due, &count);
    return count;
}

static void test_only_what_has_no_gap_before_it_is_committed(void **state)
{
    struct poll_places places = {0};

    (void)state;
    assert_true(poll_places_open(&places, TOPIC, 0));
    struct poll_slot *first = add(&places, 0, 7);
    struct poll_slot *second = add(&places, 0, 8);
    struct poll_slot *third = add(&places, 0, 12); /* a topic may have holes */
    assert_non_null(third);
    assert_int_equal(places.slots, 3);
    assert_int_equal(places.bytes, 30);
    atomic_store(&second->state, SLOT_IS_DONE);
    atomic_store(&third->state, SLOT_IS_SENT);
    assert_int_equal(due(&places), 1);
    assert_int_equal(news(&places, true), -1);
    atomic_store(&first->state, SLOT_FAILED);
    assert_int_equal(due(&places), 1);
    assert_int_equal(news(&places, true), -1);
    atomic_store(&first->state, SLOT_IS_DONE);
    assert_int_equal(news(&places, false), 9); /* not committed: it stays news */
    assert_int_equal(news(&places, true), 9);
    assert_int_equal(news(&places, true), -1);
    atomic_store(&third->state, SLOT_IS_DONE);
    assert_int_equal(news(&places, true), 13);
    assert_int_equal(places.slots, 0);
    assert_int_equal(places.bytes, 0);
    poll_places_free(&places);
}

static void test_a_partition_that_is_left_is_committed_no_more_and_keeps_what_is_sent(void **state)
{
    struct poll_places places = {0};

    (void)state;
    assert_null(add(&places, 0, 1));
    assert_true(poll_places_open(&places, TOPIC, 0));
    struct poll_slot *sent = add(&places, 0, 1);
    assert_non_null(add(&places, 0, 2));
    atomic_store(&sent->state, SLOT_IS_SENT);
    poll_places_leave(&places, TOPIC, 0);
    assert_int_equal(due(&places), 0);
    assert_null(add(&places, 0, 3));
    /* It comes back, from what was committed, while the producer still has a record of before. */
    assert_true(poll_places_open(&places, TOPIC, 0));
    struct poll_slot *again = add(&places, 0, 1);
    assert_int_equal(news(&places, true), -1);
    assert_int_equal(places.slots, 3);
    atomic_store(&sent->state, SLOT_FAILED);
    assert_int_equal(news(&places, true), -1);
    assert_int_equal(places.slots, 1);
    assert_int_equal(places.count, 1);
    atomic_store(&again->state, SLOT_IS_DONE);
    assert_int_equal(news(&places, true), 2);
    poll_places_free(&places);
    assert_int_equal(places.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_has_no_gap_before_it_is_committed),
        cmocka_unit_test(test_a_partition_that_is_left_is_committed_no_more_and_keeps_what_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
