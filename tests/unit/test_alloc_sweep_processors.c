/* Memory that is short at any place between a record and its rows. A good event never becomes a dead letter for it, a
 * batch that is made in spite of it has every row, and one that is not is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/settings.h"
#include "processors/assignment.h"
#include "processors/stages.h"
#include "schemas/event_codec.h"
#include "schemas/kube_audit.h"
#include "schemas/kube_watch.h"
#include "schemas/payload_event.h"
#include "schemas/registry_event.h"
#include "schemas/unread_record.h"
#include "sinks/pg_bind.h"
#include "support/alloc_sweep.h"
#include "support/capture.h"

#define TOPIC "openlineage.events" /* plain JSON */
#define RECORDS_MAX 16
#define LETTERS 3

static struct settings st;
static struct kafka_record records[RECORDS_MAX];
static size_t record_count;

/* Rows of all records. Bases are left out: without memory a body is stored as it is. */
struct tally {
    size_t events, letters, facets, jobs, datasets, symlinks, edges, column_edges;
    size_t io, descriptions, layouts, statements, runs, known, key_changes;
    size_t predictions; /* rows of models and what serves them */
};

static void tally_add(struct tally *tally, const struct graph_batch *rows)
{
    tally->events += rows->events.count;
    tally->letters += rows->letters.count;
    tally->facets += rows->facets.count;
    tally->jobs += rows->jobs.count;
    tally->datasets += rows->datasets.count;
    tally->symlinks += rows->symlinks.count;
    tally->edges += rows->edges.count;
    tally->column_edges += rows->column_edges.count;
    tally->io += rows->io.count;
    tally->descriptions += rows->descriptions.count;
    tally->layouts += rows->layouts.count;
    tally->statements += rows->statements.count;
    tally->runs += rows->runs.count;
    tally->key_changes += rows->key_changes.count;
    tally->predictions +=
        rows->models.count + rows->model_versions.count + rows->model_facts.count +
        rows->model_artifacts.count + rows->run_marks.count + rows->deployments.count +
        rows->inference_streams.count + rows->inference_windows.count +
        rows->inference_tensors.count + rows->inference_versions.count +
        rows->inference_pairs.count + rows->monitors.count + rows->drift_evaluations.count +
        rows->actions.count + rows->k8s_objects.count + rows->k8s_states.count;
}

static void add(const char *topic, const char *bytes, size_t len)
{
    assert_true(record_count < RECORDS_MAX);
    records[record_count] = (struct kafka_record){.topic = topic,
                                                  .offset = (int64_t)record_count,
                                                  .timestamp_ms = 1767225600000,
                                                  .value = {bytes, len}};
    record_count++;
}

/* The longest line of a file of tests/data that has at most bytes_max. */
static void add_line(const char *name, size_t bytes_max)
{
    char path[300];
    char *line = NULL;
    char *best = NULL;
    size_t size = 0;
    size_t best_len = 0;
    ssize_t len;

    snprintf(path, sizeof(path), TEST_DATA "/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((len = getline(&line, &size, file)) > 1) {
        if ((size_t)len <= bytes_max && (size_t)len > best_len) {
            free(best);
            best_len = (size_t)len;
            best = strdup(line);
        }
    }
    fclose(file);
    free(line);
    assert_non_null(best);
    add(TOPIC, best, best_len);
}

static void add_formatted(struct str format, struct str body)
{
    struct event_codec *codec = event_codec_new(1 << 20);
    struct lineage_event ev = {
        .received_at_us = 64, .emitter_id = STR("e"), .format = format, .body = body};
    struct err err;
    void *bytes;
    size_t len;

    assert_int_equal(event_codec_encode(codec, &ev, &bytes, &len, &err), OK);
    event_codec_free(codec);
    add("metaops.events", bytes, len);
}

static void add_encoded(struct str body)
{
    add_formatted(STR("openlineage"), body);
}

