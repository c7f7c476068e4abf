#include "ingest/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/settings.h"
#include "ingest/key_scope.h"
#include "ingest/token_bucket.h"
#include "schemas/refusal_report.h"

#define SLOTS_MIN 64
#define DAY_US (INT64_C(24) * 3600 * 1000000)
/* Clients sleep as long as they are told: one that has sent its events of the day must not hang in
 * there until midnight, but give up and say so. */
#define RETRY_AFTER_S_MAX 10

struct key {
    struct key *next; /* in the ring's list of all */
    char id[API_KEY_ID_CHARS + 1];
    bool is_added; /* else only its revocation came; set before others can see the key */
    struct api_key_hash hash;
    struct key_scope scope;
    int64_t expires_at_us;
    int64_t rate_per_s; /* 0 here and below: the setting */
    int64_t burst;
    int64_t events_per_day;
    int64_t bytes_per_day;
    atomic_bool is_revoked;
    atomic_bool is_forgotten; /* of a topic that is no more */

    pthread_mutex_t lock; /* of what follows */
    struct token_bucket bucket;
    int64_t day;
    int64_t events_today;
    int64_t bytes_today;
    struct refusal_tally tally;
};

struct keyring {
    size_t keys_max;
    /* Of keys without limits of their own; 0: none. */
    atomic_int_least64_t rate_per_s;
    atomic_int_least64_t burst;
    atomic_int_least64_t events_per_day;
    atomic_int_least64_t bytes_per_day;
    pthread_rwlock_t lock; /* of slots and keys; never held together with a key's */
    struct key **slots;    /* open addressing, a power of two, at most half full */
    size_t slot_count;
    size_t key_count; /* in slots */
    struct key *keys; /* all there ever were */
    struct key anonymous;
    struct key unknown;
};

void keyring_set_limits(struct keyring *ring, const struct settings *st)
{
    atomic_store(&ring->rate_per_s, st->ingest.key_rate_per_s_max);
    atomic_store(&ring->burst, st->ingest.key_burst_max);
    atomic_store(&ring->events_per_day, st->ingest.key_events_per_day_max);
    atomic_store(&ring->bytes_per_day, st->ingest.key_bytes_per_day_max);
}

struct keyring *keyring_new(const struct settings *st)
{
    struct keyring *ring = calloc(1, sizeof(*ring));

    if (!ring) {
        return NULL;
    }
    ring->keys_max = (size_t)st->ingest.keys_max;
    keyring_set_limits(ring, st);
    ring->slot_count = SLOTS_MIN;
    ring->slots = calloc(ring->slot_count, sizeof(struct key *));
    pthread_rwlock_init(&ring->lock, NULL);
    pthread_mutex_init(&ring->anonymous.lock, NULL);
    pthread_mutex_init(&ring->unknown.lock, NULL);
    memcpy(ring->anonymous.id, "anonymous", sizeof("anonymous"));
    memcpy(ring->unknown.id, "unknown", sizeof("unknown"));
    if (!ring->slots) {
        keyring_free(ring);
        return NULL;
    }
    return ring;
}

static struct key **keyring_slot(struct key **slots, size_t slot_count, struct str id)
{
    size_t at = key_scope_hash(id) & (slot_count - 1);

    while (slots[at] && !str_eq(keyring_id(slots[at]), id)) {
        at = (at + 1) & (slot_count - 1);
    }
    return &slots[at];
}

static bool keyring_grow(struct keyring *ring)
{
    size_t slot_count = ring->slot_count * 2;
    struct key **slots;

    if (2 * (ring->key_count + 1) <= ring->slot_count) {
        return true;
    }
    slots = calloc(slot_count, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < ring->slot_count; i++) {
        if (ring->slots[i]) {
            *keyring_slot(slots, slot_count, keyring_id(ring->slots[i])) = ring->slots[i];
        }
    }
    free(ring->slots);
    ring->slots = slots;
    ring->slot_count = slot_count;
    return true;
}

static void keyring_free_key(struct key *key)
{
    if (key) {
        pthread_mutex_destroy(&key->lock);
        key_scope_fini(&key->scope);
        free(key);
    }
}

static struct key *keyring_new_key(const struct key_change *change)
{
    struct key *key = calloc(1, sizeof(*key));

