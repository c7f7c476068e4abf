/* decode.c - stage 1: the record's value becomes an event, its body and its format. */
#include "core/timebase.h"
#include "stages.h"

#define RECORD_TIME_END_MS INT64_C(253402300800000) /* the year 10000 */

static bool is_listed(const char *list, const char *topic)
{
    size_t len = strlen(topic);
    for (const char *at = list; at && *at;) {
        size_t span = strcspn(at, ", ");
        if (span == len && memcmp(at, topic, len) == 0) {
            return true;
        }
        at += span;
        at += strspn(at, ", ");
    }
    return false;
}

/* The time stamp is the sender's word: where it is missing or absurd, the record is received now. */
static int64_t received_at_us(const struct kafka_record *record)
{
    bool is_usable = record->timestamp_ms >= 0 && record->timestamp_ms < RECORD_TIME_END_MS;
    return is_usable ? record->timestamp_ms * 1000 : timebase_wall_us();
}

/* What an OpenLineage client with the Kafka transport wrote: the body itself. */
static enum verdict decode_json(struct processor *pr, struct event_work *work, struct err *err)
{
    struct str value = work->record->value;
    if (value.len == 0) {
        return err_set(err, REJECT, "decode", "the record has no value");
    }
    if (value.len > pr->body_bytes_max) {
        return err_set(err, REJECT, "decode", "the body has %zu bytes, more than %zu", value.len,
                       pr->body_bytes_max);
    }
    char *body = arena_alloc(pr->scratch, value.len + JSON_PADDING_BYTES);
    if (!body) {
        return err_set(err, RETRY, "decode", "the arena is full");
    }
    memcpy(body, value.ptr, value.len);
    memset(body + value.len, 0, JSON_PADDING_BYTES);
    work->ev = (struct lineage_event){
        .received_at_us = received_at_us(work->record),
        .source = SOURCE_KAFKA,
        .body = {body, value.len},
    };
    if (pr->is_replay) {
        memcpy(work->ev.event_id.bytes, work->record->key.ptr, sizeof work->ev.event_id.bytes);
    } else {
        work->ev.event_id = lineage_event_id(work->ev.body);
    }
    return OK;
}

enum verdict decode_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err)
{
    (void)bt;
    if (pr->is_replay || is_listed(pr->json_topics, work->record->topic)) {
        work->format = stages_format(STR("openlineage"));
        work->is_plain = true;
        return decode_json(pr, work, err);
    }
    enum verdict verdict =
        event_codec_decode(pr->codec, work->record->value, pr->scratch, &work->ev, err);
    if (verdict != OK) {
        return verdict;
    }
    work->format = stages_format(work->ev.format);
    return work->format ? OK
                        : err_set(err, REJECT, "decode", "nobody knows the format %.*s",
                                  (int)(work->ev.format.len < 64 ? work->ev.format.len : 64),
                                  work->ev.format.ptr);
}
