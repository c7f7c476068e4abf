/* The Open Inference Protocol in protobuf: captured and composed messages of Seldon Core v2 as the JSON they stand for, by hand
 * from the protocol's definition; every datatype in raw form; and what is refused, with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/inference_wire.h"

#define JSON_BYTES_MAX 4096

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1u << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* a and then b. */
static struct str both(struct str a, struct str b)
{
    char *text = arena_alloc(arena, a.len + b.len + 1);

    assert_non_null(text);
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, b.ptr, b.len);
    return (struct str){text, a.len + b.len};
}

/* A field of bytes, fewer than 128. */
static struct str field(uint8_t number, struct str bytes)
{
    const char begin[] = {(char)(number << 3 | 2), (char)bytes.len};

    assert_true(bytes.len < 128);
    return both((struct str){begin, sizeof(begin)}, bytes);
}

static struct str tensor_of(const char *datatype)
{
    return both(field(1, STR("x")), both(field(2, str_view(datatype)), field(3, STR("\001"))));
}

static void expect(struct str message, bool is_answer, const char *expected)
{
    struct json_fault fault;
    struct err err;
    struct str json;

    if (inference_wire_to_json(message, is_answer, JSON_BYTES_MAX, arena, &json, &fault, &err) !=
        OK) {
        fail_msg("%s instead of %s", err.text, expected);
    }
    if (!str_eq(json, str_view(expected))) {
        fail_msg("%.*s instead of %s", (int)json.len, json.ptr, expected);
    }
    arena_reset(arena, 1u << 16);
}

static void expect_fault(struct str message, size_t offset, const char *reason)
{
    struct json_fault fault;
    struct err err;
    struct str json;

    assert_int_equal(
        inference_wire_to_json(message, false, JSON_BYTES_MAX, arena, &json, &fault, &err), REJECT);
    assert_string_equal(fault.reason, reason);
    assert_int_equal(fault.offset, offset);
    arena_reset(arena, 1u << 16);
}

/* seldon.fraud.model.iris.inputs: 5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3 with the digits of a double. */
static void test_a_request(void **state)
{
    (void)state;
    expect(STR("\n\004iris\022\0011\032\024d1lq8k0fh5ss738i5bp0*"
               "W\n\007predict\022\004FP64\032\002\002\004*B:@"
               "ffffff\024@\0\0\0\0\0\0\014@ffffff\366?\232\231\231\231\231\231\311?"
               "\315\314\314\314\314\314\032@\0\0\0\0\0\0\010@\315\314\314\314\314\314\024@"
               "ffffff\002@"),
           false,
           "{\"model_name\":\"iris\",\"model_version\":\"1\",\"id\":\"d1lq8k0fh5ss738i5bp0\","
           "\"inputs\":[{\"name\":\"predict\",\"datatype\":\"FP64\",\"shape\":[2,4],\"data\":["
           "5.0999999999999996,3.5,1.3999999999999999,0.20000000000000001,"
           "6.7000000000000002,3,5.2000000000000002,2.2999999999999998]}]}");
}

#define ANSWER                                                                                     \
    "\n\006iris_1\022\0011\032\024d1lq8k0fh5ss738i5bp0*"                                           \
    "0\n\007predict\022\005INT64\032\002\002\001"                                                  \
    "\"\024\n\014content_type\022\004\032\002np*\004\032\002\0\002"

static void test_an_answer(void **state)
{
    (void)state;
    expect(STR(ANSWER), true,
           "{\"model_name\":\"iris_1\",\"model_version\":\"1\",\"id\":\"d1lq8k0fh5ss738i5bp0\","
           "\"outputs\":[{\"name\":\"predict\",\"datatype\":\"INT64\",\"shape\":[2,1],"
           "\"parameters\":{\"content_type\":\"np\"},\"data\":[0,2]}]}");
}

static void test_the_frame_of_a_registry_is_taken_off(void **state)
{
    struct str framed = STR("\0\0\0\0\007\0" ANSWER);

    (void)state;
    assert_true(str_eq(inference_wire_unframed(framed), STR(ANSWER)));
    assert_true(str_eq(inference_wire_unframed(STR(ANSWER)), STR(ANSWER)));
    assert_true(str_eq(inference_wire_unframed(STR("\0\0\0\0\007")), STR("\0\0\0\0\007")));
    assert_int_equal(inference_wire_unframed(STR("\0\0\0\0\007\0")).len, 0);
}

