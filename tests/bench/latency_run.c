#include "tests/bench/latency_run.h"

#include <stdlib.h>
#include <string.h>

#define ASK_EVERY_US 5000
#define GIVE_UP_US 10000000

struct waiting {
    uint32_t event;
    int64_t due_us;
};

struct loop {
    struct load_driver *driver;
    struct land_watch *watch;
    const struct load_item *items;
    struct load_event *events;
    int64_t start_us;
    int64_t step_us;
    int64_t asked_us;
    size_t begun;
    struct waiting *waiting; /* begun and not yet seen, oldest first */
    size_t waiting_count;
    double *seen_ms;
    struct latency_run run;
};

static void add_begun(struct loop *loop)
{
    for (size_t end = load_driver_begun(loop->driver); loop->begun < end; loop->begun++) {
        if (!loop->items[loop->begun].is_repeat) {
            loop->waiting[loop->waiting_count++] = (struct waiting){
                .event = loop->items[loop->begun].event,
                .due_us = loop->start_us + (int64_t)loop->begun * loop->step_us,
            };
        }
    }
}

static bool is_among(const uint8_t (*ids)[16], size_t count, const uint8_t id[16])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ids[i], id, 16) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes out of the waiting what has been seen, and what nobody will see any more. */
static void settle(struct loop *loop, const uint8_t (*ids)[16], size_t count, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->waiting_count; i++) {
        const struct waiting *waiting = &loop->waiting[i];
        const struct load_event *event = &loop->events[waiting->event];
        if (is_among(ids, count, event->id)) {
            loop->seen_ms[loop->run.seen++] = (double)(now_us - waiting->due_us) / 1000;
        } else if (now_us - waiting->due_us > GIVE_UP_US) {
            loop->run.unseen += event->is_accepted;
        } else {
            loop->waiting[kept++] = *waiting;
        }
    }
    loop->waiting_count = kept;
}

static enum verdict turn(struct loop *loop, struct err *err)
{
    uint8_t ids[LAND_WATCH_ASK_MAX][16];
    size_t count;
    enum verdict verdict = load_driver_step(loop->driver, 1, err);
    if (verdict != OK) {
        return verdict;
    }
    add_begun(loop);
    verdict = land_watch_answer(loop->watch, ids, &count, err);
    int64_t now_us = load_driver_now_us();
    if (verdict != OK) {
        return verdict;
    }
    settle(loop, (const uint8_t(*)[16])ids, count, now_us);
    if (land_watch_is_asking(loop->watch) || now_us - loop->asked_us < ASK_EVERY_US) {
        return OK;
    }
    loop->asked_us = now_us;
    for (count = 0; count < loop->waiting_count && count < LAND_WATCH_ASK_MAX; count++) {
        memcpy(ids[count], loop->events[loop->waiting[count].event].id, 16);
    }
    return land_watch_ask(loop->watch, (const uint8_t(*)[16])ids, count, err);
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void summarize(struct loop *loop)
{
    size_t count = loop->run.seen;
    if (count > 0) {
        qsort(loop->seen_ms, count, sizeof(*loop->seen_ms), by_size);
        loop->run.p50_ms = loop->seen_ms[(count - 1) / 2];
        loop->run.p99_ms = loop->seen_ms[(count - 1) * 99 / 100];
        loop->run.max_ms = loop->seen_ms[count - 1];
    }
}

enum verdict latency_run(struct load_driver *driver, struct land_watch *watch, struct load_set *set,
                         double rate, struct latency_run *out_run, struct err *err)
{
    size_t count;
    struct loop loop = {.driver = driver, .watch = watch, .step_us = (int64_t)(1e6 / rate)};
    loop.items = load_set_items(set, &count);
    loop.waiting = calloc(count + 1, sizeof(*loop.waiting));
    loop.seen_ms = calloc(count + 1, sizeof(*loop.seen_ms));
    loop.events = load_set_events(set, &(size_t){0});
    loop.start_us = load_driver_now_us();
    enum verdict verdict = OK;
    if (!loop.waiting || !loop.seen_ms) {
        verdict = err_set(err, FATAL, "latency_run", "out of memory");
    }
    if (verdict == OK) {
        verdict = load_driver_begin(driver, set, loop.start_us, loop.step_us, err);
    }
    while (verdict == OK && (!load_driver_is_done(driver) || loop.waiting_count > 0 ||
                             land_watch_is_asking(watch))) {
        verdict = turn(&loop, err);
    }
    if (verdict == OK) {
        summarize(&loop);
        *out_run = loop.run;
    }
    free(loop.waiting);
    free(loop.seen_ms);
    return verdict;
}
