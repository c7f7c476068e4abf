#include "alloc_sweep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/arena.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REAL(name) __interceptor_##name
#define COUNTS_LIVE false
#else
#define REAL(name) __libc_##name
#define COUNTS_LIVE true
#endif

/* Called before a sanitizer has its own memory. */
#define UNCHECKED __attribute__((no_sanitize("address", "undefined", "thread")))

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

/* Of all threads: a library may have its own. */
static struct {
    atomic_bool is_on;
    bool is_lasting; /* all from the place on */
    size_t fail_at;  /* 0: never */
    atomic_size_t asked;
    atomic_long live; /* blocks taken and not given back */
} watch;

UNCHECKED static bool is_refused(void)
{
    if (!watch.is_on) {
        return false;
    }
    size_t asked = ++watch.asked;
    bool is_short =
        watch.fail_at && (watch.is_lasting ? asked >= watch.fail_at : asked == watch.fail_at);
    if (is_short) {
        errno = ENOMEM;
    }
    return is_short;
}

UNCHECKED static void *taken(void *block)
{
    if (watch.is_on && block) {
        watch.live++;
    }
    return block;
}

UNCHECKED void *malloc(size_t size)
{
    return is_refused() ? NULL : taken(REAL(malloc)(size));
}

UNCHECKED void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : taken(REAL(calloc)(count, size));
}

UNCHECKED void *realloc(void *block, size_t size)
{
    if (size == 0 && block) {
        free(block);
        return NULL;
    }
    if (is_refused()) {
        return NULL;
    }
    return block ? REAL(realloc)(block, size) : taken(REAL(malloc)(size));
}

UNCHECKED void free(void *block)
{
    if (watch.is_on && block) {
        watch.live--;
    }
    REAL(free)(block);
}

/* The linker sends what others than arena.c call here (--wrap): what an arena gives out of a block it has may be
 * missing, too. */
void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_calloc(struct arena *arena, size_t count, size_t size);
struct str __real_arena_dup(struct arena *arena, struct str text);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_calloc(struct arena *arena, size_t count, size_t size);
struct str __wrap_arena_dup(struct arena *arena, struct str text);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return is_refused() ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_calloc(struct arena *arena, size_t count, size_t size)
{
    return is_refused() ? NULL : __real_arena_calloc(arena, count, size);
}

struct str __wrap_arena_dup(struct arena *arena, struct str text)
{
    return is_refused() ? (struct str){NULL, 0} : __real_arena_dup(arena, text);
}

/* Whether the run asked for as much as fail_at. */
static bool sweep_once(const char *name, alloc_sweep_body body, const void *arg, size_t fail_at,
                       bool is_lasting)
{
    watch.is_lasting = is_lasting;
    watch.fail_at = fail_at;
    watch.asked = 0;
    watch.live = 0;
    watch.is_on = true;
    enum verdict verdict = body(arg);
    watch.is_on = false;
    const char *what = is_lasting ? "from there on" : "alone";
    if (verdict == REJECT || (fail_at == 0 && verdict != OK)) {
        fail_msg("%s: %s with allocation %zu failing %s", name, err_verdict_name(verdict), fail_at,
                 what);
    }
    if (COUNTS_LIVE && watch.live != 0) {
        fail_msg("%s: %ld blocks too many with allocation %zu failing %s", name, (long)watch.live,
                 fail_at, what);
    }
    return watch.asked >= fail_at;
}

size_t alloc_sweep(const char *name, alloc_sweep_body body, const void *arg)
{
    size_t count = 0;

    /* What libraries set up once and keep is no leak. */
    watch.is_on = false;
    if (body(arg) != OK) {
        fail_msg("%s: does not work at all", name);
    }
    sweep_once(name, body, arg, 0, false);
    while (sweep_once(name, body, arg, count + 1, false) |
           sweep_once(name, body, arg, count + 1, true)) {
        count++;
    }
    print_message("%-24s %zu allocations\n", name, count);
    return count;
}
