/* Where the events of a batch begin and end. Expected pieces are read off the inputs by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/batch_split.h"

static void expect(const char *body, bool is_ndjson, const char *const *pieces, long fault_at)
{
    struct batch_split split;
    const char *reason = NULL;
    struct str text;
    int got = 0;

    assert_true(batch_split_init(&split, str_view(body), is_ndjson));
    while ((got = batch_split_next(&split, &text, &reason)) > 0) {
        assert_non_null(*pieces);
        assert_true(str_eq(text, str_view(*pieces)));
        pieces++;
    }
    assert_null(*pieces);
    assert_int_equal(got, fault_at < 0 ? 0 : -1);
    if (fault_at >= 0) {
        assert_int_equal(split.at, fault_at);
        assert_non_null(reason);
    }
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE ((const char *const[]){NULL})

static void test_batch_split_cuts_an_array_at_its_own_commas_only(void **state)
{
    (void)state;
    expect(" [ {\"a\":[1,2]} , {\"b\":\"],[\\\",\"},3 ]\n", false,
           PIECES("{\"a\":[1,2]}", "{\"b\":\"],[\\\",\"}", "3"), -1);
    expect("[]", false, NONE, -1);
    expect("[ ] ", false, NONE, -1);
    expect("[\"\\\\\",\"\\\"]\"]", false, PIECES("\"\\\\\"", "\"\\\"]\""), -1);
    expect("[{]", false, NONE, 3);
    expect("[}]", false, PIECES("}"), -1);
}

static void test_batch_split_names_the_place_where_an_array_breaks(void **state)
{
    (void)state;
    expect("[1", false, NONE, 2);
    expect("[\"1]", false, NONE, 4);
    expect("[", false, NONE, 1);
    expect("[,1]", false, NONE, 1);
    expect("[1,,2]", false, PIECES("1"), 3);
    expect("[1,]", false, PIECES("1"), 3);
    expect("[] x", false, NONE, 3);
    expect("[1] [2]", false, NONE, 4);
}

static void test_batch_split_takes_one_event_a_line(void **state)
{
    (void)state;
    expect("{\"a\":1}\n\r\n  \n{\"b\":2} \r\n", false, PIECES("{\"a\":1}", "{\"b\":2}"), -1);
    expect("{\"a\":1}\n{\"b\":2}", false, PIECES("{\"a\":1}", "{\"b\":2}"), -1);
    expect("[1]\nx\n", true, PIECES("[1]", "x"), -1);
    expect("", true, NONE, -1);
    expect(" \n \n", true, NONE, -1);
}

static void test_batch_split_refuses_what_is_neither(void **state)
{
    (void)state;
    struct batch_split split;

    assert_false(batch_split_init(&split, STR(""), false));
    assert_false(batch_split_init(&split, STR("  \n"), false));
    assert_false(batch_split_init(&split, STR("hello"), false));
    assert_false(batch_split_init(&split, STR("\"x\""), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_split_cuts_an_array_at_its_own_commas_only),
        cmocka_unit_test(test_batch_split_names_the_place_where_an_array_breaks),
        cmocka_unit_test(test_batch_split_takes_one_event_a_line),
        cmocka_unit_test(test_batch_split_refuses_what_is_neither),
    };
    return cmocka_run_group_tests_name("batch_split", tests, NULL, NULL);
}
