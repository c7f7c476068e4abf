#include "facet_cache.h"

#include <stdlib.h>
#include <sys/random.h>

#include <xxhash.h>

#define SETS 4096 /* a power of two */
#define WAYS 4
#define FAMILIES_MAX 1024
#define SECRET_BYTES 192

struct entry {
    uint64_t low;
    uint64_t high;
    struct facet_known known;
    bool is_used;
};

struct facet_cache {
    unsigned char secret[SECRET_BYTES];
    struct entry sets[SETS][WAYS];
    uint8_t victim[SETS];
    char *families[FAMILIES_MAX]; /* few producers: kept for good, shared by entries */
    size_t family_count;
};

struct facet_cache *facet_cache_new(void)
{
    struct facet_cache *cache = calloc(1, sizeof *cache);
    if (cache && getrandom(cache->secret, sizeof cache->secret, 0) != SECRET_BYTES) {
        free(cache);
        return NULL;
    }
    return cache;
}

static XXH128_hash_t hash_of(const struct facet_cache *cache, struct str raw)
{
    return XXH3_128bits_withSecret(raw.ptr, raw.len, cache->secret, sizeof cache->secret);
}

const struct facet_known *facet_cache_find(struct facet_cache *cache, struct str raw)
{
    XXH128_hash_t hash = hash_of(cache, raw);
    struct entry *set = cache->sets[hash.low64 & (SETS - 1)];
    for (int way = 0; way < WAYS; way++) {
        if (set[way].is_used && set[way].low == hash.low64 && set[way].high == hash.high64) {
            return &set[way].known;
        }
    }
    return NULL;
}

/* The one copy of a family, or ptr NULL when there is no room for another. */
static struct str family_of(struct facet_cache *cache, struct str family)
{
    for (size_t i = 0; i < cache->family_count; i++) {
        if (str_eq(str_view(cache->families[i]), family)) {
            return str_view(cache->families[i]);
        }
    }
    if (cache->family_count == FAMILIES_MAX || memchr(family.ptr, 0, family.len)) {
        return (struct str){NULL, 0};
    }
    char *copy = malloc(family.len + 1);
    if (!copy) {
        return (struct str){NULL, 0};
    }
    memcpy(copy, family.ptr, family.len);
    copy[family.len] = '\0';
    cache->families[cache->family_count++] = copy;
    return str_view(copy);
}

void facet_cache_put(struct facet_cache *cache, struct str raw, const struct facet_known *known)
{
    struct facet_known kept = *known;
    if (kept.family.ptr) {
        kept.family = family_of(cache, known->family);
        if (!kept.family.ptr) {
            return;
        }
    }
    XXH128_hash_t hash = hash_of(cache, raw);
    size_t index = hash.low64 & (SETS - 1);
    struct entry *entry = &cache->sets[index][cache->victim[index]++ % WAYS];
    *entry = (struct entry){.low = hash.low64, .high = hash.high64, .known = kept, .is_used = true};
}

void facet_cache_free(struct facet_cache *cache)
{
    if (!cache) {
        return;
    }
    for (size_t i = 0; i < cache->family_count; i++) {
        free(cache->families[i]);
    }
    free(cache);
}
