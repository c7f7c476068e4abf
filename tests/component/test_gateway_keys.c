/* The gateway's door with keys, over loopback and librdkafka's mock cluster: nobody is judged before
 * the keys are known, strangers are refused before their body, each key has its namespaces and
 * limits, and what was refused is told on the topic of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/timebase.h"
#include "ingest/keys_topic.h"
#include "support/own_gateway.h"

#define WAIT_MS OWN_ROLE_WAIT_MS
/* Kafka's numbers of requests. */
#define PRODUCE_REQUEST 0
#define FETCH_REQUEST 1
#define EVENT_IN(namespace_)                                                                       \
    "{\"eventTime\":\"2026-11-23T10:00:00Z\",\"job\":{\"namespace\":\"" namespace_                 \
    "\",\"name\":\"load\"}}"
#define EVENT EVENT_IN("shop")
#define LINEAGE "/api/v1/lineage"
#define BATCH "/api/v1/lineage/batch"
#define KEY(id, digit)                                                                             \
    "mo_000000000000000" id "_" digit "000000000000000" digit "000000000000000" digit              \
    "000000000000000" digit "000000000000000"
#define BEARER(id, digit) "Authorization: Bearer " KEY(id, digit) "\r\n"

static bool is_listening(int port)
{
    for (int i = 0; i < WAIT_MS / 50; i++) {
        int fd = raw_http_connect(port);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        usleep(50 * 1000);
    }
    return false;
}

