/* letters_query.h - which letters a command is about, and their rows. */
#ifndef METAOPS_SINKS_LETTERS_QUERY_H
#define METAOPS_SINKS_LETTERS_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct pg_conn;
struct pg_result;

/* NULL: any. Text is the caller's. */
struct letters_query {
    const char *reason; /* LIKE */
    const char *stage;
    const char *topic;
    const char *since;
    bool is_open_only;
    const char *const *ids; /* id_count of them; 0: any */
    int id_count;
    long limit; /* 0: none */
};

/* Columns of letters/list.sql. */
enum letters_column {
    LETTERS_ID,
    LETTERS_FAILED_AT,
    LETTERS_STAGE,
    LETTERS_TOPIC,
    LETTERS_PARTITION,
    LETTERS_OFFSET,
    LETTERS_BYTES,
    LETTERS_RETRIES,
    LETTERS_STATE,
    LETTERS_REASON,
    LETTERS_POINTER,
    LETTERS_BYTE_OFFSET,
    LETTERS_RETRIED_AT,
    LETTERS_EVENT_ID,
    LETTERS_JSON
};

/* The rows, oldest first; the caller frees them with pg_conn_clear. REJECT for an id or time that is none. */
MUST_CHECK enum verdict letters_query_run(struct pg_conn *pg, const struct letters_query *query,
                                          struct pg_result **out_rows, struct err *err);

/* Topic and bytes of one letter. *out_bytes is malloc'd (also when there are none), the caller's; *out_topic points
 * into *out_row, which the caller frees with pg_conn_clear. REJECT when there is no such letter or its bytes were erased; FATAL when this
 * role may not see bytes. */
MUST_CHECK enum verdict letters_query_value(struct pg_conn *pg, const char *id,
                                            struct pg_result **out_row, const char **out_topic,
                                            unsigned char **out_bytes, size_t *out_len,
                                            struct err *err);

/* Marks letters as sent again, which is an act of the audit; ids as an array literal. */
MUST_CHECK enum verdict letters_query_mark(struct pg_conn *pg, const char *ids, struct err *err);

/* "{a,b}", malloc'd; NULL when memory is short or an id has other characters than a UUID's. */
char *letters_query_array(const char *const *ids, int count);

#endif
