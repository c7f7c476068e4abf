/* pg_params.h - reads the binary parameters of a struct pg_bind, as PostgreSQL's array_recv does. */
#ifndef METAOPS_TESTS_SUPPORT_PG_PARAMS_H
#define METAOPS_TESTS_SUPPORT_PG_PARAMS_H

#include "sinks/pg_bind.h"

/* Number of elements, from the array's own header, checked in full (dimensions, type, bounds, length). Call
 * after pg_bind_send. Fails the test that calls it. */
int pg_params_count(const struct pg_bind *bind, int param, uint32_t oid);

/* Element number index; ptr NULL for null. */
struct str pg_params_at(const struct pg_bind *bind, int param, int index);

#endif
