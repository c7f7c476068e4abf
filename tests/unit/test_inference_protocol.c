/* The Open Inference Protocol in JSON: what a request and an answer of MLServer say (by eye from the captured texts),
 * every limit on both sides, and the first fault of bad ones: a ^ marks the byte where it must be found, and is
 * taken out before reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/inference_protocol.h"

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

static enum verdict read_text(const char *json, bool is_answer, struct inference_message *message,
                              struct json_fault *fault)
{
    size_t len = strlen(json);
    struct err err;

    free(text);
    text = calloc(1, len + JSON_PADDING_BYTES);
    assert_non_null(text);
    memcpy(text, json, len);
    arena_reset(arena, 1 << 16);
    assert_int_equal(json_parse(doc, (struct str){text, len}, fault, &err), OK);
    return inference_read(doc, json_root(doc), is_answer, arena, message, fault, &err);
}

static void expect_tensor(const struct inference_tensor *tensor, const char *name,
                          const char *datatype, int64_t first, int64_t second)
{
    assert_true(str_eq(tensor->name, str_view(name)));
    assert_true(str_eq(tensor->datatype, str_view(datatype)));
    assert_int_equal(tensor->dimension_count, 2);
    assert_int_equal(tensor->shape[0], first);
    assert_int_equal(tensor->shape[1], second);
    assert_non_null(tensor->data);
}

static void test_a_request_and_its_answer(void **state)
{
    struct inference_message message;

    (void)state;
    assert_int_equal(
        read_text(
            "{\"id\": \"5b1a\", \"inputs\": [{\"name\": \"predict\", \"shape\": [2, 4], "
            "\"datatype\": \"FP64\", \"data\": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}]}",
            false, &message, NULL),
        OK);
    assert_true(str_eq(message.id, STR("5b1a")));
    assert_int_equal(message.model_version.len, 0);
    assert_int_equal(message.tensor_count, 1);
    expect_tensor(&message.tensors[0], "predict", "FP64", 2, 4);

    assert_int_equal(
        read_text(
            "{\"model_name\":\"iris\",\"model_version\":\"2\",\"id\":\"5b1a\",\"parameters\":{},"
            "\"outputs\":[{\"name\":\"predict\",\"shape\":[2,1],\"datatype\":\"INT64\","
            "\"parameters\":{\"content_type\":\"np\"},\"data\":[0,2]}]}",
            true, &message, NULL),
        OK);
    assert_true(str_eq(message.model_version, STR("2")));
    assert_false(message.has_failed);
    assert_int_equal(message.tensor_count, 1);
    expect_tensor(&message.tensors[0], "predict", "INT64", 2, 1);
}

static void test_what_has_no_tensors_is_a_message_all_the_same(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "{\"outputs\":[]}",
                                         "{\"outputs\":null}",
                                         "{\"inputs\":[{}]}",
                                         "{\"data\":{\"ndarray\":[[1]]}}",
                                         "{\"instances\":[[1]]}",
                                         "{\"error\":null}"};
    struct inference_message message;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(read_text(bodies[i], true, &message, NULL), OK);
        assert_int_equal(message.tensor_count, 0);
        assert_false(message.has_failed);
    }
}

static void test_an_answer_can_be_an_error_and_a_request_cannot(void **state)
{
    struct inference_message message;

    (void)state;
    assert_int_equal(read_text("{\"error\":\"no such model\"}", true, &message, NULL), OK);
    assert_true(message.has_failed);
    assert_int_equal(read_text("{\"error\":\"no such model\"}", false, &message, NULL), OK);
    assert_false(message.has_failed);
}

static void expect_fault(const char *marked)
{
    struct inference_message message;
    struct json_fault fault = {0};
    char json[256];
    const char *mark = strchr(marked, '^');

    assert_non_null(mark);
    snprintf(json, sizeof(json), "%.*s%s", (int)(mark - marked), marked, mark + 1);
    assert_int_equal(read_text(json, false, &message, &fault), REJECT);
    if (fault.offset != (size_t)(mark - marked)) {
        fail_msg("%s: fault at %zu: %s", marked, fault.offset, fault.reason);
    }
}

static void test_the_first_fault_is_named(void **state)
{
    (void)state;
    expect_fault("^[]");
    expect_fault("{\"id\":^1}");
    expect_fault("{\"inputs\":^{}}");
    expect_fault("{\"inputs\":[^1]}");
    expect_fault("{\"inputs\":[^{\"datatype\":\"FP32\",\"shape\":[1]}]}");
    expect_fault("{\"inputs\":[{\"name\":^7,\"datatype\":\"FP32\",\"shape\":[1]}]}");
    expect_fault("{\"inputs\":[^{\"name\":\"\",\"datatype\":\"FP32\",\"shape\":[1]}]}");
    expect_fault("{\"inputs\":[^{\"name\":\"x\",\"shape\":[1]}]}");
    expect_fault("{\"inputs\":[^{\"name\":\"x\",\"datatype\":\"FP32\"}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":^1}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,^-1]}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[^1.5]}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[^1e3]}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[^\"1\"]}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[^2147483648]}]}");
    expect_fault("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\","
                 "\"shape\":[^99999999999999999999999999999999]}]}");
}

/* A request of so many tensors, each with so many dimensions, names and types of so many bytes. */
static enum verdict read_sized(int tensors, int dimensions, int name_bytes, int datatype_bytes)
{
    struct inference_message message;
    size_t room =
        (size_t)tensors * (size_t)(64 + 2 * dimensions + name_bytes + datatype_bytes) + 64;
    char *json = malloc(room);
    size_t len;

