/* What MetaOps says of itself, from the record to its rows: key changes and reports of refusals,
 * written as the commands and the gateway write them, and the same by hand with everything wrong
 * that can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/key_change.h"
#include "schemas/refusal_report.h"
#include "support/pipeline.h"

#define ID "00112233445566ff"
#define AT_US INT64_C(1772359200000000) /* 2026-03-01T10:00:00Z */
#define EVENT(type, subject, data)                                                                 \
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"" type                      \
    "\",\"subject\":\"" subject "\",\"time\":\"2026-03-01T10:00:00Z\",\"data\":" data "}"
#define HASH "00000000000000000000000000000000000000000000000000000000000000ff"

static struct pipeline pl;

static int setup(void **state)
{
    (void)state;
    pipeline_init(&pl, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pipeline_fini(&pl);
    return 0;
}

static void add(const char *topic, struct str format, struct str body)
{
    struct lineage_event ev = {
        .received_at_us = AT_US + 7, .source = SOURCE_EMITTER, .format = format, .body = body};

    pipeline_add_event(&pl, topic, &ev);
}

static void assert_letter(const char *topic, struct str format, const char *body, const char *stage,
                          const char *reason)
{
    size_t letters = pl.bt->rows.letters.count;

    pipeline_reset(&pl);
    letters = 0;
    add(topic, format, str_view(body));
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.letters.count, letters + 1);
    assert_int_equal(pl.bt->rows.events.count, 0);
    assert_int_equal(pl.bt->rows.key_changes.count, 0);
    assert_int_equal(pl.bt->rows.refusals.count, 0);
    const struct dead_letter *letter = &pl.bt->rows.letters.items[letters];
    assert_true(str_eq(letter->stage, str_view(stage)));
    if (!strstr(letter->reason.ptr, reason)) {
        fail_msg("expected \"%s\" in \"%s\"", reason, letter->reason.ptr);
    }
}

static void test_a_key_that_was_added_becomes_a_row_without_its_hash(void **state)
{
    struct str patterns[] = {STR("team-a/*"), STR("odd \"\n\xC3\xA9")};
    struct key_change change = {.key_id = STR(ID),
                                .at_us = AT_US,
                                .by = STR("ada@build-1"),
                                .name = STR("night \"loads\""),
                                .namespaces = patterns,
                                .namespace_count = 2,
                                .expires_at_us = AT_US + 1000000,
                                .rate_per_s = 5,
                                .events_per_day = 7};
    struct str body = key_change_write(&change);

    (void)state;
    memset(change.hash.bytes, 0xAB, sizeof(change.hash.bytes));
    add("metaops.keys", STR("cloudevents"), body);
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.letters.count, 0);
    assert_int_equal(pl.bt->rows.events.count, 1);
    assert_true(pl.bt->rows.events.items[0].is_control);
    assert_int_equal(pl.bt->rows.statements.count, 0);
    assert_int_equal(pl.bt->rows.key_changes.count, 1);
    const struct graph_key_change *row = &pl.bt->rows.key_changes.items[0];
    assert_true(id128_eq(row->id, lineage_event_id(body)));
    assert_false(row->is_revoked);
    assert_true(str_eq(row->key_id, STR(ID)));
    assert_true(str_eq(row->name, STR("night \"loads\"")));
    assert_true(str_eq(row->namespaces, STR("[\"team-a/*\",\"odd \\\"\\u000a\xC3\xA9\"]")));
    assert_true(str_eq(row->by, STR("ada@build-1")));
    assert_int_equal(row->at_us, AT_US);
    assert_int_equal(row->expires_at_us, AT_US + 1000000);
    assert_int_equal(row->rate_per_s, 5);
    assert_int_equal(row->burst, 0);
    assert_int_equal(row->events_per_day, 7);
    assert_int_equal(row->received_at_us, AT_US + 7);
    assert_true(str_eq(row->topic, STR("metaops.keys")));
    free((char *)body.ptr);
}

static void test_a_revocation_becomes_a_row(void **state)
{
    struct key_change change = {
        .is_revoked = true, .key_id = STR(ID), .at_us = AT_US, .by = STR("root@x")};
    struct str body = key_change_write(&change);

    (void)state;
    add("metaops.keys", STR("cloudevents"), body);
    add("metaops.keys", STR("cloudevents"), body); /* once, however often it is there */
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.key_changes.count, 1);
    assert_true(pl.bt->rows.key_changes.items[0].is_revoked);
    assert_null(pl.bt->rows.key_changes.items[0].name.ptr);
    assert_int_equal(pl.bt->rows.key_changes.items[0].expires_at_us, GRAPH_NO_TIME);
    free((char *)body.ptr);
}

