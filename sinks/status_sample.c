/* PostgreSQL is asked first: what it stands at can then only be behind what Kafka says, never before it. */
#include "status_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kafka_consumer.h"
#include "core/kafka_reader.h"
#include "core/kafka_watermarks.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "doctor_http.h"
#include "pg_conn.h"
#include "schemas/embedded.h"

#define ASK_TIMEOUT_MS 3000
#define READ_TIMEOUT_MS 3000 /* for all of them together */
#define READS_MAX 16         /* first records of so many partitions are looked at for their age */
#define TOPICS_MAX 64

struct status_source {
    const struct settings *st;
    struct kafka_watermarks *watermarks;
    struct kafka_reader *reader;
    struct pg_conn *pg;
    char cluster_id[64];
    char token[1100];
};

static struct status_partition *find(struct status_sample *sample, const char *topic,
                                     int32_t partition)
{
    for (size_t i = 0; i < sample->count; i++) {
        struct status_partition *each = &sample->partitions[i];
        if (each->partition == partition && strcmp(each->topic, topic) == 0) {
            return each;
        }
    }
    return NULL;
}

/* NULL when memory is short. */
static struct status_partition *add(struct status_sample *sample, const char *topic,
                                    int32_t partition)
{
    struct status_partition *more =
        realloc(sample->partitions, (sample->count + 1) * sizeof(*more));
    if (!more) {
        return NULL;
    }
    sample->partitions = more;
    struct status_partition *each = &more[sample->count++];
    *each = (struct status_partition){.partition = partition, .high_offset = -1};
    snprintf(each->topic, sizeof(each->topic), "%s", topic);
    return each;
}

static enum verdict ask_positions(struct status_source *source, struct status_sample *sample,
                                  struct err *err)
{
    const char *params[] = {source->cluster_id};
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(
        source->pg, embedded_text(sinks_files, "status/positions.sql").ptr, 1, params, &rows, err);
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        const char *reason = pg_conn_value(rows, row, 3);
        struct status_partition *each = add(sample, pg_conn_value(rows, row, 0),
                                            (int32_t)strtol(pg_conn_value(rows, row, 1), NULL, 10));
        if (!each) {
            break;
        }
        each->stored_offset = strtoll(pg_conn_value(rows, row, 2), NULL, 10);
        each->is_stopped = reason != NULL;
        snprintf(each->reason, sizeof(each->reason), "%s", reason ? reason : "");
    }
    pg_conn_clear(rows);
    return verdict;
}

static enum verdict ask_totals(struct status_source *source, struct status_sample *sample,
                               struct err *err)
{
    int64_t *const fields[] = {&sample->letters, &sample->letters_hour, &sample->refusals_hour,
                               &sample->database_bytes};
    struct pg_result *rows = NULL;
    enum verdict verdict = pg_conn_query(
        source->pg, embedded_text(sinks_files, "status/totals.sql").ptr, 0, NULL, &rows, err);
    for (int i = 0; verdict == OK && i < 4; i++) {
        const char *value = pg_conn_value(rows, 0, i);
        *fields[i] = value ? strtoll(value, NULL, 10) : 0;
    }
    pg_conn_clear(rows);
    return verdict;
}

static void ask_postgres(struct status_source *source, struct status_sample *sample)
{
    struct err err = {.text = ""};
    enum verdict verdict = OK;
    if (!source->pg) {
        verdict = pg_conn_open(source->st, PG_CONN_READ, "metaops status", &source->pg, &err);
    }
    if (verdict == OK && source->cluster_id[0]) {
        verdict = ask_positions(source, sample, &err);
    }
    if (verdict == OK) {
        verdict = ask_totals(source, sample, &err);
    }
    if (verdict != OK) {
        snprintf(sample->postgres_fault, sizeof(sample->postgres_fault), "%s", err.text);
        pg_conn_close(source->pg);
        source->pg = NULL;
    }
}

