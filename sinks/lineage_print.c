#include "lineage_print.h"

#include <string.h>

#include "core/json_escape.h"
#include "lineage_graph.h"

#define INDENT_BYTES_MAX ((size_t)8) /* of one level of the tree */

/* How one format writes text, and which namespaces it can leave out. */
struct style {
    FILE *out;
    void (*put)(FILE *out, const char *text);
    bool is_dataset_short;
    bool is_job_short;
};

/* What the tree needs besides: a row of the graph is at most as deep as there are nodes. */
struct tree {
    const struct lineage_graph *graph;
    struct style style;
    const char *fork, *last, *bar, *blank;
    bool is_shown[LINEAGE_GRAPH_NODES_MAX];
    char indent[LINEAGE_GRAPH_NODES_MAX * INDENT_BYTES_MAX + 1];
};

/* Bytes of the control character at text (C0, DEL, and C1 in UTF-8), or 0. */
static size_t control_len(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second = first ? (unsigned char)text[1] : 0;

    if (first == 0xC2 && second >= 0x80 && second <= 0x9F) {
        return 2;
    }
    return first < 0x20 || first == 0x7F ? 1 : 0;
}

/* Writes text with each byte of `special` as the entry of the same place in `instead`. */
static void put_replaced(FILE *out, const char *text, const char *special,
                         const char *const *instead)
{
    while (*text) {
        size_t control = control_len(text);
        const char *found = control ? NULL : strchr(special, *text);
        if (control) {
            fputc('?', out);
        } else if (found) {
            fputs(instead[found - special], out);
        } else {
            fputc(*text, out);
        }
        text += control ? control : 1;
    }
}

void lineage_print_text(FILE *out, const char *text)
{
    put_replaced(out, text, "", NULL);
}

/* Mermaid reads #name; and #number; as characters. Backslash, backquote and percent would begin a
 * line break, Markdown and a directive. */
static void put_mermaid(FILE *out, const char *text)
{
    static const char *const instead[] = {"#quot;", "#35;", "#lt;", "#gt;",
                                          "#amp;",  "#92;", "#96;", "#37;"};
    put_replaced(out, text, "\"#<>&\\`%", instead);
}

static void put_dot(FILE *out, const char *text)
{
    static const char *const instead[] = {"\\\"", "\\\\"};
    put_replaced(out, text, "\"\\", instead);
}

static void put_json(FILE *out, const char *text)
{
    struct str rest = str_view(text);
    char escaped[64 * JSON_ESCAPE_BYTES_MAX];

    while (rest.len > 0) {
        /* A character must not be cut: continuation bytes stay with the byte before them. */
        size_t len = rest.len < 64 ? rest.len : 60;
        while (len < rest.len && len < 64 && ((unsigned char)rest.ptr[len] & 0xC0) == 0x80) {
            len++;
        }
        fwrite(escaped, 1, json_escape((struct str){rest.ptr, len}, escaped), out);
        rest = (struct str){rest.ptr + len, rest.len - len};
    }
}

static void note_namespace(const char *namespace, const char **common, bool *is_common)
{
    if (namespace && !*common) {
        *common = namespace;
    } else if (namespace && strcmp(namespace, *common) != 0) {
        *is_common = false;
    }
}

static struct style style_of(const struct lineage_graph *graph, FILE *out,
                             void (*put)(FILE *, const char *))
{
    struct style style = {.out = out, .put = put, .is_dataset_short = true, .is_job_short = true};
    const char *dataset = NULL, *job = NULL;

    for (size_t i = 0; i < graph->node_count; i++) {
        const struct lineage_node *node = &graph->nodes[i];
        if (node->is_job) {
            note_namespace(node->namespace, &job, &style.is_job_short);
        } else {
            note_namespace(node->namespace, &dataset, &style.is_dataset_short);
        }
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        note_namespace(graph->edges[i].job_namespace, &job, &style.is_job_short);
    }
    return style;
}

