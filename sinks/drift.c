#include "drift.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "contracts_file.h"
#include "core/exit_code.h"
#include "core/log.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "pg_verdict.h"
#include "schemas/embedded.h"

#define WHERE "drift"

struct options {
    const char *since;
    const char *rules;
    bool is_json;
};

static const char usage[] = "usage: metaops drift backtest --since TIME [--rules FILE] [--json]\n";

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (strcmp(argv[i], "--since") == 0 && i + 1 < argc) {
            options->since = argv[++i];
        } else if (strcmp(argv[i], "--rules") == 0 && i + 1 < argc) {
            options->rules = argv[++i];
        } else {
            fprintf(stderr, "metaops drift: %s is no flag or lacks its value\n", argv[i]);
            return false;
        }
    }
    return options->since != NULL;
}

static void print_kind(const struct pg_result *rows, int row)
{
    printf("%-12s  %-10s  %8s  %8s  %8s\n", pg_conn_value(rows, row, 1),
           pg_conn_value(rows, row, 2), pg_conn_value(rows, row, 3), pg_conn_value(rows, row, 4),
           pg_conn_value(rows, row, 5));
}

static void print_owner(const struct pg_result *rows, int row)
{
    printf("%-10s  %8s  ", pg_conn_value(rows, row, 2), pg_conn_value(rows, row, 3));
    lineage_print_text(stdout, pg_conn_value(rows, row, 1));
    puts("");
}

/* Of kinds first, then of owners: each part with a head of its own. */
static void print_rows(const struct pg_result *rows)
{
    bool was_kind = false;
    for (int row = 0; row < pg_conn_rows(rows); row++) {
        bool is_kind = strcmp(pg_conn_value(rows, row, 0), "kind") == 0;
        if (row == 0 && is_kind) {
            printf("%-12s  %-10s  %8s  %8s  %8s\n", "kind", "severity", "told", "attached", "off");
        } else if (was_kind && !is_kind) {
            printf("\n%-10s  %8s  %s\n", "week of", "told", "owner");
        }
        was_kind = is_kind;
        (is_kind ? print_kind : print_owner)(rows, row);
    }
}

static enum verdict backtest(struct pg_conn *pg, const struct options *options, const char *json,
                             struct err *err)
{
    const char *params[] = {options->since, json};
    const char *name = options->is_json ? "drift/json.sql" : "drift/table.sql";
    struct pg_result *rows = NULL;
    /* Judging keeps forms of facets for the next time: not this one. */
    enum verdict verdict = pg_conn_exec(pg, "begin; set local statement_timeout = 0", err);
    if (verdict == OK) {
        verdict = pg_conn_query(pg, embedded_text(sinks_files, name).ptr, 2, params, &rows, err);
    }
    if (verdict != OK &&
        (err->code == pg_verdict_code("22007") || err->code == pg_verdict_code("22008"))) {
        verdict = err_set(err, FATAL, WHERE, "--since: %s is no time", options->since);
    } else if (verdict != OK && err->code == pg_verdict_code("42501")) {
        verdict = err_set(err, FATAL, WHERE, "this is for the owner of the database");
    }
    if (verdict == OK && options->is_json) {
        puts(pg_conn_value(rows, 0, 0));
    } else if (verdict == OK) {
        print_rows(rows);
    }
    pg_conn_clear(rows);
    return verdict == OK ? pg_conn_exec(pg, "rollback", err) : verdict;
}

int drift_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.since = NULL};
    struct contracts_file file = {.json = NULL};
    struct pg_conn *pg = NULL;
    struct err err = {.text = ""};

    if (argc < 1 || strcmp(argv[0], "backtest") != 0 || !read_options(&options, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = options.rules ? contracts_file_read(options.rules, &file, &err) : OK;
    if (verdict == OK) {
        verdict = pg_conn_open(st, PG_CONN_READ, "metaops drift", &pg, &err);
    }
    if (verdict == OK) {
        verdict = backtest(pg, &options, file.json, &err);
    }
    pg_conn_close(pg);
    contracts_file_fini(&file);
    if (verdict != OK) {
        log_error("drift: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
