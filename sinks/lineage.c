#include "lineage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "lineage_graph.h"
#include "lineage_name.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define DEPTH_DEFAULT 20

enum format { TREE, MERMAID, DOT, JSON };

static const char *const format_names[] = {"tree", "mermaid", "dot", "json"};

struct options {
    struct lineage_question question;
    enum format format;
    const char *words[2];
    int word_count;
};

static const char usage[] =
    "usage: metaops lineage [NAMESPACE] NAME [--field F] [--up|--down] [--depth N]\n"
    "                       [--format tree|mermaid|dot|json]\n";

static bool set_depth(struct options *options, const char *value)
{
    char *end = NULL;
    errno = 0;
    long depth = strtol(value, &end, 10);

    if (errno || end == value || *end || depth < 1 || depth > LINEAGE_GRAPH_DEPTH_MAX) {
        fprintf(stderr, "metaops lineage: --depth is a number from 1 to %d\n",
                LINEAGE_GRAPH_DEPTH_MAX);
        return false;
    }
    options->question.depth = (int)depth;
    return true;
}

static bool set_format(struct options *options, const char *value)
{
    for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
        if (strcmp(value, format_names[i]) == 0) {
            options->format = (enum format)i;
            return true;
        }
    }
    fprintf(stderr, "metaops lineage: --format is tree, mermaid, dot or json\n");
    return false;
}

static bool set_field(struct options *options, const char *value)
{
    options->question.field = value;
    return *value != '\0';
}

/* Flags with a value, as `--flag value` or `--flag=value`. */
static const struct {
    const char *flag;
    bool (*set)(struct options *options, const char *value);
} valued[] = {
    {.flag = "--depth", .set = set_depth},
    {.flag = "--field", .set = set_field},
    {.flag = "--format", .set = set_format},
};

/* Reads the flag at argv[*index] and moves *index to its last word. */
static bool read_flag(struct options *options, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    size_t len = strcspn(word, "=");

    if (strcmp(word, "--up") == 0 || strcmp(word, "--down") == 0) {
        options->question.is_upward = word[2] == 'u';
        return true;
    }
    for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
        if (strlen(valued[i].flag) != len || strncmp(word, valued[i].flag, len) != 0) {
            continue;
        }
        if (word[len] == '=') {
            return valued[i].set(options, word + len + 1);
        }
        if (*index + 1 < argc) {
            return valued[i].set(options, argv[++*index]);
        }
    }
    fprintf(stderr, "metaops lineage: %s is no flag or lacks its value\n", word);
    return false;
}

/* False when the words are no question; the reason is on stderr. */
static bool read_options(int argc, char **argv, struct options *options)
{
    bool is_past_flags = false;

    for (int i = 0; i < argc; i++) {
        if (!is_past_flags && strcmp(argv[i], "--") == 0) {
            is_past_flags = true;
        } else if (!is_past_flags && strncmp(argv[i], "--", 2) == 0) {
            if (!read_flag(options, argc, argv, &i)) {
                return false;
            }
        } else if (options->word_count < 2 && argv[i][0]) {
            options->words[options->word_count++] = argv[i];
        } else {
            return false;
        }
    }
    if (options->word_count == 0) {
        return false;
    }
    options->question.namespace = options->word_count == 2 ? options->words[0] : NULL;
    options->question.name = options->words[options->word_count - 1];
    return true;
}

/* What the user's terminal shows, by the same variables and in the same order as the C library's
 * locales, but also where the locale itself is not installed. */
static bool is_utf8_wanted(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
        }
    }
    return false;
}

static void print(const struct lineage_graph *graph, enum format format)
{
    switch (format) {
    case TREE:
        lineage_print_tree(graph, is_utf8_wanted(), stdout);
        break;
    case MERMAID:
        lineage_print_mermaid(graph, stdout);
        break;
    case DOT:
        lineage_print_dot(graph, stdout);
        break;
    case JSON:
        lineage_print_json(graph, stdout);
        break;
    }
}

/* Of a role that row-level security holds back: where it cannot look further. */
static enum verdict tell_hidden(struct pg_conn *pg, const struct lineage_question *question,
                                struct err *err)
{
    char depth[16];
    snprintf(depth, sizeof(depth), "%d", question->depth);
    const char *params[] = {question->namespace,
                            question->name,
                            depth,
                            question->is_upward ? "t" : "f",
                            question->field,
                            question->is_job ? "job" : "dataset"};
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "lineage/hidden.sql").ptr,
                                         6, params, &rows, err);
    if (verdict == OK && strcmp(pg_conn_value(rows, 0, 0), "0") != 0) {
        fprintf(stderr, "%s ways lead on to what this role may not see\n",
                pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

int lineage_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.question.depth = DEPTH_DEFAULT};
    struct lineage_graph graph = {.nodes = NULL};
    struct pg_result *rows = NULL;
    struct pg_conn *pg = NULL;
    struct err err = {.text = ""};

    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_READ, "metaops lineage", &pg, &err);
    if (verdict == OK) {
        verdict = lineage_name_resolve(pg, &options.question, stderr, &rows, &err);
    }
    if (verdict == OK) {
        verdict = lineage_graph_load(pg, &options.question, &graph, &err);
    }
    if (verdict == OK) {
        print(&graph, options.format);
        verdict = tell_hidden(pg, &options.question, &err);
    }
    if (verdict != OK && verdict != REJECT) { /* the name's fault has been told already */
        log_error("lineage: %s", err.text);
    }
    lineage_graph_fini(&graph);
    pg_conn_clear(rows);
    pg_conn_close(pg);
    return verdict == OK ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}
