/* Digests and hashes of the audit chain against values computed with Python's hashlib from the header's rules:
 *
 *   def h(*parts): return hashlib.sha256(b''.join(parts)).digest()
 *   i2, i4, i8 = (lambda v, f=f: struct.pack(f, v) for f in ('>h', '>i', '>q'))
 *   tm = lambda us: i8(us - 946684800000000)
 *   tx = lambda t: i4(-1) if t is None else i4(len(t)) + t */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/audit_chain.h"

static const struct id128 id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static void assert_half(struct id128 half, const char *expected)
{
    char text[33];
    for (size_t i = 0; i < sizeof half.bytes; i++) {
        snprintf(text + 2 * i, 3, "%02x", half.bytes[i]);
    }
    assert_string_equal(text, expected);
}

static void assert_hash(struct audit_hash hash, const char *expected)
{
    char text[AUDIT_HASH_TEXT_BYTES];
    audit_chain_format(hash, text);
    assert_string_equal(text, expected);
}

/* h(ID, i8(4711), tm(...), i2(2), tx(b'key-1'), tx(b'host/42'), i8(7), i8(99), tx(b'again'))[:16] */
static void test_audit_chain_digests_how_an_event_came_in(void **state)
{
    struct audit_event event = {.id = id,
                                .kafka_offset = 4711,
                                .received_at_us = 1795600000000001,
                                .source = 2,
                                .principal = STR("key-1"),
                                .emitter_id = STR("host/42"),
                                .emitter_epoch = 7,
                                .emitter_sequence = 99,
                                .idempotency_key = STR("again")};
    (void)state;
    assert_half(audit_chain_event(&event), "6a6a8805871bca82213e58a53a8f58dc");
}

static void test_audit_chain_tells_null_from_empty(void **state)
{
    struct audit_event event = {.id = id, .received_at_us = -1};
    (void)state;
    assert_half(audit_chain_event(&event), "4da3babb785d5b4d9887ab1c7f727968");
    event.emitter_epoch = 5; /* without an emitter it is not meant */
    assert_half(audit_chain_event(&event), "4da3babb785d5b4d9887ab1c7f727968");
    event.principal = STR("");
    assert_half(audit_chain_event(&event), "a64f36bbc283b6761dceac2eb14c36e6");
}

static void test_audit_chain_digests_a_report(void **state)
{
    const struct audit_refusal refusals[] = {{.ordinal = 0,
                                              .key_id = STR("anonymous"),
                                              .status = 401,
                                              .reason = STR("missing"),
                                              .count = 3,
                                              .first_us = 1795600000000000,
                                              .last_us = 1795600001000000,
                                              .gateway = STR("gw:5000")},
                                             {.ordinal = 1,
                                              .key_id = STR("k"),
                                              .status = 429,
                                              .reason = STR("rate"),
                                              .count = 12,
                                              .first_us = 1795600000000000,
                                              .last_us = 1795600000000000,
                                              .gateway = STR("gw:5000")}};
    (void)state;
    assert_half(audit_chain_report(id, refusals, 2), "12ffe4e5bcfc7ffcca1394d865083d0c");
}

/* Three rows one behind the other: two digests, one letter, an empty stretch. */
static void test_audit_chain_hashes_rows_one_behind_the_other(void **state)
{
    uint8_t digests[32];
    struct audit_row row = {.sequence = 1,
                            .kind = AUDIT_EVENTS,
                            .from_offset = 17,
                            .next_offset = 20,
                            .received_from_us = 1795600000000001,
                            .received_until_us = 1795600000000009,
                            .written_at_us = 1795600001000000,
                            .digests = {(const char *)digests, 32}};
    (void)state;
    for (uint8_t i = 0; i < 32; i++) {
        digests[i] = i;
    }
    struct audit_hash hash = audit_chain_genesis(STR("cluster-a"), STR("th\xC3\xA8me"), 3, 17);
    assert_hash(hash, "516aff82faf08f8132fd6fcae9743fed7dd05bf75826ee40fd2c65c7f48a7234");
    hash = audit_chain_row(hash, &row);
    assert_hash(hash, "089d7d4372fd457c140705d9de59a1fd64aefabb537d8b331e408791f1bf0c26");
    row = (struct audit_row){.sequence = 2,
                             .kind = AUDIT_LETTERS,
                             .from_offset = 18,
                             .next_offset = 19,
                             .received_from_us = 1795600000500000,
                             .received_until_us = 1795600000500000,
                             .written_at_us = 1795600001000000,
                             .digests = {(const char *)digests, 16}};
    hash = audit_chain_row(hash, &row);
    assert_hash(hash, "c4dfb798afb2f103d91054e58e7e5b65f61ef11dde3d668008ae4d2a90ee1d5a");
    row = (struct audit_row){.sequence = 3,
                             .kind = AUDIT_EVENTS,
                             .from_offset = 20,
                             .next_offset = 21,
                             .received_from_us = 1795600002000000,
                             .received_until_us = 1795600002000000,
                             .written_at_us = 1795600002000000};
    hash = audit_chain_row(hash, &row);
    assert_hash(hash, "eedad955ad9e88ed974eacab286a0f41d7b0aa6e3011cb6daaf30227ce9ea91a");
}

static void test_audit_chain_hashes_acts(void **state)
{
    const struct audit_act act = {.sequence = 1,
                                  .done_at_us = 1795600003000000,
                                  .kind = STR("erase"),
                                  .done_by = STR("metaops_owner"),
                                  .detail = STR("{\"reason\": \"asked for\"}")};
    (void)state;
    assert_hash(audit_chain_act((struct audit_hash){{0}}, &act),
                "2e29be36e6f838ba2350cd91d96c2457bcb89f044303d1a7ea7578f4680d145b");
}

static void test_audit_chain_reads_a_hash_as_it_writes_it_and_nothing_else(void **state)
{
    struct audit_hash hash = {{0xab, 0xcd}};
    struct audit_hash read;
    char text[AUDIT_HASH_TEXT_BYTES];
    (void)state;
    audit_chain_format(hash, text);
    assert_true(audit_chain_parse(str_view(text), &read));
    assert_true(audit_chain_equal(hash, read));
    assert_false(audit_chain_parse((struct str){text, 63}, &read));
    text[5] = 'G';
    assert_false(audit_chain_parse(str_view(text), &read));
    text[5] = 'A'; /* lower case only */
    assert_false(audit_chain_parse(str_view(text), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit_chain_digests_how_an_event_came_in),
        cmocka_unit_test(test_audit_chain_tells_null_from_empty),
        cmocka_unit_test(test_audit_chain_digests_a_report),
        cmocka_unit_test(test_audit_chain_hashes_rows_one_behind_the_other),
        cmocka_unit_test(test_audit_chain_hashes_acts),
        cmocka_unit_test(test_audit_chain_reads_a_hash_as_it_writes_it_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
