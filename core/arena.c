#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define ALIGN_BYTES ((size_t)16)
#define BLOCK_BYTES_MIN ((size_t)16 * 1024)
#define BLOCK_BYTES_MAX ((size_t)1024 * 1024)

struct block {
    struct block *next;
    size_t size_bytes; /* of data */
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *used;  /* the first one is being filled */
    struct block *spare; /* kept by arena_reset */
    size_t filled_bytes; /* of the first used block */
    size_t held_bytes;   /* data of all blocks, spare ones too */
    size_t handed_bytes;
    size_t refusals; /* by bytes_max */
    size_t bytes_max;
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena) {
        arena->bytes_max = bytes_max;
    }
    return arena;
}

static void arena_free_list(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

static struct block *arena_take_spare(struct arena *arena, size_t size)
{
    for (struct block **link = &arena->spare; *link; link = &(*link)->next) {
        struct block *block = *link;
        if (block->size_bytes >= size) {
            *link = block->next;
            return block;
        }
    }
    return NULL;
}

/* Blocks double, so that small requests hold little and large ones need few mallocs. Spare blocks
 * that are too small give way when the maximum would stop us. */
static struct block *arena_new_block(struct arena *arena, size_t size)
{
    size_t wanted = arena->used ? arena->used->size_bytes * 2 : BLOCK_BYTES_MIN;

    if (wanted > BLOCK_BYTES_MAX) {
        wanted = BLOCK_BYTES_MAX;
    }
    if (wanted < size) {
        wanted = size;
    }
    if (wanted > arena->bytes_max - arena->held_bytes) {
        for (struct block *block = arena->spare; block; block = block->next) {
            arena->held_bytes -= block->size_bytes;
        }
        arena_free_list(arena->spare);
        arena->spare = NULL;
    }
    size_t room = arena->bytes_max - arena->held_bytes;
    if (wanted > room) {
        wanted = room & ~(ALIGN_BYTES - 1);
    }
    if (wanted < size) {
        arena->refusals++;
        return NULL;
    }
    struct block *block = malloc(sizeof(*block) + wanted);
    if (block) {
        block->size_bytes = wanted;
        arena->held_bytes += wanted;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block) - ALIGN_BYTES) {
        arena->refusals++;
        return NULL;
    }
    size = size ? (size + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1) : ALIGN_BYTES;

    if (!arena->used || arena->used->size_bytes - arena->filled_bytes < size) {
        struct block *block = arena_take_spare(arena, size);
        if (!block) {
            block = arena_new_block(arena, size);
        }
        if (!block) {
            return NULL;
        }
        block->next = arena->used;
        arena->used = block;
        arena->filled_bytes = 0;
    }
    void *ptr = arena->used->data + arena->filled_bytes;
    arena->filled_bytes += size;
    arena->handed_bytes += size;
    return ptr;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    void *ptr = arena_alloc(arena, bytes);
    if (ptr) {
        memset(ptr, 0, bytes);
    }
    return ptr;
}

struct str arena_dup(struct arena *arena, struct str text)
{
    char *copy = text.len < SIZE_MAX ? arena_alloc(arena, text.len + 1) : NULL;

    if (!copy) {
        return (struct str){NULL, 0};
    }
    if (text.len) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return (struct str){copy, text.len};
}

void arena_reset(struct arena *arena, size_t keep_bytes)
{
    struct block *all[2] = {arena->used, arena->spare};

    arena->used = NULL;
    arena->spare = NULL;
    arena->held_bytes = 0;
    for (int i = 0; i < 2; i++) {
        for (struct block *block = all[i], *next; block; block = next) {
            next = block->next;
            if (block->size_bytes > keep_bytes - arena->held_bytes) {
                free(block);
                continue;
            }
            arena->held_bytes += block->size_bytes;
            block->next = arena->spare;
            arena->spare = block;
        }
    }
    arena->filled_bytes = 0;
    arena->handed_bytes = 0;
    arena->refusals = 0;
}

size_t arena_used_bytes(const struct arena *arena)
{
    return arena->handed_bytes;
}

size_t arena_refusals(const struct arena *arena)
{
    return arena->refusals;
}

void arena_free(struct arena *arena)
{
    if (!arena) {
        return;
    }
    arena_free_list(arena->used);
    arena_free_list(arena->spare);
    free(arena);
}
