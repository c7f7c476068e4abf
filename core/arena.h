/* arena.h - bump allocator with a maximum: one per HTTP request, one per batch.
 *
 * Not thread-safe; an arena belongs to one thread at a time. Nothing in it is freed singly. Blocks
 * are kept across arena_reset up to the high-water mark of normal work, so steady work does not
 * call malloc. */
#ifndef METAOPS_CORE_ARENA_H
#define METAOPS_CORE_ARENA_H

#include "str.h"

struct arena;

/* An empty arena that never holds more than bytes_max. NULL when memory is short. Free with
 * arena_free. */
struct arena *arena_new(size_t bytes_max);

/* size bytes aligned to 16, uninitialised; NULL when the maximum is reached or memory is short.
 * size 0 gives a valid unique pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc for count items of size bytes, zeroed; refuses overflow of the product. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* Copies text and adds a NUL byte behind it (not counted in len). ptr NULL when full. */
struct str arena_dup(struct arena *arena, struct str text);

/* Forgets everything allocated. Keeps at most keep_bytes of blocks for reuse. */
void arena_reset(struct arena *arena, size_t keep_bytes);

/* Bytes handed out since the last reset. */
size_t arena_used_bytes(const struct arena *arena);

/* Requests since the last reset that the maximum refused: they will be refused again, while what the system had no
 * memory for may be had later. */
size_t arena_refusals(const struct arena *arena);

/* NULL is allowed. */
void arena_free(struct arena *arena);

#endif
