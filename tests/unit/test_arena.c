/* The bump allocator: alignment, the maximum, reuse after a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"

static void test_arena_gives_aligned_pieces_that_do_not_overlap(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    unsigned char *pieces[200];

    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(arena, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 7; k++) {
            assert_int_equal(pieces[i][k], i);
        }
    }
    assert_ptr_not_equal(arena_alloc(arena, 0), arena_alloc(arena, 0));
    arena_free(arena);
}

static void test_arena_refuses_beyond_its_maximum_and_works_on_below(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1000);

    assert_null(arena_alloc(arena, 1001));
    assert_non_null(arena_alloc(arena, 900));
    assert_int_equal(arena_refusals(arena), 1);
    assert_null(arena_alloc(arena, 200));
    assert_non_null(arena_alloc(arena, 64));
    assert_int_equal(arena_refusals(arena), 2);
    arena_reset(arena, 1000);
    assert_int_equal(arena_refusals(arena), 0);
    assert_non_null(arena_alloc(arena, 900));
    arena_free(arena);
}

static void test_arena_small_spare_blocks_do_not_stop_a_large_request(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);

    assert_non_null(arena_alloc(arena, 10));
    arena_reset(arena, 64 * 1024);
    assert_non_null(arena_alloc(arena, 60 * 1024));
    arena_free(arena);
}

static void test_arena_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    struct arena *arena = arena_new(SIZE_MAX);

    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 15));
    assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
    assert_null(arena_dup(arena, (struct str){"x", SIZE_MAX}).ptr);
    arena_free(arena);
}

static void test_arena_reset_keeps_blocks_for_reuse_and_zeroes_on_demand(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    unsigned char *first = arena_alloc(arena, 100);

    memset(first, 0xFF, 100);
    assert_int_equal(arena_used_bytes(arena), 112);
    arena_reset(arena, 1 << 20);
    assert_int_equal(arena_used_bytes(arena), 0);
    unsigned char *again = arena_calloc(arena, 10, 10);
    assert_ptr_equal(first, again);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(again[i], 0);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void test_arena_dup_copies_and_terminates(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 16);
    struct str copy = arena_dup(arena, (struct str){"a\0b", 3});

    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b\0", 4);
    copy = arena_dup(arena, (struct str){NULL, 0});
    assert_string_equal(copy.ptr, "");
    arena_free(arena);
}

static void test_err_keeps_one_tidy_line(void **state)
{
    (void)state;
    struct err err;
    char text[300];

    assert_int_equal(err_set(&err, REJECT, "here", "a\nb\x01%d", 7), REJECT);
    assert_string_equal(err.text, "a?b?7");
    assert_string_equal(err.where, "here");
    assert_int_equal(err_wrap(&err, "row %d", 3), REJECT);
    assert_string_equal(err.text, "row 3: a?b?7");
    assert_int_equal(err_set(&err, RETRY, "x", "again: %s", err.text), RETRY);
    assert_string_equal(err.text, "again: row 3: a?b?7");
    assert_int_equal(err_set(NULL, FATAL, "x", "y"), FATAL);

    /* 254 bytes, then a character of two bytes that does not fit before the NUL. */
    memset(text, 'x', 254);
    memcpy(text + 254, "\xC3\xA9zz", 5);
    assert_int_equal(err_set(&err, REJECT, "here", "%s", text), REJECT);
    assert_int_equal(strlen(err.text), 254);
    assert_int_equal(err.text[253], 'x');
    assert_int_equal(err_wrap(&err, "%s", text), REJECT);
    assert_int_equal(strlen(err.text), 254);
    assert_string_equal(err_verdict_name(RETRY), "RETRY");
}

static void test_id128_prints_as_a_uuid(void **state)
{
    (void)state;
    struct id128 id = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98,
                        0x76, 0x54, 0x32, 0x10}};
    char text[ID128_TEXT_BYTES];

    id128_format(id, text);
    assert_string_equal(text, "01234567-89ab-cdef-fedc-ba9876543210");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_gives_aligned_pieces_that_do_not_overlap),
        cmocka_unit_test(test_arena_refuses_beyond_its_maximum_and_works_on_below),
        cmocka_unit_test(test_arena_small_spare_blocks_do_not_stop_a_large_request),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(test_arena_reset_keeps_blocks_for_reuse_and_zeroes_on_demand),
        cmocka_unit_test(test_arena_dup_copies_and_terminates),
        cmocka_unit_test(test_err_keeps_one_tidy_line),
        cmocka_unit_test(test_id128_prints_as_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
