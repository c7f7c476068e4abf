/* What brackets and quotes alone tell of JSON that may be none: members, elements, names of an object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/kube_cut.h"

static void test_members_are_found(void **state)
{
    static const struct {
        const char *object;
        const char *value; /* of items; NULL: none */
    } cases[] = {
        {"{\"items\":[1,[2]]}", "[1,[2]]"},
        {" { \"a\" : {\"items\":1} ,\n\"items\" : \"x\\\"]}\" } ", "\"x\\\"]}\""},
        {"{\"a\":\"items\",\"b\":-1.5e3,\"c\":null,\"items\":true,\"items\":2}", "true"},
        {"{\"items\":[{]}}", "[{]}"},
        {"{\"items\":[{]}", NULL},
        {"{\"items\":[{\"a\":\"", NULL},
        {"{\"items\":[\"\\", NULL},
        {"{\"items\":}", NULL},
        {"{\"items\"}", NULL},
        {"{\"items", NULL},
        {"{\"a\":1 \"items\":2}", NULL},
        {"{}", NULL},
        {"[\"items\",1]", NULL},
        {"<html>", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str value = STR("");
        assert_int_equal(kube_cut_member(str_view(cases[i].object), "items", &value),
                         cases[i].value != NULL);
        assert_true(str_eq(value, str_view(cases[i].value ? cases[i].value : "")));
    }
}

/* Elements with | behind each; ! when it does not go on. */
static void test_elements_are_cut(void **state)
{
    static const struct {
        const char *array;
        const char *elements;
    } cases[] = {
        {"[]", ""},
        {" [ ] ", ""},
        {"[{\"a\":[1,2]}, \"x,]\" ,3]", "{\"a\":[1,2]}|\"x,]\"|3|"},
        {"[1,]", "1|!"},
        {"[,1]", "!"},
        {"[1 2,3]", "1 2|3|"},
        {"[1", "!"},
        {"[{\"a\":1]},{}]", "{\"a\":1]}|{}|"},
        {"{}", "!"},
        {"", "!"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char found[100] = "";
        struct str element;
        size_t at = 0;
        struct err err;
        enum verdict verdict;
        while ((verdict = kube_cut_next(str_view(cases[i].array), &at, &element, &err)) == OK &&
               element.len > 0) {
            snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.*s|",
                     (int)element.len, element.ptr);
        }
        assert_true(verdict == OK || verdict == REJECT);
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s",
                 verdict == OK ? "" : "!");
        assert_string_equal(found, cases[i].elements);
    }
}

static void test_names_are_found(void **state)
{
    static const char *const wrong[] = {
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}",
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"\",\"resourceVersion\":\"1\"}}",
        "{\"metadata\":{\"name\":7,\"uid\":\"u\",\"resourceVersion\":\"1\"}}",
        "{\"metadata\":{\"name\":\"\\u0061\",\"uid\":\"u\",\"resourceVersion\":\"1\"}}",
        "{\"metadata\":{\"name\":\"n\" 1,\"uid\":\"u\",\"resourceVersion\":\"1\"}}",
        "{\"metadata\":\"name\"}",
    };
    struct kube_watch_names names;

    (void)state;
    assert_true(kube_cut_names(STR("{\"a\":[[[{}]]],\"metadata\":{\"uid\":\"u\",\"name\":\"n\","
                                   "\"resourceVersion\":\"1\"}}"),
                               &names));
    assert_true(str_eq(names.name, STR("n")) && str_eq(names.uid, STR("u")));
    assert_true(str_eq(names.revision, STR("1")) && names.namespace_.len == 0);
    assert_true(
        kube_cut_names(STR("{\"metadata\":{\"uid\":\"u\",\"name\":\"n\",\"namespace\":\"s\","
                           "\"resourceVersion\":\"1\"}}"),
                       &names));
    assert_true(str_eq(names.namespace_, STR("s")));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(kube_cut_names(str_view(wrong[i]), &names));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found),
        cmocka_unit_test(test_elements_are_cut),
        cmocka_unit_test(test_names_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
