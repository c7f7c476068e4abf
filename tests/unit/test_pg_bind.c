/* Bytes of parameters, written here by hand from PostgreSQL's array_recv, uuid_recv, timestamptz_recv and
 * intN recv: network order, times in microseconds since 2000-01-01. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "schemas/graph_rows.h"
#include "support/pg_params.h"

/* Without a connection nothing is sent, but all is made ready. */
static void finish(struct pg_bind *bind)
{
    struct err err;
    assert_int_equal(pg_bind_send(bind, NULL, "none", &err), RETRY);
}

static void expect_bytes(const struct pg_bind *bind, int param, const char *bytes, size_t len)
{
    assert_int_equal(bind->arrays[param].len, len);
    assert_memory_equal(bind->arrays[param].data, bytes, len);
}
#define EXPECT(bind, param, literal) expect_bytes(bind, param, literal, sizeof(literal) - 1)

static void test_pg_bind_writes_floats_as_postgres_reads_them(void **state)
{
    (void)state;
    struct pg_bind bind = {0};
    pg_bind_begin(&bind, "d");
    pg_bind_float8(&bind, 0, -2.5);
    pg_bind_float8(&bind, 0, NAN);
    finish(&bind);
    EXPECT(&bind, 0,
           "\0\0\0\1\0\0\0\1\0\0\2\xbd\0\0\0\2\0\0\0\1\0\0\0\x8\xc0\4\0\0\0\0\0\0"
           "\xff\xff\xff\xff");
    pg_bind_fini(&bind);
}

static void test_pg_bind_writes_arrays_as_postgres_reads_them(void **state)
{
    (void)state;
    struct pg_bind bind = {0};
    struct id128 id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    pg_bind_begin(&bind, "ut248bzys");
    pg_bind_uuid(&bind, 0, id);
    pg_bind_text(&bind, 1, STR("ab"));
    pg_bind_text(&bind, 1, (struct str){NULL, 0});
    pg_bind_text(&bind, 1, STR(""));
    pg_bind_int2(&bind, 2, -2);
    pg_bind_int4(&bind, 3, 258);
    pg_bind_int8(&bind, 4, -1);
    pg_bind_bool(&bind, 5, true);
    pg_bind_bool(&bind, 5, false);
    pg_bind_time(&bind, 6, INT64_C(946684800000001)); /* 2000-01-01T00:00:00.000001Z */
    pg_bind_time(&bind, 6, GRAPH_NO_TIME);
    pg_bind_text(&bind, 7, (struct str){"\0\xff", 2});
    pg_bind_text(&bind, 8, STR("plain"));
    finish(&bind);
    EXPECT(&bind, 0,
           "\0\0\0\1\0\0\0\0\0\0\x0b\x86\0\0\0\1\0\0\0\1\0\0\0\x10"
           "\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf");
    EXPECT(&bind, 1,
           "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1\0\0\0\2"
           "ab\xff\xff\xff\xff\0\0\0\0");
    EXPECT(&bind, 2, "\0\0\0\1\0\0\0\0\0\0\0\x15\0\0\0\1\0\0\0\1\0\0\0\2\xff\xfe");
    EXPECT(&bind, 3, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\4\0\0\1\2");
    EXPECT(&bind, 4,
           "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xff");
    EXPECT(&bind, 5, "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\2\0\0\0\1\0\0\0\1\1\0\0\0\1\0");
    EXPECT(&bind, 6,
           "\0\0\0\1\0\0\0\1\0\0\x04\xa0\0\0\0\2\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0\1"
           "\xff\xff\xff\xff");
    EXPECT(&bind, 7, "\0\0\0\1\0\0\0\0\0\0\0\x11\0\0\0\1\0\0\0\1\0\0\0\2\0\xff");
    EXPECT(&bind, 8, "plain");
    pg_bind_fini(&bind);
    pg_bind_fini(&bind);
}

static void test_pg_bind_an_array_of_nothing_has_no_dimensions(void **state)
{
    (void)state;
    struct pg_bind bind = {0};
    pg_bind_begin(&bind, "u");
    finish(&bind);
    EXPECT(&bind, 0, "\0\0\0\0\0\0\0\0\0\0\x0b\x86");
    pg_bind_fini(&bind);
}

static void test_pg_bind_the_next_statement_begins_anew(void **state)
{
    (void)state;
    struct pg_bind bind = {0};
    char large[3u << 20];
    memset(large, 'x', sizeof large);
    pg_bind_begin(&bind, "tt");
    pg_bind_text(&bind, 0, (struct str){large, sizeof large});
    pg_bind_null(&bind, 1);
    assert_true(pg_bind_bytes(&bind) > sizeof large);
    finish(&bind);
    pg_bind_begin(&bind, "ts");
    pg_bind_text(&bind, 0, STR("a"));
    pg_bind_text(&bind, 1, STR("b"));
    assert_int_equal(pg_bind_bytes(&bind), 20 + 4 + 1 + 1);
    finish(&bind);
    EXPECT(&bind, 0,
           "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1"
           "a");
    EXPECT(&bind, 1, "b");
    pg_bind_fini(&bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_bind_writes_floats_as_postgres_reads_them),
        cmocka_unit_test(test_pg_bind_writes_arrays_as_postgres_reads_them),
        cmocka_unit_test(test_pg_bind_an_array_of_nothing_has_no_dimensions),
        cmocka_unit_test(test_pg_bind_the_next_statement_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
