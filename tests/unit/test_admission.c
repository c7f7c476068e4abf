/* When the gateway says "later" at once. Expected values from the rule: more than 80 % of the
 * queue, or deliveries slower than the message time-out while enough of them are under way to
 * learn from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/settings.h"
#include "ingest/admission.h"

static int ask(size_t messages, size_t bytes, int delivery_ms)
{
    struct settings st = {.ingest.queue_bytes_max = 1000000, .ingest.message_timeout_ms = 3000};
    struct admission_load load = {.messages = messages, .bytes = bytes, .delivery_ms = delivery_ms};

    return admission_retry_after_s(&st, &load);
}

static void test_admission_lets_everybody_in_while_there_is_room(void **state)
{
    (void)state;
    assert_int_equal(ask(0, 0, 0), 0);
    assert_int_equal(ask(100, 800000, 5), 0);
    assert_int_equal(ask(100, 1000, 3000), 0);
}

static void test_admission_refuses_when_the_queue_fills(void **state)
{
    (void)state;
    assert_int_equal(ask(100, 800001, 5), 1);
    assert_int_equal(ask(100, 800001, 2500), 3);
    assert_int_equal(ask(100, 1000000, 60000), 10);
}

static void test_admission_refuses_when_deliveries_take_too_long(void **state)
{
    (void)state;
    assert_int_equal(ask(100, 1000, 3001), 4);
}

static void test_admission_lets_a_few_try_when_it_was_slow_before(void **state)
{
    (void)state;
    assert_int_equal(ask(0, 0, 60000), 0);
    assert_int_equal(ask(15, 1000, 60000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission_lets_everybody_in_while_there_is_room),
        cmocka_unit_test(test_admission_refuses_when_the_queue_fills),
        cmocka_unit_test(test_admission_refuses_when_deliveries_take_too_long),
        cmocka_unit_test(test_admission_lets_a_few_try_when_it_was_slow_before),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
