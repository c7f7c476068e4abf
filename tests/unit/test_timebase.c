/* ISO 8601 as producers write it. Expected numbers: `date -u -d ... +%s` and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/timebase.h"

#define S INT64_C(1000000)

struct row {
    const char *text;
    int64_t us;
};

static void check_rows(const struct row *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int64_t us = -1;
        if (!timebase_parse(str_view(rows[i].text), &us) || us != rows[i].us) {
            fail_msg("%s: %lld instead of %lld", rows[i].text, (long long)us,
                     (long long)rows[i].us);
        }
    }
}

static void test_parse_takes_what_producers_write(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T14:32:23.669394+00:00", 1795444343 * S + 669394},
        {"2026-11-23T14:32:23.519Z", 1795444343 * S + 519000},
        {"2026-11-23T14:32:23.5Z", 1795444343 * S + 500000},
        {"2026-11-23T14:32:23.Z", 1795444343 * S},
        {"2026-11-23T14:32:23.123456789Z", 1795444343 * S + 123456},
        {"2026-11-23T14:32:23.999999999Z", 1795444343 * S + 999999},
        {"2026-11-23T14:32:23", 1795444343 * S},
        {"2026-11-23t14:32:23z", 1795444343 * S},
        {"2026-11-23T20:02:23+05:30", 1795444343 * S},
        {"2026-11-23T20:02:23+0530", 1795444343 * S},
        {"2026-11-23T12:32:23-02", 1795444343 * S},
        {"20261123T143223Z", 1795444343 * S},
        {"20261123T143223.25+0000", 1795444343 * S + 250000},
        {"20261123T1432Z", 1795444320 * S},
        {"20261123T14", 1795442400 * S},
        {"2026-11-23T14:32Z", 1795444320 * S},
        {"2026-11-23T14+01:00", 1795438800 * S},
        {"1970-01-01T00:00Z", 0},
    };
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_parse_follows_the_calendar(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2000-02-29T00:00:00Z", 951782400 * S},
        {"2024-02-29T12:00:00Z", 1709208000 * S},
        {"1900-03-01T00:00:00Z", -2203891200 * S},
        {"0001-01-01T00:00:00Z", -62135596800 * S},
        {"9999-12-31T23:59:59Z", 253402300799 * S},
        {"1969-12-31T24:00:00Z", 0},
        {"19691231T2400", 0},
        {"1969-12-31T24:00:00.000Z", 0},
        {"2016-12-31T23:59:60Z", 1483228800 * S},
        {"1970-01-01T00:00:00+23:59", -86340 * S},
        {"1970-01-01T00:00:00-00:00", 0},
    };
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_parse_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "20261123",
        "2026-11-23 14:32:23",
        "2026-11-23T",
        "T14:32:23",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T24:00:01Z",
        "2026-11-23T24:01Z",
        "2026-11-23T24Z",
        "2026-11-23T24:00:00.0000001Z",
        "2026-11-23T14:60:00Z",
        "2026-11-23T14:32:61Z",
        "2026-11-23T14:32:23.1234567890Z",
        "2026-11-23T14:32.5Z",
        "2026-11-23T14:3Z",
        "2026-11-23T14:Z",
        "2026-11-23T14:32:Z",
        "2026-11-23T1432Z",
        "20261123T14:32:23Z",
        "2026-1123T14:32:23Z",
        "202611-23T143223Z",
        "2026-11-23T14:32:23,5Z",
        "2026-11-23T14:32:23ZZ",
        "2026-11-23T14:32:23 Z",
        " 2026-11-23T14:32:23Z",
        "2026-11-23T14:32:23Z ",
        "2026-11-23T14:32:23UTC",
        "2026-11-23T14:32:23+1",
        "2026-11-23T14:32:23+01:",
        "2026-11-23T14:32:23+01:0",
        "2026-11-23T14:32:23+24:00",
        "2026-11-23T14:32:23+01:60",
        "2026-11-23T14:32:23+01:00:00",
        "NaN",
        "1795444343",
        "2026-11-23T14:32:23Z[UTC]",
        "+2026-11-23T14:32:23Z",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t us = 42;
        if (timebase_parse(str_view(bad[i]), &us) || us != 42) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    int64_t us;
    assert_false(timebase_parse((struct str){"2026-11-23T14:32:23\0Z", 21}, &us));
}

static void test_format_writes_microseconds_in_utc(void **state)
{
    (void)state;
    char out[32];

    timebase_format(1795444343 * S + 669394, out);
    assert_string_equal(out, "2026-11-23T14:32:23.669394Z");
    timebase_format(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
    timebase_format(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999999Z");
    timebase_format(-62135596800 * S, out);
    assert_string_equal(out, "0001-01-01T00:00:00.000000Z");
    timebase_format(253402300799 * S, out);
    assert_string_equal(out, "9999-12-31T23:59:59.000000Z");
    /* The extremes must fit the buffer whatever they mean. */
    timebase_format(INT64_MIN, out);
    assert_true(strlen(out) < sizeof(out));
    timebase_format(INT64_MAX, out);
    assert_true(strlen(out) < sizeof(out));
}

static void test_format_and_parse_agree_on_every_day(void **state)
{
    (void)state;
    char out[32];
    int64_t us;

    for (int64_t day = -719162; day <= 2932896; day += 1) {
        int64_t at = day * 86400 * S + 12345678901;
        timebase_format(at, out);
        assert_true(timebase_parse(str_view(out), &us));
        assert_true(us == at);
    }
}

static void test_clocks_run(void **state)
{
    (void)state;
    int64_t start_us = timebase_mono_us();

    assert_true(timebase_mono_us() >= start_us);
    /* After 2020 and before 2100. */
    assert_true(timebase_wall_us() > 1577836800 * S && timebase_wall_us() < 4102444800 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_takes_what_producers_write),
        cmocka_unit_test(test_parse_follows_the_calendar),
        cmocka_unit_test(test_parse_refuses_everything_else),
        cmocka_unit_test(test_format_writes_microseconds_in_utc),
        cmocka_unit_test(test_format_and_parse_agree_on_every_day),
        cmocka_unit_test(test_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
