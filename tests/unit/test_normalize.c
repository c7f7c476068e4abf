/* What one event wants written. Events are written here by hand; every expectation is read off the
 * event and design.md's rules ("What the events mean"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/timebase.h"
#include "schemas/identity.h"
#include "schemas/utf8.h"
#include "support/pipeline.h"

#define RUN_1 "01a2008d-7400-7e5b-87f6-060b8e65cd51"
#define RUN_2 "01a2008d-7400-755f-a7f2-c0cad6ddccba"
#define RUN_3 "01a2008d-7400-7335-ad4b-7c5cba34357b"
#define PRODUCER "https://github.com/acme/tool/tree/1.2.3/client"
#define FAMILY "https://github.com/acme/tool/tree/client"
#define T1 "2026-11-23T14:00:00Z"
#define T2 "2026-11-23T14:05:00Z"
#define JOB "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}"

/* A run event; the rest is more members, each with a comma before it. */
#define RUN_EVENT(type, time, run, rest)                                                           \
    "{\"eventType\":\"" type "\",\"eventTime\":\"" time "\",\"producer\":\"" PRODUCER              \
    "\",\"run\":{\"runId\":\"" run "\"}," JOB rest "}"
#define WITH_RUN_FACETS(type, time, run, facets)                                                   \
    "{\"eventType\":\"" type "\",\"eventTime\":\"" time "\",\"producer\":\"" PRODUCER              \
    "\",\"run\":{\"runId\":\"" run "\",\"facets\":{" facets "}}," JOB "}"

static int64_t us(const char *time)
{
    int64_t at;
    assert_true(timebase_parse(str_view(time), &at));
    return at;
}

static struct id128 run_id(const char *text)
{
    bool is_uuid;
    return identity_run(str_view(text), &is_uuid);
}

