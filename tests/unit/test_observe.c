/* Payloads of predictions from the record to rows: the window of a time, what is counted, what is known once, and what is no
 * payload. Expected rows are made by hand from the texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/payload_event.h"
#include "support/pipeline.h"

#define RECEIVED_US INT64_C(1772359261000007) /* 2026-03-01T10:01:01.000007Z */
#define MINUTE_US INT64_C(60000000)
#define EVENT(kind, more, data)                                                                    \
    "{\"specversion\":\"1.0\",\"type\":\"io.seldon.serving.inference." kind                        \
    "\",\"source\":\"s\",\"id\":\"1\",\"namespace\":\"n\",\"inferenceservicename\":\"d\","         \
    "\"modelid\":\"m\"" more ",\"data\":" data "}"
#define REQUEST(more)                                                                              \
    EVENT("request", more,                                                                         \
          "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[3,2]},"                   \
          "{\"name\":\"z\",\"datatype\":\"BYTES\",\"shape\":[]}]}")
#define RESPONSE(more)                                                                             \
    EVENT("response", more,                                                                        \
          "{\"model_version\":\"7\",\"outputs\":[{\"name\":\"y\",\"datatype\":\"INT64\","          \
          "\"shape\":[3]}]}")

static struct pipeline pl;

static int setup(void **state)
{
    (void)state;
    pipeline_init(&pl, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pipeline_fini(&pl);
    return 0;
}

static void add(const char *body)
{
    struct lineage_event ev = {
        .received_at_us = RECEIVED_US, .format = STR(PAYLOAD_FORMAT), .body = str_view(body)};

    pipeline_add_event(&pl, "metaops.events", &ev);
}

static void test_a_request_becomes_rows(void **state)
{
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    add(REQUEST(
        ",\"requestid\":\"r\",\"endpoint\":\"e\",\"time\":\"2026-03-01T10:00:59.999999Z\""));
    pipeline_run(&pl);
    assert_int_equal(rows->letters.count, 0);
    assert_int_equal(rows->events.count, 1);
    assert_true(rows->events.items[0].is_payload);
    assert_int_equal(rows->statements.count, 0);
    assert_int_equal(rows->models.count, 1);
    assert_true(str_eq(rows->models.items[0].namespace_, STR("n")));
    assert_true(str_eq(rows->models.items[0].name, STR("m")));
    assert_int_equal(rows->deployments.count, 1);
    assert_true(str_eq(rows->deployments.items[0].name, STR("d")));
    assert_int_equal(rows->model_versions.count, 0);
    assert_int_equal(rows->inference_streams.count, 1);
    assert_true(str_eq(rows->inference_streams.items[0].endpoint, STR("e")));
    assert_int_equal(rows->inference_windows.count, 1);
    const struct graph_inference_window *window = &rows->inference_windows.items[0];
    assert_int_equal(window->start_us, RECEIVED_US - 1000007 - MINUTE_US);
    assert_int_equal(window->requests, 1);
    assert_int_equal(window->answers, 0);
    assert_int_equal(window->errors, 0);
    assert_int_equal(rows->inference_tensors.count, 2);
    const struct graph_inference_tensor *tensor = rows->inference_tensors.items;
    assert_int_equal(tensor[0].direction, GRAPH_INPUT);
    assert_true(str_eq(tensor[0].shape, STR("[-1,2]")));
    assert_int_equal(tensor[0].instances, 3);
    assert_true(str_eq(tensor[1].datatype, STR("BYTES")));
    assert_true(str_eq(tensor[1].shape, STR("[]")));
    assert_int_equal(tensor[1].instances, 1);
    assert_int_equal(rows->inference_pairs.count, 1);
    assert_int_equal(rows->inference_pairs.items[0].request_at_us, RECEIVED_US - 1000008);
    assert_int_equal(rows->inference_pairs.items[0].answer_at_us, GRAPH_NO_TIME);
}

static void test_feedback_is_counted_with_its_reward(void **state)
{
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    add("{\"specversion\":\"1.0\",\"type\":\"io.seldon.serving.feedback\",\"source\":\"s\",\"id\":"
        "\"1\","
        "\"inferenceservicename\":\"d\",\"time\":\"2026-03-01T10:00:00Z\",\"data\":{\"reward\":0.5}"
        "}");
    pipeline_run(&pl);
    assert_int_equal(rows->letters.count, 0);
    assert_int_equal(rows->inference_windows.count, 1);
    assert_int_equal(rows->inference_windows.items[0].requests, 0);
    assert_int_equal(rows->inference_windows.items[0].answers, 0);
    assert_int_equal(rows->inference_windows.items[0].feedbacks, 1);
    assert_int_equal(rows->inference_windows.items[0].rewarded, 1);
    assert_int_equal(rows->inference_windows.items[0].reward_micros, 500000);
    assert_int_equal(rows->inference_tensors.count, 0);
    assert_int_equal(rows->inference_pairs.count, 0);
}

/* As MLServer: the time is that of receipt, which says nothing of how long it took. */
static void test_an_answer_without_a_time(void **state)
{
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    add(RESPONSE(""));
    pipeline_run(&pl);
    assert_int_equal(rows->inference_windows.count, 1);
    assert_int_equal(rows->inference_windows.items[0].start_us, RECEIVED_US - 1000007);
    assert_int_equal(rows->inference_windows.items[0].answers, 1);
    assert_int_equal(rows->inference_tensors.items[0].direction, GRAPH_OUTPUT);
    assert_true(str_eq(rows->inference_tensors.items[0].shape, STR("[-1]")));
    assert_int_equal(rows->model_versions.count, 1);
    assert_true(str_eq(rows->model_versions.items[0].version, STR("7")));
    assert_int_equal(rows->inference_pairs.count, 0);
}

static void test_a_request_and_its_answer_are_one_pair(void **state)
{
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    add(REQUEST(",\"requestid\":\"r\",\"time\":\"2026-03-01T10:00:00Z\""));
    add(RESPONSE(",\"requestid\":\"r\",\"time\":\"2026-03-01T10:00:01Z\""));
    add(RESPONSE(",\"requestid\":\"q\",\"time\":\"2026-03-01T10:00:01Z\""));
    pipeline_run(&pl);
    assert_int_equal(rows->inference_pairs.count, 3);
    const struct graph_inference_pair *pairs = rows->inference_pairs.items;
    assert_true(id128_eq(pairs[0].id, pairs[1].id));
    assert_false(id128_eq(pairs[0].id, pairs[2].id));
    assert_int_equal(rows->models.count, 1);
    assert_int_equal(rows->deployments.count, 1);
}

static void test_windows_before_1970_begin_on_the_minute_too(void **state)
{
    (void)state;
    add(RESPONSE(",\"time\":\"1969-12-31T23:59:59Z\""));
    add(RESPONSE(",\"time\":\"1969-12-31T23:59:00Z\",\"requestid\":\"r\""));
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.inference_windows.items[0].start_us, -MINUTE_US);
    assert_int_equal(pl.bt->rows.inference_windows.items[1].start_us, -MINUTE_US);
}

