#include "ingest/door.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "ingest/door_guard.h"
#include "ingest/key_feed.h"
#include "ingest/keyring.h"
#include "ingest/mlflow_signature.h"

#define CERTIFICATE_PREFIX "cert:"

struct door {
    const struct settings *st;
    bool is_open; /* ingest.auth = none: nobody is asked */
    bool requires_key;
    struct keyring *keys;
    struct key_feed *feed;
    struct mlflow_keys *mlflow_keys;
    atomic_bool is_known;
    atomic_uint restarts;  /* how often what was known was forgotten, to be read again */
    atomic_int partitions; /* of the topic of keys when they are too many, else 0 */
};

static void door_on_change(void *arg, const struct key_change *change)
{
    struct door *door = arg;
    struct err err;

    if (keyring_apply(door->keys, change, &err) != OK) {
        log_error("a key cannot be taken, who shows it is refused key=%.*s: %s",
                  (int)change->key_id.len, change->key_id.ptr, err.text);
    } else if (atomic_load(&door->is_known)) {
        log_info("key %s key=%.*s by=%.*s", change->is_revoked ? "revoked" : "added",
                 (int)change->key_id.len, change->key_id.ptr, (int)change->by.len, change->by.ptr);
    }
}

static void door_on_known(void *arg, bool is_known)
{
    struct door *door = arg;

    if (!is_known) {
        atomic_store(&door->is_known, false);
        atomic_fetch_add(&door->restarts, 1); /* before any key is missing: see door_judge */
        keyring_forget(door->keys);
        return;
    }
    atomic_store(&door->partitions, 0);
    atomic_store(&door->is_known, true);
    log_info("keys are known topic=%s active=%zu", door->st->kafka.topic_keys,
             keyring_active(door->keys, timebase_wall_us()));
}

static void door_on_unfit(void *arg, int partitions)
{
    struct door *door = arg;

    atomic_store(&door->partitions, partitions);
}

enum verdict door_open(const struct settings *st, struct door **out_door, struct err *err)
{
    struct door *door = calloc(1, sizeof(*door));
    const struct key_feed_callbacks callbacks = {.arg = door,
                                                 .on_change = door_on_change,
                                                 .on_known = door_on_known,
                                                 .on_unfit = door_on_unfit};
    enum verdict verdict = OK;

    if (!door) {
        return err_set(err, FATAL, "door", "out of memory");
    }
    door->st = st;
    door->is_open = strcmp(st->ingest.auth, "none") == 0;
    door->requires_key = door_guard_requires_key(st);
    door->keys = keyring_new(st);
    if (!door->keys) {
        verdict = err_set(err, FATAL, "door", "out of memory");
    } else if (!door->is_open) {
        verdict = key_feed_start(st, &callbacks, &door->feed, err);
    }
    if (verdict == OK) {
        verdict = mlflow_keys_open(st->ingest.mlflow_key_file, &door->mlflow_keys, err);
    }
    if (verdict != OK) {
        door_close(door);
        return verdict;
    }
    *out_door = door;
    return OK;
}

static bool door_refuse(struct door *door, struct key *key, enum refusal why, int retry_after_s,
                        struct http_refusal *refusal)
{
    keyring_count(door->keys, key, why, timebase_wall_us());
    *refusal = (struct http_refusal){.status = refusals_rows[why].status,
                                     .reason = refusals_rows[why].detail,
                                     .retry_after_s = retry_after_s};
    return false;
}

/* Nothing can be said of a key now. */
static bool door_postpone(struct door *door, struct http_refusal *refusal)
{
    metrics_inc(METRIC_GATEWAY_UNAVAILABLE);
    *refusal = (struct http_refusal){.status = 503,
                                     .reason = atomic_load(&door->restarts) > 0
                                                   ? "the API keys are being read again"
                                                   : "the API keys are not known yet",
                                     .retry_after_s = 1};
    return false;
}

/* The credentials behind "Bearer"; false when the header is not there exactly once, or says
 * something else. */
static bool door_credentials(const struct http_head *head, struct str *out_key, bool *out_is_there)
{
    struct str value = {NULL, 0};
    int count = 0;

    for (int i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name;
        if (name.len == strlen("authorization") &&
            strncasecmp(name.ptr, "authorization", name.len) == 0) {
            value = head->headers[i].value;
            count++;
        }
    }
    *out_is_there = count > 0;
    if (count != 1 || value.len < strlen("Bearer ") ||
        strncasecmp(value.ptr, "Bearer ", strlen("Bearer ")) != 0) {
        return false;
    }
    value.ptr += strlen("Bearer ");
    value.len -= strlen("Bearer ");
    while (value.len > 0 && *value.ptr == ' ') {
        value.ptr++;
        value.len--;
    }
    *out_key = value;
    return true;
}

