/* Rows of symlinks and columnLineage facets: expected rows by hand from the facets, which are shaped
 * as the facet schemas of OpenLineage and real clients have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "support/pipeline.h"

#define HEAD                                                                                       \
    "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"producer\":\"p\",\"run\":{\"runId\":\"r\"},"        \
    "\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"},"
#define OUT_B(facets)                                                                              \
    HEAD "\"outputs\":[{\"namespace\":\"db\",\"name\":\"b\",\"facets\":{" facets "}}]}"
#define FIELD(name) "\"namespace\":\"db\",\"name\":\"a\",\"field\":\"" name "\""
#define COLUMNS(members) OUT_B("\"columnLineage\":{" members "}")

/* NULL: SQL's null. */
struct expected {
    const char *output;
    const char *input;
    const char *type;
    const char *subtype;
    int masking;
    const char *description;
};

static void expect_text(struct str text, const char *expected)
{
    assert_int_equal(text.ptr == NULL, expected == NULL);
    if (expected) {
        assert_int_equal(text.len, strlen(expected));
        assert_memory_equal(text.ptr, expected, text.len);
    }
}

static void expect_rows(struct pipeline *pl, const char *body, const struct expected *expected,
                        size_t count)
{
    struct id128 a = identity_dataset(STR("db"), STR("a"));
    struct id128 b = identity_dataset(STR("db"), STR("b"));
    pipeline_event(pl, body);
    const struct graph_batch *rows = &pl->bt->rows;
    assert_int_equal(rows->column_edges.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct graph_column_edge *row = &rows->column_edges.items[i];
        assert_int_equal(row->ordinal, i);
        assert_true(id128_eq(row->output, b));
        assert_true(id128_eq(row->input, a));
        assert_true(id128_eq(row->job, identity_job(STR("jobs"), STR("load"))));
        expect_text(row->output_field, expected[i].output);
        expect_text(row->input_field, expected[i].input);
        expect_text(row->type, expected[i].type);
        expect_text(row->subtype, expected[i].subtype);
        assert_int_equal(row->masking, expected[i].masking);
        expect_text(row->description, expected[i].description);
    }
    pipeline_reset(pl);
}

#define EXPECT(pl, body, ...)                                                                      \
    expect_rows(pl, body, (const struct expected[]){__VA_ARGS__},                                  \
                sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

static void test_dataset_facets_one_row_for_each_transformation(void **state)
{
    EXPECT(*state,
           COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD(
               "u") ",\"transformations\":[{\"type\":\"DIRECT\",\"subtype\":\"AGGREGATION\","
                    "\"masking\":false,\"description\":\"sum\"},{\"type\":\"INDIRECT\",\"subtype\":"
                    "\"FILTER\",\"masking\":true}]},{" FIELD("v") "}]}}"),
           {"x", "u", "DIRECT", "AGGREGATION", 0, "sum"}, {"x", "u", "INDIRECT", "FILTER", 1, NULL},
           {"x", "v", "", "", -1, NULL});
}

static void test_dataset_facets_an_empty_list_of_transformations_is_one_row(void **state)
{
    EXPECT(*state,
           COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD(
               "u") ",\"transformations\":[]},{" FIELD("v") ",\"transformations\":null}]}}"),
           {"x", "u", "", "", -1, NULL}, {"x", "v", "", "", -1, NULL});
}

static void test_dataset_facets_entries_of_the_dataset_list_touch_every_field(void **state)
{
    EXPECT(*state,
           COLUMNS("\"dataset\":[{" FIELD("k") ",\"transformations\":[{\"type\":\"INDIRECT\","
                                               "\"subtype\":\"JOIN\"}]},{" FIELD(
                                                   "l") "}],\"fields\":{\"x\":{\"inputFields\":["
                                                        "{" FIELD("u") "}]}}"),
           {"x", "u", "", "", -1, NULL}, {NULL, "k", "INDIRECT", "JOIN", -1, NULL},
           {NULL, "l", "", "", -1, NULL});
}

