#include "aibom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aibom_rules.h"
#include "core/exit_code.h"
#include "core/log.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

/* In the order of the statement's parameters. */
struct question {
    const char *model;
    const char *version;
    const char *format;
    const char *epoch;
};

static const char usage[] =
    "usage: metaops aibom --model NS/NAME --version V [--format spdx3|cyclonedx]\n";

/* The value of `--flag value` or `--flag=value` at argv[*index], which moves to its last word; NULL: another flag. */
static const char *read_value(const char *flag, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    size_t len = strlen(flag);

    if (strncmp(word, flag, len) != 0) {
        return NULL;
    }
    if (word[len] == '=') {
        return word + len + 1;
    }
    return word[len] == '\0' && *index + 1 < argc ? argv[++*index] : NULL;
}

static bool read_words(struct question *question, int argc, char **argv)
{
    const struct {
        const char *flag;
        const char **place;
    } flags[] = {
        {.flag = "--model", .place = &question->model},
        {.flag = "--version", .place = &question->version},
        {.flag = "--format", .place = &question->format},
    };

    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        for (size_t k = 0; !value && k < sizeof flags / sizeof flags[0]; k++) {
            value = read_value(flags[k].flag, argc, argv, &i);
            if (value) {
                *flags[k].place = value;
            }
        }
        if (!value || !*value) {
            return false;
        }
    }
    return question->model && question->version &&
           (strcmp(question->format, "spdx3") == 0 || strcmp(question->format, "cyclonedx") == 0);
}

/* Of reproducible builds: seconds since 1970. */
static bool read_epoch(struct question *question)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");

    if (epoch && *epoch) {
        if (strlen(epoch) > 11 || strspn(epoch, "0123456789") != strlen(epoch)) {
            return false;
        }
        question->epoch = epoch;
    }
    return true;
}

/* document: namespace and name of the model in its columns 2 and 3. What is hidden adds to *missing: nobody can say
 * that it is all there. */
static enum verdict print_unknown(struct pg_conn *pg, const struct question *question,
                                  const struct pg_result *document, int *missing, struct err *err)
{
    const char *params[] = {pg_conn_value(document, 0, 2), pg_conn_value(document, 0, 3),
                            question->version};
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "aibom/unknown.sql").ptr, 3,
                                         params, &rows, err);

    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        const char *what = pg_conn_value(rows, row, 0);
        *missing += strcmp(what, "hidden") == 0;
        fprintf(stderr, "%-8s ", what);
        lineage_print_text(stderr, pg_conn_value(rows, row, 1));
        fputs("\n", stderr);
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict print_document(const char *text, struct err *err)
{
    errno = 0;
    if (puts(text) == EOF || fflush(stdout) != 0) {
        return err_set(err, RETRY, "aibom", "standard output: %s", strerror(errno));
    }
    return OK;
}

static enum verdict tell(struct pg_conn *pg, const struct question *question, int *out_missing,
                         struct err *err)
{
    const char *params[] = {question->model, question->version, question->format, question->epoch};
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "aibom/document.sql").ptr,
                                         4, params, &rows, err);

    if (verdict == OK && (pg_conn_rows(rows) == 0 || !pg_conn_value(rows, 0, 0))) {
        verdict = err_set(err, REJECT, "aibom", "nobody has told of this version");
    }
    if (verdict == OK && pg_conn_rows(rows) > 1 && pg_conn_value(rows, 1, 0)) {
        verdict = err_set(err, REJECT, "aibom", "more than one model has this name");
    }
    if (verdict == OK) {
        verdict = print_document(pg_conn_value(rows, 0, 0), err);
    }
    if (verdict == OK) {
        verdict = aibom_rules_print(str_view(pg_conn_value(rows, 0, 1)), stderr, out_missing, err);
    }
    if (verdict == OK) {
        verdict = print_unknown(pg, question, rows, out_missing, err);
    }
    pg_conn_clear(rows);
    return verdict;
}

int aibom_run(const struct settings *st, int argc, char **argv)
{
    struct question question = {.format = "spdx3"};
    struct pg_conn *pg = NULL;
    struct err err = {.text = ""};
    int missing = 0;

    if (!read_words(&question, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_CODE_USAGE;
    }
    if (!read_epoch(&question)) {
        fputs("metaops aibom: SOURCE_DATE_EPOCH is a number of seconds\n", stderr);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_READ, "metaops aibom", &pg, &err);
    if (verdict == OK) {
        verdict = tell(pg, &question, &missing, &err);
    }
    pg_conn_close(pg);
    if (verdict != OK) {
        log_error("aibom: %s", err.text);
    }
    return verdict == OK && missing == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}
