/* pg_bind.h - parameters of one statement as PostgreSQL's binary arrays.
 *
 * A whole batch of rows is one statement over unnest() of arrays: one array per column. Format: "Array" in
 * PostgreSQL's src/backend/utils/adt/arrayfuncs.c (array_recv). Memory is kept from statement to statement; a
 * failed allocation is remembered and told by pg_bind_send. One thread. */
#ifndef METAOPS_SINKS_PG_BIND_H
#define METAOPS_SINKS_PG_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

#define PG_BIND_PARAMS_MAX 24

/* PostgreSQL counts from 2000-01-01. */
#define PG_BIND_EPOCH_US INT64_C(946684800000000)

struct pg_conn;

struct pg_array {
    char *data;
    size_t len;
    size_t capacity;
    int32_t count;
    bool has_null;
    bool is_scalar; /* one text, not an array */
};

struct pg_bind {
    struct pg_array arrays[PG_BIND_PARAMS_MAX];
    int count;
    bool is_short; /* an allocation failed */
    const char *types;
};

/* Begins a statement. One letter per parameter: u uuid[], t text[], z timestamptz[], 2 4 8 intN[], b bool[],
 * d float8[], y bytea[], s a single text. types is a literal. */
void pg_bind_begin(struct pg_bind *bind, const char *types);

/* One more element at the end of parameter number index (from 0). */
void pg_bind_uuid(struct pg_bind *bind, int index, struct id128 id);
void pg_bind_optional_uuid(struct pg_bind *bind, int index, bool is_there, struct id128 id);
void pg_bind_text(struct pg_bind *bind, int index, struct str text); /* ptr NULL: null; bytea too */
void pg_bind_time(struct pg_bind *bind, int index, int64_t us);      /* GRAPH_NO_TIME: null */
void pg_bind_int2(struct pg_bind *bind, int index, int16_t value);
void pg_bind_int4(struct pg_bind *bind, int index, int32_t value);
void pg_bind_int8(struct pg_bind *bind, int index, int64_t value);
void pg_bind_float8(struct pg_bind *bind, int index, double value); /* NAN: null */
void pg_bind_bool(struct pg_bind *bind, int index, bool value);
void pg_bind_null(struct pg_bind *bind, int index);

/* Bytes of all parameters. */
size_t pg_bind_bytes(const struct pg_bind *bind);

/* Sends the prepared statement with these parameters on a connection in pipeline mode. RETRY when memory is
 * short or the connection is gone. */
MUST_CHECK enum verdict pg_bind_send(struct pg_bind *bind, struct pg_conn *pg,
                                     const char *statement, struct err *err);

void pg_bind_fini(struct pg_bind *bind);

#endif