/* The gateway runs, but the topic of keys cannot be read yet. */
static int setup(void **state)
{
    static struct own_gateway gateway;
    const char *const flags[] = {"--ingest.auth=required",
                                 "--ingest.refusals-interval-ms=100",
                                 "--ingest.answer-timeout-ms=60000",
                                 "--ingest.message-timeout-ms=50000",
                                 "--ingest.head-timeout-ms=60000",
                                 "--ingest.body-timeout-ms=60000",
                                 "--ingest.idle-timeout-ms=60000",
                                 "--log.level=error",
                                 NULL};
    struct own_gateway *gw = &gateway;

    if (!own_gateway_open(gw, flags)) {
        return -1;
    }
    *state = gw;
    rd_kafka_mock_topic_create(gw->role.cluster, gw->role.st.kafka.topic_events, 1, 1);
    rd_kafka_mock_topic_create(gw->role.cluster, gw->role.st.kafka.topic_keys, 1, 1);
    rd_kafka_mock_topic_set_error(gw->role.cluster, gw->role.st.kafka.topic_keys,
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    own_role_start(&gw->role);
    if (!is_listening(gw->door.number)) {
        (void)own_gateway_close(gw); /* no teardown runs behind a setup that failed */
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    return own_gateway_close(*state);
}

static void expect(struct own_gateway *gw, const char *path, const char *headers, struct str body,
                   int status, const char *text)
{
    struct raw_answer answer = own_gateway_post(gw, path, headers, body);

    if (answer.status != status || (text && !strstr(answer.body, text))) {
        fail_msg("expected %d %s, got %d, body %s", status, text ? text : "", answer.status,
                 answer.body);
    }
    if (status == 429 || status == 503) {
        assert_true(answer.retry_after_s >= 1 && answer.retry_after_s <= 10);
    }
    raw_http_fini(&answer);
}

static int ready(struct own_gateway *gw, char *reason, size_t size)
{
    int fd = raw_http_connect(gw->role.admin.number);
    struct raw_answer answer;

    assert_true(fd >= 0);
    raw_http_send(fd, STR("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    answer = raw_http_read(fd, WAIT_MS);
    close(fd);
    snprintf(reason, size, "%s", answer.body ? answer.body : "");
    raw_http_fini(&answer);
    return answer.status;
}

static void let_keys_be_read(struct own_gateway *gw)
{
    rd_kafka_mock_topic_set_error(gw->role.cluster, gw->role.st.kafka.topic_keys,
                                  RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void wait_until_ready(struct own_gateway *gw)
{
    char reason[256] = "";
    int status = 0;

    for (int i = 0; i < WAIT_MS / 100 && status != 200; i++) {
        int fd = raw_http_connect(gw->role.admin.number);
        if (fd >= 0) {
            close(fd);
            status = ready(gw, reason, sizeof(reason));
        }
        if (status != 200) {
            usleep(100 * 1000);
        }
    }
    assert_int_equal(status, 200);
}

static void let_keys_be_known(struct own_gateway *gw)
{
    let_keys_be_read(gw);
    wait_until_ready(gw);
}

static void write_change(struct own_gateway *gw, const struct key_change *change)
{
    struct err err = {.text = ""};

    if (keys_topic_write(&gw->role.st, change, &err) != OK) {
        fail_msg("%s", err.text);
    }
}

/* change, with what belongs to the key's text. */
static void add_key(struct own_gateway *gw, struct key_change change, struct str text)
{
    change.key_id = (struct str){text.ptr + 3, API_KEY_ID_CHARS};
    change.hash = api_key_digest(text);
    change.name = STR("test");
    change.by = STR("test");
    change.at_us = timebase_wall_us();
    if (change.expires_at_us == 0) {
        change.expires_at_us = KEY_CHANGE_NEVER;
    }
    write_change(gw, &change);
}

/* Milliseconds until a POST with these headers is answered so. */
static int64_t wait_for_status(struct own_gateway *gw, const char *headers, int status)
{
    int64_t begin_us = timebase_mono_us();
    int got = 0;

    while (got != status && timebase_mono_us() - begin_us < (int64_t)WAIT_MS * 1000) {
        struct raw_answer answer = own_gateway_post(gw, LINEAGE, headers, STR(EVENT));
        got = answer.status;
        raw_http_fini(&answer);
    }
    assert_int_equal(got, status);
    return (timebase_mono_us() - begin_us) / 1000;
}

/* Until a POST with these headers is answered so, with text in it. */
static void wait_for_text(struct own_gateway *gw, const char *headers, int status, const char *text)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    bool is_there = false;

    while (!is_there && timebase_mono_us() < end_us) {
        struct raw_answer answer = own_gateway_post(gw, LINEAGE, headers, STR(EVENT));
        is_there = answer.status == status && strstr(answer.body, text);
        raw_http_fini(&answer);
    }
    assert_true(is_there);
}

static void test_until_keys_are_known_nobody_is_judged(void **state)
{
    struct own_gateway *gw = *state;
    char reason[256] = "";

    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 503, "not known yet");
    expect(gw, LINEAGE, "", STR(EVENT), 401, "an API key is needed");
    /* The topic of events is looked for first. */
    for (int i = 0; i < WAIT_MS / 100 && !strstr(reason, "metaops.keys"); i++) {
        assert_int_equal(ready(gw, reason, sizeof(reason)), 503);
        usleep(100 * 1000);
    }
    assert_non_null(strstr(reason, "metaops.keys"));
    let_keys_be_known(gw);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 401, "nobody knows");
}

static void test_a_key_lives_from_its_adding_to_its_revocation(void **state)
{
    struct own_gateway *gw = *state;
    struct key_change revoked = {
        .is_revoked = true, .key_id = STR("0000000000000001"), .by = STR("x"), .at_us = 1};
    int64_t took_ms;

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){0}, STR(KEY("1", "1")));
    took_ms = wait_for_status(gw, BEARER("1", "1"), 201);
    expect(gw, LINEAGE, BEARER("1", "2"), STR(EVENT), 401, "nobody knows"); /* another secret */
    write_change(gw, &revoked);
    int64_t revoked_ms = wait_for_status(gw, BEARER("1", "1"), 401);
    print_message("added after %lld ms, revoked after %lld ms\n", (long long)took_ms,
                  (long long)revoked_ms);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 401, "was revoked");
    expect(gw, LINEAGE, BEARER("1", "2"), STR(EVENT), 401, "nobody knows");
}

