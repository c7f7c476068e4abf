/* Parsing Canonical Form: each pair by hand from the rules of the Avro specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/canonical_schema.h"

static void test_forms_are_those_of_the_specification(void **state)
{
    static const struct {
        const char *schema;
        const char *form;
    } cases[] = {
        {"\"int\"", "\"int\""},
        {" { \"type\" : \"string\" } ", "\"string\""},
        {"{\"type\": {\"type\": \"long\"}}", "\"long\""},
        {"[ \"null\", {\"type\": \"bytes\", \"x\": 1} ]", "[\"null\",\"bytes\"]"},
        {"[]", "[]"},
        {"{\"items\": \"int\", \"type\": \"array\", \"default\": []}",
         "{\"type\":\"array\",\"items\":\"int\"}"},
        {"{\"type\": \"map\", \"values\": {\"type\": \"array\", \"items\": \"null\"}}",
         "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"null\"}}"},
        {"{\"type\": \"fixed\", \"size\": 16, \"name\": \"a.Id\", \"aliases\": [\"b\"]}",
         "{\"name\":\"a.Id\",\"type\":\"fixed\",\"size\":16}"},
        {"{\"type\": \"fixed\", \"size\": \"016\", \"name\": \"Id\"}",
         "{\"name\":\"Id\",\"type\":\"fixed\",\"size\":16}"},
        {"{\"type\": \"enum\", \"doc\": \"d\", \"name\": \"E\", \"namespace\": \"n\", \"symbols\": "
         "[\"A\", \"B\"]}",
         "{\"name\":\"n.E\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}"},
        /* a namespace holds for what is inside; a full name brings its own; text may be escaped */
        {"{\"type\": \"record\", \"name\": \"R\", \"namespace\": \"n\", \"fields\": ["
         "{\"name\": \"self\", \"default\": null, \"type\": [\"null\", \"R\"]},"
         "{\"type\": {\"type\": \"fixed\", \"name\": \"m.F\", \"size\": 1}, \"name\": "
         "\"f\\u0031\"},"
         "{\"name\": \"g\", \"type\": \"m.F\", \"order\": \"ignore\"}]}",
         "{\"name\":\"n.R\",\"type\":\"record\",\"fields\":["
         "{\"name\":\"self\",\"type\":[\"null\",\"n.R\"]},"
         "{\"name\":\"f1\",\"type\":{\"name\":\"m.F\",\"type\":\"fixed\",\"size\":1}},"
         "{\"name\":\"g\",\"type\":\"m.F\"}]}"},
        /* inside a full name its own namespace holds */
        {"{\"type\": \"record\", \"name\": \"a.b.R\", \"namespace\": \"n\", \"fields\": ["
         "{\"name\": \"x\", \"type\": [\"null\", \"R\"]}]}",
         "{\"name\":\"a.b.R\",\"type\":\"record\",\"fields\":["
         "{\"name\":\"x\",\"type\":[\"null\",\"a.b.R\"]}]}"},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *form = NULL;
        assert_int_equal(canonical_schema_form(str_view(cases[i].schema), &form, &err), OK);
        assert_string_equal(form, cases[i].form);
        free(form);
    }
}

static void test_what_is_no_schema_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "1",
        "null",
        "{}",
        "{\"type\": 1}",
        "{\"type\": \"array\"}",
        "{\"type\": \"record\", \"fields\": []}",
        "{\"type\": \"enum\", \"name\": \"\", \"symbols\": []}",
        "{\"type\": \"record\", \"name\": \"R\", \"fields\": [{\"name\": \"x\"}]}",
        "\"a b\"",
        "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 1.5}",
        "{\"type\": \"fixed\", \"name\": \"F\"}",
        "{\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"\\ud800\"]}",
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t fingerprint;
        assert_int_equal(canonical_schema_fingerprint(str_view(bad[i]), &fingerprint, &err),
                         REJECT);
    }
}

/* Deeper than anybody needs: refused, not followed to the end of the stack. */
static void test_depth_is_bounded(void **state)
{
    char deep[20001];
    uint64_t fingerprint;
    struct err err;

    (void)state;
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    deep[20000] = '\0';
    assert_int_equal(canonical_schema_fingerprint(str_view(deep), &fingerprint, &err), REJECT);
}

/* Published with the specification's test data. */
static void test_a_fingerprint_of_the_specification(void **state)
{
    uint64_t fingerprint = 0;
    struct err err;

    (void)state;
    assert_int_equal(canonical_schema_fingerprint(STR("{\"type\": \"int\"}"), &fingerprint, &err),
                     OK);
    assert_true(fingerprint == UINT64_C(0x7275d51a3f395c8f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_are_those_of_the_specification),
        cmocka_unit_test(test_what_is_no_schema_is_refused),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_a_fingerprint_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
