#include "ingest/publish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "core/kafka_producer.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/admission.h"
#include "ingest/door.h"
#include "ingest/emitter_numbers.h"
#include "ingest/event_check.h"
#include "ingest/keyring.h"
#include "schemas/event_codec.h"
#include "schemas/openlineage.h"
#include "schemas/redact.h"
#include "schemas/schema_registry.h"
#include "schemas/unread_record.h"

#define IDEMPOTENCY_KEY_BYTES_MAX 255

/* Before the name of a cluster: what a key must cover that brings its audit events. */
#define AUDIT_NAMESPACE "kubernetes:"

/* What one thread works with; kept until the end, because threads come only at the start. */
struct bench {
    struct bench *next;
    struct event_check *check;
    struct event_codec *codec;
};

struct publish {
    const struct settings *st;
    struct door *door;
    unsigned id; /* unique in the process, unlike the address */
    struct kafka_producer *producer;
    struct schema_registry *registry; /* NULL: none */
    pthread_mutex_t lock;             /* of benches */
    struct bench *benches;
};

static _Thread_local struct bench *my_bench;
static _Thread_local unsigned my_publish_id;

static void bench_free(struct bench *bench)
{
    if (bench) {
        event_check_free(bench->check);
        event_codec_free(bench->codec);
        free(bench);
    }
}

static struct bench *bench_get(struct publish *publish)
{
    struct bench *bench = my_bench;

    if (bench && my_publish_id == publish->id) {
        return bench;
    }
    bench = calloc(1, sizeof(*bench));
    if (!bench) {
        return NULL;
    }
    bench->check = event_check_new(publish->st);
    bench->codec = event_codec_new((size_t)publish->st->ingest.body_bytes_max);
    if (!bench->check || !bench->codec) {
        bench_free(bench);
        return NULL;
    }
    event_codec_use_framing(bench->codec, schema_registry_framing(publish->registry));
    pthread_mutex_lock(&publish->lock);
    bench->next = publish->benches;
    publish->benches = bench;
    pthread_mutex_unlock(&publish->lock);
    my_bench = bench;
    my_publish_id = publish->id;
    return bench;
}

static void give_back(const struct publish_record *record)
{
    if (record->key) {
        keyring_give_back(record->key, record->body_bytes, record->taken_us);
    }
}

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct publish_record *record = record_arg;

    (void)reason;
    FAILPOINT("publish.broker_answered");
    if (verdict != OK) {
        give_back(record);
    }
    record->done(record, verdict, partition, offset);
}

enum verdict publish_start(const struct settings *st, struct door *door,
                           struct publish **out_publish, struct err *err)
{
    static atomic_uint last_id;
    struct publish *publish = calloc(1, sizeof(*publish));
    enum verdict verdict;

    if (!publish) {
        return err_set(err, FATAL, "publish", "out of memory");
    }
    publish->st = st;
    publish->door = door;
    publish->id = atomic_fetch_add(&last_id, 1) + 1;
    pthread_mutex_init(&publish->lock, NULL);
    verdict =
        schema_registry_start(st, SCHEMA_REGISTRY_WRITES(RELEASED_EVENT), &publish->registry, err);
    if (verdict == OK) {
        verdict = kafka_producer_start(st, on_result, &publish->producer, err);
    }
    if (verdict != OK) {
        publish_free(publish);
        return verdict;
    }
    *out_publish = publish;
    return OK;
}

const struct settings *publish_settings(const struct publish *publish)
{
    return publish->st;
}

struct door *publish_door(const struct publish *publish)
{
    return publish->door;
}

int publish_retry_after_s(struct publish *publish)
{
    struct admission_load load;

    kafka_producer_load(publish->producer, &load.messages, &load.bytes, &load.delivery_ms);
    return admission_retry_after_s(publish->st, &load);
}

static bool refuse(struct publish_refusal *refusal, int status, const char *reason)
{
    refusal->status = status;
    refusal->retry_after_s = status == 503 ? 1 : 0;
    refusal->has_place = false;
    snprintf(refusal->place.reason, sizeof(refusal->place.reason), "%.*s",
             (int)sizeof(refusal->place.reason) - 1, reason);
    return false;
}

/* The key is for people who look for a request; what could not be shown to them is left out. */
static struct str clean_key(struct str key)
{
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_BYTES_MAX) {
        return (struct str){NULL, 0};
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] < 0x20 || key.ptr[i] > 0x7e) {
            return (struct str){NULL, 0};
        }
    }
    return key;
}

