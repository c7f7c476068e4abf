/* Memory that is short at any place of schemas: the codec, reading events, redaction, and what else is written. What
 * comes out in spite of it is whole; an event is never called wrong for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "schemas/canonical_schema.h"
#include "schemas/dead_letter.h"
#include "schemas/enriched_event.h"
#include "schemas/event_codec.h"
#include "schemas/key_change.h"
#include "schemas/openlineage.h"
#include "schemas/redact.h"
#include "schemas/refusal_report.h"
#include "support/alloc_sweep.h"

#define PADDING "                                                                "

/* A run event with a parent, datasets, column lineage and three secrets. */
static const char event_text[] =
    "{\"eventType\":\"COMPLETE\",\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\","
    "\"run\":{\"runId\":\"01a2008d-7400-7e5b-87f6-060b8e65cd51\",\"facets\":{\"parent\":{\"run\":"
    "{\"runId\":\"01a2008d-7400-755f-a7f2-c0cad6ddccba\"},\"job\":{\"namespace\":\"n\","
    "\"name\":\"p\\u00e9re\"}},\"environmentVariables\":{\"environmentVariables\":[{\"name\":"
    "\"DB_PASSWORD\",\"value\":\"hunter2hunter2\"}]}}},\"job\":{\"namespace\":\"n\",\"name\":\"j\","
    "\"facets\":{\"sql\":{\"query\":\"select 1 -- postgres://u:hunter3hunter3@h/d\"}}},"
    "\"inputs\":[{\"namespace\":\"n\",\"name\":\"a\\u00e9\"},{\"namespace\":\"n\",\"name\":\"b\"}],"
    "\"outputs\":[{\"namespace\":\"n\",\"name\":\"c\",\"facets\":{\"dataSource\":{\"uri\":"
    "\"jdbc:mysql://h/d?password=hunter4hunter4\"}}}]}" PADDING;
#define EVENT                                                                                      \
    (struct str)                                                                                   \
    {                                                                                              \
        event_text, sizeof(event_text) - 1 - JSON_PADDING_BYTES                                    \
    }

static enum verdict run_codec(const void *arg)
{
    (void)arg;
    struct event_codec *codec = event_codec_new(1 << 20);
    struct arena *arena = arena_new(1 << 22);
    struct lineage_gap gap = {.from_seq = 1, .to_seq = 2, .reason = STR("spool full")};
    struct lineage_event ev = {.received_at_us = 64,
                               .principal = STR("key"),
                               .emitter_id = STR("e"),
                               .emitter_sequence = 3,
                               .gaps = &gap,
                               .gap_count = 1,
                               .body = EVENT};
    struct lineage_event back;
    struct err err;
    void *bytes = NULL;
    size_t len;
    enum verdict verdict = RETRY;

    if (codec && arena) {
        verdict = event_codec_encode(codec, &ev, &bytes, &len, &err);
    }
    if (verdict == OK) {
        verdict = event_codec_decode(codec, (struct str){bytes, len}, arena, &back, &err);
        if (verdict == OK && !(str_eq(back.body, ev.body) && back.gap_count == 1)) {
            verdict = REJECT;
        }
        free(bytes);
    }
    event_codec_free(codec);
    arena_free(arena);
    return verdict;
}

static void test_codec(void **state)
{
    (void)state;
    assert_true(alloc_sweep("codec", run_codec, NULL) > 5);
}

static bool is_read_whole(const struct openlineage_event *ev)
{
    return ev->kind == OPENLINEAGE_RUN && ev->input_count == 2 && ev->output_count == 1 &&
           ev->has_parent_job && str_eq(ev->inputs[0].name, STR("a\xC3\xA9"));
}

static enum verdict run_openlineage(const void *arg)
{
    (void)arg;
    struct json_doc *doc = json_doc_new(128, 100000);
    struct arena *arena = arena_new(1 << 22);
    struct openlineage_event ev;
    struct json_fault fault;
    struct err err;
    enum verdict verdict = doc && arena ? json_parse(doc, EVENT, &fault, &err) : RETRY;

    if (verdict == OK) {
        verdict = openlineage_read(doc, arena, &ev, &fault, &err);
    }
    if (verdict == OK && !is_read_whole(&ev)) {
        verdict = REJECT;
    }
    json_doc_free(doc);
    arena_free(arena);
    return verdict;
}

static void test_openlineage(void **state)
{
    (void)state;
    assert_true(alloc_sweep("openlineage", run_openlineage, NULL) > 5);
}

/* Nothing may come out that has a secret left. */
static enum verdict run_redact(const void *arg)
{
    (void)arg;
    struct redact *redact = NULL;
    struct json_doc *doc = json_doc_new(128, 100000);
    struct arena *arena = arena_new(1 << 22);
    struct str body = EVENT;
    struct err err;
    enum verdict verdict = redact_new("PATH,HOME,LC_*", true, &redact, &err);

