/* Metrics of MLServer, as they were captured and as nobody should write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/mlserver_metrics.h"

#define SUCCESS "model_infer_request_success_total"
#define SUM "model_infer_request_duration_sum"

static struct arena *arena;
static struct server_count *models;
static uint32_t count;
static struct err err;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum verdict read_text(const char *text)
{
    arena_reset(arena, 0);
    return mlserver_metrics_read(str_view(text), arena, &models, &count, &err);
}

static enum verdict read_file(const char *name)
{
    static char text[1 << 16];
    char path[256];

    snprintf(path, sizeof(path), "%s/mlserver/%s", TEST_DATA, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    return read_text(text);
}

static void is_row(uint32_t at, const char *model, int64_t successes, int64_t failures,
                   int64_t timed, int64_t duration_us)
{
    assert_true(str_eq(models[at].model, str_view(model)));
    assert_int_equal(models[at].successes, successes);
    assert_int_equal(models[at].failures, failures);
    assert_int_equal(models[at].timed, timed);
    assert_int_equal(models[at].duration_us, duration_us);
}

/* Versions None, 1 and 2: 3 + 2 + 1 answers, 0.037245 + 0.008698 + 0.002312 s, each to the microsecond. */
static void test_versions_are_summed(void **state)
{
    (void)state;
    assert_int_equal(read_file("metrics_8082.prom"), OK);
    assert_int_equal(count, 1);
    is_row(0, "iris", 6, 1, 7, 37245 + 8698 + 2312);
    assert_int_equal(read_file("drift_metrics.prom"), OK);
    assert_int_equal(count, 2);
    is_row(0, "iris-drift", 2, 0, 2, 55053);
    is_row(1, "iris-drift-batch", 2, 0, 2, 19329);
    /* The line of the time is there from the first request on, earlier than those of its end. */
    assert_int_equal(models[0].began_us, 1795445395753738);
    assert_int_equal(models[1].began_us, 1795445395836195);
}

static void test_lines_are_taken_as_the_format_allows_them(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), OK);
    assert_int_equal(count, 0);
    assert_int_equal(read_text("# HELP " SUCCESS " x\nother{model=\"a\"} x\n\n<html>\n" SUCCESS
                               "_more{model=\"a\"} 3\n" SUCCESS
                               "{version=\"}\\\\\", model=\"a\\\"b\\n\",} 1e3 1795443944891\r\n" SUM
                               "{model=\"c\"}\t0.25"),
                     OK);
    assert_int_equal(count, 2);
    is_row(0, "a\"b\n", 1000, 0, 0, 0);
    is_row(1, "c", 0, 0, 0, 250000);
}

static void test_lines_that_cannot_be_read_are_refused(void **state)
{
    static const char *const bad[] = {SUCCESS,
                                      SUCCESS " 3",
                                      SUCCESS "{} 3",
                                      SUCCESS "{version=\"1\"} 3",
                                      SUCCESS "{model=\"\"} 3",
                                      SUCCESS "{model=\"\xff\"} 3",
                                      SUCCESS "{model=\"a\"}",
                                      SUCCESS "{model=\"a\"} x",
                                      SUCCESS "{model=\"a\"} 3x",
                                      SUCCESS "{model=\"a\"} -1",
                                      SUCCESS "{model=\"a\"} NaN",
                                      SUCCESS "{model=\"a\"} +Inf",
                                      SUCCESS "{model=\"a\"} 1e18",
                                      SUM "{model=\"a\"} 1e12",
                                      SUCCESS "{model=\"a\"} 1e17\n" SUCCESS
                                              "{model=\"a\",version=\"1\"} 1e17",
                                      SUCCESS "{model=\"a} 3",
                                      SUCCESS "{model=\"a\" 3",
                                      SUCCESS "{model=a} 3",
                                      SUCCESS "{model} 3",
                                      SUCCESS "{",
                                      SUCCESS "{model=\"a\\",
                                      SUCCESS "{model=\"a\",,b} 3"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_text(bad[i]) != REJECT) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_no_more_than_a_report_takes(void **state)
{
    char *text = calloc(SERVER_REPORT_MODELS_MAX + 2, 80);
    char name[SERVER_REPORT_NAME_BYTES_MAX + 2];
    size_t len = 0;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < SERVER_REPORT_MODELS_MAX; i++) {
        len += (size_t)snprintf(text + len, 80, SUCCESS "{model=\"m%d\"} 1\n", i);
    }
    assert_int_equal(read_text(text), OK);
    assert_int_equal(count, SERVER_REPORT_MODELS_MAX);
    snprintf(text + len, 80, SUCCESS "{model=\"one more\"} 1\n");
    assert_int_equal(read_text(text), REJECT);
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    snprintf(text, 400, SUCCESS "{model=\"%s\"} 1\n", name);
    assert_int_equal(read_text(text), REJECT);
    name[sizeof(name) - 2] = '\0';
    snprintf(text, 400, SUCCESS "{model=\"%s\"} 1\n", name);
    assert_int_equal(read_text(text), OK);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_summed),
        cmocka_unit_test(test_lines_are_taken_as_the_format_allows_them),
        cmocka_unit_test(test_lines_that_cannot_be_read_are_refused),
        cmocka_unit_test(test_no_more_than_a_report_takes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