static void test_a_key_that_has_expired_is_refused(void **state)
{
    struct own_gateway *gw = *state;

    int64_t soon_us = timebase_wall_us() + 1500000;
    int64_t hour_us = INT64_C(3600) * 1000000;

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){.expires_at_us = soon_us}, STR(KEY("1", "1")));
    add_key(gw, (struct key_change){.expires_at_us = soon_us + hour_us}, STR(KEY("2", "2")));
    wait_for_text(gw, BEARER("1", "1"), 401, "has expired");
    assert_true(timebase_wall_us() >= soon_us);
    (void)wait_for_status(gw, BEARER("2", "2"), 201);
}

static void test_headers_that_are_no_key_are_refused(void **state)
{
    struct own_gateway *gw = *state;
    static const char *const wrong[] = {
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization:\r\n",
        "Authorization: Basic dXNlcjpwYXNz\r\n",
        "Authorization: " KEY("1", "1") "\r\n",
        "Authorization: Bearer" KEY("1", "1") "\r\n",
        "Authorization: Bearer " KEY("1", "1") " x\r\n",
        "Authorization: Bearer \"" KEY("1", "1") "\"\r\n",
        "Authorization: Bearer mo_\r\n",
        "Authorization: Bearer mo_'; drop table keys; --\r\n",
        "Authorization: Bearer \xFF\xFE\x80\r\n",
        "Authorization: Bearer %00%0d%0a\r\n",
        BEARER("1", "1") BEARER("1", "1"),
        BEARER("1", "1") "Authorization: Basic eA==\r\n",
        BEARER("1", "1") "AUTHORIZATION: x\r\n",
    };
    static const char *const good[] = {
        "authorization: bearer " KEY("1", "1") "\r\n",
        "AUTHORIZATION: BEARER   " KEY("1", "1") "  \r\n",
    };

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){0}, STR(KEY("1", "1")));
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct raw_answer answer = own_gateway_post(gw, LINEAGE, wrong[i], STR(EVENT));
        if (answer.status != 401 && answer.status != 400) {
            fail_msg("%s: %d", wrong[i], answer.status);
        }
        raw_http_fini(&answer);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        expect(gw, LINEAGE, good[i], STR(EVENT), 201, NULL);
    }
    /* Longer than any key, shorter than a head may be; then longer than that. */
    for (size_t len = 12000; len <= 40000; len += 28000) {
        char *head = malloc(len + 200);
        int at = snprintf(head, 200,
                          "POST " LINEAGE " HTTP/1.1\r\nHost: a\r\nContent-Length: 0"
                          "\r\nAuthorization: Bearer ");
        memset(head + at, 'a', len);
        memcpy(head + at + len, "\r\n\r\n", 4);
        int fd = raw_http_connect(gw->door.number);
        (void)raw_http_send(fd, (struct str){head, (size_t)at + len + 4});
        struct raw_answer answer = raw_http_read(fd, WAIT_MS);
        assert_int_equal(answer.status, len == 12000 ? 401 : 431);
        raw_http_fini(&answer);
        close(fd);
        free(head);
    }
}