/* The answer to what could not be read; verdict is not OK, and the place of a fault is in refusal. */
static bool refuse_unread(struct bench *bench, enum verdict verdict,
                          struct publish_refusal *refusal)
{
    if (verdict != REJECT) {
        return refuse(refusal, 503, "no memory to read the event");
    }
    refusal->status = json_root(event_check_doc(bench->check)) ? 422 : 400;
    refusal->retry_after_s = 0;
    refusal->has_place = true;
    return false;
}

static bool check(struct bench *bench, struct str body, struct openlineage_event *out_ev,
                  struct publish_refusal *refusal)
{
    struct err err;
    enum verdict verdict = event_check_text(bench->check, body, out_ev, &refusal->place, &err);

    return verdict == OK || refuse_unread(bench, verdict, refusal);
}

/* The body of lev becomes what is stored of it. */
static bool take_secrets(struct bench *bench, struct lineage_event *lev,
                         struct openlineage_event *ev, struct publish_refusal *refusal)
{
    struct str received = lev->body;
    struct err err;
    enum verdict verdict = event_check_redact(bench->check, &lev->body, ev, &err);

    if (verdict != OK) {
        return refuse(refusal, verdict == REJECT ? 422 : 503, err.text);
    }
    lev->redactions = redact_count(lev->body);
    if (lev->body.ptr != received.ptr) {
        metrics_add(METRIC_GATEWAY_REDACTIONS, redact_made(received, lev->body));
    }
    return true;
}

static bool pass_door(struct publish *publish, const struct visitor *visitor, struct str namespace_,
                      size_t body_bytes, struct publish_refusal *refusal)
{
    struct http_refusal why;

    if (!publish->door || door_pass(publish->door, visitor, namespace_, body_bytes, &why)) {
        return true;
    }
    (void)refuse(refusal, why.status, why.reason);
    refusal->retry_after_s = why.retry_after_s;
    return false;
}

/* Encodes and hands over. */
static enum verdict hand_over(struct publish *publish, struct bench *bench,
                              const struct lineage_event *lev, struct id128 key,
                              struct publish_record *record, bool *out_is_encoded, struct err *err)
{
    void *bytes = NULL;
    size_t len = 0;
    enum verdict verdict = event_codec_encode(bench->codec, lev, &bytes, &len, err);

    *out_is_encoded = verdict == OK;
    if (verdict != OK) {
        return verdict;
    }
    verdict = kafka_producer_publish(publish->producer, publish->st->kafka.topic_events,
                                     (struct str){(const char *)key.bytes, sizeof(key.bytes)},
                                     bytes, len, record, err);
    if (verdict != OK) {
        free(bytes);
    }
    return verdict;
}

/* Hands over an event of visitor that may come in; body_bytes of record are set. */
static bool publish_checked(struct publish *publish, struct bench *bench,
                            const struct visitor *visitor, struct lineage_event *lev,
                            struct id128 key, struct publish_record *record,
                            struct publish_refusal *out_refusal)
{
    bool is_encoded = false;
    struct err err;

    if (visitor->principal[0]) {
        lev->principal = str_view(visitor->principal);
    }
    record->event_id = lev->event_id;
    record->key = visitor->key;
    record->taken_us = lev->received_at_us;
    FAILPOINT("publish.checked");
    enum verdict verdict = hand_over(publish, bench, lev, key, record, &is_encoded, &err);
    if (verdict != OK) {
        int never = is_encoded ? 413 : 422;
        give_back(record);
        return refuse(out_refusal, verdict == REJECT ? never : 503, err.text);
    }
    FAILPOINT("publish.produced");
    return true;
}

bool publish_event(struct publish *publish, const struct visitor *visitor, struct str body,
                   const struct publish_note *note, struct publish_record *record,
                   struct publish_refusal *out_refusal)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = SOURCE_HTTP,
                                .idempotency_key = clean_key(note->idempotency_key),
                                .body = body};
    struct openlineage_event ev;

    if (!bench) {
        return refuse(out_refusal, 503, "no memory to read the event");
    }
    /* The door judges what will be stored: names can hold secrets, too. */
    if (!check(bench, body, &ev, out_refusal) || !take_secrets(bench, &lev, &ev, out_refusal)) {
        return false;
    }
    struct str namespace_ =
        ev.kind == OPENLINEAGE_DATASET ? ev.dataset.namespace_ : ev.job.namespace_;
    if (!pass_door(publish, visitor, namespace_, body.len, out_refusal)) {
        return false;
    }
    lev.event_id = lineage_event_id(lev.body);
    emitter_numbers_apply(note->numbers, note->index, &lev);
    record->body_bytes = body.len;
    return publish_checked(publish, bench, visitor, &lev, openlineage_key(&ev), record,
                           out_refusal);
}

