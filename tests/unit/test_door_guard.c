/* When the doors may open: every combination of address, TLS, keys and what may be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "core/admin_http.h"
#include "core/listen_address.h"
#include "core/settings.h"
#include "ingest/door_guard.h"

#define NAMED "named.pem"

static struct settings settings_of(const char *listen, const char *auth, const char *insecure,
                                   const char *certificate)
{
    struct settings st = {.extra = NULL};

    st.ingest.listen = (char *)listen;
    st.ingest.auth = (char *)auth;
    st.ingest.insecure = (char *)insecure;
    st.ingest.tls_certificate_file = (char *)certificate;
    st.ingest.tls_client_required = "no";
    return st;
}

static void test_door_guard_knows_loopback(void **state)
{
    static const char *const own[] = {"127.0.0.1:5000", "127.9.8.7:1", "[::1]:5000",
                                      "[::ffff:127.0.0.1]:5000", "localhost:1"};
    static const char *const open[] = {"0.0.0.0:5000", ":5000",         "[::]:5000",
                                       "10.0.0.1:5",   "192.0.2.7:443", "[2001:db8::1]:5000",
                                       "no address",   "127.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_true(listen_address_is_loopback(own[i]));
    }
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        assert_false(listen_address_is_loopback(open[i]));
    }
}

struct door_case {
    const char *listen;
    const char *auth;
    const char *insecure;
    const char *certificate;
    const char *missing; /* what the refusal names; NULL: it opens */
    bool requires_key;
};

static const struct door_case cases[] = {
    /* On this machine everything goes. */
    {"127.0.0.1:5000", "auto", "no", "", NULL, false},
    {"127.0.0.1:5000", "none", "no", "", NULL, false},
    {"127.0.0.1:5000", "required", "no", "", NULL, true},
    /* Beyond it both are needed. */
    {"0.0.0.0:5000", "auto", "no", "", "ingest.tls_certificate_file", true},
    {"0.0.0.0:5000", "auto", "no", NAMED, NULL, true},
    {":5000", "required", "no", NAMED, NULL, true},
    {"0.0.0.0:5000", "none", "no", NAMED, "ingest.auth", false},
    /* Without TLS, for something in front ends it. */
    {"0.0.0.0:5000", "auto", "plaintext", "", NULL, true},
    {"0.0.0.0:5000", "none", "plaintext", "", "ingest.insecure = anonymous", false},
    {"0.0.0.0:5000", "none", "plaintext", NAMED, "ingest.auth", false},
    /* Among friends. */
    {"0.0.0.0:5000", "auto", "anonymous", "", NULL, false},
    {"0.0.0.0:5000", "none", "anonymous", "", NULL, false},
    {"0.0.0.0:5000", "required", "anonymous", "", NULL, true},
};

static void test_door_guard_opens_only_what_is_locked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct door_case *each = &cases[i];
        struct settings st =
            settings_of(each->listen, each->auth, each->insecure, each->certificate);
        struct err err = {.text = ""};
        assert_int_equal(door_guard_requires_key(&st), each->requires_key);
        if (each->missing) {
            assert_int_equal(door_guard_check(&st, &err), FATAL);
            assert_non_null(strstr(err.text, each->missing));
            assert_non_null(strstr(err.text, each->listen));
        } else {
            assert_int_equal(door_guard_check(&st, &err), OK);
        }
    }
}

static void test_door_guard_takes_client_certificates_for_keys(void **state)
{
    struct settings st = settings_of("0.0.0.0:5000", "none", "no", NAMED);
    struct err err;

    (void)state;
    st.ingest.tls_client_required = "yes";
    assert_int_equal(door_guard_check(&st, &err), OK);
}

static void test_door_guard_wants_a_token_for_open_admin_ports(void **state)
{
    struct settings st = {.admin = {.token_file = ""}};
    struct err err;

    (void)state;
    assert_int_equal(admin_http_check("127.0.0.1:5001", &st, &err), OK);
    assert_int_equal(admin_http_check("0.0.0.0:5001", &st, &err), FATAL);
    assert_non_null(strstr(err.text, "admin.token_file"));
    st.admin.token_file = "token";
    assert_int_equal(admin_http_check("0.0.0.0:5001", &st, &err), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_guard_knows_loopback),
        cmocka_unit_test(test_door_guard_opens_only_what_is_locked),
        cmocka_unit_test(test_door_guard_takes_client_certificates_for_keys),
        cmocka_unit_test(test_door_guard_wants_a_token_for_open_admin_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