    if (verdict == OK) {
        verdict = doc && arena ? json_parse(doc, body, NULL, &err) : RETRY;
    }
    if (verdict == OK) {
        verdict = redact_event(redact, doc, arena, &body, &err);
    }
    if (verdict == OK && memmem(body.ptr, body.len, "hunter", 6)) {
        verdict = REJECT;
    }
    if (verdict == OK) {
        struct str text = redact_bytes(redact, STR("broken { postgres://u:hunter3@h/d"), arena);
        verdict = !text.ptr ? RETRY : memmem(text.ptr, text.len, "hunter", 6) ? REJECT : OK;
    }
    redact_free(redact);
    json_doc_free(doc);
    arena_free(arena);
    return verdict;
}

static void test_redact(void **state)
{
    (void)state;
    assert_true(alloc_sweep("redact", run_redact, NULL) > 5);
}

static enum verdict run_dead_letter(const void *arg)
{
    (void)arg;
    struct dead_letter letter = {.failed_at_us = 1,
                                 .stage = STR("check"),
                                 .reason = STR("no \xFF UTF-8"),
                                 .byte_offset = -1,
                                 .topic = STR("t"),
                                 .value = EVENT};
    struct dead_letter back;
    struct err err;
    void *bytes;
    size_t len;
    enum verdict verdict = dead_letter_encode(&letter, &bytes, &len, &err);

    if (verdict == OK) {
        verdict = dead_letter_decode((struct str){bytes, len}, &back, &err);
        if (verdict == OK && !str_eq(back.value, letter.value)) {
            verdict = REJECT;
        }
        free(bytes);
    }
    return verdict;
}

static enum verdict run_enriched(const void *arg)
{
    (void)arg;
    struct enriched_node nodes[] = {{STR("n"), STR("a")}, {STR("n"), STR("b")}};
    struct enriched_event ev = {.kind = OPENLINEAGE_RUN,
                                .event_type = STR("START"),
                                .run = {.run_id = STR("r"), .job = nodes[0]},
                                .inputs = nodes,
                                .input_count = 2,
                                .producer = STR("p"),
                                .format = STR("openlineage"),
                                .body = EVENT,
                                .source_topic = STR("t"),
                                .source_offset = 7};
    struct enriched_place place;
    struct err err;
    void *bytes;
    size_t len;
    enum verdict verdict = enriched_event_encode(NULL, &ev, &bytes, &len, &err);

    if (verdict == OK) {
        verdict = enriched_event_place(NULL, (struct str){bytes, len}, &place, &err);
        if (verdict == OK && place.source_offset != 7) {
            verdict = REJECT;
        }
        free(bytes);
    }
    return verdict;
}

/* A text that ends too early would be published as it is. */
static enum verdict whole_json(struct str text)
{
    static char copy[4096];
    static struct json_doc *doc;
    struct err err;

    if (!doc) {
        doc = json_doc_new(128, 10000);
    }
    if (!text.ptr) {
        return RETRY;
    }
    memcpy(copy, text.ptr, text.len);
    free((char *)text.ptr);
    enum verdict verdict = json_parse(doc, (struct str){copy, text.len}, NULL, &err);
    return verdict == OK && json_get(doc, json_root(doc), STR("data")) ? OK : verdict;
}

static enum verdict run_key_change(const void *arg)
{
    (void)arg;
    struct str patterns[] = {STR("team-a/*"), STR("odd \"\n\xC3\xA9")};
    struct key_change change = {.key_id = STR("00000000000000a1"),
                                .by = STR("ada@build-1"),
                                .name = STR("night \"loads\""),
                                .namespaces = patterns,
                                .namespace_count = 2,
                                .expires_at_us = KEY_CHANGE_NEVER};

    return whole_json(key_change_write(&change));
}

static enum verdict run_refusals(const void *arg)
{
    (void)arg;
    struct refusal_entry entries[] = {
        {.key_id = STR("unknown"), .status = 401, .reason = STR("unknown"), .count = 3},
        {.key_id = STR("anonymous"), .status = 401, .reason = STR("missing"), .count = 1}};
    struct refusal_report report = {.gateway = STR("h:1"), .entries = entries, .entry_count = 2};

    return whole_json(refusal_report_write(&report, 1));
}

static enum verdict run_canonical_schema(const void *arg)
{
    (void)arg;
    uint64_t fingerprint;
    struct err err;
    enum verdict verdict = canonical_schema_fingerprint(
        STR("{\"type\":\"record\",\"name\":\"a.R\",\"doc\":\"d\",\"fields\":[{\"name\":\"f\","
            "\"type\":{\"type\":\"array\",\"items\":[\"null\",\"string\"]},\"default\":[]}]}"),
        &fingerprint, &err);
    static uint64_t first;

    if (verdict == OK && first && fingerprint != first) {
        verdict = REJECT;
    }
    first = verdict == OK ? fingerprint : first;
    return verdict;
}

static void test_writers(void **state)
{
    (void)state;
    assert_true(alloc_sweep("dead_letter", run_dead_letter, NULL) > 0);
    assert_true(alloc_sweep("enriched_event", run_enriched, NULL) > 0);
    assert_true(alloc_sweep("key_change", run_key_change, NULL) > 0);
    assert_true(alloc_sweep("refusal_report", run_refusals, NULL) > 0);
    assert_true(alloc_sweep("canonical_schema", run_canonical_schema, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec),
        cmocka_unit_test(test_openlineage),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