    assert_non_null(json);
    len = (size_t)snprintf(json, room, "{\"inputs\":[");
    for (int i = 0; i < tensors; i++) {
        len += (size_t)snprintf(json + len, room - len,
                                "%s{\"name\":\"%0*d\",\"datatype\":\"%0*d\",\"shape\":[",
                                i ? "," : "", name_bytes, 0, datatype_bytes, 0);
        for (int k = 0; k < dimensions; k++) {
            len += (size_t)snprintf(json + len, room - len, k ? ",1" : "1");
        }
        len += (size_t)snprintf(json + len, room - len, "]}");
    }
    snprintf(json + len, room - len, "]}");
    enum verdict verdict = read_text(json, false, &message, NULL);
    free(json);
    return verdict;
}

static void test_every_limit_has_two_sides(void **state)
{
    (void)state;
    assert_int_equal(read_sized(INFERENCE_TENSORS_MAX, 1, 1, 1), OK);
    assert_int_equal(read_sized(INFERENCE_TENSORS_MAX + 1, 1, 1, 1), REJECT);
    assert_int_equal(read_sized(1, INFERENCE_DIMENSIONS_MAX, 1, 1), OK);
    assert_int_equal(read_sized(1, INFERENCE_DIMENSIONS_MAX + 1, 1, 1), REJECT);
    assert_int_equal(read_sized(1, 0, 1, 1), OK);
    assert_int_equal(read_sized(1, 1, INFERENCE_NAME_BYTES_MAX, 1), OK);
    assert_int_equal(read_sized(1, 1, INFERENCE_NAME_BYTES_MAX + 1, 1), REJECT);
    assert_int_equal(read_sized(1, 1, 1, INFERENCE_DATATYPE_BYTES_MAX), OK);
    assert_int_equal(read_sized(1, 1, 1, INFERENCE_DATATYPE_BYTES_MAX + 1), REJECT);
}

static void test_the_largest_dimension_is_taken(void **state)
{
    struct inference_message message;

    (void)state;
    assert_int_equal(
        read_text("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2147483647,0]}]}",
                  false, &message, NULL),
        OK);
    assert_int_equal(message.tensors[0].shape[0], INT32_MAX);
    assert_int_equal(message.tensors[0].shape[1], 0);
}

static enum verdict read_feedback(const char *json, struct inference_message *message)
{
    struct inference_message ignored;
    struct err err;

    (void)!read_text(json, false, &ignored, NULL);
    return inference_read_feedback(doc, json_root(doc), message, NULL, &err);
}

static void test_feedback_has_a_reward_or_none(void **state)
{
    struct inference_message message;

    (void)state;
    assert_int_equal(
        read_feedback("{\"request\":{\"data\":{\"ndarray\":[[5.1]]}},\"reward\":1.0,\"truth\":{}}",
                      &message),
        OK);
    assert_true(message.has_reward);
    assert_int_equal(message.reward_micros, 1000000);
    assert_int_equal(read_feedback("{\"reward\":-1e6}", &message), OK);
    assert_int_equal(message.reward_micros, INT64_C(-1000000000000));
    assert_int_equal(read_feedback("{\"reward\":0.1234567}", &message), OK);
    assert_int_equal(message.reward_micros, 123457);
    assert_int_equal(read_feedback("{\"reward\":null}", &message), OK);
    assert_false(message.has_reward);
    assert_int_equal(read_feedback("{}", &message), OK);
    assert_int_equal(message.reward_micros, 0);
    assert_int_equal(read_feedback("{\"reward\":1000000.1}", &message), REJECT);
    assert_int_equal(read_feedback("{\"reward\":NaN}", &message), REJECT);
    assert_int_equal(read_feedback("{\"reward\":-Infinity}", &message), REJECT);
    assert_int_equal(read_feedback("{\"reward\":\"1\"}", &message), REJECT);
    assert_int_equal(read_feedback("[]", &message), REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_and_its_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_has_no_tensors_is_a_message_all_the_same, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_can_be_an_error_and_a_request_cannot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_first_fault_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_limit_has_two_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_largest_dimension_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feedback_has_a_reward_or_none, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
