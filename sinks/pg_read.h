/* pg_read.h - values of binary results: what pg_bind.h is for parameters.
 *
 * Formats: the send functions of the types in PostgreSQL's src/backend/utils/adt. The caller knows the type of the column; null
 * is read as it is bound: the zero id, ptr NULL, GRAPH_NO_TIME, 0 of numbers. Pure functions; any thread. */
#ifndef METAOPS_SINKS_PG_READ_H
#define METAOPS_SINKS_PG_READ_H

#include <stdint.h>

#include <libpq-fe.h>

#include "core/id128.h"
#include "core/str.h"

struct id128 pg_read_uuid(const PGresult *result, int row, int column);
struct str pg_read_text(const PGresult *result, int row,
                        int column); /* as long as result; bytea too */
int64_t pg_read_time(const PGresult *result, int row, int column); /* microseconds since 1970 */
int16_t pg_read_int2(const PGresult *result, int row, int column);
int32_t pg_read_int4(const PGresult *result, int row, int column);
float pg_read_float4(const PGresult *result, int row, int column);

#endif
