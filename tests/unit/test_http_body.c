/* The body of a request as it arrives: codings, chunks, gzip in one piece and byte by byte, and each limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <stdatomic.h>

#include <cmocka.h>
#include <zlib.h>

#include "core/http_body.h"

#define BODY_MAX ((size_t)1 << 20)
#define KIB ((size_t)1024)
#define TURNS 100000

static atomic_size_t memory_bytes;

static struct http_body_limits limits(size_t body_bytes_max, size_t memory_bytes_max)
{
    memory_bytes = 0;
    return (struct http_body_limits){.body_bytes_max = body_bytes_max,
                                     .memory_bytes = &memory_bytes,
                                     .memory_bytes_max = memory_bytes_max};
}

/* A request with these fields, its body to come. */
static int begin_within(struct http_body *body, const char *fields,
                        const struct http_body_limits *within)
{
    struct http_head head;
    const char *reason = NULL;
    char text[512];

    snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    assert_true(http_head_parse(str_view(text), &head, &reason) > 0);
    return http_body_init(body, &head, within, &reason);
}

static int begin(struct http_body *body, const char *fields)
{
    struct http_body_limits within = limits(BODY_MAX, 4 * BODY_MAX);

    return begin_within(body, fields, &within);
}

/* Gives all of text in pieces of at most that many bytes, and what was left again. */
static int feed(struct http_body *body, struct str text, size_t piece_bytes)
{
    const char *reason = NULL;
    size_t given = 0, at = 0, taken;
    int status = HTTP_BODY_MORE;

    while (status == HTTP_BODY_MORE && at < text.len) {
        bool is_stuck = given == text.len && body->step != HTTP_BODY_DATA;
        given = given + piece_bytes < text.len ? given + piece_bytes : text.len;
        status = http_body_feed(body, (struct str){text.ptr + at, given - at}, &taken, &reason);
        at += taken;
        if (is_stuck) {
            break;
        }
    }
    return status;
}

/* A gzip member of len bytes; level 0 keeps them as they are. */
static struct str gzip(const char *bytes, size_t len, int level)
{
    size_t room = len + len / 1000 + 100;
    char *out = malloc(room);
    z_stream z = {.next_in = (Bytef *)bytes,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)room};

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (struct str){out, z.total_out};
}

static void test_codings(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"Content-Encoding: identity\r\nContent-Length: 0\r\n", HTTP_BODY_DONE},
        {"Content-Encoding: IDENTITY\r\nContent-Length: 0\r\n", HTTP_BODY_DONE},
        {"Content-Encodinh: gzip\r\nContent-Length: 0\r\n", HTTP_BODY_DONE},
        {"Content-Encoding: gzip\r\nContent-Length: 0\r\n", -400},
        {"Content-Encoding: x-gzip\r\nContent-Length: 0\r\n", -400},
        {"Content-Encoding: gzip\r\nContent-Length: 5\r\n", HTTP_BODY_MORE},
        {"Content-Encoding: X-GZIP\r\nContent-Length: 5\r\n", HTTP_BODY_MORE},
        {"Content-Encoding: gzap\r\nContent-Length: 5\r\n", -415},
        {"Content-Encoding: x-gzap\r\nContent-Length: 5\r\n", -415},
        {"Content-Encoding: identitx\r\nContent-Length: 5\r\n", -415},
        {"Content-Encoding: br\r\nContent-Length: 5\r\n", -415},
        {"Content-Encoding: gzip, gzip\r\nContent-Length: 5\r\n", -415},
        {"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n", -415},
        {"Content-Length: 5\r\n", HTTP_BODY_MORE},
        {"Transfer-Encoding: chunked\r\n", HTTP_BODY_MORE},
        {"Content-Length: 1048577\r\n", -413},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_body body;
        int status = begin(&body, cases[i].fields);
        if (status != cases[i].status) {
            fail_msg("%s: %d", cases[i].fields, status);
        }
        http_body_fini(&body);
        assert_int_equal(memory_bytes, 0);
    }
}

static void expect_body(const char *fields, struct str wire, size_t piece_bytes,
                        struct str expected)
{
    static const char padding[HTTP_BODY_PADDING_BYTES];
    struct http_body body;

