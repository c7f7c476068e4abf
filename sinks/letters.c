#include "letters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "letters_query.h"
#include "letters_retry.h"
#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/utf8.h"

#define LIST_LIMIT 100

struct options {
    struct letters_query query;
    bool is_all;
    bool is_json;
    bool is_raw;
};

static const char usage[] =
    "usage: metaops dead-letters [list] [--open] [--reason PATTERN] [--stage NAME] [--topic NAME]\n"
    "                            [--since TIME] [--limit N] [--json]\n"
    "       metaops dead-letters show ID [--raw]\n"
    "       metaops dead-letters retry ID... | --all | --reason PATTERN | --stage NAME | --topic "
    "NAME\n";

static bool set_limit(struct options *options, const char *value)
{
    char *end = NULL;
    errno = 0;
    options->query.limit = strtol(value, &end, 10);
    return !errno && end != value && !*end && options->query.limit > 0;
}

/* A flag with a value, as `--flag value` or `--flag=value`; *index moves to its last word. */
static bool read_valued(struct options *options, int argc, char **argv, int *index)
{
    struct {
        const char *flag;
        const char **field;
    } texts[] = {{"--reason", &options->query.reason},
                 {"--stage", &options->query.stage},
                 {"--topic", &options->query.topic},
                 {"--since", &options->query.since},
                 {"--limit", NULL}};
    size_t len = strcspn(argv[*index], "=");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strlen(texts[i].flag) != len || strncmp(argv[*index], texts[i].flag, len) != 0) {
            continue;
        }
        const char *value = argv[*index][len] == '=' ? argv[*index] + len + 1
                            : *index + 1 < argc      ? argv[++*index]
                                                     : NULL;
        if (value && texts[i].field) {
            *texts[i].field = value;
        }
        return value && (texts[i].field || set_limit(options, value));
    }
    return false;
}

static bool read_options(struct options *options, int argc, char **argv, const char **ids)
{
    options->query.ids = ids;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0) {
            options->is_all = true;
        } else if (strcmp(argv[i], "--open") == 0) {
            options->query.is_open_only = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (strcmp(argv[i], "--raw") == 0) {
            options->is_raw = true;
        } else if (argv[i][0] != '-') {
            ids[options->query.id_count++] = argv[i];
        } else if (!read_valued(options, argc, argv, &i)) {
            fprintf(stderr, "metaops dead-letters: %s is no flag or lacks its value\n", argv[i]);
            return false;
        }
    }
    return true;
}

static enum verdict list(const struct settings *st, struct pg_conn *pg, struct options *options,
                         struct err *err)
{
    struct pg_result *rows = NULL;
    (void)st;
    if (!options->query.limit) {
        options->query.limit = LIST_LIMIT;
    }
    enum verdict verdict = letters_query_run(pg, &options->query, &rows, err);
    if (verdict == OK && !options->is_json) {
        printf("%-36s  %-20s  %-7s  %-8s  %9s  %s\n", "id", "failed at", "state", "stage", "bytes",
               "reason");
    }
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        if (options->is_json) {
            puts(pg_conn_value(rows, row, LETTERS_JSON));
            continue;
        }
        printf("%-36s  %-20.19s  %-7s  %-8s  %9s  ", pg_conn_value(rows, row, LETTERS_ID),
               pg_conn_value(rows, row, LETTERS_FAILED_AT), pg_conn_value(rows, row, LETTERS_STATE),
               pg_conn_value(rows, row, LETTERS_STAGE), pg_conn_value(rows, row, LETTERS_BYTES));
        lineage_print_text(stdout, pg_conn_value(rows, row, LETTERS_REASON));
        puts("");
    }
    if (verdict == OK && !options->is_json && pg_conn_rows(rows) == options->query.limit) {
        printf("(the first %ld; --limit N shows more)\n", options->query.limit);
    }
    pg_conn_clear(rows);
    return verdict;
}

static void print_line(const char *name, const char *value)
{
    if (value) {
        printf("%-13s ", name);
        lineage_print_text(stdout, value);
        puts("");
    }
}

static bool is_text(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t' && bytes[i] != '\r') ||
            bytes[i] == 0x7F) {
            return false;
        }
    }
    return utf8_is_valid((struct str){(const char *)bytes, len});
}

static void print_hex(const unsigned char *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += 16) {
        printf("%08zx ", at);
        for (size_t i = at; i < at + 16; i++) {
            if (i < len) {
                printf(" %02x", bytes[i]);
            } else {
                fputs("   ", stdout);
            }
        }
        fputs("  ", stdout);
        for (size_t i = at; i < at + 16 && i < len; i++) {
            putchar(bytes[i] >= 0x20 && bytes[i] < 0x7F ? bytes[i] : '.');
        }
        putchar('\n');
    }
}

