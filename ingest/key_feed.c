#include "ingest/key_feed.h"

#include <stdlib.h>

#include "core/kafka_consumer.h"
#include "core/kafka_follower.h"
#include "core/log.h"
#include "core/settings.h"
#include "schemas/event_codec.h"
#include "schemas/key_change.h"

/* A thousand patterns of a thousand bytes, and what parsing takes beside. */
#define BODY_BYTES_MAX ((size_t)2 << 20)
#define ARENA_BYTES_MAX (4 * BODY_BYTES_MAX)
#define ARENA_KEEP_BYTES ((size_t)64 * 1024)
#define JSON_DEPTH_MAX 16
#define JSON_VALUES_MAX 10000

struct key_feed {
    struct key_feed_callbacks callbacks;
    struct kafka_follower *follower;
    struct event_codec *codec;
    struct json_doc *doc;
    struct arena *arena;
};

static enum verdict key_feed_read(struct key_feed *feed, struct str value,
                                  struct key_change *out_change, struct err *err)
{
    struct lineage_event ev;
    struct cloud_event ce;
    enum verdict verdict = event_codec_decode(feed->codec, value, feed->arena, &ev, err);

    if (verdict == OK && !str_eq(ev.format, STR("cloudevents"))) {
        verdict = err_set(err, REJECT, "key_feed", "not of format cloudevents");
    }
    if (verdict == OK) {
        verdict = json_parse(feed->doc, ev.body, NULL, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_read(feed->doc, feed->arena, &ce, NULL, err);
    }
    if (verdict == OK && !key_change_is(ce.type)) {
        verdict = err_set(err, REJECT, "key_feed", "not a change of a key");
    }
    return verdict == OK ? key_change_read(feed->doc, &ce, feed->arena, out_change, NULL, err)
                         : verdict;
}

static void key_feed_on_record(void *arg, const struct kafka_record *record)
{
    struct key_feed *feed = arg;
    struct key_change change;
    struct err err;

    arena_reset(feed->arena, ARENA_KEEP_BYTES);
    if (key_feed_read(feed, record->value, &change, &err) == OK) {
        feed->callbacks.on_change(feed->callbacks.arg, &change);
    } else {
        /* The worker makes a dead letter of it. */
        log_warn("a record of %s is no change of a key, ignoring offset=%lld: %s", record->topic,
                 (long long)record->offset, err.text);
    }
}

static void key_feed_on_caught_up(void *arg)
{
    struct key_feed *feed = arg;

    feed->callbacks.on_known(feed->callbacks.arg, true);
}

static void key_feed_on_restart(void *arg)
{
    struct key_feed *feed = arg;

    feed->callbacks.on_known(feed->callbacks.arg, false);
}

static void key_feed_on_unfit(void *arg, int partitions)
{
    struct key_feed *feed = arg;

    feed->callbacks.on_unfit(feed->callbacks.arg, partitions);
}

enum verdict key_feed_start(const struct settings *st, const struct key_feed_callbacks *callbacks,
                            struct key_feed **out_feed, struct err *err)
{
    struct key_feed *feed = calloc(1, sizeof(*feed));
    enum verdict verdict = OK;

    if (feed) {
        feed->callbacks = *callbacks;
        feed->codec = event_codec_new(BODY_BYTES_MAX);
        feed->doc = json_doc_new(JSON_DEPTH_MAX, JSON_VALUES_MAX);
        feed->arena = arena_new(ARENA_BYTES_MAX);
    }
    if (!feed || !feed->codec || !feed->doc || !feed->arena) {
        verdict = err_set(err, FATAL, "key_feed", "out of memory");
    } else {
        const struct kafka_follower_callbacks follow = {.arg = feed,
                                                        .on_record = key_feed_on_record,
                                                        .on_caught_up = key_feed_on_caught_up,
                                                        .on_restart = key_feed_on_restart,
                                                        .on_unfit = key_feed_on_unfit};
        verdict = kafka_follower_start(st, st->kafka.topic_keys, &follow, &feed->follower, err);
    }
    if (verdict != OK) {
        key_feed_stop(feed);
        return verdict;
    }
    *out_feed = feed;
    return OK;
}

void key_feed_stop(struct key_feed *feed)
{
    if (!feed) {
        return;
    }
    kafka_follower_stop(feed->follower);
    event_codec_free(feed->codec);
    json_doc_free(feed->doc);
    arena_free(feed->arena);
    free(feed);
}