#define EMPTY_HEAD "{\"model_name\":\"\",\"model_version\":\"\",\"id\":\"\""

static void test_an_empty_message(void **state)
{
    (void)state;
    expect(STR(""), false, EMPTY_HEAD ",\"inputs\":[]}");
    expect(STR(""), true, EMPTY_HEAD ",\"outputs\":[]}");
}

static void test_parameters_of_every_type(void **state)
{
    struct str kinds =
        both(field(1, STR("i")), field(2, STR("\020\377\377\377\377\377\377\377\377\377\001")));
    struct str message =
        both(field(4, both(field(1, STR("b")), field(2, STR("\010\001")))), field(4, kinds));

    (void)state;
    message = both(message, field(4, both(field(1, STR("s")), field(2, STR("\032\002a\"")))));
    message =
        both(message, field(4, both(field(1, STR("d")), field(2, STR("!\0\0\0\0\0\0\340?")))));
    message = both(message, field(4, both(field(1, STR("u")), field(2, STR("(\177")))));
    message = both(message, field(4, field(1, STR("n"))));
    expect(message, false,
           EMPTY_HEAD ",\"parameters\":{\"b\":true,\"i\":-1,\"s\":\"a\\\"\",\"d\":0.5,\"u\":127,"
                      "\"n\":null},\"inputs\":[]}");
}

static void expect_data(struct str message, const char *datatype, const char *data)
{
    char json[256];

    snprintf(json, sizeof(json),
             EMPTY_HEAD
             ",\"inputs\":[{\"name\":\"x\",\"datatype\":\"%s\",\"shape\":[1],\"data\":%s}]}",
             datatype, data);
    expect(message, false, json);
}

static void expect_contents(const char *datatype, struct str contents, const char *data)
{
    expect_data(field(5, both(tensor_of(datatype), field(5, contents))), datatype, data);
}

static void test_contents_of_every_kind(void **state)
{
    (void)state;
    expect_contents("BOOL", STR("\n\002\001\0"), "[true,false]");
    expect_contents("INT32", STR("\020\377\377\377\377\377\377\377\377\377\001"), "[-1]");
    expect_contents("INT64", STR("\030\001\030\200\001"), "[1,128]");
    expect_contents("UINT32", STR("\"\001\007"), "[7]");
    expect_contents("UINT64", STR("*\012\377\377\377\377\377\377\377\377\377\001"),
                    "[18446744073709551615]");
    expect_contents("FP32", STR("5\0\0\300?2\004\0\0\300\377"), "[1.5,NaN]");
    expect_contents("FP64", STR("9\0\0\0\0\0\0\360\377"), "[-Infinity]");
    expect_contents("BYTES", STR("B\002aeB\004\377\376\0\001B\001\377B\002\377\376"),
                    "[\"ae\",\"//4AAQ==\",\"/w==\",\"//4=\"]");
    expect_contents("BYTES", STR(""), "[]");
}

static void test_a_shape_need_not_be_packed(void **state)
{
    (void)state;
    expect(field(5, STR("\n\001x\022\001y\030\002\030\003")), false,
           EMPTY_HEAD ",\"inputs\":[{\"name\":\"x\",\"datatype\":\"y\",\"shape\":[2,3]}]}");
}

static void expect_raw(const char *datatype, struct str raw, const char *data)
{
    expect_data(both(field(5, tensor_of(datatype)), field(7, raw)), datatype, data);
}

