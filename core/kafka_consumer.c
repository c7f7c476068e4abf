#include "core/kafka_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_assigned.h"
#include "core/kafka_client.h"
#include "core/kafka_member.h"
#include "core/kafka_reader.h"
#include "core/log.h"
#include "core/timebase.h"

#define WHERE "kafka consumer"
#define SEEK_MS 5000
#define LEAVE_MS 3000
#define CLOSE_MS 1000
#define DESTROY_MS 1000
#define FENCED_AGAIN_US 60000000
#define FENCED_PAUSE_US 1000000

struct kafka_consumer {
    rd_kafka_t *rk;
    const struct settings *st;
    enum verdict (*member_conf)(const struct settings *st, void **out_conf, struct err *err);
    const char *const *topics;
    struct kafka_consumer_callbacks callbacks;
    struct kafka_assigned assigned;
    bool is_committing;   /* a commit has no answer yet */
    bool assign_failed;   /* no memory in the rebalance callback: the next poll says so */
    bool closing;         /* the caller is not told about revoked partitions any more */
    bool is_member;       /* the group counted on it, until it was fenced or lost its session */
    int64_t fenced_at_us; /* while it was a member; 0: never */
    int64_t joined_at_us;
    struct kafka_reader *reader; /* for kafka_consumer_record_at */
};

static struct kafka_partition *kafka_consumer_copy_list(const rd_kafka_topic_partition_list_t *list)
{
    struct kafka_partition *partitions =
        calloc(list->cnt ? (size_t)list->cnt : 1, sizeof(*partitions));

    for (int i = 0; partitions && i < list->cnt; i++) {
        partitions[i] = (struct kafka_partition){
            .topic = list->elems[i].topic, .partition = list->elems[i].partition, .offset = -1};
    }
    return partitions;
}

static void kafka_consumer_on_assign(struct kafka_consumer *consumer,
                                     const rd_kafka_topic_partition_list_t *list)
{
    size_t count = (size_t)list->cnt;
    struct kafka_partition *partitions = kafka_consumer_copy_list(list);

    if (!partitions) {
        consumer->assign_failed = true;
        rd_kafka_assign(consumer->rk, NULL);
        return;
    }
    size_t wanted = consumer->callbacks.on_assign(consumer->callbacks.arg, partitions, count);
    if (!kafka_assigned_set(&consumer->assigned, partitions, count, wanted) ||
        kafka_assigned_apply(&consumer->assigned, consumer->rk) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        consumer->assign_failed = true;
        kafka_assigned_forget(&consumer->assigned);
        rd_kafka_assign(consumer->rk, NULL);
    }
    free(partitions);
    consumer->is_member = true;
}

static void kafka_consumer_tell_revoked(struct kafka_consumer *consumer,
                                        const rd_kafka_topic_partition_list_t *list, bool lost)
{
    struct kafka_partition *partitions = kafka_consumer_copy_list(list);

    kafka_assigned_forget(&consumer->assigned);
    if (!partitions) {
        consumer->assign_failed = true;
    } else if (!consumer->closing) {
        consumer->callbacks.on_revoke(consumer->callbacks.arg, partitions, (size_t)list->cnt, lost);
    }
    free(partitions);
}

static void kafka_consumer_on_revoke(struct kafka_consumer *consumer,
                                     const rd_kafka_topic_partition_list_t *list)
{
    if (!rd_kafka_fatal_error(consumer->rk, NULL, 0)) {
        consumer->is_member = false;
    }
    kafka_consumer_tell_revoked(consumer, list, rd_kafka_assignment_lost(consumer->rk) != 0);
    rd_kafka_assign(consumer->rk, NULL);
}

static void kafka_consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                        rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka_consumer *consumer = arg;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !consumer->closing) {
        kafka_consumer_on_assign(consumer, list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        kafka_consumer_on_revoke(consumer, list);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}

/* Only a failed call ends without it, or the end of the handle. */
static void kafka_consumer_on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                     rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct kafka_consumer *consumer = arg;

    (void)rk;
    (void)code;
    (void)list;
    consumer->is_committing = false;
}

