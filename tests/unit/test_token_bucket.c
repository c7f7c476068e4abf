/* The token bucket with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/token_bucket.h"

#define SECOND INT64_C(1000000)
#define START (1000 * SECOND)

static int taken(struct token_bucket *bucket, int64_t rate, int64_t burst, int64_t now_us)
{
    int count = 0;

    while (token_bucket_wait_us(bucket, rate, burst, now_us) == 0 && count < 1000) {
        token_bucket_take(bucket);
        count++;
    }
    return count;
}

static void test_a_new_bucket_is_full_and_fills_at_its_rate(void **state)
{
    struct token_bucket bucket = {0};

    (void)state;
    assert_int_equal(taken(&bucket, 5, 7, START), 7);
    assert_int_equal(taken(&bucket, 5, 7, START + SECOND / 5 - 1), 0);
    assert_int_equal(taken(&bucket, 5, 7, START + SECOND / 5), 1);
    assert_int_equal(taken(&bucket, 5, 7, START + SECOND / 5 + SECOND), 5);
    assert_int_equal(taken(&bucket, 5, 7, START + 1000 * SECOND), 7); /* never more than full */
}

static void test_the_wait_it_names_is_long_enough(void **state)
{
    static const int64_t rates[] = {1, 3, 7, 1000, 999983, 1000000000};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct token_bucket bucket = {0};
        int64_t wait_us;

        assert_int_equal(token_bucket_wait_us(&bucket, rates[i], 1, START), 0);
        token_bucket_take(&bucket);
        wait_us = token_bucket_wait_us(&bucket, rates[i], 1, START);
        assert_true(wait_us > 0 && wait_us <= SECOND / rates[i] + 2);
        assert_int_equal(token_bucket_wait_us(&bucket, rates[i], 1, START + wait_us), 0);
    }
}

static void test_a_clock_that_goes_back_gives_nothing(void **state)
{
    struct token_bucket bucket = {0};

    (void)state;
    assert_int_equal(taken(&bucket, 2, 4, START), 4);
    assert_int_equal(taken(&bucket, 2, 4, START - 500 * SECOND), 0);
    assert_int_equal(taken(&bucket, 2, 4, START - 499 * SECOND), 2); /* and goes on from there */
}

/* A change of limits while the gateway runs. */
static void test_a_smaller_burst_counts_at_once(void **state)
{
    struct token_bucket bucket = {0};

    (void)state;
    assert_int_equal(token_bucket_wait_us(&bucket, 100, 100, START), 0);
    assert_int_equal(taken(&bucket, 1, 2, START), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_bucket_is_full_and_fills_at_its_rate),
        cmocka_unit_test(test_the_wait_it_names_is_long_enough),
        cmocka_unit_test(test_a_clock_that_goes_back_gives_nothing),
        cmocka_unit_test(test_a_smaller_burst_counts_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
