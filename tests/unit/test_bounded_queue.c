/* The queue between threads: order, the maximum, time-outs, closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "core/bounded_queue.h"

static int items[10000];

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_queue_gives_items_in_order_and_refuses_when_full(void **state)
{
    (void)state;
    struct bounded_queue *queue = bounded_queue_new(3);

    for (int round = 0; round < 5; round++) {
        assert_true(bounded_queue_push(queue, &items[0], 0));
        assert_true(bounded_queue_push(queue, &items[1], 0));
        assert_true(bounded_queue_push(queue, &items[2], 0));
        assert_false(bounded_queue_push(queue, &items[3], 0));
        assert_int_equal(bounded_queue_len(queue), 3);
        assert_ptr_equal(bounded_queue_pop(queue, 0), &items[0]);
        assert_true(bounded_queue_push(queue, &items[4], 0));
        assert_ptr_equal(bounded_queue_pop(queue, 0), &items[1]);
        assert_ptr_equal(bounded_queue_pop(queue, 0), &items[2]);
        assert_ptr_equal(bounded_queue_pop(queue, 0), &items[4]);
        assert_null(bounded_queue_pop(queue, 0));
    }
    bounded_queue_free(queue);
}

static void test_queue_waits_as_long_as_it_was_told(void **state)
{
    (void)state;
    struct bounded_queue *queue = bounded_queue_new(1);
    int64_t start_ms = now_ms();

    assert_null(bounded_queue_pop(queue, 60));
    assert_in_range(now_ms() - start_ms, 60, 50000);
    assert_true(bounded_queue_push(queue, &items[0], 60));
    start_ms = now_ms();
    assert_false(bounded_queue_push(queue, &items[1], 60));
    assert_in_range(now_ms() - start_ms, 60, 50000);
    bounded_queue_free(queue);
}

static void test_queue_drains_after_close_and_takes_nothing_more(void **state)
{
    (void)state;
    struct bounded_queue *queue = bounded_queue_new(2);

    assert_true(bounded_queue_push(queue, &items[0], 0));
    assert_false(bounded_queue_is_closed(queue));
    bounded_queue_close(queue);
    assert_true(bounded_queue_is_closed(queue));
    assert_false(bounded_queue_push(queue, &items[1], -1));
    assert_ptr_equal(bounded_queue_pop(queue, -1), &items[0]);
    assert_null(bounded_queue_pop(queue, -1));
    bounded_queue_free(queue);
    bounded_queue_free(NULL);
}

static void *pop_for_ever(void *arg)
{
    return bounded_queue_pop(arg, -1);
}

static void test_queue_close_wakes_who_waits(void **state)
{
    (void)state;
    struct bounded_queue *queue = bounded_queue_new(1);
    pthread_t thread;
    void *result = &items[0];

    assert_int_equal(pthread_create(&thread, NULL, pop_for_ever, queue), 0);
    usleep(20000);
    bounded_queue_close(queue);
    pthread_join(thread, &result);
    assert_null(result);
    bounded_queue_free(queue);
}

static atomic_int taken[10000];

static void *take_all(void *arg)
{
    int *item;

    while ((item = bounded_queue_pop(arg, -1))) {
        atomic_fetch_add(&taken[item - items], 1);
    }
    return NULL;
}

static void *push_half(void *arg)
{
    for (int i = 0; i < 10000; i += 2) {
        if (!bounded_queue_push(arg, &items[i], -1)) {
            return arg;
        }
    }
    return NULL;
}

static void test_queue_loses_and_doubles_nothing_between_threads(void **state)
{
    (void)state;
    struct bounded_queue *queue = bounded_queue_new(8);
    pthread_t takers[3], pusher;
    void *failed;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&takers[i], NULL, take_all, queue), 0);
    }
    assert_int_equal(pthread_create(&pusher, NULL, push_half, queue), 0);
    for (int i = 1; i < 10000; i += 2) {
        assert_true(bounded_queue_push(queue, &items[i], -1));
    }
    pthread_join(pusher, &failed);
    assert_null(failed);
    bounded_queue_close(queue);
    for (int i = 0; i < 3; i++) {
        pthread_join(takers[i], NULL);
    }
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(taken[i], 1);
    }
    bounded_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_gives_items_in_order_and_refuses_when_full),
        cmocka_unit_test(test_queue_waits_as_long_as_it_was_told),
        cmocka_unit_test(test_queue_drains_after_close_and_takes_nothing_more),
        cmocka_unit_test(test_queue_close_wakes_who_waits),
        cmocka_unit_test(test_queue_loses_and_doubles_nothing_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
