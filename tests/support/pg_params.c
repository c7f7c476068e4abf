#include "pg_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>

#define HEADER_BYTES 20

static uint32_t word_at(const struct pg_array *array, size_t at)
{
    uint32_t word;
    assert_true(at + sizeof word <= array->len);
    memcpy(&word, array->data + at, sizeof word);
    return ntohl(word);
}

int pg_params_count(const struct pg_bind *bind, int param, uint32_t oid)
{
    const struct pg_array *array = &bind->arrays[param];
    uint32_t dimensions = word_at(array, 0);
    uint32_t has_null = word_at(array, 4);
    uint32_t nulls = 0;
    assert_int_equal(word_at(array, 8), oid);
    if (dimensions == 0) {
        assert_int_equal(array->len, 12);
        return 0;
    }
    assert_int_equal(dimensions, 1);
    assert_int_equal(word_at(array, 16), 1);
    uint32_t count = word_at(array, 12);
    size_t at = HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = word_at(array, at);
        nulls += len == UINT32_MAX;
        at += 4 + (len == UINT32_MAX ? 0 : len);
    }
    assert_int_equal(at, array->len);
    assert_int_equal(has_null, nulls > 0);
    return (int)count;
}

struct str pg_params_at(const struct pg_bind *bind, int param, int index)
{
    const struct pg_array *array = &bind->arrays[param];
    size_t at = HEADER_BYTES;
    for (;; index--) {
        uint32_t len = word_at(array, at);
        if (index == 0) {
            return len == UINT32_MAX ? (struct str){NULL, 0}
                                     : (struct str){array->data + at + 4, len};
        }
        at += 4 + (len == UINT32_MAX ? 0 : len);
    }
}
