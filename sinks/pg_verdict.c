/* One table for all places that talk to PostgreSQL. The longest matching prefix wins. */
#include "sinks/pg_verdict.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *prefix;
    enum verdict verdict;
    bool needs_reconnect;
    bool message_is_safe;
};

static const struct row rows[] = {
    /* the connection, the server or its resources: the same work, later */
    {.prefix = "08", .verdict = RETRY, .needs_reconnect = true, .message_is_safe = true},
    {.prefix = "53", .verdict = RETRY, .needs_reconnect = true, .message_is_safe = true},
    {.prefix = "57P", .verdict = RETRY, .needs_reconnect = true, .message_is_safe = true},
    {.prefix = "58", .verdict = RETRY, .needs_reconnect = true, .message_is_safe = true},
    /* a read-only standby after a failover, or we sat idle in a transaction for too long */
    {.prefix = "25", .verdict = RETRY, .needs_reconnect = true, .message_is_safe = true},
    /* other sessions in the way: the same batch again */
    {.prefix = "40001", .verdict = RETRY, .message_is_safe = true},
    {.prefix = "40P01", .verdict = RETRY, .message_is_safe = true},
    {.prefix = "55P03", .verdict = RETRY, .message_is_safe = true},
    {.prefix = "57014", .verdict = RETRY, .message_is_safe = true},
    /* the data of one event: bisect, then reject that event */
    {.prefix = "21", .verdict = REJECT, .message_is_safe = true},
    {.prefix = "22", .verdict = REJECT},
    {.prefix = "23", .verdict = REJECT},
    {.prefix = "54", .verdict = REJECT, .message_is_safe = true},
    /* a wrong setting, a missing migration, or our bug */
    {.prefix = "28", .verdict = FATAL, .message_is_safe = true},
    {.prefix = "3D", .verdict = FATAL, .message_is_safe = true},
    {.prefix = "3F", .verdict = FATAL, .message_is_safe = true},
    {.prefix = "42", .verdict = FATAL, .message_is_safe = true},
    /* raised by our own functions and migrations */
    {.prefix = "P0001", .verdict = RETRY, .message_is_safe = true},
    {.prefix = "MO001", .verdict = RETRY, .message_is_safe = true},
};

static const struct row *find(const char *sqlstate)
{
    const struct row *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].prefix);
        if (len > best_len && strncmp(sqlstate, rows[i].prefix, len) == 0) {
            best = &rows[i];
            best_len = len;
        }
    }
    return best;
}

enum verdict pg_verdict_of(const char *sqlstate)
{
    const struct row *row = sqlstate ? find(sqlstate) : NULL;
    return row ? row->verdict : RETRY;
}

bool pg_verdict_needs_reconnect(const char *sqlstate)
{
    if (!sqlstate || !sqlstate[0]) {
        return true;
    }
    const struct row *row = find(sqlstate);
    return row && row->needs_reconnect;
}

bool pg_verdict_message_is_safe(const char *sqlstate)
{
    const struct row *row = sqlstate ? find(sqlstate) : NULL;
    return row && row->message_is_safe;
}

int pg_verdict_code(const char *sqlstate)
{
    if (!sqlstate || strlen(sqlstate) != 5) {
        return 0;
    }
    int code = 0;
    for (const char *p = sqlstate; *p; p++) {
        int digit;
        if (*p >= '0' && *p <= '9') {
            digit = *p - '0';
        } else if (*p >= 'A' && *p <= 'Z') {
            digit = *p - 'A' + 10;
        } else {
            return 0;
        }
        code = code * 36 + digit;
    }
    return code;
}
