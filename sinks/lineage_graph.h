/* lineage_graph.h - the part of the lineage around one dataset, column or job, in memory.
 *
 * Datasets (with aliases folded into one) and jobs are nodes; with a field the nodes are columns
 * and the jobs stand on the edges. The start is node 0; nodes come level by level; edges lead away
 * from the start and are sorted by parent, then child. Read by lineage_print. */
#ifndef METAOPS_SINKS_LINEAGE_GRAPH_H
#define METAOPS_SINKS_LINEAGE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

#define LINEAGE_GRAPH_NODES_MAX 300
#define LINEAGE_GRAPH_DEPTH_MAX 1000

struct pg_conn;
struct pg_result;

/* Texts may be NULL where nothing is said. */
struct lineage_node {
    bool is_job;
    const char *namespace;
    const char *name;
    const char *field; /* columns */
    const char *tool;  /* jobs */
};

struct lineage_edge {
    size_t parent; /* nearer to the start */
    size_t child;
    const char *transformations; /* columns: type/subtype, one a line */
    const char *job_namespace;   /* columns: the job of the step */
    const char *job_name;
    const char *tool;
};

struct lineage_graph {
    struct lineage_node *nodes;
    size_t node_count;
    struct lineage_edge *edges;
    size_t edge_count;
    long long more;         /* nodes beyond LINEAGE_GRAPH_NODES_MAX */
    bool is_upward;         /* children feed their parents, else they are made of them */
    struct pg_result *rows; /* owns the texts when loaded */
};

struct lineage_question {
    const char *namespace;
    const char *name;
    const char *field; /* NULL: whole datasets and jobs */
    bool is_job;       /* the start is a job */
    bool is_upward;
    int depth; /* jobs between the start and a dataset, at most */
};

/* Asks the database; blocks. Free with lineage_graph_fini. RETRY, FATAL as pg_conn_query. */
MUST_CHECK enum verdict lineage_graph_load(struct pg_conn *pg,
                                           const struct lineage_question *question,
                                           struct lineage_graph *out_graph, struct err *err);

/* Frees what lineage_graph_load made; a zeroed struct is allowed. */
void lineage_graph_fini(struct lineage_graph *graph);

#endif
