/* Data of CloudEvents: what media types mean, base64 by the vectors of RFC 4648 (section 10) and what is none, and that an
 * event says the same in whatever mode its data come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/settings.h"
#include "ingest/cloudevents_data.h"
#include "ingest/event_check.h"

#define ATTRIBUTES "{" NAMED
#define NAMED                                                                                      \
    "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"io.seldon.serving."          \
    "inference.request\",\"namespace\":\"n\",\"inferenceservicename\":\"iris-server\","            \
    "\"modelid\":\"iris\",\"requestid\":\"r\""
#define REQUEST "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"INT64\",\"shape\":[1],\"data\":[7]}]}"
/* REQUEST */
#define REQUEST_CODED                                                                              \
    "eyJpbnB1dHMiOlt7Im5hbWUiOiJ4IiwiZGF0YXR5cGUiOiJJTlQ2NCIsInNoYXBlIjpbMV0sImRhdGEiOls3XX1dfQ=="
/* The same, of model iris, as a ModelInferRequest in protobuf. */
#define MESSAGE "\012\004iris\052\022\012\001x\022\005INT64\032\001\001\052\003\032\001\007"
#define MESSAGE_CODED "CgRpcmlzKhIKAXgSBUlOVDY0GgEBKgMaAQc="

static struct json_doc *doc;
static struct arena *arena;
static struct settings st;
static struct event_check *check;

static int setup(void **state)
{
    struct settings_rest rest = {0};
    char *args[] = {NULL};
    struct err err;

    (void)state;
    if (settings_load(&st, 0, args, &rest, &err) != OK) {
        return -1;
    }
    free(rest.words);
    doc = json_doc_new(64, 1000);
    arena = arena_new(1u << 20);
    check = event_check_new(&st);
    return doc && arena && check ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    event_check_free(check);
    arena_free(arena);
    json_doc_free(doc);
    settings_fini(&st);
    return 0;
}

/* text in an arena, with room behind it. */
static struct str padded(struct str text)
{
    char *copy = arena_alloc(arena, text.len + JSON_PADDING_BYTES);

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, JSON_PADDING_BYTES);
    return (struct str){copy, text.len};
}

static enum verdict decoded(const char *json, struct str *out_bytes, struct json_fault *fault)
{
    struct err err;

    assert_int_equal(json_parse(doc, padded(str_view(json)), fault, &err), OK);
    return cloudevents_data_decode(doc, json_root(doc), arena, out_bytes, fault, &err);
}

static void test_media_types(void **state)
{
    static const struct {
        const char *type;
        enum cloudevents_data kind;
    } cases[] = {
        {"", CLOUDEVENTS_DATA_JSON},
        {"application/json", CLOUDEVENTS_DATA_JSON},
        {"Text/JSON; charset=utf-8", CLOUDEVENTS_DATA_JSON},
        {"application/vnd.x+JSON; charset=utf-8", CLOUDEVENTS_DATA_JSON},
        {"application/x-protobuf", CLOUDEVENTS_DATA_PROTOBUF},
        {"APPLICATION/PROTOBUF;v=1", CLOUDEVENTS_DATA_PROTOBUF},
        {"application/vnd.google.protobuf", CLOUDEVENTS_DATA_PROTOBUF},
        {"+json", CLOUDEVENTS_DATA_OTHER},
        {"text/plain", CLOUDEVENTS_DATA_OTHER},
        {"application/jsonx", CLOUDEVENTS_DATA_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cloudevents_data_kind(str_view(cases[i].type)), cases[i].kind);
    }
}