static void expect_text(struct str text, const char *expected)
{
    assert_non_null(text.ptr);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void expect_id(struct id128 id, struct id128 expected)
{
    assert_memory_equal(id.bytes, expected.bytes, sizeof id.bytes);
}

static const struct graph_run *run_row(const struct graph_batch *rows, const char *id)
{
    const struct graph_run *found = NULL;
    for (size_t i = 0; i < rows->runs.count; i++) {
        if (id128_eq(rows->runs.items[i].id, run_id(id))) {
            assert_null(found);
            found = &rows->runs.items[i];
        }
    }
    assert_non_null(found);
    return found;
}

static const struct graph_node *dataset_row(const struct graph_batch *rows, const char *namespace_,
                                            const char *name)
{
    for (size_t i = 0; i < rows->datasets.count; i++) {
        const struct graph_node *row = &rows->datasets.items[i];
        if (id128_eq(row->id, identity_dataset(str_view(namespace_), str_view(name)))) {
            expect_text(row->namespace_, namespace_);
            expect_text(row->name, name);
            return row;
        }
    }
    return NULL;
}

static const struct graph_facet *facet_row(const struct graph_batch *rows, const char *canonical)
{
    for (size_t i = 0; i < rows->facets.count; i++) {
        if (id128_eq(rows->facets.items[i].digest, identity_digest(str_view(canonical)))) {
            return &rows->facets.items[i];
        }
    }
    return NULL;
}

static bool has_edge(const struct graph_batch *rows, uint8_t direction, const char *name)
{
    for (size_t i = 0; i < rows->edges.count; i++) {
        const struct graph_edge *row = &rows->edges.items[i];
        if (row->direction == direction &&
            id128_eq(row->dataset, identity_dataset(STR("db"), str_view(name)))) {
            expect_id(row->job, identity_job(STR("jobs"), STR("load")));
            return true;
        }
    }
    return false;
}

/* What a statement says of dataset db.name, by its place among the datasets of the io set. */
static struct id128 description_of(const struct graph_batch *rows,
                                   const struct graph_statement *statement, const char *name)
{
    assert_true(statement->has_io);
    for (size_t i = 0; i < rows->io.count; i++) {
        const struct graph_io *io = &rows->io.items[i];
        if (id128_eq(io->id, statement->io) &&
            id128_eq(io->dataset, identity_dataset(STR("db"), str_view(name)))) {
            assert_in_range(io->ordinal, 0, statement->description_count - 1);
            return statement->descriptions[io->ordinal];
        }
    }
    fail_msg("the statement does not name %s", name);
    return (struct id128){0};
}

#define IN_OUT                                                                                     \
    ",\"inputs\":[{\"namespace\":\"db\",\"name\":\"a\"}],"                                         \
    "\"outputs\":[{\"namespace\":\"db\",\"name\":\"b\"}]"

static void test_normalize_a_start_event_becomes_these_rows(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    static const char body[] = RUN_EVENT("START", T1, RUN_1, IN_OUT);
    pipeline_event(pl, body);

    assert_int_equal(rows->events.count, 1);
    const struct graph_event *event = &rows->events.items[0];
    expect_id(event->id, identity_digest(STR(body)));
    assert_int_equal(event->event_time_us, us(T1));
    assert_int_equal(event->received_at_us, us("2026-01-01T00:00:00Z"));
    assert_true(event->has_run);
    expect_id(event->run, run_id(RUN_1));
    assert_int_equal(event->body_bytes, sizeof body - 1);
    assert_int_equal(event->source, SOURCE_KAFKA);
    expect_text(event->event_type, "START");
    expect_text(event->topic, PIPELINE_TOPIC);
    assert_int_equal(event->partition, 3);
    assert_int_equal(event->kafka_offset, 101);
    assert_int_equal(event->facet_digest_count, 0);
    assert_null(event->principal.ptr);
    assert_null(event->emitter_id.ptr);

    assert_int_equal(rows->jobs.count, 1);
    expect_id(rows->jobs.items[0].id, identity_job(STR("jobs"), STR("load")));
    expect_text(rows->jobs.items[0].namespace_, "jobs");
    expect_text(rows->jobs.items[0].name, "load");
    assert_int_equal(rows->datasets.count, 2);
    assert_true(dataset_row(rows, "db", "a")->confirmed);
    assert_true(dataset_row(rows, "db", "b")->confirmed);
    assert_int_equal(rows->edges.count, 2);
    assert_true(has_edge(rows, GRAPH_INPUT, "a"));
    assert_true(has_edge(rows, GRAPH_OUTPUT, "b"));

    assert_int_equal(rows->statements.count, 1);
    const struct graph_statement *statement = &rows->statements.items[0];
    expect_id(statement->id, event->statement);
    assert_int_equal(statement->kind, OPENLINEAGE_RUN);
    assert_true(statement->has_job);
    assert_true(statement->has_run);
    expect_id(statement->run, run_id(RUN_1));
    expect_text(statement->producer, PRODUCER);
    assert_int_equal(statement->first_at_us, us(T1));
    assert_int_equal(statement->last.at_us, us(T1));
    expect_id(statement->last.by, event->id);
    assert_int_equal(statement->written.at_us, GRAPH_NO_TIME);

    assert_int_equal(rows->runs.count, 1);
    const struct graph_run *run = run_row(rows, RUN_1);
    assert_int_equal(run->state, OPENLINEAGE_STATE_RUNNING);
    assert_int_equal(run->started_at_us, us(T1));
    assert_int_equal(run->first_at_us, us(T1));
    assert_int_equal(run->ended_at_us, GRAPH_NO_TIME);
    assert_true(run->job_is_own);
    expect_id(run->job, identity_job(STR("jobs"), STR("load")));
    assert_int_equal(run->job_version.at_us, us(T1));
    expect_id(run->job_version.by, event->id);
    assert_int_equal(run->parent_version.at_us, GRAPH_NO_TIME);
    assert_int_equal(run->nominal_version.at_us, GRAPH_NO_TIME);
    assert_int_equal(run->error_version.at_us, GRAPH_NO_TIME);
    assert_null(run->run_id.ptr);
}

static void test_normalize_only_complete_events_write_and_all_terminal_ones_end(void **state)
{
    struct pipeline *pl = *state;
    const struct {
        const char *body;
        uint8_t state;
        bool is_end;
        bool is_start;
        bool is_written;
    } cases[] = {
        {RUN_EVENT("complete", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_COMPLETE, true, false, true},
        {RUN_EVENT("FAIL", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_FAIL, true, false, false},
        {RUN_EVENT("ABORT", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_ABORT, true, false, false},
        {RUN_EVENT("RUNNING", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_RUNNING, false, false, false},
        {RUN_EVENT("Start", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_RUNNING, false, true, false},
        {RUN_EVENT("OTHER", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_NEW, false, false, false},
        {RUN_EVENT("FINISHED", T2, RUN_1, IN_OUT), OPENLINEAGE_STATE_NEW, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pipeline_event(pl, cases[i].body);
        const struct graph_run *run = run_row(&pl->bt->rows, RUN_1);
        const struct graph_statement *statement = &pl->bt->rows.statements.items[0];
        assert_int_equal(run->state, cases[i].state);
        assert_int_equal(run->first_at_us, us(T2));
        assert_int_equal(run->started_at_us, cases[i].is_start ? us(T2) : GRAPH_NO_TIME);
        assert_int_equal(run->ended_at_us, cases[i].is_end ? us(T2) : GRAPH_NO_TIME);
        assert_int_equal(statement->written.at_us, cases[i].is_written ? us(T2) : GRAPH_NO_TIME);
        pipeline_reset(pl);
    }
}

#define PARENT(run, name)                                                                          \
    "\"run\":{\"runId\":\"" run "\"},\"job\":{\"namespace\":\"jobs\",\"name\":\"" name "\"}"

static void test_normalize_a_parent_facet_mentions_two_more_runs_and_jobs(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1,
                                       "\"parent\":{" PARENT(RUN_2, "task") ",\"root\":{" PARENT(
                                           RUN_3, "dag") "}}"));
    assert_int_equal(rows->runs.count, 3);
    assert_int_equal(rows->jobs.count, 3);
    const struct graph_run *own = run_row(rows, RUN_1);
    assert_int_equal(own->parent_version.at_us, us(T1));
    expect_id(own->parent_version.by, rows->events.items[0].id);
    expect_id(own->parent, run_id(RUN_2));
    expect_id(own->root, run_id(RUN_3));
    const struct graph_run *parent = run_row(rows, RUN_2);
    assert_false(parent->job_is_own);
    expect_id(parent->job, identity_job(STR("jobs"), STR("task")));
    assert_int_equal(parent->job_version.at_us, us(T1));
    assert_int_equal(parent->state, OPENLINEAGE_STATE_NEW);
    assert_int_equal(parent->first_at_us, GRAPH_NO_TIME);
    assert_int_equal(parent->started_at_us, GRAPH_NO_TIME);
    assert_int_equal(parent->parent_version.at_us, GRAPH_NO_TIME);
    const struct graph_run *root = run_row(rows, RUN_3);
    expect_id(root->job, identity_job(STR("jobs"), STR("dag")));
    assert_false(root->job_is_own);
    /* A mention makes neither edges nor statements of its own. */
    assert_int_equal(rows->edges.count, 0);
    assert_int_equal(rows->statements.count, 1);
}

static void test_normalize_without_a_root_the_parent_is_the_root(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl,
                   WITH_RUN_FACETS("START", T1, RUN_1, "\"parent\":{" PARENT(RUN_2, "task") "}"));
    assert_int_equal(pl->bt->rows.runs.count, 2);
    expect_id(run_row(&pl->bt->rows, RUN_1)->root, run_id(RUN_2));
}

static void test_normalize_a_parent_without_a_run_is_a_facet_only(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1, "\"parent\":{\"run\":\"x\"}"));
    assert_int_equal(pl->bt->rows.runs.count, 1);
    assert_int_equal(run_row(&pl->bt->rows, RUN_1)->parent_version.at_us, GRAPH_NO_TIME);
    assert_non_null(facet_row(&pl->bt->rows, "{\"run\":\"x\"}"));
}

static void test_normalize_a_run_may_be_its_own_parent(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl,
                   WITH_RUN_FACETS("START", T1, RUN_1, "\"parent\":{" PARENT(RUN_1, "other") "}"));
    assert_int_equal(rows->runs.count, 2);
    assert_true(rows->runs.items[0].job_is_own);
    assert_false(rows->runs.items[1].job_is_own);
    expect_id(rows->runs.items[0].parent, run_id(RUN_1));
}

static void test_normalize_nominal_times_come_alone_or_in_pairs(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1,
                                       "\"nominalTime\":{\"nominalStartTime\":\"" T1
                                       "\",\"nominalEndTime\":\"" T2 "\"}"));
    const struct graph_run *run = run_row(&pl->bt->rows, RUN_1);
    assert_int_equal(run->nominal_start_us, us(T1));
    assert_int_equal(run->nominal_end_us, us(T2));
    assert_int_equal(run->nominal_version.at_us, us(T1));
    pipeline_reset(pl);
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1,
                                       "\"nominalTime\":{\"nominalStartTime\":\"" T1
                                       "\",\"nominalEndTime\":\"soon\"}"));
    run = run_row(&pl->bt->rows, RUN_1);
    assert_int_equal(run->nominal_start_us, us(T1));
    assert_int_equal(run->nominal_end_us, GRAPH_NO_TIME);
    pipeline_reset(pl);
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1, "\"nominalTime\":{}"));
    assert_int_equal(run_row(&pl->bt->rows, RUN_1)->nominal_version.at_us, GRAPH_NO_TIME);
}

