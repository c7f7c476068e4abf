#include "lineage_name.h"

#include <string.h>

#include "lineage_graph.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define SUGGESTIONS_MAX 5

static enum verdict ask(struct pg_conn *pg, const char *file, int param_count,
                        const char *const *params, struct pg_result **out_rows, struct err *err)
{
    return pg_conn_query(pg, embedded_text(sinks_files, file).ptr, param_count, params, out_rows,
                         err);
}

/* What is wrong with which name; the text goes on behind it. */
static void note(FILE *notes, const char *before, const char *name)
{
    fputs(before, notes);
    lineage_print_text(notes, name);
}

static enum verdict suggest(struct pg_conn *pg, const char *name, FILE *notes, struct err *err)
{
    const char *params[] = {name};
    struct pg_result *rows = NULL;
    enum verdict verdict = ask(pg, "lineage/similar.sql", 1, params, &rows, err);

    if (verdict != OK) {
        return verdict;
    }
    if (pg_conn_rows(rows) > 0) {
        fputs("similar names (kind, namespace, name):\n", notes);
    }
    for (int row = 0; row < pg_conn_rows(rows); row++) {
        note(notes, "  ", pg_conn_value(rows, row, 0));
        note(notes, "  ", pg_conn_value(rows, row, 1));
        note(notes, "  ", pg_conn_value(rows, row, 2));
        fputs("\n", notes);
    }
    pg_conn_clear(rows);
    return OK;
}

static enum verdict unknown(struct pg_conn *pg, const struct lineage_question *question,
                            FILE *notes, struct err *err)
{
    note(notes, "no dataset or job is named ", question->name);
    if (question->namespace) {
        note(notes, " in namespace ", question->namespace);
    }
    fputs("\n", notes);
    enum verdict verdict = suggest(pg, question->name, notes, err);
    return verdict == OK ? err_set(err, REJECT, "lineage", "unknown name") : verdict;
}

static enum verdict several(const struct lineage_question *question, const struct pg_result *rows,
                            FILE *notes, struct err *err)
{
    lineage_print_text(notes, question->name);
    fputs(" stands in several namespaces, name one:\n", notes);
    for (int row = 0; row < pg_conn_rows(rows) && row < SUGGESTIONS_MAX; row++) {
        note(notes, "  ", pg_conn_value(rows, row, 0));
        note(notes, "  ", pg_conn_value(rows, row, 1));
        fputs("\n", notes);
    }
    if (pg_conn_rows(rows) > SUGGESTIONS_MAX) {
        fputs("  ...\n", notes);
    }
    return err_set(err, REJECT, "lineage", "ambiguous name");
}

/* The field must be known: an entry of column lineage that touches a whole dataset would otherwise
 * answer for any name. */
static enum verdict check_field(struct pg_conn *pg, const struct lineage_question *question,
                                FILE *notes, struct err *err)
{
    const char *params[] = {question->namespace, question->name, question->field};
    struct pg_result *rows = NULL;

    if (question->is_job) {
        note(notes, "a job has no fields: ", question->name);
        fputs("\n", notes);
        return err_set(err, REJECT, "lineage", "a job has no fields");
    }
    enum verdict verdict = ask(pg, "lineage/fields.sql", 3, params, &rows, err);
    if (verdict != OK) {
        return verdict;
    }
    if (pg_conn_rows(rows) == 0 || strcmp(pg_conn_value(rows, 0, 1), "t") != 0) {
        note(notes, "no field is named ", question->field);
        note(notes, " in ", question->name);
        for (int row = 0; row < pg_conn_rows(rows) && row < SUGGESTIONS_MAX; row++) {
            note(notes, row ? ", " : "; it has ", pg_conn_value(rows, row, 0));
        }
        fputs(pg_conn_rows(rows) > SUGGESTIONS_MAX ? ", ...\n" : "\n", notes);
        verdict = err_set(err, REJECT, "lineage", "unknown field");
    }
    pg_conn_clear(rows);
    return verdict;
}

enum verdict lineage_name_resolve(struct pg_conn *pg, struct lineage_question *question,
                                  FILE *notes, struct pg_result **out_rows, struct err *err)
{
    const char *place[] = {question->namespace, question->name};
    const char *name[] = {question->name};
    enum verdict verdict = question->namespace
                               ? ask(pg, "lineage/kind.sql", 2, place, out_rows, err)
                               : ask(pg, "lineage/places.sql", 1, name, out_rows, err);

    if (verdict != OK) {
        return verdict;
    }
    if (pg_conn_rows(*out_rows) == 0) {
        return unknown(pg, question, notes, err);
    }
    if (pg_conn_rows(*out_rows) > 1) {
        return several(question, *out_rows, notes, err);
    }
    question->is_job = strcmp(pg_conn_value(*out_rows, 0, 0), "job") == 0;
    if (!question->namespace) {
        question->namespace = pg_conn_value(*out_rows, 0, 1);
    }
    return question->field ? check_field(pg, question, notes, err) : OK;
}
