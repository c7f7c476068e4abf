/* Memory that is short at any place of core: settings, JSON, HTTP bodies, the containers. Every answer is "later" or
 * a clean end; nothing is taken for wrong input, nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>
#include <zlib.h>

#include "core/bounded_queue.h"
#include "core/http_body.h"
#include "core/http_head.h"
#include "core/json.h"
#include "core/known_set.h"
#include "core/settings.h"
#include "support/alloc_sweep.h"

/* A few bytes of everything that the reader treats apart, and more members than one block holds. */
static const char json_text[] =
    "{\"b\":[1,2.50,-0e7,true,false,null,NaN],\"a\":{\"\\u00e9\":\"\\ud83d\\ude00\",\"x\":\"y\\n\"}"
    ","
    "\"a\":{\"last\":\"wins\"},\"deep\":[[[[[[[[[[{}]]]]]]]]]],\"huge\":1e999}"
    /* the padding that json_parse wants */
    "                                                                ";
#define JSON_LEN (sizeof(json_text) - 1 - JSON_PADDING_BYTES)

static enum verdict run_json(const void *arg)
{
    (void)arg;
    struct json_doc *doc = json_doc_new(128, 10000);
    struct arena *arena = arena_new(1 << 20);
    struct str canonical;
    struct str clean;
    struct str text;
    struct err err;
    enum verdict verdict = RETRY;

    if (doc && arena) {
        verdict = json_parse(doc, (struct str){json_text, JSON_LEN}, NULL, &err);
    }
    if (verdict == OK) {
        const struct json_value *a = json_get(doc, json_root(doc), STR("a"));
        verdict = json_string(doc, json_get(doc, a, STR("last")), arena, &text, &err);
    }
    if (verdict == OK) {
        verdict = json_canonical(doc, json_root(doc), arena, &canonical, &err);
    }
    if (verdict == OK) {
        verdict = json_clean(doc, json_root(doc), arena, &clean, &err);
    }
    if (verdict == OK &&
        !str_eq(canonical, STR("{\"a\":{\"last\":\"wins\"},\"b\":[1,2.50,-0e7,true,false,null,NaN],"
                               "\"deep\":[[[[[[[[[[{}]]]]]]]]]],\"huge\":1e999}"))) {
        verdict = REJECT;
    }
    json_doc_free(doc);
    arena_free(arena);
    return verdict;
}

/* A text of that many zeros in an array: the tape grows. */
static enum verdict run_long_json(const void *arg)
{
    struct json_doc *doc = json_doc_new(128, 1000000);
    struct err err;
    enum verdict verdict = doc ? json_parse(doc, *(const struct str *)arg, NULL, &err) : RETRY;

    json_doc_free(doc);
    return verdict;
}

static void test_json(void **state)
{
    size_t len = 200001;
    char *text = malloc(len + JSON_PADDING_BYTES);

    (void)state;
    assert_non_null(text);
    memset(text, 0, len + JSON_PADDING_BYTES);
    for (size_t i = 0; i + 2 < len; i += 2) {
        memcpy(text + i, i == 0 ? "[0" : ",0", 2);
    }
    text[len - 1] = ']';
    struct str view = {text, len};
    assert_true(alloc_sweep("json", run_json, NULL) > 3);
    assert_true(alloc_sweep("json, long", run_long_json, &view) > 2);
    free(text);
}

static enum verdict run_http(const void *arg)
{
    const struct str *text = arg;
    atomic_size_t memory_bytes = 0;
    struct http_body_limits limits = {
        .body_bytes_max = 1 << 20, .memory_bytes = &memory_bytes, .memory_bytes_max = 8 << 20};
    struct http_head head;
    struct http_body body;
    const char *reason = NULL;
    int at = http_head_parse(*text, &head, &reason);
    int status = at > 0 ? http_body_init(&body, &head, &limits, &reason) : -400;

