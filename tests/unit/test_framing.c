/* The two heads of a record, byte by byte, and what becomes of heads that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/event_codec.h"
#include "schemas/framing.h"

/* A registry that knows one schema, under id 0x01020304. */
struct fake {
    struct framing framing;
    enum verdict verdict;
    uint64_t fingerprint;
    int asked;
};

static enum verdict fake_id(struct framing *framing, uint64_t fingerprint, uint32_t *out_id,
                            struct err *err)
{
    struct fake *fake = (struct fake *)framing;

    if (fake->verdict != OK || fingerprint != fake->fingerprint) {
        return err_set(err, fake->verdict == OK ? REJECT : fake->verdict, "fake", "not known");
    }
    *out_id = 0x01020304;
    return OK;
}

static enum verdict fake_fingerprint(struct framing *framing, uint32_t id,
                                     uint64_t *out_fingerprint, struct err *err)
{
    struct fake *fake = (struct fake *)framing;

    fake->asked++;
    if (fake->verdict != OK || id != 0x01020304) {
        return err_set(err, fake->verdict == OK ? REJECT : fake->verdict, "fake", "not known");
    }
    *out_fingerprint = fake->fingerprint;
    return OK;
}

static const struct fake known = {.framing = {.id = fake_id, .fingerprint = fake_fingerprint},
                                  .fingerprint = UINT64_C(0x8877665544332211)};

static const char object[] = "\xC3\x01\x11\x22\x33\x44\x55\x66\x77\x88"
                             "body";

static void test_without_a_registry_the_head_stays(void **state)
{
    char bytes[sizeof(object)];
    size_t len = sizeof(object) - 1;
    struct err err;

    (void)state;
    memcpy(bytes, object, sizeof(object));
    assert_int_equal(framing_write(NULL, bytes, &len, &err), OK);
    assert_int_equal(len, 14);
    assert_memory_equal(bytes, object, 14);
}

static void test_a_registry_gives_a_zero_and_the_id_big_endian(void **state)
{
    struct fake fake = known;
    char bytes[sizeof(object)];
    size_t len = sizeof(object) - 1;
    struct err err;

    (void)state;
    memcpy(bytes, object, sizeof(object));
    assert_int_equal(framing_write(&fake.framing, bytes, &len, &err), OK);
    assert_int_equal(len, 9);
    assert_memory_equal(bytes, "\0\1\2\3\4body", 9);
}

static void test_an_unknown_id_leaves_the_record_as_it_is(void **state)
{
    struct fake fake = known;
    char bytes[sizeof(object)];
    size_t len = sizeof(object) - 1;
    struct err err;

    (void)state;
    fake.verdict = RETRY;
    memcpy(bytes, object, sizeof(object));
    assert_int_equal(framing_write(&fake.framing, bytes, &len, &err), RETRY);
    assert_int_equal(len, 14);
    assert_memory_equal(bytes, object, 14);
}

/* Nobody writes such a record; it does not get onto a topic either. */
static void test_a_record_without_a_head_is_not_framed(void **state)
{
    struct fake fake = known;
    char bytes[] = "no head at all";
    size_t len = sizeof(bytes) - 1;
    struct err err;

    (void)state;
    assert_int_equal(framing_write(&fake.framing, bytes, &len, &err), REJECT);
    assert_string_equal(bytes, "no head at all");
}

static void test_an_event_waits_for_its_id(void **state)
{
    struct fake fake = known;
    struct event_codec *codec = event_codec_new(1000);
    struct lineage_event ev = {.received_at_us = 1, .body = STR("{}")};
    void *bytes = NULL;
    size_t len = 0;
    struct err err;

    (void)state;
    fake.verdict = RETRY;
    event_codec_use_framing(codec, &fake.framing);
    assert_int_equal(event_codec_encode(codec, &ev, &bytes, &len, &err), RETRY);
    assert_null(bytes);
    event_codec_free(codec);
}

