/* The emitter library finds the tokens of a JSON text without simdjson. Both ways are held against each other: real
 * events, and thousands of damaged ones, give the same places or the same refusal. */
#define json_stage1 plain_stage1
#define json_stage1_new plain_stage1_new
#define json_stage1_free plain_stage1_free
#define json_stage1_run plain_stage1_run
#include "ingest/emitter/json_stage1.c"
#undef json_stage1
#undef json_stage1_new
#undef json_stage1_free
#undef json_stage1_run
#undef METAOPS_CORE_JSON_STAGE1_H
#define json_stage1_result simd_stage1_result
#define JSON_STAGE1_DONE SIMD_STAGE1_DONE
#define JSON_STAGE1_FAULT SIMD_STAGE1_FAULT
#define JSON_STAGE1_NO_MEMORY SIMD_STAGE1_NO_MEMORY
#include "core/json_stage1.h"
#undef JSON_STAGE1_DONE
#undef JSON_STAGE1_FAULT
#undef JSON_STAGE1_NO_MEMORY

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"

#define TEXT_BYTES_MAX 20000
#define ROUNDS 40

struct pair {
    struct plain_stage1 *plain;
    struct json_stage1 *simd;
    char *room;
};

/* A quote that stands right behind a scalar is part of it for simdjson. Neither is JSON. */
static bool is_glued(const char *text, uint32_t at)
{
    return text[at] == '"' && at > 0 && classes[(unsigned char)text[at - 1]] == SCALAR;
}

/* For simdjson a backslash escapes the next byte outside of strings too. It is never JSON there. */
static bool has_stray_backslash(struct str text)
{
    bool is_inside = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            is_inside = !is_inside;
        } else if (text.ptr[i] == '\\' && !is_inside) {
            return true;
        } else if (text.ptr[i] == '\\') {
            i++;
        }
    }
    return false;
}

static void assert_same(struct pair *pair, size_t len)
{
    struct str text = {pair->room, len};
    const uint32_t *plain = NULL;
    const uint32_t *simd = NULL;
    uint32_t plain_len = 0;
    uint32_t simd_len = 0;
    uint32_t kept = 0;

    if (has_stray_backslash(text)) {
        return;
    }
    memset(pair->room + len, 0, JSON_PADDING_BYTES);
    int plain_result = (int)plain_stage1_run(pair->plain, text, &plain, &plain_len);
    assert_int_equal(plain_result, (int)json_stage1_run(pair->simd, text, &simd, &simd_len));
    if (plain_result != 0) {
        return;
    }
    for (uint32_t i = 0; i < plain_len; i++) {
        if (!is_glued(text.ptr, plain[i])) {
            assert_true(kept < simd_len);
            assert_int_equal(plain[i], simd[kept]);
            kept++;
        }
    }
    assert_int_equal(kept, simd_len);
    assert_int_equal(plain[plain_len], len);
    assert_int_equal(simd[simd_len], len);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A byte or two changed, a piece cut out of the middle, or the end cut off. */
static size_t damage(char *text, size_t len, uint32_t *state)
{
    static const char bytes[] = "\"\\{}[]:, \n\tu0x\x01\x1f\x7f\x80\xc3\xa9\xed\xf0\xff";
    size_t at = next_random(state) % len;

    switch (next_random(state) % 3) {
    case 0:
        text[at] = bytes[next_random(state) % (sizeof(bytes) - 1)];
        text[next_random(state) % len] = bytes[next_random(state) % (sizeof(bytes) - 1)];
        return len;
    case 1: {
        size_t cut = next_random(state) % (len - at) / 4;
        memmove(text + at, text + at + cut, len - at - cut);
        return len - cut;
    }
    default:
        return at + 1;
    }
}

static void compare_file(struct pair *pair, const char *name)
{
    char path[512];
    char *line = NULL;
    size_t size = 0;
    ssize_t got;
    uint32_t state = 7;

    snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((got = getline(&line, &size, file)) > 0) {
        size_t len = (size_t)got < TEXT_BYTES_MAX ? (size_t)got : TEXT_BYTES_MAX;
        memcpy(pair->room, line, len);
        assert_same(pair, len);
        for (int round = 0; round < ROUNDS; round++) {
            memcpy(pair->room, line, len);
            assert_same(pair, damage(pair->room, len, &state));
        }
    }
    free(line);
    fclose(file);
}

static void open_pair(struct pair *pair)
{
    pair->plain = plain_stage1_new();
    pair->simd = json_stage1_new();
    pair->room = malloc(TEXT_BYTES_MAX + JSON_PADDING_BYTES);
    assert_non_null(pair->plain);
    assert_non_null(pair->simd);
    assert_non_null(pair->room);
}

static void close_pair(struct pair *pair)
{
    plain_stage1_free(pair->plain);
    json_stage1_free(pair->simd);
    free(pair->room);
}

static void test_json_stage1_both_ways_agree_on_real_events_and_on_damaged_ones(void **state)
{
    static const char *const files[] = {"airflow.jsonl", "dbt.jsonl", "spark.jsonl",
                                        "openlineage_python.jsonl", "openlineage_java.jsonl"};
    struct pair pair;

    (void)state;
    open_pair(&pair);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        compare_file(&pair, files[i]);
    }
    close_pair(&pair);
}

static void test_json_stage1_both_ways_agree_on_edges(void **state)
{
    static const char *const texts[] = {" ",
                                        "1",
                                        "\"\"",
                                        "\"\\",
                                        "\"\\\"",
                                        "\"\\\\\"",
                                        "{}",
                                        "[\"a\"]",
                                        "\"\x7f\"",
                                        "\"\x80\"",
                                        "nul\xc3",
                                        "\"\xc3\xa9\"",
                                        "\"\n\"",
                                        "\"a\"b",
                                        "a\"b\"",
                                        "\t[\r\n]\n",
                                        "\"\\\\\\\"\"",
                                        "\xef\xbb\xbf{}",
                                        "\"\xed\xa0\x80\""};
    struct pair pair;

    (void)state;
    open_pair(&pair);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t len = strlen(texts[i]);
        /* At every place of a vector of 64 bytes. */
        for (size_t shift = 0; shift < 66; shift++) {
            memset(pair.room, ' ', shift);
            memcpy(pair.room + shift, texts[i], len);
            assert_same(&pair, shift + len);
        }
    }
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_stage1_both_ways_agree_on_real_events_and_on_damaged_ones),
        cmocka_unit_test(test_json_stage1_both_ways_agree_on_edges),
    };
    return cmocka_run_group_tests_name("json_stage1", tests, NULL, NULL);
}