    assert_int_equal(begin(&body, fields), HTTP_BODY_MORE);
    assert_int_equal(feed(&body, wire, piece_bytes), HTTP_BODY_DONE);
    struct str view = http_body_view(&body);
    assert_int_equal(view.len, expected.len);
    assert_memory_equal(view.ptr, expected.ptr, expected.len);
    assert_memory_equal(view.ptr + view.len, padding, sizeof(padding));
    http_body_fini(&body);
    assert_int_equal(memory_bytes, 0);
}

static void test_chunks(void **state)
{
    (void)state;
    static const char chunked[] = "Transfer-Encoding: chunked\r\n";
    static const struct str wire = STR("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");

    for (size_t piece = 1; piece <= wire.len; piece++) {
        expect_body(chunked, wire, piece, STR("hello!"));
        expect_body(chunked, STR("0\r\n\r\n"), piece, STR(""));
    }
}

static void test_chunks_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *wire;
        int status;
    } cases[] = {
        {"5\r\nhelloX\r\n", -400},          {"5\r\nhello\n", -400},      {"x\r\n", -400},
        {"0\r\nTrailer: 1\r\n", -400},      {"fffffffffffff\r\n", -413}, {"100001\r\n", -413},
        {"5\r\nhello\r\n100000\r\n", -413},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 1; piece <= strlen(cases[i].wire); piece++) {
            struct http_body body;
            assert_int_equal(begin(&body, "Transfer-Encoding: chunked\r\n"), HTTP_BODY_MORE);
            assert_int_equal(feed(&body, str_view(cases[i].wire), piece), cases[i].status);
            http_body_fini(&body);
        }
    }
}

/* All of it chunked, as large chunks; returned with what is around them. */
static struct str one_chunk(struct str content)
{
    char *wire = malloc(content.len + 64);
    int len = snprintf(wire, 64, "%zx\r\n", content.len);

    memcpy(wire + len, content.ptr, content.len);
    memcpy(wire + len + content.len, "\r\n0\r\n\r\n", 7);
    return (struct str){wire, (size_t)len + content.len + 7};
}

static void expect_gzip(struct str content, struct str expected, size_t piece_bytes)
{
    struct str wire = one_chunk(content);
    char fields[100];

    snprintf(fields, sizeof(fields), "Content-Encoding: gzip\r\nContent-Length: %zu\r\n",
             content.len);
    expect_body(fields, content, piece_bytes, expected);
    expect_body("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", wire, piece_bytes,
                expected);
    free((char *)wire.ptr);
}

/* Sizes around those that the buffer grows by; what is not compressed comes out a byte at a time. */
static void test_gzip_of_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4095, 4096, 4097, 8192, 65536, 65537, 300000, BODY_MAX};
    char *plain = malloc(BODY_MAX);

    for (size_t i = 0; i < BODY_MAX; i++) {
        plain[i] = (char)(i * 7 + i / 251);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int level = 0; level <= 9; level += 9) {
            /* The largest, as it is, is more on the wire than is taken. */
            if (level == 0 && sizes[i] == BODY_MAX) {
                continue;
            }
            struct str member = gzip(plain, sizes[i], level);
            expect_gzip(member, (struct str){plain, sizes[i]}, sizes[i] > 10000 ? 1000 : 1);
            free((char *)member.ptr);
        }
    }
    free(plain);
}

static void test_gzip_members_follow_each_other(void **state)
{
    (void)state;
    struct str one = gzip("one", 3, 9), two = gzip("two", 3, 9);
    char both[200];

    memcpy(both, one.ptr, one.len);
    memcpy(both + one.len, two.ptr, two.len);
    for (size_t piece = 1; piece < 60; piece++) {
        expect_gzip((struct str){both, one.len + two.len}, STR("onetwo"), piece);
    }
    free((char *)one.ptr);
    free((char *)two.ptr);
}