/* A stranger's body is neither waited for nor read. */
static void test_strangers_are_refused_before_their_body(void **state)
{
    struct own_gateway *gw = *state;
    int fd = raw_http_connect(gw->door.number);
    struct raw_answer answer;
    char text[512] = "";

    let_keys_be_known(gw);
    assert_true(raw_http_send(fd, STR("POST " LINEAGE " HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                      "30000000\r\nExpect: 100-continue\r\n\r\n")));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 401); /* and no 100 before it */
    raw_http_fini(&answer);
    assert_true(raw_http_is_closed(fd, WAIT_MS));
    close(fd);

    fd = raw_http_connect(gw->door.number);
    assert_true(raw_http_send(fd, STR("POST " LINEAGE " HTTP/1.1\r\nHost: a\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n")));
    assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, "HTTP/1.1 401 Unauthorized\r\n"));
    assert_non_null(strstr(text, "\r\nWWW-Authenticate: Bearer\r\n"));
    close(fd);
    /* Without a body the connection may go on. */
    fd = raw_http_connect(gw->door.number);
    for (int i = 0; i < 2; i++) {
        assert_true(raw_http_send(
            fd, STR("POST " LINEAGE " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")));
        answer = raw_http_read(fd, WAIT_MS);
        assert_int_equal(answer.status, 401);
        raw_http_fini(&answer);
    }
    close(fd);
}

static void test_a_key_writes_to_its_namespaces_only(void **state)
{
    struct own_gateway *gw = *state;
    struct str patterns[] = {STR("shop"), STR("team/*")};

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){.namespaces = patterns, .namespace_count = 2},
            STR(KEY("1", "1")));
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT_IN("team/a")), 201, NULL);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT_IN("shop2")), 403, "Forbidden");
    expect(gw, LINEAGE, BEARER("1", "1"),
           STR("{\"eventTime\":\"2026-11-23T10:00:00Z\","
               "\"dataset\":{\"namespace\":\"s3://x\",\"name\":"
               "\"d\"}}"),
           403, NULL);
    expect(gw, LINEAGE, BEARER("1", "1"),
           STR("{\"eventTime\":\"2026-11-23T10:00:00Z\","
               "\"dataset\":{\"namespace\":\"team/x\",\"name\":"
               "\"d\"}}"),
           201, NULL);
    /* Datasets of others may be read and written. */
    expect(gw, LINEAGE, BEARER("1", "1"),
           STR("{\"eventTime\":\"2026-11-23T10:00:00Z\","
               "\"job\":{\"namespace\":\"shop\",\"name\":\"j\"},"
               "\"inputs\":[{\"namespace\":\"s3://x\",\"name\":"
               "\"d\"}]}"),
           201, NULL);
    expect(gw, LINEAGE, BEARER("1", "1"), STR("{no JSON"), 400, NULL);
    /* An escaped name is the name it means. */
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT_IN("sh\\u006fp")), 201, NULL);
    expect(gw, BATCH, BEARER("1", "1"),
           STR("[" EVENT "," EVENT_IN("other") "," EVENT_IN("team/b") "]"), 200,
           "{\"accepted\":2,\"refused\":1,\"unavailable\":0,");
}

static void test_limits_are_kept_and_answered_with_retry_after(void **state)
{
    struct own_gateway *gw = *state;

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){.rate_per_s = 1, .burst = 3}, STR(KEY("1", "1")));
    add_key(gw, (struct key_change){.events_per_day = 3}, STR(KEY("2", "2")));
    add_key(gw, (struct key_change){.bytes_per_day = 2 * sizeof(EVENT)}, STR(KEY("3", "3")));
    (void)wait_for_status(gw, BEARER("3", "3"), 201);
    wait_for_text(gw, BEARER("1", "1"), 429, "a second");
    (void)wait_for_status(gw, BEARER("1", "1"), 201);

    expect(gw, BATCH, BEARER("2", "2"), STR("[" EVENT "," EVENT "," EVENT "," EVENT "]"), 200,
           "{\"accepted\":3,\"refused\":1,");
    expect(gw, LINEAGE, BEARER("2", "2"), STR(EVENT), 429, "events of the day");
    expect(gw, BATCH, BEARER("2", "2"), STR("[" EVENT "]"), 429, "events of the day");
    expect(gw, LINEAGE, BEARER("3", "3"), STR(EVENT), 201, NULL);
    expect(gw, LINEAGE, BEARER("3", "3"), STR(EVENT), 429, "bytes of the day");
}

