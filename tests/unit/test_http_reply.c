/* Answers of HTTP servers, whole, cut at every byte, and such that are none (RFC 9112). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/http_reply.h"

static const char plain[] =
    "HTTP/1.1 503 Busy\r\nretry-after: 7\r\nContent-Length:  5\r\n\r\nhello";
static const char chunked[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

static void expect_body(const char *text, size_t len, int status, const char *body)
{
    struct http_reply reply;
    struct str view = {.ptr = text, .len = len};
    assert_int_equal(http_reply_parse(view, false, &reply), (long)len);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.body.len, strlen(body));
    assert_memory_equal(reply.body.ptr, body, reply.body.len);
    http_reply_fini(&reply);
}

static void test_http_reply_with_length_and_with_chunks(void **state)
{
    (void)state;
    struct http_reply reply;
    expect_body(plain, sizeof(plain) - 1, 503, "hello");
    expect_body(chunked, sizeof(chunked) - 1, 201, "abcde");
    assert_true(http_reply_parse(STR(plain), false, &reply) > 0);
    assert_int_equal(reply.retry_after_s, 7);
    assert_true(reply.keep_alive);
}

static void test_http_reply_cut_anywhere_asks_for_more(void **state)
{
    (void)state;
    struct http_reply reply;
    for (size_t len = 0; len < sizeof(plain) - 1; len++) {
        struct str text = {.ptr = plain, .len = len};
        assert_int_equal(http_reply_parse(text, false, &reply), 0);
    }
    for (size_t len = 0; len < sizeof(chunked) - 1; len++) {
        struct str text = {.ptr = chunked, .len = len};
        assert_int_equal(http_reply_parse(text, false, &reply), 0);
    }
}

static void test_http_reply_takes_only_its_own_bytes(void **state)
{
    (void)state;
    static const char two[] = "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    struct http_reply reply;
    assert_int_equal(http_reply_parse(STR(two), false, &reply), 19);
    assert_int_equal(reply.status, 204);
    assert_int_equal(reply.body.len, 0);
}

static void test_http_reply_without_length_ends_with_the_connection(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.0 200 OK\r\nA: b\r\n\r\nrest";
    struct http_reply reply;
    assert_int_equal(http_reply_parse(STR(text), false, &reply), 0);
    assert_int_equal(http_reply_parse(STR(text), true, &reply), (long)sizeof(text) - 1);
    assert_memory_equal(reply.body.ptr, "rest", 4);
    assert_false(reply.keep_alive);
}

static void test_http_reply_connection_close_is_seen(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n";
    struct http_reply reply;
    assert_true(http_reply_parse(STR(text), false, &reply) > 0);
    assert_false(reply.keep_alive);
}

static void test_http_reply_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
        "\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_reply reply;
        assert_int_equal(http_reply_parse(str_view(bad[i]), false, &reply), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_reply_with_length_and_with_chunks),
        cmocka_unit_test(test_http_reply_cut_anywhere_asks_for_more),
        cmocka_unit_test(test_http_reply_takes_only_its_own_bytes),
        cmocka_unit_test(test_http_reply_without_length_ends_with_the_connection),
        cmocka_unit_test(test_http_reply_connection_close_is_seen),
        cmocka_unit_test(test_http_reply_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
