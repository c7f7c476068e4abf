/* The set of stored ids: a hit is a fact, forgetting is bounded, clear begins a generation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/known_set.h"

static struct id128 id_of(uint32_t number)
{
    struct id128 id = {{0}};

    /* Ids that differ in few bits are the hard case for the hash. */
    id.bytes[0] = 1;
    memcpy(id.bytes + 12, &number, sizeof(number));
    return id;
}

static void test_known_set_knows_only_what_was_added(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(100000);

    for (uint32_t i = 0; i < 50000; i += 2) {
        known_set_add(set, id_of(i));
    }
    for (uint32_t i = 1; i < 50000; i += 2) {
        assert_false(known_set_has(set, id_of(i)));
    }
    /* Shards fill unevenly, but 25,000 of 50,000 places in the young halves leave room enough. */
    for (uint32_t i = 0; i < 50000; i += 2) {
        assert_true(known_set_has(set, id_of(i)));
    }
    known_set_free(set);
}

static void test_known_set_remembers_the_latest_half_and_forgets_the_oldest(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(1000);

    for (uint32_t i = 0; i < 10000; i++) {
        known_set_add(set, id_of(i));
        if (i >= 499) {
            assert_true(known_set_has(set, id_of(i - 499)));
        }
    }
    for (uint32_t i = 0; i < 8900; i++) {
        assert_false(known_set_has(set, id_of(i)));
    }
    known_set_free(set);
}

static void test_known_set_keeps_what_is_asked_for(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(1000);

    known_set_add(set, id_of(1));
    for (uint32_t i = 2; i < 10000; i++) {
        known_set_add(set, id_of(i));
        if (i % 400 == 0) {
            assert_true(known_set_keeps(set, id_of(1)));
        }
    }
    known_set_free(set);
}

/* More than a half that is asked for in turn: keeping some must not push out those that come next. */
static void test_known_set_keeping_forgets_none_of_them(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(2000);

    for (uint32_t i = 0; i < 1500; i++) {
        known_set_add(set, id_of(i));
    }
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 1500; i++) {
            assert_true(known_set_keeps(set, id_of(i)));
        }
    }
    known_set_free(set);
}

static void test_known_set_adding_twice_takes_one_place(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(100);

    known_set_add(set, id_of(1));
    for (uint32_t i = 0; i < 10000; i++) {
        known_set_add(set, id_of(2));
    }
    assert_true(known_set_has(set, id_of(1)));
    known_set_free(set);
}

static void test_known_set_clear_forgets_and_counts_the_generation(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(10);

    assert_int_equal(known_set_generation(set), 1);
    known_set_add(set, id_of(1));
    known_set_clear(set);
    assert_int_equal(known_set_generation(set), 2);
    assert_false(known_set_has(set, id_of(1)));
    known_set_add(set, id_of(1));
    assert_true(known_set_has(set, id_of(1)));
    known_set_free(set);
    known_set_free(NULL);
}

static void test_known_set_never_knows_the_zero_id(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(0);
    struct id128 zero = {{0}};

    known_set_add(set, zero);
    assert_false(known_set_has(set, zero));
    known_set_free(set);
}

static void *add_many(void *arg)
{
    for (uint32_t i = 0; i < 20000; i++) {
        known_set_add(arg, id_of(i));
    }
    return NULL;
}

static void test_known_set_takes_many_threads(void **state)
{
    (void)state;
    struct known_set *set = known_set_new(100000);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, set), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        assert_true(known_set_has(set, id_of(i)));
    }
    known_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_set_knows_only_what_was_added),
        cmocka_unit_test(test_known_set_remembers_the_latest_half_and_forgets_the_oldest),
        cmocka_unit_test(test_known_set_keeps_what_is_asked_for),
        cmocka_unit_test(test_known_set_keeping_forgets_none_of_them),
        cmocka_unit_test(test_known_set_adding_twice_takes_one_place),
        cmocka_unit_test(test_known_set_clear_forgets_and_counts_the_generation),
        cmocka_unit_test(test_known_set_never_knows_the_zero_id),
        cmocka_unit_test(test_known_set_takes_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
