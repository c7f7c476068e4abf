/* Rows of one run or statement, merged in any order and association, give what the rules of design.md say
 * of the whole set. The rules are written here a second time, over the set, without merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/openlineage.h"
#include "sinks/pg_merge.h"
#include "support/random_rows.h"

#define ROWS_MAX 7
#define ROUNDS 20000

/* Is the claim (time, event, value) later than the best one so far? */
static bool beats(struct graph_version version, const void *value, struct graph_version best,
                  const void *best_value, size_t size)
{
    if (version.at_us != best.at_us) {
        return version.at_us > best.at_us; /* GRAPH_NO_TIME is the smallest */
    }
    int by = id128_cmp(version.by, best.by);
    return by ? by > 0 : memcmp(value, best_value, size) > 0;
}

/* What the rules say of the set of all rows. */
static struct graph_run run_of_set(const struct graph_run *rows, size_t count)
{
    struct graph_run all = rows[0];
    for (size_t i = 1; i < count; i++) {
        const struct graph_run *row = &rows[i];
        bool has_job = row->job_version.at_us != GRAPH_NO_TIME;
        bool had_job = all.job_version.at_us != GRAPH_NO_TIME;
        all.state = row->state > all.state ? row->state : all.state;
        if (row->started_at_us != GRAPH_NO_TIME &&
            (all.started_at_us == GRAPH_NO_TIME || row->started_at_us < all.started_at_us)) {
            all.started_at_us = row->started_at_us;
        }
        if (row->first_at_us != GRAPH_NO_TIME &&
            (all.first_at_us == GRAPH_NO_TIME || row->first_at_us < all.first_at_us)) {
            all.first_at_us = row->first_at_us;
        }
        if (row->ended_at_us != GRAPH_NO_TIME && row->ended_at_us > all.ended_at_us) {
            all.ended_at_us = row->ended_at_us;
        }
        if (has_job &&
            (!had_job || (row->job_is_own && !all.job_is_own) ||
             (row->job_is_own == all.job_is_own &&
              beats(row->job_version, &row->job, all.job_version, &all.job, sizeof row->job)))) {
            all.job = row->job;
            all.job_version = row->job_version;
            all.job_is_own = row->job_is_own;
        }
        if (beats(row->parent_version, "", all.parent_version, "", 1)) {
            all.parent_version = row->parent_version;
            all.parent = row->parent;
            all.root = row->root;
        }
        if (beats(row->nominal_version, "", all.nominal_version, "", 1)) {
            all.nominal_version = row->nominal_version;
            all.nominal_start_us = row->nominal_start_us;
            all.nominal_end_us = row->nominal_end_us;
        }
        if (beats(row->error_version, "", all.error_version, "", 1)) {
            all.error_version = row->error_version;
            all.error_message = row->error_message;
        }
        all.facts |= row->facts;
    }
    return all;
}

static void expect_version(const struct graph_version *version,
                           const struct graph_version *expected)
{
    assert_int_equal(version->at_us, expected->at_us);
    if (expected->at_us != GRAPH_NO_TIME) {
        assert_memory_equal(version->by.bytes, expected->by.bytes, 16);
    }
}

static void expect_run(const struct graph_run *run, const struct graph_run *expected)
{
    assert_int_equal(run->state, expected->state);
    assert_int_equal(run->facts, expected->facts);
    assert_int_equal(run->started_at_us, expected->started_at_us);
    assert_int_equal(run->first_at_us, expected->first_at_us);
    assert_int_equal(run->ended_at_us, expected->ended_at_us);
    expect_version(&run->job_version, &expected->job_version);
    expect_version(&run->parent_version, &expected->parent_version);
    expect_version(&run->nominal_version, &expected->nominal_version);
    expect_version(&run->error_version, &expected->error_version);
    if (expected->job_version.at_us != GRAPH_NO_TIME) {
        assert_int_equal(run->job_is_own, expected->job_is_own);
        assert_memory_equal(run->job.bytes, expected->job.bytes, 16);
    }
    if (expected->parent_version.at_us != GRAPH_NO_TIME) {
        assert_memory_equal(run->parent.bytes, expected->parent.bytes, 16);
        assert_memory_equal(run->root.bytes, expected->root.bytes, 16);
    }
    if (expected->nominal_version.at_us != GRAPH_NO_TIME) {
        assert_int_equal(run->nominal_start_us, expected->nominal_start_us);
        assert_int_equal(run->nominal_end_us, expected->nominal_end_us);
    }
    if (expected->error_version.at_us != GRAPH_NO_TIME) {
        assert_true(str_eq(run->error_message, expected->error_message));
    }
}

/* Merges two random groups again and again until one is left: any order, any association. */
static size_t two_of(struct random_rows *rr, size_t count, size_t *out_other)
{
    size_t one = random_rows_below(rr, count);
    *out_other = (one + 1 + random_rows_below(rr, count - 1)) % count;
    return one;
}

