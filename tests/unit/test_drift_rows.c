/* In what respects one event may have drifted: subjects, aspects and contents, read off the event by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "support/pipeline.h"

#define RUN "01a2008d-7400-7e5b-87f6-060b8e65cd51"
#define HEAD(type, run_facets)                                                                     \
    "{\"eventType\":\"" type "\",\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\","       \
    "\"run\":{\"runId\":\"" RUN "\",\"facets\":{" run_facets "}},"
#define SCHEMA "\"facets\":{\"schema\":{\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}}"
#define OWNERSHIP "\"ownership\":{\"owners\":[{\"name\":\"team\"}]}"
#define ENGINE(version) "\"processing_engine\":{\"version\":\"" version "\"}"

static const struct graph_drift_content *content(const struct pipeline *pl, struct id128 subject,
                                                 enum graph_drift_aspect aspect)
{
    const struct graph_drift_content *found = NULL;
    for (size_t i = 0; i < pl->bt->rows.drift_contents.count; i++) {
        const struct graph_drift_content *row = &pl->bt->rows.drift_contents.items[i];
        if (id128_eq(row->subject, subject) && row->aspect == aspect) {
            assert_null(found);
            found = row;
        }
    }
    return found;
}

static struct id128 job(void)
{
    return identity_job(STR("jobs"), STR("load"));
}

static void test_drift_rows_of_a_new_statement(void **state)
{
    struct pipeline *pl = *state;
    struct id128 in = identity_dataset(STR("db"), STR("in"));
    struct id128 out = identity_dataset(STR("db"), STR("out"));
    pipeline_event(
        pl,
        HEAD("COMPLETE",
             ENGINE("3.5")) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{"
                            "\"sql\":{\"query\":\"select 1\"}}},"
                            "\"inputs\":[{\"namespace\":\"db\",\"name\":\"in\"," SCHEMA "}],"
                            "\"outputs\":[{\"namespace\":\"db\",\"name\":\"out\"," SCHEMA "}]}");
    const struct graph_statement *said = &pl->bt->rows.statements.items[0];
    assert_int_equal(pl->bt->rows.drift_contents.count, 6);
    /* The same facet by the same producer: one description, stated by the writer only. */
    assert_true(id128_eq(said->descriptions[0], said->descriptions[1]));
    assert_non_null(content(pl, out, GRAPH_DRIFT_STATED));
    assert_null(content(pl, in, GRAPH_DRIFT_STATED));
    assert_true(id128_eq(content(pl, out, GRAPH_DRIFT_WRITERS)->content, job()));
    assert_true(id128_eq(content(pl, in, GRAPH_DRIFT_READERS)->content, job()));
    assert_non_null(content(pl, job(), GRAPH_DRIFT_JOB));
    assert_true(id128_eq(content(pl, job(), GRAPH_DRIFT_IO)->content, said->io));
    assert_true(id128_eq(content(pl, job(), GRAPH_DRIFT_ENVIRONMENT)->content, said->environment));
    assert_false(id128_is_zero(said->environment));
}

static void test_drift_rows_none_for_what_is_said_again(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, HEAD("START", ENGINE("3.5")) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    assert_int_equal(pl->bt->rows.drift_contents.count, 1);
    pipeline_commit(pl);
    pipeline_event(
        pl, HEAD("COMPLETE", ENGINE("3.5")) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    assert_int_equal(pl->bt->rows.drift_contents.count, 0);
}

static void test_drift_rows_another_engine_is_another_statement(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, HEAD("START", ENGINE("3.4")) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    pipeline_event(
        pl, HEAD("COMPLETE", ENGINE("3.5")) "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    const struct graph_statement *said = pl->bt->rows.statements.items;
    assert_int_equal(pl->bt->rows.statements.count, 2);
    assert_false(id128_eq(said[0].id, said[1].id));
    assert_false(id128_eq(said[0].environment, said[1].environment));
    assert_int_equal(pl->bt->rows.drift_contents.count, 2);
}

static void test_drift_rows_every_failure_is_one(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, HEAD("START", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    assert_int_equal(pl->bt->rows.drift_contents.count, 0);
    pipeline_event(pl, HEAD("FAIL", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}}");
    assert_int_equal(pl->bt->rows.drift_contents.count, 1);
    bool is_uuid;
    assert_true(id128_eq(content(pl, job(), GRAPH_DRIFT_FAILURES)->content,
                         identity_run(STR(RUN), &is_uuid)));
}

/* Of two statements that differ in a facet that nobody compares, the second one brings nothing new. */
static void test_drift_rows_only_what_is_compared_counts(void **state)
{
    struct pipeline *pl = *state;
    static const char *const jobs[] = {
        HEAD("START", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{"
                          "\"sql\":{\"query\":\"q\"},\"x\":{\"a\":1}}}}",
        HEAD("START", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{"
                          "\"sql\":{\"query\":\"q\"},\"x\":{\"a\":2}}}}",
        HEAD("START", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{"
                          "\"sql\":{\"query\":\"r\"},\"x\":{\"a\":2}}}}",
    };
    for (size_t i = 0; i < 3; i++) {
        pipeline_event(pl, jobs[i]);
    }
    const struct graph_drift_content *said = pl->bt->rows.drift_contents.items;
    assert_int_equal(pl->bt->rows.drift_contents.count, 3);
    assert_true(id128_eq(said[0].content, said[1].content));
    assert_false(id128_eq(said[0].content, said[2].content));
}

static void test_drift_rows_a_dataset_event_states(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\",\"dataset\":{"
                       "\"namespace\":\"db\","
                       "\"name\":\"out\"," SCHEMA "}}");
    assert_int_equal(pl->bt->rows.drift_contents.count, 1);
    assert_non_null(content(pl, identity_dataset(STR("db"), STR("out")), GRAPH_DRIFT_STATED));
}

/* Readers may own, too: who is to be told of a dataset may stand with any of its jobs. */
static void test_drift_rows_owners_are_found_by_the_digest_of_their_facet(void **state)
{
    struct pipeline *pl = *state;
    struct id128 in = identity_dataset(STR("db"), STR("in"));
    pipeline_event(pl, HEAD("START", "") "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\","
                                         "\"facets\":{" OWNERSHIP "}},"
                                         "\"inputs\":[{\"namespace\":\"db\",\"name\":\"in\","
                                         "\"facets\":{" OWNERSHIP "}}]}");
    const struct graph_drift_content *of_job = content(pl, job(), GRAPH_DRIFT_OWNERS);
    assert_non_null(of_job);
    assert_int_equal(pl->bt->rows.facets.count, 1);
    assert_true(id128_eq(of_job->content, pl->bt->rows.facets.items[0].digest));
    assert_true(id128_eq(of_job->content, content(pl, in, GRAPH_DRIFT_OWNERS)->content));
}

#define T(name)                                                                                    \
    cmocka_unit_test_setup_teardown(test_drift_rows_##name, pipeline_setup, pipeline_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(of_a_new_statement),
        T(none_for_what_is_said_again),
        T(another_engine_is_another_statement),
        T(every_failure_is_one),
        T(only_what_is_compared_counts),
        T(a_dataset_event_states),
        T(owners_are_found_by_the_digest_of_their_facet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
