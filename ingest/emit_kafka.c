#include "ingest/emit_kafka.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/kafka_producer.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/emit_report.h"
#include "ingest/event_check.h"
#include "ingest/event_lines.h"
#include "schemas/event_codec.h"
#include "schemas/redact.h"
#include "schemas/schema_registry.h"

#define RECORDS_MAX 10000                 /* without a result yet */
#define HELD_BYTES_MAX ((size_t)32 << 20) /* their bytes */
#define STOP_TIMEOUT_MS 5000
#define WAIT_MS 20
#define REGISTRY_WAIT_MS 10000
#define REASON_BYTES 160

/* A record on its way. Kept with its bytes until the broker has it, to be published again. */
struct record {
    struct record *next; /* in the list of results */
    struct emit_kafka *kafka;
    struct emit_place place;
    struct id128 key;
    char *value;
    size_t len;
    int64_t tries;
    int64_t sent_us;
    int64_t first_sent_us;
    int64_t resume_us;
    int64_t result_us;
    enum verdict verdict;
    char reason[REASON_BYTES];
};

struct emit_kafka {
    struct emit_job *job;
    struct kafka_producer *producer;
    struct event_check *check;
    struct event_codec *codec;
    struct schema_registry *registry;
    pthread_mutex_t lock; /* of results: the poll thread puts, our thread takes */
    pthread_cond_t has_results;
    struct record *results;
    struct record *waiting; /* to be published again, ours only */
    size_t records;
    size_t held_bytes;
    int64_t start_us;
    int64_t answer_us; /* of the last result that settled something */
    uint64_t read_count;
    bool is_given_up;
};

/* On the producer's poll thread. */
static void emit_kafka_on_result(void *record_arg, enum verdict verdict, int32_t partition,
                                 int64_t offset, const char *reason)
{
    struct record *record = record_arg;
    struct emit_kafka *kafka = record->kafka;

    (void)partition;
    (void)offset;
    record->verdict = verdict;
    record->result_us = timebase_mono_us();
    snprintf(record->reason, sizeof(record->reason), "%s", reason ? reason : "");
    pthread_mutex_lock(&kafka->lock);
    record->next = kafka->results;
    kafka->results = record;
    pthread_cond_signal(&kafka->has_results);
    pthread_mutex_unlock(&kafka->lock);
}

static void emit_kafka_drop(struct emit_kafka *kafka, struct record *record)
{
    kafka->records--;
    kafka->held_bytes -= record->len;
    free(record->value);
    free(record);
}

/* Later again, or given up after the last try. */
static void emit_kafka_again(struct emit_kafka *kafka, struct record *record, const char *reason)
{
    if (record->tries > kafka->job->options->retries) {
        kafka->is_given_up = kafka->is_given_up || kafka->answer_us < record->first_sent_us;
        emit_report_unavailable(kafka->job->report, record->place, reason);
        emit_kafka_drop(kafka, record);
        return;
    }
    record->resume_us =
        timebase_mono_us() + INT64_C(1000) * emit_options_backoff_ms(record->tries, 0);
    record->next = kafka->waiting;
    kafka->waiting = record;
}

static void emit_kafka_publish(struct emit_kafka *kafka, struct record *record)
{
    struct str key = {.ptr = (const char *)record->key.bytes, .len = sizeof(record->key.bytes)};
    struct err err = {.text = "out of memory"};
    void *copy = malloc(record->len);

    record->sent_us = timebase_mono_us();
    record->tries++;
    if (record->tries == 1) {
        record->first_sent_us = record->sent_us;
    }
    enum verdict verdict = copy ? OK : RETRY;
    if (copy) {
        memcpy(copy, record->value, record->len);
        verdict = kafka_producer_publish(kafka->producer, kafka->job->st->kafka.topic_events, key,
                                         copy, record->len, record, &err);
    }
    if (verdict == OK) {
        return; /* the record is the result's now */
    }
    free(copy);
    if (verdict == RETRY) {
        emit_kafka_again(kafka, record, err.text);
    } else {
        emit_report_refused(kafka->job->report, record->place, NULL, -1, err.text);
        emit_kafka_drop(kafka, record);
    }
}

static void emit_kafka_settle(struct emit_kafka *kafka, struct record *record)
{
    struct emit_report *report = kafka->job->report;

    if (record->verdict == OK) {
        emit_report_accepted(report, 1);
        emit_report_latency(report, record->result_us - record->sent_us);
    } else if (record->verdict == RETRY) {
        emit_kafka_again(kafka, record, record->reason);
        return;
    } else {
        emit_report_refused(report, record->place, NULL, -1, record->reason);
    }
    kafka->answer_us = record->result_us;
    emit_kafka_drop(kafka, record);
}

/* Takes what the poll thread has put; with may_wait waits a little for the first. */
static void emit_kafka_collect(struct emit_kafka *kafka, bool may_wait)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&kafka->lock);
    if (!kafka->results && may_wait) {
        pthread_cond_clockwait(&kafka->has_results, &kafka->lock, CLOCK_MONOTONIC, &until);
    }
    struct record *record = kafka->results;
    kafka->results = NULL;
    pthread_mutex_unlock(&kafka->lock);
    while (record) {
        struct record *next = record->next;
        emit_kafka_settle(kafka, record);
        record = next;
    }
}

static void emit_kafka_resume(struct emit_kafka *kafka)
{
    struct record *record = kafka->waiting;
    int64_t now_us = timebase_mono_us();

    kafka->waiting = NULL;
    while (record) {
        struct record *next = record->next;
        if (record->resume_us <= now_us) {
            emit_kafka_publish(kafka, record);
        } else {
            record->next = kafka->waiting;
            kafka->waiting = record;
        }
        record = next;
    }
}

