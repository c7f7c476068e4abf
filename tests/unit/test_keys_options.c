/* The words behind `metaops keys`, and where `metaops emit` finds a key: what is understood, what is
 * refused, and that no refusal shows a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/emit_key.h"
#include "ingest/keys_options.h"

#define MINUTE (INT64_C(60) * 1000000)
#define DAY (24 * 60 * MINUTE)
#define NOW (INT64_C(20514) * DAY + 11 * 60 * MINUTE) /* 2026-03-02T11:00:00Z */

static enum verdict read_words(struct keys_options *out, struct err *err, const char *const *words)
{
    char *argv[16] = {NULL};
    int argc = 0;

    for (; words[argc]; argc++) {
        argv[argc] = (char *)words[argc];
    }
    return keys_options_read(argc, argv, NOW, out, err);
}

#define READ(out, err, ...) read_words(out, err, (const char *const[]){__VA_ARGS__, NULL})

static void test_add_takes_everything(void **state)
{
    struct keys_options options;
    struct err err;

    (void)state;
    assert_int_equal(READ(&options, &err, "add", "night loads", "--namespace", "team-a/*",
                          "--namespace=shop", "--expires", "90d", "--rate", "5/s", "--burst=20",
                          "--quota-events", "1000/day", "--quota-bytes", "2GiB/day"),
                     OK);
    assert_int_equal(options.action, KEYS_ADD);
    assert_true(str_eq(options.change.name, STR("night loads")));
    assert_int_equal(options.change.namespace_count, 2);
    assert_true(str_eq(options.change.namespaces[0], STR("team-a/*")));
    assert_true(str_eq(options.change.namespaces[1], STR("shop")));
    assert_int_equal(options.change.expires_at_us, NOW + 90 * DAY);
    assert_int_equal(options.change.rate_per_s, 5);
    assert_int_equal(options.change.burst, 20);
    assert_int_equal(options.change.events_per_day, 1000);
    assert_int_equal(options.change.bytes_per_day, INT64_C(2) << 30);
    keys_options_fini(&options);
}

static void test_add_needs_a_name_only(void **state)
{
    struct keys_options options;
    struct err err;

    (void)state;
    assert_int_equal(READ(&options, &err, "add", "n"), OK);
    assert_int_equal(options.change.namespace_count, 0);
    assert_int_equal(options.change.expires_at_us, KEY_CHANGE_NEVER);
    assert_int_equal(options.change.rate_per_s, 0);
    keys_options_fini(&options);
}

static void test_expiry_is_a_time_from_now_or_a_date(void **state)
{
    static const struct {
        const char *text;
        int64_t at_us;
    } cases[] = {
        {"30m", NOW + 30 * MINUTE},
        {"12h", NOW + 720 * MINUTE},
        {"1d", NOW + DAY},
        {"2026-03-03", INT64_C(20515) * DAY},
        {"2026-03-03T01:00:00Z", INT64_C(20515) * DAY + 60 * MINUTE},
        {"2026-03-03T01:00:00+01:00", INT64_C(20515) * DAY},
    };
    static const char *const wrong[] = {"",   "d",    "0d", "-1d",        "90",        "90days",
                                        "1w", "1.5d", "x",  "2026-03-02", "2026-13-01"};
    struct keys_options options;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(READ(&options, &err, "add", "n", "--expires", cases[i].text), OK);
        assert_int_equal(options.change.expires_at_us, cases[i].at_us);
        keys_options_fini(&options);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (READ(&options, &err, "add", "n", "--expires", wrong[i]) != REJECT) {
            fail_msg("%s", wrong[i]);
        }
    }
}

static void test_what_is_not_understood_is_refused(void **state)
{
    struct keys_options options;
    struct err err;

    (void)state;
    assert_int_equal(read_words(&options, &err, (const char *const[]){NULL}), REJECT);
    assert_int_equal(READ(&options, &err, "remove", "x"), REJECT);
    assert_int_equal(READ(&options, &err, "add"), REJECT);
    assert_int_equal(READ(&options, &err, "add", ""), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "b"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a\nb"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "\xFF"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--colour", "red"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--namespace"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--namespace", ""), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--rate", "0/s"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--rate", "5/min"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--rate", "/s"), REJECT);
    assert_int_equal(READ(&options, &err, "add", "a", "--burst", "5"), REJECT);
    assert_int_equal(READ(&options, &err, "list", "x"), REJECT);
    assert_int_equal(READ(&options, &err, "revoke"), REJECT);
    assert_int_equal(READ(&options, &err, "revoke", "0000000000000001", "--json"), REJECT);
    assert_int_equal(READ(&options, &err, "revoke", "0000000000000001"), OK);
    assert_true(options.change.is_revoked);
    keys_options_fini(&options);
    assert_int_equal(READ(&options, &err, "list", "--json"), OK);
    assert_true(options.is_json);
    keys_options_fini(&options);
}

static void test_a_key_on_the_command_line_is_not_repeated(void **state)
{
    static const char key[] = "mo_0000000000000001_"
                              "00000000000000000000000000000000000000000000000000000000000000ff";
    struct keys_options options;
    struct err err;

    (void)state;
    assert_int_equal(READ(&options, &err, "revoke", key), REJECT);
    assert_null(strstr(err.text, "mo_"));
    assert_int_equal(READ(&options, &err, "add", "a", key), REJECT);
    assert_null(strstr(err.text, "mo_"));
    assert_int_equal(READ(&options, &err, key), REJECT);
    assert_null(strstr(err.text, "mo_"));
}

static void test_emit_finds_its_key(void **state)
{
    char path[] = "/tmp/test_keys_options.XXXXXX";
    int fd = mkstemp(path);
    struct err err;
    char *key;

    (void)state;
    assert_true(fd >= 0 && write(fd, "from-file\nsecond line\n", 22) == 22);
    close(fd);
    unsetenv("METAOPS_EMIT_API_KEY");
    unsetenv("METAOPS_EMIT_API_KEY_FILE");
    unsetenv("OPENLINEAGE_API_KEY");
    assert_int_equal(emit_key_read(&key, &err), OK);
    assert_string_equal(key, "");
    emit_key_free(key);
    setenv("OPENLINEAGE_API_KEY", "theirs", 1);
    assert_int_equal(emit_key_read(&key, &err), OK);
    assert_string_equal(key, "theirs");
    emit_key_free(key);
    setenv("METAOPS_EMIT_API_KEY_FILE", path, 1);
    assert_int_equal(emit_key_read(&key, &err), OK);
    assert_string_equal(key, "from-file");
    emit_key_free(key);
    setenv("METAOPS_EMIT_API_KEY", "own", 1);
    assert_int_equal(emit_key_read(&key, &err), OK);
    assert_string_equal(key, "own");
    emit_key_free(key);
    /* A line end would begin another header. */
    setenv("METAOPS_EMIT_API_KEY", "hush\r\nX-Evil: 1", 1);
    assert_int_equal(emit_key_read(&key, &err), FATAL);
    assert_null(strstr(err.text, "hush"));
    unsetenv("METAOPS_EMIT_API_KEY");
    unlink(path);
    assert_int_equal(emit_key_read(&key, &err), FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_takes_everything),
        cmocka_unit_test(test_add_needs_a_name_only),
        cmocka_unit_test(test_expiry_is_a_time_from_now_or_a_date),
        cmocka_unit_test(test_what_is_not_understood_is_refused),
        cmocka_unit_test(test_a_key_on_the_command_line_is_not_repeated),
        cmocka_unit_test(test_emit_finds_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
