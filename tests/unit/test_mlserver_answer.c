/* What MLServer answers, as it was captured from the running program and as nobody should answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/mlserver_answer.h"

#define TEXT_BYTES (1 << 17)

struct bench {
    struct json_doc *doc;
    struct arena *arena;
    char text[TEXT_BYTES + JSON_PADDING_BYTES];
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->doc = json_doc_new(16, 65536);
    b->arena = arena_new(1 << 20);
    *state = b;
    return b->doc && b->arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    json_doc_free(b->doc);
    arena_free(b->arena);
    free(b);
    return 0;
}

static struct str put(struct bench *b, const char *text)
{
    memset(b->text, 0, sizeof(b->text));
    snprintf(b->text, TEXT_BYTES, "%s", text);
    arena_reset(b->arena, 0);
    return str_view(b->text);
}

/* The body of a captured answer: the line behind the last empty one. */
static struct str put_file(struct bench *b, const char *name)
{
    static char text[TEXT_BYTES];
    char path[256];

    snprintf(path, sizeof(path), "%s/mlserver/%s", TEST_DATA, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    const char *answer = strstr(text, "---\n");
    assert_non_null(answer);
    const char *body = strstr(answer, "\n\n");
    assert_non_null(body);
    return put(b, body + 2);
}

static void is_text(struct str text, const char *expected)
{
    if (!str_eq(text, str_view(expected))) {
        fail_msg("%.*s instead of %s", (int)text.len, text.ptr, expected);
    }
}

static void test_a_server_says_what_it_is(void **state)
{
    struct bench *b = *state;
    struct mlserver_self self;
    struct err err;

    assert_int_equal(
        mlserver_answer_self(b->doc, put_file(b, "v2_server_metadata.http"), b->arena, &self, &err),
        OK);
    is_text(self.name, "iris-server");
    is_text(self.version, "1.7.1");
    is_text(self.extensions, "[]");
    assert_int_equal(mlserver_answer_self(
                         b->doc, put(b, "{\"version\":7,\"extensions\":[\"a\",3,\"b\\\"c\",\"\"]}"),
                         b->arena, &self, &err),
                     OK);
    is_text(self.name, "");
    is_text(self.version, "");
    is_text(self.extensions, "[\"a\",\"b\\\"c\"]");
}

static void test_the_index_is_every_version_once_in_order(void **state)
{
    struct bench *b = *state;
    struct server_model *models;
    uint32_t count;
    struct err err;

    assert_int_equal(mlserver_answer_index(b->doc, put_file(b, "v2_repository_index.http"),
                                           b->arena, &models, &count, &err),
                     OK);
    assert_int_equal(count, 2);
    is_text(models[0].model, "iris");
    is_text(models[0].version, "1");
    is_text(models[0].state, "READY");
    is_text(models[0].reason, "");
    is_text(models[1].version, "2");
    assert_null(models[0].platform.ptr);
    const char *text =
        "[{\"name\":\"b\",\"version\":null,\"state\":\"State.UNAVAILABLE\",\"reason\":\"no "
        "\\u0000\"},"
        "{\"name\":\"a\",\"state\":\"LOADING\",\"reason\":3},{\"name\":\"b\",\"version\":\"\"},"
        "{\"name\":\"a\",\"version\":\"1\",\"state\":\"A STATE OF MORE THAN THIRTY-TWO BYTES\"}]";
    assert_int_equal(mlserver_answer_index(b->doc, put(b, text), b->arena, &models, &count, &err),
                     OK);
    assert_int_equal(count, 3);
    is_text(models[0].model, "a");
    is_text(models[0].version, "");
    is_text(models[0].state, "LOADING");
    is_text(models[0].reason, "");
    is_text(models[1].version, "1");
    is_text(models[1].state, "UNKNOWN");
    is_text(models[2].model, "b");
    is_text(models[2].state, "UNAVAILABLE");
    is_text(models[2].reason, "no \xEF\xBF\xBD");
    assert_int_equal(mlserver_answer_index(b->doc, put(b, "[]"), b->arena, &models, &count, &err),
                     OK);
    assert_int_equal(count, 0);
}

static void test_a_reason_is_cut_between_characters(void **state)
{
    struct bench *b = *state;
    struct server_model *models;
    char text[2000];
    size_t len;
    uint32_t count;
    struct err err;

    len = (size_t)snprintf(text, sizeof(text),
                           "[{\"name\":\"m\",\"state\":\"UNAVAILABLE\",\"reason\":\"x");
    for (int i = 0; i < 300; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\xC3\xA9");
    }
    snprintf(text + len, sizeof(text) - len, "\"}]");
    assert_int_equal(mlserver_answer_index(b->doc, put(b, text), b->arena, &models, &count, &err),
                     OK);
    assert_int_equal(models[0].reason.len, SERVER_REPORT_REASON_BYTES_MAX - 1);
}

static void test_what_is_no_index_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "Internal Server Error",
                                      "{\"detail\":\"Method Not Allowed\"}",
                                      "null",
                                      "[{\"name\":\"\"}]",
                                      "[{\"version\":\"1\"}]",
                                      "[7]",
                                      "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
                                      "[{\"name\":\"m\"},"};
    struct bench *b = *state;
    struct server_model *models;
    uint32_t count;
    struct err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(
            mlserver_answer_index(b->doc, put(b, bad[i]), b->arena, &models, &count, &err), REJECT);
    }
    char *text = calloc(1, TEXT_BYTES);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i <= SERVER_REPORT_MODELS_MAX; i++) {
        len += (size_t)snprintf(text + len, TEXT_BYTES - len, "%c{\"name\":\"m%zu\"}",
                                i ? ',' : '[', i);
    }
    snprintf(text + len, TEXT_BYTES - len, "]");
    assert_int_equal(mlserver_answer_index(b->doc, put(b, text), b->arena, &models, &count, &err),
                     REJECT);
    memset(text, 'n', 300);
    memcpy(text, "[{\"name\":\"", 10);
    snprintf(text + 300, 10, "\"}]");
    assert_int_equal(mlserver_answer_index(b->doc, put(b, text), b->arena, &models, &count, &err),
                     REJECT);
    free(text);
}