bool publish_payload(struct publish *publish, const struct visitor *visitor,
                     const struct payload_source *source, struct publish_record *record,
                     struct publish_refusal *out_refusal)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = publish->door ? SOURCE_HTTP : SOURCE_KAFKA,
                                .format = STR(PAYLOAD_FORMAT)};
    struct payload_event ev;
    struct err err;

    if (!bench) {
        return refuse(out_refusal, 503, "no memory to read the event");
    }
    enum verdict verdict =
        event_check_payload(bench->check, source, &lev.body, &ev, &out_refusal->place, &err);
    if (verdict != OK) {
        return refuse_unread(bench, verdict, out_refusal);
    }
    if (!pass_door(publish, visitor, ev.namespace_, source->body.len, out_refusal)) {
        return false;
    }
    lev.event_id = ev.event_id;
    lev.redactions = redact_count(lev.body);
    metrics_add(METRIC_GATEWAY_REDACTIONS, (uint64_t)lev.redactions);
    record->body_bytes = source->body.len;
    return publish_checked(publish, bench, visitor, &lev, payload_event_key(&ev), record,
                           out_refusal);
}

bool publish_registry(struct publish *publish, const struct visitor *visitor, struct str body,
                      struct publish_record *record, enum registry_use *out_use,
                      struct publish_refusal *out_refusal)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = SOURCE_HTTP,
                                .format = STR(REGISTRY_FORMAT)};
    struct registry_event ev;
    struct err err;

    *out_use = REGISTRY_KEPT;
    if (!bench) {
        return refuse(out_refusal, 503, "no memory to read the event");
    }
    enum verdict verdict =
        event_check_registry(bench->check, str_view(publish->st->ingest.mlflow_namespace), body,
                             &lev.body, &ev, &out_refusal->place, &err);
    if (verdict != OK) {
        return refuse_unread(bench, verdict, out_refusal);
    }
    if (ev.kind == REGISTRY_PROMPT || ev.is_trial) {
        *out_use = ev.kind == REGISTRY_PROMPT ? REGISTRY_IS_PROMPT : REGISTRY_IS_TRIAL;
        return false;
    }
    if (!pass_door(publish, visitor, ev.namespace_, body.len, out_refusal)) {
        return false;
    }
    lev.event_id = lineage_event_id(lev.body);
    lev.redactions = redact_count(lev.body);
    metrics_add(METRIC_GATEWAY_REDACTIONS, (uint64_t)lev.redactions);
    record->body_bytes = body.len;
    return publish_checked(publish, bench, visitor, &lev, ev.model, record, out_refusal);
}

bool publish_audit(struct publish *publish, const struct visitor *visitor, struct str cluster,
                   struct str item, struct publish_record *record,
                   struct publish_refusal *out_refusal)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = SOURCE_HTTP,
                                .format = STR(KUBE_AUDIT_FORMAT)};
    char namespace_[sizeof(AUDIT_NAMESPACE) + KUBE_AUDIT_CLUSTER_BYTES_MAX];
    struct kube_audit audit;
    struct err err;

    if (!bench) {
        return refuse(out_refusal, 503, "no memory to read the event");
    }
    out_refusal->place = (struct json_fault){0};
    enum verdict verdict = event_check_audit(bench->check, cluster, item, &lev.body, &audit,
                                             &out_refusal->place, &err);
    if (verdict == REJECT && !out_refusal->place.reason[0]) {
        return refuse(out_refusal, 422, err.text);
    }
    if (verdict != OK) {
        return refuse_unread(bench, verdict, out_refusal);
    }
    snprintf(namespace_, sizeof(namespace_), AUDIT_NAMESPACE "%.*s", (int)cluster.len, cluster.ptr);
    if (!pass_door(publish, visitor, str_view(namespace_), item.len, out_refusal)) {
        return false;
    }
    lev.event_id = audit.event_id;
    lev.redactions = redact_count(lev.body);
    metrics_add(METRIC_GATEWAY_REDACTIONS, (uint64_t)lev.redactions);
    record->body_bytes = item.len;
    return publish_checked(publish, bench, visitor, &lev, kube_audit_object(&audit), record,
                           out_refusal);
}

