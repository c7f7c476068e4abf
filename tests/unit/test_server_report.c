/* What was seen of a server of models, from the report as it is written to its rows; and reports with everything wrong that
 * can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/payload_event.h"
#include "schemas/server_report.h"
#include "support/pipeline.h"

#define AT_US INT64_C(1772359200000000) /* 2026-03-01T10:00:00Z */
#define EVENT(type, time, data)                                                                    \
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"io.metaops.server." type    \
    "\"" time ",\"data\":" data "}"
#define TIME ",\"time\":\"2026-03-01T10:00:00Z\""
#define TENSORS "[{\"datatype\":\"FP64\",\"name\":\"x\",\"shape\":[-1,4]}]"

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

static void add(struct str body)
{
    struct lineage_event ev = {.received_at_us = AT_US + 7,
                               .source = SOURCE_HTTP,
                               .format = STR("cloudevents"),
                               .body = body};

    pipeline_add_event(&pl, "metaops.events", &ev);
}

static bool is_text(struct str text, const char *expected)
{
    return text.ptr && str_eq(text, str_view(expected));
}

static struct id128 deployment_of(const char *namespace_, const char *name)
{
    const struct payload_event ev = {.namespace_ = str_view(namespace_), .service = str_view(name)};

    return payload_event_deployment(&ev);
}

static struct id128 model_of(const char *namespace_, const char *name)
{
    const struct payload_event ev = {.namespace_ = str_view(namespace_), .model = str_view(name)};

    return payload_event_model(&ev);
}

static struct str write_sample(void)
{
    struct server_model models[] = {{.model = STR("iris"),
                                     .version = STR("2"),
                                     .state = STR("READY"),
                                     .reason = STR(""),
                                     .platform = STR("sklearn"),
                                     .libraries = STR("[\"numpy/2.4.6\"]"),
                                     .inputs = STR(TENSORS),
                                     .outputs = STR("[]")},
                                    {.model = STR("iris"),
                                     .version = STR("1"),
                                     .state = STR("GONE"),
                                     .reason = STR("un\"loaded")},
                                    {.model = STR("lone"), .state = STR("LOADING")}};
    struct server_report report = {.namespace_ = STR("fraud"),
                                   .server = STR("iris-server"),
                                   .state = STR("READY"),
                                   .is_whole = true,
                                   .version = STR("1.7.1"),
                                   .extensions = STR("[\"x\"]"),
                                   .models = models,
                                   .model_count = 3};

    return server_report_write(&report, AT_US);
}

static void test_a_report_becomes_rows(void **state)
{
    struct str body = write_sample();
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    add(body);
    add(body); /* once, however often it is there */
    pipeline_run(&pl);
    assert_int_equal(rows->letters.count, 0);
    assert_int_equal(rows->events.count, 1);
    assert_true(rows->events.items[0].is_control);
    assert_int_equal(rows->server_observations.count, 4);
    const struct graph_server_observation *seen = rows->server_observations.items;
    assert_true(id128_eq(seen[0].deployment, deployment_of("fraud", "iris-server")));
    assert_true(id128_is_zero(seen[0].model));
    assert_true(is_text(seen[0].state, "READY") && seen[0].is_whole);
    assert_true(id128_eq(seen[1].model, model_of("fraud", "iris")));
    assert_true(is_text(seen[1].version, "2") && is_text(seen[1].state, "READY"));
    assert_true(is_text(seen[2].state, "GONE") && is_text(seen[2].reason, "un\"loaded"));
    assert_false(seen[2].is_whole);
    assert_true(is_text(seen[3].version, "") && is_text(seen[3].reason, ""));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(seen[i].at_us, AT_US);
    }
    pipeline_reset(&pl);
    free((char *)body.ptr);
}

static void test_what_is_served_exists_as_observed(void **state)
{
    struct str body = write_sample();
    const struct graph_batch *rows = &pl.bt->rows;

    (void)state;
    pipeline_fini(&pl);
    pipeline_init(&pl, NULL);
    rows = &pl.bt->rows;
    add(body);
    pipeline_run(&pl);
    assert_int_equal(rows->deployments.count, 1);
    assert_int_equal(rows->deployments.items[0].source, GRAPH_OBSERVED);
    assert_true(is_text(rows->deployments.items[0].name, "iris-server"));
    assert_int_equal(rows->models.count, 2);
    assert_int_equal(rows->models.items[0].source, GRAPH_OBSERVED);
    /* Neither one that is gone nor one that has no name. */
    assert_int_equal(rows->model_versions.count, 1);
    assert_true(is_text(rows->model_versions.items[0].version, "2"));
    assert_int_equal(rows->server_descriptions.count, 2);
    const struct graph_server_description *said = rows->server_descriptions.items;
    assert_true(is_text(said[0].platform, "1.7.1") && is_text(said[0].libraries, "[\"x\"]"));
    assert_null(said[0].inputs.ptr);
    assert_true(is_text(said[1].platform, "sklearn") && is_text(said[1].version, "2"));
    assert_true(is_text(said[1].libraries, "[\"numpy/2.4.6\"]"));
    assert_true(is_text(said[1].inputs, TENSORS) && is_text(said[1].outputs, "[]"));
    pipeline_reset(&pl);
    free((char *)body.ptr);
}