static void test_normalize_an_error_message_is_the_first_text_that_says_it(void **state)
{
    struct pipeline *pl = *state;
    const struct {
        const char *body;
        const char *message; /* NULL: none */
    } cases[] = {
        {WITH_RUN_FACETS("FAIL", T1, RUN_1, "\"errorMessage\":{\"message\":\"no \\u0000 disk\"}"),
         "no \xef\xbf\xbd disk"},
        {WITH_RUN_FACETS("FAIL", T1, RUN_1,
                         "\"errorMessage\":{\"message\":\"a\"},\"spark.exception\":{\"message\":"
                         "\"b\"}"),
         "a"},
        {WITH_RUN_FACETS("FAIL", T1, RUN_1, "\"spark.exception\":{\"message\":\"b\"}"), "b"},
        {WITH_RUN_FACETS("FAIL", T1, RUN_1,
                         "\"spark.exception\":{\"message\":null,\"stackTrace\":\"at x\"}"),
         "at x"},
        {WITH_RUN_FACETS("FAIL", T1, RUN_1, "\"errorMessage\":{\"message\":7}"), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pipeline_event(pl, cases[i].body);
        const struct graph_run *run = run_row(&pl->bt->rows, RUN_1);
        if (cases[i].message) {
            expect_text(run->error_message, cases[i].message);
            assert_int_equal(run->error_version.at_us, us(T1));
        } else {
            assert_int_equal(run->error_version.at_us, GRAPH_NO_TIME);
        }
        pipeline_reset(pl);
    }
}

static void test_normalize_shows_run_ids_that_are_no_uuid_as_sent(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, RUN_EVENT("START", T1, "scheduled__2026 7", ""));
    expect_text(pl->bt->rows.runs.items[0].run_id, "scheduled__2026 7");
    pipeline_reset(pl);
    pipeline_event(pl, RUN_EVENT("START", T1, "{01A2008D74007E5B87F6060B8E65CD51}", ""));
    assert_null(pl->bt->rows.runs.items[0].run_id.ptr);
    expect_id(pl->bt->rows.runs.items[0].id, run_id(RUN_1));
}

