/* The forms in which receivers get a message, each against JSON written by hand from the receiver's documentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/alerter_message.h"

/* 2026-03-01T10:00:00Z */
#define OPENED_US INT64_C(1772359200000000)

static const struct alerter_message plain = {
    .outbox_id = 42,
    .at_us = OPENED_US + 1500000,
    .what = "opened",
    .alert = "{\"alert_id\": \"0123\"}",
    .alert_id = "01234567-89ab-4cde-8f01-23456789abcd",
    .kind = "schema",
    .severity = "critical",
    .status = "open",
    .subject_kind = "dataset",
    .namespace_name = "postgres://shop",
    .name = "public.\"orders\"",
    .field = "email",
    .title = "orders: lost column <email> & \"more\"\nsecond line",
    .run_id = "run-1",
    .opened_at_us = OPENED_US,
    .event_time_us = OPENED_US - 1000000,
    .occurrences = 1,
    .detail = "{\"a\": 1}",
    .downstream = "[]",
    .owners = "team-a, team-b",
    .downstream_count = 3,
};

static void assert_text(char *text, const char *expected)
{
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_alerter_message_key_is_of_message_and_alert(void **state)
{
    char key[ALERTER_MESSAGE_KEY_BYTES];
    (void)state;
    alerter_message_key(&plain, key);
    assert_string_equal(key, "42-01234567-89ab-4cde-8f01-23456789abcd");
}

static void test_alerter_message_plain_is_the_row(void **state)
{
    (void)state;
    assert_text(alerter_message_plain(&plain), "{\"alert_id\": \"0123\"}");
}

static void test_alerter_message_cloud_event_is_structured(void **state)
{
    (void)state;
    assert_text(alerter_message_cloud_event(&plain),
                "{\"specversion\":\"1.0\",\"id\":\"42-01234567-89ab-4cde-8f01-23456789abcd\","
                "\"source\":\"/metaops/alerts\",\"type\":\"metaops.alert.opened\","
                "\"subject\":\"01234567-89ab-4cde-8f01-23456789abcd\","
                "\"time\":\"2026-03-01T10:00:01.500000Z\","
                "\"datacontenttype\":\"application/json\",\"data\":{\"alert_id\": \"0123\"}}");
}

static void test_alerter_message_slack_escapes_twice(void **state)
{
    (void)state;
    assert_text(alerter_message_slack(&plain),
                "{\"text\":\"*critical* schema drift, opened: orders: lost column &lt;email&gt; "
                "&amp; \\\"more\\\"\\u000asecond line\\nnamespace: postgres://shop\\n"
                "owners: team-a, team-b\\nrun: run-1\\nhit downstream: 3\\n"
                "`metaops alerts show 01234567-89ab-4cde-8f01-23456789abcd`\"}");
}

#define LABELS(severity)                                                                           \
    "{\"labels\":{\"alertname\":\"MetaopsDrift\",\"kind\":\"schema\",\"severity\":\"" severity     \
    "\",\"namespace\":\"postgres://shop\",\"name\":\"public.\\\"orders\\\"\",\"field\":\"email\"," \
    "\"alert_id\":\"01234567-89ab-4cde-8f01-23456789abcd\"}"
#define ANNOTATIONS                                                                                \
    ",\"annotations\":{\"show\":\"metaops alerts show 01234567-89ab-4cde-8f01-23456789abcd\","     \
    "\"summary\":\"orders: lost column <email> & \\\"more\\\"\\u000asecond line\","                \
    "\"owners\":\"team-a, team-b\",\"run_id\":\"run-1\",\"downstream\":\"3\","                     \
    "\"detail\":\"{\\\"a\\\": 1}\"},\"startsAt\":\"2026-03-01T10:00:00.000000Z\",\"endsAt\":"
#define OPEN "\"2100-01-01T00:00:00Z\"}"
#define OVER "\"2026-03-01T10:00:01.500000Z\"}"

static void test_alerter_message_alertmanager_has_stable_labels(void **state)
{
    struct alerter_message msg = plain;
    (void)state;
    assert_text(alerter_message_alertmanager(&msg), "[" LABELS("critical") ANNOTATIONS OPEN "]");
    msg.what = "reopened";
    assert_text(alerter_message_alertmanager(&msg), "[" LABELS("critical") ANNOTATIONS OPEN "]");
    static const char *const ends[] = {"resolved", "expected", "ignored"};
    for (size_t i = 0; i < 3; i++) {
        msg.what = ends[i];
        assert_text(alerter_message_alertmanager(&msg),
                    "[" LABELS("critical") ANNOTATIONS OVER "]");
    }
}

static void test_alerter_message_alertmanager_ends_what_was_less_severe(void **state)
{
    struct alerter_message msg = plain;
    (void)state;
    msg.what = "raised";
    assert_text(alerter_message_alertmanager(&msg), "[" LABELS("critical") ANNOTATIONS OPEN
                "," LABELS("info") ANNOTATIONS OVER "," LABELS("warning") ANNOTATIONS OVER "]");
}

static void test_alerter_message_alertmanager_leaves_out_what_is_not_known(void **state)
{
    struct alerter_message msg = {.outbox_id = 1,
                                  .what = "opened",
                                  .alert = "{}",
                                  .alert_id = "x",
                                  .kind = "volume",
                                  .severity = "info",
                                  .title = "t",
                                  .detail = "",
                                  .downstream = "",
                                  .opened_at_us = OPENED_US};
    (void)state;
    assert_text(alerter_message_alertmanager(&msg),
                "[{\"labels\":{\"alertname\":\"MetaopsDrift\",\"kind\":\"volume\",\"severity\":"
                "\"info\",\"alert_id\":\"x\"},\"annotations\":{\"show\":\"metaops alerts show x\","
                "\"summary\":\"t\",\"downstream\":\"0\"},"
                "\"startsAt\":\"2026-03-01T10:00:00.000000Z\",\"endsAt\":" OPEN "]");
}

static void test_alerter_message_line_is_one_line(void **state)
{
    (void)state;
    assert_text(alerter_message_line(&plain),
                "{\"what\":\"opened\",\"outbox_id\":42,\"at\":\"2026-03-01T10:00:01.500000Z\","
                "\"alert\":{\"alert_id\": \"0123\"}}\n");
}

/* Characters of several bytes stay whole wherever a long text is cut in pieces. */
static void test_alerter_message_keeps_long_texts_whole(void **state)
{
    struct alerter_message msg = plain;
    char title[2001];
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(title, 'x', shift);
        for (size_t i = shift; i + 3 <= 2000; i += 3) {
            memcpy(title + i, "\xE2\x82\xAC", 4);
        }
        msg.title = title;
        char *text = alerter_message_alertmanager(&msg);
        assert_non_null(text);
        assert_non_null(strstr(text, title));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerter_message_key_is_of_message_and_alert),
        cmocka_unit_test(test_alerter_message_plain_is_the_row),
        cmocka_unit_test(test_alerter_message_cloud_event_is_structured),
        cmocka_unit_test(test_alerter_message_slack_escapes_twice),
        cmocka_unit_test(test_alerter_message_alertmanager_has_stable_labels),
        cmocka_unit_test(test_alerter_message_alertmanager_ends_what_was_less_severe),
        cmocka_unit_test(test_alerter_message_alertmanager_leaves_out_what_is_not_known),
        cmocka_unit_test(test_alerter_message_line_is_one_line),
        cmocka_unit_test(test_alerter_message_keeps_long_texts_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
