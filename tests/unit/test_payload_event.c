/* Attributes of CloudEvents into one body and out of it again: what is kept, what tells two payloads apart and what
 * does not, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "schemas/payload_attributes.h"
#include "schemas/payload_event.h"

#define REQUEST_US INT64_C(1795445282133013) /* 2026-11-23T14:48:02.133013Z */

static struct json_doc *doc;
static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    doc = json_doc_new(128, 100000);
    arena = arena_new(4u << 20);
    return doc && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_doc_free(doc);
    arena_free(arena);
    return 0;
}

/* What Seldon Core sent with a request. */
static struct payload_attributes seldon(void)
{
    return (struct payload_attributes){
        .values = {[PAYLOAD_SPECVERSION] = STR("1.0"),
                   [PAYLOAD_TYPE] = STR("io.seldon.serving.inference.request"),
                   [PAYLOAD_SOURCE] = STR("http://0.0.0.0:8000/"),
                   [PAYLOAD_ID] = STR("95aa359d"),
                   [PAYLOAD_TIME] = STR("2026-11-23T14:48:02.133013992Z"),
                   [PAYLOAD_NAMESPACE] = STR("fraud"),
                   [PAYLOAD_SERVICE] = STR("iris-sdep"),
                   [PAYLOAD_ENDPOINT] = STR("default"),
                   [PAYLOAD_MODEL] = STR("iris"),
                   [PAYLOAD_REQUEST] = STR("5b1a8f0e"),
                   [PAYLOAD_PROTOCOL] = STR("kfserving")}};
}

static enum verdict read_folded(const struct payload_attributes *attributes, const char *data,
                                struct payload_event *event, struct json_fault *fault)
{
    size_t data_at;
    struct err err;
    struct str body = payload_attributes_fold(attributes, str_view(data), arena, &data_at);

    assert_non_null(body.ptr);
    assert_memory_equal(body.ptr + data_at, data, strlen(data));
    assert_int_equal(json_parse(doc, body, fault, &err), OK);
    return payload_event_read(doc, arena, event, fault, &err);
}

static struct payload_event read_good(const struct payload_attributes *attributes, const char *data)
{
    struct payload_event event;
    struct json_fault fault = {0};

    if (read_folded(attributes, data, &event, &fault) != OK) {
        fail_msg("%s: %s", fault.pointer, fault.reason);
    }
    return event;
}

static void test_names_are_found_in_any_case(void **state)
{
    (void)state;
    for (int i = 0; i < PAYLOAD_ATTRIBUTES; i++) {
        assert_int_equal(payload_attribute_find(str_view(payload_attribute_name(i))), i);
    }
    assert_int_equal(payload_attribute_find(STR("ModelId")), PAYLOAD_MODEL);
    assert_int_equal(payload_attribute_find(STR("model")), PAYLOAD_ATTRIBUTES);
    assert_int_equal(payload_attribute_find(STR("metadata")), PAYLOAD_ATTRIBUTES);
    assert_int_equal(payload_attribute_find(STR("traceparent")), PAYLOAD_ATTRIBUTES);
}

static void test_attributes_become_one_body(void **state)
{
    struct payload_attributes some = {.values = {[PAYLOAD_SPECVERSION] = STR("0.3"),
                                                 [PAYLOAD_TYPE] = STR("t"),
                                                 [PAYLOAD_TIME] = STR(""),
                                                 [PAYLOAD_MODEL] = STR("a\"\n\xFF")}};
    size_t data_at;
    struct str body = payload_attributes_fold(&some, STR("{\"x\": 1}"), arena, &data_at);

    (void)state;
    assert_true(str_eq(
        body, STR("{\"specversion\":\"1.0\",\"type\":\"t\",\"modelid\":\"a\\\"\\u000a\\ufffd\","
                  "\"data\":{\"x\": 1}}")));
    assert_int_equal(data_at, body.len - strlen("{\"x\": 1}}"));
}