static void test_dataset_facets_the_old_transformation_type_counts_for_all_inputs(void **state)
{
    EXPECT(*state,
           COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD("u") "},{" FIELD(
               "v") "}],\"transformationType\":\"IDENTITY\",\"transformationDescription\":\"copy\"}"
                    ",\"y\":{\"inputFields\":[{" FIELD(
                        "w") "}],\"transformationType\":\"MASKED\"},\"z\":{\"inputFields\":["
                             "{" FIELD("w") ",\"transformations\":[{\"type\":\"DIRECT\","
                                            "\"subtype\":\"IDENTITY\"}]}],"
                                            "\"transformationType\":\"MASKED\","
                                            "\"transformationDescription\":\"old\"}}"),
           {"x", "u", "DIRECT", "IDENTITY", -1, "copy"},
           {"x", "v", "DIRECT", "IDENTITY", -1, "copy"},
           {"y", "w", "DIRECT", "TRANSFORMATION", 1, NULL},
           {"z", "w", "DIRECT", "IDENTITY", -1, NULL});
}

static void test_dataset_facets_what_names_no_column_is_no_row(void **state)
{
    EXPECT(*state,
           COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{\"namespace\":\"db\",\"name\":\"a\"},7,"
                   "null,{\"namespace\":\"\",\"name\":\"a\",\"field\":\"u\"},{" FIELD(
                       "u") "}]},\"y\":{},\"z\":5,\"w\":{\"inputFields\":{}}}"),
           {"x", "u", "", "", -1, NULL});
    pipeline_event(*state, COLUMNS("\"fields\":[]"));
    assert_int_equal(((struct pipeline *)*state)->bt->rows.column_edges.count, 0);
    pipeline_reset(*state);
    pipeline_event(*state, OUT_B("\"columnLineage\":[1]"));
    assert_int_equal(((struct pipeline *)*state)->bt->rows.column_edges.count, 0);
}

static void test_dataset_facets_the_order_of_keys_changes_no_row(void **state)
{
    struct pipeline *pl = *state;
    static const char *const bodies[] = {
        COLUMNS("\"fields\":{\"y\":{\"inputFields\":[{" FIELD(
            "v") "}]},\"x\":{\"inputFields\":[{" FIELD("u") "}]}}"),
        COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD(
            "u") "}]}, \"y\":{\"inputFields\":[{" FIELD("v") "}]}}"),
        COLUMNS("\"fields\":{\"x\":5,\"y\":{\"inputFields\":[{" FIELD(
            "v") "}]},\"x\":{"
                 "\"inputFields\":[{" FIELD("u") "}]}}"),
    };
    for (size_t i = 0; i < 3; i++) {
        EXPECT(pl, bodies[i], {"x", "u", "", "", -1, NULL}, {"y", "v", "", "", -1, NULL});
    }
    for (size_t i = 0; i < 3; i++) {
        pipeline_event(pl, bodies[i]);
    }
    /* One facet, whatever its spelling: its rows are there once. */
    assert_int_equal(pl->bt->rows.column_edges.count, 2);
    assert_int_equal(pl->bt->rows.facets.count, 1);
}

static void test_dataset_facets_a_dataset_known_from_a_facet_only_is_unconfirmed(void **state)
{
    struct pipeline *pl = *state;
    struct id128 a = identity_dataset(STR("db"), STR("a"));
    pipeline_event(pl, COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD("u") "}]}}"));
    const struct graph_batch *rows = &pl->bt->rows;
    assert_int_equal(rows->datasets.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct graph_node *row = &rows->datasets.items[i];
        assert_int_equal(row->confirmed, !id128_eq(row->id, a));
    }
    assert_int_equal(rows->edges.count, 1); /* to b: column lineage makes no edge */
    pipeline_commit(pl);
    /* That it is known unconfirmed must not hide that it is confirmed later. */
    pipeline_event(pl, HEAD "\"inputs\":[{\"namespace\":\"db\",\"name\":\"a\"}]}");
    assert_int_equal(rows->datasets.count, 1);
    assert_true(rows->datasets.items[0].confirmed);
    assert_true(id128_eq(rows->datasets.items[0].id, a));
}

