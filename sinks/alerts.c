#include "alerts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts_tail.h"
#include "core/exit_code.h"
#include "core/log.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "pg_verdict.h"
#include "schemas/embedded.h"

#define WHERE "alerts"
#define LIST_LIMIT "100"

struct options {
    const char *status;
    const char *kind;
    const char *severity;
    const char *namespace_pattern;
    const char *name_pattern;
    const char *limit;
    const char *note;
    bool is_all;
    bool is_json;
    const char **ids;
    int id_count;
};

static const char usage[] =
    "usage: metaops alerts [list] [--status NAME] [--kind NAME] [--severity NAME]\n"
    "                      [--namespace PATTERN] [--name PATTERN] [--limit N] [--json]\n"
    "       metaops alerts show ID... [--json]\n"
    "       metaops alerts ack | accept | ignore ID... [--note TEXT]\n"
    "       metaops alerts retry ID... | --all\n"
    "       metaops alerts tail [--kind NAME] [--severity NAME] [--namespace PATTERN] [--json]\n";

/* A flag with a value, as `--flag value` or `--flag=value`; *index moves to its last word. */
static bool read_valued(struct options *options, int argc, char **argv, int *index)
{
    struct {
        const char *flag;
        const char **field;
    } texts[] = {{"--status", &options->status},     {"--kind", &options->kind},
                 {"--severity", &options->severity}, {"--namespace", &options->namespace_pattern},
                 {"--name", &options->name_pattern}, {"--limit", &options->limit},
                 {"--note", &options->note}};
    size_t len = strcspn(argv[*index], "=");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strlen(texts[i].flag) == len && strncmp(argv[*index], texts[i].flag, len) == 0) {
            const char *value = argv[*index][len] == '=' ? argv[*index] + len + 1
                                : *index + 1 < argc      ? argv[++*index]
                                                         : NULL;
            *texts[i].field = value;
            return value != NULL;
        }
    }
    return false;
}

static bool is_count(const char *text)
{
    char *end = NULL;
    errno = 0;
    return strtol(text, &end, 10) > 0 && !errno && !*end;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0) {
            options->is_all = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (argv[i][0] != '-') {
            options->ids[options->id_count++] = argv[i];
        } else if (!read_valued(options, argc, argv, &i)) {
            fprintf(stderr, "metaops alerts: %s is no flag or lacks its value\n", argv[i]);
            return false;
        }
    }
    if (options->limit && !is_count(options->limit)) {
        fprintf(stderr, "metaops alerts: --limit takes a number from 1\n");
        return false;
    }
    return true;
}

static enum verdict query(struct pg_conn *pg, const char *name, int count,
                          const char *const *params, struct pg_result **out_rows, struct err *err)
{
    enum verdict verdict =
        pg_conn_query(pg, embedded_text(sinks_files, name).ptr, count, params, out_rows, err);
    return verdict == FATAL && err->code == pg_verdict_code("42501")
               ? err_set(err, FATAL, WHERE, "this is for the owner of the database")
               : verdict;
}

static enum verdict list(struct pg_conn *pg, const struct options *options, struct err *err)
{
    const char *params[] = {options->status,       options->kind,
                            options->severity,     options->namespace_pattern,
                            options->name_pattern, options->limit};
    struct pg_result *rows = NULL;
    enum verdict verdict = query(pg, "alerts/list.sql", 6, params, &rows, err);
    if (verdict == OK && !options->is_json) {
        printf("%-36s  %-19s  %-8s  %-12s  %-11s  %s\n", "id", "opened at", "severity", "status",
               "kind", "title");
    }
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        if (options->is_json) {
            puts(pg_conn_value(rows, row, 6));
            continue;
        }
        printf("%-36s  %.19s  %-8s  %-12s  %-11s  ", pg_conn_value(rows, row, 0),
               pg_conn_value(rows, row, 1), pg_conn_value(rows, row, 2),
               pg_conn_value(rows, row, 3), pg_conn_value(rows, row, 4));
        lineage_print_text(stdout, pg_conn_value(rows, row, 5));
        puts("");
    }
    if (verdict == OK && !options->is_json &&
        pg_conn_rows(rows) == strtol(options->limit, NULL, 10)) {
        printf("(the newest %s; --limit N shows more)\n", options->limit);
    }
    pg_conn_clear(rows);
    return verdict;
}

