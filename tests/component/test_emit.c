/* `metaops emit` against a gateway that is scripted here: our own HTTP server on a loopback port
 * whose handlers count events and say what the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http_server.h"
#include "core/settings.h"
#include "ingest/emit.h"
#include "support/capture.h"

/* How the gateway treats an event, by a word in its text. */
static atomic_int posts;
static atomic_int batches;
static atomic_int accepted;
static atomic_int busy_left; /* answers 503 so many times first */

static bool has_word(struct str text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static void handle_event(void *arg, struct http_request *request)
{
    struct str body = http_request_body(request);

    (void)arg;
    atomic_fetch_add(&posts, 1);
    if (has_word(body, "\"always busy\"") || atomic_fetch_sub(&busy_left, 1) > 0) {
        http_request_problem(request, 503, "the queue is full", NULL, -1, 0);
    } else if (has_word(body, "\"bad\"")) {
        http_request_problem(request, 422, "no job", "/job", 17, 0);
    } else {
        atomic_fetch_add(&accepted, 1);
        http_request_answer(request, 201, "application/json", STR("{\"eventId\":\"x\"}\n"), 0);
    }
}

/* One result per line: refused for "bad", unavailable while busy_left, else accepted. */
static void handle_batch(void *arg, struct http_request *request)
{
    struct str body = http_request_body(request);
    char *text = NULL;
    size_t len = 0;
    size_t base = 0;
    FILE *out = open_memstream(&text, &len);

    (void)arg;
    atomic_fetch_add(&batches, 1);
    if (!out) {
        abort();
    }
    fputs("{\"results\":[", out);
    for (int index = 0; base < body.len; index++) {
        const char *end = memchr(body.ptr + base, '\n', body.len - base);
        struct str line = {.ptr = body.ptr + base, .len = body.len - base};
        line.len = end ? (size_t)(end - line.ptr) : line.len;
        fprintf(out, "%s{\"index\":%d,", index ? "," : "", index);
        if (has_word(line, "\"bad\"")) {
            fprintf(out,
                    "\"status\":422,\"detail\":\"no job\",\"pointer\":\"/job\",\"offset\":%zu}",
                    base + 3);
        } else if (atomic_fetch_sub(&busy_left, 1) > 0) {
            fputs("\"status\":503}", out);
        } else {
            atomic_fetch_add(&accepted, 1);
            fputs("\"status\":201}", out);
        }
        base += line.len + 1;
    }
    fputs("]}", out);
    fclose(out);
    http_request_answer(request, 200, "application/json", (struct str){.ptr = text, .len = len}, 0);
    free(text);
}

static void handle_refused_batch(void *arg, struct http_request *request)
{
    (void)arg;
    atomic_fetch_add(&batches, 1);
    http_request_problem(request, 404, "no such place", NULL, -1, 0);
}

static const struct http_route routes[] = {
    {.method = "POST",
     .path = "/api/v1/lineage",
     .body_bytes_max = 1 << 20,
     .handle = handle_event},
    {.method = "POST",
     .path = "/api/v1/lineage/batch",
     .body_bytes_max = 1 << 20,
     .handle = handle_batch},
    {.method = "POST",
     .path = "/old/api/v1/lineage",
     .body_bytes_max = 1 << 20,
     .handle = handle_event},
    {.method = "POST",
     .path = "/old/api/v1/lineage/batch",
     .body_bytes_max = 1 << 20,
     .handle = handle_refused_batch},
    {.method = NULL},
};

static struct http_server *server;
static struct settings st;
static char base_url[64];

static int start(void **state)
{
    const struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .threads = 1,
        .routes = routes,
        .head_bytes_max = 16384,
        .memory_bytes_max = (size_t)64 << 20,
        .connections_max = 100,
        .head_timeout_ms = 5000,
        .body_timeout_ms = 5000,
        .idle_timeout_ms = 5000,
        .answer_timeout_ms = 5000,
        .metric_connections = -1,
        .metric_connections_refused = -1,
        .metric_bad_http = -1,
        .metric_seconds = -1,
    };
    struct settings_rest rest;
    struct err err;

    (void)state;
    if (settings_load(&st, 0, NULL, &rest, &err) != OK ||
        http_server_start(&options, &server, &err) != OK) {
        return 1;
    }
    free(rest.words);
    snprintf(base_url, sizeof(base_url), "http://127.0.0.1:%d", http_server_port(server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server, 1000);
    http_server_free(server);
    settings_fini(&st);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    posts = 0;
    batches = 0;
    accepted = 0;
    busy_left = 0;
    return 0;
}

struct result {
    int code;
    char *out;
    char *faults;
};

/* Runs emit on a file with this text and further words; url NULL: the scripted gateway. */
static struct result emit(const char *text, const char *url, const char *const *flags)
{
    struct result result;
    struct capture out;
    struct capture faults;
    char *words[16];
    int count = 0;
    char *path = capture_file(text, strlen(text));

    words[count++] = (char *)"--to";
    words[count++] = (char *)(url ? url : base_url);
    for (; flags && *flags; flags++) {
        words[count++] = (char *)*flags;
    }
    words[count++] = path;
    words[count] = NULL;
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&faults, STDERR_FILENO);
    result.code = emit_run(&st, count, words);
    result.faults = capture_end(&faults);
    result.out = capture_end(&out);
    unlink(path);
    free(path);
    return result;
}

