/* Where strings and values end, by quotes and brackets alone. Places are counted in the texts by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json_skip.h"

static void test_json_skip_space(void **state)
{
    (void)state;
    assert_int_equal(json_skip_space(STR(" \t\r\n x"), 0), 5);
    assert_int_equal(json_skip_space(STR("x "), 0), 0);
    assert_int_equal(json_skip_space(STR("x  "), 1), 3);
    assert_int_equal(json_skip_space(STR(""), 0), 0);
}

static void test_json_skip_string(void **state)
{
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {
        {"\"\"x", 2}, {"\"a\",", 3}, {"\"\\\"]\"x", 5}, {"\"\\\\\"x", 4}, {"\"\\u0022\"", 8},
        {"\"", 1},    {"\"a", 2},    {"\"\\", 2},       {"\"\\\"", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(json_skip_string(str_view(cases[i].text), 0), cases[i].end);
    }
}

static void test_json_skip_value(void **state)
{
    static const struct {
        const char *text;
        char bracket;
        size_t end;
    } cases[] = {
        {"1,2", '}', 1},
        {"1}", '}', 1},
        {"1 ]", ']', 2},
        {"\",]}\",", ']', 5},
        {"{\"a\":[1,{}],\"b\":2} ,", '}', 19},
        {"[[],[]]]", ']', 7},
        {",", ']', 0},
        {"", ']', 0},
        /* What is no JSON: the other bracket is a part of the value, and none that opened it is looked for. */
        {"}]", ']', 1},
        {"{]}", '}', 2},
        /* No end. */
        {"1", ']', 1},
        {"[1,2]", ']', 5},
        {"{\"a\":\"", '}', 6},
        {"\"\\", '}', 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(json_skip_value(str_view(cases[i].text), 0, cases[i].bracket),
                         cases[i].end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_skip_space),
        cmocka_unit_test(test_json_skip_string),
        cmocka_unit_test(test_json_skip_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
