/* What events tell of the minimum metadata of runs, jobs and datasets, bit by bit, read off the events by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "support/pipeline.h"

#define TIME "\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\","
#define RUN(type, facets)                                                                          \
    "{\"eventType\":\"" type "\"," TIME                                                            \
    "\"run\":{\"runId\":\"01a2008d-7400-7e5b-87f6-060b8e65cd51\",\"facets\":{" facets "}},"
#define JOB(facets) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{" facets "}}"
#define DS(name, rest) "{\"namespace\":\"db\",\"name\":\"" name "\"," rest "}"
#define DATASET(facets) "{" TIME "\"dataset\":" DS("out", "\"facets\":{" facets "}") "}"

static const struct graph_asset_facts *facts_of(const struct pipeline *pl, struct id128 subject)
{
    const struct graph_asset_facts *found = NULL;
    for (size_t i = 0; i < pl->bt->rows.asset_facts.count; i++) {
        const struct graph_asset_facts *row = &pl->bt->rows.asset_facts.items[i];
        if (id128_eq(row->subject, subject)) {
            assert_null(found);
            found = row;
        }
    }
    assert_non_null(found);
    return found;
}

static struct id128 dataset(const char *name)
{
    return identity_dataset(STR("db"), str_view(name));
}

static struct id128 job(void)
{
    return identity_job(STR("jobs"), STR("load"));
}

/* What one facet of a dataset event tells. */
static uint32_t told(struct pipeline *pl, const char *facet, uint32_t *out_contested)
{
    static char json[4096]; /* read again while rows are made */
    pipeline_reset(pl);
    snprintf(json, sizeof json, DATASET("%s"), facet);
    pipeline_event(pl, json);
    const struct graph_asset_facts *row = facts_of(pl, dataset("out"));
    assert_int_equal(row->observed, 0);
    assert_int_equal(row->lasting, 0);
    assert_int_equal(pl->bt->rows.descriptions.items[0].facts, row->declared);
    *out_contested = row->contested;
    return row->declared;
}

