/* Memory that is short at any place of the gateway's and the emitter's own parts: judging events, keys, the spool,
 * an emitter from open to close. No event is called wrong for it, and what was taken is still there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netdb.h>
#include <unistd.h>

#include "core/settings.h"
#include "ingest/emitter/emitter_config.h"
#include "ingest/emitter/event_prepare.h"
#include "ingest/emitter/metaops_emit.h"
#include "ingest/emitter/run_event.h"
#include "ingest/emitter/spool_dir.h"
#include "ingest/emitter/spool_set.h"
#include "ingest/event_check.h"
#include "ingest/event_lines.h"
#include "ingest/http_reply.h"
#include "ingest/keyring.h"
#include "support/alloc_sweep.h"
#include "support/capture.h"

#define NOW_US INT64_C(1764000000000000)
#define PADDING "                                                                "
#define JSON                                                                                       \
    "{\"eventType\":\"START\",\"eventTime\":\"2026-11-23T14:00:00Z\",\"run\":{\"runId\":"          \
    "\"01a2008d-7400-7e5b-87f6-060b8e65cd51\"},\"job\":{\"namespace\":\"n\",\"name\":\"j\","       \
    "\"facets\":{\"sql\":{\"query\":\"postgres://u:hunter3hunter3@h/d\"}}}}"

static struct settings st;
static char folder[] = "/tmp/test_alloc_sweep_XXXXXX";

static int set_up(void **state)
{
    char *args[] = {NULL};
    struct settings_rest rest;
    struct err err;

    (void)state;
    if (!mkdtemp(folder) || settings_load(&st, 0, args, &rest, &err) != OK) {
        return -1;
    }
    free(rest.words);
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    settings_fini(&st);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static enum verdict run_event_check(const void *arg)
{
    (void)arg;
    struct event_check *check = event_check_new(&st);
    struct openlineage_event ev;
    struct json_fault fault;
    struct str text = {JSON PADDING, sizeof(JSON) - 1};
    struct err err;
    enum verdict verdict = check ? event_check_text(check, text, &ev, &fault, &err) : RETRY;

    if (verdict == OK) {
        verdict = event_check_redact(check, &text, &ev, &err);
    }
    if (verdict == OK && memmem(text.ptr, text.len, "hunter", 6)) {
        verdict = REJECT;
    }
    event_check_free(check);
    return verdict;
}

static enum verdict run_event_prepare(const void *arg)
{
    (void)arg;
    struct event_prepare *prepare = NULL;
    struct prepared_event event;
    struct err err;
    enum verdict verdict = event_prepare_new(1 << 20, "PATH", false, &prepare, &err);

    if (verdict == OK) {
        verdict = event_prepare_run(prepare, STR(JSON), &event, &err);
    }
    if (verdict == OK &&
        (event.redactions != 1 || memmem(event.text.ptr, event.text.len, "hunter", 6))) {
        verdict = REJECT;
    }
    event_prepare_free(prepare);
    return verdict;
}

/* What is put aside keeps its value: that is withheld only where it needs more than any event may. */
static enum verdict run_unread(const void *arg)
{
    const char *value = arg;
    struct event_check *check = event_check_new(&st);
    const struct unread_record unread = {.topic = STR("t"),
                                         .timestamp_ms = -1,
                                         .reason = STR("r"),
                                         .json_pointer = STR(""),
                                         .byte_offset = -1,
                                         .value = str_view(value)};
    struct str body;
    struct err err;
    enum verdict verdict = check ? event_check_unread(check, &unread, &body, &err) : RETRY;

    if (verdict == OK && (memmem(body.ptr, body.len, "hunter", 6) ||
                          !memmem(body.ptr, body.len, "what stays", 10))) {
        verdict = REJECT;
    }
    event_check_free(check);
    return verdict;
}

static void test_judging(void **state)
{
    (void)state;
    assert_true(alloc_sweep("event_check", run_event_check, NULL) > 5);
    assert_true(alloc_sweep("event_prepare", run_event_prepare, NULL) > 5);
    assert_true(alloc_sweep("unread, JSON", run_unread,
                            "{\"a\":\"what stays\",\"password\":\"hunter3\"}") > 5);
    assert_true(alloc_sweep("unread, text", run_unread, "what stays postgres://u:hunter3@h/d") > 5);
}

static enum verdict run_emitter_config(const void *arg)
{
    (void)arg;
    struct emitter_config config = {0};
    struct err err;
    enum verdict verdict =
        emitter_config_read("to = kafka://a:1,b:2/topic\nrdkafka.linger.ms = 5\nspool = none\n"
                            "emitter = e\napi_key = k\nrdkafka.security.protocol = SSL\n",
                            &config, &err);
    if (verdict == OK) {
        char *key = emitter_config_key(&config);
        bool is_right = strcmp(config.topic, "topic") == 0 && config.property_count == 2;
        verdict = !is_right ? REJECT : key ? OK : RETRY;
        free(key);
        emitter_config_fini(&config);
    }
    return verdict;
}

