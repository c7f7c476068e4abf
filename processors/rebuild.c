#include "rebuild.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "core/exit_code.h"
#include "core/known_set.h"
#include "core/log.h"
#include "core/replay.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "stages.h"

#define WHERE "rebuild"
#define BODIES_MAX 500
#define ROUNDS_MAX 8
#define FEW 200 /* so many may wait for the moment in which nobody writes */
#define NAMED_MAX 20

struct rebuild {
    struct settings st; /* a copy: what is stored already is not packed again */
    const struct replay_ops *ops;
    struct replay *replay;
    struct known_set *known;
    struct known_set *events;
    struct processor *pr;
    struct batch *bt;
    bool is_dry;
    bool is_merging; /* what only events told whose bodies cannot be used is kept */
    bool differs;
    int64_t read_count;
    int64_t gone; /* bodies, with or without their rows */
    int64_t damaged;
    int64_t refused;
    int64_t named;  /* of the damaged and refused */
    int64_t merged; /* of all three, what they told */
};

static void PRINTF_LIKE(2, 3) tell(const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%-14s ", subject);
    vprintf(format, args);
    puts("");
    va_end(args);
    fflush(stdout);
}

static double seconds_since(int64_t begun_us)
{
    return (double)(timebase_mono_us() - begun_us) / 1e6;
}

static void name_event(struct rebuild *rb, struct id128 id, const char *why)
{
    char text[ID128_TEXT_BYTES];
    if (rb->named++ < NAMED_MAX) {
        id128_format(id, text);
        tell("event", "%s: %s", text, why);
    }
}

/* Only bodies that are what their event's id says; returns how many. */
static size_t keep_whole(struct rebuild *rb, struct replay_body *bodies, size_t count)
{
    size_t kept = 0;
    rb->read_count += (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!bodies[i].body.ptr) {
            rb->gone++;
        } else if (!id128_eq(lineage_event_id(bodies[i].body), bodies[i].event_id)) {
            rb->damaged++;
            name_event(rb, bodies[i].event_id, "its body is damaged");
        } else {
            bodies[kept++] = bodies[i];
        }
    }
    return kept;
}

static void count_refused(struct rebuild *rb)
{
    for (size_t i = 0; i < rb->bt->rows.letters.count; i++) {
        const struct dead_letter *letter = &rb->bt->rows.letters.items[i];
        char why[160];
        snprintf(why, sizeof why, "%.*s: %.*s", (int)letter->stage.len, letter->stage.ptr,
                 (int)letter->reason.len, letter->reason.ptr);
        rb->refused++;
        name_event(rb, letter->letter_id, why);
    }
}

/* As many of the bodies as fit a batch, into the shadow; *out_done of them. */
static enum verdict feed_some(struct rebuild *rb, const struct replay_body *bodies, size_t count,
                              size_t *out_done, struct err *err)
{
    struct batch *bt = rb->bt;
    batch_reset(bt);
    for (size_t i = 0; i < count; i++) {
        struct kafka_record *record = graph_rows_add(&bt->records);
        if (!record) {
            return err_set(err, RETRY, WHERE, "memory is short");
        }
        const struct id128 *id = &bodies[i].event_id;
        *record = (struct kafka_record){.topic = "",
                                        .timestamp_ms = 0,
                                        .key = {(const char *)id->bytes, sizeof id->bytes},
                                        .value = bodies[i].body};
    }
    enum verdict verdict = stages_run(rb->pr, bt, 0, out_done, err);
    if (verdict == OK) {
        verdict = rb->ops->write(rb->replay, &bt->rows, err);
    }
    for (size_t i = 0; verdict == OK && i < bt->rows.known.count; i++) {
        known_set_add(rb->known, bt->rows.known.items[i]);
    }
    if (verdict == OK) {
        count_refused(rb);
    }
    return verdict;
}

static enum verdict feed_stretch(struct rebuild *rb, enum replay_stretch stretch,
                                 int64_t *out_count, struct err *err)
{
    struct replay_body bodies[BODIES_MAX];
    size_t count = 0;
    int64_t before = rb->read_count;
    enum verdict verdict = rb->ops->read(rb->replay, stretch, err);
    do {
        if (verdict == OK) {
            verdict = rb->ops->next(rb->replay, bodies, BODIES_MAX, &count, err);
        }
        size_t whole = verdict == OK ? keep_whole(rb, bodies, count) : 0;
        for (size_t done = 0, some = 0; verdict == OK && done < whole; done += some) {
            verdict = feed_some(rb, bodies + done, whole - done, &some, err);
        }
    } while (verdict == OK && count > 0);
    *out_count = rb->read_count - before;
    return verdict;
}

/* What has come meanwhile, until that is little: ever less, as long as this is faster than events arrive. */
static enum verdict follow(struct rebuild *rb, struct err *err)
{
    enum verdict verdict = OK;
    int64_t count = 0;
    for (int round = 0; verdict == OK && round < ROUNDS_MAX && (round == 0 || count > FEW);
         round++) {
        verdict = feed_stretch(rb, REPLAY_ARRIVED, &count, err);
    }
    return verdict;
}

