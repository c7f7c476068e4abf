/* The codec against the wire format written by hand, and against hostile bytes: every truncation,
 * every single changed byte, lengths nobody has. That it agrees with avro-c is in
 * test_avro_contract.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "core/json.h"
#include "schemas/event_codec.h"

#define BODY_MAX ((size_t)4 * 1024 * 1024)

/* A record whose every byte is by hand: C3 01, fingerprint, event id, then the fields. Numbers are
 * zigzag: 2 is 04, lengths likewise. */
#define HEAD "\xC3\x01\x9A\x1B\x23\x1E\x4A\x61\xCD\x9F"
#define ID "0123456789abcdef"
#define FORMAT "\x16openlineage"
/* received_at_us 64, source FILE, format, no principal, emitter "e1" epoch 3 sequence -1, 2
 * redactions, key "" */
#define MIDDLE                                                                                     \
    "\x80\x01\x06" FORMAT "\x00\x02\x04"                                                           \
    "e1"                                                                                           \
    "\x02\x06\x02\x01\x04\x02\x00"
#define RECORD                                                                                     \
    HEAD ID MIDDLE "\x00\x06\x06"                                                                  \
                   "{ }"

/* As the second version has it, which is written: a gap from 7 to 9 behind the sequence, reason "full", in one
 * block of one item. */
#define RECORD_V2                                                                                  \
    "\xC3\x01\x53\x88\xAA\x6A\xA3\xD5\xD9\xB2" ID "\x80\x01\x06" FORMAT "\x00\x02\x04"             \
    "e1"                                                                                           \
    "\x02\x06\x02\x01\x02\x0E\x12\x08"                                                             \
    "full"                                                                                         \
    "\x00\x04\x02\x00\x00\x06\x06"                                                                 \
    "{ }"

struct fixture {
    struct event_codec *codec;
    struct arena *arena;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof(*fx));

    if (!fx) {
        return -1;
    }
    fx->codec = event_codec_new(BODY_MAX);
    fx->arena = arena_new(64 * 1024 * 1024);
    *state = fx;
    return fx->codec && fx->arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    event_codec_free(fx->codec);
    arena_free(fx->arena);
    free(fx);
    return 0;
}

