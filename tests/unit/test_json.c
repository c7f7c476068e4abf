/* The JSON face: what is taken, what is refused and where, the tape, the canonical and clean forms.
 * Expected values are counted by hand from RFC 8259, RFC 6901 and the manual in core/json.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"

static struct json_doc *doc;
static struct arena *arena;
static char *kept_text;

static int setup(void **state)
{
    (void)state;
    doc = json_doc_new(6, 1000);
    arena = arena_new((size_t)256 << 20);
    return doc && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_doc_free(doc);
    arena_free(arena);
    free(kept_text);
    kept_text = NULL;
    return 0;
}

/* Parses a copy with exactly the promised padding, and padding that looks like more of the text. */
static enum verdict parse_bytes(const char *text, size_t len, struct json_fault *fault)
{
    struct err err;

    free(kept_text);
    kept_text = malloc(len + JSON_PADDING_BYTES);
    assert_non_null(kept_text);
    memcpy(kept_text, text, len);
    for (size_t i = 0; i < JSON_PADDING_BYTES; i++) {
        kept_text[len + i] = "]}\",1"[i % 5];
    }
    return json_parse(doc, (struct str){kept_text, len}, fault, &err);
}

static const struct json_value *parse(const char *text)
{
    struct json_fault fault;

    if (parse_bytes(text, strlen(text), &fault) != OK) {
        fail_msg("%s: %s at %zu", text, fault.reason, fault.offset);
    }
    return json_root(doc);
}

static void assert_raw(const struct json_value *value, const char *expected)
{
    assert_non_null(value);
    struct str raw = json_raw(doc, value);
    assert_int_equal(raw.len, strlen(expected));
    assert_memory_equal(raw.ptr, expected, raw.len);
}

static void assert_text(struct str text, const char *expected, size_t len)
{
    if (text.len != len || memcmp(text.ptr, expected, len) != 0) {
        fail_msg("'%.*s' instead of '%.*s'", (int)text.len, text.ptr, (int)len, expected);
    }
}

static void test_json_puts_every_type_on_the_tape(void **state)
{
    (void)state;
    const struct json_value *root =
        parse(" {\"n\":null, \"t\" : true,\"f\":false,\"i\":-12.5e+3,\"s\":\"x\","
              "\"a\":[1,[],{}],\"o\":{\"k\":0}} ");
    static const enum json_type types[] = {JSON_NULL,   JSON_TRUE,  JSON_FALSE, JSON_NUMBER,
                                           JSON_STRING, JSON_ARRAY, JSON_OBJECT};
    static const char *const raws[] = {"null",  "true",      "false",    "-12.5e+3",
                                       "\"x\"", "[1,[],{}]", "{\"k\":0}"};
    size_t i = 0;

    assert_int_equal(root->type, JSON_OBJECT);
    assert_int_equal(root->offset, 1);
    assert_int_equal(root->count, 7);
    assert_int_equal(root->depth, 1);
    /* 1 root, 7 keys, 7 values, 3 elements, 1 key and 1 value inside. */
    assert_int_equal(json_tape_len(doc), 20);
    assert_int_equal(root->next, 20);
    for (const struct json_value *k = json_first(doc, root); k; k = json_next(doc, root, k + 1)) {
        assert_int_equal(k->type, JSON_STRING);
        assert_int_equal(k->depth, 2);
        assert_int_equal((k + 1)->type, types[i]);
        assert_raw(k + 1, raws[i]);
        i++;
    }
    assert_int_equal(i, 7);

    const struct json_value *array = json_get(doc, root, STR("a"));
    const struct json_value *item = json_first(doc, array);
    assert_int_equal(array->count, 3);
    assert_raw(item, "1");
    assert_int_equal(item->depth, 3);
    item = json_next(doc, array, item);
    assert_raw(item, "[]");
    assert_null(json_first(doc, item));
    item = json_next(doc, array, item);
    assert_raw(item, "{}");
    assert_int_equal(item->count, 0);
    assert_null(json_next(doc, array, item));
    assert_null(json_get(doc, array, STR("a")));
    assert_null(json_get(doc, NULL, STR("a")));
    assert_ptr_equal(json_at(doc, json_index(doc, item)), item);
}

