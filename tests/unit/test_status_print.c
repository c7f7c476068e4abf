/* What `metaops status` says of a sample: lag, rates between two looks, and each trouble. Expected texts by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/status_print.h"
#include "sinks/status_sample.h"

static struct status_partition two[] = {
    {.topic = "t", .partition = 0, .stored_offset = 90, .high_offset = 100, .lag_ms = 2500},
    {.topic = "t", .partition = 1, .stored_offset = 50, .high_offset = 50},
};
static struct status_partition before_two[] = {
    {.topic = "t", .partition = 0, .stored_offset = 50, .high_offset = 90},
    {.topic = "t", .partition = 1, .stored_offset = 50, .high_offset = 50},
};

static char *printed(const struct status_view *view,
                     void (*print)(const struct status_view *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    print(view, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void expect_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static void test_status_print_tells_lag_and_rates(void **state)
{
    (void)state;
    struct status_sample before = {.at_us = 1000000, .partitions = before_two, .count = 2};
    struct status_sample now = {.at_us = 3000000, .partitions = two, .count = 2};
    struct status_view view = {.before = &before, .now = &now, .lag_seconds_max = 60};
    char *text = printed(&view, status_print_text);
    expect_has(text, "lag         10 records, 2.5 s\n");
    expect_has(text, "throughput  5 records/s in, 20 records/s stored\n");
    expect_has(text, "worker      not reached\n");
    assert_null(strstr(text, "TROUBLE"));
    free(text);
    text = printed(&view, status_print_json);
    expect_has(text,
               "\"lag_records\":10,\"lag_seconds\":2.500,\"in_per_s\":5.0,\"stored_per_s\":20.0,");
    free(text);
}

static void test_status_print_counts_each_trouble(void **state)
{
    (void)state;
    struct status_partition stopped[] = {{.topic = "t",
                                          .lag_ms = 61000,
                                          .high_offset = 5,
                                          .is_stopped = true,
                                          .reason = "cut\033[2J"}};
    struct status_sample now = {.at_us = 1,
                                .partitions = stopped,
                                .count = 1,
                                .worker = {.is_reached = true, .words = "no database"}};
    struct status_view view = {.before = &now, .now = &now, .lag_seconds_max = 60};
    assert_int_equal(status_print_troubles(&view, NULL), 3);
    char *text = printed(&view, status_print_text);
    expect_has(text, "TROUBLE     t partition 0 is stopped: cut?[2J\n");
    expect_has(text, "TROUBLE     61 s behind, more than 60\n");
    expect_has(text, "TROUBLE     the worker is not ready: no database\n");
    expect_has(text, "throughput  0 records/s in, 0 records/s stored\n");
    free(text);
}

static void test_status_print_knows_no_lag_without_a_store(void **state)
{
    (void)state;
    struct status_sample now = {.partitions = two, .count = 2, .postgres_fault = "it \"sleeps\""};
    struct status_view view = {.before = &now, .now = &now, .lag_seconds_max = 60};
    char *text = printed(&view, status_print_text);
    expect_has(text, "lag         not known\n");
    expect_has(text, "TROUBLE     PostgreSQL: it \"sleeps\"\n");
    free(text);
    text = printed(&view, status_print_json);
    expect_has(text, "\"troubles\":1,");
    expect_has(
        text,
        "\"postgres_fault\":\"it \\\"sleeps\\\"\",\"lag_records\":null,\"lag_seconds\":null,");
    free(text);
}

static void test_status_print_an_age_nobody_knows_is_no_trouble(void **state)
{
    (void)state;
    struct status_partition unknown[] = {
        {.topic = "t", .stored_offset = 1, .high_offset = 5, .lag_ms = -1}};
    struct status_sample now = {.partitions = unknown, .count = 1};
    struct status_view view = {.before = &now, .now = &now, .has_partitions = true};
    char *text = printed(&view, status_print_text);
    expect_has(text, "lag         4 records, age not known\n");
    assert_null(strstr(text, "TROUBLE"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_print_tells_lag_and_rates),
        cmocka_unit_test(test_status_print_counts_each_trouble),
        cmocka_unit_test(test_status_print_knows_no_lag_without_a_store),
        cmocka_unit_test(test_status_print_an_age_nobody_knows_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