static enum verdict decode(struct fixture *fx, struct str bytes, struct lineage_event *out_ev)
{
    struct err err = {0};
    /* An exact copy on the heap, so that a sanitizer sees any read behind the end. */
    char *copy = malloc(bytes.len ? bytes.len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    arena_reset(fx->arena, SIZE_MAX);
    enum verdict verdict =
        event_codec_decode(fx->codec, (struct str){copy, bytes.len}, fx->arena, out_ev, &err);
    if (verdict != OK) {
        assert_int_equal(verdict, REJECT);
        assert_true(err.text[0] != '\0');
    }
    free(copy);
    return verdict;
}

static void assert_rejected(struct fixture *fx, struct str bytes, const char *reason)
{
    struct lineage_event ev;
    struct err err = {0};

    assert_int_equal(event_codec_decode(fx->codec, bytes, fx->arena, &ev, &err), REJECT);
    if (!strstr(err.text, reason)) {
        fail_msg("expected \"%s\" in \"%s\"", reason, err.text);
    }
}

static struct lineage_event sample_event(struct str body)
{
    return (struct lineage_event){
        .event_id = lineage_event_id(body),
        .received_at_us = 1795444194351000,
        .source = SOURCE_HTTP,
        .principal = STR("key-7"),
        .body = body,
    };
}

static void test_a_record_written_by_hand_is_read(void **state)
{
    struct fixture *fx = *state;
    struct lineage_event ev;
    struct err err;

    assert_int_equal(event_codec_decode(fx->codec, STR(RECORD), fx->arena, &ev, &err), OK);
    assert_int_equal(ev.received_at_us, 64);
    assert_int_equal(ev.source, SOURCE_FILE);
    assert_null(ev.principal.ptr);
    assert_true(str_eq(ev.emitter_id, STR("e1")));
    assert_int_equal(ev.emitter_epoch, 3);
    assert_int_equal(ev.emitter_sequence, -1);
    assert_int_equal(ev.redactions, 2);
    assert_non_null(ev.idempotency_key.ptr);
    assert_int_equal(ev.idempotency_key.len, 0);
    assert_true(str_eq(ev.format, STR("openlineage")));
    assert_true(str_eq(ev.body, STR("{ }")));
    /* The record's own id is a lie. */
    assert_true(id128_eq(ev.event_id, lineage_event_id(STR("{ }"))));
    for (size_t i = 0; i < JSON_PADDING_BYTES; i++) {
        assert_int_equal(ev.body.ptr[ev.body.len + i], 0);
    }
}

/* One block of one gap, and one with the number of its bytes, of another. */
static void test_gaps_come_in_blocks(void **state)
{
    struct fixture *fx = *state;
    struct lineage_event ev;
    static const char record[] =
        "\xC3\x01\x53\x88\xAA\x6A\xA3\xD5\xD9\xB2" ID "\x80\x01\x06" FORMAT "\x00\x00\x00\x00"
        "\x02\x0E\x12\x08"
        "full"
        "\x01\x0A\x14\x16\x04"
        "no"
        "\x00\x04\x00\x00\x06\x06{ }";

    assert_int_equal(decode(fx, STR(record), &ev), OK);
    assert_int_equal(ev.gap_count, 2);
    assert_int_equal(ev.gaps[0].from_seq, 7);
    assert_int_equal(ev.gaps[1].from_seq, 10);
    assert_int_equal(ev.gaps[1].to_seq, 11);
    assert_int_equal(ev.gaps[1].reason.len, 2);
}

static void test_a_small_event_is_written_as_by_hand(void **state)
{
    struct fixture *fx = *state;
    struct lineage_event ev = {
        .received_at_us = 64,
        .source = SOURCE_FILE,
        .emitter_id = STR("e1"),
        .emitter_epoch = 3,
        .emitter_sequence = -1,
        .gaps = &(struct lineage_gap){.from_seq = 7, .to_seq = 9, .reason = STR("full")},
        .gap_count = 1,
        .redactions = 2,
        .idempotency_key = STR(""),
        .body = STR("{ }"),
    };
    struct lineage_event back;
    void *bytes;
    size_t len;
    struct err err;

    memcpy(ev.event_id.bytes, ID, 16);
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    assert_int_equal(len, sizeof(RECORD_V2) - 1);
    assert_memory_equal(bytes, RECORD_V2, len);
    free(bytes);
    assert_int_equal(
        event_codec_decode(fx->codec, (struct str){RECORD_V2, len}, fx->arena, &back, &err), OK);
    assert_int_equal(back.gap_count, 1);
    assert_int_equal(back.gaps[0].from_seq, 7);
    assert_int_equal(back.gaps[0].to_seq, 9);
    assert_true(str_eq(back.gaps[0].reason, STR("full")));
}

static void test_bodies_of_every_size_come_back_byte_for_byte(void **state)
{
    static const size_t sizes[] = {0, 1, 255, 256, 257, 5000, 65536, 1 << 20, BODY_MAX};
    struct fixture *fx = *state;
    char *body = malloc(BODY_MAX);

    assert_non_null(body);
    for (size_t i = 0; i < BODY_MAX; i++) {
        body[i] = "{\"name\": \"shop.raw.orders\"}, "[(i + i / 1000) % 29];
        if (i % 100 == 0) {
            body[i] = (char)('a' + i / 100 * 2654435761u % 26);
        }
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct lineage_event ev = sample_event((struct str){body, sizes[i]});
        struct lineage_event back;
        void *bytes;
        size_t len;
        struct err err;

        assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
        arena_reset(fx->arena, 0);
        assert_int_equal(
            event_codec_decode(fx->codec, (struct str){bytes, len}, fx->arena, &back, &err), OK);
        assert_true(str_eq(back.body, ev.body));
        assert_true(id128_eq(back.event_id, ev.event_id));
        assert_true(str_eq(back.principal, STR("key-7")));
        assert_true(sizes[i] < 5000 || len < sizes[i] / 2);
        free(bytes);
    }
    free(body);
}

/* Above 64 KiB a body may inflate to 256 times what came, no more. */
static void test_a_body_that_shrinks_too_much_travels_as_it_is(void **state)
{
    struct fixture *fx = *state;
    char *body = malloc(BODY_MAX);
    void *bytes;
    size_t len;
    struct err err;

    assert_non_null(body);
    memset(body, ' ', BODY_MAX);
    struct lineage_event ev = sample_event((struct str){body, 65536});
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    assert_true(len < 300);
    free(bytes);
    ev.body.len = 65537;
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    assert_true(len > 65537);
    struct lineage_event back;
    assert_int_equal(
        event_codec_decode(fx->codec, (struct str){bytes, len}, fx->arena, &back, &err), OK);
    assert_true(str_eq(back.body, ev.body));
    free(bytes);
    free(body);
}

static void test_a_body_that_does_not_shrink_travels_as_it_is(void **state)
{
    struct fixture *fx = *state;
    char body[4096];
    uint64_t seed = 42;
    void *bytes;
    size_t len;
    struct err err;

    for (size_t i = 0; i < sizeof(body); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        body[i] = (char)(seed >> 56);
    }
    struct lineage_event ev = sample_event((struct str){body, sizeof(body)});
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    /* IDENTITY, then 4096 twice: bytes when inflated, length. A stored zstd block would also end
     * with the body. */
    assert_memory_equal((char *)bytes + len - sizeof(body) - 5, "\x00\x80\x40\x80\x40", 5);
    assert_memory_equal((char *)bytes + len - sizeof(body), body, sizeof(body));
    free(bytes);
}

static void test_encode_refuses_what_decode_would(void **state)
{
    struct fixture *fx = *state;
    static struct lineage_gap gaps[LINEAGE_EVENT_GAPS_MAX + 1] = {{.reason = STR("\xFF")}};
    struct lineage_event events[11];
    void *bytes;
    size_t len;

    for (size_t i = 0; i < 11; i++) {
        events[i] = sample_event(STR("{}"));
    }
    events[0].principal = STR("\xFF");
    events[1].emitter_id = STR("\xC0\x80");
    events[2].idempotency_key = STR("caf\xE9");
    events[3].redactions = -1;
    events[4].received_at_us = INT64_MIN;
    events[5].received_at_us = INT64_C(253402300800000000);
    events[6].body = (struct str){"", BODY_MAX + 1};
    events[7].format = STR("\xFF");
    events[8].format = STR("");
    events[9].gaps = gaps;
    events[9].gap_count = 1;
    events[10].gaps = gaps + 1;
    events[10].gap_count = LINEAGE_EVENT_GAPS_MAX + 1;
    for (size_t i = 0; i < 11; i++) {
        struct err err = {0};
        assert_int_equal(event_codec_encode(fx->codec, &events[i], &bytes, &len, &err), REJECT);
        assert_true(err.text[0] != '\0');
    }
}

static void test_every_truncation_is_rejected(void **state)
{
    struct fixture *fx = *state;
    struct lineage_event ev;
    char body[600];
    void *bytes;
    size_t len;
    struct err err;

    for (size_t n = 0; n < sizeof(RECORD) - 1; n++) {
        assert_int_equal(decode(fx, (struct str){RECORD, n}, &ev), REJECT);
    }
    memset(body, 'x', sizeof(body));
    ev = sample_event((struct str){body, sizeof(body)});
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    for (size_t n = 0; n < len; n++) {
        assert_int_equal(decode(fx, (struct str){bytes, n}, &ev), REJECT);
    }
    free(bytes);
}

static void change_every_byte(struct fixture *fx, const char *bytes, size_t len)
{
    char *copy = malloc(len);

    assert_non_null(copy);
    for (size_t at = 0; at < len; at++) {
        for (int value = 0; value < 256; value++) {
            struct lineage_event ev;
            memcpy(copy, bytes, len);
            copy[at] = (char)value;
            if (decode(fx, (struct str){copy, len}, &ev) == OK) {
                assert_true(ev.body.len <= BODY_MAX);
                assert_true(id128_eq(ev.event_id, lineage_event_id(ev.body)));
            } else {
                assert_true(copy[at] != bytes[at]);
            }
        }
    }
    free(copy);
}

static void test_any_single_changed_byte_is_rejected_or_read(void **state)
{
    struct fixture *fx = *state;
    char body[600];
    void *bytes;
    size_t len;
    struct err err;

    change_every_byte(fx, RECORD, sizeof(RECORD) - 1);
    memset(body, 'x', sizeof(body));
    struct lineage_event ev = sample_event((struct str){body, sizeof(body)});
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    change_every_byte(fx, bytes, len);
    free(bytes);
}

static void test_lies_are_rejected_with_their_reason(void **state)
{
    struct fixture *fx = *state;
    /* A length of 2^62: zigzag 2^63, whose only bit is the last of ten bytes. */
    static const char huge[] = HEAD ID "\x80\x01\x06"
                                       "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
                                       "openlineage";

    assert_rejected(fx, STR(""), "C3 01");
    assert_rejected(fx, STR("{\"eventTime\": 1}"), "C3 01");
    assert_rejected(fx, STR("\xC3\x01\x00\x00\x00\x00\x00\x00\x00\x00 and more"), "schema");
    assert_rejected(fx, STR(huge), "longer than the record");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x06\x01openlineage"), "negative length");
    assert_rejected(fx, STR(HEAD ID "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\x06"),
                    "more than 64 bits");
    assert_rejected(fx, STR(HEAD ID "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x06"),
                    "more than 64 bits");
    assert_rejected(fx, STR(HEAD ID "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x06"),
                    "years 1 to 9999");
    assert_rejected(fx, STR(HEAD ID "\x80\x80\x9B\xC7\x99\x83\xA2\x84\x07\x06" FORMAT),
                    "years 1 to 9999");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x81\x80\x80\x80\x10" FORMAT), "more than 32 bits");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x08" FORMAT), "source");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x01" FORMAT), "source");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x06\x00"), "format at byte 29: empty");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x06" FORMAT "\x04"), "principal");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x06" FORMAT "\x02\x02\xFF"), "principal at byte 41");
    assert_rejected(fx, STR(HEAD ID "\x80\x01\x06" FORMAT "\x00\x00\x00\x00\x01\x00"),
                    "redactions");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x04\x06\x06{ }"), "body_codec");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x00\x05\x06{ }"), "body_bytes");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x00\x80\x80\x80\x80\x10\x06{ }"), "32 bits");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x00\x08\x06{ }"), "body_bytes");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x00\xFE\xFF\xFF\xFF\x0F\x06{ }"), "too large");
    assert_rejected(fx, STR(HEAD ID MIDDLE "\x02\x06\x06{ }"), "zstd frame");
    assert_rejected(fx, STR(RECORD "\x00"), "bytes follow");
}

