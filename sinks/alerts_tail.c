#include "alerts_tail.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lineage_print.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define LOOK_MS 1000

/* The last answer, to know what of the next one is new. */
struct seen {
    int64_t *ids; /* in order */
    int count;
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_event(const struct pg_result *rows, int row, bool is_json)
{
    if (is_json) {
        puts(pg_conn_value(rows, row, 7));
        return;
    }
    printf("%.19s  %-12s  %-8s  %-11s  ", pg_conn_value(rows, row, 1), pg_conn_value(rows, row, 2),
           pg_conn_value(rows, row, 3), pg_conn_value(rows, row, 4));
    lineage_print_text(stdout, pg_conn_value(rows, row, 5));
    printf("  %s\n", pg_conn_value(rows, row, 6));
}

static enum verdict print_new(const struct pg_result *rows, struct seen *seen, bool is_json,
                              struct err *err)
{
    int count = pg_conn_rows(rows);
    int64_t *ids = calloc((size_t)count + 1, sizeof *ids);
    if (!ids) {
        return err_set(err, RETRY, "alerts", "memory is short");
    }
    for (int row = 0; row < count; row++) {
        ids[row] = strtoll(pg_conn_value(rows, row, 0), NULL, 10);
        if (!seen->count ||
            !bsearch(&ids[row], seen->ids, (size_t)seen->count, sizeof *ids, compare)) {
            print_event(rows, row, is_json);
        }
    }
    free(seen->ids);
    *seen = (struct seen){.ids = ids, .count = count};
    return fflush(stdout) == 0 ? OK : err_set(err, FATAL, "alerts", "stdout is closed");
}

static void wait_notified(struct pg_conn *pg)
{
    struct pollfd socket = {.fd = pg_conn_socket(pg), .events = POLLIN};
    poll(&socket, 1, LOOK_MS);
    (void)pg_conn_was_notified(pg); /* whatever the channel says, it is looked */
}

enum verdict alerts_tail_run(struct pg_conn *pg, const struct alerts_tail_filter *filter,
                             bool is_json, struct err *err)
{
    struct seen seen = {.count = 0};
    struct pg_result *start = NULL;
    enum verdict verdict = pg_conn_exec(pg, "listen metaops_alerts", err);
    if (verdict == OK) {
        verdict = pg_conn_query(pg, embedded_text(sinks_files, "alerts/now.sql").ptr, 0, NULL,
                                &start, err);
    }
    while (verdict == OK) {
        const char *params[] = {pg_conn_value(start, 0, 0), filter->kind, filter->severity,
                                filter->namespace_pattern};
        struct pg_result *rows = NULL;
        verdict = pg_conn_query(pg, embedded_text(sinks_files, "alerts/tail.sql").ptr, 4, params,
                                &rows, err);
        if (verdict == OK) {
            verdict = print_new(rows, &seen, is_json, err);
        }
        pg_conn_clear(rows);
        if (verdict == OK) {
            wait_notified(pg);
        }
    }
    pg_conn_clear(start);
    free(seen.ids);
    return verdict;
}