static void test_json_takes_scalars_as_root(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"0", JSON_NUMBER},     {"-0", JSON_NUMBER},
        {"1E5", JSON_NUMBER},   {"0.10", JSON_NUMBER},
        {"1e-07", JSON_NUMBER}, {"\"\"", JSON_STRING},
        {"null", JSON_NULL},    {"true", JSON_TRUE},
        {"false", JSON_FALSE},  {"[]", JSON_ARRAY},
        {"{}", JSON_OBJECT},    {"10000000000000000000000000", JSON_NUMBER},
        {"1e400", JSON_NUMBER}, {"1e999999999999", JSON_NUMBER},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json_value *root = parse(rows[i].text);
        assert_int_equal(root->type, rows[i].type);
        assert_int_equal(root->is_nonfinite, 0);
        assert_raw(root, rows[i].text);
        assert_int_equal(json_tape_len(doc), 1);
    }
}

static void test_json_takes_bare_nonfinite_numbers(void **state)
{
    (void)state;
    const struct json_value *root = parse("[NaN, Infinity ,-Infinity,\"NaN\",-1]");
    static const char *const raws[] = {"NaN", "Infinity", "-Infinity", "\"NaN\"", "-1"};
    size_t i = 0;

    for (const struct json_value *v = json_first(doc, root); v; v = json_next(doc, root, v)) {
        assert_raw(v, raws[i]);
        assert_int_equal(v->is_nonfinite, i < 3);
        assert_int_equal(v->type, i == 3 ? JSON_STRING : JSON_NUMBER);
        i++;
    }
    assert_int_equal(i, 5);
}

static void test_json_string_decodes_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
        size_t len;
    } rows[] = {
        {"\"\"", "", 0},
        {"\"plain \xC3\xA9\"", "plain \xC3\xA9", 8},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"a\\u0041b\"", "aAb", 3},
        {"\"\\u00e9\\u00E9\"", "\xC3\xA9\xC3\xA9", 4},
        {"\"\\u20ac\"", "\xE2\x82\xAC", 3},
        {"\"\\ud83d\\ude00!\"", "\xF0\x9F\x98\x80!", 5},
        {"\"x\\u0000y\"", "x\0y", 3},
        {"\"\\ud800\"", "\xED\xA0\x80", 3},
        {"\"\\udfff\"", "\xED\xBF\xBF", 3},
        {"\"\\ud83dx\\ude00\"", "\xED\xA0\xBDx\xED\xB8\x80", 7},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xED\xA0\xBD\xF0\x9F\x98\x80", 7},
        {"\"\\ude00\\ud83d\"", "\xED\xB8\x80\xED\xA0\xBD", 6},
        {"\"\\\\u0041\"", "\\u0041", 6},
    };
    struct str text;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json_value *root = parse(rows[i].json);
        assert_int_equal(root->has_escape, strchr(rows[i].json, '\\') != NULL);
        assert_int_equal(json_string(doc, root, arena, &text, NULL), OK);
        assert_text(text, rows[i].text, rows[i].len);
    }
}

static void test_json_string_without_escape_is_a_view_of_the_text(void **state)
{
    (void)state;
    const struct json_value *root = parse("[\"\\n\",\"abc\",\"\\t\"]");
    struct str text;

    const struct json_value *second = json_next(doc, root, json_first(doc, root));
    assert_int_equal(second->has_escape, 0);
    assert_int_equal(json_string(doc, second, arena, &text, NULL), OK);
    assert_ptr_equal(text.ptr, kept_text + 7);
    assert_int_equal(json_next(doc, root, second)->has_escape, 1);
}