static void test_counts_become_rows(void **state)
{
    struct server_count models[] = {{.model = STR("iris"),
                                     .successes = 6,
                                     .failures = 1,
                                     .timed = 7,
                                     .duration_us = 48254,
                                     .began_us = AT_US - 1},
                                    {.model = STR("other")}};
    struct server_counts counts = {
        .namespace_ = STR(""), .server = STR("iris-server"), .models = models, .model_count = 2};
    struct str body = server_counts_write(&counts, AT_US);

    (void)state;
    add(body);
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.letters.count, 0);
    assert_int_equal(pl.bt->rows.server_counts.count, 2);
    const struct graph_server_count *row = &pl.bt->rows.server_counts.items[0];
    assert_true(id128_eq(row->deployment, deployment_of("", "iris-server")));
    assert_true(id128_eq(row->model, model_of("", "iris")));
    assert_int_equal(row->at_us, AT_US);
    assert_int_equal(row->successes, 6);
    assert_int_equal(row->failures, 1);
    assert_int_equal(row->timed, 7);
    assert_int_equal(row->duration_us, 48254);
    assert_int_equal(row->began_us, AT_US - 1);
    assert_int_equal(row[1].began_us, GRAPH_NO_TIME);
    pipeline_reset(&pl);
    free((char *)body.ptr);
}

static void assert_letter(const char *body, const char *reason)
{
    pipeline_reset(&pl);
    add(str_view(body));
    pipeline_run(&pl);
    assert_int_equal(pl.bt->rows.events.count, 0);
    assert_int_equal(pl.bt->rows.server_observations.count, 0);
    assert_int_equal(pl.bt->rows.server_counts.count, 0);
    assert_int_equal(pl.bt->rows.letters.count, 1);
    if (!strstr(pl.bt->rows.letters.items[0].reason.ptr, reason)) {
        fail_msg("expected \"%s\" in \"%s\"", reason, pl.bt->rows.letters.items[0].reason.ptr);
    }
}

#define MODELS(text) "{\"server\":\"s\",\"state\":\"READY\",\"models\":" text "}"
#define METADATA(text) MODELS("[{\"model\":\"m\",\"state\":\"READY\",\"metadata\":" text "}]")

static void test_what_is_no_report_becomes_a_dead_letter(void **state)
{
    (void)state;
    assert_letter(EVENT("observed", "", MODELS("[]")), "needs a time");
    assert_letter(EVENT("observed", TIME, "[]"), "needs server");
    assert_letter(EVENT("observed", TIME, "{\"server\":\"s\"}"), "needs state");
    assert_letter(EVENT("observed", TIME, "{\"server\":3,\"state\":\"READY\"}"), "a string");
    assert_letter(EVENT("observed", TIME, MODELS("{}")), "must be an array");
    assert_letter(EVENT("observed", TIME, MODELS("[1]")), "needs model");
    assert_letter(EVENT("observed", TIME, MODELS("[{\"model\":\"m\"}]")), "needs state");
    assert_letter(EVENT("observed", TIME, METADATA("3")), "must be an object");
    assert_letter(EVENT("observed", TIME, METADATA("{\"libraries\":{}}")), "must be an array");
    assert_letter(EVENT("observed", TIME, METADATA("{\"inputs\":[\"x\"]}")), "another type");
    assert_letter(EVENT("counted", "", "{\"server\":\"s\"}"), "needs a time");
    assert_letter(EVENT("counted", TIME, "{}"), "needs server");
    assert_letter(EVENT("counted", TIME, "{\"server\":\"s\",\"models\":[{}]}"), "needs model");
    assert_letter(EVENT("counted", TIME,
                        "{\"server\":\"s\",\"models\":[{\"model\":\"m\",\"successes\":-1}]}"),
                  "whole number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_becomes_rows),
        cmocka_unit_test(test_what_is_served_exists_as_observed),
        cmocka_unit_test(test_counts_become_rows),
        cmocka_unit_test(test_what_is_no_report_becomes_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