static void test_normalize_of_equal_facet_names_the_last_counts(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1,
                                       "\"x\":{\"v\":1},\"y\":{\"v\":3},\"\\u0078\":{\"v\":2}"));
    assert_int_equal(rows->layouts.count, 2);
    assert_int_equal(rows->events.items[0].facet_digest_count, 2);
    assert_non_null(facet_row(rows, "{\"v\":2}"));
    assert_non_null(facet_row(rows, "{\"v\":3}"));
    assert_null(facet_row(rows, "{\"v\":1}"));
    for (size_t i = 0; i < rows->layouts.count; i++) {
        bool is_x = str_eq(rows->layouts.items[i].name, STR("x"));
        expect_id(rows->events.items[0].facet_digests[rows->layouts.items[i].slot],
                  identity_digest(is_x ? STR("{\"v\":2}") : STR("{\"v\":3}")));
        assert_int_equal(rows->layouts.items[i].subject_kind, GRAPH_RUN);
        assert_false(rows->layouts.items[i].has_subject);
    }
}

static void test_normalize_the_family_of_a_facet_is_its_producer_without_version(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    for (int again = 0; again < 2; again++) { /* the second time the facets are known */
        pipeline_event(pl, WITH_RUN_FACETS("START", T1, RUN_1,
                                           "\"a\":{\"_producer\":\"https://x.org/2.0.0/y\"},"
                                           "\"b\":{\"v\":1}"));
        assert_int_equal(rows->layouts.count, 2);
        for (size_t i = 0; i < 2; i++) {
            bool is_a = str_eq(rows->layouts.items[i].name, STR("a"));
            expect_text(rows->layouts.items[i].family, is_a ? "https://x.org/y" : FAMILY);
        }
        pipeline_reset(pl);
    }
}

