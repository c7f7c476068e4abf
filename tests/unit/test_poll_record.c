/* Records as Seldon Core v2 and v1 and MLServer really write them, and what they say of a prediction: tables made by hand
 * from the captured files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/settings.h"
#include "ingest/poll_record.h"

#define REQUEST "io.seldon.serving.inference.request"
#define ANSWER "io.seldon.serving.inference.response"
#define TIME_MS 1795446118591
#define TIME "2026-11-23T15:01:58.591000Z"

static struct settings st;
static struct arena *arena;
static struct payload_attributes attributes;
static struct payload_source source;
static struct err err;
static int64_t at_ms = TIME_MS;

static int setup(void **state)
{
    static char v2[] = "--poll.seldon-v2-prefix=seldon", v1[] = "--poll.seldon-v1-topic=payloads",
                in[] = "--poll.mlserver-input-topic=mlserver-input",
                out[] = "--poll.mlserver-output-topic=mlserver-output",
                service[] = "--poll.mlserver-service=iris-server",
                most[] = "--ingest.body-bytes-max=64KiB";
    char *args[] = {v2, v1, in, out, service, most, NULL};
    struct settings_rest rest = {0};

    (void)state;
    arena = arena_new(1 << 20);
    if (!arena || settings_load(&st, 6, args, &rest, &err) != OK) {
        return -1;
    }
    free(rest.words);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    settings_fini(&st);
    return 0;
}

/* headers: name, value, ..., NULL. */
static enum verdict read_value(const char *topic, const char *key, struct str value,
                               const char *const *headers)
{
    struct poll_header list[16];
    struct poll_record record = {.topic = str_view(topic),
                                 .partition = 3,
                                 .offset = 41,
                                 .timestamp_ms = at_ms,
                                 .key = key ? str_view(key) : (struct str){NULL, 0},
                                 .value = value,
                                 .headers = list};

    for (; *headers; headers += 2) {
        list[record.header_count++] =
            (struct poll_header){str_view(headers[0]), str_view(headers[1])};
    }
    arena_reset(arena, 1 << 20);
    return poll_record_read(&st, &record, arena, &attributes, &source, &err);
}

static void expect(enum payload_attribute at, const char *text)
{
    struct str value = attributes.values[at];

    if (!str_eq(value, str_view(text))) {
        print_error("%s is %.*s, not %s\n", payload_attribute_name(at), (int)value.len, value.ptr,
                    text);
    }
    assert_true(str_eq(value, str_view(text)));
}

static void expect_prediction(const char *type, const char *namespace_, const char *service,
                              const char *endpoint, const char *model, const char *request)
{
    expect(PAYLOAD_SPECVERSION, "1.0");
    expect(PAYLOAD_TYPE, type);
    expect(PAYLOAD_NAMESPACE, namespace_);
    expect(PAYLOAD_SERVICE, service);
    expect(PAYLOAD_ENDPOINT, endpoint);
    expect(PAYLOAD_MODEL, model);
    expect(PAYLOAD_REQUEST, request);
}

static void test_model_topics_of_seldon_v2(void **state)
{
    static const char *const headers[] = {"x-request-id",
                                          "d1lq8k0fh5ss738i5bp0",
                                          "pipeline",
                                          "iris",
                                          "traceparent",
                                          "00-4bf92f3577b34da6a3ce929d0e0e4736-x",
                                          "x-tenant",
                                          "acme",
                                          NULL};
    static const char *const json[] = {"seldon-infer-type", "json/inferModelRequest",
                                       "x-request-id", "json-1", NULL};
    static const char *const none[] = {NULL};

    (void)state;
    assert_int_equal(read_value("seldon.fraud.model.iris.inputs", "0.iris.d1lq8k0fh5ss738i5bp0",
                                STR("\n\x08whatever\x1a\x05"
                                    "ext-1"),
                                headers),
                     OK);
    expect_prediction(REQUEST, "fraud", "iris", "iris", "iris", "d1lq8k0fh5ss738i5bp0");
    expect(PAYLOAD_SOURCE, "seldon-v2:seldon.fraud.model.iris.inputs");
    expect(PAYLOAD_ID, "seldon.fraud.model.iris.inputs/3/41");
    expect(PAYLOAD_TIME, TIME);
    assert_true(source.is_protobuf);
    assert_int_equal(source.body.len, 17);

    assert_int_equal(
        read_value("seldon.fraud.model.iris.outputs", NULL, STR("\n\x04iris"), headers), OK);
    expect_prediction(ANSWER, "fraud", "iris", "iris", "iris", "d1lq8k0fh5ss738i5bp0");

    assert_int_equal(
        read_value("seldon.fraud.model.iris.inputs", "k3", STR(" {\"inputs\":[]}"), json), OK);
    expect_prediction(REQUEST, "fraud", "iris", "", "iris", "json-1");
    assert_false(source.is_protobuf);
    assert_int_equal(read_value("seldon.fraud.model.a.b.inputs", NULL, STR("{}"), none), OK);
    expect_prediction(REQUEST, "fraud", "a.b", "", "a.b", "");
    assert_false(source.is_protobuf);
}

static void test_pipeline_topics_of_seldon_v2(void **state)
{
    static const char *const headers[] = {"x-request-id", "r1", "x-request-id", "r2", NULL};

    (void)state;
    assert_int_equal(
        read_value("seldon.fraud.pipeline.check.outputs", NULL, STR("\n\x04iris"), headers), OK);
    expect_prediction(ANSWER, "fraud", "check", "pipeline", "check", "r1");
}