static void free_result(struct result *result)
{
    free(result->out);
    free(result->faults);
}

static char *numbered_lines(int count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "{\"event\":%d}\n", i);
    }
    fclose(out);
    return text;
}

static void test_emit_sends_each_event_once(void **state)
{
    (void)state;
    char *text = numbered_lines(500);
    struct result result = emit(text, NULL, NULL);
    assert_int_equal(result.code, 0);
    assert_int_equal(posts, 500);
    assert_int_equal(accepted, 500);
    assert_int_equal(strncmp(result.out, "sent 500, accepted 500, refused 0, unavailable 0; ", 50),
                     0);
    assert_string_equal(result.faults, "");
    free_result(&result);
    free(text);
}

static void test_emit_reports_refusals_with_their_place(void **state)
{
    (void)state;
    struct result result = emit("{\"a\":1}\n\n{\"b\":\"bad\"}\n{\"c\":1}\n", NULL, NULL);
    assert_int_equal(result.code, 1);
    assert_int_equal(accepted, 2);
    assert_non_null(strstr(result.faults, ":3: refused: /job, byte 17: no job\n"));
    assert_int_equal(strncmp(result.out, "sent 3, accepted 2, refused 1, unavailable 0; ", 46), 0);
    free_result(&result);
}

static void test_emit_prints_twenty_refusals_and_counts_the_rest(void **state)
{
    (void)state;
    char text[50 * 12 + 1] = "";
    int lines = 0;
    for (int i = 0; i < 50; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "{\"b\":\"bad\"}\n");
    }
    struct result result = emit(text, NULL, NULL);
    for (const char *at = strstr(result.faults, ": refused: "); at;
         at = strstr(at + 1, ": refused: ")) {
        lines++;
    }
    assert_int_equal(lines, 20);
    assert_non_null(strstr(result.faults, "and 30 more refused\n"));
    assert_int_equal(result.code, 1);
    free_result(&result);
}

static void test_emit_tries_again_after_503(void **state)
{
    (void)state;
    char *text = numbered_lines(20);
    busy_left = 10;
    struct result result = emit(text, NULL, NULL);
    assert_int_equal(result.code, 0);
    assert_int_equal(accepted, 20);
    assert_int_equal(posts, 30);
    free_result(&result);
    free(text);
}

static void test_emit_gives_up_after_its_retries(void **state)
{
    (void)state;
    static const char *const flags[] = {"--retries=1", NULL};
    struct result result = emit("{\"a\":\"always busy\"}\n", NULL, flags);
    assert_int_equal(result.code, 1);
    assert_int_equal(posts, 2);
    assert_non_null(strstr(result.faults, ":1: unavailable: 503: the queue is full\n"));
    assert_int_equal(strncmp(result.out, "sent 1, accepted 0, refused 0, unavailable 1; ", 46), 0);
    free_result(&result);
}

static void test_emit_stops_when_nobody_is_there(void **state)
{
    (void)state;
    /* Port 1 of loopback: nobody listens there. */
    static const char *const flags[] = {"--retries", "1", "--window", "2", NULL};
    char *text = numbered_lines(1000);
    struct result result = emit(text, "http://127.0.0.1:1", flags);
    assert_int_equal(result.code, 1);
    assert_int_equal(strncmp(result.out, "sent 2, accepted 0, refused 0, unavailable 2; ", 46), 0);
    assert_non_null(strstr(result.faults, "the rest was not sent"));
    free_result(&result);
    free(text);
}

