#include "audit_cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_conn.h"
#include "schemas/embedded.h"

#define FETCH_ROWS 2000

enum verdict audit_cursor_open(struct audit_cursor *cursor, struct pg_conn *pg, const char *name,
                               const char *param, struct err *err)
{
    char file[64];
    char *sql = NULL;
    struct pg_result *result = NULL;
    snprintf(file, sizeof file, "audit/%s.sql", name);
    if (asprintf(&sql, "declare audit_%s no scroll cursor for %s", name,
                 embedded_text(sinks_files, file).ptr) < 0) {
        return err_set(err, RETRY, "audit", "memory is short");
    }
    enum verdict verdict = pg_conn_query(pg, sql, param ? 1 : 0, &param, &result, err);
    pg_conn_clear(result);
    free(sql);
    if (verdict == OK) {
        *cursor = (struct audit_cursor){.pg = pg, .name = name, .is_open = true};
    }
    return verdict;
}

enum verdict audit_cursor_next(struct audit_cursor *cursor, bool *out_has_row, struct err *err)
{
    char sql[64];
    if (cursor->rows && ++cursor->row < pg_conn_rows(cursor->rows)) {
        *out_has_row = true;
        return OK;
    }
    pg_conn_clear(cursor->rows);
    cursor->rows = NULL;
    cursor->row = 0;
    snprintf(sql, sizeof sql, "fetch %d from audit_%s", FETCH_ROWS, cursor->name);
    enum verdict verdict = pg_conn_query(cursor->pg, sql, 0, NULL, &cursor->rows, err);
    *out_has_row = verdict == OK && pg_conn_rows(cursor->rows) > 0;
    return verdict;
}

struct str audit_cursor_text(const struct audit_cursor *cursor, int column)
{
    const char *value = pg_conn_value(cursor->rows, cursor->row, column);
    return value ? str_view(value) : (struct str){NULL, 0};
}

int64_t audit_cursor_number(const struct audit_cursor *cursor, int column)
{
    const char *value = pg_conn_value(cursor->rows, cursor->row, column);
    return value ? strtoll(value, NULL, 10) : 0;
}

void audit_cursor_close(struct audit_cursor *cursor)
{
    char sql[64];
    struct err ignored;
    pg_conn_clear(cursor->rows);
    if (cursor->is_open) {
        snprintf(sql, sizeof sql, "close audit_%s", cursor->name);
        (void)!pg_conn_exec(cursor->pg, sql, &ignored);
    }
    *cursor = (struct audit_cursor){.pg = NULL};
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool audit_cursor_unhex(struct str digits, void *out, size_t size)
{
    uint8_t *bytes = out;
    if (digits.len != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(digits.ptr[2 * i]);
        int low = digit_of(digits.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