static bool door_judge(struct door *door, struct http_request *request, struct str text,
                       struct http_refusal *refusal)
{
    int64_t now_us = timebase_wall_us();
    enum refusal why = REFUSAL_UNKNOWN;
    int retry_after_s = 0;
    unsigned restarts = atomic_load(&door->restarts);
    struct str id;

    if (!api_key_parse(text, &id)) {
        return door_refuse(door, NULL, REFUSAL_MALFORMED, 0, refusal);
    }
    if (!atomic_load(&door->is_known)) {
        return door_postpone(door, refusal);
    }
    struct api_key_hash hash = api_key_digest(text);
    struct key *key = keyring_find(door->keys, id);
    if (!key || !keyring_is_good(key, &hash, now_us, &why)) {
        if (why == REFUSAL_UNKNOWN && atomic_load(&door->restarts) != restarts) {
            return door_postpone(door, refusal); /* forgotten since the first line */
        }
        /* Who guesses secrets of a key must not fill the key's own account. */
        return door_refuse(door, why == REFUSAL_UNKNOWN ? NULL : key, why, 0, refusal);
    }
    if (!keyring_may_send(door->keys, key, now_us, &why, &retry_after_s)) {
        return door_refuse(door, key, why, retry_after_s, refusal);
    }
    http_request_set_visitor(request, key);
    return true;
}

bool door_admit(struct door *door, struct http_request *request, struct http_refusal *out_refusal)
{
    bool is_there = false;
    struct str key;

    if (door->is_open) {
        return true;
    }
    if (door_credentials(http_request_head(request), &key, &is_there)) {
        return door_judge(door, request, key, out_refusal);
    }
    if (is_there) {
        return door_refuse(door, NULL, REFUSAL_MALFORMED, 0, out_refusal);
    }
    if (door->requires_key && http_request_client_name(request).len == 0) {
        return door_refuse(door, NULL, REFUSAL_MISSING, 0, out_refusal);
    }
    return true;
}

void door_visitor(const struct http_request *request, struct visitor *out_visitor)
{
    struct str name = http_request_client_name(request);

    out_visitor->key = http_request_visitor(request);
    out_visitor->principal[0] = '\0';
    if (out_visitor->key) {
        snprintf(out_visitor->principal, sizeof(out_visitor->principal), "%s",
                 keyring_id(out_visitor->key).ptr);
    } else if (name.len > 0) {
        snprintf(out_visitor->principal, sizeof(out_visitor->principal), "%s%.*s",
                 CERTIFICATE_PREFIX, (int)name.len, name.ptr);
    }
}

bool door_pass(struct door *door, const struct visitor *visitor, struct str namespace_,
               size_t body_bytes, struct http_refusal *out_refusal)
{
    struct key *key = visitor->key;
    int64_t now_us;
    enum refusal why;
    int retry_after_s = 0;

    if (!key) {
        return true;
    }
    now_us = timebase_wall_us();
    if (!keyring_is_valid(key, now_us, &why)) {
        if (why == REFUSAL_UNKNOWN) {
            return door_postpone(door, out_refusal); /* it was good when the request came in */
        }
        return door_refuse(door, key, why, 0, out_refusal);
    }
    if (!keyring_covers(key, namespace_)) {
        return door_refuse(door, key, REFUSAL_NAMESPACE, 0, out_refusal);
    }
    if (!keyring_take(door->keys, key, body_bytes, now_us, &why, &retry_after_s)) {
        return door_refuse(door, key, why, retry_after_s, out_refusal);
    }
    return true;
}

bool door_is_ready(struct door *door, char *reason, size_t size)
{
    if (!door->requires_key || atomic_load(&door->is_known)) {
        return true;
    }
    int partitions = atomic_load(&door->partitions);
    if (partitions > 0) {
        snprintf(reason, size, "the API keys are not read: topic %s has %d partitions, must have 1",
                 door->st->kafka.topic_keys, partitions);
    } else {
        snprintf(reason, size, "the API keys are not known yet: topic %s",
                 door->st->kafka.topic_keys);
    }
    return false;
}

const struct mlflow_keys *door_mlflow_keys(const struct door *door)
{
    return door->mlflow_keys;
}

size_t door_take_refusals(struct door *door, struct refusal_entry *entries, size_t max)
{
    return keyring_take_refusals(door->keys, entries, max);
}

enum verdict door_reload(void *door, const struct settings *fresh, struct err *err)
{
    (void)err;
    keyring_set_limits(((struct door *)door)->keys, fresh);
    return OK;
}

void door_measure(struct door *door)
{
    metrics_set(METRIC_GATEWAY_KEYS, (int64_t)keyring_active(door->keys, timebase_wall_us()));
    metrics_set(METRIC_GATEWAY_KEYS_KNOWN, atomic_load(&door->is_known));
}

void door_close(struct door *door)
{
    if (!door) {
        return;
    }
    key_feed_stop(door->feed);
    keyring_free(door->keys);
    mlflow_keys_close(door->mlflow_keys);
    free(door);
}
