/* The strict parser of request heads and chunk headers. Expected values from RFC 9110 and RFC
 * 9112. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http_head.h"

#define REQUEST "POST /api/v1/lineage?x=1 HTTP/1.1\r\n"

static int parse(struct str text, struct http_head *head)
{
    const char *reason = NULL;
    /* A copy of exact size, so that a sanitizer sees every byte read too far. */
    char *copy = malloc(text.len ? text.len : 1);
    int taken;

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    taken = http_head_parse((struct str){copy, text.len}, head, &reason);
    if (taken < 0) {
        assert_non_null(reason);
    }
    free(copy);
    return taken;
}

static void test_http_head_reads_a_plain_post(void **state)
{
    (void)state;
    struct str text = STR(REQUEST "Host: localhost:5000\r\nContent-Type:application/json\r\n"
                                  "content-LENGTH: \t12 \r\nX-Empty:\r\n\r\nbody");
    struct http_head head;
    const char *reason;

    assert_int_equal(http_head_parse(text, &head, &reason), text.len - 4);
    assert_true(str_eq(head.method, STR("POST")));
    assert_true(str_eq(head.path, STR("/api/v1/lineage")));
    assert_true(str_eq(head.query, STR("x=1")));
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.header_count, 4);
    assert_true(head.has_length);
    assert_int_equal(head.content_length, 12);
    assert_false(head.is_chunked);
    assert_true(head.keep_alive);
    assert_false(head.expects_continue);
    assert_true(str_eq(http_head_get(&head, "Content-type"), STR("application/json")));
    assert_true(str_eq(http_head_get(&head, "x-empty"), STR("")));
    assert_null(http_head_get(&head, "x-absent").ptr);
}

static void test_http_head_asks_for_more_until_the_blank_line(void **state)
{
    (void)state;
    const char text[] = REQUEST "Host: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n";
    struct http_head head;

    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_int_equal(parse((struct str){text, len}, &head), 0);
    }
    assert_int_equal(parse(STR(REQUEST "Host: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n"), &head),
                     sizeof(text) - 1);
    assert_true(head.is_chunked);
}

static void test_http_head_knows_when_a_connection_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        const char *connection;
        bool keep_alive;
    } cases[] = {
        {.version = "1.1", .connection = "", .keep_alive = true},
        {.version = "1.1", .connection = "Connection: close\r\n", .keep_alive = false},
        {.version = "1.1", .connection = "Connection: foo , Close\r\n", .keep_alive = false},
        {.version = "1.1", .connection = "Connection: closed\r\n", .keep_alive = true},
        {.version = "1.1", .connection = "Connection: close, close\t\r\n", .keep_alive = false},
        {.version = "1.0", .connection = "", .keep_alive = false},
        {.version = "1.0", .connection = "Connection: Keep-Alive\r\n", .keep_alive = true},
        {.version = "1.1",
         .connection = "Connection: keep-alive\r\nConnection: close\r\n",
         .keep_alive = false},
    };
    struct http_head head;
    const char *reason;
    char text[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", cases[i].version,
                 cases[i].connection);
        assert_int_equal(http_head_parse(str_view(text), &head, &reason), strlen(text));
        assert_int_equal(head.keep_alive, cases[i].keep_alive);
    }
}

static void test_http_head_takes_a_request_of_version_1_0_without_host(void **state)
{
    (void)state;
    struct http_head head;

    assert_int_equal(parse(STR("GET / HTTP/1.0\r\n\r\n"), &head), 18);
    assert_int_equal(head.minor, 0);
}