static void test_dataset_facets_inputs_and_dataset_events_have_column_lineage_too(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, HEAD "\"inputs\":[{\"namespace\":\"db\",\"name\":\"c\",\"facets\":{"
                 "\"columnLineage\":{\"fields\":{\"x\":{\"inputFields\":[{" FIELD("u") "}]}}}}}]}");
    assert_int_equal(pl->bt->rows.column_edges.count, 1);
    assert_true(
        id128_eq(pl->bt->rows.column_edges.items[0].output, identity_dataset(STR("db"), STR("c"))));
    pipeline_reset(pl);
    pipeline_event(pl, "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"dataset\":{\"namespace\":\"db\","
                       "\"name\":\"c\",\"facets\":{\"columnLineage\":{\"fields\":{\"x\":{"
                       "\"inputFields\":[{" FIELD("u") "}]}}}}}}");
    assert_int_equal(pl->bt->rows.column_edges.count, 1);
    assert_true(id128_is_zero(pl->bt->rows.column_edges.items[0].job));
}

static void test_dataset_facets_column_lineage_belongs_to_the_job_that_says_it(void **state)
{
    struct pipeline *pl = *state;
    static const char body[] = COLUMNS("\"fields\":{\"x\":{\"inputFields\":[{" FIELD("u") "}]}}");
    char other[sizeof body];
    memcpy(other, body, sizeof body);
    memcpy(strstr(other, "load"), "dump", 4);
    pipeline_event(pl, body);
    pipeline_commit(pl);
    pipeline_event(pl, other);
    assert_int_equal(pl->bt->rows.column_edges.count, 1);
    assert_true(
        id128_eq(pl->bt->rows.column_edges.items[0].job, identity_job(STR("jobs"), STR("dump"))));
}

#define SYMLINKS(list) OUT_B("\"symlinks\":{\"identifiers\":" list "}")

static void test_dataset_facets_symlinks_are_rows_and_make_no_dataset(void **state)
{
    struct pipeline *pl = *state;
    const struct graph_batch *rows = &pl->bt->rows;
    pipeline_event(pl, SYMLINKS("[{\"namespace\":\"hive\",\"name\":\"s.t\",\"type\":\"TABLE\"},"
                                "{\"namespace\":\"db\",\"name\":\"b\",\"type\":\"TABLE\"},"
                                "{\"namespace\":\"s3\",\"name\":\"k\"},{\"namespace\":\"s3\"},4]"));
    assert_int_equal(rows->symlinks.count, 2); /* the second one names the dataset itself */
    const struct graph_symlink *row = &rows->symlinks.items[0];
    assert_true(id128_eq(row->dataset, identity_dataset(STR("db"), STR("b"))));
    assert_true(id128_eq(row->other, identity_dataset(STR("hive"), STR("s.t"))));
    expect_text(row->other_namespace, "hive");
    expect_text(row->other_name, "s.t");
    expect_text(row->type, "TABLE");
    expect_text(rows->symlinks.items[1].other_namespace, "s3");
    expect_text(rows->symlinks.items[1].type, "");
    assert_int_equal(rows->datasets.count, 1);
    pipeline_reset(pl);
    pipeline_event(pl, SYMLINKS("{}"));
    assert_int_equal(rows->symlinks.count, 0);
}