static void test_an_error_of_seldon_v2_is_an_answer(void **state)
{
    static const char *const headers[] = {"x-request-id", "bad-1", "seldon-pipeline-errors", "iris",
                                          NULL};
    static const char *const nobody[] = {"x-request-id", "bad-1", NULL};

    (void)state;
    assert_int_equal(read_value("seldon.fraud.errors.errors", "0.iris.bad",
                                STR("desc = \"X\" has\n\xff"), headers),
                     OK);
    expect_prediction(ANSWER, "fraud", "iris", "", "iris", "bad-1");
    assert_false(source.is_protobuf);
    assert_true(str_eq(source.body, STR("{\"error\":\"desc = \\\"X\\\" has\\u000a\\ufffd\"}")));
    assert_int_equal(read_value("seldon.fraud.errors.errors", NULL, STR("x"), nobody), REJECT);
    assert_string_equal(err.text, "no header seldon-pipeline-errors");
}

static void test_the_log_of_seldon_v1(void **state)
{
    static const char *const headers[] = {"type",
                                          ANSWER,
                                          "content-type",
                                          "application/json",
                                          "modelid",
                                          "iris",
                                          "requestid",
                                          "5b1a8f0e-6a3a-4a57-9c30-1a1b0c0d0e0f",
                                          "inferenceservicename",
                                          "iris-sdep",
                                          "namespace",
                                          "fraud",
                                          "endpoint",
                                          "default",
                                          "protocol",
                                          "kfserving",
                                          NULL};

    (void)state;
    assert_int_equal(read_value("payloads", NULL, STR("{\"model_version\":\"2\"}"), headers), OK);
    expect_prediction(ANSWER, "fraud", "iris-sdep", "default", "iris",
                      "5b1a8f0e-6a3a-4a57-9c30-1a1b0c0d0e0f");
    expect(PAYLOAD_SOURCE, "kafka:payloads");
    expect(PAYLOAD_PROTOCOL, "kfserving");
    expect(PAYLOAD_TIME, TIME);
    assert_true(str_eq(source.body, STR("{\"model_version\":\"2\"}")));
    assert_int_equal(source.body.ptr[source.body.len], '\0');
}

static void test_requests_and_answers_of_mlserver_meet(void **state)
{
    static const char *const request[] = {"mlserver-model", "iris", "mlserver-version", "1", NULL};
    static const char *const answer[] = {"Ce-Specversion",
                                         "0.3",
                                         "Ce-Source",
                                         "io.seldon.serving.deployment.iris-server",
                                         "Ce-Type",
                                         ANSWER,
                                         "Ce-Modelid",
                                         "iris",
                                         "Ce-Inferenceservicename",
                                         "iris-server",
                                         "Ce-Endpoint",
                                         "iris",
                                         "Ce-Id",
                                         "req-kafka-2",
                                         "Ce-Requestid",
                                         "req-kafka-2",
                                         NULL};
    static const char *const none[] = {NULL};

    (void)state;
    assert_int_equal(read_value("mlserver-input", "req-kafka-2", STR("{\"inputs\":[]}"), request),
                     OK);
    expect_prediction(REQUEST, "", "iris-server", "iris", "iris", "req-kafka-2");
    assert_int_equal(read_value("mlserver-output", "req-kafka-2", STR("{\"outputs\":[]}"), answer),
                     OK);
    expect(PAYLOAD_SPECVERSION, "0.3");
    attributes.values[PAYLOAD_SPECVERSION] = STR("1.0");
    expect_prediction(ANSWER, "", "iris-server", "iris", "iris", "req-kafka-2");
    expect(PAYLOAD_SOURCE, "io.seldon.serving.deployment.iris-server");
    expect(PAYLOAD_ID, "req-kafka-2");
    assert_int_equal(read_value("mlserver-input", "req-bad-1", STR("{}"), none), REJECT);
    assert_string_equal(err.text, "no header mlserver-model");
    assert_int_equal(read_value("mlserver-output", "r", STR("{}"), none), REJECT);
    assert_string_equal(err.text, "no header ce-modelid");
}

static void test_times_that_are_none_are_left_out(void **state)
{
    static const char *const headers[] = {"mlserver-model", "iris", NULL};
    static const struct {
        int64_t at_ms;
        const char *text;
    } times[] = {{TIME_MS, TIME},
                 {0, "1970-01-01T00:00:00.000000Z"},
                 {253402300799999, "9999-12-31T23:59:59.999000Z"},
                 {253402300800000, ""},
                 {INT64_MAX, ""},
                 {-1, ""},
                 {INT64_MIN, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        at_ms = times[i].at_ms;
        assert_int_equal(read_value("mlserver-input", "r", STR("{}"), headers), OK);
        expect(PAYLOAD_TIME, times[i].text);
    }
    at_ms = TIME_MS;
}

static void test_what_names_no_prediction_is_refused(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const topics[] = {
        "seldon.fraud.model.iris", "seldon.fraud.model..inputs",   "seldon.fraud.modelx.a.inputs",
        "seldon..model.a.inputs",  "seldonx.fraud.model.a.inputs", "seldon"};
    static char large[(64 << 10) + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        assert_int_equal(read_value(topics[i], NULL, STR("{}"), none), REJECT);
    }
    assert_int_equal(read_value("payloads", NULL, (struct str){NULL, 0}, none), REJECT);
    assert_string_equal(err.text, "the record is empty");
    assert_int_equal(read_value("payloads", NULL, (struct str){large, sizeof(large)}, none),
                     REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_topics_of_seldon_v2),
        cmocka_unit_test(test_pipeline_topics_of_seldon_v2),
        cmocka_unit_test(test_an_error_of_seldon_v2_is_an_answer),
        cmocka_unit_test(test_the_log_of_seldon_v1),
        cmocka_unit_test(test_requests_and_answers_of_mlserver_meet),
        cmocka_unit_test(test_times_that_are_none_are_left_out),
        cmocka_unit_test(test_what_names_no_prediction_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