static void test_a_request_is_read(void **state)
{
    struct payload_attributes attributes = seldon();
    struct payload_event event = read_good(&attributes, "{\"inputs\":[]}");

    (void)state;
    assert_int_equal(event.kind, PAYLOAD_IS_REQUEST);
    assert_int_equal(event.time_us, REQUEST_US);
    assert_true(str_eq(event.namespace_, STR("fraud")));
    assert_true(str_eq(event.service, STR("iris-sdep")));
    assert_true(str_eq(event.endpoint, STR("default")));
    assert_true(str_eq(event.model, STR("iris")));
    assert_true(str_eq(event.request_id, STR("5b1a8f0e")));
    assert_true(id128_eq(payload_event_key(&event), identity_digest(STR("5b1a8f0e"))));
}

/* KServe names no model and no request, and its endpoint is empty. */
static void test_what_is_not_named_is_taken_from_what_is(void **state)
{
    struct payload_attributes kserve = {
        .values = {[PAYLOAD_SPECVERSION] = STR("1.0"),
                   [PAYLOAD_TYPE] = STR("org.kubeflow.serving.inference.response"),
                   [PAYLOAD_SOURCE] = STR("http://localhost:9081/"),
                   [PAYLOAD_ID] = STR("6a1f0b5e"),
                   [PAYLOAD_SERVICE] = STR("sklearn-iris"),
                   [PAYLOAD_COMPONENT] = STR("predictor")}};
    struct payload_event event = read_good(&kserve, "{}");

    (void)state;
    assert_int_equal(event.kind, PAYLOAD_IS_ANSWER);
    assert_int_equal(event.time_us, PAYLOAD_NO_TIME);
    assert_int_equal(event.namespace_.len, 0);
    assert_true(str_eq(event.endpoint, STR("predictor")));
    assert_true(str_eq(event.model, STR("sklearn-iris")));
    assert_true(str_eq(event.request_id, STR("6a1f0b5e")));
}

static void test_an_event_sent_again_is_the_same(void **state)
{
    struct payload_attributes attributes = seldon();
    struct id128 first = read_good(&attributes, "{\"inputs\":[]}").event_id;

    (void)state;
    attributes.values[PAYLOAD_ID] = STR("another");
    attributes.values[PAYLOAD_TIME] = STR("2026-11-23T15:00:00Z");
    attributes.values[PAYLOAD_SOURCE] = STR("http://another/");
    attributes.values[PAYLOAD_SPECVERSION] = STR("0.3");
    assert_true(id128_eq(read_good(&attributes, "{\"inputs\":[]}").event_id, first));
}

static void test_what_tells_two_events_apart(void **state)
{
    static const struct {
        enum payload_attribute attribute;
        struct str value;
    } changes[] = {
        {PAYLOAD_TYPE, STR("io.seldon.serving.inference.response")},
        {PAYLOAD_NAMESPACE, STR("other")},
        {PAYLOAD_SERVICE, STR("other")},
        {PAYLOAD_ENDPOINT, STR("other")},
        {PAYLOAD_MODEL, STR("other")},
        {PAYLOAD_REQUEST, STR("other")},
    };
    struct payload_attributes attributes = seldon();
    struct id128 first = read_good(&attributes, "{}").event_id;

    (void)state;
    assert_false(id128_eq(read_good(&attributes, "{\"inputs\":[]}").event_id, first));
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        attributes = seldon();
        attributes.values[changes[i].attribute] = changes[i].value;
        assert_false(id128_eq(read_good(&attributes, "{}").event_id, first));
    }
    /* Names that run into each other. */
    attributes = seldon();
    attributes.values[PAYLOAD_SERVICE] = STR("iris-sdepdefault");
    attributes.values[PAYLOAD_ENDPOINT] = STR("");
    assert_false(id128_eq(read_good(&attributes, "{}").event_id, first));
}

static void test_a_request_and_its_answer_share_key_stream_and_pair(void **state)
{
    struct payload_attributes attributes = seldon();
    struct payload_event request = read_good(&attributes, "{\"inputs\":[]}");

    (void)state;
    attributes.values[PAYLOAD_TYPE] = STR("io.seldon.serving.inference.response");
    attributes.values[PAYLOAD_ID] = STR("another");
    struct payload_event answer =
        read_good(&attributes, "{\"model_version\":\"2\",\"outputs\":[]}");
    assert_true(id128_eq(payload_event_key(&request), payload_event_key(&answer)));
    assert_true(id128_eq(payload_event_stream(&request), payload_event_stream(&answer)));
    assert_true(id128_eq(payload_event_pair(&request), payload_event_pair(&answer)));
    assert_true(id128_eq(payload_event_model(&request), payload_event_model(&answer)));
    assert_false(id128_eq(payload_event_model(&request), payload_event_deployment(&request)));
}