static enum verdict run_run_event(const void *arg)
{
    (void)arg;
    static const char *const inputs[] = {"s3://b/k", "n/a", NULL};
    struct metaops_emit_run_state state = {.size = sizeof(state),
                                           .event_type = "FAIL",
                                           .run_id = "01a2008d-7400-7e5b-87f6-060b8e65cd51",
                                           .job_namespace = "n",
                                           .job_name = "j",
                                           .inputs = inputs,
                                           .error_message = "no \"luck\""};
    struct err err;
    char *text = NULL;
    size_t len;
    enum verdict verdict = run_event_write(&state, &text, &len, &err);

    if (verdict == OK) {
        verdict = text[len - 1] == '}' && memmem(text, len, "no \\\"luck\\\"", 11) ? OK : REJECT;
        free(text);
    }
    return verdict;
}

static void test_words(void **state)
{
    (void)state;
    assert_true(alloc_sweep("emitter_config", run_emitter_config, NULL) > 5);
    assert_true(alloc_sweep("run_event", run_run_event, NULL) > 0);
}

/* Appends, reads and settles; whatever append took has to come out, in order. */
static enum verdict use_set(struct spool_set *set)
{
    struct spool_batch batch = {.count = 0};
    struct err err;
    uint64_t taken = 0;
    uint64_t read = 0;
    bool is_short = false;

    for (int i = 0; i < 40; i++) {
        struct spool_record record = {.emitted_at_us = NOW_US, .event = STR(JSON)};
        taken += spool_set_append(set, &record, &err) == OK;
    }
    is_short = taken < 40;
    for (int tries = 0; tries < 100 && !spool_set_is_done(set); tries++) {
        if (spool_set_read(set, NOW_US, 7, 4000, &batch, &err) != OK) {
            is_short = true;
            continue;
        }
        read += batch.count;
        spool_set_settle(set, &batch, batch.count, true);
    }
    spool_set_batch_fini(&batch);
    if (read != taken && (!is_short || spool_set_is_done(set))) {
        return REJECT;
    }
    return is_short ? RETRY : OK;
}

static enum verdict run_spool(const void *arg)
{
    static const struct spool_identity identity = {.emitter = "e", .epoch = 1000};
    static const struct spool_limits limits = {.bytes_max = 1 << 20, .age_us_max = NOW_US};
    struct fd_book book = {0};
    struct spool_set *set = NULL;
    struct err err;
    int dir_fd = -1;
    enum verdict verdict = arg ? spool_dir_open(arg, &book, &dir_fd, &err) : OK;

    if (verdict == OK) {
        verdict = spool_set_create(dir_fd, &book, &identity, &limits, &set, &err);
    }
    if (verdict == OK) {
        verdict = use_set(set);
        spool_set_close(set);
    }
    fd_book_close_all(&book);
    return verdict;
}

static enum verdict run_adopt(const void *arg)
{
    static const struct spool_identity identity = {.emitter = "e", .epoch = 1000};
    static const struct spool_limits limits = {.bytes_max = 1 << 20, .age_us_max = NOW_US};
    struct fd_book book = {0};
    struct spool_set *set = NULL;
    struct spool_record record = {.emitted_at_us = NOW_US, .event = STR(JSON)};
    struct spool_batch batch = {.count = 0};
    char name[SPOOL_SET_NAME_BYTES];
    struct err err;
    int dir_fd = -1;
    enum verdict verdict = spool_dir_open(arg, &book, &dir_fd, &err);

    if (verdict == OK) {
        verdict = spool_set_create(dir_fd, &book, &identity, &limits, &set, &err);
    }
    if (verdict == OK) {
        snprintf(name, sizeof(name), "%s", spool_set_name(set));
        enum verdict appended = spool_set_append(set, &record, &err);
        spool_set_close(set);
        set = NULL;
        /* Nothing in it: it went with its emitter. */
        verdict = appended != OK ? appended
                                 : spool_set_adopt(dir_fd, &book, name, false, &limits, &set, &err);
    }
    if (verdict == OK) {
        verdict = spool_set_read(set, NOW_US, 7, 4000, &batch, &err);
        if (verdict == OK) {
            verdict = batch.count == 1 ? OK : REJECT;
            spool_set_settle(set, &batch, batch.count, true);
        }
        spool_set_close(set);
    }
    spool_set_batch_fini(&batch);
    fd_book_close_all(&book);
    return verdict;
}

