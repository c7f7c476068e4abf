#include "contracts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts_file.h"
#include "core/exit_code.h"
#include "core/log.h"
#include "core/settings.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define WHERE "contracts"

static const char usage[] = "usage: metaops contracts [list] [--json]\n"
                            "       metaops contracts check | load [FILE]\n";

static enum verdict query(struct pg_conn *pg, const char *name, int count,
                          const char *const *params, struct pg_result **out_rows, struct err *err)
{
    return pg_conn_query(pg, embedded_text(sinks_files, name).ptr, count, params, out_rows, err);
}

enum verdict contracts_load(struct pg_conn *pg, const char *path, int *out_changed, struct err *err)
{
    struct contracts_file file = {.json = NULL};
    struct pg_result *rows = NULL;
    enum verdict verdict = contracts_file_read(path, &file, err);
    if (verdict == OK) {
        const char *params[] = {file.json};
        verdict = query(pg, "contracts/load.sql", 1, params, &rows, err);
    }
    if (verdict == OK) {
        *out_changed = (int)strtol(pg_conn_value(rows, 0, 0), NULL, 10);
    }
    pg_conn_clear(rows);
    contracts_file_fini(&file);
    return verdict;
}

/* What the file made due, all of it. */
static enum verdict judge_all(struct pg_conn *pg, struct err *err)
{
    bool is_more = true;
    enum verdict verdict = OK;
    while (verdict == OK && is_more) {
        struct pg_result *rows = NULL;
        verdict = query(pg, "contracts/judge.sql", 0, NULL, &rows, err);
        is_more = verdict == OK && strcmp(pg_conn_value(rows, 0, 0), "t") == 0;
        pg_conn_clear(rows);
    }
    return verdict;
}

static enum verdict load(const struct settings *st, const char *path, struct err *err)
{
    struct pg_conn *pg = NULL;
    int changed = 0;
    enum verdict verdict = pg_conn_open(st, PG_CONN_WRITE, "metaops contracts", &pg, err);
    if (verdict == OK) {
        verdict = contracts_load(pg, path, &changed, err);
    }
    if (verdict == OK) {
        verdict = judge_all(pg, err);
    }
    if (verdict == OK) {
        printf("%s: loaded, %d contracts new, changed or gone\n", path, changed);
    }
    pg_conn_close(pg);
    return verdict;
}

static enum verdict check(const char *path, struct err *err)
{
    struct contracts_file file = {.json = NULL};
    enum verdict verdict = contracts_file_read(path, &file, err);
    if (verdict == OK) {
        printf("%s: %zu contracts, %zu rules\n", path, file.contract_count, file.rule_count);
    }
    contracts_file_fini(&file);
    return verdict;
}

static void print_row(const struct pg_result *rows, int row)
{
    printf("%-8s  ", pg_conn_value(rows, row, 0));
    for (int column = 1; column < 4; column++) {
        const char *value = pg_conn_value(rows, row, column);
        lineage_print_text(stdout, value ? value : "-");
        fputs(column < 3 ? "  " : "\n", stdout);
    }
}

static enum verdict list(const struct settings *st, bool is_json, bool *out_is_broken,
                         struct err *err)
{
    struct pg_conn *pg = NULL;
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_open(st, PG_CONN_READ, "metaops contracts", &pg, err);
    if (verdict == OK) {
        verdict = query(pg, "contracts/list.sql", 0, NULL, &rows, err);
    }
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        *out_is_broken = *out_is_broken || strcmp(pg_conn_value(rows, row, 0), "broken") == 0;
        if (is_json) {
            puts(pg_conn_value(rows, row, 4));
        } else {
            print_row(rows, row);
        }
    }
    pg_conn_clear(rows);
    pg_conn_close(pg);
    return verdict;
}

/* `check` and `load`, of the file that is named or set. */
static enum verdict with_file(const struct settings *st, bool is_load, const char *path,
                              struct err *err)
{
    path = path ? path : st->alerts.contracts_file;
    if (!*path) {
        return err_set(err, FATAL, WHERE, "name a file, or set alerts.contracts_file");
    }
    return is_load ? load(st, path, err) : check(path, err);
}

int contracts_run(const struct settings *st, int argc, char **argv)
{
    struct err err = {.text = ""};
    const char *verb = argc > 0 && argv[0][0] != '-' ? argv[0] : "list";
    int used = argc > 0 && argv[0][0] != '-';
    bool is_list = strcmp(verb, "list") == 0;
    bool is_load = strcmp(verb, "load") == 0;
    const char *word = argc > used ? argv[used] : NULL;
    bool is_json = is_list && word && strcmp(word, "--json") == 0;
    bool is_broken = false;

    if (argc > used + 1 || (!is_list && !is_load && strcmp(verb, "check") != 0) ||
        (word && !is_json && (is_list || word[0] == '-'))) {
        fputs(usage, stderr);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict =
        is_list ? list(st, is_json, &is_broken, &err) : with_file(st, is_load, word, &err);
    if (verdict != OK) {
        log_error("contracts: %s", err.text);
    }
    return verdict == OK && !is_broken ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}
