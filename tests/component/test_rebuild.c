/* The command `metaops rebuild` before a store in memory: the order in which it asks, what it gives the shadow, and
 * when it changes nothing. */
#include "processors/rebuild.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "core/replay.h"
#include "core/settings.h"
#include "schemas/graph_rows.h"

#define BODIES_MAX 2000
#define STRETCHES_MAX 12

/* A store in memory: the bodies of each stretch in the order of reading, and what was asked of it. */
struct replay {
    struct replay_body bodies[BODIES_MAX];
    size_t count;
    size_t ends[STRETCHES_MAX]; /* of each stretch in bodies */
    size_t stretches;
    size_t stretch;
    size_t at;
    int64_t lost;
    char calls[256];
    size_t events;
    size_t facets;
    size_t writes;
};

static struct replay store;
static struct settings st;

static void called(const char *name)
{
    size_t len = strlen(store.calls);
    snprintf(store.calls + len, sizeof store.calls - len, "%s%s", len ? " " : "", name);
}

static enum verdict fake_open(const struct settings *settings, struct replay **out_replay,
                              struct err *err)
{
    (void)settings;
    (void)err;
    called("open");
    *out_replay = &store;
    return OK;
}

static enum verdict fake_read(struct replay *replay, enum replay_stretch stretch, struct err *err)
{
    static const char *const names[] = {"stored", "arrived", "last"};
    (void)err;
    called(names[stretch]);
    replay->stretch++;
    return OK;
}

static size_t end_of(const struct replay *replay)
{
    return replay->stretch <= replay->stretches ? replay->ends[replay->stretch - 1] : replay->at;
}

static enum verdict fake_next(struct replay *replay, struct replay_body *bodies, size_t max,
                              size_t *out_count, struct err *err)
{
    size_t count = end_of(replay) - replay->at;
    (void)err;
    count = count < max ? count : max;
    for (size_t i = 0; i < count; i++) {
        bodies[i] = replay->bodies[replay->at++];
    }
    *out_count = count;
    return OK;
}

static enum verdict fake_write(struct replay *replay, const struct graph_batch *rows,
                               struct err *err)
{
    (void)err;
    replay->events += rows->events.count;
    replay->facets += rows->facets.count;
    replay->writes++;
    return OK;
}

static enum verdict fake_lost(struct replay *replay, int64_t *out_count, struct err *err)
{
    (void)err;
    *out_count = replay->lost;
    return OK;
}

static enum verdict fake_merge(struct replay *replay, struct err *err)
{
    (void)replay;
    (void)err;
    called("merge");
    return OK;
}

static enum verdict fake_compare(struct replay *replay, struct err *err)
{
    (void)replay;
    (void)err;
    called("compare");
    return OK;
}

static enum verdict fake_exchange(struct replay *replay, bool is_dry,
                                  void (*tell)(void *arg, const struct replay_change *change),
                                  void *arg, struct err *err)
{
    (void)replay;
    (void)err;
    called(is_dry ? "exchange-dry" : "exchange");
    tell(arg, &(struct replay_change){.table = "edges", .added = 1});
    return OK;
}

static void fake_close(struct replay *replay)
{
    if (replay) {
        called("close");
    }
}

static const struct replay_ops ops = {
    .open = fake_open,
    .read = fake_read,
    .next = fake_next,
    .write = fake_write,
    .lost = fake_lost,
    .merge = fake_merge,
    .compare = fake_compare,
    .exchange = fake_exchange,
    .close = fake_close,
};

static void add_body(const char *text)
{
    struct str body = {strdup(text), strlen(text)};
    store.bodies[store.count++] =
        (struct replay_body){.event_id = lineage_event_id(body), .body = body};
}

/* Of one job, with a facet of its own of about so many bytes. */
static void add_event(int number, int bytes)
{
    char *text = NULL;
    assert_true(
        asprintf(&text,
                 "{\"eventTime\":\"2026-03-01T10:00:00Z\",\"run\":{\"runId\":"
                 "\"0190a0a0-0000-7000-8000-%012x\",\"facets\":{\"own\":{\"_producer\":\"p\","
                 "\"text\":\"%d%*s\"}}},\"job\":{\"namespace\":\"n\",\"name\":\"j\",\"facets\":"
                 "{\"sql\":{\"_producer\":\"p\",\"query\":\"q\"}}}}",
                 (unsigned)number, number, bytes, "") > 0);
    add_body(text);
    free(text);
}

static void end_stretch(void)
{
    store.ends[store.stretches++] = store.count;
}

static int run(const char *flag)
{
    char word[16];
    char *words[] = {word};
    snprintf(word, sizeof word, "%s", flag ? flag : "");
    return rebuild_run(&st, &ops, flag ? 1 : 0, words);
}

static int setup(void **state)
{
    char soft[] = "--worker.batch-bytes-max=64KiB";
    char *args[] = {soft};
    struct settings_rest rest = {0};
    struct err err;
    (void)state;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, 1000);
    assert_int_equal(settings_load(&st, 1, args, &rest, &err), OK);
    free(rest.words);
    store = (struct replay){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < store.count; i++) {
        free((char *)store.bodies[i].body.ptr);
    }
    settings_fini(&st);
    return 0;
}

