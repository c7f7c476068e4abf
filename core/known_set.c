#include "core/known_set.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARDS 16
#define SHARDED_ENTRIES_MIN                                                                        \
    4096 /* below this one shard, so that small sets keep what they promise */

/* Open addressing, linear probing, at most four fifths full. The zero id marks an empty slot; it
 * is never remembered, which the contract allows. */
struct half {
    struct id128 *slots;
    size_t used;
};

struct shard {
    pthread_mutex_t lock;
    struct half young;
    struct half old;
};

struct known_set {
    size_t shards_len;
    size_t half_ids_max; /* per shard */
    size_t half_slots;   /* per shard */
    atomic_uint_least64_t generation;
    struct shard shards[];
};

static uint64_t known_set_hash(struct id128 id)
{
    uint64_t a, b;

    memcpy(&a, id.bytes, sizeof(a));
    memcpy(&b, id.bytes + 8, sizeof(b));
    /* Ids of foreign systems need not be digests: mix all the bits. */
    a = (a ^ (b << 32 | b >> 32)) * 0x9E3779B97F4A7C15u;
    a ^= a >> 32;
    a *= 0xD6E8FEB86659FD93u;
    return a ^ a >> 32;
}

/* The high half of the hash picks the slot, low bits pick the shard. */
static size_t known_set_slot(const struct known_set *set, uint64_t hash)
{
    return (size_t)((unsigned __int128)hash * set->half_slots >> 64);
}

/* The slot that holds id, or the empty one where it belongs. */
static struct id128 *known_set_find(const struct known_set *set, const struct half *half,
                                    struct id128 id, uint64_t hash)
{
    size_t i = known_set_slot(set, hash);

    while (!id128_is_zero(half->slots[i]) && !id128_eq(half->slots[i], id)) {
        i = i + 1 < set->half_slots ? i + 1 : 0;
    }
    return &half->slots[i];
}

struct known_set *known_set_new(size_t entries_max)
{
    size_t shards_len = entries_max >= SHARDED_ENTRIES_MIN ? SHARDS : 1;
    struct known_set *set = calloc(1, sizeof(*set) + shards_len * sizeof(set->shards[0]));

    if (!set) {
        return NULL;
    }
    set->half_ids_max = entries_max / 2 / shards_len + 1;
    set->half_slots = set->half_ids_max + set->half_ids_max / 4 + 1;
    atomic_init(&set->generation, 1);
    for (size_t i = 0; i < shards_len; i++) {
        struct shard *shard = &set->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->young.slots = calloc(set->half_slots, sizeof(struct id128));
        shard->old.slots = calloc(set->half_slots, sizeof(struct id128));
        set->shards_len++;
        if (!shard->young.slots || !shard->old.slots) {
            known_set_free(set);
            return NULL;
        }
    }
    return set;
}

static void known_set_empty(const struct known_set *set, struct half *half)
{
    if (half->used) {
        memset(half->slots, 0, set->half_slots * sizeof(half->slots[0]));
        half->used = 0;
    }
}

/* Under the shard's lock. */
static void known_set_put(const struct known_set *set, struct shard *shard, struct id128 id,
                          uint64_t hash)
{
    struct id128 *slot = known_set_find(set, &shard->young, id, hash);
    if (!id128_is_zero(*slot)) {
        return;
    }
    if (shard->young.used == set->half_ids_max) {
        struct half forgotten = shard->old;
        shard->old = shard->young;
        shard->young = forgotten;
        known_set_empty(set, &shard->young);
        slot = known_set_find(set, &shard->young, id, hash);
    }
    *slot = id;
    shard->young.used++;
}

static bool known_set_look(struct known_set *set, struct id128 id, bool is_kept)
{
    uint64_t hash = known_set_hash(id);
    struct shard *shard = &set->shards[hash % set->shards_len];

    if (id128_is_zero(id)) {
        return false;
    }
    pthread_mutex_lock(&shard->lock);
    bool has = !id128_is_zero(*known_set_find(set, &shard->young, id, hash));
    if (!has && !id128_is_zero(*known_set_find(set, &shard->old, id, hash))) {
        has = true;
        /* Only while there is room: what is asked for next may be about to be forgotten. */
        if (is_kept && shard->young.used < set->half_ids_max) {
            known_set_put(set, shard, id, hash);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return has;
}

bool known_set_has(struct known_set *set, struct id128 id)
{
    return known_set_look(set, id, false);
}

bool known_set_keeps(struct known_set *set, struct id128 id)
{
    return known_set_look(set, id, true);
}

void known_set_add(struct known_set *set, struct id128 id)
{
    uint64_t hash = known_set_hash(id);
    struct shard *shard = &set->shards[hash % set->shards_len];

    if (id128_is_zero(id)) {
        return;
    }
    pthread_mutex_lock(&shard->lock);
    known_set_put(set, shard, id, hash);
    pthread_mutex_unlock(&shard->lock);
}

void known_set_clear(struct known_set *set)
{
    for (size_t i = 0; i < set->shards_len; i++) {
        struct shard *shard = &set->shards[i];
        pthread_mutex_lock(&shard->lock);
        known_set_empty(set, &shard->young);
        known_set_empty(set, &shard->old);
        pthread_mutex_unlock(&shard->lock);
    }
    /* Last: whoever sees the new generation must not meet a fact of the old one. */
    atomic_fetch_add_explicit(&set->generation, 1, memory_order_acq_rel);
}

uint64_t known_set_generation(const struct known_set *set)
{
    return atomic_load_explicit(&set->generation, memory_order_acquire);
}

void known_set_free(struct known_set *set)
{
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->shards_len; i++) {
        free(set->shards[i].young.slots);
        free(set->shards[i].old.slots);
        pthread_mutex_destroy(&set->shards[i].lock);
    }
    free(set);
}
