#include "base_cache.h"

#include <stdlib.h>

#include <lz4.h>

#define SLOTS 8192 /* a power of two */
#define WAYS 4
#define APART_SHARE 3 /* a block of more than a third of its body: time for a new base */
#define SMALL_BLOCK_BYTES 640

struct base {
    struct id128 kind;
    struct id128 id;
    int64_t received_at_us;
    char *body;
    size_t len;
};

struct base_cache {
    struct base slots[SLOTS];
    uint8_t victim[SLOTS / WAYS];
    size_t hand; /* where to look for the next one to forget when bytes are short */
    size_t bytes;
    size_t bytes_max;
    LZ4_stream_t *stream;
    char packed[LZ4_COMPRESSBOUND(BASE_BODY_BYTES_MAX)];
};

struct base_cache *base_cache_new(size_t bytes_max)
{
    struct base_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return NULL;
    }
    cache->bytes_max = bytes_max;
    cache->stream = LZ4_createStream();
    if (!cache->stream) {
        free(cache);
        return NULL;
    }
    return cache;
}

static void forget(struct base_cache *cache, struct base *base)
{
    cache->bytes -= base->len;
    free(base->body);
    *base = (struct base){0};
}

static size_t set_of(struct id128 kind)
{
    uint32_t hash;
    memcpy(&hash, kind.bytes, sizeof hash);
    return hash & (SLOTS / WAYS - 1);
}

static struct base *find(struct base_cache *cache, struct id128 kind)
{
    struct base *set = &cache->slots[set_of(kind) * WAYS];
    for (int way = 0; way < WAYS; way++) {
        if (set[way].body && id128_eq(set[way].kind, kind)) {
            return &set[way];
        }
    }
    return NULL;
}

/* NULL when memory is short: then there is no base. */
static struct base *remember(struct base_cache *cache, struct id128 kind, struct id128 id,
                             int64_t received_at_us, struct str body)
{
    struct base *slot = find(cache, kind);
    if (!slot) {
        size_t set = set_of(kind);
        slot = &cache->slots[set * WAYS + cache->victim[set]++ % WAYS];
    }
    if (slot->body) {
        forget(cache, slot);
    }
    for (size_t tried = 0; cache->bytes + body.len > cache->bytes_max && tried < SLOTS; tried++) {
        struct base *old = &cache->slots[cache->hand++ & (SLOTS - 1)];
        if (old->body) {
            forget(cache, old);
        }
    }
    char *copy = malloc(body.len);
    if (!copy) {
        return NULL;
    }
    memcpy(copy, body.ptr, body.len);
    *slot = (struct base){
        .kind = kind, .id = id, .received_at_us = received_at_us, .body = copy, .len = body.len};
    cache->bytes += body.len;
    return slot;
}

static int pack_against(struct base_cache *cache, const struct base *base, struct str body)
{
    LZ4_loadDict(cache->stream, base->body, (int)base->len);
    return LZ4_compress_fast_continue(cache->stream, body.ptr, cache->packed, (int)body.len,
                                      (int)sizeof cache->packed, 1);
}

struct base_block base_cache_pack(struct base_cache *cache, struct id128 kind,
                                  struct id128 event_id, int64_t received_at_us, struct str body,
                                  struct arena *arena)
{
    struct base_block none = {.block = {NULL, 0}};
    if (body.len > BASE_BODY_BYTES_MAX || body.len > cache->bytes_max / 4) {
        return none;
    }
    struct base *base = find(cache, kind);
    if (base && llabs(received_at_us - base->received_at_us) > BASE_AGE_US_MAX) {
        base = NULL;
    }
    int len = base ? pack_against(cache, base, body) : 0;
    if (!base || (len > SMALL_BLOCK_BYTES && (size_t)len > body.len / APART_SHARE)) {
        base = remember(cache, kind, event_id, received_at_us, body);
        len = base ? pack_against(cache, base, body) : 0;
    }
    if (len <= 0) {
        return none;
    }
    struct str block = arena_dup(arena, (struct str){cache->packed, (size_t)len});
    if (!block.ptr) {
        return none;
    }
    return (struct base_block){
        .block = block, .base = base->id, .base_body = {base->body, base->len}};
}

void base_cache_forget(struct base_cache *cache, struct id128 kind)
{
    struct base *base = find(cache, kind);
    if (base) {
        forget(cache, base);
    }
}

void base_cache_free(struct base_cache *cache)
{
    if (!cache) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(cache->slots[i].body);
    }
    LZ4_freeStream(cache->stream);
    free(cache);
}