static enum verdict ask_topic(struct status_source *source, struct status_sample *sample,
                              const char *topic, struct err *err)
{
    struct kafka_watermark *ends = NULL;
    size_t count = 0;
    enum verdict verdict =
        kafka_watermarks_ask(source->watermarks, topic, ASK_TIMEOUT_MS, &ends, &count, err);
    for (size_t i = 0; verdict == OK && i < count; i++) {
        struct status_partition *each = find(sample, topic, ends[i].partition);
        if (!each) {
            each = add(sample, topic, ends[i].partition);
            if (!each) {
                break;
            }
            each->stored_offset = ends[i].low; /* nothing of it is stored yet */
        }
        each->high_offset = ends[i].high;
    }
    free(ends);
    return verdict;
}

/* The topic of events, and those that the database knows. */
static void ask_kafka(struct status_source *source, struct status_sample *sample)
{
    char topics[TOPICS_MAX][250];
    size_t count = 1;
    struct err err = {.text = ""};
    enum verdict verdict = OK;
    snprintf(topics[0], sizeof(topics[0]), "%s", source->st->kafka.topic_events);
    for (size_t i = 0; i < sample->count && count < TOPICS_MAX; i++) {
        size_t at = 0;
        while (at < count && strcmp(topics[at], sample->partitions[i].topic) != 0) {
            at++;
        }
        if (at == count) {
            snprintf(topics[count++], sizeof(topics[0]), "%s", sample->partitions[i].topic);
        }
    }
    for (size_t i = 0; verdict == OK && i < count; i++) {
        verdict = ask_topic(source, sample, topics[i], &err);
    }
    if (verdict != OK) {
        snprintf(sample->kafka_fault, sizeof(sample->kafka_fault), "%s", err.text);
    }
}

/* How old is the first record that is not stored yet? */
static void look_at_ages(struct status_source *source, struct status_sample *sample)
{
    int64_t deadline_us = timebase_mono_us() + READ_TIMEOUT_MS * INT64_C(1000);
    int reads = 0;
    for (size_t i = 0; i < sample->count; i++) {
        struct status_partition *each = &sample->partitions[i];
        struct kafka_record record = {.handle = NULL};
        struct err err;
        if (each->high_offset <= each->stored_offset) {
            continue;
        }
        each->lag_ms = -1;
        int64_t left_ms = (deadline_us - timebase_mono_us()) / 1000;
        if (left_ms > 0 && reads++ < READS_MAX && each->stored_offset >= 0 &&
            kafka_reader_record_at(source->reader, each->topic, each->partition,
                                   each->stored_offset, (int)left_ms, &record, &err) == OK &&
            record.handle && record.timestamp_ms > 0) {
            int64_t age_ms = timebase_wall_us() / 1000 - record.timestamp_ms;
            each->lag_ms = age_ms > 0 ? age_ms : 0;
        }
        kafka_record_free(&record);
    }
}