static void put_job(const struct style *style, const char *namespace, const char *name,
                    const char *tool)
{
    if (!style->is_job_short) {
        style->put(style->out, namespace);
        style->put(style->out, "/");
    }
    style->put(style->out, name);
    style->put(style->out, " (");
    style->put(style->out, tool ? tool : "job");
    style->put(style->out, ")");
}

static void put_node(const struct style *style, const struct lineage_node *node)
{
    if (node->is_job) {
        put_job(style, node->namespace, node->name, node->tool);
        return;
    }
    if (!style->is_dataset_short) {
        style->put(style->out, node->namespace);
        style->put(style->out, "/");
    }
    style->put(style->out, node->name);
    if (node->field) {
        style->put(style->out, "#");
        style->put(style->out, node->field);
    }
}

/* Writes the lines of text with `between` between them. */
static void put_lines(const struct style *style, const char *text, const char *between)
{
    char line[256];

    while (text && *text) {
        size_t len = strcspn(text, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)len, text);
        style->put(style->out, line);
        text += len;
        if (*text == '\n') {
            fputs(between, style->out);
            text++;
        }
    }
}

static bool has_step(const struct lineage_edge *edge)
{
    return edge->transformations || edge->job_name;
}

/* What a column's edge says: its transformations and its job. */
static void put_step(const struct style *style, const struct lineage_edge *edge)
{
    put_lines(style, edge->transformations, ", ");
    if (edge->job_name) {
        style->put(style->out, edge->transformations ? " by " : "by ");
        put_job(style, edge->job_namespace, edge->job_name, edge->tool);
    }
}

static void tree_children(struct tree *tree, size_t parent, size_t indent_len);

static void tree_line(struct tree *tree, const struct lineage_edge *edge, bool is_last,
                      size_t indent_len)
{
    FILE *out = tree->style.out;
    bool is_shown = tree->is_shown[edge->child];
    const char *more = is_last ? tree->blank : tree->bar;

    fwrite(tree->indent, 1, indent_len, out);
    fputs(is_last ? tree->last : tree->fork, out);
    put_node(&tree->style, &tree->graph->nodes[edge->child]);
    if (has_step(edge)) {
        fputs("  ", out);
        put_step(&tree->style, edge);
    }
    fputs(is_shown ? "  (shown above)\n" : "\n", out);
    if (!is_shown) {
        tree->is_shown[edge->child] = true;
        memcpy(tree->indent + indent_len, more, strlen(more));
        tree_children(tree, edge->child, indent_len + strlen(more));
    }
}

/* As deep as a path without repetition, so at most LINEAGE_GRAPH_NODES_MAX calls. */
static void tree_children(struct tree *tree, size_t parent, size_t indent_len)
{
    const struct lineage_graph *graph = tree->graph;

    for (size_t i = 0; i < graph->edge_count; i++) {
        if (graph->edges[i].parent == parent) {
            bool is_last = i + 1 == graph->edge_count || graph->edges[i + 1].parent != parent;
            tree_line(tree, &graph->edges[i], is_last, indent_len);
        }
    }
}

void lineage_print_tree(const struct lineage_graph *graph, bool is_utf8, FILE *out)
{
    struct tree tree = {
        .graph = graph,
        .style = style_of(graph, out, lineage_print_text),
        .fork = is_utf8 ? "├─ " : "|- ",
        .last = is_utf8 ? "└─ " : "`- ",
        .bar = is_utf8 ? "│  " : "|  ",
        .blank = "   ",
        .is_shown = {true},
    };

    if (graph->node_count == 0) {
        return;
    }
    put_node(&tree.style, &graph->nodes[0]);
    fputs("\n", out);
    tree_children(&tree, 0, 0);
    if (graph->edge_count == 0) {
        fputs(graph->is_upward ? "(nothing is known to feed it)\n"
                               : "(nothing is known to depend on it)\n",
              out);
    }
    if (graph->more > 0) {
        fprintf(out, "+%lld more\n", graph->more);
    }
}

static size_t source_of(const struct lineage_graph *graph, const struct lineage_edge *edge)
{
    return (graph->is_upward ? edge->child : edge->parent) + 1;
}