static void test_normalize_facets_of_unknown_kinds_are_kept_and_deleted_ones_marked(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(
        pl,
        RUN_EVENT("START", T1, RUN_1,
                  ",\"outputs\":[{\"namespace\":\"db\",\"name\":\"b\",\"facets\":{\"acme_mood\":"
                  "{\"b\":[NaN,\"\\ud800\"],\"a\":1},\"schema\":{\"_deleted\":true}},"
                  "\"outputFacets\":{\"stats\":{\"rows\":5}}}]"));
    const struct graph_facet *mood = facet_row(rows, "{\"a\":1,\"b\":[NaN,\"\\ud800\"]}");
    assert_non_null(mood);
    expect_text(mood->content, "{\"a\":1,\"b\":[\"NaN\",\"\xef\xbf\xbd\"]}");
    assert_false(mood->is_deleted);
    assert_true(facet_row(rows, "{\"_deleted\":true}")->is_deleted);
    assert_non_null(facet_row(rows, "{\"rows\":5}"));
    assert_int_equal(rows->descriptions.count, 2);
    assert_int_equal(rows->layouts.count, 1);
    assert_int_equal(rows->layouts.items[0].place, GRAPH_OUTPUT_FACETS);
    assert_int_equal(rows->layouts.items[0].subject_kind, GRAPH_DATASET);
    assert_true(rows->layouts.items[0].has_subject);
    expect_id(rows->layouts.items[0].subject, identity_dataset(STR("db"), STR("b")));
    expect_id(rows->statements.items[0].layout, rows->layouts.items[0].id);
}

#define SAID                                                                                       \
    ",\"inputs\":[{\"namespace\":\"db\",\"name\":\"a\",\"facets\":{\"schema\":{\"fields\":[]}}}]"
#define JOB_FACETS(type, time, run, facets)                                                        \
    "{\"eventType\":\"" type "\",\"eventTime\":\"" time "\",\"producer\":\"" PRODUCER              \
    "\",\"run\":{\"runId\":\"" run                                                                 \
    "\"},\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{" facets "}}" SAID "}"

static void test_normalize_what_repeats_is_one_statement_and_each_of_its_rows_is_whole(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_1, "\"sql\":{\"query\":\"q\"},\"z\":{}"));
    pipeline_event(pl, JOB_FACETS("COMPLETE", T2, RUN_2, "\"z\":{ },\"sql\":{\"query\":\"q\"}"));
    assert_int_equal(rows->statements.count, 2);
    const struct graph_statement *first = &rows->statements.items[0];
    const struct graph_statement *second = &rows->statements.items[1];
    expect_id(first->id, second->id);
    assert_false(id128_is_zero(first->job_description));
    expect_id(first->job_description, second->job_description);
    expect_id(first->job, second->job);
    expect_text(second->producer, PRODUCER);
    assert_int_equal(second->has_job, true);
    assert_int_equal(second->kind, first->kind);
    assert_int_equal(first->event, 0);
    assert_int_equal(second->event, 1);
    expect_id(description_of(rows, first, "a"), description_of(rows, second, "a"));
    assert_false(id128_is_zero(description_of(rows, first, "a")));
    assert_int_equal(rows->io.count, 1);
    assert_int_equal(rows->descriptions.count, 3); /* sql, z, schema */
    assert_int_equal(rows->facets.count, 3);
}

static void test_normalize_of_a_stored_statement_only_what_the_event_adds_is_written(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_1, "\"sql\":{\"query\":\"q\"}"));
    struct id128 statement = rows->statements.items[0].id;
    pipeline_commit(pl);
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_2, "\"sql\":{\"query\":\"q\"}"));
    assert_int_equal(rows->events.count, 1);
    assert_int_equal(rows->statements.count, 1);
    expect_id(rows->statements.items[0].id, statement);
    assert_int_equal(rows->runs.count, 1);
    assert_int_equal(rows->jobs.count + rows->datasets.count + rows->edges.count, 0);
    assert_int_equal(rows->io.count + rows->descriptions.count, 0);
    assert_int_equal(rows->facets.count, 0);
    pipeline_reset(pl);

    known_set_clear(pl->known);
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_2, "\"sql\":{\"query\":\"q\"}"));
    assert_int_equal(rows->jobs.count, 1);
    assert_int_equal(rows->datasets.count, 1);
    assert_int_equal(rows->edges.count, 1);
    assert_int_equal(rows->io.count, 1);
    assert_int_equal(rows->descriptions.count, 2);
    assert_int_equal(rows->facets.count, 2);
    assert_false(id128_is_zero(rows->statements.items[0].job_description));
}