/* Each makes rows of every kind that its stage has. */
static void add_predictions(void)
{
    static const char event[] =
        "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"eventType\":\"COMPLETE\",\"run\":{\"runId\":"
        "\"01a2008d-7400-7e5b-87f6-060b8e65cd51\"},\"job\":{\"namespace\":\"n\",\"name\":\"train\"}"
        ","
        "\"outputs\":[{\"namespace\":\"s3://m\",\"name\":\"i\",\"facets\":{\"metaops_model\":{"
        "\"namespace\":\"r\",\"name\":\"i\",\"version\":\"7\",\"digest\":\"md5:"
        "00112233445566778899aabbccddeeff\"}}}]}";

    add(TOPIC, strdup(event), sizeof event - 1);
    add_formatted(
        STR(PAYLOAD_FORMAT),
        STR("{\"specversion\":\"1.0\",\"type\":\"x.inference.response\",\"source\":\"d\",\"id\":"
            "\"1\","
            "\"time\":\"2026-11-23T14:00:00Z\",\"inferenceservicename\":\"s\",\"requestid\":\"1\","
            "\"data\":{\"model_name\":\"i\",\"model_version\":\"2\",\"parameters\":{\"name\":\"T\"}"
            ","
            "\"outputs\":[{\"name\":\"is_drift\",\"shape\":[1],\"datatype\":\"INT64\",\"data\":[1]}"
            "]}}"));
    add_formatted(
        STR(KUBE_AUDIT_FORMAT),
        STR("{\"cluster\":\"c\",\"event\":{\"auditID\":\"a\",\"stage\":\"ResponseComplete\","
            "\"verb\":\"create\",\"user\":{\"username\":\"u\"},\"requestReceivedTimestamp\":"
            "\"2026-11-23T14:00:00.000000Z\",\"stageTimestamp\":\"2026-11-23T14:00:00.000001Z\","
            "\"objectRef\":{\"resource\":\"models\",\"namespace\":\"f\",\"name\":\"i\"},"
            "\"responseStatus\":{\"code\":201},\"responseObject\":{\"kind\":\"Model\",\"metadata\":"
            "{\"uid\":\"u1\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"metaops.io/"
            "model-version\":"
            "\"i:7\"}},\"spec\":{\"storageUri\":\"s3://m/i\",\"image\":\"x\"}}}}"));
    add_formatted(
        STR(KUBE_WATCH_FORMAT),
        STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"" KUBE_WATCH_TYPES
            "add\",\"time\":\"2026-11-23T14:00:00Z\",\"cluster\":\"c\",\"apiversion\":\"v1\","
            "\"kind\":\"Pod\",\"data\":{\"metadata\":{\"name\":\"p\",\"uid\":\"u2\","
            "\"resourceVersion\":\"7\"},\"spec\":{},\"status\":{\"phase\":\"Running\","
            "\"conditions\":"
            "[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"r\"}]}}}"));
    add_formatted(
        STR(REGISTRY_FORMAT),
        STR("{\"namespace\":\"mlflow\",\"event\":{\"entity\":\"model_version\",\"action\":"
            "\"created\",\"timestamp\":\"2026-11-23T14:00:00+00:00\",\"data\":{\"name\":\"i\","
            "\"version\":\"1\",\"source\":\"s3://m/i\",\"run_id\":\"r\",\"tags\":{\"k\":"
            "\"v\"}}}}"));
}

/* A run event of len bytes, most of them a facet. */
static void add_large(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    int head = snprintf(
        text, len,
        "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":\"n\",\"name\":\"j\","
        "\"facets\":{\"large\":{\"fill\":\"");
    memset(text + head, 'x', len - (size_t)head);
    memcpy(text + len - 5, "\"}}}}", 5);
    add(TOPIC, text, len);
}

static int set_up(void **state)
{
    char topics[] = "--ingest.openlineage-topics=" TOPIC;
    char bases[] = "--worker.base-bytes-max=1MiB";
    char *args[] = {topics, bases};
    struct settings_rest rest;
    struct err err;

    (void)state;
    if (settings_load(&st, 2, args, &rest, &err) != OK) {
        return -1;
    }
    free(rest.words);
    add_large(300000);
    add_line("airflow_unmasked.jsonl", 8000);
    add_line("spark.jsonl", 20000);
    add(TOPIC, strdup("{"), 1);
    add_line("dbt.jsonl", 12000);
    add_encoded(records[1].value);
    add_encoded(records[2].value);
    add_predictions();
    add_formatted(STR(UNREAD_FORMAT),
                  STR("{\"topic\":\"t\",\"reason\":\"none\",\"byteOffset\":1}"));
    add("metaops.events", strdup("\xC3\x01no such schema"), 16);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < record_count; i++) {
        free((char *)records[i].value.ptr);
    }
    settings_fini(&st);
    return 0;
}

/* How large batches are, and what came of all records when memory was not short. */
struct load {
    size_t batch_bytes;
    struct tally *whole;
};

/* Rows of the records from first on, as far as one batch goes. */
static enum verdict run_batch(struct processor *pr, size_t batch_bytes, size_t first,
                              size_t *out_next, struct tally *tally)
{
    struct batch *bt = batch_new(0, batch_bytes, 1 << 20);
    enum verdict verdict = bt ? OK : RETRY;
    struct err err;
    size_t next = 0;

    for (size_t i = first; verdict == OK && i < record_count; i++) {
        struct kafka_record *record = graph_rows_add(&bt->records);
        if (record) {
            *record = records[i];
        } else {
            verdict = RETRY;
        }
    }
    if (verdict == OK) {
        verdict = stages_run(pr, bt, 0, &next, &err);
    }
    if (verdict == OK) {
        tally_add(tally, &bt->rows);
        *out_next = first + next;
    } else if (bt && bt->rows.letters.count > LETTERS) {
        verdict = REJECT;
    }
    batch_free(bt);
    return verdict;
}

