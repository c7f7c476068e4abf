#include "tests/bench/load_set.h"

#include <stdlib.h>

#include <openssl/sha.h>

#include "tests/bench/event_maker.h"
#include "tests/bench/event_renew.h"

#define BLOCK_BYTES_MAX ((size_t)1 << 30)
#define REPEAT_ONE_IN 10
#define REPEAT_LAG_MIN 100
#define REPEAT_LAG_MAX 2000

struct load_set {
    struct event_maker *maker;
    struct event_renew *renew; /* NULL: generated events */
    struct text_out bodies;
    struct load_item *items;
    size_t item_count;
    struct load_event *events;
    size_t event_count;
};

enum verdict load_set_new(const struct load_options *options, struct load_set **out_set,
                          struct err *err)
{
    struct load_set *set = calloc(1, sizeof(*set));
    if (set) {
        set->maker = event_maker_new(options->seed, options->change_one_in);
    }
    if (!set || !set->maker) {
        load_set_free(set);
        return err_set(err, FATAL, "load_set", "out of memory");
    }
    if (options->real_folder) {
        enum verdict verdict = event_renew_open(options->real_folder, &set->renew, err);
        if (verdict != OK) {
            load_set_free(set);
            return verdict;
        }
    }
    *out_set = set;
    return OK;
}

/* An earlier send of the block whose body is sent again, or n itself: a body of its own. */
static size_t repeated(struct load_set *set, size_t n)
{
    if (n % REPEAT_ONE_IN != REPEAT_ONE_IN - 1 || n < REPEAT_LAG_MIN) {
        return n;
    }
    size_t lag_max = n < REPEAT_LAG_MAX ? n : REPEAT_LAG_MAX;
    return n - REPEAT_LAG_MIN - event_maker_random(set->maker) % (lag_max - REPEAT_LAG_MIN + 1);
}

static void make_item(struct load_set *set, size_t n, int64_t time_us)
{
    struct load_item *item = &set->items[n];
    size_t first = repeated(set, n);
    if (first != n) {
        *item = set->items[first];
        item->is_repeat = true;
        return;
    }
    size_t at = set->bodies.len;
    if (set->renew) {
        event_renew_next(set->renew, set->maker, time_us, &set->bodies);
    } else {
        event_maker_next(set->maker, time_us, &set->bodies);
    }
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct load_event *event = &set->events[set->event_count];
    *event = (struct load_event){0};
    SHA256((const uint8_t *)set->bodies.ptr + at, set->bodies.len - at, digest);
    for (size_t i = 0; i < sizeof(event->id); i++) {
        event->id[i] = digest[i];
    }
    *item = (struct load_item){
        .body_at = at,
        .body_bytes = (uint32_t)(set->bodies.len - at),
        .event = (uint32_t)set->event_count++,
    };
}

enum verdict load_set_fill(struct load_set *set, size_t count, int64_t start_us, int64_t step_us,
                           struct err *err)
{
    struct load_item *items = realloc(set->items, count * sizeof(*items));
    struct load_event *events = realloc(set->events, (set->event_count + count) * sizeof(*events));
    set->items = items ? items : set->items;
    set->events = events ? events : set->events;
    set->bodies.len = 0;
    set->item_count = 0;
    if (!items || !events) {
        return err_set(err, FATAL, "load_set", "out of memory");
    }
    while (set->item_count < count && set->bodies.len < BLOCK_BYTES_MAX) {
        make_item(set, set->item_count, start_us + (int64_t)set->item_count * step_us);
        if (set->bodies.is_short) {
            return err_set(err, FATAL, "load_set", "out of memory");
        }
        set->item_count++;
    }
    return OK;
}

const struct load_item *load_set_items(const struct load_set *set, size_t *out_count)
{
    *out_count = set->item_count;
    return set->items;
}

const char *load_set_body(const struct load_set *set, const struct load_item *item)
{
    return set->bodies.ptr + item->body_at;
}

struct load_event *load_set_events(struct load_set *set, size_t *out_count)
{
    *out_count = set->event_count;
    return set->events;
}

void load_set_free(struct load_set *set)
{
    if (!set) {
        return;
    }
    event_maker_free(set->maker);
    event_renew_close(set->renew);
    text_out_fini(&set->bodies);
    free(set->items);
    free(set->events);
    free(set);
}
