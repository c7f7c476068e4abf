#include "ingest/poll_told.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/metrics.h"

static void forget(struct poll_told *told)
{
    free((char *)told->text.ptr);
    told->text = (struct str){NULL, 0};
}

/* On the producer's thread; told is another's afterwards. */
static void on_done(struct publish_record *record, enum verdict verdict, int32_t partition,
                    int64_t offset)
{
    struct poll_told *told = (struct poll_told *)(void *)record;

    (void)partition;
    (void)offset;
    if (verdict == OK) {
        metrics_inc(METRIC_POLL_PUBLISHED);
    }
    atomic_store(&told->state, verdict == OK       ? TOLD_IS_DONE
                               : verdict == REJECT ? TOLD_IS_LOST
                                                   : TOLD_WAITS);
}

void poll_told_take(struct poll_told *told, struct str text)
{
    forget(told);
    told->text = text;
    told->record = (struct publish_record){.done = on_done};
    atomic_store(&told->state, TOLD_WAITS);
}

bool poll_told_turn(struct poll_told *told, struct publish *publish, const char *what)
{
    struct err err = {.text = "Kafka does not take it"};

    if (atomic_load(&told->state) == TOLD_WAITS) {
        atomic_store(&told->state, TOLD_IS_SENT);
        enum verdict verdict = publish_control(publish, told->text, &told->record, &err);
        if (verdict != OK) {
            atomic_store(&told->state, verdict == RETRY ? TOLD_WAITS : TOLD_IS_LOST);
        }
    }
    bool is_lost = atomic_load(&told->state) == TOLD_IS_LOST;
    if (is_lost) {
        log_error("poll: %s is lost: %s", what, err.text);
        metrics_inc(METRIC_POLL_LOST);
        atomic_store(&told->state, TOLD_IS_DONE);
    }
    bool is_done = atomic_load(&told->state) == TOLD_IS_DONE;
    if (is_done && told->text.ptr) {
        told->end = is_lost ? TOLD_LOST : TOLD_KEPT;
        forget(told);
    }
    return is_done;
}

enum poll_told_end poll_told_take_end(struct poll_told *told)
{
    enum poll_told_end end = told->end;

    told->end = TOLD_NOTHING;
    return end;
}

void poll_told_fini(struct poll_told *told)
{
    forget(told);
}
