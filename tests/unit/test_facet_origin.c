/* What is taken out of a facet, and what stays. Expected texts are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "processors/facet_origin.h"

static void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void test_facet_origin_split(void **state)
{
    (void)state;
    static const struct {
        const char *facet;
        const char *rest;
        const char *origin;
    } cases[] = {
        {"{}", "{}", "{}"},
        {"{\"_producer\":\"p\"}", "{}", "{\"_producer\":\"p\"}"},
        {"{\"_producer\":\"p\",\"_schemaURL\":\"s\",\"a\":1}", "{\"a\":1}",
         "{\"_producer\":\"p\",\"_schemaURL\":\"s\"}"},
        {"{\"A\":{\"_producer\":\"inner\"},\"_deleted\":true,\"_producer\":\"p\",\"z\":[1,{\"b\":2}"
         "]}",
         "{\"A\":{\"_producer\":\"inner\"},\"_deleted\":true,\"z\":[1,{\"b\":2}]}",
         "{\"_producer\":\"p\"}"},
        {"{\"_producer\":7,\"_schemaURL\":null}", "{\"_producer\":7,\"_schemaURL\":null}", "{}"},
        {"{\"_producer\":\"a \\\"b\\\\\",\"x\":\",}\"}", "{\"x\":\",}\"}",
         "{\"_producer\":\"a \\\"b\\\\\"}"},
        {"{\"\\\"_producer\":\"p\"}", "{\"\\\"_producer\":\"p\"}", "{}"},
        {"[\"_producer\",\"p\"]", "[\"_producer\",\"p\"]", "{}"},
        {"null", "null", "{}"},
    };
    struct arena *arena = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[128];
        struct err err;
        struct str origin;
        struct str facet = {bytes, strlen(cases[i].facet)};
        memcpy(bytes, cases[i].facet, facet.len);
        assert_int_equal(facet_origin_split(&facet, arena, &origin, &err), OK);
        assert_text(facet, cases[i].rest);
        assert_text(origin, cases[i].origin);
    }
    arena_free(arena);
}

static void test_facet_origin_says_when_memory_is_short(void **state)
{
    (void)state;
    char bytes[] = "{\"_producer\":\"p\"}";
    struct str facet = {bytes, sizeof bytes - 1};
    struct arena *arena = arena_new(1);
    struct str origin;
    struct err err;
    assert_int_equal(facet_origin_split(&facet, arena, &origin, &err), RETRY);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facet_origin_split),
        cmocka_unit_test(test_facet_origin_says_when_memory_is_short),
    };

    return cmocka_run_group_tests_name("facet_origin", tests, NULL, NULL);
}