static void test_json_get_compares_decoded_keys_and_answers_the_last(void **state)
{
    (void)state;
    const struct json_value *root =
        parse("{\"a\":1,\"b\":2,\"\\u0061\":3,\"\":4,\"caf\\u00e9\":5,\"\\u0000\":6,\"ab\":7}");

    assert_raw(json_get(doc, root, STR("a")), "3");
    assert_raw(json_get(doc, root, STR("b")), "2");
    assert_raw(json_get(doc, root, STR("")), "4");
    assert_raw(json_get(doc, root, STR("caf\xC3\xA9")), "5");
    assert_raw(json_get(doc, root, (struct str){"\0", 1}), "6");
    assert_raw(json_get(doc, root, STR("ab")), "7");
    assert_null(json_get(doc, root, STR("abc")));
    assert_null(json_get(doc, root, STR("\\u0061")));
}

static void test_json_refuses_at_the_first_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *pointer;
    } rows[] = {
        {"", 0, ""},
        {"  ", 2, ""},
        {"{", 1, ""},
        {"{\"a\":1", 6, ""},
        {"{\"a\":1]", 6, ""},
        {"{\"a\":1,}", 7, ""},
        {"{\"a\" 1}", 5, ""},
        {"{\"a\":}", 5, ""},
        {"{\"a\":1 \"b\":2}", 7, ""},
        {"{a:1}", 1, ""},
        {"{'a':1}", 1, ""},
        {"{\"a\":'x'}", 5, "/a"},
        {"{1:2}", 1, ""},
        {"{,}", 1, ""},
        {"[1,]", 3, ""},
        {"[1 2]", 3, ""},
        {"[,1]", 1, ""},
        {"[1}", 2, ""},
        {"[1,2", 4, ""},
        {"[]]", 2, ""},
        {"{} {}", 3, ""},
        {"1 2", 2, ""},
        {"]", 0, ""},
        {":", 0, ""},
        {"[nul]", 4, "/0"},
        {"[nope]", 2, "/0"},
        {"[True]", 1, "/0"},
        {"[truex]", 5, ""},
        {"[undefined]", 1, "/0"},
        {"[0,01]", 4, "/1"},
        {"[+1]", 1, "/0"},
        {"[.5]", 1, "/0"},
        {"[1.]", 3, "/0"},
        {"[1.e5]", 3, "/0"},
        {"[1e]", 3, "/0"},
        {"[1e+]", 4, "/0"},
        {"[-]", 2, "/0"},
        {"[--1]", 2, "/0"},
        {"[-NaN]", 2, "/0"},
        {"[0x10]", 2, ""},
        {"[1\"a\"]", 2, ""},
        {"[\"a\"b]", 4, ""},
        {"[NaNs]", 4, ""},
        {"[Inf]", 4, "/0"},
        {"\"abc", 4, ""},
        {"{\"k\":\"abc", 9, "/k"},
        {"{\"k\":[0,{\"x\":\"a\\x\"}]}", 16, "/k/1/x"},
        {"[\"\\u12G4\"]", 6, "/0"},
        {"[\"\\u12\"]", 6, "/0"},
        {"[\"\\", 3, "/0"},
        {"[\"\\\"]", 5, "/0"},
        {"[\"a\nb\"]", 3, "/0"},
        {"[\"a\x1f\"]", 3, "/0"},
        {"{\"a\tb\":1}", 3, ""},
        {"[\"\xC3\"]", 2, "/0"},
        {"[\"a\x80\"]", 3, "/0"},
        {"[\"\xC0\xAF\"]", 2, "/0"},
        {"[\"\xED\xA0\x80\"]", 2, "/0"},
        {"[\"\xE2\x82\"]", 2, "/0"},
        {"[\"\xF4\x90\x80\x80\"]", 2, "/0"},
        {"[\"ok\",\"\xFF\"]", 7, "/1"},
        {"[1,@,\"\xFF\"]", 3, "/1"},
        {"\xEF\xBB\xBF{}", 0, ""},
        {"[\xC2\xA0]", 1, "/0"},
        {"[1]\f", 3, ""},
        {"/* x */ 1", 0, ""},
        {"{\"a/b\":{\"~\":{\"\\u00e9\":[0,1,x]}}}", 27, "/a~1b/~0/\xC3\xA9/2"},
        {"[[[[[[[]]]]]]]", 6, "/0/0/0/0/0/0"},
        {"{\"a\":{\"b\":{\"c\":[[[{}]]]}}}", 18, "/a/b/c/0/0/0"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_fault fault = {.offset = 999};
        enum verdict verdict = parse_bytes(rows[i].text, strlen(rows[i].text), &fault);
        if (verdict != REJECT || fault.offset != rows[i].offset || !fault.reason[0] ||
            strcmp(fault.pointer, rows[i].pointer) != 0) {
            fail_msg("%s: verdict %d, '%s' at %zu '%s' instead of %zu '%s'", rows[i].text, verdict,
                     fault.reason, fault.offset, fault.pointer, rows[i].offset, rows[i].pointer);
        }
        assert_null(json_root(doc));
        assert_int_equal(json_tape_len(doc), 0);
    }
}

