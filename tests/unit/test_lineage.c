/* A lineage graph as text. The graphs are made here by hand, and the expected texts by hand from
 * the rules in lineage_print.h and the grammars of Mermaid, Graphviz and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/lineage_graph.h"
#include "sinks/lineage_print.h"

/* raw -> load -> stage -> tidy -> raw again, and raw -> report, which writes nothing. */
static struct lineage_node loop_nodes[] = {
    {.namespace = "db", .name = "raw"},
    {.is_job = true, .namespace = "etl", .name = "load", .tool = "airflow"},
    {.is_job = true, .namespace = "etl", .name = "report"},
    {.namespace = "db", .name = "stage"},
    {.is_job = true, .namespace = "etl", .name = "tidy", .tool = "dbt"},
};
static struct lineage_edge loop_edges[] = {
    {.parent = 0, .child = 1}, {.parent = 0, .child = 2}, {.parent = 1, .child = 3},
    {.parent = 3, .child = 4}, {.parent = 4, .child = 0},
};
static const struct lineage_graph loop = {
    .nodes = loop_nodes, .node_count = 5, .edges = loop_edges, .edge_count = 5, .more = 12};

/* total is made of amount and of a masked mail, whose step no job is known for. */
static struct lineage_node column_nodes[] = {
    {.namespace = "db", .name = "mart", .field = "total"},
    {.namespace = "db", .name = "orders", .field = "amount"},
    {.namespace = "lake", .name = "users", .field = "mail"},
};
static struct lineage_edge column_edges[] = {
    {.parent = 0,
     .child = 1,
     .transformations = "DIRECT/AGGREGATION\nINDIRECT/FILTER",
     .job_namespace = "etl",
     .job_name = "sum",
     .tool = "spark"},
    {.parent = 0, .child = 2, .transformations = "DIRECT/TRANSFORMATION masked"},
};
static const struct lineage_graph columns = {.nodes = column_nodes,
                                             .node_count = 3,
                                             .edges = column_edges,
                                             .edge_count = 2,
                                             .is_upward = true};

static struct lineage_node odd_nodes[] = {{.namespace = "n", .name = "a\"b\\c\n#\x1b[31m<ü"}};
static const struct lineage_graph odd = {.nodes = odd_nodes, .node_count = 1};

static void tree_ascii(const struct lineage_graph *graph, FILE *out)
{
    lineage_print_tree(graph, false, out);
}

static void tree_utf8(const struct lineage_graph *graph, FILE *out)
{
    lineage_print_tree(graph, true, out);
}