static enum verdict run_stages(const void *arg)
{
    const struct load *load = arg;
    struct known_set *known = known_set_new(1000);
    struct known_set *events = known_set_new(1000);
    struct processor *pr = NULL;
    struct tally tally = {0};
    struct err err;
    enum verdict verdict =
        known && events ? stages_processor_new(&st, known, events, NULL, &pr, &err) : RETRY;

    for (size_t next = 0; verdict == OK && next < record_count;) {
        verdict = run_batch(pr, load->batch_bytes, next, &next, &tally);
    }
    if (verdict == OK) {
        struct tally whole = load->whole->events ? *load->whole : tally;
        *load->whole = whole;
        /* A record that waits for a batch of its own repeats what the batch before has, too. */
        bool is_right = tally.events >= whole.events && tally.letters == LETTERS &&
                        tally.runs >= whole.runs && tally.facets >= whole.facets &&
                        tally.datasets >= whole.datasets && tally.edges >= whole.edges &&
                        tally.column_edges >= whole.column_edges && tally.io >= whole.io &&
                        tally.descriptions >= whole.descriptions &&
                        tally.layouts >= whole.layouts && tally.statements >= whole.statements &&
                        tally.jobs >= whole.jobs && tally.symlinks >= whole.symlinks &&
                        tally.predictions >= whole.predictions;
        verdict = is_right ? OK : REJECT;
    }
    stages_processor_free(pr);
    known_set_free(known);
    known_set_free(events);
    return verdict;
}

static void test_stages(void **state)
{
    static struct tally whole;
    static struct tally whole_small;
    struct load load = {.batch_bytes = 16 << 20, .whole = &whole};
    struct load small = {.batch_bytes = 64 << 10, .whole = &whole_small};

    (void)state;
    assert_true(alloc_sweep("stages", run_stages, &load) > 50);
    /* A model and its version four times, an artifact; a deployment twice; a tag; a stream with window, tensor, version and pair;
     * a monitor and its verdict; an action, an object and its state; a pod and its state; the mark of a task of
     * Airflow. */
    assert_int_equal(whole.predictions, 25);
    /* Events that are larger than that are no dead letters for it. */
    assert_true(alloc_sweep("stages, small batches", run_stages, &small) > 50);
}

static enum verdict run_assignment(const void *arg)
{
    (void)arg;
    static const struct kafka_partition partitions[] = {{.topic = "a", .partition = 0},
                                                        {.topic = "a", .partition = 1}};
    struct assignment as = {.lanes = 2};
    struct err err;
    enum verdict verdict = assignment_set(&as, partitions, 2, &err);

    if (verdict == OK) {
        verdict = assignment_set(&as, partitions + 1, 1, &err);
        /* What was assigned before is kept when the new one cannot be. */
        bool is_right =
            assignment_find(&as, "a", 1) && !assignment_find(&as, "a", 0) == (verdict == OK);
        verdict = is_right ? verdict : REJECT;
    }
    assignment_fini(&as);
    return verdict;
}

static void test_assignment(void **state)
{
    (void)state;
    assert_int_equal(alloc_sweep("assignment", run_assignment, NULL), 2);
}

/* Nothing is sent of parameters that are not whole. */
static enum verdict run_bind(const void *arg)
{
    (void)arg;
    struct pg_bind bind = {0};
    struct err err;
    enum verdict verdict = OK;

    pg_bind_begin(&bind, "utz8");
    for (int i = 0; i < 1000; i++) {
        pg_bind_uuid(&bind, 0, (struct id128){{1}});
        pg_bind_text(&bind, 1, STR("some text that takes room"));
        pg_bind_time(&bind, 2, i);
        pg_bind_int8(&bind, 3, i);
    }
    if (bind.is_short) {
        verdict = pg_bind_send(&bind, NULL, "never", &err);
        verdict = verdict == RETRY ? RETRY : REJECT;
    } else if (pg_bind_bytes(&bind) < 1000 * (16 + 25 + 8 + 8)) {
        verdict = REJECT;
    }
    pg_bind_fini(&bind);
    return verdict;
}

static void test_bind(void **state)
{
    (void)state;
    assert_true(alloc_sweep("pg_bind", run_bind, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_assignment),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