static void test_normalize_a_stored_description_is_still_named_by_a_new_statement(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_1, "\"sql\":{\"query\":\"q\"}"));
    struct id128 of_dataset = description_of(rows, &rows->statements.items[0], "a");
    pipeline_commit(pl);
    pipeline_event(pl, JOB_FACETS("START", T1, RUN_1, "\"sql\":{\"query\":\"r\"}"));
    assert_int_equal(rows->statements.items[0].description_count, 1);
    expect_id(rows->statements.items[0].descriptions[0], of_dataset);
    assert_int_equal(rows->io.count, 0); /* the same datasets of the same job */
    assert_int_equal(rows->descriptions.count, 1);
    expect_text(rows->descriptions.items[0].name, "sql");
    expect_id(rows->descriptions.items[0].id, rows->statements.items[0].job_description);
    assert_int_equal(rows->facets.count, 1);
}

static void test_normalize_another_subject_producer_or_direction_is_another_statement(void **state)
{
    struct pipeline *pl = *state;
    static const char *const bodies[] = {
        RUN_EVENT("START", T1, RUN_1, IN_OUT),
        RUN_EVENT("START", T1, RUN_1, ",\"inputs\":[{\"namespace\":\"db\",\"name\":\"a\"}]"),
        RUN_EVENT("START", T1, RUN_1, ",\"outputs\":[{\"namespace\":\"db\",\"name\":\"a\"}]"),
        RUN_EVENT("START", T1, RUN_1, ",\"inputs\":[{\"namespace\":\"d\",\"name\":\"ba\"}]"),
        RUN_EVENT("START", T1, RUN_1, ",\"producer\":\"p\"" IN_OUT),
        RUN_EVENT("START", T1, RUN_1, ",\"job\":{\"namespace\":\"job\",\"name\":\"sload\"}" IN_OUT),
        JOB_FACETS("START", T1, RUN_1, "\"a\":{\"v\":1}"),
        JOB_FACETS("START", T1, RUN_1, "\"b\":{\"v\":1}"),
        JOB_FACETS("START", T1, RUN_1, "\"b\":{\"v\":2}"),
    };
    const size_t count = sizeof bodies / sizeof bodies[0];
    for (size_t i = 0; i < count; i++) {
        pipeline_event(pl, bodies[i]);
    }
    assert_int_equal(pl->bt->rows.statements.count, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_false(
                id128_eq(pl->bt->rows.statements.items[i].id, pl->bt->rows.statements.items[j].id));
        }
    }
}

static void test_normalize_job_and_dataset_events_have_no_run(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, "{\"eventTime\":\"" T1 "\",\"producer\":\"p\"," JOB IN_OUT "}");
    assert_int_equal(rows->runs.count, 0);
    assert_int_equal(rows->edges.count, 2);
    assert_int_equal(rows->jobs.count, 1);
    assert_false(rows->events.items[0].has_run);
    assert_false(rows->statements.items[0].has_run);
    assert_int_equal(rows->statements.items[0].kind, OPENLINEAGE_JOB);
    assert_null(rows->events.items[0].event_type.ptr);
    pipeline_reset(pl);
    pipeline_event(pl, "{\"eventTime\":\"" T1 "\",\"producer\":\"p\",\"dataset\":{\"namespace\":"
                       "\"db\",\"name\":\"c\",\"facets\":{\"schema\":{}}}}");
    assert_int_equal(rows->runs.count + rows->edges.count + rows->jobs.count, 0);
    assert_false(rows->statements.items[0].has_job);
    assert_int_equal(rows->io.count, 1);
    assert_int_equal(rows->io.items[0].direction, GRAPH_SUBJECT);
    assert_false(rows->io.items[0].has_job);
    assert_false(id128_is_zero(description_of(rows, &rows->statements.items[0], "c")));
    assert_true(dataset_row(rows, "db", "c")->confirmed);
}