static void test_a_report_becomes_a_row_for_each_entry(void **state)
{
    struct refusal_entry entries[] = {{.key_id = STR(ID),
                                       .status = 403,
                                       .reason = STR("namespace"),
                                       .count = 3,
                                       .first_us = AT_US - 2,
                                       .last_us = AT_US - 1},
                                      {.key_id = STR("anonymous"),
                                       .status = 401,
                                       .reason = STR("missing"),
                                       .count = 1,
                                       .first_us = AT_US,
                                       .last_us = AT_US}};
    struct refusal_report report = {
        .gateway = STR("gw-1 0.0.0.0:5000"), .entries = entries, .entry_count = 2};
    struct str body = refusal_report_write(&report, AT_US);

    (void)state;
    add("metaops.events", STR("cloudevents"), body);
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.letters.count, 0);
    assert_int_equal(pl.bt->rows.events.count, 1);
    assert_int_equal(pl.bt->rows.refusals.count, 2);
    const struct graph_refusal *row = &pl.bt->rows.refusals.items[0];
    assert_true(str_eq(row->key_id, STR(ID)));
    assert_int_equal(row->status, 403);
    assert_true(str_eq(row->reason, STR("namespace")));
    assert_int_equal(row->count, 3);
    assert_int_equal(row->first_us, AT_US - 2);
    assert_int_equal(row->last_us, AT_US - 1);
    assert_true(str_eq(row->gateway, STR("gw-1 0.0.0.0:5000")));
    assert_int_equal(row[1].ordinal, 1);
    free((char *)body.ptr);
}

static void test_what_nobody_knows_becomes_a_dead_letter(void **state)
{
    struct str ce = STR("cloudevents");

    (void)state;
    assert_letter("metaops.events", STR("avro"), "{}", "decode", "the format avro");
    assert_letter("metaops.events", ce, "{\"a\":x}", "control", "");
    assert_letter("metaops.events", ce, "[]", "control", "must be an object");
    assert_letter("metaops.events", ce, "{}", "control", "specversion is missing");
    assert_letter("metaops.events", ce, "{\"specversion\":\"0.3\"}", "control", "only specversion");
    assert_letter("metaops.events", ce, "{\"specversion\":\"1.0\",\"id\":3}", "control",
                  "must be a string");
    assert_letter("metaops.events", ce, EVENT("com.example.thing", "x", "{}"), "control",
                  "type com.example.thing");
    assert_letter("metaops.keys", ce, EVENT("io.metaops.key.lost", ID, "{}"), "control", "type");
    assert_letter("metaops.keys", ce, EVENT("io.metaops.key.revoked", "ab", "{}"), "control",
                  "id of a key");
    assert_letter("metaops.keys", ce, EVENT("io.metaops.key.revoked", ID, "[]"), "control",
                  "data must be an object");
    assert_letter("metaops.keys", ce, EVENT("io.metaops.key.added", ID, "{\"name\":\"n\"}"),
                  "control", "sha256");
    assert_letter("metaops.keys", ce,
                  EVENT("io.metaops.key.added", ID, "{\"sha256\":\"" HASH "\",\"namespaces\":[1]}"),
                  "control", "must be a pattern");
    assert_letter("metaops.keys", ce,
                  EVENT("io.metaops.key.added", ID, "{\"sha256\":\"" HASH "\",\"burst\":-1}"),
                  "control", "whole number");
    assert_letter("metaops.events", ce, EVENT("io.metaops.refusals", "x", "{\"refusals\":{}}"),
                  "control", "must be an array");
    assert_letter("metaops.events", ce, EVENT("io.metaops.refusals", "x", "{\"refusals\":[{}]}"),
                  "control", "needs keyId");
}

/* Who can write events cannot make keys. */
static void test_key_changes_count_on_their_own_topic_only(void **state)
{
    const char *body = EVENT("io.metaops.key.added", ID, "{\"sha256\":\"" HASH "\"}");

    (void)state;
    assert_letter("metaops.events", STR("cloudevents"), body, "control", "topic metaops.keys only");
    pipeline_reset(&pl);
    add("metaops.keys", STR("cloudevents"), str_view(body));
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.key_changes.count, 1);
    assert_true(str_eq(pl.bt->rows.key_changes.items[0].namespaces, STR("[]")));
}

/* The bytes of an event, refused as one format, are still good as the other. */
static void test_a_refusal_in_one_format_does_not_hide_the_event_in_the_other(void **state)
{
    struct str body = STR("{\"eventTime\":\"2026-03-01T10:00:00Z\","
                          "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}");

    (void)state;
    add("metaops.events", STR("cloudevents"), body);
    add("metaops.events", STR("openlineage"), body);
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.letters.count, 1);
    assert_int_equal(pl.bt->rows.events.count, 1);
    assert_false(pl.bt->rows.events.items[0].is_control);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_key_that_was_added_becomes_a_row_without_its_hash),
        TEST(test_a_revocation_becomes_a_row),
        TEST(test_a_report_becomes_a_row_for_each_entry),
        TEST(test_what_nobody_knows_becomes_a_dead_letter),
        TEST(test_key_changes_count_on_their_own_topic_only),
        TEST(test_a_refusal_in_one_format_does_not_hide_the_event_in_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