static void test_emit_batches_have_a_result_for_each_event(void **state)
{
    (void)state;
    static const char *const flags[] = {"--batch", "4", "--window=1", NULL};
    busy_left = 2;
    struct result result = emit(
        "{\"a\":1}\n{\"a\":2}\n{\"b\":\"bad\"}\n{\"a\":3}\n{\"a\":4}\n{\"a\":5}\n", NULL, flags);
    /* First batch: two busy, one refused, one accepted; then the two again; then the last two. */
    assert_int_equal(batches, 3);
    assert_int_equal(posts, 0);
    assert_int_equal(accepted, 5);
    assert_int_equal(result.code, 1);
    /* Offset 3 of the line, though the gateway counts from the start of the batch. */
    assert_non_null(strstr(result.faults, ":3: refused: /job, byte 3: no job\n"));
    free_result(&result);
}

static void test_emit_sends_one_by_one_where_batches_are_refused(void **state)
{
    (void)state;
    char url[96];
    static const char *const flags[] = {"--batch", "3", "--window=1", NULL};
    snprintf(url, sizeof(url), "%s/old", base_url);
    struct result result = emit("{\"a\":1}\n{\"b\":\"bad\"}\n{\"a\":2}\n", url, flags);
    assert_int_equal(batches, 1);
    assert_int_equal(posts, 3);
    assert_int_equal(accepted, 2);
    assert_non_null(strstr(result.faults, ":2: refused: /job, byte 17: no job\n"));
    free_result(&result);
}

static void test_emit_summary_is_one_json_object(void **state)
{
    (void)state;
    static const char *const flags[] = {"--json", NULL};
    struct result result = emit("{\"a\":1}\n", NULL, flags);
    assert_int_equal(result.code, 0);
    static const char start_of_object[] = "{\"sent\":1,\"accepted\":1,\"refused\":0,"
                                          "\"unavailable\":0,\"complete\":true,\"seconds\":";
    assert_int_equal(strncmp(result.out, start_of_object, strlen(start_of_object)), 0);
    assert_string_equal(strchr(result.out, '}'), "}\n");
    free_result(&result);
}

static void test_emit_rate_is_kept(void **state)
{
    (void)state;
    /* The 41st event may go 0.4 s after the first. */
    static const char *const flags[] = {"--rate=100", "--latency", NULL};
    char *text = numbered_lines(41);
    double seconds = 0;
    struct result result = emit(text, NULL, flags);
    assert_int_equal(result.code, 0);
    assert_int_equal(sscanf(strchr(result.out, ';'), "; %lf s", &seconds), 1);
    assert_true(seconds >= 0.4);
    assert_true(seconds < 4);
    assert_non_null(strstr(result.out, "\np50 "));
    free_result(&result);
    free(text);
}

static void test_emit_words_that_are_wrong_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *flags[3];
        const char *wanted;
    } bad[] = {
        {{"--window=0"}, "--window 0: must be a whole number from 1 to 256"},
        {{"--rate", "x"}, "--rate x: must be a whole number"},
        {{"--frob"}, "unknown flag --frob"},
        {{"--kafka"}, "--to and --kafka exclude each other"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct result result = emit("", NULL, bad[i].flags);
        assert_int_equal(result.code, 2);
        assert_non_null(strstr(result.faults, bad[i].wanted));
        free_result(&result);
    }
    struct result result = emit("{}\n", "https://x", NULL);
    assert_int_equal(result.code, 1);
    assert_non_null(strstr(result.faults, "https://x"));
    free_result(&result);
}

#define CASE(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_emit_sends_each_event_once),
        CASE(test_emit_reports_refusals_with_their_place),
        CASE(test_emit_prints_twenty_refusals_and_counts_the_rest),
        CASE(test_emit_tries_again_after_503),
        CASE(test_emit_gives_up_after_its_retries),
        CASE(test_emit_stops_when_nobody_is_there),
        CASE(test_emit_batches_have_a_result_for_each_event),
        CASE(test_emit_sends_one_by_one_where_batches_are_refused),
        CASE(test_emit_summary_is_one_json_object),
        CASE(test_emit_rate_is_kept),
        CASE(test_emit_words_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