static void test_json_refuses_nul_bytes_in_the_text(void **state)
{
    (void)state;
    struct json_fault fault;

    assert_int_equal(parse_bytes("[1]\0", 4, &fault), REJECT);
    assert_int_equal(fault.offset, 3);
    assert_int_equal(parse_bytes("[\0]", 3, &fault), REJECT);
    assert_int_equal(fault.offset, 1);
    assert_int_equal(parse_bytes("[\"\0\"]", 5, &fault), REJECT);
    assert_int_equal(fault.offset, 2);
    assert_int_equal(parse_bytes("[\"\\\0\"]", 6, &fault), REJECT);
    assert_int_equal(fault.offset, 3);
}

static void test_json_never_reads_on_into_the_padding(void **state)
{
    (void)state;
    struct json_fault fault;

    /* The padding goes on with ]}",1 - which would complete each of these. */
    assert_int_equal(parse_bytes("[1", 2, &fault), REJECT);
    assert_int_equal(fault.offset, 2);
    assert_int_equal(parse_bytes("{\"a\":[1]", 8, &fault), REJECT);
    assert_int_equal(fault.offset, 8);
    assert_int_equal(parse_bytes("12", 2, &fault), OK);
    assert_raw(json_root(doc), "12");
    /* The text ends with a whole block of the vector code. */
    char block[64];
    memset(block, ' ', sizeof(block));
    block[0] = '[';
    assert_int_equal(parse_bytes(block, sizeof(block), &fault), REJECT);
    assert_int_equal(fault.offset, 64);
    block[63] = ']';
    assert_int_equal(parse_bytes(block, sizeof(block), &fault), OK);
}

static void test_json_counts_levels_and_values(void **state)
{
    (void)state;
    struct json_doc *saved = doc;
    struct json_fault fault;

    parse("[[[[[[1]]]]]]"); /* six levels of brackets: what setup allows */
    assert_int_equal(json_at(doc, 6)->depth, 7);

    doc = json_doc_new(10, 5);
    parse("[1,2,3,4]"); /* five values */
    assert_int_equal(parse_bytes("[1,2,3,4,5]", 11, &fault), REJECT);
    assert_int_equal(fault.offset, 9);
    assert_string_equal(fault.pointer, "/4");
    parse("{\"a\":1,\"b\":2}"); /* a root, two keys, two values */
    assert_int_equal(parse_bytes("{\"a\":1,\"b\":2,\"c\":3}", 19, &fault), REJECT);
    assert_int_equal(fault.offset, 13);
    json_doc_free(doc);
    doc = saved;
}

static void test_json_says_in_err_what_the_fault_says(void **state)
{
    (void)state;
    char text[JSON_PADDING_BYTES + 8] = "[1,]";
    struct err err;

    assert_int_equal(json_parse(doc, (struct str){text, 4}, NULL, &err), REJECT);
    assert_int_equal(err.verdict, REJECT);
    assert_string_equal(err.where, "json_parse");
    assert_non_null(strstr(err.text, "at byte 3"));
}