/* Which formats there are is for the readers to know. */
static void test_any_format_travels(void **state)
{
    struct fixture *fx = *state;
    struct lineage_event ev = sample_event(STR("{}"));
    struct err err;
    void *bytes;
    size_t len;

    ev.format = STR("cloudevents");
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), OK);
    assert_int_equal(decode(fx, (struct str){bytes, len}, &ev), OK);
    assert_int_equal(event_codec_decode(fx->codec, (struct str){bytes, len}, fx->arena, &ev, &err),
                     OK);
    assert_true(str_eq(ev.format, STR("cloudevents")));
    free(bytes);
    ev.format = STR("");
    assert_int_equal(event_codec_encode(fx->codec, &ev, &bytes, &len, &err), REJECT);
}

static void assert_frame_rejected(struct fixture *fx, struct str frame, uint8_t inflated_bytes,
                                  const char *reason)
{
    char record[512] = HEAD ID MIDDLE;
    size_t at = sizeof(HEAD ID MIDDLE) - 1;

    assert_true(frame.len < 64 && inflated_bytes < 64);
    record[at++] = 2;
    record[at++] = (char)(inflated_bytes * 2);
    record[at++] = (char)(frame.len * 2);
    memcpy(record + at, frame.ptr, frame.len);
    assert_rejected(fx, (struct str){record, at + frame.len}, reason);
}

