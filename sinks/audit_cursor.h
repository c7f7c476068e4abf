/* audit_cursor.h - the rows of a large query, a few thousand at a time, within the transaction of the connection.
 *
 * Several may be open side by side. One thread; blocks. */
#ifndef METAOPS_SINKS_AUDIT_CURSOR_H
#define METAOPS_SINKS_AUDIT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/str.h"

struct pg_conn;
struct pg_result;

struct audit_cursor {
    struct pg_conn *pg;
    struct pg_result *rows;
    const char *name;
    int row;
    bool is_open;
};

/* Opens the query of the file sinks/audit/NAME.sql with a text parameter or none (NULL). Closes with
 * audit_cursor_close. */
MUST_CHECK enum verdict audit_cursor_open(struct audit_cursor *cursor, struct pg_conn *pg,
                                          const char *name, const char *param, struct err *err);

/* The next row, or *out_has_row false at the end. */
MUST_CHECK enum verdict audit_cursor_next(struct audit_cursor *cursor, bool *out_has_row,
                                          struct err *err);

/* Values of the present row, valid until the next one: text (ptr NULL: null), a number (0: null). */
struct str audit_cursor_text(const struct audit_cursor *cursor, int column);
int64_t audit_cursor_number(const struct audit_cursor *cursor, int column);

/* A zeroed or closed one is fine. */
void audit_cursor_close(struct audit_cursor *cursor);

/* The bytes that hexadecimal digits say, lower case; false when there are not exactly size of them. */
bool audit_cursor_unhex(struct str digits, void *out, size_t size);

#endif