/* Judges and encodes a line. REJECT: it was reported as refused. */
static enum verdict emit_kafka_encode(struct emit_kafka *kafka, const struct event_line *line,
                                      struct record **out_record, struct err *err)
{
    struct emit_place place = {.file = line->file, .line = line->number};
    struct openlineage_event ol;
    struct json_fault fault;
    void *value = NULL;
    size_t len = 0;

    if (line->is_too_long) {
        emit_report_refused(kafka->job->report, place, NULL, -1,
                            "more than ingest.body_bytes_max bytes");
        return REJECT;
    }
    enum verdict verdict = event_check_text(kafka->check, line->text, &ol, &fault, err);
    if (verdict == REJECT) {
        emit_report_refused(kafka->job->report, place, fault.pointer, (int64_t)fault.offset,
                            fault.reason);
    }
    struct str body = line->text;
    if (verdict == OK) {
        verdict = event_check_redact(kafka->check, &body, &ol, err);
        if (verdict == REJECT) {
            emit_report_refused(kafka->job->report, place, NULL, -1, err->text);
        }
    }
    if (verdict != OK) {
        return verdict;
    }
    struct lineage_event ev = {
        .event_id = lineage_event_id(body),
        .received_at_us = timebase_wall_us(),
        .source = SOURCE_EMITTER,
        .redactions = redact_count(body),
        .body = body,
    };
    verdict = event_codec_encode(kafka->codec, &ev, &value, &len, err);
    struct record *record = verdict == OK ? calloc(1, sizeof(*record)) : NULL;
    if (!record) {
        free(value);
        return err_set(err, FATAL, "emit", "out of memory");
    }
    *record = (struct record){
        .kafka = kafka, .place = place, .key = openlineage_key(&ol), .value = value, .len = len};
    *out_record = record;
    return OK;
}

/* One line of the input, if there is one now. OK, or RETRY: nothing now; REJECT: the end; FATAL. */
static enum verdict emit_kafka_load_one(struct emit_kafka *kafka, struct err *err)
{
    const struct emit_options *options = kafka->job->options;
    struct record *record = NULL;
    struct event_line line;

    if (kafka->records >= RECORDS_MAX || kafka->held_bytes > HELD_BYTES_MAX ||
        timebase_mono_us() < emit_options_due_us(options, kafka->start_us, kafka->read_count)) {
        return RETRY;
    }
    enum verdict verdict = event_lines_next(kafka->job->lines, false, &line, err);
    if (verdict != OK) {
        return verdict;
    }
    if (!line.text.ptr && !line.is_too_long) {
        return REJECT;
    }
    kafka->read_count++;
    verdict = emit_kafka_encode(kafka, &line, &record, err);
    if (verdict == OK) {
        kafka->records++;
        kafka->held_bytes += record->len;
        emit_kafka_publish(kafka, record);
    }
    return verdict == OK || verdict == REJECT ? OK : FATAL;
}

static enum verdict emit_kafka_loop(struct emit_kafka *kafka, struct err *err)
{
    enum verdict verdict = OK;
    bool is_over = false;

    while (!is_over || kafka->records > 0) {
        uint64_t done_bytes;
        uint64_t total_bytes;
        enum verdict load = RETRY;

        is_over = is_over || kafka->is_given_up;
        if (!is_over) {
            load = emit_kafka_load_one(kafka, err);
        }
        if (load == REJECT || load == FATAL) {
            is_over = true;
            verdict = load == FATAL ? FATAL : OK;
        }
        emit_kafka_collect(kafka, load == RETRY);
        emit_kafka_resume(kafka);
        event_lines_progress(kafka->job->lines, &done_bytes, &total_bytes);
        emit_report_progress(kafka->job->report, done_bytes, total_bytes);
    }
    if (verdict == OK && kafka->is_given_up) {
        verdict = err_set(err, RETRY, "emit", "%s: no broker takes events; the rest was not sent",
                          kafka->job->st->kafka.brokers);
    }
    return verdict;
}

/* Nothing can be written before the registry, where there is one, knows the schema. */
static enum verdict emit_kafka_learn_schema(struct emit_kafka *kafka, struct err *err)
{
    enum verdict verdict = schema_registry_start(
        kafka->job->st, SCHEMA_REGISTRY_WRITES(RELEASED_EVENT), &kafka->registry, err);

    if (verdict == OK) {
        verdict = schema_registry_wait(kafka->registry, REGISTRY_WAIT_MS, err);
        event_codec_use_framing(kafka->codec, schema_registry_framing(kafka->registry));
    }
    return verdict;
}

enum verdict emit_kafka_run(struct emit_job *job, struct err *err)
{
    struct emit_kafka kafka = {
        .job = job,
        .check = event_check_new(job->st),
        .codec = event_codec_new((size_t)job->st->ingest.body_bytes_max),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .has_results = PTHREAD_COND_INITIALIZER,
        .start_us = timebase_mono_us(),
    };
    enum verdict verdict = OK;

    if (!kafka.check || !kafka.codec) {
        verdict = err_set(err, FATAL, "emit", "out of memory");
    }
    if (verdict == OK) {
        verdict = emit_kafka_learn_schema(&kafka, err);
    }
    if (verdict == OK) {
        verdict = kafka_producer_start(job->st, emit_kafka_on_result, &kafka.producer, err);
    }
    if (verdict == OK) {
        verdict = emit_kafka_loop(&kafka, err);
        kafka_producer_stop(kafka.producer, STOP_TIMEOUT_MS);
        kafka_producer_free(kafka.producer);
    }
    event_codec_free(kafka.codec);
    event_check_free(kafka.check);
    schema_registry_stop(kafka.registry);
    return verdict;
}