static void test_a_model_says_what_it_is(void **state)
{
    struct bench *b = *state;
    struct server_model model = {.model = STR("iris"), .version = STR("2"), .state = STR("READY")};
    struct server_model drift = {.model = STR("iris-drift"), .version = STR("1")};
    struct err err;

    assert_int_equal(mlserver_answer_model(b->doc, put_file(b, "v2_model_version_metadata.http"),
                                           b->arena, &model, &err),
                     OK);
    is_text(model.version, "2");
    is_text(model.state, "READY");
    is_text(model.platform, "sklearn");
    is_text(model.libraries, "[\"scikit-learn/1.9.1\",\"numpy/2.4.6\"]");
    is_text(model.inputs, "[{\"name\":\"predict\",\"datatype\":\"FP64\",\"shape\":[-1,4]}]");
    is_text(model.outputs, "[{\"name\":\"predict\",\"datatype\":\"INT64\",\"shape\":[-1,1]}]");
    assert_int_equal(mlserver_answer_model(b->doc, put_file(b, "drift_model_metadata.http"),
                                           b->arena, &drift, &err),
                     OK);
    is_text(drift.platform, "");
    is_text(drift.libraries, "[]");
    is_text(drift.inputs, "[]");
    is_text(drift.outputs, "[]");
    /* Versions of the model are not those of libraries. */
    assert_int_equal(mlserver_answer_model(
                         b->doc, put(b, "{\"name\":\"iris\",\"versions\":[\"1\",\"a/2\",\"2\"]}"),
                         b->arena, &model, &err),
                     OK);
    is_text(model.libraries, "[\"a/2\"]");
}

static void test_what_is_no_model_is_refused(void **state)
{
#define TENSOR(text) "{\"name\":\"iris\",\"inputs\":[" text "]}"
    static const char *const bad[] = {
        "Internal Server Error",
        "[]",
        "{}",
        "{\"name\":\"other\"}",
        "{\"error\":\"Model nope not found\"}",
        TENSOR("1"),
        TENSOR("{\"name\":\"x\"}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\"}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":{}}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[1.5]}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[\"1\"]}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[1234567890123456789]}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[NaN]}"),
        TENSOR("{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
               "1]}"),
    };
    struct bench *b = *state;
    struct err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct server_model model = {.model = STR("iris")};
        assert_int_equal(mlserver_answer_model(b->doc, put(b, bad[i]), b->arena, &model, &err),
                         REJECT);
        assert_null(model.platform.ptr);
        assert_null(model.inputs.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_server_says_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_index_is_every_version_once_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_reason_is_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_index_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_model_says_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_model_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
