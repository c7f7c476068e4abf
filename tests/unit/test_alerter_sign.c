/* Signatures against the example that the Standard Webhooks libraries share, and one computed with OpenSSL's command
 * line: printf '1-a.1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef -binary | base64 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/alerter_sign.h"

#define KNOWN_KEY "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PLAIN "v1,au3NfMMhNaxtNzgjUeTuQFOioP1YdTN5NFRFZdTcJXE="
#define KNOWN "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static void test_alerter_sign_is_that_of_standard_webhooks(void **state)
{
    struct alerter_sign sign = {.count = 0};
    char out[ALERTER_SIGN_BYTES];
    struct err err;
    (void)state;
    assert_int_equal(alerter_sign_read(&sign, STR(KNOWN_KEY "\n"), &err), OK);
    assert_int_equal(alerter_sign_write(&sign, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                        STR("{\"test\": 2432232314}"), out, &err),
                     OK);
    assert_string_equal(out, KNOWN);
}

static void test_alerter_sign_takes_plain_keys_and_several(void **state)
{
    struct alerter_sign sign = {.count = 0};
    char out[ALERTER_SIGN_BYTES];
    struct err err;
    (void)state;
    assert_int_equal(alerter_sign_read(&sign, STR("0123456789abcdef\r\n\n" KNOWN_KEY), &err), OK);
    assert_int_equal(sign.count, 2);
    assert_int_equal(alerter_sign_write(&sign, "1-a", 1700000000, STR("{}"), out, &err), OK);
    assert_memory_equal(out, PLAIN " v1,", strlen(PLAIN) + 4);
}

static void test_alerter_sign_refuses_what_is_no_key(void **state)
{
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "short",
                                        "whsec_",
                                        "whsec_????????????????????????",
                                        "whsec_MfKQ9r8G",
                                        "0123456789abcdef\nshort"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct alerter_sign sign = {.count = 0};
        struct err err;
        if (alerter_sign_read(&sign, str_view(texts[i]), &err) != REJECT) {
            fail_msg("taken: %s", texts[i]);
        }
    }
    struct alerter_sign binary = {.count = 0};
    struct err fault;
    assert_int_equal(alerter_sign_read(&binary, STR("0123456789abcdef\0\xff"), &fault), REJECT);
    char many[5 * 17 + 1] = "";
    char wide[130];
    struct alerter_sign sign = {.count = 0};
    struct err err;
    for (int i = 0; i < 5; i++) {
        memcpy(many + 17 * i, "0123456789abcdef\n", 18);
    }
    assert_int_equal(alerter_sign_read(&sign, str_view(many), &err), REJECT);
    memset(wide, 'k', 129);
    wide[129] = '\0';
    sign.count = 0;
    assert_int_equal(alerter_sign_read(&sign, str_view(wide), &err), REJECT);
    wide[128] = '\0';
    sign.count = 0;
    assert_int_equal(alerter_sign_read(&sign, str_view(wide), &err), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerter_sign_is_that_of_standard_webhooks),
        cmocka_unit_test(test_alerter_sign_takes_plain_keys_and_several),
        cmocka_unit_test(test_alerter_sign_refuses_what_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
