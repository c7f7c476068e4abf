/* pg_tables.h - the tables that a batch writes, in the one order in which every sink writes them.
 *
 * One fixed order of tables, keys sorted within each, rows of one key merged before they are sent: so
 * parallel sinks never deadlock, and no statement meets one key twice. */
#ifndef METAOPS_SINKS_PG_TABLES_H
#define METAOPS_SINKS_PG_TABLES_H

#include "core/arena.h"
#include "pg_bind.h"
#include "schemas/graph_rows.h"

#define PG_TABLES_ROW_BYTES_MAX 512

struct pg_table {
    const char *statement; /* file in sinks/sql, also the name of the prepared statement */
    const char *types;     /* as pg_bind_begin */
    size_t rows_offset;    /* of its GRAPH_ROWS in struct graph_batch */
    size_t row_bytes;
    int cluster_param; /* of the statement, from 0: the cluster's id; 0: it takes none */
    bool is_content;   /* written even when the event that brought it is stored already */
    bool
        is_derived; /* follows from the bodies of events alone: what `metaops rebuild` makes anew */
    bool (*wants)(const struct graph_batch *rows, const void *row); /* NULL: every row */
    int (*order)(const void *a, const void *b);
    void (*merge)(void *into, const void *row); /* NULL: rows of one key say the same */
    void (*bind)(struct pg_bind *bind, const void *row);
};

/* Ended by a NULL statement. */
extern const struct pg_table pg_tables[];

/* Binds the rows of one table that are to be written: those of events that are not stored, or, when only_event is not
 * UINT32_MAX, those of that event alone. *out_count is how many. RETRY when memory (scratch) is short. */
MUST_CHECK enum verdict pg_tables_bind(const struct pg_table *table, const struct graph_batch *rows,
                                       uint32_t only_event, struct arena *scratch,
                                       struct pg_bind *bind, size_t *out_count, struct err *err);

#endif