static void test_json_cuts_long_pointers_between_characters(void **state)
{
    (void)state;
    struct json_fault fault;
    char text[700];
    int len = snprintf(text, sizeof(text), "{\"");

    for (int i = 0; i < 300; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "\xC3\xA9");
    }
    len += snprintf(text + len, sizeof(text) - (size_t)len, "\":x}");
    assert_int_equal(parse_bytes(text, (size_t)len, &fault), REJECT);
    assert_int_equal(fault.offset, 604);
    /* A slash and 127 characters of two bytes are 255 bytes. */
    assert_int_equal(strlen(fault.pointer), 255);
    assert_memory_equal(fault.pointer + 253, "\xC3\xA9", 3);
}

static void test_json_pointer_leads_to_the_value(void **state)
{
    (void)state;
    const struct json_value *root =
        parse("{\"\":0,\"a/b\":[1,{\"m~n\":[[2]]}],\"\\u00e9\\u0000\\ud800\":3}");
    char out[64];

    json_pointer(doc, root, out, sizeof(out));
    assert_string_equal(out, "");
    json_pointer(doc, json_get(doc, root, STR("")), out, sizeof(out));
    assert_string_equal(out, "/");
    const struct json_value *array = json_get(doc, root, STR("a/b"));
    json_pointer(doc, array, out, sizeof(out));
    assert_string_equal(out, "/a~1b");
    const struct json_value *object = json_next(doc, array, json_first(doc, array));
    json_pointer(doc, object, out, sizeof(out));
    assert_string_equal(out, "/a~1b/1");
    json_pointer(doc, json_first(doc, object), out, sizeof(out)); /* the key itself */
    assert_string_equal(out, "/a~1b/1/m~0n");
    const struct json_value *inner = json_get(doc, object, STR("m~n"));
    json_pointer(doc, json_first(doc, json_first(doc, inner)), out, sizeof(out));
    assert_string_equal(out, "/a~1b/1/m~0n/0/0");
    json_pointer(doc, json_get(doc, root, (struct str){"\xC3\xA9\0\xED\xA0\x80", 6}), out,
                 sizeof(out));
    assert_string_equal(out, "/\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD");
    json_pointer(doc, object, out, 4);
    assert_string_equal(out, "/a");
}

struct form {
    const char *text;
    const char *expected;
};

static void check_forms(const struct form *rows, size_t len, bool clean)
{
    for (size_t i = 0; i < len; i++) {
        struct str out;
        const struct json_value *root = parse(rows[i].text);
        enum verdict verdict = clean ? json_clean(doc, root, arena, &out, NULL)
                                     : json_canonical(doc, root, arena, &out, NULL);
        assert_int_equal(verdict, OK);
        assert_text(out, rows[i].expected, strlen(rows[i].expected));
    }
}