static void assert_prints(void (*print)(const struct lineage_graph *, FILE *),
                          const struct lineage_graph *graph, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    print(graph, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void test_lineage_tree_expands_each_node_once_and_counts_the_rest(void **state)
{
    (void)state;
    assert_prints(tree_utf8, &loop,
                  "raw\n"
                  "├─ load (airflow)\n"
                  "│  └─ stage\n"
                  "│     └─ tidy (dbt)\n"
                  "│        └─ raw  (shown above)\n"
                  "└─ report (job)\n"
                  "+12 more\n");
    assert_prints(tree_ascii, &loop,
                  "raw\n"
                  "|- load (airflow)\n"
                  "|  `- stage\n"
                  "|     `- tidy (dbt)\n"
                  "|        `- raw  (shown above)\n"
                  "`- report (job)\n"
                  "+12 more\n");
}

static void test_lineage_tree_names_namespaces_where_they_differ_and_steps_of_columns(void **state)
{
    (void)state;
    assert_prints(tree_ascii, &columns,
                  "db/mart#total\n"
                  "|- db/orders#amount  DIRECT/AGGREGATION, INDIRECT/FILTER by sum (spark)\n"
                  "`- lake/users#mail  DIRECT/TRANSFORMATION masked\n");
}

static void test_lineage_tree_says_when_nothing_is_known(void **state)
{
    (void)state;
    struct lineage_node node = {.namespace = "db", .name = "alone"};
    struct lineage_graph graph = {.nodes = &node, .node_count = 1};

    assert_prints(tree_ascii, &graph, "alone\n(nothing is known to depend on it)\n");
    graph.is_upward = true;
    assert_prints(tree_ascii, &graph, "alone\n(nothing is known to feed it)\n");
}

static void test_lineage_tree_shows_no_control_characters(void **state)
{
    (void)state;
    assert_prints(tree_ascii, &odd, "a\"b\\c?#?[31m<ü\n(nothing is known to depend on it)\n");
}

static void test_lineage_mermaid_draws_arrows_with_the_data(void **state)
{
    (void)state;
    assert_prints(lineage_print_mermaid, &loop,
                  "flowchart LR\n"
                  "    n1[(\"raw\")]\n"
                  "    n2[\"load (airflow)\"]\n"
                  "    n3[\"report (job)\"]\n"
                  "    n4[(\"stage\")]\n"
                  "    n5[\"tidy (dbt)\"]\n"
                  "    n1 --> n2\n"
                  "    n1 --> n3\n"
                  "    n2 --> n4\n"
                  "    n4 --> n5\n"
                  "    n5 --> n1\n"
                  "    more[\"+12\"]\n");
    assert_prints(lineage_print_mermaid, &columns,
                  "flowchart LR\n"
                  "    n1[(\"db/mart#35;total\")]\n"
                  "    n2[(\"db/orders#35;amount\")]\n"
                  "    n3[(\"lake/users#35;mail\")]\n"
                  "    n2 -->|\"DIRECT/AGGREGATION, INDIRECT/FILTER by sum (spark)\"| n1\n"
                  "    n3 -->|\"DIRECT/TRANSFORMATION masked\"| n1\n");
}

static void test_lineage_dot_draws_arrows_with_the_data(void **state)
{
    (void)state;
    assert_prints(lineage_print_dot, &columns,
                  "digraph lineage {\n"
                  "    rankdir=LR;\n"
                  "    n1 [shape=cylinder, label=\"db/mart#total\"];\n"
                  "    n2 [shape=cylinder, label=\"db/orders#amount\"];\n"
                  "    n3 [shape=cylinder, label=\"lake/users#mail\"];\n"
                  "    n2 -> n1 [label=\"DIRECT/AGGREGATION, INDIRECT/FILTER by sum (spark)\"];\n"
                  "    n3 -> n1 [label=\"DIRECT/TRANSFORMATION masked\"];\n"
                  "}\n");
}

static void test_lineage_labels_are_escaped_as_each_format_wants(void **state)
{
    (void)state;
    assert_prints(lineage_print_mermaid, &odd,
                  "flowchart LR\n    n1[(\"a#quot;b#92;c?#35;?[31m#lt;ü\")]\n");
    assert_prints(lineage_print_dot, &odd,
                  "digraph lineage {\n    rankdir=LR;\n"
                  "    n1 [shape=cylinder, label=\"a\\\"b\\\\c?#?[31m<ü\"];\n}\n");
    assert_prints(lineage_print_json, &odd,
                  "{\"nodes\":[\n"
                  "{\"id\":\"n1\",\"kind\":\"dataset\",\"namespace\":\"n\","
                  "\"name\":\"a\\\"b\\\\c\\u000a#\\u001b[31m<ü\"}],\n"
                  "\"edges\":[],\n\"more\":0}\n");
}

static void test_lineage_json_keeps_long_names_whole(void **state)
{
    (void)state;
    /* 200 times U+00FC: whatever the piece that is written at once, no character may be cut. */
    char name[401], expected[600];
    for (size_t i = 0; i < 400; i += 2) {
        name[i] = '\xc3';
        name[i + 1] = '\xbc';
    }
    name[400] = '\0';
    snprintf(expected, sizeof(expected),
             "{\"nodes\":[\n{\"id\":\"n1\",\"kind\":\"dataset\",\"namespace\":\"n\",\"name\":\"x%"
             "s\"}],\n"
             "\"edges\":[],\n\"more\":0}\n",
             name);
    char shifted[402];
    snprintf(shifted, sizeof(shifted), "x%s", name);
    struct lineage_node node = {.namespace = "n", .name = shifted};
    struct lineage_graph graph = {.nodes = &node, .node_count = 1};

    assert_prints(lineage_print_json, &graph, expected);
}

static void test_lineage_json_tells_tools_and_steps(void **state)
{
    (void)state;
    assert_prints(lineage_print_json, &loop,
                  "{\"nodes\":[\n"
                  "{\"id\":\"n1\",\"kind\":\"dataset\",\"namespace\":\"db\",\"name\":\"raw\"},\n"
                  "{\"id\":\"n2\",\"kind\":\"job\",\"namespace\":\"etl\",\"name\":\"load\","
                  "\"tool\":\"airflow\"},\n"
                  "{\"id\":\"n3\",\"kind\":\"job\",\"namespace\":\"etl\",\"name\":\"report\"},\n"
                  "{\"id\":\"n4\",\"kind\":\"dataset\",\"namespace\":\"db\",\"name\":\"stage\"},\n"
                  "{\"id\":\"n5\",\"kind\":\"job\",\"namespace\":\"etl\",\"name\":\"tidy\","
                  "\"tool\":\"dbt\"}],\n"
                  "\"edges\":[\n"
                  "{\"from\":\"n1\",\"to\":\"n2\"},\n"
                  "{\"from\":\"n1\",\"to\":\"n3\"},\n"
                  "{\"from\":\"n2\",\"to\":\"n4\"},\n"
                  "{\"from\":\"n4\",\"to\":\"n5\"},\n"
                  "{\"from\":\"n5\",\"to\":\"n1\"}],\n"
                  "\"more\":12}\n");
    assert_prints(
        lineage_print_json, &columns,
        "{\"nodes\":[\n"
        "{\"id\":\"n1\",\"kind\":\"column\",\"namespace\":\"db\",\"name\":\"mart\",\"field\":"
        "\"total\"},\n"
        "{\"id\":\"n2\",\"kind\":\"column\",\"namespace\":\"db\",\"name\":\"orders\",\"field\":"
        "\"amount\"},\n"
        "{\"id\":\"n3\",\"kind\":\"column\",\"namespace\":\"lake\",\"name\":\"users\",\"field\":"
        "\"mail\"}],\n"
        "\"edges\":[\n"
        "{\"from\":\"n2\",\"to\":\"n1\",\"transformations\":[\"DIRECT/AGGREGATION\",\"INDIRECT/"
        "FILTER\"],"
        "\"job\":{\"kind\":\"job\",\"namespace\":\"etl\",\"name\":\"sum\",\"tool\":\"spark\"}},\n"
        "{\"from\":\"n3\",\"to\":\"n1\",\"transformations\":[\"DIRECT/TRANSFORMATION masked\"]}],\n"
        "\"more\":0}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lineage_tree_expands_each_node_once_and_counts_the_rest),
        cmocka_unit_test(test_lineage_tree_names_namespaces_where_they_differ_and_steps_of_columns),
        cmocka_unit_test(test_lineage_tree_says_when_nothing_is_known),
        cmocka_unit_test(test_lineage_tree_shows_no_control_characters),
        cmocka_unit_test(test_lineage_mermaid_draws_arrows_with_the_data),
        cmocka_unit_test(test_lineage_dot_draws_arrows_with_the_data),
        cmocka_unit_test(test_lineage_labels_are_escaped_as_each_format_wants),
        cmocka_unit_test(test_lineage_json_keeps_long_names_whole),
        cmocka_unit_test(test_lineage_json_tells_tools_and_steps),
    };
    return cmocka_run_group_tests_name("lineage", tests, NULL, NULL);
}