static void test_raw_contents_of_every_datatype(void **state)
{
    (void)state;
    expect_raw("BOOL", STR("\0\001"), "[false,true]");
    expect_raw("INT8", STR("\200\177"), "[-128,127]");
    expect_raw("INT16", STR("\0\200"), "[-32768]");
    expect_raw("INT32", STR("\376\377\377\377"), "[-2]");
    expect_raw("INT64", STR("\0\001\0\0\0\0\0\0"), "[256]");
    expect_raw("UINT8", STR("\200"), "[128]");
    expect_raw("UINT16", STR("\0\200"), "[32768]");
    expect_raw("UINT32", STR("\377\377\377\377"), "[4294967295]");
    expect_raw("UINT64", STR("\377\377\377\377\377\377\377\377"), "[18446744073709551615]");
    expect_raw("FP16", STR("\0<\0\300\0|\001\0\001|"), "[1,-2,Infinity,5.96046448e-08,NaN]");
    expect_raw("BF16", STR("\200?\0\300"), "[1,-2]");
    expect_raw("FP32", STR("\0\0\300?"), "[1.5]");
    expect_raw("FP64", STR("\0\0\0\0\0\0\340?"), "[0.5]");
    expect_raw("BYTES", STR("\002\0\0\0ab\0\0\0\0"), "[\"ab\",\"\"]");
    expect_raw("COMPLEX", STR("abc"), "\"YWJj\"");
}

static void test_what_is_cut_or_of_another_type_is_refused(void **state)
{
    (void)state;
    expect_fault(STR("\n"), 0, "ends within a number");
    expect_fault(STR("\n\200"), 0, "ends within a number");
    expect_fault(STR("\032\001x\n\005iris"), 3, "a length beyond the end");
    expect_fault(STR("\n\377\377\377\377\377\377\377\377\377\001"), 0, "a length beyond the end");
    expect_fault(STR("H\377\377\377\377\377\377\377\377\377\002"), 0,
                 "a number of more than 64 bits");
    expect_fault(STR("K"), 0, "a wire type that is not taken");
    expect_fault(STR("\002\0"), 0, "no field has that number");
    expect_fault(STR("\010\001"), 0, "a field of another wire type");
    expect_fault(STR("(\001"), 0, "a field of another wire type");
    expect_fault(STR("\n\001\377"), 0, "a text is not UTF-8");
    expect_fault(STR("\032\001x\032\001x"), 3, "a field comes twice");
    expect_fault(field(5, STR("\035\0\0\0\0")), 2, "a shape of another wire type");
    expect_fault(field(5, STR("*\004\010\001\020\001")), 6, "contents of two kinds");
    expect_fault(field(5, STR("*\0025\0")), 4, "ends within a number");
    expect_fault(field(4, field(2, STR("\010\001\020\001"))), 6,
                 "a parameter has two values, or one of another wire type");
}

/* Raw contents stand far from their tensor, which is the place that is named. */
static void test_raw_contents_must_fit_their_tensors(void **state)
{
    struct str tensor = field(5, tensor_of("INT16"));

    (void)state;
    expect_fault(both(tensor, field(7, STR("abc"))), 2, "raw contents end within an element");
    tensor = field(5, tensor_of("BYTES"));
    expect_fault(both(tensor, field(7, STR("\005\0\0\0ab"))), 2,
                 "raw contents end within an element");
    expect_fault(field(7, STR("a")), 0, "raw contents for some tensors only");
    tensor = field(5, both(tensor_of("INT8"), field(5, STR("\020\001"))));
    expect_fault(both(tensor, field(7, STR("a"))), 2, "a tensor with contents and raw contents");
}

static struct str empty_tensors(int count)
{
    struct str message = STR("");

    for (int i = 0; i < count; i++) {
        message = both(message, field(5, STR("")));
    }
    return message;
}

static void test_limits(void **state)
{
    struct str json;
    struct err err;

    (void)state;
    expect_fault(empty_tensors(257), 512, "too many tensors");
    expect_fault(empty_tensors(256), 0, "is too large as JSON");
    assert_int_equal(
        inference_wire_to_json(empty_tensors(256), false, 1u << 16, arena, &json, NULL, &err), OK);
    arena_reset(arena, 1u << 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request),
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_the_frame_of_a_registry_is_taken_off),
        cmocka_unit_test(test_an_empty_message),
        cmocka_unit_test(test_parameters_of_every_type),
        cmocka_unit_test(test_contents_of_every_kind),
        cmocka_unit_test(test_a_shape_need_not_be_packed),
        cmocka_unit_test(test_raw_contents_of_every_datatype),
        cmocka_unit_test(test_what_is_cut_or_of_another_type_is_refused),
        cmocka_unit_test(test_raw_contents_must_fit_their_tensors),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("inference_wire", tests, setup, teardown);
}
