/* Which rows of a batch are written, in which order, and what of them is merged. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/pg_tables.h"
#include "support/pg_params.h"
#include "support/pipeline.h"

#define ALL UINT32_MAX
#define UUID 2950
#define TEXT 25
#define EPOCH_US INT64_C(946684800000000)

static const struct pg_table *table(const char *statement)
{
    for (const struct pg_table *each = pg_tables; each->statement; each++) {
        if (strcmp(each->statement, statement) == 0) {
            return each;
        }
    }
    fail_msg("no table %s", statement);
    return NULL;
}

/* How many rows of a table are written. */
static size_t bound(const char *statement, const struct graph_batch *rows, uint32_t only_event,
                    struct pg_bind *bind)
{
    struct arena *scratch = arena_new(8u << 20);
    struct err err;
    size_t count = 0;
    assert_int_equal(
        pg_tables_bind(table(statement), rows, only_event, scratch, bind, &count, &err), OK);
    assert_int_equal(pg_bind_send(bind, NULL, statement, &err), RETRY);
    uint32_t oid = table(statement)->types[0] == 't' ? TEXT : UUID;
    assert_int_equal(pg_params_count(bind, 0, oid), count);
    arena_free(scratch);
    return count;
}

static struct id128 id_at(const struct pg_bind *bind, int param, int index)
{
    struct id128 id;
    struct str bytes = pg_params_at(bind, param, index);
    assert_int_equal(bytes.len, sizeof id.bytes);
    memcpy(id.bytes, bytes.ptr, sizeof id.bytes);
    return id;
}

static int64_t time_at(const struct pg_bind *bind, int param, int index)
{
    int64_t us;
    struct str bytes = pg_params_at(bind, param, index);
    if (!bytes.ptr) {
        return GRAPH_NO_TIME;
    }
    assert_int_equal(bytes.len, sizeof us);
    memcpy(&us, bytes.ptr, sizeof us);
    return (int64_t)be64toh((uint64_t)us) + EPOCH_US;
}

static void test_pg_tables_every_array_of_a_table_has_one_element_for_each_row(void **state)
{
    (void)state;
    static const struct {
        char letter;
        uint32_t oid;
    } oids[] = {{'u', 2950}, {'t', 25}, {'z', 1184}, {'2', 21},
                {'4', 23},   {'8', 20}, {'b', 16},   {'y', 17}};
    struct pg_bind bind = {0};
    struct graph_batch rows = {0};
    for (const struct pg_table *each = pg_tables; each->statement; each++) {
        assert_true(strlen(each->types) <= PG_BIND_PARAMS_MAX);
        assert_true(!each->merge || each->row_bytes <= PG_TABLES_ROW_BYTES_MAX);
        graph_batch_reset(&rows);
        assert_non_null(graph_rows_add(&rows.events));
        struct {
            char *items;
            size_t count;
            size_t capacity;
        } all;
        memcpy(&all, (char *)&rows + each->rows_offset, sizeof all);
        for (char key = 1; key < 4; key++) {
            /* Rows of zeroes with another first id each: which is behind the number of the event. */
            bool is_letter = strcmp(each->statement, "insert_dead_letters") == 0;
            char *row =
                graph_rows_grow((void **)&all.items, &all.count, &all.capacity, each->row_bytes);
            memset(row + (is_letter ? 0 : sizeof(uint32_t)), key, sizeof(struct id128));
            if (each->wants) {
                ((struct graph_statement *)row)->has_run = true;
                ((struct graph_statement *)row)->has_io = true;
                memset(((struct graph_statement *)row)->run.bytes, key, sizeof(struct id128));
            }
        }
        if (strcmp(each->statement, "insert_events") == 0) {
            all.count = 1; /* the one above: its id comes first */
        }
        memcpy((char *)&rows + each->rows_offset, &all, sizeof all);
        size_t count = bound(each->statement, &rows, ALL, &bind);
        assert_true(count >= 1);
        for (int param = 0; each->types[param]; param++) {
            for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
                if (oids[i].letter == each->types[param]) {
                    assert_int_equal(pg_params_count(&bind, param, oids[i].oid), count);
                }
            }
        }
    }
    graph_batch_fini(&rows);
    pg_bind_fini(&bind);
}

