#include "alerter_kafka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/kafka_producer.h"
#include "core/settings.h"
#include "schemas/alert_record.h"
#include "schemas/framing.h"
#include "schemas/schema_registry.h"

#define WHERE "alerter"
#define STOP_TIMEOUT_MS 3000

/* One record, from send to turn. */
struct record {
    struct alerter_kafka *kafka;
    struct record *next;
    void *request_arg;
    enum verdict verdict;
    char reason[160];
};

struct alerter_kafka {
    const struct settings *st;
    struct kafka_producer *producer;
    struct schema_registry *registry; /* NULL: none */
    alerter_kafka_done on_done;
    int wake_fd;
    pthread_mutex_t lock; /* of answered, which the poll thread fills */
    struct record *answered;
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct record *record = record_arg;
    struct alerter_kafka *kafka = record->kafka;
    (void)partition;
    (void)offset;
    record->verdict = verdict;
    snprintf(record->reason, sizeof record->reason, "%s", reason ? reason : "");
    pthread_mutex_lock(&kafka->lock);
    record->next = kafka->answered;
    kafka->answered = record;
    pthread_mutex_unlock(&kafka->lock);
    eventfd_write(kafka->wake_fd, 1);
}

enum verdict alerter_kafka_open(const struct settings *st, alerter_kafka_done on_done,
                                struct alerter_kafka **out_kafka, struct err *err)
{
    struct alerter_kafka *kafka = calloc(1, sizeof *kafka);
    if (!kafka) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    kafka->st = st;
    kafka->on_done = on_done;
    pthread_mutex_init(&kafka->lock, NULL);
    kafka->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum verdict verdict =
        kafka->wake_fd < 0 ? err_set(err, RETRY, WHERE, "no descriptor is free") : OK;
    if (verdict == OK) {
        verdict = schema_registry_start(st, SCHEMA_REGISTRY_WRITES(RELEASED_ALERT),
                                        &kafka->registry, err);
    }
    if (verdict == OK) {
        verdict = kafka_producer_start_compressing(st, st->ingest.message_timeout_ms, on_result,
                                                   &kafka->producer, err);
    }
    if (verdict != OK) {
        alerter_kafka_close(kafka);
        return verdict;
    }
    *out_kafka = kafka;
    return OK;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* As PostgreSQL writes a uuid. */
static struct id128 id_of(const char *text)
{
    struct id128 id = {.bytes = {0}};
    size_t digits = 0;
    for (; *text && digits < 2 * sizeof id.bytes; text++) {
        if (*text != '-') {
            id.bytes[digits / 2] = (uint8_t)(id.bytes[digits / 2] << 4 | nibble(*text));
            digits++;
        }
    }
    return id;
}

static struct str nullable(const char *text)
{
    return text ? str_view(text) : (struct str){.ptr = NULL};
}

static struct alert_record record_of(const struct alerter_message *msg)
{
    return (struct alert_record){.outbox_id = msg->outbox_id,
                                 .at_us = msg->at_us,
                                 .what = str_view(msg->what),
                                 .alert_id = id_of(msg->alert_id),
                                 .kind = str_view(msg->kind),
                                 .severity = str_view(msg->severity),
                                 .status = str_view(msg->status),
                                 .subject_kind = nullable(msg->subject_kind),
                                 .subject_namespace = nullable(msg->namespace_name),
                                 .subject_name = nullable(msg->name),
                                 .field = nullable(msg->field),
                                 .title = str_view(msg->title),
                                 .opened_at_us = msg->opened_at_us,
                                 .event_time_us = msg->event_time_us,
                                 .run_id = nullable(msg->run_id),
                                 .occurrences = msg->occurrences,
                                 .detail = str_view(msg->detail),
                                 .downstream = str_view(msg->downstream)};
}

enum verdict alerter_kafka_send(struct alerter_kafka *kafka, const struct alerter_message *msg,
                                void *request_arg, struct err *err)
{
    struct alert_record fields = record_of(msg);
    struct str key = {(const char *)fields.alert_id.bytes, sizeof fields.alert_id.bytes};
    struct record *record = calloc(1, sizeof *record);
    void *bytes = NULL;
    size_t len = 0;

    enum verdict verdict = record ? alert_record_encode(&fields, &bytes, &len, err)
                                  : err_set(err, RETRY, WHERE, "memory is short");
    if (verdict == OK) {
        verdict = framing_write(schema_registry_framing(kafka->registry), bytes, &len, err);
    }
    if (verdict == OK) {
        record->kafka = kafka;
        record->request_arg = request_arg;
        verdict = kafka_producer_publish(kafka->producer, kafka->st->kafka.topic_alerts, key, bytes,
                                         len, record, err);
    }
    if (verdict != OK) {
        free(bytes);
        free(record);
    }
    return verdict;
}

int alerter_kafka_fd(const struct alerter_kafka *kafka)
{
    return kafka ? kafka->wake_fd : -1;
}

static struct record *take_answered(struct alerter_kafka *kafka)
{
    eventfd_t count;
    (void)eventfd_read(kafka->wake_fd, &count);
    pthread_mutex_lock(&kafka->lock);
    struct record *answered = kafka->answered;
    kafka->answered = NULL;
    pthread_mutex_unlock(&kafka->lock);
    return answered;
}

void alerter_kafka_turn(struct alerter_kafka *kafka)
{
    struct record *next;
    if (!kafka) {
        return;
    }
    for (struct record *record = take_answered(kafka); record; record = next) {
        next = record->next;
        kafka->on_done(record->request_arg, record->verdict, record->reason);
        free(record);
    }
}

void alerter_kafka_close(struct alerter_kafka *kafka)
{
    struct record *next;
    if (!kafka) {
        return;
    }
    if (kafka->producer) {
        kafka_producer_stop(kafka->producer, STOP_TIMEOUT_MS);
        kafka_producer_free(kafka->producer);
    }
    schema_registry_stop(kafka->registry);
    for (struct record *record = kafka->answered; record; record = next) {
        next = record->next;
        free(record);
    }
    if (kafka->wake_fd >= 0) {
        close(kafka->wake_fd);
    }
    pthread_mutex_destroy(&kafka->lock);
    free(kafka);
}
