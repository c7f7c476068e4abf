/* load_set.h - the bodies to send, in memory before the clock starts, and what became of each.
 *
 * A set is filled block by block; the bodies live until the next fill, the ids of all events until
 * free. Every tenth send repeats an earlier body of its block byte for byte. One thread. */
#ifndef METAOPS_BENCH_LOAD_SET_H
#define METAOPS_BENCH_LOAD_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct load_set;

struct load_options {
    uint64_t seed;
    uint64_t change_one_in;  /* generated events that change a schema; 0: none */
    const char *real_folder; /* real events from there; NULL: generated ones */
};

/* One POST to do. */
struct load_item {
    size_t body_at; /* into the block's bodies */
    uint32_t body_bytes;
    uint32_t event; /* number of the event in the set; a repeated body has that of the first */
    bool is_repeat;
};

/* One event: what distinct bytes are. */
struct load_event {
    uint8_t id[16]; /* first half of SHA-256 of the body */
    bool is_accepted;
};

MUST_CHECK enum verdict load_set_new(const struct load_options *options, struct load_set **out_set,
                                     struct err *err);

/* Makes the next block of at most count sends; it ends early at 1 GiB of bodies. The event of
 * send n has time start_us + n * step_us. */
MUST_CHECK enum verdict load_set_fill(struct load_set *set, size_t count, int64_t start_us,
                                      int64_t step_us, struct err *err);

/* The block. Pointers are valid until the next fill. */
const struct load_item *load_set_items(const struct load_set *set, size_t *out_count);
const char *load_set_body(const struct load_set *set, const struct load_item *item);

/* All events since new; the caller sets is_accepted. */
struct load_event *load_set_events(struct load_set *set, size_t *out_count);

/* NULL is allowed. */
void load_set_free(struct load_set *set);

#endif