static void test_normalize_a_name_is_shown_clean_and_identified_as_sent(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(pl, RUN_EVENT("START", T1, RUN_1,
                                 ",\"inputs\":[{\"namespace\":\"db\",\"name\":\"a\\u0000\"},"
                                 "{\"namespace\":\"db\",\"name\":\"a\\ud800\"}]"));
    assert_int_equal(pl->bt->rows.datasets.count, 2);
    expect_text(pl->bt->rows.datasets.items[0].name, "a\xef\xbf\xbd");
    expect_text(pl->bt->rows.datasets.items[1].name, "a\xef\xbf\xbd");
    expect_id(pl->bt->rows.datasets.items[0].id,
              identity_dataset(STR("db"), (struct str){"a\0", 2}));
    assert_int_equal(pl->bt->rows.edges.count, 2);
}

/* The facet of one event may be another event, word by word. */
static void test_normalize_an_event_that_is_also_a_facet_is_still_an_event(void **state)
{
    struct pipeline *pl = *state;
    static const char inner[] =
        "{\"eventTime\":\"" T1 "\",\"job\":{\"name\":\"load\",\"namespace\":"
        "\"jobs\"}}";
    char outer[512];
    snprintf(outer, sizeof outer,
             "{\"eventTime\":\"" T2 "\",\"run\":{\"runId\":\"r\",\"facets\":{\"original\":%s}}," JOB
             "}",
             inner);
    pipeline_event(pl, outer);
    pipeline_event(pl, inner);
    assert_int_equal(pl->bt->rows.events.count, 2);
    assert_non_null(facet_row(&pl->bt->rows, inner));
    pipeline_reset(pl);
    pipeline_event(pl, inner);
    pipeline_event(pl, outer);
    assert_int_equal(pl->bt->rows.events.count, 2);
    assert_non_null(facet_row(&pl->bt->rows, inner));
}

/* Work per dataset must not grow with the number of datasets. */
static void test_normalize_an_event_of_many_datasets_is_one_of_many(void **state)
{
    struct pipeline *pl = *state;
    const int count = 9000;
    char *body = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&body, &len);
    assert_non_null(out);
    fputs("{\"eventTime\":\"" T1 "\",\"run\":{\"runId\":\"r\"}," JOB ",\"inputs\":[", out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "%s{\"namespace\":\"db\",\"name\":\"t%d\",\"facets\":{\"n\":{\"v\":%d}}}",
                i ? "," : "", i, i);
    }
    fputs("]}", out);
    fclose(out);
    pipeline_event(pl, body);
    assert_int_equal(pl->bt->rows.datasets.count, count);
    assert_int_equal(pl->bt->rows.io.count, count);
    assert_int_equal(pl->bt->rows.descriptions.count, count);
    free(body);
}

static void test_normalize_a_bad_record_becomes_a_letter_and_its_neighbours_go_on(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    static const char no_time[] = "{\"run\":{\"runId\":\"r\"}," JOB "}";
    pipeline_add(pl, STR(RUN_EVENT("START", T1, RUN_1, "")));
    pipeline_add(pl, STR(no_time));
    pipeline_add(pl, STR("{\"eventTime\""));
    pipeline_add(pl, STR(""));
    pipeline_add(pl, STR(RUN_EVENT("COMPLETE", T2, RUN_1, "")));
    pipeline_run(pl);
    assert_int_equal(rows->events.count, 2);
    assert_int_equal(rows->letters.count, 3);
    const struct dead_letter *letter = &rows->letters.items[0];
    assert_true(letter->has_event_id);
    expect_id(letter->letter_id, identity_digest(STR(no_time)));
    expect_text(letter->stage, "check");
    expect_text(letter->json_pointer, "/eventTime");
    assert_int_equal(letter->byte_offset, 0);
    expect_text(letter->topic, PIPELINE_TOPIC);
    assert_int_equal(letter->partition, 3);
    assert_int_equal(letter->kafka_offset, 102);
    expect_text(letter->value, no_time);
    assert_int_equal(rows->letters.items[1].byte_offset, 12);
    letter = &rows->letters.items[2];
    expect_text(letter->stage, "decode");
    assert_false(letter->has_event_id);
    expect_id(letter->letter_id, identity_digest(STR("")));
    assert_int_equal(letter->byte_offset, -1);
    assert_null(letter->json_pointer.ptr);
    /* Rows are numbered by events, letters do not count. */
    assert_int_equal(rows->runs.items[1].event, 1);
}

