#include "letters_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_conn.h"
#include "pg_verdict.h"
#include "schemas/embedded.h"

#define WHERE "letters"

char *letters_query_array(const char *const *ids, int count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool is_good = out != NULL;
    if (!out) {
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        is_good =
            is_good && ids[i][0] && strspn(ids[i], "0123456789abcdefABCDEF-") == strlen(ids[i]);
        fprintf(out, "%s%s", i ? "," : "{", ids[i]);
    }
    fputs(count ? "}" : "{}", out);
    if (fclose(out) != 0 || !is_good) {
        free(text);
        return NULL;
    }
    return text;
}

enum verdict letters_query_run(struct pg_conn *pg, const struct letters_query *query,
                               struct pg_result **out_rows, struct err *err)
{
    char limit[24];
    char *ids = NULL;
    if (query->id_count) {
        ids = letters_query_array(query->ids, query->id_count);
        if (!ids) {
            return err_set(err, REJECT, WHERE, "an id is a UUID, as `dead-letters list` shows it");
        }
    }
    snprintf(limit, sizeof limit, "%ld", query->limit);
    const char *params[] = {query->reason,
                            query->stage,
                            query->topic,
                            query->since,
                            query->is_open_only ? "t" : "f",
                            ids,
                            query->limit ? limit : NULL};
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "letters/list.sql").ptr, 7,
                                         params, out_rows, err);
    free(ids);
    /* Only what the user typed can be no value here. */
    return verdict == REJECT ? err_set(err, REJECT, WHERE, "an id or --since is not readable")
                             : verdict;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* "0aff" as encode(.., 'hex') writes it. */
static unsigned char *bytes_of(const char *hex, size_t *out_len)
{
    size_t len = strlen(hex) / 2;
    unsigned char *bytes = malloc(len + 1);
    for (size_t i = 0; bytes && i < len; i++) {
        bytes[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
    *out_len = len;
    return bytes;
}

enum verdict letters_query_value(struct pg_conn *pg, const char *id, struct pg_result **out_row,
                                 const char **out_topic, unsigned char **out_bytes, size_t *out_len,
                                 struct err *err)
{
    const char *params[] = {id};
    struct pg_result *row = NULL;
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "letters/value.sql").ptr, 1,
                                         params, &row, err);
    if (verdict == FATAL && err->code == pg_verdict_code("42501")) {
        return err_set(err, FATAL, WHERE,
                       "the bytes of dead letters are for the owner of the database");
    }
    if (verdict == REJECT || (verdict == OK && pg_conn_rows(row) == 0)) {
        pg_conn_clear(row);
        return err_set(err, REJECT, WHERE, "there is no dead letter %s", id);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (pg_conn_value(row, 0, 2)[0] == 't') {
        pg_conn_clear(row);
        return err_set(err, REJECT, WHERE, "the bytes of dead letter %s were erased", id);
    }
    unsigned char *bytes = bytes_of(pg_conn_value(row, 0, 1), out_len);
    if (!bytes) {
        pg_conn_clear(row);
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    *out_bytes = bytes;
    *out_topic = pg_conn_value(row, 0, 0);
    *out_row = row;
    return OK;
}

enum verdict letters_query_mark(struct pg_conn *pg, const char *ids, struct err *err)
{
    const char *params[] = {ids};
    struct pg_result *result = NULL;
    enum verdict verdict = pg_conn_query(pg, embedded_text(sinks_files, "letters/mark.sql").ptr, 1,
                                         params, &result, err);
    pg_conn_clear(result);
    return verdict;
}
