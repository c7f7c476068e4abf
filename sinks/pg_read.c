#include "pg_read.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "pg_bind.h"
#include "schemas/graph_rows.h"

struct id128 pg_read_uuid(const PGresult *result, int row, int column)
{
    struct id128 id = {0};
    if (!PQgetisnull(result, row, column)) {
        memcpy(id.bytes, PQgetvalue(result, row, column), sizeof id.bytes);
    }
    return id;
}

struct str pg_read_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return (struct str){NULL, 0};
    }
    return (struct str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

int64_t pg_read_time(const PGresult *result, int row, int column)
{
    uint64_t wire;
    if (PQgetisnull(result, row, column)) {
        return GRAPH_NO_TIME;
    }
    memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int64_t)be64toh(wire) + PG_BIND_EPOCH_US;
}

int16_t pg_read_int2(const PGresult *result, int row, int column)
{
    uint16_t wire = 0;
    if (!PQgetisnull(result, row, column)) {
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    }
    return (int16_t)ntohs(wire);
}

static uint32_t word_of(const PGresult *result, int row, int column)
{
    uint32_t wire = 0;
    if (!PQgetisnull(result, row, column)) {
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    }
    return ntohl(wire);
}

int32_t pg_read_int4(const PGresult *result, int row, int column)
{
    return (int32_t)word_of(result, row, column);
}

float pg_read_float4(const PGresult *result, int row, int column)
{
    uint32_t word = word_of(result, row, column);
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}
