#include "lineage_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_conn.h"
#include "schemas/embedded.h"

/* Columns of lineage/datasets.sql and lineage/columns.sql. */
enum column {
    ROW,
    NUMBER,
    PARENT,
    CHILD,
    IS_JOB,
    NAMESPACE,
    NAME,
    FIELD,
    TOOL,
    TRANSFORMATIONS,
    TOTAL
};

static bool is_node(const struct pg_result *rows, int row)
{
    return strcmp(pg_conn_value(rows, row, ROW), "node") == 0;
}

static size_t index_of(const struct pg_result *rows, int row, enum column column)
{
    return strtoul(pg_conn_value(rows, row, column), NULL, 10) - 1;
}

static struct lineage_node node_of(const struct pg_result *rows, int row)
{
    return (struct lineage_node){
        .is_job = strcmp(pg_conn_value(rows, row, IS_JOB), "t") == 0,
        .namespace = pg_conn_value(rows, row, NAMESPACE),
        .name = pg_conn_value(rows, row, NAME),
        .field = pg_conn_value(rows, row, FIELD),
        .tool = pg_conn_value(rows, row, TOOL),
    };
}

static struct lineage_edge edge_of(const struct pg_result *rows, int row)
{
    return (struct lineage_edge){
        .parent = index_of(rows, row, PARENT),
        .child = index_of(rows, row, CHILD),
        .transformations = pg_conn_value(rows, row, TRANSFORMATIONS),
        .job_namespace = pg_conn_value(rows, row, NAMESPACE),
        .job_name = pg_conn_value(rows, row, NAME),
        .tool = pg_conn_value(rows, row, TOOL),
    };
}

/* Takes over rows: all nodes stand before all edges. */
static enum verdict fill(struct lineage_graph *graph, struct pg_result *rows, struct err *err)
{
    int row_count = pg_conn_rows(rows);
    int node_count = 0;

    while (node_count < row_count && is_node(rows, node_count)) {
        node_count++;
    }
    graph->rows = rows;
    graph->nodes = calloc((size_t)node_count + 1, sizeof(*graph->nodes));
    graph->edges = calloc((size_t)(row_count - node_count) + 1, sizeof(*graph->edges));
    if (!graph->nodes || !graph->edges) {
        return err_set(err, RETRY, "lineage", "out of memory");
    }
    for (int row = 0; row < node_count; row++) {
        graph->nodes[graph->node_count++] = node_of(rows, row);
    }
    for (int row = node_count; row < row_count; row++) {
        graph->edges[graph->edge_count++] = edge_of(rows, row);
    }
    if (node_count > 0) {
        graph->more = strtoll(pg_conn_value(rows, 0, TOTAL), NULL, 10) - node_count;
    }
    return OK;
}

enum verdict lineage_graph_load(struct pg_conn *pg, const struct lineage_question *question,
                                struct lineage_graph *out_graph, struct err *err)
{
    char depth[16], nodes_max[16];
    snprintf(depth, sizeof(depth), "%d", question->depth);
    snprintf(nodes_max, sizeof(nodes_max), "%d", LINEAGE_GRAPH_NODES_MAX);
    const char *params[] = {
        question->namespace,
        question->name,
        question->field    ? question->field
        : question->is_job ? "job"
                           : "dataset",
        depth,
        question->is_upward ? "t" : "f",
        nodes_max,
    };
    const char *file = question->field ? "lineage/columns.sql" : "lineage/datasets.sql";
    struct lineage_graph graph = {.is_upward = question->is_upward};
    struct pg_result *rows = NULL;

    enum verdict verdict =
        pg_conn_query(pg, embedded_text(sinks_files, file).ptr, 6, params, &rows, err);
    if (verdict == OK) {
        verdict = fill(&graph, rows, err);
    }
    if (verdict != OK) {
        lineage_graph_fini(&graph);
        return verdict;
    }
    *out_graph = graph;
    return OK;
}

void lineage_graph_fini(struct lineage_graph *graph)
{
    free(graph->nodes);
    free(graph->edges);
    pg_conn_clear(graph->rows);
    *graph = (struct lineage_graph){.nodes = NULL};
}