/* The whole id of the alert whose id begins so. */
static enum verdict find(struct pg_conn *pg, const char *start, char *out_id, size_t size,
                         struct err *err)
{
    const char *params[] = {start};
    struct pg_result *rows = NULL;
    if (!start[0] || strspn(start, "0123456789abcdefABCDEF-") != strlen(start)) {
        return err_set(err, REJECT, WHERE, "%s is no id, as `alerts list` shows it", start);
    }
    enum verdict verdict = query(pg, "alerts/find.sql", 1, params, &rows, err);
    if (verdict == OK && pg_conn_rows(rows) != 1) {
        verdict = err_set(err, REJECT, WHERE, "there is %s alert %s",
                          pg_conn_rows(rows) ? "more than one" : "no", start);
    }
    if (verdict == OK) {
        snprintf(out_id, size, "%s", pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict show_one(struct pg_conn *pg, const char *id, bool is_json, struct err *err)
{
    const char *params[] = {id};
    struct pg_result *rows = NULL;
    enum verdict verdict =
        query(pg, is_json ? "alerts/json.sql" : "alerts/show.sql", 1, params, &rows, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        const char *label = pg_conn_value(rows, row, 0);
        if (is_json) {
            puts(label);
            continue;
        }
        printf("%-14s ", label ? label : "");
        lineage_print_text(stdout, pg_conn_value(rows, row, 1));
        puts("");
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict decide_one(struct pg_conn *pg, const char *function, const char *id,
                               const char *note, struct err *err)
{
    char sql[80];
    const char *params[] = {id, note};
    struct pg_result *rows = NULL;
    snprintf(sql, sizeof sql, "select metaops.%s_alert($1::uuid, $2)", function);
    enum verdict verdict = pg_conn_query(pg, sql, 2, params, &rows, err);
    if (verdict == FATAL && err->code == pg_verdict_code("42501")) {
        verdict = err_set(err, FATAL, WHERE, "decisions are for the owner of the database");
    }
    if (verdict == OK) {
        printf("%s %s\n", id, pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict retry(struct pg_conn *pg, const char *id, struct err *err)
{
    const char *params[] = {id};
    struct pg_result *rows = NULL;
    enum verdict verdict = query(pg, "alerts/retry.sql", 1, params, &rows, err);
    if (verdict == OK) {
        printf("%s: %s messages to be told again\n", id ? id : "all", pg_conn_value(rows, 0, 0));
    }
    pg_conn_clear(rows);
    return verdict;
}

static const struct verb {
    const char *name;
    const char *function; /* that decides */
    bool takes_ids;
    enum pg_conn_use use;
} verbs[] = {
    {.name = "list", .use = PG_CONN_READ},
    {.name = "tail", .use = PG_CONN_READ},
    {.name = "show", .takes_ids = true, .use = PG_CONN_READ},
    {.name = "ack", .function = "acknowledge", .takes_ids = true, .use = PG_CONN_WRITE},
    {.name = "accept", .function = "accept", .takes_ids = true, .use = PG_CONN_WRITE},
    {.name = "ignore", .function = "ignore", .takes_ids = true, .use = PG_CONN_WRITE},
    {.name = "retry", .takes_ids = true, .use = PG_CONN_WRITE},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static enum verdict run_ids(struct pg_conn *pg, const struct verb *verb,
                            const struct options *options, struct err *err)
{
    enum verdict verdict = OK;
    for (int i = 0; verdict == OK && i < options->id_count; i++) {
        char id[40];
        verdict = find(pg, options->ids[i], id, sizeof id, err);
        if (verdict != OK) {
            break;
        }
        if (verb->function) {
            verdict = decide_one(pg, verb->function, id, options->note, err);
        } else if (strcmp(verb->name, "retry") == 0) {
            verdict = retry(pg, id, err);
        } else {
            verdict = show_one(pg, id, options->is_json, err);
        }
    }
    return verdict;
}

static enum verdict run(struct pg_conn *pg, const struct verb *verb, struct options *options,
                        struct err *err)
{
    if (verb->takes_ids) {
        return options->is_all ? retry(pg, NULL, err) : run_ids(pg, verb, options, err);
    }
    if (strcmp(verb->name, "tail") == 0) {
        struct alerts_tail_filter filter = {.kind = options->kind,
                                            .severity = options->severity,
                                            .namespace_pattern = options->namespace_pattern};
        return alerts_tail_run(pg, &filter, options->is_json, err);
    }
    options->limit = options->limit ? options->limit : LIST_LIMIT;
    return list(pg, options, err);
}

/* Are these the words that the verb takes? */
static bool is_fit(const struct verb *verb, const struct options *options)
{
    bool may_all = strcmp(verb->name, "retry") == 0;
    if (options->is_all && (!may_all || options->id_count)) {
        return false;
    }
    return verb->takes_ids ? options->id_count > 0 || options->is_all : options->id_count == 0;
}

int alerts_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.limit = NULL};
    struct err err = {.text = ""};
    struct pg_conn *pg = NULL;
    int used = argc > 0 && argv[0][0] != '-';
    const struct verb *verb = find_verb(used ? argv[0] : "list");
    options.ids = calloc((size_t)argc + 1, sizeof *options.ids);
    bool is_good = verb && options.ids && read_options(&options, argc - used, argv + used) &&
                   is_fit(verb, &options);
    if (!is_good) {
        fputs(usage, stderr);
        free(options.ids);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, verb->use, "metaops alerts", &pg, &err);
    if (verdict == OK) {
        verdict = run(pg, verb, &options, &err);
    }
    pg_conn_close(pg);
    free(options.ids);
    if (verdict != OK) {
        log_error("alerts: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
