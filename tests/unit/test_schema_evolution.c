/* Every released version of a schema is FULL_TRANSITIVE with every other: each can read what each has
 * written. A rule of our own, stricter than a registry's: fields of the same name have the same
 * type, and a field that one version lacks has a default in the other. The real registry judges the
 * same files in tests/ecosystem/schema_registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/settings.h"
#include "schemas/released.h"

struct parsed {
    char *text;
    struct json_doc *doc;
};

static struct parsed parse(struct str text)
{
    struct parsed parsed = {.text = calloc(1, text.len + JSON_PADDING_BYTES),
                            .doc = json_doc_new(32, 10000)};
    struct err err;

    memcpy(parsed.text, text.ptr, text.len);
    assert_int_equal(json_parse(parsed.doc, (struct str){parsed.text, text.len}, NULL, &err), OK);
    return parsed;
}

static void drop(struct parsed *parsed)
{
    json_doc_free(parsed->doc);
    free(parsed->text);
}

static const struct json_value *member(const struct parsed *in, const struct json_value *of,
                                       struct str name)
{
    return json_get(in->doc, of, name);
}

static bool is_same_text(const struct parsed *a, const struct json_value *x, const struct parsed *b,
                         const struct json_value *y)
{
    return (!x && !y) || (x && y && str_eq(json_raw(a->doc, x), json_raw(b->doc, y)));
}

static bool is_same_type(const struct parsed *a, const struct json_value *x, const struct parsed *b,
                         const struct json_value *y);

static bool is_same_list(const struct parsed *a, const struct json_value *x, const struct parsed *b,
                         const struct json_value *y)
{
    const struct json_value *i = json_first(a->doc, x);
    const struct json_value *j = json_first(b->doc, y);

    while (i && j && is_same_type(a, i, b, j)) {
        i = json_next(a->doc, x, i);
        j = json_next(b->doc, y, j);
    }
    return !i && !j;
}

/* Every field of x is in y with the same type, or has a default. */
static bool has_fields(const struct parsed *a, const struct json_value *x, const struct parsed *b,
                       const struct json_value *y)
{
    const struct json_value *mine = member(a, x, STR("fields"));
    const struct json_value *theirs = member(b, y, STR("fields"));
    bool is_good = true;

    for (const struct json_value *i = json_first(a->doc, mine); i && is_good;
         i = json_next(a->doc, mine, i)) {
        const struct json_value *twin = NULL;
        for (const struct json_value *j = json_first(b->doc, theirs); j;
             j = json_next(b->doc, theirs, j)) {
            if (is_same_text(a, member(a, i, STR("name")), b, member(b, j, STR("name")))) {
                twin = j;
            }
        }
        is_good = twin ? is_same_type(a, member(a, i, STR("type")), b, member(b, twin, STR("type")))
                       : member(a, i, STR("default")) != NULL;
    }
    return is_good;
}

static bool is_same_type(const struct parsed *a, const struct json_value *x, const struct parsed *b,
                         const struct json_value *y)
{
    if (!x || !y || x->type != y->type) {
        return false;
    }
    if (x->type == JSON_ARRAY) {
        return is_same_list(a, x, b, y);
    }
    if (x->type != JSON_OBJECT) {
        return is_same_text(a, x, b, y);
    }
    static const char *const plain[] = {"type", "name", "namespace", "size"};
    bool is_good = true;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        is_good = is_good && is_same_text(a, member(a, x, str_view(plain[i])), b,
                                          member(b, y, str_view(plain[i])));
    }
    static const char *const nested[] = {"symbols", "items", "values"};
    for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
        const struct json_value *mine = member(a, x, str_view(nested[i]));
        const struct json_value *theirs = member(b, y, str_view(nested[i]));
        is_good = is_good && ((!mine && !theirs) || is_same_type(a, mine, b, theirs));
    }
    return is_good && has_fields(a, x, b, y) && has_fields(b, y, a, x);
}

static bool is_full(struct str one, struct str other)
{
    struct parsed a = parse(one);
    struct parsed b = parse(other);
    bool is_good = is_same_type(&a, json_root(a.doc), &b, json_root(b.doc));

    drop(&a);
    drop(&b);
    return is_good;
}

static void test_released_versions_read_each_other(void **state)
{
    struct settings st = {.kafka = {.topic_events = (char *)"e",
                                    .topic_dead_letters = (char *)"d",
                                    .topic_enriched = (char *)"r",
                                    .topic_alerts = (char *)"a"}};
    struct released_schema all[RELEASED_MAX];
    size_t count = 0;
    struct err err;

    (void)state;
    assert_int_equal(released_list(&st, all, &count, &err), OK);
    assert_true(count >= 3);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (all[i].family == all[j].family && !is_full(all[i].text, all[j].text)) {
                fail_msg("%s and %s do not read each other", all[j].name, all[i].name);
            }
        }
        /* Versions are counted from 1 without a gap, each below the subject of its topic. */
        bool is_first = i == 0 || all[i - 1].family != all[i].family;
        assert_int_equal(all[i].version, is_first ? 1 : all[i - 1].version + 1);
        assert_int_equal(strcmp(all[i].subject + 1, "-value"), 0);
    }
}

#define RECORD(fields) "{\"type\": \"record\", \"name\": \"R\", \"fields\": [" fields "]}"
#define A "{\"name\": \"a\", \"type\": \"int\"}"

/* The rule itself: what it must and must not let pass. */
static void test_the_rule_knows_what_breaks_readers(void **state)
{
    static const struct {
        const char *next;
        bool is_good;
    } cases[] = {
        {RECORD(A), true},
        {RECORD("{\"name\": \"a\", \"type\": \"int\", \"doc\": \"now with words\"}"), true},
        {RECORD(A ", {\"name\": \"b\", \"type\": \"int\", \"default\": 0}"), true},
        {RECORD("{\"name\": \"b\", \"type\": [\"null\", \"int\"], \"default\": null}, " A), true},
        {RECORD(A ", {\"name\": \"b\", \"type\": \"int\"}"), false}, /* old records have none */
        {RECORD(""), false},                                         /* old readers want it */
        {RECORD("{\"name\": \"a\", \"type\": \"long\"}"), false},    /* old readers cannot */
        {RECORD("{\"name\": \"a\", \"type\": [\"null\", \"int\"]}"), false},
        {"{\"type\": \"record\", \"name\": \"S\", \"fields\": [" A "]}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(is_full(STR(RECORD(A)), str_view(cases[i].next)), cases[i].is_good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_released_versions_read_each_other),
        cmocka_unit_test(test_the_rule_knows_what_breaks_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
