/* When a server is looked at, and what is told of it again, by hand from the rule: everything once an hour, each failure and each
 * loss makes the pause twice as long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/mlserver_due.h"

#define MINUTE_US INT64_C(60000000)

static void test_the_pause_doubles_up_to_five_minutes(void **state)
{
    static const int64_t delays_ms[] = {10000, 20000, 40000, 80000, 160000, 300000, 300000};
    struct mlserver_due due = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
        assert_int_equal(mlserver_due_delay_ms(&due, 10000), delays_ms[i]);
        mlserver_due_seen(&due, true);
    }
    assert_int_equal(mlserver_due_delay_ms(&due, 600000), 600000);
    mlserver_due_seen(&due, false);
    assert_int_equal(mlserver_due_delay_ms(&due, 10000), 10000);
    for (int i = 0; i < 1000; i++) {
        mlserver_due_seen(&due, true);
    }
    assert_int_equal(mlserver_due_delay_ms(&due, 1), 4096);
}

static void test_a_state_alone_puts_off_no_whole_look(void **state)
{
    struct mlserver_due due = {0};

    (void)state;
    mlserver_due_told(&due, true, MINUTE_US);
    assert_int_equal(due.whole_us, 61 * MINUTE_US);
    assert_int_equal(due.again_us, 61 * MINUTE_US);
    mlserver_due_told(&due, false, 50 * MINUTE_US);
    assert_int_equal(due.whole_us, 61 * MINUTE_US);
    assert_int_equal(due.again_us, 110 * MINUTE_US);
}

static void test_what_is_lost_is_due_again(void **state)
{
    struct mlserver_due due = {0};

    (void)state;
    mlserver_due_told(&due, true, MINUTE_US);
    mlserver_due_ended(&due, false);
    mlserver_due_ended(&due, false);
    assert_int_equal(due.whole_us, 0);
    assert_int_equal(due.again_us, 0);
    assert_int_equal(mlserver_due_delay_ms(&due, 10000), 40000);
    mlserver_due_seen(&due, false);
    assert_int_equal(mlserver_due_delay_ms(&due, 10000), 40000);
    mlserver_due_told(&due, true, MINUTE_US);
    mlserver_due_ended(&due, true);
    assert_int_equal(due.whole_us, 61 * MINUTE_US);
    assert_int_equal(mlserver_due_delay_ms(&due, 10000), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pause_doubles_up_to_five_minutes),
        cmocka_unit_test(test_a_state_alone_puts_off_no_whole_look),
        cmocka_unit_test(test_what_is_lost_is_due_again),
    };

    return cmocka_run_group_tests_name("mlserver_due", tests, NULL, NULL);
}
