/* What a watch of Kubernetes says: its lines over the borders of pieces, its events, pages of lists, the time of a state, what is
 * published of an object, what is known of objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_client.h"
#include "core/timebase.h"
#include "ingest/kube_known.h"
#include "ingest/kube_resource.h"
#include "ingest/kube_stream.h"
#include "ingest/line_cutter.h"
#include "schemas/kube_watch.h"
#include "schemas/redact.h"

static struct json_doc *doc;
static struct json_doc *folded;
static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    doc = json_doc_new(64, 10000);
    folded = json_doc_new(64, 10000);
    arena = arena_new(4u << 20);
    return doc && folded && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_doc_free(doc);
    json_doc_free(folded);
    arena_free(arena);
    return 0;
}

/* Parses a copy of text that is followed by padding. */
static const struct json_value *parse(const char *text)
{
    struct err err;
    char *copy = arena_alloc(arena, strlen(text) + JSON_PADDING_BYTES);

    assert_non_null(copy);
    memcpy(copy, text, strlen(text));
    assert_int_equal(json_parse(doc, (struct str){copy, strlen(text)}, NULL, &err), OK);
    return json_root(doc);
}

/* Lines, each behind a bar; too long ones behind an exclamation mark. */
static bool note_line(void *arg, struct str line, bool is_too_long)
{
    char *noted = arg;

    snprintf(noted + strlen(noted), 200 - strlen(noted), "%c%.*s", is_too_long ? '!' : '|',
             (int)line.len, line.ptr);
    return !(line.len == 4 && memcmp(line.ptr, "stop", 4) == 0);
}

static void test_lines_are_the_same_however_they_come(void **state)
{
    static const char text[] = "one\n\ntwo\r\n12345678901\nthree\nno end";

    (void)state;
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        char noted[200] = "";
        struct line_cutter cutter = {.line = {.bytes_max = 10}, .arg = noted, .on_line = note_line};
        for (size_t at = 0; at < strlen(text); at += piece) {
            size_t len = strlen(text) - at < piece ? strlen(text) - at : piece;
            assert_true(line_cutter_add(&cutter, (struct str){text + at, len}));
        }
        assert_string_equal(noted, "|one|two!1234567890|three");
        line_cutter_fini(&cutter);
    }
}

static void test_who_gets_lines_can_end_it(void **state)
{
    char noted[200] = "";
    struct line_cutter cutter = {.line = {.bytes_max = 10}, .arg = noted, .on_line = note_line};

    (void)state;
    assert_false(line_cutter_add(&cutter, STR("one\nstop\ntwo\n")));
    assert_string_equal(noted, "|one|stop");
    line_cutter_fini(&cutter);
}

static void test_lines_of_a_watch(void **state)
{
    struct kube_stream_line line;
    struct err err;

    (void)state;
    parse("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"12\"}}}");
    assert_int_equal(kube_stream_read_line(doc, arena, &line, &err), OK);
    assert_int_equal(line.type, KUBE_LINE_BOOKMARK);
    assert_true(str_eq(line.revision, STR("12")));
    parse("{\"type\":\"ERROR\",\"object\":{\"code\":429,\"message\":\"later\",\"details\":{"
          "\"retryAfterSeconds\":7}}}");
    assert_int_equal(kube_stream_read_line(doc, arena, &line, &err), OK);
    assert_int_equal(line.type, KUBE_LINE_ERROR);
    assert_int_equal(line.code, 429);
    assert_int_equal(line.retry_after_s, 7);
    static const char *const wrong[] = {"7",
                                        "[]",
                                        "{\"type\":\"ADDED\"}",
                                        "{\"type\":7}",
                                        "{\"type\":\"added\",\"object\":{}}",
                                        "{\"type\":\"ADDED\",\"object\":[]}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        parse(wrong[i]);
        assert_int_equal(kube_stream_read_line(doc, arena, &line, &err), REJECT);
        assert_true(err.text[0] != '\0');
    }
}

