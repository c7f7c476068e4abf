/* Tables of rows grow, start zeroed, and keep their memory over a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/graph_rows.h"

/* All tables at once: struct graph_batch is GRAPH_ROWS after GRAPH_ROWS, then the count of stored events. */
struct any_rows {
    char *items;
    size_t count;
    size_t capacity;
};
#define TABLES (offsetof(struct graph_batch, stored_count) / sizeof(struct any_rows))

static void test_graph_rows_keep_what_was_written_while_they_grow(void **state)
{
    (void)state;
    struct graph_batch rows = {0};
    for (int32_t i = 0; i < 1000; i++) {
        struct graph_column_edge *row = graph_rows_add(&rows.column_edges);
        static const struct graph_column_edge zero;
        assert_memory_equal(row, &zero, sizeof zero);
        memset(row, 0xff, sizeof *row);
        row->ordinal = i;
    }
    assert_int_equal(rows.column_edges.count, 1000);
    for (int32_t i = 0; i < 1000; i++) {
        assert_int_equal(rows.column_edges.items[i].ordinal, i);
    }
    graph_batch_reset(&rows);
    struct graph_column_edge *row = graph_rows_add(&rows.column_edges);
    assert_ptr_equal(row, rows.column_edges.items);
    assert_int_equal(row->ordinal, 0);
    assert_int_equal(row->masking, 0);
    graph_batch_fini(&rows);
}

static void test_graph_rows_reset_and_fini_reach_every_table(void **state)
{
    (void)state;
    struct graph_batch rows = {0};
    struct any_rows *tables = (struct any_rows *)&rows;
    for (size_t i = 0; i < TABLES; i++) {
        void *items = NULL;
        assert_non_null(graph_rows_grow(&items, &tables[i].count, &tables[i].capacity, 1024));
        tables[i].items = items;
    }
    rows.stored_count = 3;
    graph_batch_reset(&rows);
    assert_int_equal(rows.stored_count, 0);
    for (size_t i = 0; i < TABLES; i++) {
        assert_int_equal(tables[i].count, 0);
        assert_non_null(tables[i].items);
    }
    graph_batch_fini(&rows); /* a table forgotten here is a leak that the sanitizer reports */
    for (size_t i = 0; i < TABLES; i++) {
        assert_null(tables[i].items);
        assert_int_equal(tables[i].capacity, 0);
    }
    graph_batch_fini(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph_rows_keep_what_was_written_while_they_grow),
        cmocka_unit_test(test_graph_rows_reset_and_fini_reach_every_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