static void test_a_frame_must_hold_what_the_record_says(void **state)
{
    struct fixture *fx = *state;
    char frame[128];
    size_t len = ZSTD_compress(frame, sizeof(frame), "0123456789", 10, 1);

    assert_false(ZSTD_isError(len));
    assert_frame_rejected(fx, (struct str){frame, len}, 11, "body_bytes");
    assert_frame_rejected(fx, (struct str){frame, len}, 9, "body_bytes");
    assert_frame_rejected(fx, (struct str){frame, len - 1}, 10, "one zstd frame");
    memcpy(frame + len, frame, len);
    assert_frame_rejected(fx, (struct str){frame, 2 * len}, 20, "one zstd frame");
    assert_frame_rejected(fx, STR("\x50\x2A\x4D\x18\x00\x00\x00\x00"), 0, "one zstd frame");

    /* A frame that does not state its size is judged by what comes out. */
    ZSTD_CCtx *deflate = ZSTD_createCCtx();
    assert_non_null(deflate);
    ZSTD_CCtx_setParameter(deflate, ZSTD_c_contentSizeFlag, 0);
    len = ZSTD_compress2(deflate, frame, sizeof(frame), "0123456789", 10);
    ZSTD_freeCCtx(deflate);
    assert_false(ZSTD_isError(len));
    assert_frame_rejected(fx, (struct str){frame, len}, 11, "damaged");
    assert_frame_rejected(fx, (struct str){frame, len}, 9, "damaged");
}

static void test_a_full_arena_means_try_again(void **state)
{
    struct fixture *fx = *state;
    struct arena *tiny = arena_new(32);
    struct lineage_event ev = {.redactions = 77};
    struct err err;

    assert_non_null(tiny);
    assert_int_equal(event_codec_decode(fx->codec, STR(RECORD), tiny, &ev, &err), RETRY);
    assert_int_equal(ev.redactions, 77);
    assert_int_equal(event_codec_decode(fx->codec, STR(RECORD_V2), tiny, &ev, &err), RETRY);
    assert_non_null(strstr(err.text, "gaps"));
    arena_free(tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_record_written_by_hand_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gaps_come_in_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_small_event_is_written_as_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies_of_every_size_come_back_byte_for_byte, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_body_that_shrinks_too_much_travels_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_body_that_does_not_shrink_travels_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_encode_refuses_what_decode_would, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_format_travels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_rejected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_single_changed_byte_is_rejected_or_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lies_are_rejected_with_their_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_frame_must_hold_what_the_record_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_full_arena_means_try_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
