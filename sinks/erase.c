/* In two steps, so that writers wait for the second one only, which finds little left to do: bodies that are stored
 * against the erased ones are stored anew, then all is erased in one transaction. */
#include "erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "letters_query.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define WHERE "erase"

struct options {
    const char *reason;
    const char **ids;
    int id_count;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--reason") == 0 && i + 1 < argc) {
            options->reason = argv[++i];
        } else if (argv[i][0] != '-') {
            options->ids[options->id_count++] = argv[i];
        } else {
            fprintf(stderr, "metaops erase: %s is no flag or lacks its value\n", argv[i]);
            return false;
        }
    }
    return options->id_count > 0 && options->reason && options->reason[0];
}

static enum verdict query(struct pg_conn *pg, const char *sql, int param_count,
                          const char *const *params, struct pg_result **out_rows, struct err *err)
{
    enum verdict verdict = pg_conn_query(pg, sql, param_count, params, out_rows, err);
    /* Only what the user typed can be no value here. */
    return verdict == REJECT
               ? err_set(err, REJECT, WHERE, "an id is a UUID, as metaops.events shows it")
               : verdict;
}

static enum verdict refuse_unknown(struct pg_conn *pg, const char *ids, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict =
        query(pg, embedded_text(sinks_files, "audit/erase_unknown.sql").ptr, 1, &ids, &rows, err);
    if (verdict == OK && pg_conn_rows(rows)) {
        verdict = err_set(err, REJECT, WHERE, "there is no event %s; nothing was erased",
                          pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict erase_all(struct pg_conn *pg, const char *ids, const char *reason,
                              struct err *err)
{
    const char *params[] = {ids, reason};
    struct pg_result *before = NULL;
    struct pg_result *rows = NULL;
    enum verdict verdict =
        query(pg, "select graph.unfold_dependents($1::uuid[])", 1, params, &before, err);
    if (verdict == OK) {
        verdict = query(pg, "select * from graph.erase($1::uuid[], $2)", 2, params, &rows, err);
    }
    if (verdict == OK) {
        printf("%-10s %s bodies, the bytes of %s dead letters\n", "erased",
               pg_conn_value(rows, 0, 0), pg_conn_value(rows, 0, 1));
        printf("%-10s %ld bodies that were stored against them\n", "kept",
               strtol(pg_conn_value(before, 0, 0), NULL, 10) +
                   strtol(pg_conn_value(rows, 0, 2), NULL, 10));
    }
    pg_conn_clear(before);
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict tell_places(struct pg_conn *pg, const char *ids, struct err *err)
{
    struct pg_result *rows = NULL;
    enum verdict verdict =
        query(pg, embedded_text(sinks_files, "audit/erase_places.sql").ptr, 1, &ids, &rows, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        printf("%-10s %s partition %s offset %s, until its retention takes it\n",
               row ? "" : "on Kafka", pg_conn_value(rows, row, 0), pg_conn_value(rows, row, 1),
               pg_conn_value(rows, row, 2));
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict erase(const struct settings *st, const struct options *options, struct err *err)
{
    struct pg_conn *pg = NULL;
    char *ids = letters_query_array(options->ids, options->id_count);
    enum verdict verdict =
        ids ? pg_conn_open(st, PG_CONN_WRITE, "metaops erase", &pg, err)
            : err_set(err, REJECT, WHERE, "an id is a UUID, as metaops.events shows it");
    if (verdict == OK) {
        verdict = pg_conn_exec(pg, "set statement_timeout = 0; set lock_timeout = '30s'", err);
    }
    verdict = verdict == OK ? refuse_unknown(pg, ids, err) : verdict;
    verdict = verdict == OK ? erase_all(pg, ids, options->reason, err) : verdict;
    verdict = verdict == OK ? tell_places(pg, ids, err) : verdict;
    pg_conn_close(pg);
    free(ids);
    return verdict;
}

int erase_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.ids = calloc((size_t)argc + 1, sizeof *options.ids)};
    struct err err = {.text = ""};
    if (!options.ids || !read_options(&options, argc, argv)) {
        fputs("usage: metaops erase EVENT... --reason TEXT\n", stderr);
        free(options.ids);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = erase(st, &options, &err);
    free(options.ids);
    if (verdict != OK) {
        log_error("erase: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