/* The topic of keys is gone for a while: nobody hears that his good key is wrong. */
static void test_while_keys_are_read_again_nobody_is_refused(void **state)
{
    struct own_gateway *gw = *state;
    struct raw_answer answer;
    char head[512];
    int fd = raw_http_connect(gw->door.number);

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){0}, STR(KEY("1", "1")));
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %zu\r\n%s\r\n",
             LINEAGE, strlen(EVENT), BEARER("1", "1"));
    assert_true(raw_http_send(fd, str_view(head))); /* comes in now, its event later */
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 100);
    raw_http_fini(&answer);
    rd_kafka_mock_topic_set_error(gw->role.cluster, gw->role.st.kafka.topic_keys,
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_push_request_errors(gw->role.cluster, FETCH_REQUEST, 1,
                                      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    (void)wait_for_status(gw, BEARER("1", "1"), 503);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 503, "being read again");
    expect(gw, LINEAGE, BEARER("9", "9"), STR(EVENT), 503, "being read again");
    assert_true(raw_http_send(fd, STR(EVENT)));
    answer = raw_http_read(fd, WAIT_MS);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_s, 1);
    assert_non_null(strstr(answer.body, "being read again"));
    raw_http_fini(&answer);
    close(fd);
    let_keys_be_known(gw);
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    expect(gw, LINEAGE, BEARER("9", "9"), STR(EVENT), 401, "nobody knows");
}

/* Of a topic of several partitions a part would be missed. */
static void test_a_topic_of_several_partitions_is_not_read(void **state)
{
    struct own_gateway *gw = *state;
    struct keys_list list;
    struct err err = {.text = ""};
    char reason[256] = "";

    assert_int_equal(own_role_stop(&gw->role), EXIT_CODE_OK);
    rd_kafka_mock_topic_create(gw->role.cluster, "several", 3, 1);
    free(gw->role.st.kafka.topic_keys);
    gw->role.st.kafka.topic_keys = strdup("several");
    assert_non_null(gw->role.st.kafka.topic_keys);
    assert_int_equal(keys_topic_read(&gw->role.st, WAIT_MS, &list, &err), REJECT);
    assert_non_null(strstr(err.text, "topic several has 3 partitions"));
    own_role_start(&gw->role);
    assert_true(is_listening(gw->role.admin.number) && is_listening(gw->door.number));
    for (int i = 0; i < WAIT_MS / 50 && !strstr(reason, "several has 3 partitions"); i++) {
        assert_int_equal(ready(gw, reason, sizeof(reason)), 503);
        usleep(50 * 1000);
    }
    assert_non_null(strstr(reason, "several has 3 partitions"));
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 503, "not known yet");
    assert_int_equal(own_role_stop(&gw->role), EXIT_CODE_OK);
}

/* What Kafka did not take is not counted as sent. */
static void test_quotas_are_given_back_for_what_kafka_did_not_take(void **state)
{
    struct own_gateway *gw = *state;

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){.events_per_day = 1}, STR(KEY("1", "1")));
    add_key(gw, (struct key_change){0}, STR(KEY("2", "2")));
    (void)wait_for_status(gw, BEARER("2", "2"), 201);
    rd_kafka_mock_push_request_errors(gw->role.cluster, PRODUCE_REQUEST, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 503, NULL);
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT), 429, "events of the day");
}

/* What is on the topic of events, as far as it was read. */
struct seen {
    char principals[256];
    char reports[4096];
};

static void see_next_event(struct own_gateway *gw, struct seen *seen)
{
    const struct lineage_event *ev = own_role_next_event(&gw->role);

    if (!ev) {
        fail_msg("principals %s reports %s", seen->principals, seen->reports);
        return;
    }
    bool is_report = str_eq(ev->format, STR("cloudevents"));
    char *to = is_report ? seen->reports : seen->principals;
    struct str text = is_report ? ev->body : ev->principal;
    size_t len = strlen(to);
    size_t room = is_report ? sizeof(seen->reports) : sizeof(seen->principals);
    snprintf(to + len, room - len, "%.*s;", (int)text.len, text.ptr ? text.ptr : "");
}

