/* Signed heads. The key and its signature are the first test vector of RFC 8032 (7.1); its id is the SHA-256 of the public
 * half by Python's hashlib. An export is read back as it was written; whatever was changed in it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sinks/audit_heads.h"

#define PRIVATE_PEM                                                                                \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                           \
    "-----END PRIVATE KEY-----\n"
#define PUBLIC_PEM                                                                                 \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                               \
    "-----END PUBLIC KEY-----\n"
#define KEY_ID "21fe31dfa154a261"

static const uint8_t signature_of_nothing[] = {
    0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72, 0x90, 0x86, 0xe2, 0xcc, 0x80, 0x6e, 0x82, 0x8a,
    0x84, 0x87, 0x7f, 0x1e, 0xb8, 0xe5, 0xd9, 0x74, 0xd8, 0x73, 0xe0, 0x65, 0x22, 0x49, 0x01, 0x55,
    0x5f, 0xb8, 0x82, 0x15, 0x90, 0xa3, 0x3b, 0xac, 0xc6, 0x1e, 0x39, 0x70, 0x1c, 0xf9, 0xb4, 0x6b,
    0xd2, 0x5b, 0xf5, 0xf0, 0x59, 0x5b, 0xbe, 0x24, 0x65, 0x51, 0x41, 0x43, 0x8e, 0x7a, 0x10, 0x0b};

static const struct audit_head heads[] = {
    {.topic = STR("b"), .cluster_id = STR("c\"1\\"), .partition = 1, .sequence = 5},
    {.topic = STR("b"), .cluster_id = STR("c\"1\\"), .partition = 0, .sequence = 9, .hash = {{1}}},
    {.is_acts = true, .sequence = 3, .hash = {{2}}}};

static struct audit_key *key_of(const char *pem, mode_t mode, bool needs_private)
{
    char path[] = "/tmp/test_audit_heads.XXXXXX";
    struct audit_key *key = NULL;
    struct err err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    enum verdict verdict = audit_key_read(path, needs_private, &key, &err);
    unlink(path);
    assert_true(verdict == OK || verdict == FATAL);
    return verdict == OK ? key : NULL;
}

static void test_audit_key_signs_as_rfc_8032_says(void **state)
{
    uint8_t signature[AUDIT_KEY_SIGNATURE_BYTES];
    struct audit_key *key = key_of(PRIVATE_PEM, 0600, true);
    struct audit_key *public = key_of(PUBLIC_PEM, 0644, false);
    (void)state;
    assert_string_equal(audit_key_id(key), KEY_ID);
    assert_string_equal(audit_key_id(public), KEY_ID);
    assert_true(audit_key_sign(key, STR(""), signature));
    assert_memory_equal(signature, signature_of_nothing, sizeof signature);
    assert_true(audit_key_has_signed(public, STR(""), signature));
    assert_false(audit_key_has_signed(public, STR("x"), signature));
    assert_false(audit_key_sign(public, STR(""), signature));
    audit_key_free(key);
    audit_key_free(public);
}

static void test_audit_key_is_for_its_owner(void **state)
{
    (void)state;
    assert_null(key_of(PRIVATE_PEM, 0604, true));
    assert_null(key_of(PUBLIC_PEM, 0600, true));
    assert_null(key_of("no key", 0600, false));
    struct audit_key *key = key_of(PRIVATE_PEM, 0644, false);
    assert_non_null(key); /* to check is no secret */
    audit_key_free(key);
    audit_key_free(NULL);
}

static char *written(const struct audit_key *key)
{
    char *line = NULL;
    struct err err;
    assert_int_equal(audit_heads_write(heads, 3, 1000000, key, &line, &err), OK);
    return line;
}

static void test_audit_heads_are_read_as_they_were_written(void **state)
{
    struct audit_key *key = key_of(PRIVATE_PEM, 0600, true);
    struct audit_heads read;
    struct err err;
    size_t count = 0;
    char *line = written(key);
    (void)state;
    static const char begin[] =
        "{\"format\":\"metaops.audit-heads.v1\",\"at\":\"1970-01-01T00:00:01.000000Z\","
        "\"heads\":[{\"cluster\":\"c\\u00221\\u005c\",\"topic\":\"b\",\"partition\":1,"
        "\"sequence\":5,\"hash\":\"0000000000000000000000000000000000000000000000000000000000000000"
        "\"},";
    assert_memory_equal(line, begin, strlen(begin));
    assert_int_equal(audit_heads_init(&read, &err), OK);
    assert_int_equal(audit_heads_add(&read, str_view(line), key, &err), OK);
    assert_int_equal(audit_heads_add(&read, str_view(line), key, &err), OK);
    audit_heads_sort(&read);
    assert_int_equal(read.exports, 2);
    const struct audit_head *found = audit_heads_of(&read, STR("c\"1\\"), STR("b"), 1, &count);
    assert_int_equal(count, 2);
    assert_int_equal(found->sequence, 5);
    found = audit_heads_of(&read, STR("c\"1\\"), STR("b"), 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(found->hash.bytes[0], 1);
    found = audit_heads_of(&read, (struct str){NULL, 0}, STR(""), 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(found->sequence, 3);
    (void)audit_heads_of(&read, STR("other"), STR("b"), 1, &count);
    assert_int_equal(count, 0);
    audit_heads_fini(&read);
    free(line);
    audit_key_free(key);
}

static void test_audit_heads_refuse_every_changed_byte(void **state)
{
    struct audit_key *key = key_of(PRIVATE_PEM, 0600, true);
    struct audit_heads read;
    struct err err;
    char *line = written(key);
    size_t len = strlen(line);
    (void)state;
    assert_int_equal(audit_heads_init(&read, &err), OK);
    for (size_t i = 0; i < len; i++) {
        line[i] ^= 1;
        enum verdict verdict = audit_heads_add(&read, str_view(line), key, &err);
        line[i] ^= 1;
        assert_true(verdict == REJECT || read.cut_lines > 0);
        assert_int_equal(read.exports, 0);
        read.cut_lines = 0;
    }
    assert_int_equal(read.count, 0);
    for (size_t cut = 1; cut < len; cut++) {
        assert_int_equal(audit_heads_add(&read, (struct str){line, cut}, key, &err), OK);
        assert_int_equal(read.cut_lines, cut);
    }
    assert_int_equal(read.exports, 0);
    audit_heads_fini(&read);
    free(line);
    audit_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit_key_signs_as_rfc_8032_says),
        cmocka_unit_test(test_audit_key_is_for_its_owner),
        cmocka_unit_test(test_audit_heads_are_read_as_they_were_written),
        cmocka_unit_test(test_audit_heads_refuse_every_changed_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