static enum verdict kafka_consumer_subscribe(struct kafka_consumer *consumer, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);

    for (const char *const *topic = consumer->topics; *topic; topic++) {
        rd_kafka_topic_partition_list_add(list, *topic, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? kafka_client_fail(err, code, "subscribing") : OK;
}

static enum verdict kafka_consumer_join(struct kafka_consumer *consumer, struct err *err)
{
    char text[256] = "";
    void *conf = NULL;
    enum verdict verdict = consumer->member_conf(consumer->st, &conf, err);

    if (verdict != OK) {
        return verdict;
    }
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_consumer_on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, kafka_consumer_on_commit);
    consumer->is_committing = false;
    consumer->is_member = false;
    consumer->joined_at_us = timebase_mono_us();
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!consumer->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    rd_kafka_poll_set_consumer(consumer->rk);
    return kafka_consumer_subscribe(consumer, err);
}

/* template says what the consumer is for, and how. */
static enum verdict kafka_consumer_start(const struct kafka_consumer *template,
                                         struct kafka_consumer **out_consumer, struct err *err)
{
    struct kafka_consumer *consumer = malloc(sizeof(*consumer));

    if (!consumer) {
        return err_set(err, FATAL, WHERE, "out of memory");
    }
    *consumer = *template;
    enum verdict verdict = kafka_reader_open(consumer->st, &consumer->reader, err);
    if (verdict == OK) {
        verdict = kafka_consumer_join(consumer, err);
    }
    if (verdict != OK) {
        kafka_consumer_close(consumer);
        return verdict;
    }
    *out_consumer = consumer;
    return OK;
}

enum verdict kafka_consumer_open(const struct settings *st, const char *const *topics,
                                 const struct kafka_consumer_callbacks *callbacks,
                                 struct kafka_consumer **out_consumer, struct err *err)
{
    const struct kafka_consumer worker = {
        .st = st, .member_conf = kafka_member_conf, .topics = topics, .callbacks = *callbacks};

    return kafka_consumer_start(&worker, out_consumer, err);
}

enum verdict kafka_consumer_open_foreign(const struct settings *st, const char *const *topics,
                                         const struct kafka_consumer_callbacks *callbacks,
                                         struct kafka_consumer **out_consumer, struct err *err)
{
    const struct kafka_consumer foreign = {.st = st,
                                           .member_conf = kafka_member_foreign_conf,
                                           .topics = topics,
                                           .callbacks = *callbacks};

    return kafka_consumer_start(&foreign, out_consumer, err);
}

/* What was assigned is lost, and so is the handle: the library allows nothing more with it. Records
 * still held keep the old one alive until they are freed. */
static void kafka_consumer_abandon(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->assigned.count);

    for (size_t i = 0; i < consumer->assigned.count; i++) {
        rd_kafka_topic_partition_list_add(list, consumer->assigned.items[i].topic,
                                          consumer->assigned.items[i].partition);
    }
    if (list->cnt > 0) {
        kafka_consumer_tell_revoked(consumer, list, true);
    }
    rd_kafka_topic_partition_list_destroy(list);
    (void)kafka_client_destroy(consumer->rk, DESTROY_MS);
    consumer->rk = NULL;
}

/* A consumer can fence itself: when it loses its session while the broker is away, librdkafka forgets
 * the member id, and what waited goes out without it; and a broker that cannot write the group down, for
 * want of replicas, takes a member in and does not say so. Then it joins anew, once a second at most, as
 * often as it takes. A twin is another matter: it fences one that the group counts on, which joins anew,
 * and is fenced again. */
static enum verdict kafka_consumer_fenced(struct kafka_consumer *consumer, struct err *err)
{
    int64_t now_us = timebase_mono_us();

    if (consumer->is_member) {
        if (consumer->fenced_at_us && now_us - consumer->fenced_at_us < FENCED_AGAIN_US) {
            return err_set(err, FATAL, WHERE,
                           "another worker runs with the same worker.instance_id");
        }
        consumer->fenced_at_us = now_us;
    }
    log_warn("kafka consumer: fenced by a member of the same worker.instance_id, joining anew");
    kafka_consumer_abandon(consumer);
    timebase_sleep_us(consumer->joined_at_us + FENCED_PAUSE_US - now_us);
    enum verdict verdict = kafka_consumer_join(consumer, err);
    return verdict == OK ? err_set(err, RETRY, WHERE, "fenced, joining anew") : verdict;
}

/* A message that is no record. Its text goes into err; topic and partition stay readable because
 * the name belongs to the assignment. */