    if (!key) {
        return NULL;
    }
    pthread_mutex_init(&key->lock, NULL);
    memcpy(key->id, change->key_id.ptr, API_KEY_ID_CHARS);
    key->is_added = !change->is_revoked;
    atomic_init(&key->is_revoked, change->is_revoked);
    key->hash = change->hash;
    key->expires_at_us = change->expires_at_us;
    key->rate_per_s = change->rate_per_s;
    key->burst = change->burst;
    key->events_per_day = change->events_per_day;
    key->bytes_per_day = change->bytes_per_day;
    if (!key_scope_init(&key->scope, change->namespaces, change->namespace_count)) {
        keyring_free_key(key);
        return NULL;
    }
    return key;
}

/* Puts key in place of the one of the same id, which stays in the list for those who hold it. */
static bool keyring_put(struct keyring *ring, struct key *key)
{
    bool has_room;

    pthread_rwlock_wrlock(&ring->lock);
    has_room = keyring_grow(ring);
    if (has_room) {
        struct key **slot = keyring_slot(ring->slots, ring->slot_count, keyring_id(key));
        ring->key_count += *slot == NULL;
        *slot = key;
        key->next = ring->keys;
        ring->keys = key;
    }
    pthread_rwlock_unlock(&ring->lock);
    return has_room;
}

enum verdict keyring_apply(struct keyring *ring, const struct key_change *change, struct err *err)
{
    struct key *old = keyring_find(ring, change->key_id);
    struct key *key;

    if (old && (change->is_revoked || old->is_added || atomic_load(&old->is_revoked))) {
        if (change->is_revoked) {
            atomic_store(&old->is_revoked, true);
        }
        return OK; /* the first word about a key stands, but for its revocation */
    }
    if (ring->key_count >= ring->keys_max) {
        return err_set(err, REJECT, "keyring", "more keys than ingest.keys_max (%zu)",
                       ring->keys_max);
    }
    key = keyring_new_key(change);
    if (!key || !keyring_put(ring, key)) {
        keyring_free_key(key);
        return err_set(err, RETRY, "keyring", "out of memory");
    }
    return OK;
}

void keyring_forget(struct keyring *ring)
{
    pthread_rwlock_wrlock(&ring->lock);
    memset(ring->slots, 0, ring->slot_count * sizeof(struct key *));
    ring->key_count = 0;
    for (struct key *key = ring->keys; key; key = key->next) {
        atomic_store(&key->is_forgotten, true);
    }
    pthread_rwlock_unlock(&ring->lock);
}

struct key *keyring_find(struct keyring *ring, struct str key_id)
{
    struct key *key;

    pthread_rwlock_rdlock(&ring->lock);
    key = *keyring_slot(ring->slots, ring->slot_count, key_id);
    pthread_rwlock_unlock(&ring->lock);
    return key;
}

struct str keyring_id(const struct key *key)
{
    return str_view(key->id);
}

bool keyring_is_good(const struct key *key, const struct api_key_hash *hash, int64_t now_us,
                     enum refusal *out_why)
{
    /* Only who has the whole key learns what became of it. */
    if (!key->is_added || !api_key_hash_eq(&key->hash, hash)) {
        *out_why = REFUSAL_UNKNOWN;
        return false;
    }
    return keyring_is_valid(key, now_us, out_why);
}

bool keyring_is_valid(const struct key *key, int64_t now_us, enum refusal *out_why)
{
    if (atomic_load(&key->is_revoked)) {
        *out_why = REFUSAL_REVOKED;
    } else if (atomic_load(&key->is_forgotten)) {
        *out_why = REFUSAL_UNKNOWN;
    } else if (now_us >= key->expires_at_us) {
        *out_why = REFUSAL_EXPIRED;
    } else {
        return true;
    }
    return false;
}

bool keyring_covers(const struct key *key, struct str namespace_)
{
    return key_scope_covers(&key->scope, namespace_);
}

static int64_t keyring_or(int64_t own, const atomic_int_least64_t *other)
{
    return own > 0 ? own : atomic_load_explicit(other, memory_order_relaxed);
}

static int keyring_retry_after_s(int64_t wait_us)
{
    int64_t wait_s = wait_us / 1000000 + 1;

    return (int)(wait_s < RETRY_AFTER_S_MAX ? wait_s : RETRY_AFTER_S_MAX);
}