static void test_json_canonical_form(void **state)
{
    (void)state;
    static const struct form rows[] = {
        {" [ 1 , 2.50e+1 , -0 , true , null , \"x\" , [ ] , { } ] ",
         "[1,2.50e+1,-0,true,null,\"x\",[],{}]"},
        {"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}"},
        {"{\"aa\":1,\"a\":2,\"\":3,\"B\":4}", "{\"\":3,\"B\":4,\"a\":2,\"aa\":1}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"{\"a\":1,\"a\":2,\"a\":{\"z\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"z\":1}}"},
        {"{\"\\u0062\":1,\"a\":2,\"b\":3}", "{\"a\":2,\"b\":3}"},
        /* By bytes of UTF-8: U+FF5E (EF BD 9E) before U+1F600 (F0 ...), unlike UTF-16. */
        {"{\"\\ud83d\\ude00\":1,\"\\uff5e\":2,\"\\u00e9\":3,\"z\":4}",
         "{\"z\":4,\"\xC3\xA9\":3,\"\xEF\xBD\x9E\":2,\"\xF0\x9F\x98\x80\":1}"},
        {"\"\\u0041\\/\\u00e9\\u007f\"", "\"A/\xC3\xA9\x7F\""},
        {"\"\\\"\\\\\\u0022\\u005c\"", "\"\\\"\\\\\\\"\\\\\""},
        {"\"\\b\\f\\n\\r\\t\\u0000\\u001F\"",
         "\"\\u0008\\u000c\\u000a\\u000d\\u0009\\u0000\\u001f\""},
        {"\"\\uD800\\uDFFFx\\uDBFF\"", "\"\xF0\x90\x8F\xBFx\\udbff\""},
        {"[NaN,Infinity,-Infinity,1e400,10000000000000000000000000]",
         "[NaN,Infinity,-Infinity,1e400,10000000000000000000000000]"},
        {"[{\"b\":[{\"d\":1,\"c\":2}],\"a\":0}]", "[{\"a\":0,\"b\":[{\"c\":2,\"d\":1}]}]"},
    };
    check_forms(rows, sizeof(rows) / sizeof(rows[0]), false);
}

static void test_json_clean_form_is_fit_for_jsonb(void **state)
{
    (void)state;
    static const struct form rows[] = {
        {"{\"b\":1.50,\"a\":\"\\u0000x\\ud800\"}",
         "{\"a\":\"\xEF\xBF\xBDx\xEF\xBF\xBD\",\"b\":1.50}"},
        {"[NaN,Infinity,-Infinity]", "[\"NaN\",\"Infinity\",\"-Infinity\"]"},
        /* 1e399 has 400 digits, 1e400 one more; 1e-400 has 400 behind the point. */
        {"[1e399,1e400,1e-400,1e-401]", "[1e399,\"1e400\",1e-400,\"1e-401\"]"},
        {"[10E+398,10E+399,0.1e401,-1e400]", "[10E+398,\"10E+399\",\"0.1e401\",\"-1e400\"]"},
        {"[1.5e-399,1.5e-400]", "[1.5e-399,\"1.5e-400\"]"},
        {"[1e99999999999999999999,1e-99999999999999999999]",
         "[\"1e99999999999999999999\",\"1e-99999999999999999999\"]"},
        {"\"\\n\\u0001\\ud83d\\ude00\"", "\"\\u000a\\u0001\xF0\x9F\x98\x80\""},
        {"{\"\\u0000\":1}", "{\"\xEF\xBF\xBD\":1}"},
    };
    check_forms(rows, sizeof(rows) / sizeof(rows[0]), true);

    struct str out;
    char digits[500];
    memset(digits, '7', sizeof(digits));
    for (size_t len = 400; len <= 401; len++) {
        struct json_fault fault;
        assert_int_equal(parse_bytes(digits, len, &fault), OK);
        assert_int_equal(json_clean(doc, json_root(doc), arena, &out, NULL), OK);
        assert_int_equal(out.len, len == 400 ? 400 : 403);
        assert_int_equal(out.ptr[0], len == 400 ? '7' : '"');
    }
}

static void test_json_canonical_sorts_large_objects(void **state)
{
    (void)state;
    char text[8000], expected[8000], *t = text, *e = expected;
    struct str out;

    /* Keys k000 .. k199 in an order of steps of 77 (coprime to 200), then k005 a second time. */
    t += snprintf(t, sizeof(text) - (size_t)(t - text), "{");
    for (int i = 0; i < 200; i++) {
        t += snprintf(t, sizeof(text) - (size_t)(t - text), "\"k%03d\": %d, ", i * 77 % 200,
                      i * 77 % 200);
    }
    snprintf(t, sizeof(text) - (size_t)(t - text), "\"k\\u003005\":\"last\"}");
    for (int i = 0; i < 200; i++) {
        e += snprintf(e, sizeof(expected) - (size_t)(e - expected), "%c\"k%03d\":", i ? ',' : '{',
                      i);
        e += i == 5 ? snprintf(e, sizeof(expected) - (size_t)(e - expected), "\"last\"")
                    : snprintf(e, sizeof(expected) - (size_t)(e - expected), "%d", i);
    }
    snprintf(e, sizeof(expected) - (size_t)(e - expected), "}");
    assert_int_equal(json_canonical(doc, parse(text), arena, &out, NULL), OK);
    assert_text(out, expected, strlen(expected));
}

static void test_json_says_retry_when_the_arena_is_full(void **state)
{
    (void)state;
    struct arena *small = arena_new(16);
    struct str out = {"old", 3};
    struct err err;

    const struct json_value *root = parse("\"\\n345678901234567890\"");
    assert_int_equal(json_string(doc, root, small, &out, &err), RETRY);
    assert_int_equal(json_canonical(doc, root, small, &out, &err), RETRY);
    assert_int_equal(json_clean(doc, root, small, &out, &err), RETRY);
    assert_int_equal(err.verdict, RETRY);
    assert_string_equal(out.ptr, "old");
    assert_null(json_display((struct str){"\0\0\0\0\0\0", 6}, small).ptr);
    arena_free(small);
}

static void test_json_display_replaces_what_postgresql_cannot_store(void **state)
{
    (void)state;
    struct str text = STR("caf\xC3\xA9 \xED\x95\x9C");

    /* U+D55C begins with ED too, but is no surrogate. */
    assert_ptr_equal(json_display(text, arena).ptr, text.ptr);
    assert_text(json_display((struct str){"a\0b\xED\xA0\x80", 6}, arena),
                "a\xEF\xBF\xBD"
                "b\xEF\xBF\xBD",
                8);
    assert_int_equal(json_display((struct str){"", 0}, arena).len, 0);
}

static void test_json_doc_is_reused_from_small_to_huge_and_back(void **state)
{
    (void)state;
    size_t len = (size_t)64 << 20;
    char *text = malloc(len + JSON_PADDING_BYTES);
    struct str out;

    assert_non_null(text);
    memset(text, 'x', len + JSON_PADDING_BYTES);
    text[0] = '"';
    text[len - 1] = '"';
    for (int i = 0; i < 2; i++) {
        parse("{\"a\":[1,2]}");
        assert_int_equal(json_parse(doc, (struct str){text, len}, NULL, NULL), OK);
        assert_int_equal(json_root(doc)->len, len);
        assert_int_equal(json_string(doc, json_root(doc), arena, &out, NULL), OK);
        assert_ptr_equal(out.ptr, text + 1);
        assert_int_equal(json_parse(doc, (struct str){text, len - 1}, NULL, NULL), REJECT);
    }
    parse("{\"a\":[1,2]}");
    assert_raw(json_get(doc, json_root(doc), STR("a")), "[1,2]");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_puts_every_type_on_the_tape),
        cmocka_unit_test(test_json_takes_scalars_as_root),
        cmocka_unit_test(test_json_takes_bare_nonfinite_numbers),
        cmocka_unit_test(test_json_string_decodes_escapes),
        cmocka_unit_test(test_json_string_without_escape_is_a_view_of_the_text),
        cmocka_unit_test(test_json_get_compares_decoded_keys_and_answers_the_last),
        cmocka_unit_test(test_json_refuses_at_the_first_fault),
        cmocka_unit_test(test_json_refuses_nul_bytes_in_the_text),
        cmocka_unit_test(test_json_never_reads_on_into_the_padding),
        cmocka_unit_test(test_json_counts_levels_and_values),
        cmocka_unit_test(test_json_says_in_err_what_the_fault_says),
        cmocka_unit_test(test_json_cuts_long_pointers_between_characters),
        cmocka_unit_test(test_json_pointer_leads_to_the_value),
        cmocka_unit_test(test_json_canonical_form),
        cmocka_unit_test(test_json_clean_form_is_fit_for_jsonb),
        cmocka_unit_test(test_json_canonical_sorts_large_objects),
        cmocka_unit_test(test_json_says_retry_when_the_arena_is_full),
        cmocka_unit_test(test_json_display_replaces_what_postgresql_cannot_store),
        cmocka_unit_test(test_json_doc_is_reused_from_small_to_huge_and_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
