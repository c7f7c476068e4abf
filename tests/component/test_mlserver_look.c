/* One look at a server that answers too much, hangs up or runs out of time: what it says of the server, and that no model keeps
 * another from being described. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/timebase.h"
#include "ingest/mlserver_look.h"
#include "support/fake_mlserver.h"
#include "support/tls_bed.h"

#define TIMEOUT_MS 60000 /* for what a slow machine does late */
#define TIMEOUT_US (INT64_C(1000) * TIMEOUT_MS)
#define HUGE_BYTES (2 << 20)
#define FIRST "GET /v2/models/iris/versions/1"
#define SECOND "GET /v2/models/iris/versions/2"
#define DESCRIPTION                                                                                \
    "{\"name\":\"iris\",\"platform\":\"sklearn\",\"versions\":[],\"inputs\":[],\"outputs\":[]}"

struct bed {
    struct fake_mlserver *fake;
    char url[64];
    _Atomic int64_t asked_us;
    const char *ends_with; /* nothing is asked once this was; NULL: goes on */
    struct mlserver_asker asker;
    struct server_model models[2];
    uint32_t first;
};

static bool is_ended(const void *arg)
{
    const struct bed *bed = arg;

    return bed->ends_with && fake_mlserver_asked(bed->fake, bed->ends_with) > 0;
}

static int setup(void **state)
{
    static struct bed bed;

    memset(&bed, 0, sizeof(bed));
    bed.fake = fake_mlserver_open();
    snprintf(bed.url, sizeof(bed.url), "http://127.0.0.1:%d", fake_mlserver_port(bed.fake));
    bed.asker = (struct mlserver_asker){.url = bed.url,
                                        .ca_file = "",
                                        .timeout_ms = TIMEOUT_MS,
                                        .doc = json_doc_new(16, 65536),
                                        .arena = arena_new(16 << 20),
                                        .asked_us = &bed.asked_us,
                                        .is_ended = is_ended,
                                        .arg = &bed};
    for (size_t i = 0; i < 2; i++) {
        bed.models[i] = (struct server_model){.model = STR("iris"), .state = STR("READY")};
    }
    bed.models[0].version = STR("1");
    bed.models[1].version = STR("2");
    *state = &bed;
    return bed.asker.doc && bed.asker.arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    fake_mlserver_close(bed->fake);
    json_doc_free(bed->asker.doc);
    arena_free(bed->asker.arena);
    return 0;
}

static void answer_hugely(struct bed *bed, const char *path)
{
    char *huge = malloc(HUGE_BYTES + 1);

    assert_non_null(huge);
    memset(huge, ' ', HUGE_BYTES);
    huge[HUGE_BYTES] = '\0';
    fake_mlserver_set(bed->fake, path, "200 OK", huge);
    free(huge);
}

static void describe(struct bed *bed, int64_t until_us)
{
    mlserver_look_describe(&bed->asker, bed->models, 2, until_us, &bed->first);
}

static void test_a_model_that_says_too_much_holds_up_no_other(void **state)
{
    struct bed *bed = *state;

    answer_hugely(bed, FIRST);
    fake_mlserver_set(bed->fake, SECOND, "200 OK", DESCRIPTION);
    describe(bed, timebase_mono_us() + TIMEOUT_US);
    assert_null(bed->models[0].platform.ptr);
    assert_true(str_eq(bed->models[1].platform, STR("sklearn")));
}

static void test_a_model_that_is_hung_up_on_holds_up_no_other(void **state)
{
    struct bed *bed = *state;

    fake_mlserver_hang_up(bed->fake, FIRST);
    fake_mlserver_set(bed->fake, SECOND, "200 OK", DESCRIPTION);
    describe(bed, timebase_mono_us() + TIMEOUT_US);
    assert_null(bed->models[0].platform.ptr);
    assert_true(str_eq(bed->models[1].platform, STR("sklearn")));
}

