/* What metaops poll could not use, from its body to the dead letter of the worker: texts written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/event_check.h"
#include "schemas/redact.h"
#include "schemas/unread_record.h"
#include "support/pipeline.h"

#define TOPIC "metaops.events"
#define AT_MS INT64_C(1795446060000)

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct unread_record record_of(struct str value)
{
    return (struct unread_record){.topic = STR("seldon.f.model.iris.inputs"),
                                  .partition = 3,
                                  .offset = 17,
                                  .timestamp_ms = AT_MS,
                                  .reason = STR("must be \"one\" object"),
                                  .json_pointer = STR("/inputs/0"),
                                  .byte_offset = 11,
                                  .value = value};
}

static void assert_text(const char *expected, struct str text)
{
    if (!str_eq(str_view(expected), text)) {
        fail_msg("expected %s, got %.*s", expected, (int)text.len, text.ptr);
    }
}

static void test_unread_record_text(void **state)
{
    struct unread_record unread = record_of(STR("{\"inputs\":[1]}"));

    (void)state;
    assert_text("{\"topic\":\"seldon.f.model.iris.inputs\",\"partition\":3,\"offset\":17,\"time\":"
                "1795446060000,\"reason\":\"must be \\\"one\\\" object\",\"jsonPointer\":"
                "\"/inputs/0\",\"byteOffset\":11,\"value\":\"{\\\"inputs\\\":[1]}\"}",
                unread_record_fold(&unread, arena));
}

/* Protobuf is no text; a record without time has none. */
static void test_unread_record_bytes(void **state)
{
    struct unread_record unread = {.topic = STR("t"),
                                   .timestamp_ms = -1,
                                   .reason = STR("r"),
                                   .json_pointer = STR(""),
                                   .byte_offset = -1,
                                   .value = STR("\xFF\x00\x01")};

    (void)state;
    assert_text("{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"reason\":\"r\",\"valueBase64\":"
                "\"/wAB\"}",
                unread_record_fold(&unread, arena));
}

static void add(struct pipeline *pl, struct str body)
{
    struct lineage_event ev = {
        .received_at_us = 64, .source = SOURCE_KAFKA, .format = STR(UNREAD_FORMAT), .body = body};

    pipeline_add_event(pl, TOPIC, &ev);
}

/* One letter however often it is read, with the reason and the place found by poll; nothing else. */
static void test_unread_record_becomes_a_letter(void **state)
{
    struct unread_record unread = record_of(STR("{\"inputs\":[1]}"));
    struct str body = unread_record_fold(&unread, arena);
    struct pipeline *pl = *state;

    add(pl, body);
    add(pl, body);
    pipeline_run(pl);
    assert_int_equal(pl->bt->rows.events.count, 0);
    assert_int_equal(pl->bt->rows.letters.count, 1);
    const struct dead_letter *letter = &pl->bt->rows.letters.items[0];
    assert_true(id128_eq(letter->letter_id, lineage_event_id(body)));
    assert_true(letter->has_event_id);
    assert_text("poll", letter->stage);
    assert_text("seldon.f.model.iris.inputs: must be \"one\" object", letter->reason);
    assert_text("/inputs/0", letter->json_pointer);
    assert_int_equal(letter->byte_offset, 11);
    assert_text(TOPIC, letter->topic);
    assert_true(str_eq(letter->value, pl->bt->records.items[0].value));
}

static void test_unread_record_without_a_place(void **state)
{
    struct unread_record unread = record_of(STR("x"));
    struct pipeline *pl = *state;

    unread.json_pointer = STR("");
    unread.byte_offset = -1;
    add(pl, unread_record_fold(&unread, arena));
    pipeline_run(pl);
    assert_int_equal(pl->bt->rows.letters.count, 1);
    assert_null(pl->bt->rows.letters.items[0].json_pointer.ptr);
    assert_int_equal(pl->bt->rows.letters.items[0].byte_offset, -1);
}

/* Whoever may write the topic can write anything. */
static void test_unread_record_that_is_none(void **state)
{
    static const struct {
        const char *body;
        const char *reason;
    } wrong[] = {
        {"[]", "must be an object"},
        {"{\"topic\":\"t\"}", "needs topic and reason"},
        {"{\"reason\":\"r\"}", "needs topic and reason"},
        {"{\"topic\":7,\"reason\":\"r\"}", "must be a string"},
        {"{\"topic\":\"t\",\"reason\":\"r\",\"byteOffset\":-5}", "must be a whole number"},
    };
    struct pipeline *pl = *state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        pipeline_reset(pl);
        add(pl, str_view(wrong[i].body));
        pipeline_run(pl);
        assert_int_equal(pl->bt->rows.letters.count, 1);
        assert_text("poll", pl->bt->rows.letters.items[0].stage);
        assert_text(wrong[i].reason, pl->bt->rows.letters.items[0].reason);
    }
    pipeline_reset(pl);
    add(pl, STR("no json"));
    pipeline_run(pl);
    assert_int_equal(pl->bt->rows.letters.count, 1);
}

/* Secrets are out before it is published, in JSON as by patterns, and the worker finds nothing more: the id stays. */
static void test_unread_record_without_secrets(void **state)
{
    static const struct {
        const char *came;
        const char *kept;
    } values[] = {
        {"{\"password\":\"hunter2\"}", "{\"password\":\"" REDACT_MARK "\"}"},
        {"{\"password\":\"hunter2\"} and more", "{\"password\":\"" REDACT_MARK "\"} and more"},
        {"postgres://u:hunter2@db/x", "postgres://u:" REDACT_MARK "@db/x"},
        {"\xFF postgres://u:hunter2@db/x", "\xFF postgres://u:" REDACT_MARK "@db/x"},
    };
    struct pipeline *pl = *state;
    struct event_check *check = event_check_new(&pl->st);
    struct err err;

    assert_non_null(check);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct unread_record unread = record_of(str_view(values[i].came));
        struct unread_record kept = record_of(str_view(values[i].kept));
        struct str expected = unread_record_fold(&kept, arena);
        struct str body;

        pipeline_reset(pl);
        assert_int_equal(event_check_unread(check, &unread, &body, &err), OK);
        assert_text(expected.ptr, body);
        add(pl, body);
        pipeline_run(pl);
        assert_int_equal(pl->bt->rows.letters.count, 1);
        assert_true(id128_eq(pl->bt->rows.letters.items[0].letter_id, lineage_event_id(body)));
    }
    event_check_free(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unread_record_text),
        cmocka_unit_test(test_unread_record_bytes),
        cmocka_unit_test_setup_teardown(test_unread_record_becomes_a_letter, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_unread_record_without_a_place, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_unread_record_that_is_none, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_unread_record_without_secrets, pipeline_setup,
                                        pipeline_teardown),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
