#include "offsets.h"

#include <stdio.h>
#include <string.h>

#include "core/exit_code.h"
#include "core/log.h"
#include "pg_conn.h"

static const char list_sql[] =
    "select topic, partition, next_offset, coalesce(stopped_reason, ''), cluster_id "
    "from graph.offsets order by topic, partition, cluster_id";

static const char accept_sql[] = "select * from graph.accept_offsets($1, $2)";

static enum verdict list(struct pg_conn *pg, struct err *err)
{
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(pg, list_sql, 0, NULL, &result, err);
    if (verdict != OK) {
        return verdict;
    }
    printf("%-28s %9s %14s  %s\n", "topic", "partition", "next offset", "state");
    for (int row = 0; row < pg_conn_rows(result); row++) {
        const char *reason = pg_conn_value(result, row, 3);
        printf("%-28s %9s %14s  %s%s\n", pg_conn_value(result, row, 0),
               pg_conn_value(result, row, 1), pg_conn_value(result, row, 2),
               reason[0] ? "STOPPED: " : "reading", reason);
    }
    pg_conn_clear(result);
    return OK;
}

static enum verdict accept_stopped(struct pg_conn *pg, const char *topic, const char *partition,
                                   struct err *err)
{
    const char *params[] = {topic, partition};
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(pg, accept_sql, 2, params, &result, err);
    if (verdict != OK) {
        return verdict;
    }
    for (int row = 0; row < pg_conn_rows(result); row++) {
        printf("accepted %s partition %s: read again from its first record\n",
               pg_conn_value(result, row, 0), pg_conn_value(result, row, 1));
    }
    if (pg_conn_rows(result) == 0) {
        printf("nothing is stopped\n");
    }
    pg_conn_clear(result);
    return OK;
}

int offsets_run(const struct settings *st, int argc, char **argv)
{
    struct err err = {.text = ""};
    struct pg_conn *pg = NULL;
    bool is_accept = argc > 0 && strcmp(argv[0], "accept") == 0;
    bool is_list = argc == 0 || (argc == 1 && strcmp(argv[0], "list") == 0);
    if ((!is_accept && !is_list) || argc > 3) {
        fprintf(stderr, "usage: metaops offsets [list | accept [TOPIC [PARTITION]]]\n");
        return EXIT_CODE_USAGE;
    }
    enum verdict verdict = pg_conn_open(st, PG_CONN_WRITE, "metaops offsets", &pg, &err);
    if (verdict == OK) {
        verdict = is_accept ? accept_stopped(pg, argc > 1 ? argv[1] : NULL,
                                             argc > 2 ? argv[2] : NULL, &err)
                            : list(pg, &err);
    }
    pg_conn_close(pg);
    if (verdict != OK) {
        log_error("offsets: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}