static void test_base64(void **state)
{
    static const struct {
        const char *json;
        const char *bytes;
    } cases[] = {
        {"\"\"", ""},
        {"\"Zg==\"", "f"},
        {"\"Zm8=\"", "fo"},
        {"\"Zm9v\"", "foo"},
        {"\"Zm9vYg==\"", "foob"},
        {"\"Zm9vYmE=\"", "fooba"},
        {"\"Zm9vYmFy\"", "foobar"},
        {"\"Zg\\u003d\\u003d\"", "f"},
        {"\"+/+/\"", "\373\377\277"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_fault fault;
        struct str bytes;
        assert_int_equal(decoded(cases[i].json, &bytes, &fault), OK);
        assert_true(str_eq(bytes, str_view(cases[i].bytes)));
    }
}

static void test_what_is_no_base64(void **state)
{
    static const char *const cases[] = {"\"Zg\"",       "\"Zg=\"",  "\"Zg== \"",      "\" Zg==\"",
                                        "\"Zg==\\n\"",  "\"Z===\"", "\"====\"",       "\"Zg=A\"",
                                        "\"Zg==Zg==\"", "\"-_-_\"", "\"Zm\\u00e9v\"", "7",
                                        "{\"Zg\":1}",   "null"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_fault fault;
        struct str bytes;
        assert_int_equal(decoded(cases[i], &bytes, &fault), REJECT);
        assert_int_equal(fault.offset, 0);
    }
}

/* The event as it is stored. */
static struct str judged(const char *json)
{
    struct payload_source source = {.body = padded(str_view(json))};
    struct payload_event event;
    struct json_fault fault = {0};
    struct err err;
    struct str text;

    if (event_check_payload(check, &source, &text, &event, &fault, &err) != OK) {
        fail_msg("%s: %s", json, fault.reason);
    }
    return padded(text);
}

static struct str judged_binary(struct str body, bool is_protobuf)
{
    struct payload_attributes attributes = {0};
    struct payload_source source = {
        .attributes = &attributes, .body = padded(body), .is_protobuf = is_protobuf};
    struct payload_event event;
    struct json_fault fault = {0};
    struct err err;
    struct str text;

    attributes.values[PAYLOAD_SPECVERSION] = STR("1.0");
    attributes.values[PAYLOAD_ID] = STR("1");
    attributes.values[PAYLOAD_SOURCE] = STR("s");
    attributes.values[PAYLOAD_TYPE] = STR("io.seldon.serving.inference.request");
    attributes.values[PAYLOAD_NAMESPACE] = STR("n");
    attributes.values[PAYLOAD_SERVICE] = STR("iris-server");
    attributes.values[PAYLOAD_MODEL] = STR("iris");
    attributes.values[PAYLOAD_REQUEST] = STR("r");
    assert_int_equal(event_check_payload(check, &source, &text, &event, &fault, &err), OK);
    return padded(text);
}

static void test_an_event_says_the_same_in_every_mode(void **state)
{
    struct str plain = judged(ATTRIBUTES ",\"data\":" REQUEST "}");
    struct str message = judged_binary(STR(MESSAGE), true);

    (void)state;
    assert_true(str_eq(judged_binary(STR(REQUEST), false), plain));
    assert_true(str_eq(judged(ATTRIBUTES ",\"data_base64\":\"" REQUEST_CODED "\"}"), plain));
    assert_true(str_eq(judged("{\"data_base64\":\"" REQUEST_CODED
                              "\",\"datacontenttype\":\"application/json\"," NAMED "}"),
                       plain));
    assert_true(str_eq(judged(ATTRIBUTES ",\"datacontenttype\":\"application/x-protobuf\","
                                         "\"data_base64\":\"" MESSAGE_CODED "\"}"),
                       message));
    assert_true(str_eq(judged(ATTRIBUTES ",\"data\":" REQUEST ",\"data_base64\":\"?\"}"), plain));
}

static void expect_refused(const char *json, const char *pointer, size_t offset)
{
    struct payload_source source = {.body = padded(str_view(json))};
    struct payload_event event;
    struct json_fault fault = {0};
    struct err err;
    struct str text;

    assert_int_equal(event_check_payload(check, &source, &text, &event, &fault, &err), REJECT);
    assert_string_equal(fault.pointer, pointer);
    assert_int_equal(fault.offset, offset);
}

static void test_what_is_refused_has_its_place(void **state)
{
    size_t begin = sizeof(ATTRIBUTES) - 1;

    (void)state;
    expect_refused(ATTRIBUTES ",\"data_base64\":\"Zg\"}", "/data_base64", begin + 15);
    expect_refused(ATTRIBUTES ",\"data_base64\":7}", "/data_base64", begin + 15);
    /* foo and {"inputs":7} */
    expect_refused(ATTRIBUTES ",\"data_base64\":\"Zm9v\"}", "", begin + 15);
    expect_refused(ATTRIBUTES ",\"data_base64\":\"eyJpbnB1dHMiOjd9\"}", "/inputs", begin + 15);
    expect_refused(ATTRIBUTES ",\"datacontenttype\":\"text/plain\",\"data_base64\":\"Zm9v\"}",
                   "/datacontenttype", begin + 19);
    expect_refused(ATTRIBUTES "}", "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_what_is_no_base64),
        cmocka_unit_test(test_an_event_says_the_same_in_every_mode),
        cmocka_unit_test(test_what_is_refused_has_its_place),
    };

    return cmocka_run_group_tests_name("cloudevents_data", tests, setup, teardown);
}