static int64_t untold_count(const struct rebuild *rb)
{
    return rb->gone + rb->damaged + rb->refused;
}

/* Nothing is forgotten silently. */
static enum verdict judge(struct rebuild *rb, struct err *err)
{
    int64_t count = untold_count(rb);
    if (count == 0) {
        return OK;
    }
    tell("without body", "%" PRId64 " gone, %" PRId64 " damaged, %" PRId64 " refused today",
         rb->gone, rb->damaged, rb->refused);
    if (!rb->is_merging) {
        return err_set(err, FATAL, WHERE,
                       "%" PRId64 " events can tell nothing any more: with --merge what they told "
                       "is kept",
                       count);
    }
    rb->merged = count;
    return rb->ops->merge(rb->replay, err);
}

/* Once rows have been compared it is too late for the old graph. */
static enum verdict judge_last(struct rebuild *rb, struct err *err)
{
    return untold_count(rb) == rb->merged
               ? OK
               : err_set(err, RETRY, WHERE, "bodies went meanwhile: try again");
}

static enum verdict feed(struct rebuild *rb, struct err *err)
{
    int64_t begun_us = timebase_mono_us();
    int64_t count = 0;
    int64_t lost = 0;
    enum verdict verdict = feed_stretch(rb, REPLAY_STORED, &count, err);
    if (verdict == OK) {
        verdict = rb->ops->lost(rb->replay, &lost, err);
        rb->gone += lost;
    }
    if (verdict == OK) {
        tell("read", "%" PRId64 " events in %.1f s", count, seconds_since(begun_us));
        verdict = judge(rb, err);
    }
    if (verdict == OK) {
        verdict = follow(rb, err);
    }
    begun_us = timebase_mono_us();
    if (verdict == OK) {
        verdict = rb->ops->compare(rb->replay, err);
    }
    if (verdict == OK) {
        tell("compared", "in %.1f s", seconds_since(begun_us));
        verdict = follow(rb, err);
    }
    return verdict;
}

static void tell_change(void *arg, const struct replay_change *change)
{
    struct rebuild *rb = arg;
    rb->differs = true;
    tell(change->table, "%" PRId64 " added, %" PRId64 " changed, %" PRId64 " removed",
         change->added, change->changed, change->removed);
}

static enum verdict exchange(struct rebuild *rb, struct err *err)
{
    int64_t count = 0;
    int64_t begun_us = timebase_mono_us();
    enum verdict verdict = feed_stretch(rb, REPLAY_LAST, &count, err);
    if (verdict == OK) {
        verdict = judge_last(rb, err);
    }
    if (verdict == OK) {
        verdict = rb->ops->exchange(rb->replay, rb->is_dry, tell_change, rb, err);
    }
    if (verdict == OK) {
        tell("held", "writers for %.3f s, %" PRId64 " events", seconds_since(begun_us), count);
        tell("graph", "%s",
             !rb->differs ? "was what its events say"
             : rb->is_dry ? "is not what its events say"
                          : "is now what its events say");
    }
    return verdict;
}

static enum verdict start(struct rebuild *rb, struct err *err)
{
    size_t ids_max = (size_t)rb->st.worker.known_ids_max / 2;
    rb->known = known_set_new(ids_max);
    rb->events = known_set_new(1024); /* asked, never filled */
    rb->bt =
        batch_new(0, (size_t)rb->st.worker.batch_bytes_max, (size_t)rb->st.ingest.body_bytes_max);
    if (!rb->known || !rb->events || !rb->bt) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    enum verdict verdict = stages_processor_new(&rb->st, rb->known, rb->events, NULL, &rb->pr, err);
    if (verdict == OK) {
        rb->pr->is_replay = true;
        verdict = rb->ops->open(&rb->st, &rb->replay, err);
    }
    return verdict;
}

static void stop(struct rebuild *rb)
{
    rb->ops->close(rb->replay);
    batch_free(rb->bt);
    stages_processor_free(rb->pr);
    known_set_free(rb->known);
    known_set_free(rb->events);
}

static bool read_flags(struct rebuild *rb, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        bool is_dry = strcmp(argv[i], "--dry-run") == 0;
        bool is_merging = strcmp(argv[i], "--merge") == 0;
        rb->is_dry |= is_dry;
        rb->is_merging |= is_merging;
        if (!is_dry && !is_merging) {
            return false;
        }
    }
    return true;
}

int rebuild_run(const struct settings *st, const struct replay_ops *ops, int argc, char **argv)
{
    struct rebuild rb = {.st = *st, .ops = ops};
    struct err err = {.text = ""};
    if (!read_flags(&rb, argc, argv)) {
        fprintf(stderr, "usage: metaops rebuild [--dry-run] [--merge]\n");
        return EXIT_CODE_USAGE;
    }
    rb.st.worker.base_bytes_max = 0;
    enum verdict verdict = start(&rb, &err);
    if (verdict == OK) {
        verdict = feed(&rb, &err);
    }
    if (verdict == OK) {
        verdict = exchange(&rb, &err);
    }
    stop(&rb);
    if (verdict != OK) {
        log_error("rebuild: %s", err.text);
        return EXIT_CODE_FAILED;
    }
    return rb.is_dry && rb.differs ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
