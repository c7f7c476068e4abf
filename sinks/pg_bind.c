#include "pg_bind.h"

#include <arpa/inet.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "schemas/graph_rows.h"

#define HEADER_BYTES 20 /* dimensions, null flag, element type, size, lower bound */
#define KEEP_BYTES (1u << 20)

static uint32_t oid_of(char type)
{
    static const struct {
        char type;
        uint32_t oid;
    } oids[] = {{'u', 2950}, {'t', 25}, {'z', 1184}, {'2', 21}, {'4', 23},
                {'8', 20},   {'b', 16}, {'y', 17},   {'d', 701}};
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
        if (oids[i].type == type) {
            return oids[i].oid;
        }
    }
    return 0;
}

static char *room(struct pg_bind *bind, struct pg_array *array, size_t bytes)
{
    if (array->len + bytes > array->capacity) {
        size_t wanted = array->capacity ? array->capacity : 4096;
        while (wanted < array->len + bytes) {
            wanted *= 2;
        }
        char *grown = realloc(array->data, wanted);
        if (!grown) {
            bind->is_short = true;
            return NULL;
        }
        array->data = grown;
        array->capacity = wanted;
    }
    char *at = array->data + array->len;
    array->len += bytes;
    return at;
}

void pg_bind_begin(struct pg_bind *bind, const char *types)
{
    bind->types = types;
    bind->count = (int)strlen(types);
    bind->is_short = false;
    for (int i = 0; i < bind->count; i++) {
        struct pg_array *array = &bind->arrays[i];
        if (array->capacity > KEEP_BYTES) {
            free(array->data);
            array->data = NULL;
            array->capacity = 0;
        }
        array->len = 0;
        array->count = 0;
        array->has_null = false;
        array->is_scalar = types[i] == 's';
        if (!array->is_scalar) {
            (void)room(bind, array, HEADER_BYTES);
        }
    }
}

static void put(struct pg_bind *bind, int index, const void *bytes, size_t len)
{
    struct pg_array *array = &bind->arrays[index];
    char *at = room(bind, array, (array->is_scalar ? 0 : 4) + len);
    if (!at) {
        return;
    }
    if (!array->is_scalar) {
        uint32_t size = htonl((uint32_t)len);
        memcpy(at, &size, 4);
        at += 4;
    }
    memcpy(at, bytes, len);
    array->count++;
}

void pg_bind_null(struct pg_bind *bind, int index)
{
    struct pg_array *array = &bind->arrays[index];
    char *at = room(bind, array, 4);
    if (at) {
        memset(at, 0xff, 4);
        array->has_null = true;
        array->count++;
    }
}

void pg_bind_uuid(struct pg_bind *bind, int index, struct id128 id)
{
    put(bind, index, id.bytes, sizeof id.bytes);
}

void pg_bind_optional_uuid(struct pg_bind *bind, int index, bool is_there, struct id128 id)
{
    if (is_there) {
        pg_bind_uuid(bind, index, id);
    } else {
        pg_bind_null(bind, index);
    }
}

void pg_bind_text(struct pg_bind *bind, int index, struct str text)
{
    if (text.ptr) {
        put(bind, index, text.ptr, text.len);
    } else {
        pg_bind_null(bind, index);
    }
}

void pg_bind_int2(struct pg_bind *bind, int index, int16_t value)
{
    uint16_t wire = htons((uint16_t)value);
    put(bind, index, &wire, sizeof wire);
}

void pg_bind_int4(struct pg_bind *bind, int index, int32_t value)
{
    uint32_t wire = htonl((uint32_t)value);
    put(bind, index, &wire, sizeof wire);
}

void pg_bind_int8(struct pg_bind *bind, int index, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    put(bind, index, &wire, sizeof wire);
}

void pg_bind_time(struct pg_bind *bind, int index, int64_t us)
{
    if (us == GRAPH_NO_TIME) {
        pg_bind_null(bind, index);
    } else {
        pg_bind_int8(bind, index, us - PG_BIND_EPOCH_US);
    }
}

void pg_bind_float8(struct pg_bind *bind, int index, double value)
{
    uint64_t bits;
    if (isnan(value)) {
        pg_bind_null(bind, index);
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    bits = htobe64(bits);
    put(bind, index, &bits, sizeof bits);
}

void pg_bind_bool(struct pg_bind *bind, int index, bool value)
{
    char wire = value ? 1 : 0;
    put(bind, index, &wire, 1);
}

size_t pg_bind_bytes(const struct pg_bind *bind)
{
    size_t bytes = 0;
    for (int i = 0; i < bind->count; i++) {
        bytes += bind->arrays[i].len;
    }
    return bytes;
}

static void write_header(struct pg_array *array, char type)
{
    uint32_t header[5] = {htonl(array->count ? 1 : 0), htonl(array->has_null), htonl(oid_of(type)),
                          htonl((uint32_t)array->count), htonl(1)};
    memcpy(array->data, header, sizeof header);
    if (array->count == 0) {
        array->len = 12; /* an array without elements has no dimensions */
    }
}

enum verdict pg_bind_send(struct pg_bind *bind, struct pg_conn *pg, const char *statement,
                          struct err *err)
{
    const char *values[PG_BIND_PARAMS_MAX];
    int lengths[PG_BIND_PARAMS_MAX];
    int formats[PG_BIND_PARAMS_MAX];
    if (bind->is_short) {
        return err_set(err, RETRY, "pg_bind", "memory is short");
    }
    for (int i = 0; i < bind->count; i++) {
        struct pg_array *array = &bind->arrays[i];
        if (!array->is_scalar) {
            write_header(array, bind->types[i]);
        }
        if (array->len > INT32_MAX) {
            return err_set(err, FATAL, "pg_bind", "parameter %d of %s has %zu bytes", i + 1,
                           statement, array->len);
        }
        values[i] = array->data;
        lengths[i] = (int)array->len;
        formats[i] = 1;
    }
    if (!PQsendQueryPrepared(pg, statement, bind->count, values, lengths, formats, 1)) {
        return err_set(err, RETRY, "pg_bind", "sending %s: the connection is gone", statement);
    }
    return OK;
}

void pg_bind_fini(struct pg_bind *bind)
{
    for (int i = 0; i < PG_BIND_PARAMS_MAX; i++) {
        free(bind->arrays[i].data);
    }
    *bind = (struct pg_bind){0};
}
