/* A batch remembers exactly which contents it has, and is as new after a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "processors/batch.h"
#include "schemas/identity.h"

static struct id128 id_of(uint32_t number)
{
    return identity_digest((struct str){(const char *)&number, sizeof number});
}

static void test_batch_says_once_for_each_content(void **state)
{
    (void)state;
    struct batch *bt = batch_new(2, 1u << 20, 1u << 20);
    bool is_full = false;
    assert_int_equal(bt->lane, 2);
    for (uint32_t i = 0; i < 50000; i++) { /* the table grows several times */
        assert_true(batch_emit_once(bt, id_of(i), &is_full));
        assert_false(batch_emit_once(bt, id_of(i / 2), &is_full));
    }
    for (uint32_t i = 0; i < 50000; i++) {
        assert_false(batch_emit_once(bt, id_of(i), &is_full));
    }
    assert_false(is_full);
    batch_free(bt);
}

static void test_batch_ids_that_meet_in_one_slot_stay_apart(void **state)
{
    (void)state;
    struct batch *bt = batch_new(0, 1u << 20, 1u << 20);
    bool is_full = false;
    for (uint8_t i = 0; i < 200; i++) {
        struct id128 id = {{1}};
        id.bytes[15] = i; /* the same first bytes */
        assert_true(batch_emit_once(bt, id, &is_full));
        assert_false(batch_emit_once(bt, id, &is_full));
    }
    batch_free(bt);
}

static void test_batch_after_a_reset_nothing_is_left(void **state)
{
    (void)state;
    struct batch *bt = batch_new(0, 1u << 20, 1u << 20);
    bool is_full = false;
    for (uint32_t contents = 10; contents < 200000; contents *= 20) {
        for (uint32_t i = 0; i < contents; i++) {
            assert_true(batch_emit_once(bt, id_of(i), &is_full));
        }
        struct kafka_record *record = graph_rows_add(&bt->records);
        assert_non_null(record);
        assert_non_null(graph_rows_add(&bt->rows.events));
        assert_non_null(graph_rows_add(&bt->rows.known));
        assert_non_null(graph_rows_add(&bt->rows.positions));
        assert_non_null(arena_alloc(bt->arena, 1000));
        bt->rows.stored_count = 1;
        bt->record_bytes = 1;
        bt->repeated_bytes = 1;
        batch_reset(bt);
        assert_int_equal(bt->records.count + bt->rows.events.count + bt->rows.known.count, 0);
        assert_int_equal(bt->rows.positions.count + bt->rows.stored_count, 0);
        assert_int_equal(bt->record_bytes + bt->repeated_bytes, 0);
        assert_int_equal(arena_used_bytes(bt->arena), 0);
    }
    assert_true(batch_emit_once(bt, id_of(1), &is_full));
    batch_free(bt);
    batch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_says_once_for_each_content),
        cmocka_unit_test(test_batch_ids_that_meet_in_one_slot_stay_apart),
        cmocka_unit_test(test_batch_after_a_reset_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
