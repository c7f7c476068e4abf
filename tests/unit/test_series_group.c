/* The bytes of a group of series, written by hand from the head of series_group.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "sinks/series_group.h"

static const struct series_view view = {
    .points = 9,
    .newest = {.at_us = 1000001, .value = -2.5f},
    .expected = 1,
    .spread = 0.5,
    .score = NAN,
};

/* -2.5, 1 and 0.5 as IEEE 754 has them: sign, exponent plus 1023, fraction. */
static const unsigned char head[] = {
    0x05, 0xdc,                                     /* 1500, the median */
    0x00, 0x00,                                     /* the state's length, filled in */
    0x00, 0x00, 0x00, 0x09,                         /* points */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x42, 0x41, /* a second and a microsecond */
    0xc0, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* -2.5 = -1.25 * 2^1 */
    0x3f, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 1 */
    0x3f, 0xe0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 0.5 */
};

static void test_series_group_head_is_as_sql_reads_it(void **state_)
{
    (void)state_;
    char bytes[SERIES_GROUP_ENTRY_BYTES_MAX];
    unsigned char expected[sizeof head];
    struct series_state state = {0};
    size_t len = series_group_put(bytes, 1500, &view, &state);
    memcpy(expected, head, sizeof head);
    expected[3] = (unsigned char)(len - 48);
    assert_memory_equal(bytes, expected, sizeof expected);
    /* NaN: all of the exponent's bits are set. */
    assert_int_equal((unsigned char)bytes[40] & 0x7f, 0x7f);
    assert_int_equal((unsigned char)bytes[41] & 0xf0, 0xf0);
}

static void test_series_group_gives_back_its_entries_in_order(void **state_)
{
    (void)state_;
    char bytes[2 * SERIES_GROUP_ENTRY_BYTES_MAX];
    struct series_state state = {.pending_count = 1};
    struct series_entry entry;
    state.pending[0] = (struct series_point){.at_us = 7, .value = 3};
    size_t first = series_group_put(bytes, 3, &view, &state);
    size_t second = series_group_put(bytes + first, 1999, &view, &(struct series_state){0});
    struct str rest = {bytes, first + second};

    assert_true(series_group_next(&rest, &entry));
    assert_int_equal(entry.metric, 3);
    assert_int_equal(entry.bytes.len, first);
    struct series_state read;
    assert_true(series_codec_decode(entry.state, &read));
    assert_int_equal(read.pending[0].at_us, 7);
    assert_true(series_group_next(&rest, &entry));
    assert_int_equal(entry.metric, 1999);
    assert_false(series_group_next(&rest, &entry));
    assert_int_equal(rest.len, 0);
}

static void test_series_group_stops_where_bytes_are_missing(void **state_)
{
    (void)state_;
    char bytes[SERIES_GROUP_ENTRY_BYTES_MAX];
    struct series_entry entry;
    size_t len = series_group_put(bytes, 3, &view, &(struct series_state){0});
    for (size_t cut = 0; cut < len; cut++) {
        struct str rest = {bytes, cut};
        assert_false(series_group_next(&rest, &entry));
        assert_int_equal(rest.len, cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_group_head_is_as_sql_reads_it),
        cmocka_unit_test(test_series_group_gives_back_its_entries_in_order),
        cmocka_unit_test(test_series_group_stops_where_bytes_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