#define EVENT(type, time, run, dataset)                                                            \
    "{\"eventType\":\"" type "\",\"eventTime\":\"2026-11-23T14:0" time                             \
    ":00Z\",\"producer\":\"p\",\"run\":{\"runId\":\"" run                                          \
    "\"},\"job\":{\"namespace\":\"jobs\",\"name\":\"load\",\"facets\":{\"sql\":{\"query\":\"q\"}}" \
    "},"                                                                                           \
    "\"outputs\":[{\"namespace\":\"db\",\"name\":\"" dataset                                       \
    "\",\"facets\":{\"schema\":{\"fields\":[]}}}]}"
#define MINUTE_US INT64_C(60000000)
#define T0_US INT64_C(1795442400000000) /* 2026-11-23T14:00:00Z */

static void test_pg_tables_rows_of_one_key_are_one_and_keys_are_sorted(void **state)
{
    (void)state;
    struct pipeline pl;
    struct pg_bind bind = {0};
    pipeline_init(&pl, NULL);
    pipeline_event(&pl, EVENT("START", "1", "r1", "a"));
    pipeline_event(&pl, EVENT("COMPLETE", "3", "r1", "a"));
    pipeline_event(&pl, EVENT("START", "2", "r2", "a"));
    pipeline_event(&pl, EVENT("START", "2", "r3", "b"));
    const struct graph_batch *rows = &pl.bt->rows;
    assert_int_equal(bound("upsert_runs", rows, ALL, &bind), 3);
    for (int i = 0; i < 3; i++) {
        assert_true(i == 0 || id128_cmp(id_at(&bind, 0, i - 1), id_at(&bind, 0, i)) < 0);
        if (id128_eq(id_at(&bind, 0, i), rows->events.items[0].run)) {
            assert_memory_equal(pg_params_at(&bind, 2, i).ptr, "\0\2", 2); /* completed */
            assert_int_equal(time_at(&bind, 3, i), T0_US + 1 * MINUTE_US);
            assert_int_equal(time_at(&bind, 5, i), T0_US + 3 * MINUTE_US);
            assert_true(str_eq(pg_params_at(&bind, 1, i), STR("r1")));
        } else {
            assert_int_equal(time_at(&bind, 5, i), GRAPH_NO_TIME);
        }
    }
    assert_int_equal(bound("upsert_statements", rows, ALL, &bind), 2);
    assert_int_equal(bound("insert_events", rows, ALL, &bind), 4);
    assert_int_equal(bound("insert_jobs", rows, ALL, &bind), 1);
    assert_int_equal(bound("upsert_datasets", rows, ALL, &bind), 2);
    assert_int_equal(bound("insert_edges", rows, ALL, &bind), 2);
    pg_bind_fini(&bind);
    pipeline_fini(&pl);
}