static void test_normalize_the_text_of_a_letter_is_always_utf8(void **state)
{
    struct pipeline *pl = *state;
    /* 200 letters of 2 bytes each: wherever a text is cut, it must not be inside one. */
    char *reason = malloc(402);
    reason[0] = '.';
    for (int i = 0; i < 200; i++) {
        memcpy(reason + 1 + 2 * i, "\xc3\xa4", 2);
    }
    reason[401] = 0;
    static const char body[] = RUN_EVENT("START", T1, RUN_1, "");
    for (int shift = 0; shift < 2; shift++) {
        stages_poison(pl->pr, identity_digest(STR(body)), reason + shift);
        pipeline_event(pl, body);
        assert_int_equal(pl->bt->rows.letters.count, 1);
        assert_true(utf8_is_valid(pl->bt->rows.letters.items[0].reason));
        pipeline_fini(pl);
        pipeline_init(pl, NULL);
    }
    free(reason);
    pipeline_event(pl, "{\"\xc3\xa4\xc3\":1}");
    pipeline_event(pl, "{\"eventTime\":{\"\\ud800\":{\"\\u0000\":[}}");
    assert_int_equal(pl->bt->rows.letters.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(utf8_is_valid(pl->bt->rows.letters.items[i].reason));
        assert_true(utf8_is_valid(pl->bt->rows.letters.items[i].json_pointer));
    }
}

static void test_normalize_an_absurd_record_time_is_no_time_of_receipt(void **state)
{
    struct pipeline *pl = *state;
    static const int64_t times_ms[] = {-1, INT64_MIN, INT64_MAX, 253402300800000};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        int64_t before_us = timebase_wall_us();
        pipeline_add(pl, STR(RUN_EVENT("START", T1, RUN_1, "")));
        pl->bt->records.items[0].timestamp_ms = times_ms[i];
        pipeline_run(pl);
        assert_in_range(pl->bt->rows.events.items[0].received_at_us, before_us, timebase_wall_us());
        pipeline_reset(pl);
    }
}

static void test_normalize_a_refused_event_is_a_letter_with_the_reason_of_the_store(void **state)
{
    struct pipeline *pl = *state;
    static const char body[] = RUN_EVENT("START", T1, RUN_1, "");
    stages_poison(pl->pr, identity_digest(STR(body)), "22003 numeric_value_out_of_range");
    pipeline_event(pl, body);
    pipeline_event(pl, RUN_EVENT("START", T1, RUN_2, ""));
    assert_int_equal(pl->bt->rows.events.count, 1);
    assert_int_equal(pl->bt->rows.letters.count, 1);
    struct str reason = pl->bt->rows.letters.items[0].reason;
    assert_non_null(memmem(reason.ptr, reason.len, "22003", 5));
    assert_true(pl->bt->rows.letters.items[0].has_event_id);
}

#define T(name)                                                                                    \
    cmocka_unit_test_setup_teardown(test_normalize_##name, pipeline_setup, pipeline_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_start_event_becomes_these_rows),
        T(only_complete_events_write_and_all_terminal_ones_end),
        T(a_parent_facet_mentions_two_more_runs_and_jobs),
        T(without_a_root_the_parent_is_the_root),
        T(a_parent_without_a_run_is_a_facet_only),
        T(a_run_may_be_its_own_parent),
        T(nominal_times_come_alone_or_in_pairs),
        T(an_error_message_is_the_first_text_that_says_it),
        T(shows_run_ids_that_are_no_uuid_as_sent),
        T(of_equal_facet_names_the_last_counts),
        T(the_family_of_a_facet_is_its_producer_without_version),
        T(facets_of_unknown_kinds_are_kept_and_deleted_ones_marked),
        T(what_repeats_is_one_statement_and_each_of_its_rows_is_whole),
        T(of_a_stored_statement_only_what_the_event_adds_is_written),
        T(a_stored_description_is_still_named_by_a_new_statement),
        T(another_subject_producer_or_direction_is_another_statement),
        T(job_and_dataset_events_have_no_run),
        T(a_name_is_shown_clean_and_identified_as_sent),
        T(an_event_that_is_also_a_facet_is_still_an_event),
        T(an_event_of_many_datasets_is_one_of_many),
        T(a_bad_record_becomes_a_letter_and_its_neighbours_go_on),
        T(the_text_of_a_letter_is_always_utf8),
        T(an_absurd_record_time_is_no_time_of_receipt),
        T(a_refused_event_is_a_letter_with_the_reason_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