static void test_gzip_that_is_none_is_refused(void **state)
{
    (void)state;
    struct str member = gzip("plain", 5, 9);
    struct http_body body;
    char bytes[100], fields[100];

    /* Each byte turned round: found out at the end at the latest. Some of the head do not matter: time and
     * system. */
    for (size_t i = 0; i < member.len; i++) {
        memcpy(bytes, member.ptr, member.len);
        bytes[i] = (char)~bytes[i];
        snprintf(fields, sizeof(fields), "Content-Encoding: gzip\r\nContent-Length: %zu\r\n",
                 member.len);
        assert_int_equal(begin(&body, fields), HTTP_BODY_MORE);
        int status = feed(&body, (struct str){bytes, member.len}, 1);
        assert_int_equal(status, i >= 4 && i < 10 ? HTTP_BODY_DONE : -400);
        http_body_fini(&body);
    }
    /* Cut at each byte. */
    for (size_t len = 1; len < member.len; len++) {
        snprintf(fields, sizeof(fields), "Content-Encoding: gzip\r\nContent-Length: %zu\r\n", len);
        assert_int_equal(begin(&body, fields), HTTP_BODY_MORE);
        assert_int_equal(feed(&body, (struct str){member.ptr, len}, len), -400);
        http_body_fini(&body);
    }
    free((char *)member.ptr);
    /* No chunk at all. */
    assert_int_equal(begin(&body, "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
                     HTTP_BODY_MORE);
    assert_int_equal(feed(&body, STR("0\r\n\r\n"), 5), -400);
    http_body_fini(&body);
}

/* A member that inflates to more than is taken, and one that needs a word that is not there. */
static void test_bombs_are_refused_within_their_limit(void **state)
{
    (void)state;
    char *zeros = calloc(1, BODY_MAX + 1);
    struct str member = gzip(zeros, BODY_MAX + 1, 9);
    struct http_body body;
    char fields[100];

    snprintf(fields, sizeof(fields), "Content-Encoding: gzip\r\nContent-Length: %zu\r\n",
             member.len);
    assert_int_equal(begin(&body, fields), HTTP_BODY_MORE);
    assert_int_equal(feed(&body, member, member.len), -413);
    assert_true(memory_bytes <= BODY_MAX + 64 * KIB);
    http_body_fini(&body);

    struct http_body_limits small = limits(1000, BODY_MAX);
    assert_int_equal(
        begin_within(&body, "Content-Encoding: gzip\r\nContent-Length: 999\r\n", &small),
        HTTP_BODY_MORE);
    assert_true(body.capacity_bytes <= 1001);
    http_body_fini(&body);
    /* FDICT in the head of zlib's own format, which is not gzip's. */
    assert_int_equal(begin(&body, "Content-Encoding: gzip\r\nContent-Length: 6\r\n"),
                     HTTP_BODY_MORE);
    assert_int_equal(feed(&body, (struct str){"\x78\xbb\1\2\3\4", 6}, 6), -400);
    http_body_fini(&body);
    free((char *)member.ptr);
    free(zeros);
}

/* What is taken when the shared memory ends here or there. */
static void test_memory_that_is_short_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *wire;
        size_t memory_bytes_max;
        int begun;
        int fed;
    } cases[] = {
        {"Content-Length: 500\r\n", "", 400, -503, 0},
        {"Content-Encoding: gzip\r\nContent-Length: 50\r\n", "", 40 * KIB, -503, 0},
        {"Content-Encoding: gzip\r\nContent-Length: 50\r\n", "", 49 * KIB, -503, 0},
        {"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "1\r\n\x1f", 49 * KIB,
         HTTP_BODY_MORE, -503},
        {"Transfer-Encoding: chunked\r\n", "5\r\nhello", 1000, HTTP_BODY_MORE, -503},
        {"Content-Length: 70000\r\n", "hello", 4, HTTP_BODY_MORE, -503},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_body_limits within = limits(BODY_MAX, cases[i].memory_bytes_max);
        struct http_body body;
        assert_int_equal(begin_within(&body, cases[i].fields, &within), cases[i].begun);
        if (cases[i].begun == HTTP_BODY_MORE) {
            assert_int_equal(feed(&body, str_view(cases[i].wire), 100), cases[i].fed);
        }
        http_body_fini(&body);
        assert_int_equal(memory_bytes, 0);
    }
}

/* An eighth is for small bodies alone. */
static void test_a_large_body_leaves_room_for_small_ones(void **state)
{
    (void)state;
    struct http_body_limits within = limits(BODY_MAX, BODY_MAX);
    static char piece[64 * 1024];
    struct http_body large, small;
    const char *reason;
    size_t taken;
    int status = HTTP_BODY_MORE;

    assert_int_equal(begin_within(&large, "Content-Length: 1048576\r\n", &within), HTTP_BODY_MORE);
    while (status == HTTP_BODY_MORE) {
        status = http_body_feed(&large, (struct str){piece, sizeof(piece)}, &taken, &reason);
    }
    assert_int_equal(status, -503);
    assert_int_equal(large.len, BODY_MAX - BODY_MAX / 8);
    assert_int_equal(begin_within(&small, "Content-Length: 5\r\n", &within), HTTP_BODY_MORE);
    http_body_fini(&small);
    http_body_fini(&large);
}