static void test_dataset_facets_a_deleted_facet_says_nothing(void **state)
{
    struct pipeline *pl = *state;
    pipeline_event(
        pl, COLUMNS("\"_deleted\":true,\"fields\":{\"x\":{\"inputFields\":[{" FIELD("u") "}]}}"));
    assert_int_equal(pl->bt->rows.column_edges.count, 0);
    assert_int_equal(pl->bt->rows.facets.count, 1);
}

/* {"x": {"inputFields": [u0, u1, ...], then what is given}}: one output field of many inputs. */
static char *wide_facet(const char *output, size_t inputs, const char *rest)
{
    char *body = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&body, &len);
    assert_non_null(out);
    fprintf(out,
            HEAD "\"outputs\":[{\"namespace\":\"db\",\"name\":\"b\",\"facets\":{\"columnLineage\":{"
                 "\"fields\":{\"%s\":{\"inputFields\":[",
            output);
    for (size_t i = 0; i < inputs; i++) {
        fprintf(out, "%s{" FIELD("u%zu") "}", i ? "," : "", i);
    }
    fprintf(out, "]%s}}}}}]}", rest);
    fclose(out);
    return body;
}

static char *many(size_t count, const char *head, const char *tail)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs(head, out);
    for (size_t i = 0; i < count; i++) {
        fputc('d', out);
    }
    fputs(tail, out);
    fclose(out);
    return text;
}

static size_t text_bytes(const struct graph_batch *rows)
{
    size_t bytes = 0;
    for (size_t i = 0; i < rows->column_edges.count; i++) {
        const struct graph_column_edge *row = &rows->column_edges.items[i];
        bytes += row->output_field.len + row->input_field.len + row->type.len + row->subtype.len +
                 row->description.len;
    }
    return bytes;
}

static void test_dataset_facets_a_long_old_description_of_many_inputs_is_left_out(void **state)
{
    struct pipeline *pl = *state;
    char *rest =
        many(400000, ",\"transformationType\":\"IDENTITY\",\"transformationDescription\":\"", "\"");
    char *body = wide_facet("x", 4000, rest);
    pipeline_event(pl, body);
    assert_int_equal(pl->bt->rows.column_edges.count, 4000);
    assert_int_equal(pl->bt->rows.column_edges.items[0].description.len, 400000);
    assert_true(text_bytes(&pl->bt->rows) < 8 * strlen(body));
    assert_int_equal(pl->bt->rows.facets.count, 1);
    free(rest);
    free(body);
}

static void test_dataset_facets_rows_of_a_facet_stay_in_proportion_to_it(void **state)
{
    struct pipeline *pl = *state;
    char *output = many(200000, "", "");
    char *body = wide_facet(output, 4000, "");
    pipeline_event(pl, body);
    assert_true(pl->bt->rows.column_edges.count > 0);
    assert_true(text_bytes(&pl->bt->rows) < 8 * strlen(body));
    assert_true(pl->bt->repeated_bytes >= text_bytes(&pl->bt->rows));
    assert_int_equal(pl->bt->rows.facets.count, 1);
    assert_int_equal(pl->bt->rows.events.count, 1);
    free(output);
    free(body);
}

#define T(name)                                                                                    \
    cmocka_unit_test_setup_teardown(test_dataset_facets_##name, pipeline_setup, pipeline_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_row_for_each_transformation),
        T(an_empty_list_of_transformations_is_one_row),
        T(entries_of_the_dataset_list_touch_every_field),
        T(the_old_transformation_type_counts_for_all_inputs),
        T(what_names_no_column_is_no_row),
        T(the_order_of_keys_changes_no_row),
        T(a_dataset_known_from_a_facet_only_is_unconfirmed),
        T(inputs_and_dataset_events_have_column_lineage_too),
        T(column_lineage_belongs_to_the_job_that_says_it),
        T(symlinks_are_rows_and_make_no_dataset),
        T(a_deleted_facet_says_nothing),
        T(a_long_old_description_of_many_inputs_is_left_out),
        T(rows_of_a_facet_stay_in_proportion_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