static void test_pages_of_a_list(void **state)
{
    struct kube_stream_page page;
    struct err err;

    (void)state;
    parse("{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"c\"},\"items\":[]}");
    assert_int_equal(kube_stream_read_page(doc, arena, &page, &err), OK);
    assert_true(str_eq(page.revision, STR("9")) && str_eq(page.next, STR("c")));
    parse("{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}");
    assert_int_equal(kube_stream_read_page(doc, arena, &page, &err), OK);
    assert_int_equal(page.next.len, 0);
    parse("{\"items\":[]}");
    assert_int_equal(kube_stream_read_page(doc, arena, &page, &err), REJECT);
}

/* The latest of all times, to the end of its second; a grace period is taken off. */
static void test_the_time_of_a_state(void **state)
{
    static const struct {
        const char *object;
        const char *time; /* NULL: none */
    } cases[] = {
        {"{\"metadata\":{\"creationTimestamp\":\"2026-11-23T15:00:00Z\"}}",
         "2026-11-23T15:00:00.999999Z"},
        {"{\"metadata\":{\"creationTimestamp\":\"2026-11-23T15:00:00Z\",\"managedFields\":[{"
         "\"time\":"
         "\"2026-11-23T15:00:07Z\"},{\"manager\":\"m\"},{\"time\":\"2026-11-23T15:00:03Z\"}]}}",
         "2026-11-23T15:00:07.999999Z"},
        {"{\"metadata\":{\"creationTimestamp\":\"2026-11-23T15:00:00Z\"},\"status\":{"
         "\"conditions\":[{"
         "\"lastTransitionTime\":\"2026-11-23T15:01:00.25Z\"},7,{\"lastTransitionTime\":null}]}}",
         "2026-11-23T15:01:00.999999Z"},
        {"{\"metadata\":{\"creationTimestamp\":\"2026-11-23T15:00:00Z\",\"deletionTimestamp\":"
         "\"2026-11-23T15:10:30Z\",\"deletionGracePeriodSeconds\":30}}",
         "2026-11-23T15:10:00.999999Z"},
        {"{\"metadata\":{\"creationTimestamp\":\"no time\",\"managedFields\":7}}", NULL},
        {"{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t us = kube_watch_time(doc, parse(cases[i].object));
        char shown[32] = "";
        if (us != INT64_MIN) {
            timebase_format(us, shown);
        }
        assert_string_equal(shown, cases[i].time ? cases[i].time : "");
    }
}

static enum verdict fold(const char *object, enum kube_watch_change change, struct str *out_body)
{
    struct json_fault fault = {0};
    struct err err;
    const struct kube_watch_source source = {.cluster = STR("prod"),
                                             .group = STR("apps"),
                                             .version = STR("v1"),
                                             .resource = STR("deployments"),
                                             .kind = STR("Deployment"),
                                             .change = change,
                                             .object = parse(object),
                                             .doc = doc,
                                             .now_us = INT64_C(1795446060000001)};
    enum verdict verdict = kube_watch_fold(&source, arena, out_body, &fault, &err);

    assert_true(verdict == OK || fault.reason[0]);
    return verdict;
}

/* The version 5 UUID of "k8s_watch" over prod, u, 5 and state, made by another program. */
#define ID "440adcac-bc03-587b-9703-f51df95bffc0"
/* The same over prod, u, 5, delete and 2026-11-23T15:01:00.000001Z; and without the time. */
#define ID_GONE "9b0747a3-d31f-5178-90d8-9ae2be578faa"
#define ID_GOING "bbbd876a-7cfd-5da5-a70c-6bb69d0b6402"

static void test_what_is_published_of_an_object(void **state)
{
#define HEAD(type, id)                                                                             \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"kubernetes:prod\",\"type\":\""        \
    "dev.knative.apiserver.resource." type "\",\"subject\":\"/apis/apps/v1/namespaces/f/"          \
    "deployments/d\",\"time\":\"2026-11-23T15:00:00.999999Z\",\"cluster\":\"prod\","               \
    "\"apiversion\":\"apps/v1\",\"kind\":\"Deployment\",\"datacontenttype\":\"application/json\"," \
    "\"data\":"
#define NAMES                                                                                      \
    "\"namespace\":\"f\",\"name\":\"d\",\"uid\":\"u\",\"resourceVersion\":\"5\","                  \
    "\"creationTimestamp\":\"2026-11-23T15:00:00Z\""
    static const char *const objects[][2] = {
        {"{\"metadata\":{\"managedFields\":[{\"a\":1}]," NAMES "}}", "{\"metadata\":{" NAMES "}}"},
        {"{\"metadata\":{" NAMES ", \"managedFields\": [] }}", "{\"metadata\":{" NAMES " }}"},
        {"{\"metadata\":{" NAMES ",\"managedFields\":null,\"labels\":{}}}",
         "{\"metadata\":{" NAMES ",\"labels\":{}}}"},
        {"{\"metadata\":{" NAMES "}}", "{\"metadata\":{" NAMES "}}"},
    };
    struct str body;
    char whole[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        assert_int_equal(fold(objects[i][0], KUBE_WATCH_UPDATE, &body), OK);
        snprintf(whole, sizeof(whole), HEAD("update", ID) "%s}", objects[i][1]);
        assert_int_equal(body.len, strlen(whole));
        assert_memory_equal(body.ptr, whole, body.len);
    }
    static const char *const wrong[] = {
        "{}", "{\"metadata\":[]}", "{\"metadata\":{\"name\":\"d\",\"uid\":\"u\"}}",
        "{\"metadata\":{\"name\":7,\"uid\":\"u\",\"resourceVersion\":\"5\"}}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fold(wrong[i], KUBE_WATCH_ADD, &body), REJECT);
    }
}

static struct kube_watch read_back(const char *object, enum kube_watch_change change)
{
    struct json_fault fault = {0};
    struct kube_watch watch;
    struct str body;
    struct err err;

    assert_int_equal(fold(object, change, &body), OK);
    assert_int_equal(json_parse(folded, body, NULL, &err), OK);
    assert_int_equal(kube_watch_read(folded, arena, &watch, &fault, &err), OK);
    return watch;
}

static void assert_id(struct id128 id, const char *text)
{
    char shown[ID128_TEXT_BYTES];

    id128_format(id, shown);
    assert_string_equal(shown, text);
}

static void test_what_is_read_of_it(void **state)
{
    struct kube_watch made = read_back("{\"metadata\":{" NAMES "},\"spec\":{}}", KUBE_WATCH_ADD);
    struct kube_watch again =
        read_back("{\"spec\":{},\"metadata\":{" NAMES "}}", KUBE_WATCH_UPDATE);
    struct kube_watch going = read_back(
        "{\"metadata\":{\"deletionTimestamp\":\"2026-11-23T15:00:00Z\"," NAMES "},\"spec\":{}}",
        KUBE_WATCH_UPDATE);
    struct kube_watch gone = read_back("{\"metadata\":{" NAMES "}}", KUBE_WATCH_DELETE);

    (void)state;
    assert_true(str_eq(made.api_group, STR("apps")) && str_eq(made.namespace_, STR("f")));
    assert_true(made.is_whole && !made.is_deleted);
    /* What is told again is the same event; its end is another. */
    assert_true(id128_eq(made.event_id, again.event_id));
    assert_false(id128_eq(made.event_id, gone.event_id));
    assert_true(going.is_deleted && gone.is_deleted && !gone.is_whole);
    /* The clock, for the object does not say when it went: what another clock says is another event. */
    assert_int_equal(gone.event_time_us, INT64_C(1795446060000001));
    assert_id(gone.event_id, ID_GONE);
    assert_id(read_back("{\"metadata\":{\"deletionTimestamp\":\"2026-11-23T15:00:00Z\"," NAMES
                        "},\"spec\":{}}",
                        KUBE_WATCH_DELETE)
                  .event_id,
              ID_GOING);
}

/* As of an audit event: rules are those of test_redact_kubernetes.c. */
static void test_secrets_are_gone(void **state)
{
    struct redact *redact = NULL;
    struct err err;
    struct str body;

    (void)state;
    assert_int_equal(redact_new("", false, &redact, &err), OK);
    assert_int_equal(
        fold("{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":"
             "\"s3cr3t\"}," NAMES "},\"spec\":{\"containers\":[{\"image\":\"i\",\"env\":[{\"name\":"
             "\"A\",\"value\":\"s3cr3t\"}],\"args\":[\"s3cr3t\"],\"command\":[\"s3cr3t\"]}]}}",
             KUBE_WATCH_ADD, &body),
        OK);
    assert_int_equal(json_parse(folded, body, NULL, &err), OK);
    assert_int_equal(redact_event(redact, folded, arena, &body, &err), OK);
    assert_null(memmem(body.ptr, body.len, "s3cr3t", 6));
    assert_non_null(memmem(body.ptr, body.len, "\"image\":\"i\"", 11));
    assert_int_equal(redact_count(body), 4);
    redact_free(redact);
}

static void test_what_is_known(void **state)
{
    const struct kube_watch_names a = {STR("n"), STR("a"), STR("1"), STR("5")};
    const struct kube_watch_names a_later = {STR("n"), STR("a"), STR("1"), STR("6")};
    const struct kube_watch_names b = {STR("n"), STR("b"), STR("2"), STR("5")};
    const struct kube_watch_names c = {STR("n"), STR("c"), STR("3"), STR("5")};
    struct kube_known *known = kube_known_new(2);
    struct kube_watch_names missing;

    (void)state;
    assert_non_null(known);
    assert_false(kube_known_has(known, &a));
    assert_true(kube_known_put(known, &a, 7) && kube_known_put(known, &b, INT64_MIN));
    assert_false(kube_known_put(known, &c, 7)); /* one too many */
    assert_true(kube_known_has(known, &a));
    assert_true(kube_known_put(known, &a_later, 6));
    /* A later revision may say an earlier time. */
    assert_int_equal(kube_known_time(known, a.uid), 7);
    assert_int_equal(kube_known_time(known, c.uid), INT64_MIN);
    assert_false(kube_known_has(known, &a));
    kube_known_begin_list(known);
    assert_true(kube_known_has(known, &a_later));
    assert_true(kube_known_next_missing(known, &missing));
    assert_true(str_eq(missing.name, STR("b")) && str_eq(missing.revision, STR("5")));
    kube_known_drop(known, missing.uid);
    assert_false(kube_known_next_missing(known, &missing));
    assert_int_equal(kube_known_count(known), 1);
    kube_known_free(known);
}

static void test_resources(void **state)
{
    const struct kube_resource *list[KUBE_RESOURCES_MAX];
    char path[96];
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(kube_resource_list("pods, models,,pods", list, &count, &err), OK);
    assert_int_equal(count, 2);
    kube_resource_path(list[0], path, sizeof(path));
    assert_string_equal(path, "/api/v1/pods");
    kube_resource_path(list[1], path, sizeof(path));
    assert_string_equal(path, "/apis/mlops.seldon.io/v1alpha1/models");
    assert_int_equal(kube_resource_list("pods,secrets", list, &count, &err), FATAL);
    assert_non_null(strstr(err.text, "secrets"));
    assert_int_equal(kube_resource_list(" , ", list, &count, &err), FATAL);
}

static void test_queries_are_escaped(void **state)
{
    char out[32];

    (void)state;
    http_client_escape(STR("a/1+=&\xff"), out, sizeof(out));
    assert_string_equal(out, "a%2F1%2B%3D%26%FF");
    http_client_escape(STR("////////////////"), out, 8);
    assert_string_equal(out, "%2F%2F");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_the_same_however_they_come),
        cmocka_unit_test(test_who_gets_lines_can_end_it),
        cmocka_unit_test_setup_teardown(test_lines_of_a_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages_of_a_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_time_of_a_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_published_of_an_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_read_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_are_gone, setup, teardown),
        cmocka_unit_test(test_what_is_known),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_queries_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
