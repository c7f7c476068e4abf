/* What detectors say: vectors, batches that are not full, descriptions, and what is no verdict. Expected values are read off
 * the texts by eye. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/inference_protocol.h"

#define TENSOR(name, data)                                                                         \
    "{\"name\":\"" name "\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":" data "}"

#define VECTORS                                                                                    \
    TENSOR("is_drift", "[[0,1,0]]")                                                                \
    "," TENSOR("distance", "[0.25,0.5,0.125]") "," TENSOR("p_val", "[0.5,0.01,NaN]") "," TENSOR(   \
        "threshold", "[0.05]")

static struct json_doc *doc;
static struct arena *arena;
static char *text;

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
    free(text);
    text = NULL;
    return 0;
}

static void parse(const char *json)
{
    size_t len = strlen(json);
    struct err err;

    free(text);
    text = calloc(1, len + JSON_PADDING_BYTES);
    assert_non_null(text);
    memcpy(text, json, len);
    arena_reset(arena, 1 << 16);
    assert_int_equal(json_parse(doc, (struct str){text, len}, NULL, &err), OK);
}

static struct detector_answer of_tensors(const char *json)
{
    struct inference_message message;
    struct detector_answer answer;
    struct err err;

    parse(json);
    assert_int_equal(inference_read(doc, json_root(doc), true, arena, &message, NULL, &err), OK);
    assert_int_equal(
        detector_answer_of_tensors(doc, json_root(doc), &message, arena, &answer, &err), OK);
    return answer;
}

static enum verdict read_reply(const char *json, enum detector_kind kind,
                               struct detector_answer *answer, struct json_fault *fault)
{
    struct err err;

    parse(json);
    return detector_answer_of_reply(doc, json_root(doc), kind, arena, answer, fault, &err);
}

static struct detector_answer of_reply(const char *json, enum detector_kind kind)
{
    struct detector_answer answer;

    assert_int_equal(read_reply(json, kind, &answer, NULL), OK);
    return answer;
}

static void test_one_feature_of_a_vector_is_enough(void **state)
{
    (void)state;
    struct detector_answer answer = of_tensors(
        "{\"parameters\":{\"name\":\"TabularDrift\",\"detector_type\":\"drift\",\"data_type\":"
        "\"tabular\",\"version\":\"0.12.0\",\"online\":false},"
        "\"outputs\":[" VECTORS "]}");
    assert_int_equal(answer.kind, DETECTOR_DRIFT);
    assert_int_equal(answer.state, DETECTOR_DRIFTED);
    assert_int_equal(answer.judged, 3);
    assert_int_equal(answer.drifted, 1);
    assert_true(answer.distance == 0.5);
    assert_true(answer.p_value == 0.01);
    assert_true(answer.threshold == 0.05);
    assert_true(str_eq(answer.name, STR("TabularDrift")));
    assert_true(str_eq(answer.detector_type, STR("drift")));
    assert_true(str_eq(answer.data_type, STR("tabular")));
    assert_true(str_eq(answer.version, STR("0.12.0")));
}

static void test_a_clean_vector(void **state)
{
    (void)state;
    struct detector_answer answer =
        of_tensors("{\"outputs\":[" TENSOR("is_drift", "[0,0.0,false]") "]}");
    assert_int_equal(answer.state, DETECTOR_CLEAN);
    assert_int_equal(answer.judged, 3);
    assert_true(isnan(answer.distance) && isnan(answer.p_value) && isnan(answer.threshold));
    assert_int_equal(answer.name.len, 0);
}

static void test_outliers_have_scores(void **state)
{
    (void)state;
    struct detector_answer answer = of_tensors("{\"outputs\":[" TENSOR(
        "instance_score", "[0.5,7.25]") "," TENSOR("is_outlier", "[false,true]") "]}");
    assert_int_equal(answer.kind, DETECTOR_OUTLIER);
    assert_int_equal(answer.state, DETECTOR_DRIFTED);
    assert_int_equal(answer.judged, 2);
    assert_true(answer.distance == 7.25);
}

static void test_an_answer_without_tensors_may_be_a_detectors(void **state)
{
    (void)state;
    struct detector_answer answer = of_tensors("{\"parameters\":{},\"outputs\":[]}");
    assert_int_equal(answer.kind, DETECTOR_NONE);
    assert_int_equal(answer.state, DETECTOR_NOT_EVALUATED);
    assert_true(answer.may_be_one);
    assert_true(isnan(answer.distance));
    assert_false(of_tensors("{\"error\":\"no\",\"outputs\":[]}").may_be_one);
    assert_false(of_tensors("{}").may_be_one);
    assert_false(of_tensors("{\"outputs\":[" TENSOR("y", "[1]") "]}").may_be_one);
    answer = of_tensors("{\"outputs\":[" TENSOR("is_drift", "[]") "]}");
    assert_int_equal(answer.kind, DETECTOR_DRIFT);
    assert_int_equal(answer.state, DETECTOR_NOT_EVALUATED);
}

static void test_a_model_whose_tensor_has_such_a_name(void **state)
{
    (void)state;
    assert_int_equal(of_tensors("{\"outputs\":[" TENSOR("is_drift", "[\"yes\"]") "]}").kind,
                     DETECTOR_NONE);
    assert_int_equal(of_tensors("{\"outputs\":[" TENSOR("is_drift", "[NaN]") "]}").kind,
                     DETECTOR_NONE);
    assert_int_equal(of_tensors("{\"outputs\":[{\"name\":\"is_drift\",\"shape\":[],\"datatype\":"
                                "\"INT64\"}]}")
                         .kind,
                     DETECTOR_NONE);
}

static void test_replies_of_seldon(void **state)
{
    (void)state;
    struct detector_answer answer =
        of_reply("{\"data\":{\"is_drift\":1,\"distance\":null,\"p_val\":0.25,\"threshold\":0.5},"
                 "\"meta\":{\"name\":\"KSDrift\",\"data_type\":null,\"version\":7}}",
                 DETECTOR_DRIFT);
    assert_int_equal(answer.state, DETECTOR_DRIFTED);
    assert_int_equal(answer.judged, 1);
    assert_true(isnan(answer.distance));
    assert_true(answer.p_value == 0.25);
    assert_true(str_eq(answer.name, STR("KSDrift")));
    assert_int_equal(answer.data_type.len, 0);
    assert_int_equal(answer.version.len, 0);
    assert_int_equal(of_reply("{\"data\":{\"is_drift\":false}}", DETECTOR_DRIFT).state,
                     DETECTOR_CLEAN);
    assert_int_equal(of_reply("{\"data\":{}}", DETECTOR_DRIFT).state, DETECTOR_NOT_EVALUATED);
    assert_int_equal(of_reply("{\"data\":{\"is_drift\":null}}", DETECTOR_DRIFT).state,
                     DETECTOR_NOT_EVALUATED);
    assert_int_equal(of_reply("{\"data\":{\"is_drift\":1}}", DETECTOR_OUTLIER).state,
                     DETECTOR_NOT_EVALUATED);
}

static void test_replies_that_are_none(void **state)
{
    static const struct {
        const char *json;
        const char *pointer;
    } cases[] = {
        {"{\"data\":{\"is_drift\":\"1\"}}", "/data/is_drift"},
        {"{\"data\":{\"is_drift\":[1,{}]}}", "/data/is_drift"},
        {"{\"data\":[1]}", "/data"},
        {"{\"meta\":{}}", ""},
    };
    struct detector_answer answer;
    struct json_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_reply(cases[i].json, DETECTOR_DRIFT, &answer, &fault), REJECT);
        assert_string_equal(fault.pointer, cases[i].pointer);
    }
}

static void test_numbers_that_are_none_say_nothing(void **state)
{
    (void)state;
    struct detector_answer answer = of_reply(
        "{\"data\":{\"is_drift\":0,\"distance\":[1e999,-Infinity,\"9\",[2.5]],\"p_val\":[]}}",
        DETECTOR_DRIFT);
    assert_true(answer.distance == 2.5);
    assert_true(isnan(answer.p_value));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_feature_of_a_vector_is_enough),
        TEST(test_a_clean_vector),
        TEST(test_outliers_have_scores),
        TEST(test_an_answer_without_tensors_may_be_a_detectors),
        TEST(test_a_model_whose_tensor_has_such_a_name),
        TEST(test_replies_of_seldon),
        TEST(test_replies_that_are_none),
        TEST(test_numbers_that_are_none_say_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