static void test_http_head_refuses_every_ambiguity(void **state)
{
    (void)state;
    static const struct {
        int status;
        struct str text;
    } cases[] = {
#define CASE(number, literal) {.status = number, .text = STR(literal)}
        /* lengths */
        CASE(400, REQUEST "Host: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5, 5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length : 5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: +5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: -5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 0x5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5 5\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5.0\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5e1\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length:\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 18446744073709551621\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
        CASE(400,
             REQUEST "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nTransfer-Encoding : chunked\r\n\r\n"),
        CASE(400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: identity\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"),
        CASE(501, REQUEST "Host: a\r\nTransfer-Encoding:\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nTransfer-Encoding: \x0b"
                          "chunked\r\n\r\n"),
        CASE(411, REQUEST "Host: a\r\n\r\n"),
        CASE(411, REQUEST "Host: a\r\nContent_Length: 5\r\n\r\n"),
        CASE(411, "PUT / HTTP/1.0\r\n\r\n"),
        CASE(411, "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n"),
        /* line ends */
        CASE(400, "GET / HTTP/1.1\nHost: a\n\n"),
        CASE(400, REQUEST "Host: a\nX: b\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\r\n\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\rY: c\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\r\r\n\r\n"),
        CASE(400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        /* header lines */
        CASE(400, REQUEST "Host: a\r\nX: b\r\n c\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\r\n\tc\r\n\r\n"),
        CASE(400, REQUEST " Host: a\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\n: b\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX\x01Y: b\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX(Y): b\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX\xc3\xa4: b\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\0c\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\x7f\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nX: b\x08\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nExpect: 200-ok\r\n\r\n"),
        /* Host */
        CASE(400, REQUEST "X: b\r\n\r\n"),
        CASE(400, REQUEST "\r\n"),
        CASE(400, REQUEST "Host: a\r\nHost: a\r\n\r\n"),
        CASE(400, REQUEST "Host: a\r\nhost: b\r\n\r\n"),
        CASE(400, REQUEST "Host:\r\n\r\n"),
        CASE(400, REQUEST "Host: a b\r\n\r\n"),
        CASE(400, REQUEST "Host: a/b\r\n\r\n"),
        CASE(400, REQUEST "Host: a@b\r\n\r\n"),
        CASE(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        /* request line */
        CASE(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        CASE(505, "GET / HTTP/1.9\r\nHost: a\r\n\r\n"),
        CASE(505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTQ/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/-.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/:.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/1-1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/1.-\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/1.:\r\nHost: a\r\n\r\n"),
        CASE(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        CASE(400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/4294967297.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/1.\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / http/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        CASE(400, "GET /\r\n\r\n"),
        CASE(400, "GET\r\n\r\n"),
        CASE(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        CASE(400, "\x16\x03\x01\x02\x00\x01"),
        CASE(400, "\0"),
        CASE(400, " GET"),
        CASE(400, "GETGETGETGETGETGETGETGETGETGETGET"),
#undef CASE
    };
    struct http_head head;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int taken = parse(cases[i].text, &head);
        if (taken != -cases[i].status) {
            print_error("case %zu: %.*s\n", i, (int)cases[i].text.len, cases[i].text.ptr);
        }
        assert_int_equal(taken, -cases[i].status);
    }
}

static void test_http_head_takes_64_headers_and_refuses_65(void **state)
{
    (void)state;
    struct http_head head;
    char text[8192];

    for (int count = 63; count <= 65; count++) {
        int len = snprintf(text, sizeof(text), REQUEST "Host: a\r\nContent-Length: 0\r\n");
        for (int i = 2; i < count; i++) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, "X-%d: y\r\n", i);
        }
        len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
        assert_int_equal(parse((struct str){text, (size_t)len}, &head), count <= 64 ? len : -431);
    }
}

static void test_http_head_reads_chunk_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int taken;
        uint64_t size;
    } cases[] = {
        {.text = "0\r\n", .taken = 3, .size = 0},
        {.text = "1aF\r\nrest", .taken = 5, .size = 0x1af},
        {.text = "000005\r\n", .taken = 8, .size = 5},
        {.text = "fffffffffffffff\r\n", .taken = 17, .size = 0xfffffffffffffff},
        {.text = "", .taken = 0},
        {.text = "5", .taken = 0},
        {.text = "5\r", .taken = 0},
        {.text = "0000000000000005\r\n", .taken = -400},
        {.text = "ffffffffffffffff\r\n", .taken = -400},
        {.text = "0x3\r\n", .taken = -400},
        {.text = "+3\r\n", .taken = -400},
        {.text = " 3\r\n", .taken = -400},
        {.text = "3 \r\n", .taken = -400},
        {.text = "-0\r\n", .taken = -400},
        {.text = "3;ext=1\r\n", .taken = -400},
        {.text = "3 junk\r\n", .taken = -400},
        {.text = "3\n", .taken = -400},
        {.text = "3\rX", .taken = -400},
        {.text = "\r\n", .taken = -400},
        {.text = "g\r\n", .taken = -400},
    };
    const char *reason;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t size = 99;
        assert_int_equal(http_head_chunk(str_view(cases[i].text), &size, &reason), cases[i].taken);
        assert_int_equal(size, cases[i].taken > 0 ? cases[i].size : 99);
    }
}

static void test_http_head_takes_only_an_empty_trailer(void **state)
{
    (void)state;
    const char *reason;

    assert_int_equal(http_head_trailer(STR("\r\nGET"), &reason), 2);
    assert_int_equal(http_head_trailer(STR("\r"), &reason), 0);
    assert_int_equal(http_head_trailer(STR(""), &reason), 0);
    assert_int_equal(http_head_trailer(STR("\n"), &reason), -400);
    assert_int_equal(http_head_trailer(STR("\rX"), &reason), -400);
    assert_int_equal(http_head_trailer(STR("Content-Length: 5\r\n\r\n"), &reason), -400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_head_reads_a_plain_post),
        cmocka_unit_test(test_http_head_asks_for_more_until_the_blank_line),
        cmocka_unit_test(test_http_head_knows_when_a_connection_is_kept),
        cmocka_unit_test(test_http_head_takes_a_request_of_version_1_0_without_host),
        cmocka_unit_test(test_http_head_refuses_every_ambiguity),
        cmocka_unit_test(test_http_head_takes_64_headers_and_refuses_65),
        cmocka_unit_test(test_http_head_reads_chunk_sizes),
        cmocka_unit_test(test_http_head_takes_only_an_empty_trailer),
    };
    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