static bool has_all(const struct seen *seen)
{
    return strcmp(seen->principals, "0000000000000001;") == 0 &&
           strstr(seen->reports, "\"reason\":\"missing\",\"count\":2") &&
           strstr(seen->reports, "\"keyId\":\"unknown\",\"status\":401") &&
           strstr(seen->reports,
                  "{\"keyId\":\"0000000000000001\",\"status\":403,\"reason\":\"namespace\","
                  "\"count\":1,");
}

static void test_who_sent_and_who_was_refused_stands_on_the_topic(void **state)
{
    struct own_gateway *gw = *state;
    struct seen seen = {.reports = ""};
    struct str pattern = STR("shop");

    let_keys_be_known(gw);
    add_key(gw, (struct key_change){.namespaces = &pattern, .namespace_count = 1},
            STR(KEY("1", "1")));
    (void)wait_for_status(gw, BEARER("1", "1"), 201);
    expect(gw, LINEAGE, BEARER("1", "1"), STR(EVENT_IN("x")), 403, NULL);
    expect(gw, LINEAGE, BEARER("9", "1"), STR(EVENT), 401, NULL);
    expect(gw, LINEAGE, "", STR(EVENT), 401, NULL);
    expect(gw, LINEAGE, "", STR(EVENT), 401, NULL);
    assert_int_equal(own_role_stop(&gw->role), EXIT_CODE_OK); /* the last report goes out with it */
    while (!has_all(&seen)) {
        see_next_event(gw, &seen);
    }
    assert_null(strstr(seen.reports, "mo_"));
}

static bool has_keys(const struct seen *seen, int count)
{
    bool has = true;

    for (int i = 1; i <= count; i++) {
        char entry[64];
        snprintf(entry, sizeof(entry), "\"keyId\":\"000000000000000%d\",\"status\":403", i);
        has = has && strstr(seen->reports, entry);
    }
    return has;
}

/* More refusals than go into an event of the size that is allowed: in several reports, then. */
static void test_reports_of_refusals_fit_where_events_are_small(void **state)
{
    static const char *const keys[] = {KEY("1", "1"), KEY("2", "1"), KEY("3", "1"), KEY("4", "1"),
                                       KEY("5", "1"), KEY("6", "1"), KEY("7", "1"), KEY("8", "1")};
    const int count = (int)(sizeof(keys) / sizeof(keys[0]));
    struct own_gateway *gw = *state;
    struct seen seen = {.reports = ""};
    struct str pattern = STR("shop");

    assert_int_equal(own_role_stop(&gw->role), EXIT_CODE_OK);
    gw->role.st.ingest.body_bytes_max = 1024;
    gw->role.st.ingest.refusals_interval_ms = 300;
    let_keys_be_read(gw);
    for (int i = 0; i < count; i++) {
        add_key(gw, (struct key_change){.namespaces = &pattern, .namespace_count = 1},
                str_view(keys[i]));
    }
    own_role_start(&gw->role);
    assert_true(is_listening(gw->door.number));
    wait_until_ready(gw);
    for (int i = 0; i < count; i++) {
        char header[128];
        snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", keys[i]);
        expect(gw, LINEAGE, header, STR(EVENT_IN("x")), 403, NULL);
    }
    while (!has_keys(&seen, count)) {
        see_next_event(gw, &seen);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_until_keys_are_known_nobody_is_judged),
        TEST(test_a_key_lives_from_its_adding_to_its_revocation),
        TEST(test_a_key_that_has_expired_is_refused),
        TEST(test_headers_that_are_no_key_are_refused),
        TEST(test_strangers_are_refused_before_their_body),
        TEST(test_a_key_writes_to_its_namespaces_only),
        TEST(test_limits_are_kept_and_answered_with_retry_after),
        TEST(test_while_keys_are_read_again_nobody_is_refused),
        TEST(test_a_topic_of_several_partitions_is_not_read),
        TEST(test_quotas_are_given_back_for_what_kafka_did_not_take),
        TEST(test_who_sent_and_who_was_refused_stands_on_the_topic),
        TEST(test_reports_of_refusals_fit_where_events_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