static void test_both_heads_are_read(void **state)
{
    struct fake fake = known;
    uint64_t fingerprint = 0;
    size_t head_bytes = 0;
    struct err err;

    (void)state;
    assert_int_equal(
        framing_read(&fake.framing, STR("\0\1\2\3\4body"), &fingerprint, &head_bytes, &err), OK);
    assert_true(fingerprint == known.fingerprint);
    assert_int_equal(head_bytes, 5);
    fingerprint = 0;
    assert_int_equal(framing_read(&fake.framing, STR(object), &fingerprint, &head_bytes, &err), OK);
    assert_true(fingerprint == known.fingerprint);
    assert_int_equal(head_bytes, 10);
    assert_int_equal(fake.asked, 1); /* the fingerprint in the head needs no question */
    assert_int_equal(framing_read(NULL, STR(object), &fingerprint, &head_bytes, &err), OK);
}

static void test_what_has_no_head_is_refused_without_a_question(void **state)
{
    static const struct str bad[] = {
        {"", 0},
        {"\0\1\2\3", 4},
        {"\xC3\x01\x11", 3},
        {"{\"a\": 1, \"b\": 2}", 16},
        {"\xC3\x02........", 10},
    };
    struct fake fake = known;
    uint64_t fingerprint;
    size_t head_bytes;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(framing_read(&fake.framing, bad[i], &fingerprint, &head_bytes, &err),
                         REJECT);
    }
    assert_int_equal(fake.asked, 0);
    assert_int_equal(framing_read(NULL, STR("\0\1\2\3\4body"), &fingerprint, &head_bytes, &err),
                     REJECT);
    assert_non_null(strstr(err.text, "schema_registry.url"));
}

static void test_a_registry_that_is_away_is_no_reason_to_refuse(void **state)
{
    struct fake fake = known;
    uint64_t fingerprint;
    size_t head_bytes;
    struct err err;

    (void)state;
    fake.verdict = RETRY;
    assert_int_equal(
        framing_read(&fake.framing, STR("\0\1\2\3\4body"), &fingerprint, &head_bytes, &err), RETRY);
}

/* The same event in both framings, through the codec. */
static void test_the_codec_reads_what_it_wrote_in_either(void **state)
{
    struct event_codec *codec = event_codec_new(1000);
    struct arena *arena = arena_new(1 << 20);
    struct lineage_event ev = {.body = STR("{\"a\": 1}")};
    struct lineage_event back;
    struct fake fake = known;
    void *plain, *framed;
    size_t plain_len, framed_len, head_bytes;
    struct err err;

    (void)state;
    assert_int_equal(event_codec_encode(codec, &ev, &plain, &plain_len, &err), OK);
    assert_int_equal(
        framing_read(NULL, (struct str){plain, plain_len}, &fake.fingerprint, &head_bytes, &err),
        OK);
    event_codec_use_framing(codec, &fake.framing);
    assert_int_equal(event_codec_encode(codec, &ev, &framed, &framed_len, &err), OK);
    assert_int_equal(framed_len, plain_len - 5);
    assert_memory_equal((char *)framed + 5, (char *)plain + 10, plain_len - 10);
    assert_int_equal(
        event_codec_decode(codec, (struct str){framed, framed_len}, arena, &back, &err), OK);
    assert_true(str_eq(back.body, ev.body));
    assert_int_equal(event_codec_decode(codec, (struct str){plain, plain_len}, arena, &back, &err),
                     OK);
    assert_true(str_eq(back.body, ev.body));
    fake.fingerprint = 1; /* a schema of somebody else under the id */
    assert_int_equal(
        event_codec_decode(codec, (struct str){framed, framed_len}, arena, &back, &err), REJECT);
    assert_non_null(strstr(err.text, "nobody released"));
    free(plain);
    free(framed);
    arena_free(arena);
    event_codec_free(codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_registry_the_head_stays),
        cmocka_unit_test(test_a_registry_gives_a_zero_and_the_id_big_endian),
        cmocka_unit_test(test_an_unknown_id_leaves_the_record_as_it_is),
        cmocka_unit_test(test_a_record_without_a_head_is_not_framed),
        cmocka_unit_test(test_an_event_waits_for_its_id),
        cmocka_unit_test(test_both_heads_are_read),
        cmocka_unit_test(test_what_has_no_head_is_refused_without_a_question),
        cmocka_unit_test(test_a_registry_that_is_away_is_no_reason_to_refuse),
        cmocka_unit_test(test_the_codec_reads_what_it_wrote_in_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