static size_t target_of(const struct lineage_graph *graph, const struct lineage_edge *edge)
{
    return (graph->is_upward ? edge->parent : edge->child) + 1;
}

void lineage_print_mermaid(const struct lineage_graph *graph, FILE *out)
{
    struct style style = style_of(graph, out, put_mermaid);

    fputs("flowchart LR\n", out);
    for (size_t i = 0; i < graph->node_count; i++) {
        bool is_job = graph->nodes[i].is_job;
        fprintf(out, "    n%zu%s", i + 1, is_job ? "[\"" : "[(\"");
        put_node(&style, &graph->nodes[i]);
        fputs(is_job ? "\"]\n" : "\")]\n", out);
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct lineage_edge *edge = &graph->edges[i];
        fprintf(out, "    n%zu -->", source_of(graph, edge));
        if (has_step(edge)) {
            fputs("|\"", out);
            put_step(&style, edge);
            fputs("\"|", out);
        }
        fprintf(out, " n%zu\n", target_of(graph, edge));
    }
    if (graph->more > 0) {
        fprintf(out, "    more[\"+%lld\"]\n", graph->more);
    }
}

void lineage_print_dot(const struct lineage_graph *graph, FILE *out)
{
    struct style style = style_of(graph, out, put_dot);

    fputs("digraph lineage {\n    rankdir=LR;\n", out);
    for (size_t i = 0; i < graph->node_count; i++) {
        fprintf(out, "    n%zu [shape=%s, label=\"", i + 1,
                graph->nodes[i].is_job ? "box" : "cylinder");
        put_node(&style, &graph->nodes[i]);
        fputs("\"];\n", out);
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct lineage_edge *edge = &graph->edges[i];
        fprintf(out, "    n%zu -> n%zu", source_of(graph, edge), target_of(graph, edge));
        if (has_step(edge)) {
            fputs(" [label=\"", out);
            put_step(&style, edge);
            fputs("\"]", out);
        }
        fputs(";\n", out);
    }
    if (graph->more > 0) {
        fprintf(out, "    more [shape=plaintext, label=\"+%lld\"];\n", graph->more);
    }
    fputs("}\n", out);
}

/* Writes ,"key":"text", or nothing for NULL. */
static void put_member(FILE *out, const char *key, const char *text)
{
    if (text) {
        fprintf(out, ",\"%s\":\"", key);
        put_json(out, text);
        fputs("\"", out);
    }
}

static void put_json_edge(const struct lineage_graph *graph, const struct lineage_edge *edge,
                          FILE *out)
{
    struct style style = {.out = out, .put = put_json};

    fprintf(out, "{\"from\":\"n%zu\",\"to\":\"n%zu\"", source_of(graph, edge),
            target_of(graph, edge));
    if (edge->transformations) {
        fputs(",\"transformations\":[\"", out);
        put_lines(&style, edge->transformations, "\",\"");
        fputs("\"]", out);
    }
    if (edge->job_name) {
        fputs(",\"job\":{\"kind\":\"job\"", out);
        put_member(out, "namespace", edge->job_namespace);
        put_member(out, "name", edge->job_name);
        put_member(out, "tool", edge->tool);
        fputs("}", out);
    }
    fputs("}", out);
}

void lineage_print_json(const struct lineage_graph *graph, FILE *out)
{
    fputs("{\"nodes\":[", out);
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct lineage_node *node = &graph->nodes[i];
        const char *kind = node->is_job ? "job" : node->field ? "column" : "dataset";
        fprintf(out, "%s{\"id\":\"n%zu\",\"kind\":\"%s\"", i ? ",\n" : "\n", i + 1, kind);
        put_member(out, "namespace", node->namespace);
        put_member(out, "name", node->name);
        put_member(out, "field", node->field);
        put_member(out, "tool", node->tool);
        fputs("}", out);
    }
    fputs("],\n\"edges\":[", out);
    for (size_t i = 0; i < graph->edge_count; i++) {
        fputs(i ? ",\n" : "\n", out);
        put_json_edge(graph, &graph->edges[i], out);
    }
    fprintf(out, "],\n\"more\":%lld}\n", graph->more);
}