/* The first one that was not asked is the first of the next time. */
static void test_what_no_time_is_left_for_comes_first_the_next_time(void **state)
{
    struct bed *bed = *state;

    fake_mlserver_set(bed->fake, FIRST, "200 OK", DESCRIPTION);
    fake_mlserver_set(bed->fake, SECOND, "200 OK", DESCRIPTION);
    describe(bed, timebase_mono_us());
    assert_int_equal(bed->first, 0);
    assert_int_equal(fake_mlserver_asked(bed->fake, FIRST), 0);
    bed->ends_with = FIRST;
    describe(bed, timebase_mono_us() + TIMEOUT_US);
    assert_int_equal(bed->first, 1);
    assert_int_equal(fake_mlserver_asked(bed->fake, SECOND), 0);
    bed->ends_with = SECOND;
    describe(bed, timebase_mono_us() + TIMEOUT_US);
    assert_int_equal(fake_mlserver_asked(bed->fake, FIRST), 1);
    assert_int_equal(fake_mlserver_asked(bed->fake, SECOND), 1);
    assert_int_equal(bed->first, 0);
}

static void test_a_list_may_be_shorter_than_the_one_before(void **state)
{
    struct bed *bed = *state;

    bed->first = 901;
    fake_mlserver_set(bed->fake, SECOND, "200 OK", DESCRIPTION);
    describe(bed, timebase_mono_us() + TIMEOUT_US);
    assert_true(str_eq(bed->models[1].platform, STR("sklearn")));
    mlserver_look_describe(&bed->asker, bed->models, 0, INT64_MAX, &bed->first);
}

/* Nothing of it is the server's: it would be told to be away, and all that is on it. */
static void test_what_is_wrong_with_who_looks_says_nothing_of_the_server(void **state)
{
    struct bed *bed = *state;
    struct mlserver_look look;
    struct err err = {.text = ""};

    fake_mlserver_replay(bed->fake, "v2_health_ready.http");
    bed->asker.ca_file = "/nowhere/ca.pem";
    assert_int_equal(mlserver_look(&bed->asker, &look, &err), RETRY);
    assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
    bed->asker.ca_file = "";
    bed->ends_with = "GET /v2/health/ready";
    assert_int_equal(mlserver_look(&bed->asker, &look, &err), RETRY);
    assert_int_equal(fake_mlserver_asked(bed->fake, "GET /v2"), 0);
}

static void test_each_answer_may_be_too_large(void **state)
{
    struct bed *bed = *state;
    struct mlserver_look look;
    struct err err;

    fake_mlserver_replay(bed->fake, "v2_health_ready.http");
    answer_hugely(bed, "GET /v2");
    answer_hugely(bed, "POST /v2/repository/index");
    assert_int_equal(mlserver_look(&bed->asker, &look, &err), OK);
    assert_string_equal(look.state, "READY");
    assert_string_equal(look.reason, "repository index: too large");
    assert_false(look.has_self || look.has_index);
    mlserver_look_fini(&look);
    answer_hugely(bed, "GET /v2/health/ready");
    assert_int_equal(mlserver_look(&bed->asker, &look, &err), OK);
    assert_string_equal(look.state, "NOT_READY");
    assert_string_equal(look.reason, "readiness: too large");
    mlserver_look_fini(&look);
}

/* The server is there, but whoever looks knows nobody who vouches for it. */
static void test_a_certificate_that_cannot_be_verified_is_named(void **state)
{
    const struct tls_bed_options options = {.connections_max = 4};
    struct bed *bed = *state;
    struct mlserver_look look;
    struct tls_bed server;
    struct err err;

    setenv("no_proxy", "*", 1);
    tls_bed_open(&server, &options);
    tls_world_issue(&server.world, "other", "other", NULL);
    snprintf(bed->url, sizeof(bed->url), "https://localhost:%d", server.port);
    bed->asker.ca_file = tls_world_path(&server.world, "other.pem");
    assert_int_equal(mlserver_look(&bed->asker, &look, &err), OK);
    assert_string_equal(look.state, "UNREACHABLE");
    assert_string_equal(look.reason, "its certificate cannot be verified");
    mlserver_look_fini(&look);
    tls_bed_close(&server);
    unsetenv("no_proxy");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_model_that_says_too_much_holds_up_no_other),
        TEST(test_a_model_that_is_hung_up_on_holds_up_no_other),
        TEST(test_what_no_time_is_left_for_comes_first_the_next_time),
        TEST(test_a_list_may_be_shorter_than_the_one_before),
        TEST(test_what_is_wrong_with_who_looks_says_nothing_of_the_server),
        TEST(test_each_answer_may_be_too_large),
        TEST(test_a_certificate_that_cannot_be_verified_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