static void test_pg_merge_of_runs_is_a_function_of_the_set(void **state)
{
    struct random_rows rr = random_rows_begin(1);
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct graph_run rows[ROWS_MAX] = {0};
        struct graph_run groups[ROWS_MAX + 2] = {0};
        size_t count = 1 + random_rows_below(&rr, ROWS_MAX);
        for (size_t i = 0; i < count; i++) {
            rows[i] = random_rows_run(&rr, 0);
            groups[i] = rows[i];
        }
        struct graph_run expected = run_of_set(rows, count);
        size_t left = count;
        for (int again = 0; again < 2; again++) { /* what comes twice changes nothing */
            groups[left++] = rows[random_rows_below(&rr, count)];
        }
        while (left > 1) {
            size_t other;
            size_t one = two_of(&rr, left, &other);
            pg_merge_run(&groups[one], &groups[other]);
            groups[other] = groups[--left];
        }
        expect_run(&groups[0], &expected);
    }
}

static void test_pg_merge_of_statements_is_a_function_of_the_set(void **state)
{
    struct random_rows rr = random_rows_begin(2);
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct graph_statement groups[ROWS_MAX] = {0};
        size_t count = 1 + random_rows_below(&rr, ROWS_MAX);
        int64_t first_us = INT64_MAX;
        struct graph_version last = {.at_us = GRAPH_NO_TIME};
        struct graph_version written = last;
        for (size_t i = 0; i < count; i++) {
            groups[i] = random_rows_statement(&rr, 0);
            first_us = groups[i].first_at_us < first_us ? groups[i].first_at_us : first_us;
            last = beats(groups[i].last, "", last, "", 1) ? groups[i].last : last;
            written = beats(groups[i].written, "", written, "", 1) ? groups[i].written : written;
        }
        while (count > 1) {
            size_t other;
            size_t one = two_of(&rr, count, &other);
            pg_merge_statement(&groups[one], &groups[other]);
            groups[other] = groups[--count];
        }
        assert_int_equal(groups[0].first_at_us, first_us);
        expect_version(&groups[0].last, &last);
        expect_version(&groups[0].written, &written);
    }
}

static struct graph_run nothing(void)
{
    return (struct graph_run){.started_at_us = GRAPH_NO_TIME,
                              .first_at_us = GRAPH_NO_TIME,
                              .ended_at_us = GRAPH_NO_TIME,
                              .job_version = {.at_us = GRAPH_NO_TIME},
                              .parent_version = {.at_us = GRAPH_NO_TIME},
                              .nominal_version = {.at_us = GRAPH_NO_TIME},
                              .error_version = {.at_us = GRAPH_NO_TIME}};
}

static void test_pg_merge_fail_beats_a_later_complete(void **state)
{
    (void)state;
    struct graph_run run = nothing();
    struct graph_run later = nothing();
    run.state = OPENLINEAGE_STATE_FAIL;
    run.ended_at_us = 10;
    later.state = OPENLINEAGE_STATE_COMPLETE;
    later.ended_at_us = 20;
    pg_merge_run(&run, &later);
    assert_int_equal(run.state, OPENLINEAGE_STATE_FAIL);
    assert_int_equal(run.ended_at_us, 20);
}

static void test_pg_merge_an_own_job_beats_a_later_mention(void **state)
{
    (void)state;
    struct graph_run own = nothing();
    struct graph_run mention = nothing();
    own.job_is_own = true;
    own.job_version.at_us = 10;
    own.job.bytes[0] = 1;
    mention.job_version.at_us = 20;
    mention.job.bytes[0] = 2;
    struct graph_run both = mention;
    pg_merge_run(&both, &own);
    assert_int_equal(both.job.bytes[0], 1);
    pg_merge_run(&both, &mention);
    assert_int_equal(both.job.bytes[0], 1);
    assert_true(both.job_is_own);
}

static void test_pg_merge_times_before_1970_are_times(void **state)
{
    (void)state;
    struct graph_run run = nothing();
    struct graph_run old = nothing();
    old.started_at_us = old.first_at_us = old.ended_at_us = -5;
    old.error_version.at_us = -5;
    old.error_message = STR("e");
    pg_merge_run(&run, &old);
    assert_int_equal(run.started_at_us, -5);
    assert_int_equal(run.first_at_us, -5);
    assert_int_equal(run.ended_at_us, -5);
    assert_true(str_eq(run.error_message, STR("e")));
}

static void test_pg_merge_once_confirmed_is_confirmed(void **state)
{
    (void)state;
    struct graph_node dataset = {.confirmed = true};
    struct graph_node mention = {.confirmed = false};
    struct graph_node both = mention;
    pg_merge_dataset(&both, &dataset);
    assert_true(both.confirmed);
    pg_merge_dataset(&both, &mention);
    assert_true(both.confirmed);
    pg_merge_dataset(&mention, &mention);
    assert_false(mention.confirmed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_merge_of_runs_is_a_function_of_the_set),
        cmocka_unit_test(test_pg_merge_of_statements_is_a_function_of_the_set),
        cmocka_unit_test(test_pg_merge_fail_beats_a_later_complete),
        cmocka_unit_test(test_pg_merge_an_own_job_beats_a_later_mention),
        cmocka_unit_test(test_pg_merge_times_before_1970_are_times),
        cmocka_unit_test(test_pg_merge_once_confirmed_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