/* The sample of that name and labels in Prometheus text, 0 when it is not there. */
static double metric(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = text; line && *line;) {
        if (strncmp(line, name, len) == 0 && line[len] == ' ') {
            return strtod(line + len, NULL);
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return 0;
}

static void ask_role(struct status_source *source, const char *listen, struct status_role *role)
{
    struct err err = {.text = ""};
    char *body = NULL;
    int status = 0;
    if (doctor_http_fetch(listen, "/readyz", source->token, ASK_TIMEOUT_MS, &status, &body, &err) !=
        OK) {
        snprintf(role->words, sizeof(role->words), "%s", err.text);
        return;
    }
    role->is_reached = true;
    role->is_ready = status == 200;
    snprintf(role->words, sizeof(role->words), "%.*s", (int)strcspn(body, "\r\n"), body);
    free(body);
    body = NULL;
    if (doctor_http_fetch(listen, "/metrics", source->token, ASK_TIMEOUT_MS, &status, &body,
                          &err) != OK) {
        return;
    }
    if (status == 200) {
        role->accepted = metric(body, "metaops_gateway_events_total{result=\"accepted\"}");
        role->refused = metric(body, "metaops_gateway_events_total{result=\"refused\"}");
        role->unavailable = metric(body, "metaops_gateway_events_total{result=\"unavailable\"}");
        role->landed = metric(body, "metaops_worker_events_total{result=\"landed\"}");
        role->duplicates = metric(body, "metaops_worker_events_total{result=\"duplicate\"}");
        role->dead_letters = metric(body, "metaops_worker_events_total{result=\"dead_letter\"}");
        role->retries = metric(body, "metaops_worker_batch_retries_total");
        role->fenced = metric(body, "metaops_worker_fenced_total");
    }
    free(body);
}

/* The token's file is read here, not kept by the settings; without it the roles tell less. */
static void read_token(struct status_source *source)
{
    const char *path = source->st->admin.token_file;
    FILE *file = path && *path ? fopen(path, "re") : NULL;
    if (!file) {
        return;
    }
    if (fgets(source->token, sizeof(source->token), file)) {
        source->token[strcspn(source->token, " \t\r\n")] = '\0';
    }
    fclose(file);
}

enum verdict status_source_open(const struct settings *st, struct status_source **out_source,
                                struct err *err)
{
    struct status_source *source = calloc(1, sizeof(*source));
    if (!source) {
        return err_set(err, RETRY, "status", "memory is short");
    }
    source->st = st;
    read_token(source);
    enum verdict verdict = kafka_watermarks_open(st, &source->watermarks, err);
    if (verdict == OK) {
        verdict = kafka_reader_open(st, &source->reader, err);
    }
    if (verdict != OK) {
        status_source_close(source);
        return verdict;
    }
    *out_source = source;
    return OK;
}

void status_sample_take(struct status_source *source, struct status_sample *out)
{
    struct err err = {.text = ""};
    *out = (struct status_sample){.at_us = timebase_mono_us()};
    if (!source->cluster_id[0] && kafka_watermarks_cluster(source->watermarks, ASK_TIMEOUT_MS,
                                                           source->cluster_id, &err) != OK) {
        source->cluster_id[0] = '\0';
        snprintf(out->kafka_fault, sizeof(out->kafka_fault), "%s", err.text);
    }
    ask_postgres(source, out);
    if (!out->kafka_fault[0]) {
        ask_kafka(source, out);
    }
    if (status_sample_knows_lag(out)) {
        look_at_ages(source, out);
    }
    ask_role(source, source->st->ingest.admin_listen, &out->gateway);
    ask_role(source, source->st->worker.admin_listen, &out->worker);
}

void status_sample_fini(struct status_sample *sample)
{
    free(sample->partitions);
    *sample = (struct status_sample){.partitions = NULL};
}

bool status_sample_knows_lag(const struct status_sample *sample)
{
    return !sample->kafka_fault[0] && !sample->postgres_fault[0];
}

int64_t status_sample_lag_records(const struct status_sample *sample)
{
    int64_t lag = 0;
    for (size_t i = 0; i < sample->count; i++) {
        const struct status_partition *each = &sample->partitions[i];
        lag += each->high_offset > each->stored_offset && each->stored_offset >= 0
                   ? each->high_offset - each->stored_offset
                   : 0;
    }
    return lag;
}

int64_t status_sample_lag_ms(const struct status_sample *sample)
{
    int64_t worst = 0;
    bool is_unknown = false;
    for (size_t i = 0; i < sample->count; i++) {
        int64_t lag_ms = sample->partitions[i].lag_ms;
        is_unknown = is_unknown || lag_ms < 0;
        worst = lag_ms > worst ? lag_ms : worst;
    }
    return worst == 0 && is_unknown ? -1 : worst;
}

size_t status_sample_stopped(const struct status_sample *sample)
{
    size_t count = 0;
    for (size_t i = 0; i < sample->count; i++) {
        count += sample->partitions[i].is_stopped;
    }
    return count;
}

void status_source_close(struct status_source *source)
{
    if (!source) {
        return;
    }
    kafka_reader_close(source->reader);
    kafka_watermarks_close(source->watermarks);
    pg_conn_close(source->pg);
    free(source);
}
