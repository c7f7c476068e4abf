#include "gate.h"

#include <stdio.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define PARAMS 4

/* In the order of the statements' parameters. */
struct question {
    const char *kind;
    const char *namespace_;
    const char *name;
    const char *version;
};

static const char usage[] =
    "usage: metaops gate dataset|job|run|model|model_version|deployment|inference_stream "
    "NAMESPACE NAME [--version V]\n";

static bool is_kind(const char *word)
{
    static const char *const kinds[] = {
        "dataset", "job", "run", "model", "model_version", "deployment", "inference_stream"};

    for (size_t i = 0; word && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_words(struct question *question, int argc, char **argv)
{
    static const char flag[] = "--version";
    const char **places[] = {&question->kind, &question->namespace_, &question->name};
    size_t count = 0;
    bool is_past_flags = false;

    for (int i = 0; i < argc; i++) {
        if (!is_past_flags && strcmp(argv[i], "--") == 0) {
            is_past_flags = true;
        } else if (!is_past_flags && strcmp(argv[i], flag) == 0 && i + 1 < argc) {
            question->version = argv[++i];
        } else if (!is_past_flags && strncmp(argv[i], "--version=", sizeof flag) == 0) {
            question->version = argv[i] + sizeof flag;
        } else if ((!is_past_flags && strncmp(argv[i], "--", 2) == 0) || count == 3) {
            return false;
        } else {
            *places[count++] = argv[i];
        }
    }
    return count == 3 && is_kind(question->kind) && (!question->version || *question->version);
}

static void print_word(const char *before, const char *word)
{
    fputs(before, stdout);
    lineage_print_text(stdout, word);
}

static void print_score(const struct question *question, const struct pg_result *rows,
                        bool is_passed)
{
    static const char *const parts[] = {"lineage", "auditability", "accountability",
                                        "reproducibility"};

    fputs(is_passed ? "passed   " : "failed   ", stdout);
    fputs(question->kind, stdout);
    print_word(" ", question->namespace_);
    print_word(" ", question->name);
    if (question->version) {
        print_word(" version ", question->version);
    }
    printf("\nscore    %s", pg_conn_value(rows, 0, 1));
    for (int i = 0; i < 4; i++) {
        /* Of some kinds nothing is asked that a part counts. */
        const char *part = pg_conn_value(rows, 0, 2 + i);
        printf("%s%s %s", i ? ", " : " (", parts[i], part ? part : "-");
    }
    fputs(")\n", stdout);
}

static enum verdict ask(struct pg_conn *pg, const char *file, const struct question *question,
                        struct pg_result **out_rows, struct err *err)
{
    const char *params[PARAMS] = {question->kind, question->namespace_, question->name,
                                  question->version};
    return pg_conn_query(pg, embedded_text(sinks_files, file).ptr, PARAMS, params, out_rows, err);
}

static enum verdict print_missing(struct pg_conn *pg, const struct question *question,
                                  struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = ask(pg, "gate/missing.sql", question, &rows, err);

    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        printf("%-8s %-15s %s; usually from: %s\n", pg_conn_value(rows, row, 0),
               pg_conn_value(rows, row, 1), pg_conn_value(rows, row, 2),
               pg_conn_value(rows, row, 3));
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict judge(struct pg_conn *pg, const struct question *question, bool *out_is_passed,
                          struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict = ask(pg, "gate/score.sql", question, &rows, err);

    if (verdict == OK && pg_conn_rows(rows) == 0) {
        verdict = err_set(err, REJECT, "gate", "nobody has told of this %s", question->kind);
    }
    if (verdict == OK) {
        *out_is_passed = strcmp(pg_conn_value(rows, 0, 0), "t") == 0;
        print_score(question, rows, *out_is_passed);
    }
    if (verdict == OK && !*out_is_passed) {
        const char *owner = pg_conn_value(rows, 0, 6);
        verdict = print_missing(pg, question, err);
        print_word("owner    ", owner ? owner : "nobody is named");
        fputs("\n", stdout);
    }
    pg_conn_clear(rows);
    return verdict;
}

int gate_run(const struct settings *st, int argc, char **argv)
{
    struct question question = {.kind = NULL};
    struct pg_conn *pg = NULL;
    struct err err = {.text = ""};
    bool is_passed = false;

    if (!read_words(&question, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_READ, "metaops gate", &pg, &err);
    if (verdict == OK) {
        verdict = judge(pg, &question, &is_passed, &err);
    }
    pg_conn_close(pg);
    if (verdict != OK) {
        log_error("gate: %s", err.text);
    }
    return verdict == OK && is_passed ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}