static enum verdict kafka_consumer_judge(struct kafka_consumer *consumer,
                                         const rd_kafka_message_t *msg,
                                         struct kafka_record *out_record, struct err *err)
{
    char text[192] = "";
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(consumer->rk, text, sizeof(text));

    if (fatal) {
        return err_set(err, FATAL, WHERE, "%s", text);
    }
    if (msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return OK;
    }
    const char *reason = msg->payload ? rd_kafka_message_errstr(msg) : rd_kafka_err2str(msg->err);
    enum verdict verdict = kafka_client_verdict(msg->err);
    if (verdict == REJECT) {
        struct kafka_assigned_partition *at =
            msg->rkt ? kafka_assigned_find(&consumer->assigned, rd_kafka_topic_name(msg->rkt),
                                           msg->partition)
                     : NULL;
        if (!at || at->paused) {
            return err_set(err, RETRY, WHERE, "%s, of a partition not read now", reason);
        }
        out_record->topic = at->topic;
        out_record->partition = at->partition;
        out_record->offset = at->next;
    }
    return err_set(err, verdict, WHERE, "%s", reason);
}

enum verdict kafka_consumer_poll(struct kafka_consumer *consumer, int timeout_ms,
                                 struct kafka_record *out_record, struct err *err)
{
    struct kafka_record none = {.topic = "", .partition = -1, .offset = -1, .timestamp_ms = -1};
    rd_kafka_message_t *msg = rd_kafka_consumer_poll(consumer->rk, timeout_ms);

