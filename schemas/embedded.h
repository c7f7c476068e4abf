/* embedded.h - files of the source tree carried inside the program (schemas/embed.cmake). */
#ifndef METAOPS_SCHEMAS_EMBEDDED_H
#define METAOPS_SCHEMAS_EMBEDDED_H

#include "core/str.h"

struct embedded_file {
    const char *name; /* path below its folder, such as "postgres/0001_graph.sql" */
    struct str text;  /* the file's bytes, a NUL byte behind them */
};

/* Tables sorted by name and ended by a row whose name is NULL. */
extern const struct embedded_file schemas_files[]; /* schemas/: avro and postgres */
extern const struct embedded_file sinks_files[];   /* sinks/: the sink's statements */

/* The text of a file, or ptr NULL when there is none of that name. */
struct str embedded_text(const struct embedded_file *table, const char *name);

#endif
