#include "pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FLAGS_MAX 16
#define RECORD_TIME_MS 1767225600000 /* 2026-01-01T00:00:00Z */

void pipeline_init(struct pipeline *pl, const char *const *flags)
{
    char topics[] = "--ingest.openlineage-topics=" PIPELINE_TOPIC;
    char *args[FLAGS_MAX] = {topics};
    struct settings_rest rest = {0};
    struct err err;
    int count = 1;

    *pl = (struct pipeline){0};
    for (; flags && *flags; flags++) {
        args[count++] = (char *)*flags;
    }
    assert_int_equal(settings_load(&pl->st, count, args, &rest, &err), OK);
    free(rest.words);
    pl->known = known_set_new(4096);
    pl->events = known_set_new(4096);
    assert_int_equal(stages_processor_new(&pl->st, pl->known, pl->events, NULL, &pl->pr, &err), OK);
    pl->bt =
        batch_new(0, (size_t)pl->st.worker.batch_bytes_max, (size_t)pl->st.ingest.body_bytes_max);
    assert_non_null(pl->bt);
    pl->codec = event_codec_new(1 << 20);
    assert_non_null(pl->codec);
}

void pipeline_add_to(struct pipeline *pl, const char *topic, struct str value)
{
    struct kafka_record *record = graph_rows_add(&pl->bt->records);

    assert_non_null(record);
    *record = (struct kafka_record){.topic = topic,
                                    .partition = 3,
                                    .offset = 100 + (int64_t)pl->bt->records.count,
                                    .timestamp_ms = RECORD_TIME_MS,
                                    .value = value};
}

void pipeline_add_event(struct pipeline *pl, const char *topic, const struct lineage_event *ev)
{
    void **value = graph_rows_add(&pl->encoded);
    struct err err;
    size_t len;

    assert_non_null(value);
    assert_int_equal(event_codec_encode(pl->codec, ev, value, &len, &err), OK);
    pipeline_add_to(pl, topic, (struct str){*value, len});
}

void pipeline_add(struct pipeline *pl, struct str value)
{
    pipeline_add_to(pl, PIPELINE_TOPIC, value);
}

void pipeline_run(struct pipeline *pl)
{
    struct err err = {.text = ""};
    size_t next = 0;
    enum verdict verdict = stages_run(pl->pr, pl->bt, 0, &next, &err);

    if (verdict != OK) {
        fail_msg("stages_run: %s", err.text);
    }
    assert_int_equal(next, pl->bt->records.count);
}

uint32_t pipeline_event(struct pipeline *pl, const char *json)
{
    size_t first = pl->bt->records.count;
    struct err err = {.text = ""};
    size_t next = 0;

    pipeline_add(pl, str_view(json));
    enum verdict verdict = stages_run(pl->pr, pl->bt, first, &next, &err);
    if (verdict != OK) {
        fail_msg("stages_run: %s", err.text);
    }
    assert_int_equal(next, first + 1);
    return (uint32_t)pl->bt->rows.events.count - 1;
}

void pipeline_commit(struct pipeline *pl)
{
    const struct graph_batch *rows = &pl->bt->rows;

    for (size_t i = 0; i < rows->known.count; i++) {
        known_set_add(pl->known, rows->known.items[i]);
    }
    for (size_t i = 0; i < rows->events.count; i++) {
        known_set_add(pl->events, rows->events.items[i].id);
    }
    batch_reset(pl->bt);
}

void pipeline_reset(struct pipeline *pl)
{
    batch_reset(pl->bt);
}

void pipeline_fini(struct pipeline *pl)
{
    batch_free(pl->bt);
    stages_processor_free(pl->pr);
    known_set_free(pl->known);
    known_set_free(pl->events);
    settings_fini(&pl->st);
    event_codec_free(pl->codec);
    for (size_t i = 0; i < pl->encoded.count; i++) {
        free(pl->encoded.items[i]);
    }
    free(pl->encoded.items);
}

int pipeline_setup(void **state)
{
    struct pipeline *pl = calloc(1, sizeof *pl);
    assert_non_null(pl);
    pipeline_init(pl, NULL);
    *state = pl;
    return 0;
}

int pipeline_teardown(void **state)
{
    pipeline_fini(*state);
    free(*state);
    return 0;
}