static void test_fact_rows_facets_tell_what_they_hold(void **state)
{
    static const struct {
        const char *facet;
        uint32_t facts;
        uint32_t contested; /* other than of tags */
    } cases[] = {
        {"\"ownership\":{\"owners\":[{\"type\":\"x\"},{\"name\":\"ada\"}]}", GRAPH_FACT_OWNER, 0},
        {"\"ownership\":{\"owners\":[{\"name\":\" \"}]}", 0, GRAPH_FACT_OWNER},
        {"\"ownership\":{\"owners\":{\"name\":\"ada\"}}", 0, GRAPH_FACT_OWNER},
        {"\"ownership\":{\"owners\":[{\"name\":\"ada\"}],\"_deleted\":true}", 0, GRAPH_FACT_OWNER},
        {"\"schema\":{\"fields\":[{\"name\":\"a\"}]}", GRAPH_FACT_SCHEMA, 0},
        {"\"schema\":{\"fields\":[]}", 0, GRAPH_FACT_SCHEMA},
        {"\"columnLineage\":{\"fields\":{},\"dataset\":[{}]}", GRAPH_FACT_COLUMNS, 0},
        {"\"columnLineage\":{\"fields\":{}}", 0, GRAPH_FACT_COLUMNS},
        {"\"dataSource\":{\"uri\":\"file\"}", 0, GRAPH_FACT_URI},
        {"\"dataSource\":{\"uri\":\"file:/tmp\"}", GRAPH_FACT_URI, 0},
        {"\"version\":{\"datasetVersion\":\"1\"}", GRAPH_FACT_VERSION, 0},
        {"\"version\":{\"datasetVersion\":1}", 0, GRAPH_FACT_VERSION},
        {"\"dataQualityMetrics\":{\"rowCount\":1}", GRAPH_FACT_SIZE, GRAPH_FACT_QUALITY},
        {"\"documentation\":{\"description\":\"x\"}", GRAPH_FACT_DESCRIPTION, 0},
        {"\"sourceCodeLocation\":{\"url\":\"u\",\"branch\":\"b\"}", 0, GRAPH_FACT_CODE},
        {"\"sourceCodeLocation\":{\"repoUrl\":\"u\",\"tag\":\"v1\"}", GRAPH_FACT_CODE, 0},
        {"\"somebodys\":{\"owners\":[{\"name\":\"ada\"}]}", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t contested;
        assert_int_equal(told(*state, cases[i].facet, &contested), cases[i].facts);
        assert_int_equal(contested, cases[i].contested);
    }
}

#define TAG(key, value) "\"tags\":{\"tags\":[{\"key\":\"" key "\"" value "}]}"

static void test_fact_rows_tags_tell_by_key_and_value(void **state)
{
    static const struct {
        const char *facet;
        uint32_t facts;
    } cases[] = {
        {TAG("pii", ""), GRAPH_FACT_CLASSIFICATION},
        {TAG("classification", ""), 0},
        {TAG(" Classification", ",\"value\":\"secret\""), GRAPH_FACT_CLASSIFICATION},
        {TAG("licence", ",\"value\":\" \""), 0},
        {TAG("licen\\u0073e", ",\"value\":\"MIT\""), GRAPH_FACT_LICENCE},
        {TAG("lineage", ",\"value\":\"yes\""), 0},
        {TAG("lineage", ",\"value\":\"None\""),
         GRAPH_FACT_IO | GRAPH_FACT_INPUTS | GRAPH_FACT_OUTPUTS},
        {TAG("inputs", ",\"value\":\"none\""), GRAPH_FACT_IO | GRAPH_FACT_INPUTS},
        {TAG("other", ",\"value\":\"x\""), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t contested;
        assert_int_equal(told(*state, cases[i].facet, &contested), cases[i].facts);
        assert_int_equal(contested & cases[i].facts, 0);
        assert_true((contested | cases[i].facts) & GRAPH_FACT_LICENCE);
    }
}

static void test_fact_rows_of_a_whole_run_event(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, RUN("COMPLETE", "\"processing_engine\":{\"version\":\"3\"},"
                            "\"parent\":{\"run\":{\"runId\":\"r\"},\"job\":{\"namespace\":\"jobs\","
                            "\"name\":\"dag\"}}")
                JOB("\"jobType\":{\"jobType\":\"DAG\"}") ","
                                                         "\"inputs\":[" DS(
                                                             "in", "\"facets\":{\"schema\":{"
                                                                   "\"fields\":[{\"name\":\"a\"}]}"
                                                                   "}") "],"
                                                                        "\"outputs\":[" DS(
                                                                            "out",
                                                                            "\"facets\":{"
                                                                            "\"schema\":{"
                                                                            "\"fields\":[]}},"
                                                                            "\"outputFacets\":{"
                                                                            "\"outputStatistics\":{"
                                                                            "}}") "]}");
    assert_int_equal(pl->bt->rows.runs.items[0].facts, GRAPH_FACT_ENGINE | GRAPH_FACT_INPUTS |
                                                           GRAPH_FACT_OUTPUTS |
                                                           GRAPH_FACT_ORCHESTRATED);
    assert_int_equal(pl->bt->rows.runs.items[1].facts, 0); /* the parent */
    assert_int_equal(facts_of(pl, job())->observed, GRAPH_FACT_IO | GRAPH_FACT_TYPE);
    assert_int_equal(facts_of(pl, job())->lasting, GRAPH_FACT_IO);
    assert_int_equal(facts_of(pl, dataset("in"))->observed, 0);
    assert_int_equal(facts_of(pl, dataset("in"))->inferred, GRAPH_FACT_SCHEMA);
    /* The first row of the output is of its being written, the second of the statement. */
    assert_int_equal(pl->bt->rows.asset_facts.count, 4);
    assert_true(id128_eq(pl->bt->rows.asset_facts.items[0].subject, dataset("out")));
    assert_int_equal(pl->bt->rows.asset_facts.items[0].observed,
                     GRAPH_FACT_SOURCE | GRAPH_FACT_UPDATED);
    assert_true(id128_eq(pl->bt->rows.asset_facts.items[3].subject, dataset("out")));
    assert_int_equal(pl->bt->rows.asset_facts.items[3].observed, GRAPH_FACT_SIZE);
    assert_int_equal(pl->bt->rows.asset_facts.items[3].lasting, GRAPH_FACT_SIZE);
    assert_int_equal(pl->bt->rows.asset_facts.items[3].contested, GRAPH_FACT_SCHEMA);
}

static void test_fact_rows_none_for_what_is_told_again(void **state)
{
    struct pipeline *pl = *state;
    static const char *const events[] = {
        RUN("START", "") JOB("") ",\"outputs\":[" DS("out", "\"x\":1") "]}",
        RUN("COMPLETE", "") JOB("") ",\"outputs\":[" DS("out", "\"x\":1") "]}",
        /* Another statement, and nothing in it that counts. */
        RUN("COMPLETE", "") JOB("\"a\":{\"b\":1}") ",\"outputs\":[" DS("out", "\"x\":1") "]}",
        RUN("COMPLETE", "") JOB("\"sql\":{}") ",\"outputs\":[" DS("out", "\"x\":1") "]}",
    };
    static const size_t rows[] = {2, 1, 0, 0};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        pipeline_event(pl, events[i]);
        assert_int_equal(pl->bt->rows.asset_facts.count, rows[i]);
        pipeline_commit(pl);
    }
}

