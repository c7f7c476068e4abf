/* dedup.c - stage 5: an id that is certainly stored goes no further.
 *
 * Only exact knowledge drops an event: ids of committed events, and ids already in this batch. All
 * else is judged by the unique ledger in PostgreSQL. */
#include "rows.h"
#include "stages.h"

enum verdict dedup_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err)
{
    char reason[128];
    if (stages_is_poison(pr, work->ev.event_id, reason, sizeof reason)) {
        return err_set(err, REJECT, "dedup", "the database refused its rows: %s", reason);
    }
    /* Tagged: a facet may hold the same bytes as an event, and so have the same digest; and what is
     * refused as one format may be good as another. */
    bool is_full = false;
    work->is_duplicate =
        known_set_has(pr->events, work->ev.event_id) ||
        !batch_emit_once(bt, rows_tagged(work->ev.event_id, work->format->tag), &is_full);
    if (is_full) {
        return err_set(err, RETRY, "dedup", "memory is short");
    }
    return OK;
}