bool publish_watch(struct publish *publish, const struct visitor *visitor,
                   const struct kube_watch_source *source, struct publish_record *record,
                   struct publish_refusal *out_refusal)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = SOURCE_HTTP,
                                .format = STR(KUBE_WATCH_FORMAT)};
    struct kube_watch watch;
    struct err err;

    if (!bench) {
        return refuse(out_refusal, 503, "no memory to read the event");
    }
    out_refusal->place = (struct json_fault){0};
    enum verdict verdict =
        event_check_watch(bench->check, source, &lev.body, &watch, &out_refusal->place, &err);
    if (verdict == REJECT && !out_refusal->place.reason[0]) {
        return refuse(out_refusal, 422, err.text);
    }
    if (verdict != OK) {
        return refuse_unread(bench, verdict, out_refusal);
    }
    lev.event_id = watch.event_id;
    lev.redactions = redact_count(lev.body);
    metrics_add(METRIC_GATEWAY_REDACTIONS, (uint64_t)lev.redactions);
    record->body_bytes = lev.body.len;
    /* What is known of an object by audit events is worked on by the same worker. */
    const struct kube_audit named = {.cluster = watch.cluster,
                                     .api_group = watch.api_group,
                                     .resource = source->resource,
                                     .namespace_ = watch.namespace_,
                                     .name = watch.name};
    return publish_checked(publish, bench, visitor, &lev, kube_audit_object(&named), record,
                           out_refusal);
}

enum verdict publish_control(struct publish *publish, struct str body,
                             struct publish_record *record, struct err *err)
{
    struct bench *bench = bench_get(publish);
    struct lineage_event lev = {.received_at_us = timebase_wall_us(),
                                .source = SOURCE_HTTP,
                                .format = STR("cloudevents"),
                                .body = body};
    bool is_encoded;

    if (!bench) {
        return err_set(err, RETRY, "publish", "out of memory");
    }
    lev.event_id = lineage_event_id(body);
    record->event_id = lev.event_id;
    record->key = NULL;
    return hand_over(publish, bench, &lev, lev.event_id, record, &is_encoded, err);
}

static enum verdict hand_over_unread(struct publish *publish, struct bench *bench,
                                     const struct unread_record *unread,
                                     struct publish_record *record, struct err *err)
{
    struct lineage_event lev = {
        .received_at_us = timebase_wall_us(), .source = SOURCE_KAFKA, .format = STR(UNREAD_FORMAT)};
    bool is_encoded;
    enum verdict verdict = event_check_unread(bench->check, unread, &lev.body, err);

    if (verdict != OK) {
        return verdict;
    }
    lev.event_id = lineage_event_id(lev.body);
    lev.redactions = redact_count(lev.body);
    record->event_id = lev.event_id;
    record->key = NULL;
    return hand_over(publish, bench, &lev, lev.event_id, record, &is_encoded, err);
}

enum verdict publish_unread(struct publish *publish, const struct unread_record *unread,
                            struct publish_record *record, struct err *err)
{
    struct bench *bench = bench_get(publish);
    struct unread_record bare = *unread;

    if (!bench) {
        return err_set(err, RETRY, "publish", "out of memory");
    }
    enum verdict verdict = hand_over_unread(publish, bench, unread, record, err);
    if (verdict == REJECT) {
        bare.value = STR("");
        verdict = hand_over_unread(publish, bench, &bare, record, err);
    }
    return verdict;
}

bool publish_is_healthy(struct publish *publish)
{
    return kafka_producer_is_healthy(publish->producer) != 0;
}

bool publish_has_schemas(struct publish *publish, char *reason, size_t size)
{
    return schema_registry_is_ready(publish->registry, reason, size);
}

void publish_stop(struct publish *publish, int timeout_ms)
{
    kafka_producer_stop(publish->producer, timeout_ms);
}

void publish_free(struct publish *publish)
{
    if (!publish) {
        return;
    }
    kafka_producer_free(publish->producer);
    while (publish->benches) {
        struct bench *next = publish->benches->next;
        bench_free(publish->benches);
        publish->benches = next;
    }
    schema_registry_stop(publish->registry);
    pthread_mutex_destroy(&publish->lock);
    free(publish);
}