static void test_rooms_are_for_much_that_is_plain(void **state)
{
    (void)state;
    static const char *const none[] = {
        "Content-Length: 40000\r\n", /* is counted whole */
        "Content-Length: 100\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 500000\r\n",
        "Content-Length: 0\r\n",
    };
    struct http_body body;
    size_t len;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_true(begin(&body, none[i]) >= 0);
        assert_null(http_body_room(&body, &len));
        http_body_fini(&body);
    }
    assert_int_equal(begin(&body, "Content-Length: 600000\r\n"), HTTP_BODY_MORE);
    for (size_t left = 600000; left > 0; left -= len) {
        char *room = http_body_room(&body, &len);
        if (!room) {
            assert_true(left < 32 * KIB);
            break;
        }
        assert_int_equal(len, left < 256 * KIB ? left : 256 * KIB);
        memset(room, 'r', len);
        assert_int_equal(http_body_received(&body, len),
                         len == left ? HTTP_BODY_DONE : HTTP_BODY_MORE);
    }
    assert_int_equal(http_body_view(&body).len, 600000);
    assert_null(http_body_room(&body, &len));
    http_body_fini(&body);

    assert_int_equal(begin(&body, "Content-Length: 600000\r\n"), HTTP_BODY_MORE);
    assert_non_null(http_body_room(&body, &len));
    assert_int_equal(http_body_received(&body, 580000), HTTP_BODY_MORE);
    assert_null(http_body_room(&body, &len)); /* little is left */
    http_body_fini(&body);

    struct http_body_limits within = limits(BODY_MAX, 200 * KIB);
    assert_int_equal(begin_within(&body, "Content-Length: 600000\r\n", &within), HTTP_BODY_MORE);
    assert_null(http_body_room(&body, &len)); /* feed says so */
    http_body_fini(&body);
}

struct sharer {
    const struct http_head *head;
    const struct http_body_limits *within;
    atomic_int *wrong;
};

static void *take_and_give_back(void *arg)
{
    const struct sharer *sharer = arg;

    for (int i = 0; i < TURNS; i++) {
        struct http_body body;
        const char *reason = NULL;
        size_t taken;
        int status = http_body_init(&body, sharer->head, sharer->within, &reason);

        if (status == HTTP_BODY_MORE) {
            status = http_body_feed(&body, STR("begin"), &taken, &reason);
        }
        if (status != HTTP_BODY_MORE && status != -503) {
            atomic_fetch_add(sharer->wrong, 1);
        }
        if (atomic_load(&memory_bytes) > sharer->within->memory_bytes_max) {
            atomic_fetch_add(sharer->wrong, 1);
        }
        http_body_fini(&body);
    }
    return NULL;
}

/* Four at a time where there is room for three: never more is counted than there is, and nothing stays counted. */
static void test_bodies_of_many_threads_share_the_memory(void **state)
{
    (void)state;
    struct http_body_limits within = limits(BODY_MAX, BODY_MAX);
    struct http_head head;
    struct http_body body;
    const char *reason = NULL;
    atomic_int wrong = 0;
    pthread_t threads[4];
    struct sharer sharer = {.head = &head, .within = &within, .wrong = &wrong};

    assert_true(http_head_parse(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"),
                                &head, &reason) > 0);
    assert_int_equal(http_body_init(&body, &head, &within, &reason), HTTP_BODY_MORE);
    assert_int_equal(feed(&body, STR("begin"), 5), HTTP_BODY_MORE);
    within.memory_bytes_max = 3 * memory_bytes;
    http_body_fini(&body);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, &sharer), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(memory_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codings),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_that_lie_are_refused),
        cmocka_unit_test(test_gzip_of_every_size),
        cmocka_unit_test(test_gzip_members_follow_each_other),
        cmocka_unit_test(test_gzip_that_is_none_is_refused),
        cmocka_unit_test(test_bombs_are_refused_within_their_limit),
        cmocka_unit_test(test_memory_that_is_short_is_said),
        cmocka_unit_test(test_a_large_body_leaves_room_for_small_ones),
        cmocka_unit_test(test_rooms_are_for_much_that_is_plain),
        cmocka_unit_test(test_bodies_of_many_threads_share_the_memory),
    };
    return cmocka_run_group_tests_name("http_body", tests, NULL, NULL);
}
