/* What is said of a version of a model, of several rows: the same in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/graph_rows.h"
#include "sinks/pg_models.h"

#define CLAIMS 5

/* The first is the one that counts: what is observed, the later of two, the greater text of two at one time. */
static const struct graph_claim claims[CLAIMS] = {
    {.source = GRAPH_OBSERVED, .at_us = 7, .first_at_us = 7, .text = {"s3://b/z", 8}},
    {.source = GRAPH_OBSERVED, .at_us = 7, .first_at_us = 7, .text = {"s3://b/a", 8}},
    {.source = GRAPH_OBSERVED, .at_us = 3, .first_at_us = 3, .text = {"s3://b/zz", 9}},
    {.source = GRAPH_DECLARED, .at_us = 9, .first_at_us = 2, .text = {"s3://b/zzz", 10}},
    {.source = GRAPH_UNKNOWN},
};

static struct graph_model_version version_of(size_t claim)
{
    return (struct graph_model_version){.version = STR("1"),
                                        .source = claims[claim].source,
                                        .first_at_us = claims[claim].at_us,
                                        .last_at_us = claims[claim].at_us,
                                        .artifact_uri = claims[claim],
                                        .released = claims[claim]};
}

static void test_pg_models_claims_in_any_order(void **state)
{
    (void)state;
    for (size_t first = 0; first < CLAIMS; first++) {
        for (size_t step = 1; step < CLAIMS; step++) {
            struct graph_model_version into = version_of(first);
            for (size_t i = 1; i < CLAIMS; i++) {
                struct graph_model_version row = version_of((first + i * step) % CLAIMS);
                pg_models_merge_version(&into, &row);
                pg_models_merge_version(&into, &row);
            }
            assert_true(str_eq(into.artifact_uri.text, STR("s3://b/z")));
            assert_int_equal(into.artifact_uri.source, GRAPH_OBSERVED);
            assert_int_equal(into.artifact_uri.first_at_us, 2);
            assert_int_equal(into.source, GRAPH_OBSERVED);
            assert_int_equal(into.released.at_us, 3);
            assert_int_equal(into.first_at_us, 0);
            assert_int_equal(into.last_at_us, 9);
        }
    }
}

/* Set to a, taken away, set to b: the latest counts, and since when there was anything. */
static void test_pg_models_facts_in_any_order(void **state)
{
    (void)state;
    static const struct graph_model_fact facts[] = {
        {.at_us = 5, .first_at_us = 5, .value = {"a", 1}},
        {.at_us = 7, .first_at_us = GRAPH_NO_TIME},
        {.at_us = 9, .first_at_us = 9, .value = {"b", 1}},
    };
    for (size_t first = 0; first < 3; first++) {
        for (size_t step = 1; step < 3; step++) {
            struct graph_model_fact into = facts[first];
            pg_models_merge_fact(&into, &facts[(first + step) % 3]);
            pg_models_merge_fact(&into, &facts[(first + 2 * step) % 3]);
            assert_true(str_eq(into.value, STR("b")));
            assert_int_equal(into.at_us, 9);
            assert_int_equal(into.first_at_us, 5);
        }
    }
}

static void test_pg_models_the_larger_source_counts(void **state)
{
    (void)state;
    struct graph_node into = {.source = GRAPH_DECLARED};
    struct graph_node inferred = {.source = GRAPH_INFERRED};
    struct graph_node observed = {.source = GRAPH_OBSERVED};
    pg_models_merge_model(&into, &inferred);
    assert_int_equal(into.source, GRAPH_DECLARED);
    pg_models_merge_model(&into, &observed);
    assert_int_equal(into.source, GRAPH_OBSERVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_models_claims_in_any_order),
        cmocka_unit_test(test_pg_models_facts_in_any_order),
        cmocka_unit_test(test_pg_models_the_larger_source_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