/* Under the key's lock: one event more, of more_bytes. */
static bool keyring_has_room(const struct keyring *ring, struct key *key, int64_t more_bytes,
                             int64_t now_us, enum refusal *out_why, int *out_retry_after_s)
{
    int64_t rate = keyring_or(key->rate_per_s, &ring->rate_per_s);
    int64_t burst = keyring_or(key->burst, &ring->burst);
    int64_t events = keyring_or(key->events_per_day, &ring->events_per_day);
    int64_t bytes = keyring_or(key->bytes_per_day, &ring->bytes_per_day);
    int64_t wait_us = 0;

    if (now_us / DAY_US != key->day) {
        key->day = now_us / DAY_US;
        key->events_today = 0;
        key->bytes_today = 0;
    }
    if (rate > 0) {
        wait_us = token_bucket_wait_us(&key->bucket, rate, burst > 0 ? burst : rate, now_us);
        *out_why = REFUSAL_RATE;
    }
    if (wait_us == 0 && events > 0 && key->events_today >= events) {
        wait_us = DAY_US;
        *out_why = REFUSAL_EVENTS_PER_DAY;
    }
    if (wait_us == 0 && bytes > 0 && key->bytes_today + more_bytes > bytes) {
        wait_us = DAY_US;
        *out_why = REFUSAL_BYTES_PER_DAY;
    }
    *out_retry_after_s = wait_us > 0 ? keyring_retry_after_s(wait_us) : 0;
    return wait_us == 0;
}

bool keyring_may_send(struct keyring *ring, struct key *key, int64_t now_us, enum refusal *out_why,
                      int *out_retry_after_s)
{
    bool may_send;

    pthread_mutex_lock(&key->lock);
    may_send = keyring_has_room(ring, key, 1, now_us, out_why, out_retry_after_s);
    pthread_mutex_unlock(&key->lock);
    return may_send;
}

bool keyring_take(struct keyring *ring, struct key *key, size_t body_bytes, int64_t now_us,
                  enum refusal *out_why, int *out_retry_after_s)
{
    bool has_room;

    pthread_mutex_lock(&key->lock);
    has_room = keyring_has_room(ring, key, (int64_t)body_bytes, now_us, out_why, out_retry_after_s);
    if (has_room) {
        token_bucket_take(&key->bucket);
        key->events_today++;
        key->bytes_today += (int64_t)body_bytes;
    }
    pthread_mutex_unlock(&key->lock);
    return has_room;
}

void keyring_give_back(struct key *key, size_t body_bytes, int64_t taken_us)
{
    pthread_mutex_lock(&key->lock);
    if (key->day == taken_us / DAY_US && key->events_today > 0) {
        key->events_today--;
        key->bytes_today -= (int64_t)body_bytes;
    }
    pthread_mutex_unlock(&key->lock);
}

void keyring_count(struct keyring *ring, struct key *key, enum refusal why, int64_t now_us)
{
    if (!key) {
        key = why == REFUSAL_MISSING ? &ring->anonymous : &ring->unknown;
    }
    pthread_mutex_lock(&key->lock);
    refusals_count(&key->tally, why, now_us);
    pthread_mutex_unlock(&key->lock);
}

static size_t keyring_take_tally(struct key *key, struct refusal_entry *entries, size_t max)
{
    size_t count;

    pthread_mutex_lock(&key->lock);
    count = refusals_take(&key->tally, keyring_id(key), entries, max);
    pthread_mutex_unlock(&key->lock);
    return count;
}

size_t keyring_take_refusals(struct keyring *ring, struct refusal_entry *entries, size_t max)
{
    struct key *key;
    size_t count = 0;

    count += keyring_take_tally(&ring->anonymous, entries, max);
    count += keyring_take_tally(&ring->unknown, entries + count, max - count);
    pthread_rwlock_rdlock(&ring->lock);
    key = ring->keys;
    pthread_rwlock_unlock(&ring->lock);
    for (; key && count < max; key = key->next) { /* the list only grows, at its front */
        count += keyring_take_tally(key, entries + count, max - count);
    }
    return count;
}

size_t keyring_active(struct keyring *ring, int64_t now_us)
{
    enum refusal ignored;
    size_t count = 0;

    pthread_rwlock_rdlock(&ring->lock);
    for (size_t i = 0; i < ring->slot_count; i++) {
        const struct key *key = ring->slots[i];
        count += key && key->is_added && keyring_is_valid(key, now_us, &ignored);
    }
    pthread_rwlock_unlock(&ring->lock);
    return count;
}

void keyring_free(struct keyring *ring)
{
    if (!ring) {
        return;
    }
    while (ring->keys) {
        struct key *next = ring->keys->next;
        keyring_free_key(ring->keys);
        ring->keys = next;
    }
    pthread_mutex_destroy(&ring->anonymous.lock);
    pthread_mutex_destroy(&ring->unknown.lock);
    pthread_rwlock_destroy(&ring->lock);
    free(ring->slots);
    free(ring);
}