/* Whichever of two events turns out to be stored: what the other says is written whole. */
static void test_pg_tables_of_a_stored_event_only_contents_are_written(void **state)
{
    (void)state;
    for (uint32_t stored = 0; stored < 2; stored++) {
        struct pipeline pl;
        struct pg_bind bind = {0};
        pipeline_init(&pl, NULL);
        pipeline_event(&pl, EVENT("START", "1", "r1", "a"));
        pipeline_event(&pl, EVENT("COMPLETE", "3", "r2", "a"));
        struct graph_batch *rows = &pl.bt->rows;
        rows->events.items[stored].is_stored = true;
        uint32_t left = 1 - stored;
        assert_int_equal(bound("insert_events", rows, ALL, &bind), 1);
        assert_memory_equal(id_at(&bind, 0, 0).bytes, rows->events.items[left].id.bytes, 16);
        assert_int_equal(bound("upsert_runs", rows, ALL, &bind), 1);
        assert_memory_equal(id_at(&bind, 0, 0).bytes, rows->events.items[left].run.bytes, 16);
        assert_int_equal(bound("upsert_statements", rows, ALL, &bind), 1);
        assert_memory_equal(id_at(&bind, 0, 0).bytes, rows->events.items[left].statement.bytes, 16);
        assert_int_equal(pg_params_at(&bind, 3, 0).len, 16); /* what is said of the job */
        assert_int_equal(pg_params_at(&bind, 4, 0).len, 16); /* its datasets */
        assert_int_equal(pg_params_at(&bind, 5, 0).len, 16); /* and what is said of them */
        assert_int_equal(bound("upsert_run_io_sets", rows, ALL, &bind), 1);
        assert_memory_equal(id_at(&bind, 0, 0).bytes, rows->events.items[left].run.bytes, 16);
        assert_int_equal(bound("insert_facets", rows, ALL, &bind), 2);
        assert_int_equal(bound("insert_descriptions", rows, ALL, &bind), 2);
        assert_int_equal(bound("insert_io_sets", rows, ALL, &bind), 1);
        assert_int_equal(bound("insert_jobs", rows, ALL, &bind), 1);
        assert_int_equal(bound("upsert_datasets", rows, ALL, &bind), 1);
        assert_int_equal(bound("insert_edges", rows, ALL, &bind), 1);
        pg_bind_fini(&bind);
        pipeline_fini(&pl);
    }
}

static void test_pg_tables_can_bind_the_rows_of_one_event_alone(void **state)
{
    (void)state;
    struct pipeline pl;
    struct pg_bind bind = {0};
    pipeline_init(&pl, NULL);
    pipeline_event(&pl, EVENT("START", "1", "r1", "a"));
    pipeline_event(&pl, EVENT("START", "1", "r2", "b"));
    pipeline_event(&pl, "no JSON");
    const struct graph_batch *rows = &pl.bt->rows;
    assert_int_equal(rows->letters.count, 1);
    assert_int_equal(bound("insert_dead_letters", rows, ALL, &bind), 1);
    for (uint32_t event = 0; event < 2; event++) {
        assert_int_equal(bound("insert_events", rows, event, &bind), 1);
        assert_memory_equal(id_at(&bind, 0, 0).bytes, rows->events.items[event].id.bytes, 16);
        assert_int_equal(bound("upsert_runs", rows, event, &bind), 1);
        assert_int_equal(bound("upsert_datasets", rows, event, &bind), 1);
        assert_int_equal(bound("insert_jobs", rows, event, &bind), event == 0);
        assert_int_equal(bound("insert_dead_letters", rows, event, &bind), 0);
    }
    pg_bind_fini(&bind);
    pipeline_fini(&pl);
}

static void test_pg_tables_a_dead_letter_with_an_absurd_time_has_none(void **state)
{
    (void)state;
    static const int64_t times_ms[] = {-1, INT64_MIN, INT64_MAX, 253402300800000, 5};
    struct graph_batch rows = {0};
    struct pg_bind bind = {0};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        graph_batch_reset(&rows);
        struct dead_letter *letter = graph_rows_add(&rows.letters);
        letter->timestamp_ms = times_ms[i];
        letter->byte_offset = -1;
        letter->value = STR("v");
        assert_int_equal(bound("insert_dead_letters", &rows, ALL, &bind), 1);
        assert_int_equal(time_at(&bind, 10, 0), times_ms[i] == 5 ? 5000 : GRAPH_NO_TIME);
        assert_null(pg_params_at(&bind, 6, 0).ptr);
        assert_null(pg_params_at(&bind, 1, 0).ptr);
    }
    graph_batch_fini(&rows);
    pg_bind_fini(&bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pg_tables_every_array_of_a_table_has_one_element_for_each_row),
        cmocka_unit_test(test_pg_tables_rows_of_one_key_are_one_and_keys_are_sorted),
        cmocka_unit_test(test_pg_tables_of_a_stored_event_only_contents_are_written),
        cmocka_unit_test(test_pg_tables_can_bind_the_rows_of_one_event_alone),
        cmocka_unit_test(test_pg_tables_a_dead_letter_with_an_absurd_time_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