static void test_rebuild_compares_before_writers_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 1200; i++) {
        add_event(i, 1);
    }
    end_stretch();
    assert_int_equal(run(NULL), EXIT_CODE_OK);
    assert_string_equal(store.calls, "open stored arrived compare arrived last exchange close");
    assert_int_equal(store.events, 1200);
    /* One of each run's own, and one that all have in common. */
    assert_int_equal(store.facets, 1201);
}

static void test_rebuild_follows_until_little_arrives(void **state)
{
    (void)state;
    static const int arrivals[] = {10, 900, 300, 200, 201, 50, 7};
    int number = 0;
    for (size_t i = 0; i < sizeof arrivals / sizeof arrivals[0]; i++) {
        for (int k = 0; k < arrivals[i]; k++) {
            add_event(number++, 1);
        }
        end_stretch();
    }
    assert_int_equal(run(NULL), EXIT_CODE_OK);
    assert_string_equal(store.calls, "open stored arrived arrived arrived compare arrived arrived "
                                     "last exchange close");
    assert_int_equal(store.events, number);
}

static void test_rebuild_follows_no_more_than_eight_times(void **state)
{
    (void)state;
    int number = 0;
    end_stretch();
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 201; k++) {
            add_event(number++, 1);
        }
        end_stretch();
    }
    assert_int_equal(run(NULL), EXIT_CODE_OK);
    assert_string_equal(store.calls,
                        "open stored arrived arrived arrived arrived arrived arrived arrived "
                        "arrived compare arrived last exchange close");
    assert_int_equal(store.events, number);
}

static void test_rebuild_cuts_what_a_batch_cannot_hold(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        add_event(i, 20000);
    }
    end_stretch();
    assert_int_equal(run(NULL), EXIT_CODE_OK);
    assert_int_equal(store.events, 40);
    assert_in_range(store.writes, 5, 43);
}

static void stops(const char *flag)
{
    assert_int_equal(run(flag), EXIT_CODE_FAILED);
    assert_string_equal(store.calls, "open stored close");
}

static void test_rebuild_stops_at_a_body_that_is_not_its_events(void **state)
{
    (void)state;
    add_event(1, 1);
    add_event(2, 1);
    ((char *)store.bodies[1].body.ptr)[40] ^= 1;
    end_stretch();
    stops(NULL);
    assert_int_equal(store.events, 1);
}

static void test_rebuild_stops_at_a_body_that_is_refused_today(void **state)
{
    (void)state;
    add_body("{\"eventTime\":\"yesterday\"}");
    end_stretch();
    stops("--dry-run");
}

static void test_rebuild_stops_at_events_that_are_gone(void **state)
{
    (void)state;
    store.lost = 1;
    end_stretch();
    stops(NULL);
}

static void test_rebuild_merges_what_bodies_cannot_tell_before_it_compares(void **state)
{
    (void)state;
    add_event(1, 1);
    store.bodies[store.count++].event_id.bytes[0] = 1;
    end_stretch();
    assert_int_equal(run("--merge"), EXIT_CODE_OK);
    assert_string_equal(store.calls,
                        "open stored merge arrived compare arrived last exchange close");
    assert_int_equal(store.events, 1);
}

static void test_rebuild_merges_nothing_when_every_body_is_there(void **state)
{
    (void)state;
    add_event(1, 1);
    end_stretch();
    assert_int_equal(run("--merge"), EXIT_CODE_OK);
    assert_null(strstr(store.calls, "merge"));
}

static void test_rebuild_changes_nothing_when_a_body_went_too_late_to_merge(void **state)
{
    (void)state;
    add_event(1, 1);
    for (int i = 0; i < 3; i++) {
        end_stretch();
    }
    store.bodies[store.count++].event_id.bytes[0] = 1;
    end_stretch();
    assert_int_equal(run("--merge"), EXIT_CODE_FAILED);
    assert_string_equal(store.calls, "open stored arrived compare arrived last close");
}

static void test_rebuild_dry_run_says_by_its_exit_that_something_differs(void **state)
{
    (void)state;
    end_stretch();
    assert_int_equal(run("--dry-run"), EXIT_CODE_FAILED);
    assert_string_equal(store.calls, "open stored arrived compare arrived last exchange-dry close");
}

static void test_rebuild_knows_its_flags(void **state)
{
    (void)state;
    assert_int_equal(run("--forget"), EXIT_CODE_USAGE);
    assert_string_equal(store.calls, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_rebuild_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(compares_before_writers_wait),
        TEST(follows_until_little_arrives),
        TEST(follows_no_more_than_eight_times),
        TEST(cuts_what_a_batch_cannot_hold),
        TEST(stops_at_a_body_that_is_not_its_events),
        TEST(stops_at_a_body_that_is_refused_today),
        TEST(stops_at_events_that_are_gone),
        TEST(merges_what_bodies_cannot_tell_before_it_compares),
        TEST(merges_nothing_when_every_body_is_there),
        TEST(changes_nothing_when_a_body_went_too_late_to_merge),
        TEST(dry_run_says_by_its_exit_that_something_differs),
        TEST(knows_its_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
