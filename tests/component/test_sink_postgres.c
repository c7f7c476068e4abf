/* The sink against a PostgreSQL of its own: fence, ledger, positions, refusals, and the same merging in SQL as
 * in C. Not run (77) where no PostgreSQL can be started. */
#include "sinks/sink_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "sinks/migrate.h"
#include "sinks/pg_conn.h"
#include "support/own_postgres.h"
#include "support/pipeline.h"
#include "support/random_rows.h"

#define CLUSTER "cluster-a"

static struct own_postgres server;
static char conninfo_flag[200];

struct bed {
    struct pipeline pl;
    struct sink *sink;
    struct pg_conn *pg; /* to look around */
    struct graph_batch rows;
    uint32_t next_event; /* numbers of made-up events */
    int64_t next_offset;
};

static void exec(struct bed *bed, const char *sql)
{
    struct err err = {.text = ""};
    if (pg_conn_exec(bed->pg, sql, &err) != OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}

static void expect(struct bed *bed, const char *sql, const char *expected)
{
    struct err err = {.text = ""};
    struct pg_result *result = NULL;
    if (pg_conn_query(bed->pg, sql, 0, NULL, &result, &err) != OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    const char *value = pg_conn_rows(result) ? pg_conn_value(result, 0, 0) : "(no row)";
    if (strcmp(value ? value : "(null)", expected) != 0) {
        fail_msg("%s: %s instead of %s", sql, value ? value : "(null)", expected);
    }
    pg_conn_clear(result);
}

/* The whole text of a query with one column; the caller's to free. */
static char *dump(struct bed *bed, const char *sql)
{
    struct err err = {.text = ""};
    struct pg_result *result = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (pg_conn_query(bed->pg, sql, 0, NULL, &result, &err) != OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    for (int row = 0; row < pg_conn_rows(result); row++) {
        fprintf(out, "%s\n", pg_conn_value(result, row, 0));
    }
    fclose(out);
    pg_conn_clear(result);
    return text;
}

/* Once, for all tests. */
static int migrate(void **state)
{
    struct pipeline pl;
    const char *const flags[] = {conninfo_flag, NULL};
    (void)state;
    pipeline_init(&pl, flags);
    assert_int_equal(migrate_run(&pl.st, 0, NULL), 0);
    pipeline_fini(&pl);
    return 0;
}

static int setup(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    const char *const flags[] = {conninfo_flag, NULL};
    struct err err = {.text = ""};
    pipeline_init(&bed->pl, flags);
    assert_int_equal(pg_conn_open(&bed->pl.st, PG_CONN_WRITE, "test", &bed->pg, &err), OK);
    exec(bed, "do $$ begin execute (select 'truncate ' || string_agg(c.oid::regclass::text, ', ') "
              "from pg_class c where c.relnamespace = 'graph'::regnamespace and c.relkind in "
              "('r', 'p')); end $$");
    assert_int_equal(sink_postgres_ops.open(&bed->pl.st, CLUSTER, 0, &bed->sink, &err), OK);
    struct sink_position position = {.topic = PIPELINE_TOPIC, .partition = 3};
    assert_int_equal(sink_postgres_ops.save(bed->sink, &position, NULL, &err), OK);
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;
    sink_postgres_ops.close(bed->sink);
    pg_conn_close(bed->pg);
    graph_batch_fini(&bed->rows);
    pipeline_fini(&bed->pl);
    free(bed);
    return 0;
}

static void add_position(struct graph_batch *rows, int64_t expected_offset, int64_t next_offset)
{
    struct graph_position *position = graph_rows_add(&rows->positions);
    *position = (struct graph_position){.topic = STR(PIPELINE_TOPIC),
                                        .partition = 3,
                                        .expected_offset = expected_offset,
                                        .next_offset = next_offset,
                                        .last_timestamp_ms = 5};
    position->last_id.bytes[0] = 0xab;
}

static enum sink_result write_rows(struct bed *bed, struct graph_batch *rows, uint32_t *out_event)
{
    struct err err = {.text = ""};
    return sink_postgres_ops.write(bed->sink, rows, out_event, &err);
}

/* Rows of bed->pl, written behind what was written before. */
static enum sink_result write_next(struct bed *bed, uint32_t *out_event)
{
    add_position(&bed->pl.bt->rows, bed->next_offset, bed->next_offset + 1);
    enum sink_result result = write_rows(bed, &bed->pl.bt->rows, out_event);
    bed->next_offset += result == SINK_STORED;
    return result;
}

#define EVENT(type, minute, run, more)                                                             \
    "{\"eventType\":\"" type "\",\"eventTime\":\"2026-11-23T14:" minute                            \
    ":00Z\",\"producer\":\"p\",\"run\":{\"runId\":\"" run                                          \
    "\"},\"job\":{\"namespace\":\"jobs\",\"name\":\"load\"}" more "}"

static void test_sink_postgres_stores_a_batch_and_moves_the_position(void **state)
{
    struct bed *bed = *state;
    uint32_t event;
    pipeline_event(&bed->pl, EVENT("START", "00", "r",
                                   ",\"inputs\":[{\"namespace\":\"db\",\"name\":"
                                   "\"a\"}]"));
    pipeline_event(&bed->pl, EVENT("COMPLETE", "05", "r", ""));
    pipeline_event(&bed->pl, "no JSON");
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    assert_int_equal(bed->pl.bt->rows.stored_count, 0);
    expect(bed, "select count(*) from graph.events", "2");
    expect(bed, "select count(*) from graph.event_ids", "2");
    expect(bed, "select count(*) from graph.dead_letters", "1");
    expect(bed, "select convert_from(value, 'UTF8') from graph.dead_letters", "no JSON");
    expect(bed,
           "select concat_ws('|', run_id, state, started_at at time zone 'UTC', ended_at at time "
           "zone 'UTC') from graph.runs",
           "r|2|2026-11-23 14:00:00|2026-11-23 14:05:00");
    expect(bed,
           "select concat_ws('|', cluster_id, topic, partition, next_offset, last_id) from "
           "graph.offsets",
           CLUSTER "|" PIPELINE_TOPIC "|3|1|ab000000-0000-0000-0000-000000000000");
    expect(bed, "select concat_ws('|', namespace, name, confirmed) from graph.datasets", "db|a|t");
}

static void test_sink_postgres_an_event_that_comes_again_changes_nothing(void **state)
{
    struct bed *bed = *state;
    uint32_t event;
    pipeline_event(&bed->pl, EVENT("START", "00", "r", ""));
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    pipeline_reset(&bed->pl);
    pipeline_event(&bed->pl, EVENT("START", "00", "r", ""));
    pipeline_event(&bed->pl, EVENT("START", "01", "s", ""));
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    assert_int_equal(bed->pl.bt->rows.stored_count, 1);
    assert_true(bed->pl.bt->rows.events.items[0].is_stored);
    assert_false(bed->pl.bt->rows.events.items[1].is_stored);
    expect(bed, "select count(*) from graph.events", "2");
    expect(bed, "select next_offset from graph.offsets", "2");
}

static void test_sink_postgres_from_a_wrong_position_nothing_is_written(void **state)
{
    struct bed *bed = *state;
    uint32_t event;
    pipeline_event(&bed->pl, EVENT("START", "00", "r", ""));
    add_position(&bed->pl.bt->rows, 4, 5);
    assert_int_equal(write_rows(bed, &bed->pl.bt->rows, &event), SINK_RESET);
    expect(bed, "select count(*) from graph.events", "0");
    expect(bed, "select count(*) from graph.event_ids", "0");
    expect(bed, "select next_offset from graph.offsets", "0");
    bed->pl.bt->rows.positions.count = 0;
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    expect(bed, "select count(*) from graph.events", "1");
    /* A stopped partition is fenced too. */
    exec(bed, "update graph.offsets set stopped_reason = 'x'");
    pipeline_reset(&bed->pl);
    pipeline_event(&bed->pl, EVENT("START", "01", "r", ""));
    assert_int_equal(write_next(bed, &event), SINK_RESET);
    expect(bed, "select count(*) from graph.events", "1");
}

static void test_sink_postgres_knows_its_positions(void **state)
{
    struct bed *bed = *state;
    struct err err;
    uint32_t event;
    struct sink_position positions[2] = {{.topic = "other", .partition = 0},
                                         {.topic = PIPELINE_TOPIC, .partition = 3}};
    pipeline_event(&bed->pl, EVENT("START", "00", "r", ""));
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    assert_int_equal(sink_postgres_ops.load(bed->sink, positions, 2, &err), OK);
    assert_false(positions[0].is_found);
    assert_false(positions[0].is_elsewhere);
    assert_true(positions[1].is_found);
    assert_int_equal(positions[1].next_offset, 1);
    assert_true(positions[1].has_last_id);
    assert_int_equal(positions[1].last_id.bytes[0], 0xab);
    assert_false(positions[1].is_stopped);

    positions[0].next_offset = 17;
    assert_int_equal(sink_postgres_ops.save(bed->sink, &positions[0], "gone", &err), OK);
    positions[0] = (struct sink_position){.topic = "other", .partition = 0};
    assert_int_equal(sink_postgres_ops.load(bed->sink, positions, 2, &err), OK);
    assert_true(positions[0].is_found);
    assert_true(positions[0].is_stopped);
    assert_int_equal(positions[0].next_offset, 17);
    assert_false(positions[0].has_last_id);

    /* The same topic seen from another cluster. */
    struct sink *other = NULL;
    assert_int_equal(sink_postgres_ops.open(&bed->pl.st, "cluster-b", 0, &other, &err), OK);
    positions[1] = (struct sink_position){.topic = PIPELINE_TOPIC, .partition = 3};
    assert_int_equal(sink_postgres_ops.load(other, &positions[1], 1, &err), OK);
    assert_false(positions[1].is_found);
    assert_true(positions[1].is_elsewhere);
    sink_postgres_ops.close(other);
}

static void test_sink_postgres_finds_the_event_that_is_refused(void **state)
{
    struct bed *bed = *state;
    uint32_t event = UINT32_MAX;
    pipeline_event(&bed->pl, EVENT("START", "00", "r1", ""));
    pipeline_event(&bed->pl, EVENT("START", "01", "r2", ""));
    pipeline_event(&bed->pl, EVENT("START", "02", "r3", ""));
    bed->pl.bt->rows.events.items[1].event_type = STR("\xff");
    assert_int_equal(write_next(bed, &event), SINK_POISON);
    assert_int_equal(event, 1);
    expect(bed, "select count(*) from graph.events", "0");
    expect(bed, "select next_offset from graph.offsets", "0");
    bed->pl.bt->rows.events.items[1].event_type = STR("x");
    bed->pl.bt->rows.positions.count = 0;
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    expect(bed, "select count(*) from graph.events", "3");
}

static void test_sink_postgres_takes_whatever_text_and_number_an_event_has(void **state)
{
    struct bed *bed = *state;
    uint32_t event = UINT32_MAX;
    pipeline_event(&bed->pl,
                   EVENT("ST\\u0000ART", "00", "r\\ud800",
                         ",\"inputs\":[{\"namespace\":\"\\u0000\",\"name\":\"\\udfff\",\"facets\":{"
                         "\"\\u0000\":{\"v\":[1e999999,-0,1E-999999,NaN,\"\\u0000\\ud800\"]},"
                         "\"symlinks\":{\"identifiers\":[{\"namespace\":\"\\u0000\",\"name\":\"n\","
                         "\"type\":\"\\ud800\"}]}}}]"));
    pipeline_event(&bed->pl, "{\"eventTime\":\"0001-01-01T00:00:00+14:00\",\"dataset\":{"
                             "\"namespace\":\"n\",\"name\":\"early\"}}");
    pipeline_event(&bed->pl, "{\"eventTime\":\"9999-12-31T23:59:59-14:00\",\"dataset\":{"
                             "\"namespace\":\"n\",\"name\":\"late\"}}");
    pipeline_add(&bed->pl, STR("{\"\xc3\xa4\xff\":1}"));
    bed->pl.bt->records.items[3].timestamp_ms = INT64_MAX;
    size_t next = 0;
    struct err err;
    assert_int_equal(stages_run(bed->pl.pr, bed->pl.bt, 3, &next, &err), OK);
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    expect(bed, "select count(*) from graph.events", "3");
    expect(bed, "select count(*) from graph.dead_letters", "1");
}

/* Facets should be objects; what is kept must be what was sent, whatever it is. */
static void test_sink_postgres_shows_facets_as_they_were_sent(void **state)
{
    struct bed *bed = *state;
    uint32_t event;
    pipeline_event(
        &bed->pl,
        "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"dataset\":{\"namespace\":\"n\",\"name\":"
        "\"d\",\"facets\":{\"a\":{\"_producer\":\"p\",\"_schemaURL\":\"s\",\"v\":1},"
        "\"b\":[1,2],\"c\":5,\"d\":null,\"e\":\"t\",\"f\":{},"
        "\"g\":{\"_producer\":null,\"v\":null}}}}");
    assert_int_equal(write_next(bed, &event), SINK_STORED);
    char *contents = dump(
        bed, "select content::text from graph.facet_contents order by content::text collate \"C\"");
    assert_string_equal(contents, "\"t\"\n5\n[1, 2]\nnull\n"
                                  "{\"v\": 1, \"_producer\": \"p\", \"_schemaURL\": \"s\"}\n"
                                  "{\"v\": null, \"_producer\": null}\n{}\n");
    free(contents);
}

/* One made-up event with claims about one or two runs and one statement. */
static void add_event(struct bed *bed, struct graph_batch *rows, uint32_t number,
                      const struct graph_run *runs, const struct graph_statement *statement)
{
    struct graph_event *event = graph_rows_add(&rows->events);
    uint32_t index = (uint32_t)rows->events.count - 1;
    (void)bed;
    event->id = identity_digest((struct str){(const char *)&number, sizeof number});
    event->topic = STR(PIPELINE_TOPIC);
    event->partition = 3;
    event->body = STR("{}");
    for (int i = 0; i < 2; i++) {
        struct graph_run *run = graph_rows_add(&rows->runs);
        *run = runs[i];
        run->event = index;
    }
    struct graph_statement *row = graph_rows_add(&rows->statements);
    *row = *statement;
    row->event = index;
}

static char *graph_text(struct bed *bed)
{
    return dump(bed, "select t from (select r::text as t from graph.runs r union all "
                     "select s::text from graph.statements s union all "
                     "select i::text from graph.run_io_sets i) x order by t collate \"C\"");
}

/* Every event in a transaction of its own, merged by SQL; all in one, merged in C; pairs, by both. */
static void test_sink_postgres_merges_by_the_same_rules_as_the_rows_in_memory(void **state)
{
    enum { EVENTS = 60 };
    struct bed *bed = *state;
    struct random_rows rr = random_rows_begin(11);
    static const size_t batch_sizes[] = {1, EVENTS, 2, 7};
    for (int round = 0; round < 8; round++) {
        struct graph_run runs[EVENTS][2];
        struct graph_statement statements[EVENTS];
        size_t order[EVENTS];
        char *expected = NULL;
        for (size_t i = 0; i < EVENTS; i++) {
            runs[i][0] = random_rows_run(&rr, (uint8_t)random_rows_below(&rr, 6));
            runs[i][1] = random_rows_run(&rr, (uint8_t)random_rows_below(&rr, 6));
            statements[i] = random_rows_statement(&rr, (uint8_t)random_rows_below(&rr, 6));
            order[i] = i;
        }
        for (size_t pass = 0; pass < sizeof batch_sizes / sizeof batch_sizes[0]; pass++) {
            exec(bed, "truncate graph.runs, graph.statements, graph.run_io_sets, graph.event_ids, "
                      "graph.events");
            for (size_t i = EVENTS - 1; i > 0; i--) {
                size_t other = random_rows_below(&rr, i + 1);
                size_t swapped = order[i];
                order[i] = order[other];
                order[other] = swapped;
            }
            for (size_t i = 0; i < EVENTS; i++) {
                uint32_t refused;
                add_event(bed, &bed->rows, (uint32_t)order[i], runs[order[i]],
                          &statements[order[i]]);
                if (bed->rows.events.count == batch_sizes[pass] || i == EVENTS - 1) {
                    add_position(&bed->rows, bed->next_offset, bed->next_offset + 1);
                    assert_int_equal(write_rows(bed, &bed->rows, &refused), SINK_STORED);
                    bed->next_offset++;
                    graph_batch_reset(&bed->rows);
                }
            }
            char *text = graph_text(bed);
            if (expected) {
                assert_string_equal(text, expected);
                free(text);
            } else {
                assert_true(strlen(text) > 1000);
                expected = text;
            }
        }
        free(expected);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(test_sink_postgres_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(stores_a_batch_and_moves_the_position),
        T(an_event_that_comes_again_changes_nothing),
        T(from_a_wrong_position_nothing_is_written),
        T(knows_its_positions),
        T(finds_the_event_that_is_refused),
        T(takes_whatever_text_and_number_an_event_has),
        T(shows_facets_as_they_were_sent),
        T(merges_by_the_same_rules_as_the_rows_in_memory),
    };
    if (!own_postgres_start(&server)) {
        printf("not run: no PostgreSQL can be started here\n");
        own_postgres_stop(&server);
        return 77;
    }
    snprintf(conninfo_flag, sizeof conninfo_flag, "--postgres.conninfo=%s", server.conninfo);
    int failed = cmocka_run_group_tests(tests, migrate, NULL);
    own_postgres_stop(&server);
    return failed;
}