    for (size_t next = (size_t)at; status == HTTP_BODY_MORE && next < text->len;) {
        size_t taken;
        size_t left = text->len - next;
        status = http_body_feed(&body, (struct str){text->ptr + next, left < 700 ? left : 700},
                                &taken, &reason);
        next += taken;
    }
    bool is_right = status == HTTP_BODY_DONE && body.len == 300000;
    if (at > 0) {
        http_body_fini(&body);
    }
    if (memory_bytes != 0) {
        return REJECT;
    }
    return is_right ? OK : status == -503 ? RETRY : REJECT;
}

/* The head, then 300,000 bytes of body, chunked or with their length, gzip or plain. malloc'd. */
static struct str request(bool is_chunked, bool is_gzip)
{
    size_t size = 400000;
    char *text = malloc(size);
    static unsigned char plain[300000];
    static unsigned char packed[400000];
    z_stream z = {.next_in = plain, .avail_in = sizeof(plain), .next_out = packed};

    assert_non_null(text);
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (unsigned char)(i * i >> 3);
    }
    z.avail_out = sizeof(packed);
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const unsigned char *body = is_gzip ? packed : plain;
    size_t bytes = is_gzip ? z.total_out : sizeof(plain);
    deflateEnd(&z);
    int len = snprintf(text, size, "POST /api/v1/lineage HTTP/1.1\r\nHost: h\r\n%s",
                       is_gzip ? "Content-Encoding: gzip\r\n" : "");
    len += is_chunked ? snprintf(text + len, 99, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", bytes)
                      : snprintf(text + len, 99, "Content-Length: %zu\r\n\r\n", bytes);
    memcpy(text + len, body, bytes);
    len += (int)bytes;
    len += is_chunked ? snprintf(text + len, 99, "\r\n0\r\n\r\n") : 0;
    return (struct str){text, (size_t)len};
}

static void test_http_body(void **state)
{
    static const char *const names[] = {"body", "body, gzip", "body, chunked",
                                        "body, chunked, gzip"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct str text = request(i & 2, i & 1);
        assert_true(alloc_sweep(names[i], run_http, &text) > 0);
        free((char *)text.ptr);
    }
}

static enum verdict run_settings(const void *arg)
{
    char config[100];
    char *args[] = {config, "--kafka.brokers=a:1,b:2", "--rdkafka.linger.ms=7", "word"};
    struct settings st;
    struct settings fresh;
    struct settings_rest rest;
    struct err err;

    snprintf(config, sizeof(config), "--config=%s", (const char *)arg);
    enum verdict verdict = settings_load(&st, 4, args, &rest, &err);
    if (verdict != OK) {
        return verdict;
    }
    verdict = settings_reload(&st, &fresh, &err);
    if (verdict == OK) {
        bool is_right = strcmp(st.kafka.brokers, "a:1,b:2") == 0 &&
                        strcmp(fresh.worker.group, "from the file") == 0 && rest.count == 1;
        verdict = is_right ? OK : REJECT;
        settings_fini(&fresh);
    }
    free(rest.words);
    settings_fini(&st);
    return verdict;
}

static void test_settings(void **state)
{
    char path[] = "/tmp/test_alloc_sweep_XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "worker.group = \"from the file\"\nrdkafka.batch.size = 9000\n";

    (void)state;
    assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    assert_true(alloc_sweep("settings", run_settings, path) > 10);
    unlink(path);
}

static enum verdict run_containers(const void *arg)
{
    (void)arg;
    struct known_set *known = known_set_new(1000);
    struct bounded_queue *queue = bounded_queue_new(10);
    int item = 1;
    bool is_whole = known && queue;
    bool is_right = true;

    if (is_whole) {
        struct id128 id = {.bytes = {1}};
        known_set_add(known, id);
        is_right = known_set_has(known, id) && bounded_queue_push(queue, &item, 0) &&
                   bounded_queue_pop(queue, 0) == &item;
    }
    known_set_free(known);
    bounded_queue_free(queue);
    return !is_right ? REJECT : is_whole ? OK : RETRY;
}

static void test_containers(void **state)
{
    (void)state;
    assert_true(alloc_sweep("known_set, queue", run_containers, NULL) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_http_body),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
