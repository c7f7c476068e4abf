/* Dead letters against a record written byte by byte by hand, and against damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/dead_letter.h"

/* C3 01, fingerprint, id, has_event_id true, failed_at_us 64, stage "check", reason "bad", pointer
 * "/run", offset 9, topic "t", partition 3, offset 100, time -1, value 2 bytes. */
#define HEAD "\xC3\x01\xAE\x6D\x1E\x61\x48\xDC\x96\xE0"
#define ID "0123456789abcdef"
#define RECORD                                                                                     \
    HEAD ID "\x01\x80\x01\x0A"                                                                     \
            "check\x06"                                                                            \
            "bad\x02\x08/run\x02\x12\x02t\x06\xC8\x01\x01\x04\x00\xFF"

static struct dead_letter sample_letter(void)
{
    struct dead_letter letter = {
        .has_event_id = true,
        .failed_at_us = 64,
        .stage = STR("check"),
        .reason = STR("bad"),
        .json_pointer = STR("/run"),
        .byte_offset = 9,
        .topic = STR("t"),
        .partition = 3,
        .kafka_offset = 100,
        .timestamp_ms = -1,
        .value = STR("\x00\xFF"),
    };

    memcpy(letter.letter_id.bytes, ID, 16);
    return letter;
}

static void assert_letters_equal(const struct dead_letter *a, const struct dead_letter *b)
{
    assert_true(id128_eq(a->letter_id, b->letter_id));
    assert_int_equal(a->has_event_id, b->has_event_id);
    assert_int_equal(a->failed_at_us, b->failed_at_us);
    assert_true(str_eq(a->stage, b->stage));
    assert_true(str_eq(a->reason, b->reason));
    assert_int_equal(a->json_pointer.ptr == NULL, b->json_pointer.ptr == NULL);
    assert_true(str_eq(a->json_pointer, b->json_pointer));
    assert_int_equal(a->byte_offset, b->byte_offset);
    assert_true(str_eq(a->topic, b->topic));
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->kafka_offset, b->kafka_offset);
    assert_int_equal(a->timestamp_ms, b->timestamp_ms);
    assert_true(str_eq(a->value, b->value));
}

static void test_a_letter_is_written_and_read_as_by_hand(void **state)
{
    struct dead_letter letter = sample_letter();
    struct dead_letter back;
    void *bytes;
    size_t len;
    struct err err;

    (void)state;
    assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
    assert_int_equal(len, sizeof(RECORD) - 1);
    assert_memory_equal(bytes, RECORD, len);
    free(bytes);
    assert_int_equal(dead_letter_decode(STR(RECORD), &back, &err), OK);
    assert_letters_equal(&back, &letter);
}

static void test_what_is_missing_stays_missing(void **state)
{
    struct dead_letter letter = sample_letter();
    struct dead_letter back;
    void *bytes;
    size_t len;
    struct err err;

    (void)state;
    letter.has_event_id = false;
    letter.json_pointer = (struct str){NULL, 0};
    letter.byte_offset = -1;
    letter.value = (struct str){NULL, 0};
    assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
    assert_int_equal(dead_letter_decode((struct str){bytes, len}, &back, &err), OK);
    assert_letters_equal(&back, &letter);
    free(bytes);

    letter.json_pointer = STR("");
    letter.byte_offset = 0;
    assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
    assert_int_equal(dead_letter_decode((struct str){bytes, len}, &back, &err), OK);
    assert_letters_equal(&back, &letter);
    free(bytes);
}

static void test_a_reason_that_is_no_utf8_does_not_stop_the_letter(void **state)
{
    struct dead_letter letter = sample_letter();
    struct dead_letter back;
    void *bytes;
    size_t len;
    struct err err;

    (void)state;
    letter.reason = STR("\xC3\xA9 \xC3 \xED\xA0\x80 \xF0\x9F\x98\x80 \xC3");
    letter.json_pointer = STR("/\xE2\x82");
    assert_int_equal(dead_letter_encode(&letter, &bytes, &len, &err), OK);
    assert_int_equal(dead_letter_decode((struct str){bytes, len}, &back, &err), OK);
    assert_true(str_eq(back.reason, STR("\xC3\xA9 ? ??? \xF0\x9F\x98\x80 ?")));
    assert_true(str_eq(back.json_pointer, STR("/?"
                                              "?")));
    free(bytes);
}

static void test_damage_is_rejected_or_read(void **state)
{
    struct dead_letter letter;
    struct err err;
    const size_t len = sizeof(RECORD) - 1;

    (void)state;
    for (size_t n = 0; n < len; n++) {
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, RECORD, n);
        assert_int_equal(dead_letter_decode((struct str){copy, n}, &letter, &err), REJECT);
        free(copy);
    }
    for (size_t at = 0; at < len; at++) {
        for (int value = 0; value < 256; value++) {
            char *copy = malloc(len);
            assert_non_null(copy);
            memcpy(copy, RECORD, len);
            copy[at] = (char)value;
            enum verdict verdict = dead_letter_decode((struct str){copy, len}, &letter, &err);
            assert_true(verdict == OK || (verdict == REJECT && copy[at] != RECORD[at]));
            free(copy);
        }
    }
    assert_int_equal(dead_letter_decode(STR(RECORD "x"), &letter, &err), REJECT);
    assert_int_equal(dead_letter_decode(STR(HEAD ID "\x02\x80\x01"), &letter, &err), REJECT);
    assert_non_null(strstr(err.text, "has_event_id"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_is_written_and_read_as_by_hand),
        cmocka_unit_test(test_what_is_missing_stays_missing),
        cmocka_unit_test(test_a_reason_that_is_no_utf8_does_not_stop_the_letter),
        cmocka_unit_test(test_damage_is_rejected_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
