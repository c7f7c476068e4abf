/* lineage_print.h - a lineage graph as text: a tree for people, Mermaid, Graphviz and JSON.
 *
 * Names are shown without namespace when all datasets, or all jobs, of the graph share one.
 * Control characters of names become '?' (in JSON: escapes), so that no name can steer a terminal.
 * Errors of the stream stay with the stream. */
#ifndef METAOPS_SINKS_LINEAGE_PRINT_H
#define METAOPS_SINKS_LINEAGE_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct lineage_graph;

/* Each node is expanded once; where it stands a second time it is marked `(shown above)`. */
void lineage_print_tree(const struct lineage_graph *graph, bool is_utf8, FILE *out);

/* Arrows go with the data in all three. */
void lineage_print_mermaid(const struct lineage_graph *graph, FILE *out);
void lineage_print_dot(const struct lineage_graph *graph, FILE *out);

/* {"nodes":[{id, kind, namespace, name, field?, tool?}], "edges":[{from, to, transformations?,
 * job?}], "more":N}; the start is n1. */
void lineage_print_json(const struct lineage_graph *graph, FILE *out);

/* A name for people: control characters become '?'. */
void lineage_print_text(FILE *out, const char *text);

#endif
