#include "ingest/key_scope.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "schemas/api_key.h"

/* With a few patterns, matching them is as fast as remembering. */
#define DIRECTLY_MAX 4
#define SLOTS 1024
#define SLOT_TEXT_BYTES 200

static bool key_scope_has_star(struct str pattern)
{
    return memchr(pattern.ptr, '*', pattern.len) != NULL;
}

static int key_scope_order(const void *a, const void *b)
{
    const struct str *x = a;
    const struct str *y = b;
    int by_star = key_scope_has_star(*y) - key_scope_has_star(*x);

    return by_star ? by_star : str_cmp(*x, *y);
}

bool key_scope_init(struct key_scope *scope, const struct str *patterns, uint32_t count)
{
    static atomic_uint_fast64_t last_serial;
    size_t bytes = count * sizeof(struct str);
    struct key_scope fresh = {.serial = atomic_fetch_add(&last_serial, 1) + 1, .count = count};
    char *at;

    for (uint32_t i = 0; i < count; i++) {
        bytes += patterns[i].len;
    }
    fresh.patterns = malloc(bytes ? bytes : 1);
    if (!fresh.patterns) {
        return false;
    }
    at = (char *)(fresh.patterns + count);
    for (uint32_t i = 0; i < count; i++) {
        fresh.patterns[i] = (struct str){at, patterns[i].len};
        memcpy(at, patterns[i].ptr, patterns[i].len);
        at += patterns[i].len;
        fresh.star_count += key_scope_has_star(patterns[i]);
    }
    qsort(fresh.patterns, count, sizeof(struct str), key_scope_order);
    *scope = fresh;
    return true;
}

size_t key_scope_hash(struct str text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(hash ^ (hash >> 32));
}

static int key_scope_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool key_scope_match(const struct key_scope *scope, struct str namespace_)
{
    for (uint32_t i = 0; i < scope->star_count; i++) {
        if (api_key_scope_match(scope->patterns[i], namespace_)) {
            return true;
        }
    }
    return false;
}

/* Whole names are kept and compared: a sender chooses its namespaces, so a hash alone would not do. */
static bool key_scope_remember(const struct key_scope *scope, struct str namespace_)
{
    static _Thread_local struct {
        uint64_t serial;
        uint32_t len;
        bool covers;
        char text[SLOT_TEXT_BYTES];
    } slots[SLOTS];

    __typeof__(slots[0]) *slot = &slots[(key_scope_hash(namespace_) + scope->serial * 31) % SLOTS];
    struct str known = {slot->text, slot->len};
    if (slot->serial != scope->serial || !str_eq(known, namespace_)) {
        slot->serial = scope->serial;
        slot->len = (uint32_t)namespace_.len;
        memcpy(slot->text, namespace_.ptr, namespace_.len);
        slot->covers = key_scope_match(scope, namespace_);
    }
    return slot->covers;
}

bool key_scope_covers(const struct key_scope *scope, struct str namespace_)
{
    if (scope->count == 0 ||
        bsearch(&namespace_, scope->patterns + scope->star_count, scope->count - scope->star_count,
                sizeof(struct str), key_scope_compare)) {
        return true;
    }
    return scope->star_count <= DIRECTLY_MAX || namespace_.len > SLOT_TEXT_BYTES
               ? key_scope_match(scope, namespace_)
               : key_scope_remember(scope, namespace_);
}

void key_scope_fini(struct key_scope *scope)
{
    free(scope->patterns);
    scope->patterns = NULL;
}