    *out_record = none;
    if (consumer->assign_failed) {
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
        return err_set(err, FATAL, WHERE, "the assignment could not be taken: memory is short");
    }
    if (!msg) {
        return OK;
    }
    if (msg->err) {
        bool is_fenced =
            rd_kafka_fatal_error(consumer->rk, NULL, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
        enum verdict verdict =
            is_fenced ? OK : kafka_consumer_judge(consumer, msg, out_record, err);
        rd_kafka_message_destroy(msg);
        return is_fenced ? kafka_consumer_fenced(consumer, err) : verdict;
    }
    struct kafka_assigned_partition *at =
        kafka_assigned_find(&consumer->assigned, rd_kafka_topic_name(msg->rkt), msg->partition);
    if (!at || at->paused || msg->offset < at->next) {
        /* Fetched before a revoke, pause or seek: not wanted any more. */
        rd_kafka_message_destroy(msg);
        return OK;
    }
    consumer->assigned.last = at;
    at->next = msg->offset + 1;
    kafka_reader_view(msg, out_record);
    return OK;
}

void kafka_record_free(struct kafka_record *record)
{
    if (record->handle) {
        rd_kafka_message_destroy(record->handle);
        record->handle = NULL;
    }
}

bool kafka_record_header(const struct kafka_record *record, size_t index, struct str *out_name,
                         struct str *out_value)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(record->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_all(headers, index, &name, &value, &len) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    *out_name = str_view(name);
    *out_value = (struct str){value ? value : "", len};
    return true;
}

static void kafka_consumer_set_paused(struct kafka_consumer *consumer,
                                      const struct kafka_partition *partitions, size_t count,
                                      bool paused)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        struct kafka_assigned_partition *at =
            kafka_assigned_find(&consumer->assigned, partitions[i].topic, partitions[i].partition);
        if (at && at->paused != paused) {
            at->paused = paused;
            rd_kafka_topic_partition_list_add(list, at->topic, at->partition);
        }
    }
    if (list->cnt > 0 && paused) {
        rd_kafka_pause_partitions(consumer->rk, list);
    } else if (list->cnt > 0) {
        rd_kafka_resume_partitions(consumer->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_consumer_pause(struct kafka_consumer *consumer, const struct kafka_partition *partitions,
                          size_t count)
{
    kafka_consumer_set_paused(consumer, partitions, count, true);
}

void kafka_consumer_resume(struct kafka_consumer *consumer,
                           const struct kafka_partition *partitions, size_t count)
{
    kafka_consumer_set_paused(consumer, partitions, count, false);
}

enum verdict kafka_consumer_seek(struct kafka_consumer *consumer,
                                 const struct kafka_partition *partition, struct err *err)
{
    struct kafka_assigned_partition *at =
        kafka_assigned_find(&consumer->assigned, partition->topic, partition->partition);

    if (!at) {
        return err_set(err, RETRY, WHERE, "%s [%d] is not assigned", partition->topic,
                       (int)partition->partition);
    }
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(consumer->rk, partition->topic, NULL);
    if (!rkt) {
        return err_set(err, FATAL, WHERE, "bad topic name %s", partition->topic);
    }
    at->next = partition->offset;
    rd_kafka_resp_err_t code = rd_kafka_seek(rkt, at->partition, at->next, SEEK_MS);
    rd_kafka_topic_destroy(rkt);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* A partition that stopped with an error does not take a seek: start all of them anew. */
        code = kafka_assigned_apply(&consumer->assigned, consumer->rk);
    }
    return code ? kafka_client_fail(err, code, "seeking") : OK;
}

bool kafka_consumer_commit(struct kafka_consumer *consumer,
                           const struct kafka_partition *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition)
            ->offset = partitions[i].offset;
    }
    /* Commits that wait for a broker which is away keep the member from joining again, each for
     * seconds: never more than one. */
    bool is_free = !consumer->is_committing;
    if (count > 0 && is_free) {
        consumer->is_committing =
            rd_kafka_commit(consumer->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return is_free;
}

enum verdict kafka_consumer_watermarks(struct kafka_consumer *consumer, const char *topic,
                                       int32_t partition, int timeout_ms, int64_t *out_low,
                                       int64_t *out_high, struct err *err)
{
    int64_t low, high;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(consumer->rk, topic, partition, &low, &high, timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(err, code, "asking for the watermarks");
    }
    *out_low = low;
    *out_high = high;
    return OK;
}

bool kafka_consumer_high_watermark(struct kafka_consumer *consumer, const char *topic,
                                   int32_t partition, int64_t *out_high)
{
    int64_t low, high;

    if (rd_kafka_get_watermark_offsets(consumer->rk, topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0) {
        return false;
    }
    *out_high = high;
    return true;
}

enum verdict kafka_consumer_record_at(struct kafka_consumer *consumer, const char *topic,
                                      int32_t partition, int64_t offset, int timeout_ms,
                                      struct kafka_record *out_record, struct err *err)
{
    int64_t low = 0, high = 0;
    enum verdict verdict =
        kafka_consumer_watermarks(consumer, topic, partition, timeout_ms, &low, &high, err);

    if (verdict != OK) {
        return verdict;
    }
    if (offset < low || offset >= high) {
        *out_record = (struct kafka_record){.topic = "", .partition = partition, .offset = offset};
        return OK;
    }
    return kafka_reader_record_at(consumer->reader, topic, partition, offset, timeout_ms,
                                  out_record, err);
}

enum verdict kafka_consumer_cluster_id(struct kafka_consumer *consumer, int timeout_ms,
                                       char *out_id, struct err *err)
{
    return kafka_client_cluster_id(consumer->rk, timeout_ms, out_id, err);
}

/* The library sends no LeaveGroup for a static member that closes, but does so for one that
 * unsubscribes: so that, first, until the revoke is through. */
static void kafka_consumer_leave(struct kafka_consumer *consumer)
{
    int64_t end_us = timebase_mono_us() + LEAVE_MS * 1000;

    consumer->closing = true;
    if (rd_kafka_fatal_error(consumer->rk, NULL, 0)) {
        return; /* the group does not know this member any more */
    }
    rd_kafka_unsubscribe(consumer->rk);
    do {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(consumer->rk, 20);
        if (msg) {
            rd_kafka_message_destroy(msg);
        }
    } while (consumer->assigned.count > 0 && timebase_mono_us() < end_us);

    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->rk, queue);
    end_us = timebase_mono_us() + CLOSE_MS * 1000;
    while (!error && !rd_kafka_consumer_closed(consumer->rk) && timebase_mono_us() < end_us) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 20);
        if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
            rd_kafka_assign(consumer->rk, NULL);
        }
        rd_kafka_event_destroy(event);
    }
    if (error) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_queue_destroy(queue);
}

void kafka_consumer_close(struct kafka_consumer *consumer)
{
    if (!consumer) {
        return;
    }
    if (consumer->rk) {
        kafka_consumer_leave(consumer);
    }
    if (!kafka_client_destroy(consumer->rk, DESTROY_MS)) {
        log_warn("kafka consumer: the library does not let go of a handle, ignoring");
    }
    kafka_reader_close(consumer->reader);
    kafka_assigned_forget(&consumer->assigned);
    free(consumer);
}
