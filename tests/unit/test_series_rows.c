/* The numbers that one event tells of its run, read off the event by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "support/pipeline.h"

#define RUN "01a2008d-7400-7e5b-87f6-060b8e65cd51"
#define EVENT(type, io)                                                                            \
    "{\"eventType\":\"" type "\",\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\","       \
    "\"run\":{\"runId\":\"" RUN "\"},\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}," io "}"
#define OUTPUT(members) "\"outputs\":[{\"namespace\":\"db\",\"name\":\"out\"," members "}]"
#define INPUT(members) "\"inputs\":[{\"namespace\":\"db\",\"name\":\"in\"," members "}]"

static const struct graph_series *series(const struct pipeline *pl, int16_t metric,
                                         const char *field)
{
    for (size_t i = 0; i < pl->bt->rows.series.count; i++) {
        const struct graph_series *row = &pl->bt->rows.series.items[i];
        if (row->metric == metric &&
            (field ? str_eq(row->field, str_view(field)) : !row->field.ptr)) {
            return row;
        }
    }
    return NULL;
}

/* The value of the only observation of that series. */
static double value(const struct pipeline *pl, int16_t metric, const char *field)
{
    const struct graph_series *of = series(pl, metric, field);
    const struct graph_observation *found = NULL;
    assert_non_null(of);
    for (size_t i = 0; i < pl->bt->rows.observations.count; i++) {
        const struct graph_observation *row = &pl->bt->rows.observations.items[i];
        if (id128_eq(row->series, of->id)) {
            assert_null(found);
            found = row;
        }
    }
    assert_non_null(found);
    assert_int_equal(found->metric, metric);
    return found->value;
}

static void test_series_rows_of_statistics(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl,
                   EVENT("COMPLETE",
                         INPUT("\"inputFacets\":{\"inputStatistics\":{\"rowCount\":7}}") "," OUTPUT(
                             "\"outputFacets\":{\"outputStatistics\":{\"rowCount\":10,"
                             "\"size\":4000,\"fileCount\":2}}")));
    assert_int_equal(pl->bt->rows.series.count, 6);
    assert_int_equal(pl->bt->rows.observations.count, 6);
    assert_true(value(pl, GRAPH_METRIC_BYTES, NULL) == 4000);
    assert_true(value(pl, GRAPH_METRIC_FILES, NULL) == 2);
    const struct graph_series *gap = series(pl, GRAPH_METRIC_GAP, NULL);
    assert_true(id128_eq(gap->job, identity_job(STR("jobs"), STR("load"))));
    assert_true(id128_eq(gap->dataset, identity_dataset(STR("db"), STR("out"))));
    assert_int_equal(gap->direction, GRAPH_OUTPUT);
    assert_false(series(pl, GRAPH_METRIC_DURATION, NULL)->has_dataset);
    assert_true(pl->bt->rows.observations.items[0].is_of_run);
}

static void test_series_rows_of_what_began_and_of_what_failed(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, EVENT("START", OUTPUT("\"outputFacets\":{\"outputStatistics\":{\"rowCount\":10}}")));
    assert_int_equal(pl->bt->rows.observations.count, 1);
    assert_true(pl->bt->rows.observations.items[0].is_of_run);
    pipeline_reset(pl);
    pipeline_event(
        pl, EVENT("FAIL", OUTPUT("\"outputFacets\":{\"outputStatistics\":{\"rowCount\":10}}")));
    pipeline_event(
        pl, EVENT("RUNNING", OUTPUT("\"outputFacets\":{\"outputStatistics\":{\"rowCount\":10}}")));
    assert_int_equal(pl->bt->rows.observations.count, 0);
}

static void test_series_rows_of_columns(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl,
        EVENT("complete",
              INPUT("\"inputFacets\":{\"dataQualityMetrics\":{\"rowCount\":8,\"bytes\":64,"
                    "\"columnMetrics\":{\"a\":{\"nullCount\":2,\"distinctCount\":4,\"count\":6,"
                    "\"sum\":12,\"min\":-1,\"max\":5,\"quantiles\":{\"0.5\":2,\"1\":5,\"x\":1}},"
                    "\"b\":{\"min\":\"NaN\",\"nullCount\":9},\"c\":null}},"
                    "\"dataQualityAssertions\":{\"assertions\":[{\"success\":true},"
                    "{\"success\":false},{\"success\":true},{\"success\":true},{}]}}")));
    assert_true(value(pl, GRAPH_METRIC_ROWS, NULL) == 8);
    assert_true(value(pl, GRAPH_METRIC_BYTES, NULL) == 64);
    assert_true(value(pl, GRAPH_METRIC_PASSED, NULL) == 0.75);
    assert_true(value(pl, GRAPH_METRIC_NULLS, "a") == 0.25);
    assert_true(value(pl, GRAPH_METRIC_DISTINCT, "a") == 0.5);
    assert_true(value(pl, GRAPH_METRIC_MIN, "a") == -1);
    assert_true(value(pl, GRAPH_METRIC_MAX, "a") == 5);
    assert_true(value(pl, GRAPH_METRIC_MEAN, "a") == 2);
    assert_true(value(pl, GRAPH_METRIC_QUANTILE + 500, "a") == 2);
    /* The duration and these; more nulls than rows are no share. */
    assert_int_equal(pl->bt->rows.observations.count, 10);
}

static void test_series_rows_of_what_is_no_number(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl,
                   EVENT("COMPLETE", OUTPUT("\"outputFacets\":{\"outputStatistics\":{\"rowCount\":"
                                            "\"10\",\"size\":-1,\"fileCount\":1e300},"
                                            "\"dataQualityMetrics\":[],\"dataQualityAssertions\":"
                                            "{\"assertions\":{}}}")));
    /* The gap and the duration. */
    assert_int_equal(pl->bt->rows.observations.count, 2);
}

static void test_series_rows_names_a_series_once(void **state)
{
    struct pipeline *pl = *state;
    const char *event = EVENT("COMPLETE", OUTPUT("\"facets\":{}"));
    pipeline_event(pl, event);
    assert_int_equal(pl->bt->rows.series.count, 2);
    pipeline_commit(pl);
    pipeline_event(pl, EVENT("COMPLETE", OUTPUT("\"facets\":{},\"outputFacets\":{}")));
    assert_int_equal(pl->bt->rows.series.count, 0);
    assert_int_equal(pl->bt->rows.observations.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_series_rows_of_statistics, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_series_rows_of_what_began_and_of_what_failed,
                                        pipeline_setup, pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_series_rows_of_columns, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_series_rows_of_what_is_no_number, pipeline_setup,
                                        pipeline_teardown),
        cmocka_unit_test_setup_teardown(test_series_rows_names_a_series_once, pipeline_setup,
                                        pipeline_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
