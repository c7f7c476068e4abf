/* Labels as Airflow makes them, against its own vectors (provider for Kubernetes 10.25), and what gives the same mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/run_mark.h"

#define TEN "xxxxxxxxxx"

static void test_run_mark_labels_are_those_of_airflow(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *label;
    } cases[] = {
        {"iris_train", "iris_train"},
        {"manual__2026-11-23T14:24:00.123456+00:00",
         "manual__2026-11-23T142400.1234560000-10a1e31c5"},
        {"scheduled__2026-11-23T00:00:00+00:00", "scheduled__2026-11-23T0000000000-3e359920f"},
        {"group.train_model", "group.train_model"},
        {"_leading", "leading-668dc1710"},
        {TEN TEN TEN TEN TEN TEN TEN, TEN TEN TEN TEN TEN "xxx-7d56c0f83"},
        {"a b", "ab-0cc9cd4dd"},
        {"na\xc3\xafve", "nave-63899c6b5"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char label[RUN_MARK_LABEL_BYTES_MAX + 1];
        size_t len = run_mark_label(str_view(cases[i].value), label);
        assert_string_equal(label, cases[i].label);
        assert_int_equal(len, strlen(cases[i].label));
    }
}

static void test_a_task_and_its_labels_have_one_mark(void **state)
{
    (void)state;
    const struct run_mark_task told = {STR("iris_train"), STR("train_model"),
                                       STR("scheduled__2026-11-23T00:00:00+00:00"), STR("1"),
                                       STR("-1")};
    const struct run_mark_task labels = {STR("iris_train"), STR("train_model"),
                                         STR("scheduled__2026-11-23T0000000000-3e359920f"),
                                         STR("1"), STR("")};
    struct run_mark_task other = labels;

    assert_true(id128_eq(run_mark_of_task(&told), run_mark_of_task(&labels)));
    assert_false(id128_is_zero(run_mark_of_task(&told)));
    other.try_number = STR("2");
    assert_false(id128_eq(run_mark_of_task(&other), run_mark_of_task(&labels)));
    other = labels;
    other.map_index = STR("0");
    assert_false(id128_eq(run_mark_of_task(&other), run_mark_of_task(&labels)));
    other = labels;
    other.run = STR("");
    assert_true(id128_is_zero(run_mark_of_task(&other)));
}

static void test_an_application_has_a_mark(void **state)
{
    (void)state;
    assert_true(id128_is_zero(run_mark_of_spark(STR(""))));
    assert_false(id128_is_zero(run_mark_of_spark(STR("spark-1"))));
    assert_false(id128_eq(run_mark_of_spark(STR("spark-1")), run_mark_of_spark(STR("spark-2"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_mark_labels_are_those_of_airflow),
        cmocka_unit_test(test_a_task_and_its_labels_have_one_mark),
        cmocka_unit_test(test_an_application_has_a_mark),
    };

    return cmocka_run_group_tests_name("run_mark", tests, NULL, NULL);
}