static void test_fact_rows_of_runs(void **state)
{
    static const struct {
        const char *event;
        uint32_t facts;
    } cases[] = {
        {RUN("START", "\"spark_applicationDetails\":{\"userName\":\"ada\"},"
                      "\"spark_properties\":{\"properties\":{\"a\":\"b\"}}") JOB("") "}",
         GRAPH_FACT_ACTOR | GRAPH_FACT_PARAMETERS},
        {RUN("START", "\"airflowDagRun\":{\"dagRun\":{\"run_type\":\"manual\",\"conf\":{}}}")
             JOB("") "}",
         0},
        {RUN("START", "\"airflow\":{\"dagRun\":{\"run_type\":\"scheduled\"}}") JOB("") "}",
         GRAPH_FACT_ACTOR | GRAPH_FACT_ORCHESTRATED},
        {RUN("START", "\"airflowDagRun\":{\"dagRun\":{\"run_type\":\"manual\","
                      "\"triggering_user_name\":\"ada\",\"conf\":{\"a\":1}}}") JOB("") "}",
         GRAPH_FACT_ACTOR | GRAPH_FACT_PARAMETERS},
        {RUN("START", "\"tags\":{\"tags\":[{\"key\":\"actor\",\"value\":\"ada\"},"
                      "{\"key\":\"image_digest\",\"value\":\"sha256:00\"}]}") JOB("") "}",
         GRAPH_FACT_ACTOR | GRAPH_FACT_IMAGE},
        {RUN("START", "\"environmentVariables\":{\"environmentVariables\":[{\"name\":\"A\"}]},"
                      "\"executionParameters\":{\"parameters\":[]}")
             JOB("\"jobType\":{\"jobType\":\"MODEL\"}") "}",
         GRAPH_FACT_ENVIRONMENT | GRAPH_FACT_ORCHESTRATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pipeline *pl = *state;
        pipeline_reset(pl);
        pipeline_event(pl, cases[i].event);
        assert_int_equal(pl->bt->rows.runs.items[0].facts, cases[i].facts);
    }
}

static void test_fact_rows_a_job_event_writes_nothing(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, "{\"eventType\":\"COMPLETE\"," TIME JOB("") ",\"outputs\":[" DS("out", "\"x\":1") "]}");
    assert_int_equal(facts_of(pl, job())->declared, GRAPH_FACT_IO);
    assert_int_equal(facts_of(pl, dataset("out"))->declared, 0);
    assert_int_equal(facts_of(pl, dataset("out"))->observed, 0);
}

#define T(name)                                                                                    \
    cmocka_unit_test_setup_teardown(test_fact_rows_##name, pipeline_setup, pipeline_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(facets_tell_what_they_hold),
        T(tags_tell_by_key_and_value),
        T(of_a_whole_run_event),
        T(none_for_what_is_told_again),
        T(of_runs),
        T(a_job_event_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