static void test_a_duplicate_under_another_id_and_time_goes_no_further(void **state)
{
    (void)state;
    add(RESPONSE(",\"requestid\":\"r\",\"time\":\"2026-03-01T10:00:00Z\""));
    add("{\"id\":\"2\",\"specversion\":\"0.3\",\"type\":\"io.seldon.serving.inference.response\","
        "\"source\":\"t\",\"namespace\":\"n\",\"inferenceservicename\":\"d\",\"modelid\":\"m\","
        "\"requestid\":\"r\",\"data\":{\"model_version\":\"7\",\"outputs\":[{\"name\":\"y\","
        "\"datatype\":\"INT64\",\"shape\":[3]}]}}");
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.events.count, 1);
    pipeline_commit(&pl);
    add(RESPONSE(",\"requestid\":\"r\",\"time\":\"2026-03-02T10:00:00Z\""));
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.events.count, 0);
    assert_int_equal(pl.bt->rows.letters.count, 0);
}

static void assert_letter(const char *body, const char *stage)
{
    pipeline_reset(&pl);
    add(body);
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.events.count, 0);
    assert_int_equal(pl.bt->rows.inference_windows.count, 0);
    assert_int_equal(pl.bt->rows.letters.count, 1);
    assert_true(str_eq(pl.bt->rows.letters.items[0].stage, str_view(stage)));
    assert_true(pl.bt->rows.letters.items[0].reason.len > 0);
    assert_true(pl.bt->rows.letters.items[0].value.len > 0);
}

static void test_what_cannot_be_used_becomes_a_letter(void **state)
{
    (void)state;
    assert_letter("{\"specversion\":", "identify");
    assert_letter("[]", "identify");
    assert_letter(EVENT("other", "", "{}"), "identify");
    assert_letter(EVENT("request", ",\"time\":\"soon\"", "{}"), "identify");
    assert_letter(EVENT("request", "", "[]"), "identify");
    assert_letter(EVENT("request", "", "{\"inputs\":[{}]}"), "observe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_becomes_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feedback_is_counted_with_its_reward, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_without_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_and_its_answer_are_one_pair, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_windows_before_1970_begin_on_the_minute_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_duplicate_under_another_id_and_time_goes_no_further,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_used_becomes_a_letter, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
