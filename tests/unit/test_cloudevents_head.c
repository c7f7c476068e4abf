/* What a head says of CloudEvents: the mode, the attributes of MLServer (0.3) and Seldon Core (1.0), percent encoding,
 * and what two readers could disagree on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/cloudevents_head.h"

#define MLSERVER                                                                                   \
    "content-type: application/json\r\nce-specversion: 0.3\r\n"                                    \
    "ce-source: io.seldon.serving.deployment.iris-server\r\n"                                      \
    "ce-type: io.seldon.serving.inference.response\r\nce-modelid: iris\r\n"                        \
    "ce-inferenceservicename: iris-server\r\nce-endpoint: iris\r\nce-id: 5b1a\r\nce-requestid: "   \
    "5b1a\r\n"

static struct arena *arena;
static char text[4096];
static struct http_head head;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void parse(const char *headers)
{
    const char *reason = NULL;
    int len = snprintf(text, sizeof(text),
                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n%s\r\n", headers);

    assert_int_equal(http_head_parse((struct str){text, (size_t)len}, &head, &reason), len);
}

static void test_the_mode_is_that_of_the_type_or_of_the_attributes(void **state)
{
    static const struct {
        const char *headers;
        enum cloudevents_mode mode;
    } cases[] = {
        {MLSERVER, CLOUDEVENTS_BINARY},
        {"Ce-Specversion: 1.0\r\n", CLOUDEVENTS_BINARY},
        {"Ce-Specversion: 1.0\r\nContent-Type: text/plain\r\n", CLOUDEVENTS_BINARY},
        {"Content-Type: application/cloudevents+json\r\n", CLOUDEVENTS_STRUCTURED},
        {"Content-Type: Application/CloudEvents+JSON; charset=UTF-8\r\nce-specversion: 1.0\r\n",
         CLOUDEVENTS_STRUCTURED},
        {"Content-Type: application/cloudevents-batch+json\r\n", CLOUDEVENTS_BATCH},
        {"Content-Type: application/json\r\n", CLOUDEVENTS_NONE},
        {"", CLOUDEVENTS_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse(cases[i].headers);
        assert_int_equal(cloudevents_head_mode(&head), cases[i].mode);
    }
}

static void expect(const struct payload_attributes *attributes, enum payload_attribute attribute,
                   const char *value)
{
    assert_true(str_eq(attributes->values[attribute], str_view(value)));
}

static void test_attributes_of_both_versions(void **state)
{
    struct payload_attributes found;
    const char *reason = NULL;

    (void)state;
    parse(MLSERVER);
    assert_true(cloudevents_head_read(&head, arena, &found, &reason));
    expect(&found, PAYLOAD_SPECVERSION, "0.3");
    expect(&found, PAYLOAD_SERVICE, "iris-server");
    expect(&found, PAYLOAD_ENDPOINT, "iris");
    expect(&found, PAYLOAD_MODEL, "iris");
    expect(&found, PAYLOAD_REQUEST, "5b1a");
    assert_null(found.values[PAYLOAD_TIME].ptr);

    parse("Ce-Namespace: fraud\r\nCe-Time: 2026-11-23T14:48:02.133013992Z\r\nCe-Traceparent: "
          "00-dc\r\n"
          "Ce-Endpoint: \r\nCe-: x\r\nCex: y\r\n");
    assert_true(cloudevents_head_read(&head, arena, &found, &reason));
    expect(&found, PAYLOAD_NAMESPACE, "fraud");
    expect(&found, PAYLOAD_TIME, "2026-11-23T14:48:02.133013992Z");
    expect(&found, PAYLOAD_ENDPOINT, "");
}

static void test_percent_encoding_is_undone_where_it_is_one(void **state)
{
    struct payload_attributes found;
    const char *reason = NULL;

    (void)state;
    parse("ce-modelid: m%C3%BC%20x\r\nce-namespace: 100%\r\nce-endpoint: %zz%4\r\nce-requestid: "
          "%2525\r\n");
    assert_true(cloudevents_head_read(&head, arena, &found, &reason));
    expect(&found, PAYLOAD_MODEL, "m\xC3\xBC x");
    expect(&found, PAYLOAD_NAMESPACE, "100%");
    expect(&found, PAYLOAD_ENDPOINT, "%zz%4");
    expect(&found, PAYLOAD_REQUEST, "%25");
}

static void test_an_attribute_that_comes_twice_is_refused(void **state)
{
    struct payload_attributes found;
    const char *reason = NULL;

    (void)state;
    parse("ce-modelid: a\r\nCE-MODELID: a\r\n");
    assert_false(cloudevents_head_read(&head, arena, &found, &reason));
    assert_non_null(reason);
    parse("ce-other: a\r\nce-other: b\r\n");
    assert_true(cloudevents_head_read(&head, arena, &found, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_mode_is_that_of_the_type_or_of_the_attributes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributes_of_both_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_percent_encoding_is_undone_where_it_is_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_attribute_that_comes_twice_is_refused, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
