/* When a reader of Kubernetes asks again, on a clock of the test: however a server answers, it is not hammered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/kube_pace.h"

#define SECOND INT64_C(1000000)
#define START (100 * SECOND) /* whose chance is 0: pauses are whole */

static void test_watches_begin_a_second_apart(void **state)
{
    struct kube_pace pace = {0};

    (void)state;
    assert_int_equal(kube_pace_rest_us(&pace, START), 0);
    kube_pace_begin(&pace, START);
    assert_int_equal(kube_pace_rest_us(&pace, START + 1), SECOND - 1);
    assert_int_equal(kube_pace_rest_us(&pace, START + SECOND), 0);
    assert_int_equal(kube_pace_rest_us(&pace, START + 7 * SECOND), 0);
}

static void test_a_pause_doubles_until_a_watch_lasts(void **state)
{
    static const int64_t pauses[] = {250000,     500000,      SECOND,      2 * SECOND, 4 * SECOND,
                                     8 * SECOND, 16 * SECOND, 30 * SECOND, 30 * SECOND};
    struct kube_pace pace = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        kube_pace_begin(&pace, START);
        assert_false(kube_pace_lasts(&pace, START + SECOND / 2));
        assert_int_equal(kube_pace_fail_us(&pace, false, 0, START), pauses[i]);
    }
    assert_true(kube_pace_lasts(&pace, START + SECOND + 1));
    assert_int_equal(kube_pace_fail_us(&pace, false, 0, START), 250000);
    /* By chance up to a quarter less. */
    assert_int_equal(kube_pace_fail_us(&pace, false, 0, START + 99), 500000 - 125000 * 99 / 100);
}

/* A server that ends each watch after two seconds with 410. */
static void test_lists_have_pauses_of_their_own(void **state)
{
    struct kube_pace pace = {0};
    int64_t us = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        kube_pace_begin(&pace, START);
        assert_true(kube_pace_lasts(&pace, START + 2 * SECOND));
        us = kube_pace_fail_us(&pace, true, 0, START);
    }
    assert_int_equal(us, 4 * SECOND);
    assert_true(kube_pace_lasts(&pace, START + 61 * SECOND));
    assert_int_equal(kube_pace_fail_us(&pace, true, 0, START), 250000);
}

static void test_what_the_server_asks_for_is_kept(void **state)
{
    struct kube_pace pace = {0};

    (void)state;
    assert_int_equal(kube_pace_fail_us(&pace, false, 7, START), 7 * SECOND);
    assert_int_equal(kube_pace_fail_us(&pace, false, INT64_MAX, START), 600 * SECOND);
    assert_int_equal(kube_pace_fail_us(&pace, false, INT64_MIN, START), SECOND);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watches_begin_a_second_apart),
        cmocka_unit_test(test_a_pause_doubles_until_a_watch_lasts),
        cmocka_unit_test(test_lists_have_pauses_of_their_own),
        cmocka_unit_test(test_what_the_server_asks_for_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