static enum verdict show_bytes(struct pg_conn *pg, const char *id, bool is_raw, struct err *err)
{
    struct pg_result *row = NULL;
    const char *topic = NULL;
    unsigned char *bytes = NULL;
    size_t len = 0;
    enum verdict verdict = letters_query_value(pg, id, &row, &topic, &bytes, &len, err);
    if (verdict != OK) {
        return verdict;
    }
    if (is_raw) {
        fwrite(bytes, 1, len, stdout);
    } else if (is_text(bytes, len)) {
        printf("\n%.*s\n", (int)len, (const char *)bytes);
    } else {
        puts("");
        print_hex(bytes, len);
    }
    free(bytes);
    pg_conn_clear(row);
    return OK;
}

static enum verdict show(const struct settings *st, struct pg_conn *pg, struct options *options,
                         struct err *err)
{
    static const struct {
        const char *name;
        enum letters_column column;
    } lines[] = {{"id", LETTERS_ID},
                 {"event", LETTERS_EVENT_ID},
                 {"failed at", LETTERS_FAILED_AT},
                 {"stage", LETTERS_STAGE},
                 {"reason", LETTERS_REASON},
                 {"json pointer", LETTERS_POINTER},
                 {"byte offset", LETTERS_BYTE_OFFSET},
                 {"topic", LETTERS_TOPIC},
                 {"partition", LETTERS_PARTITION},
                 {"offset", LETTERS_OFFSET},
                 {"bytes", LETTERS_BYTES},
                 {"state", LETTERS_STATE},
                 {"retried", LETTERS_RETRIED_AT}};
    struct pg_result *rows = NULL;
    (void)st;
    enum verdict verdict = letters_query_run(pg, &options->query, &rows, err);
    if (verdict == OK && pg_conn_rows(rows) == 0) {
        verdict =
            err_set(err, REJECT, "letters", "there is no dead letter %s", options->query.ids[0]);
    }
    for (size_t i = 0; verdict == OK && !options->is_raw && i < sizeof lines / sizeof lines[0];
         i++) {
        print_line(lines[i].name, pg_conn_value(rows, 0, lines[i].column));
    }
    if (verdict == OK) {
        verdict = show_bytes(pg, options->query.ids[0], options->is_raw, err);
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict retry(const struct settings *st, struct pg_conn *pg, struct options *options,
                          struct err *err)
{
    struct pg_result *rows = NULL;
    int sent = 0;
    int failed = 0;
    /* One that is named is sent whatever became of it. */
    options->query.is_open_only = options->query.is_open_only || options->query.id_count == 0;
    enum verdict verdict = letters_query_run(pg, &options->query, &rows, err);
    if (verdict == OK && pg_conn_rows(rows) < options->query.id_count) {
        verdict =
            err_set(err, REJECT, "letters", "%d of %d letters are not there; nothing was sent",
                    options->query.id_count - pg_conn_rows(rows), options->query.id_count);
    }
    if (verdict == OK) {
        verdict = letters_retry_rows(st, pg, rows, &sent, &failed, err);
        printf("%d sent again, %d not taken\n", sent, failed);
    }
    if (verdict == OK && failed) {
        verdict = err_set(err, RETRY, "letters", "the broker did not take %d letters", failed);
    }
    pg_conn_clear(rows);
    return verdict;
}

static bool is_chosen(const struct options *options)
{
    const struct letters_query *query = &options->query;
    return options->is_all || query->id_count || query->reason || query->stage || query->topic ||
           query->since;
}

int letters_run(const struct settings *st, int argc, char **argv)
{
    struct options options = {.is_all = false};
    struct err err = {.text = ""};
    struct pg_conn *pg = NULL;
    const char *name = argc > 0 && argv[0][0] != '-' ? argv[0] : "list";
    int used = argc > 0 && argv[0][0] != '-';
    bool is_show = strcmp(name, "show") == 0;
    bool is_retry = strcmp(name, "retry") == 0;
    const char **ids = calloc((size_t)argc + 1, sizeof *ids);
    bool is_good = ids && (is_show || is_retry || strcmp(name, "list") == 0) &&
                   read_options(&options, argc - used, argv + used, ids) &&
                   (!is_show || options.query.id_count == 1) && (!is_retry || is_chosen(&options));
    if (!is_good) {
        fputs(usage, stderr);
        free(ids);
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, is_retry ? PG_CONN_WRITE : PG_CONN_READ,
                                        "metaops dead-letters", &pg, &err);
    if (verdict == OK) {
        verdict = is_show    ? show(st, pg, &options, &err)
                  : is_retry ? retry(st, pg, &options, &err)
                             : list(st, pg, &options, &err);
    }
    pg_conn_close(pg);
    free(ids);
    if (verdict != OK) {
        log_error("dead-letters: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