static void expect_version(struct str source, const char *version)
{
    struct payload_attributes attributes = seldon();
    struct inference_message message;
    struct json_fault fault = {0};
    struct err err;

    attributes.values[PAYLOAD_TYPE] = STR("io.seldon.serving.inference.response");
    attributes.values[PAYLOAD_SOURCE] = source;
    struct payload_event event = read_good(&attributes, "{\"model_version\":\"1\",\"outputs\":[]}");
    assert_int_equal(payload_event_message(doc, &event, arena, &message, &fault, &err), OK);
    assert_true(str_eq(message.model_version, str_view(version)));
}

static void test_the_version_that_seldon_v2_says_of_every_model_is_none(void **state)
{
    (void)state;
    expect_version(STR("http://0.0.0.0:8000/"), "1");
    expect_version(STR("kafka:payloads"), "1");
    expect_version(STR("seldon-v2:seldon.fraud.model.iris.outputs"), "");
}

static void expect_refused(enum payload_attribute attribute, struct str value, const char *data,
                           const char *pointer)
{
    struct payload_attributes attributes = seldon();
    struct payload_event event;
    struct json_fault fault = {0};

    if (attribute != PAYLOAD_ATTRIBUTES) {
        attributes.values[attribute] = value;
    }
    assert_int_equal(read_folded(&attributes, data, &event, &fault), REJECT);
    assert_string_equal(fault.pointer, pointer);
}

static void test_what_cannot_be_placed_is_refused(void **state)
{
    static char long_name[1025];

    (void)state;
    memset(long_name, 'n', sizeof(long_name));
    expect_refused(PAYLOAD_SPECVERSION, STR(""), "{}", "");
    expect_refused(PAYLOAD_SPECVERSION, STR("2.0"), "{}", "/specversion");
    expect_refused(PAYLOAD_SOURCE, STR(""), "{}", "");
    expect_refused(PAYLOAD_ID, STR(""), "{}", "");
    expect_refused(PAYLOAD_TYPE, STR(""), "{}", "");
    expect_refused(PAYLOAD_SERVICE, STR(""), "{}", "");
    expect_refused(PAYLOAD_TIME, STR("soon"), "{}", "/time");
    expect_refused(PAYLOAD_TYPE, STR("io.seldon.serving.inference.requests"), "{}", "/type");
    expect_refused(PAYLOAD_TYPE, STR(".inference.request"), "{}", "/type");
    expect_refused(PAYLOAD_TYPE, STR("io.metaops.inference.request"), "{}", "/type");
    expect_refused(PAYLOAD_MODEL, (struct str){long_name, sizeof(long_name)}, "{}", "/modelid");
    expect_refused(PAYLOAD_ATTRIBUTES, STR(""), "[]", "/data");
    expect_refused(PAYLOAD_ATTRIBUTES, STR(""), "\"text\"", "/data");
}

static void test_only_two_versions_are_known(void **state)
{
    static const char *const bodies[] = {
        "{\"specversion\":\"2.0\",\"type\":\"x.inference.request\",\"source\":\"s\",\"id\":\"1\","
        "\"inferenceservicename\":\"d\",\"data\":{}}",
        "{\"specversion\":1,\"type\":\"x.inference.request\",\"source\":\"s\",\"id\":\"1\","
        "\"inferenceservicename\":\"d\",\"data\":{}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct payload_event event;
        struct json_fault fault = {0};
        struct err err;
        char *text = calloc(1, strlen(bodies[i]) + JSON_PADDING_BYTES);
        assert_non_null(text);
        memcpy(text, bodies[i], strlen(bodies[i]));
        assert_int_equal(json_parse(doc, (struct str){text, strlen(bodies[i])}, NULL, &err), OK);
        assert_int_equal(payload_event_read(doc, arena, &event, &fault, &err), REJECT);
        assert_string_equal(fault.pointer, "/specversion");
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_are_found_in_any_case, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributes_become_one_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_named_is_taken_from_what_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_event_sent_again_is_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_tells_two_events_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_and_its_answer_share_key_stream_and_pair,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_version_that_seldon_v2_says_of_every_model_is_none,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_placed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_two_versions_are_known, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
