/* The gateway's address out of a URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/http_url.h"

static void test_http_url_parts_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        const char *port;
        const char *authority;
        const char *path;
    } cases[] = {
        {"http://127.0.0.1:5000", "127.0.0.1", "5000", "127.0.0.1:5000", "/api/v1/lineage"},
        {"HTTP://Gate/", "Gate", "80", "Gate", "/api/v1/lineage"},
        {"http://[::1]:81/m/", "::1", "81", "[::1]:81", "/m/api/v1/lineage"},
        {"http://[fe80::2]/a?x#y", "fe80::2", "80", "[fe80::2]", "/a/api/v1/lineage"},
        {"http://h:1/p/api/v1/lineage/", "h", "1", "h:1", "/p/api/v1/lineage"},
        {"http://h?q", "h", "80", "h", "/api/v1/lineage"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_url url;
        struct err err;
        assert_int_equal(http_url_parse(cases[i].text, &url, &err), OK);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.port, cases[i].port);
        assert_string_equal(url.authority, cases[i].authority);
        assert_string_equal(url.path, cases[i].path);
    }
}

static void test_http_url_others_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "localhost:5000",
        "https:/h",
        "http://",
        "http://:80",
        "http://h:0",
        "http://h:65536",
        "http://h:",
        "http://h:1x",
        "http://[::1",
        "http://u@h",
        "http://[::1]x:1",
        "http://h/a b",
        "http://h/\r\n",
        "ftp://h",
        "http://u:h1dden@h",
        "h1dden@h",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_url url;
        struct err err;
        assert_int_equal(http_url_parse(bad[i], &url, &err), REJECT);
        assert_true(strlen(err.text) > 0);
        assert_null(strstr(err.text, "h1dden"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_url_parts_are_found),
        cmocka_unit_test(test_http_url_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