static void test_spool(void **state)
{
    (void)state;
    assert_true(alloc_sweep("spool, memory", run_spool, NULL) > 2);
    assert_true(alloc_sweep("spool, disk", run_spool, folder) > 2);
    assert_true(alloc_sweep("spool, adopted", run_adopt, folder) > 5);
}

static enum verdict run_keyring(const void *arg)
{
    (void)arg;
    struct keyring *ring = keyring_new(&st);
    struct str patterns[] = {STR("n"), STR("team-*")};
    struct key_change change = {.key_id = STR("00000000000000a1"),
                                .namespaces = patterns,
                                .namespace_count = 2,
                                .expires_at_us = KEY_CHANGE_NEVER};
    struct key_change revoked = {.key_id = STR("00000000000000a1"), .is_revoked = true};
    enum refusal why;
    struct err err;
    enum verdict verdict = ring ? keyring_apply(ring, &change, &err) : RETRY;

    if (verdict == OK) {
        struct key *key = keyring_find(ring, change.key_id);
        bool is_right = key && keyring_is_valid(key, NOW_US, &why) &&
                        keyring_covers(key, STR("n")) && keyring_covers(key, STR("team-7")) &&
                        !keyring_covers(key, STR("other"));
        verdict = is_right ? keyring_apply(ring, &revoked, &err) : REJECT;
        if (verdict == OK && keyring_is_valid(key, NOW_US, &why)) {
            verdict = REJECT;
        }
    }
    keyring_free(ring);
    return verdict;
}

static enum verdict run_event_lines(const void *arg)
{
    const char *files[] = {arg, NULL};
    struct event_lines *lines = NULL;
    struct event_line line = {.number = 0};
    struct err err;
    enum verdict verdict = event_lines_open(files, 1 << 20, &lines, &err);
    size_t count = 0;

    while (verdict == OK) {
        verdict = event_lines_next(lines, true, &line, &err);
        if (verdict == OK && !line.text.ptr) {
            verdict = count == 3 ? OK : REJECT;
            break;
        }
        count++;
    }
    event_lines_close(lines);
    return verdict;
}

static enum verdict run_http_reply(const void *arg)
{
    (void)arg;
    struct http_reply reply;
    long taken = http_reply_parse(STR("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                                  false, &reply);
    if (taken <= 0) {
        return RETRY;
    }
    enum verdict verdict = str_eq(reply.body, STR("abcdefg")) ? OK : REJECT;
    http_reply_fini(&reply);
    return verdict;
}

static void test_the_rest(void **state)
{
    static char text[200100];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[100000] = text[150000] = text[200099] = '\n';
    char *path = capture_file(text, sizeof(text));
    assert_true(alloc_sweep("keyring", run_keyring, NULL) > 3);
    assert_true(alloc_sweep("event_lines", run_event_lines, path) > 1);
    assert_true(alloc_sweep("http_reply", run_http_reply, NULL) > 0);
    unlink(path);
    free(path);
}

static enum verdict verdict_of(int status)
{
    switch (status) {
    case METAOPS_EMIT_OK:
    case METAOPS_EMIT_PENDING:
        return OK;
    case METAOPS_EMIT_BUSY:
    case METAOPS_EMIT_FAILED:
        return RETRY;
    default:
        return REJECT;
    }
}

/* An emitter and its thread. Nobody listens. */
static enum verdict run_emitter(const void *arg)
{
    struct metaops_emit *emitter = NULL;
    struct metaops_emit_run_state state = {.size = sizeof(state),
                                           .event_type = "START",
                                           .run_id = "01a2008d-7400-7e5b-87f6-060b8e65cd51",
                                           .job_namespace = "n",
                                           .job_name = "j"};
    enum verdict verdict = verdict_of(metaops_emit_open(arg, &emitter, NULL, 0));

    if (verdict == OK) {
        enum verdict json = verdict_of(metaops_emit_json(emitter, JSON, sizeof(JSON) - 1));
        enum verdict run = verdict_of(metaops_emit_run(emitter, &state));
        verdict = json == REJECT || run == REJECT ? REJECT
                  : json == RETRY || run == RETRY ? RETRY
                                                  : OK;
        if (verdict_of(metaops_emit_close(emitter, 0)) != OK) {
            verdict = REJECT;
        }
    }
    return verdict;
}

static void test_emitter(void **state)
{
    struct addrinfo *known;

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("not run: a sanitizer cannot begin a thread without memory\n");
    skip();
#endif
    /* What the resolver keeps from its first call on. */
    assert_int_equal(getaddrinfo("127.0.0.1", "1", NULL, &known), 0);
    freeaddrinfo(known);
    assert_true(alloc_sweep("emitter", run_emitter, "to = http://127.0.0.1:1\nspool = none\n") >
                10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judging), cmocka_unit_test(test_words),
        cmocka_unit_test(test_spool),   cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_emitter),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
