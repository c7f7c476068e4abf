/* How events stand in a segment file, and what is found in damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/emitter/crc32c.h"
#include "ingest/emitter/spool_record.h"

/* RFC 3720, B.4: 32 bytes of zeros, of ones, ascending, descending. */
static void test_crc32c_gives_the_known_sums(void **state)
{
    (void)state;
    uint8_t bytes[32];

    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, 32), 0x8A9136AA);
    assert_int_equal(crc32c_plain(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, 32), 0x62A8AB43);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c(0, bytes, 32), 0x46DD794E);
    assert_int_equal(crc32c_plain(0, bytes, 32), 0x46DD794E);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(crc32c(0, bytes, 32), 0x113FDB5C);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
    for (size_t len = 0; len < 32; len++) {
        assert_int_equal(crc32c(7, bytes, len), crc32c_plain(7, bytes, len));
    }
}

static size_t put(uint8_t *out, uint64_t sequence, const char *event)
{
    struct spool_record record = {
        .sequence = sequence,
        .emitted_at_us = 1764000000000000,
        .redactions = 3,
        .key = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
        .event = str_view(event),
    };

    spool_record_head(&record, out);
    memcpy(out + SPOOL_RECORD_HEAD_BYTES, event, strlen(event));
    return SPOOL_RECORD_HEAD_BYTES + strlen(event);
}

static void test_spool_record_comes_back_as_written(void **state)
{
    (void)state;
    uint8_t bytes[200];
    struct spool_record record;
    size_t size = 0;
    size_t len = put(bytes, 42, "{\"a\":1}");
    struct str text = {.ptr = (const char *)bytes, .len = len};

    assert_int_equal(spool_record_parse(text, &record, &size), SPOOL_FOUND);
    assert_int_equal(size, len);
    assert_int_equal(record.sequence, 42);
    assert_int_equal(record.emitted_at_us, 1764000000000000);
    assert_int_equal(record.redactions, 3);
    assert_int_equal(record.key.bytes[15], 16);
    assert_int_equal(record.event.len, 7);
    assert_memory_equal(record.event.ptr, "{\"a\":1}", 7);
}

static void test_spool_record_cut_anywhere_wants_more(void **state)
{
    (void)state;
    uint8_t bytes[200];
    struct spool_record record;
    size_t len = put(bytes, 1, "{\"a\":1}");

    for (size_t cut = 1; cut < len; cut++) {
        struct str text = {.ptr = (const char *)bytes, .len = cut};
        size_t size = 0;
        assert_int_equal(spool_record_parse(text, &record, &size), SPOOL_MORE);
        assert_true(size > cut);
    }
}

static void test_spool_record_with_a_changed_bit_is_never_found(void **state)
{
    (void)state;
    uint8_t bytes[200];
    struct spool_record record;
    size_t len = put(bytes, 1, "{\"a\":1}");

    for (size_t i = 0; i < 8 * len; i++) {
        struct str text = {.ptr = (const char *)bytes, .len = len};
        size_t size = 0;
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(spool_record_parse(text, &record, &size), SPOOL_FOUND);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void test_spool_record_behind_damage_is_reached(void **state)
{
    (void)state;
    uint8_t bytes[400];
    struct spool_record record;
    size_t first = put(bytes, 1, "{\"a\":\"MoR\\u0001 is only text\"}");
    size_t len = first + put(bytes + first, 2, "{}");
    size_t at = 0;
    size_t size = 0;
    enum spool_found found = SPOOL_DAMAGED;

    bytes[20] ^= 0x40;
    while (at < len && found != SPOOL_FOUND) {
        struct str text = {.ptr = (const char *)bytes + at, .len = len - at};
        found = spool_record_parse(text, &record, &size);
        if (found == SPOOL_DAMAGED) {
            assert_true(size > 0);
            at += size;
        } else if (found == SPOOL_MORE) {
            at += 1;
        }
    }
    assert_int_equal(found, SPOOL_FOUND);
    assert_int_equal(at, first);
    assert_int_equal(record.sequence, 2);
}

static void test_spool_record_segment_head_names_the_emitter(void **state)
{
    (void)state;
    struct spool_identity identity = {.emitter = "host/job", .epoch = 1764000000000001};
    struct spool_identity back;
    uint8_t bytes[SPOOL_SEGMENT_HEAD_BYTES_MAX];
    size_t len = spool_record_segment_head(&identity, bytes);

    for (size_t cut = 0; cut < len; cut++) {
        struct str text = {.ptr = (const char *)bytes, .len = cut};
        assert_int_equal(spool_record_segment_parse(text, &back), 0);
    }
    struct str whole = {.ptr = (const char *)bytes, .len = len};
    assert_int_equal(spool_record_segment_parse(whole, &back), (long)len);
    assert_string_equal(back.emitter, "host/job");
    assert_int_equal(back.epoch, 1764000000000001);
    for (size_t i = 0; i < 8 * len; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_true(spool_record_segment_parse(whole, &back) <= 0);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* The file may be anybody's, and the name goes into a header. */
static void test_spool_record_segment_of_an_impossible_name_is_damaged(void **state)
{
    (void)state;
    static const char *const names[] = {"e\r\nX-Key: 1", "e;epoch=2", "e,f",
                                        "e f",           "e\x7F",     "e\xC3\xA9"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct spool_identity identity = {.epoch = 1};
        struct spool_identity back;
        uint8_t bytes[SPOOL_SEGMENT_HEAD_BYTES_MAX];
        snprintf(identity.emitter, sizeof(identity.emitter), "%s", names[i]);
        struct str whole = {.ptr = (const char *)bytes,
                            .len = spool_record_segment_head(&identity, bytes)};
        assert_int_equal(spool_record_segment_parse(whole, &back), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_gives_the_known_sums),
        cmocka_unit_test(test_spool_record_comes_back_as_written),
        cmocka_unit_test(test_spool_record_cut_anywhere_wants_more),
        cmocka_unit_test(test_spool_record_with_a_changed_bit_is_never_found),
        cmocka_unit_test(test_spool_record_behind_damage_is_reached),
        cmocka_unit_test(test_spool_record_segment_head_names_the_emitter),
        cmocka_unit_test(test_spool_record_segment_of_an_impossible_name_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
