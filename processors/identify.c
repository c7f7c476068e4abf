/* identify.c - stage 4: the id of an event whose body is not what makes it one: payloads of predictions, which
 * are sent again under other ids of CloudEvents and at other times. */
#include "schemas/payload_event.h"
#include "stages.h"

enum verdict identify_run(struct processor *pr, struct batch *bt, struct event_work *work,
                          struct err *err)
{
    (void)bt;
    if (!work->format->is_payload) {
        return OK;
    }
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    work->payload = arena_alloc(pr->scratch, sizeof *work->payload);
    if (!work->payload) {
        return err_set(err, RETRY, "identify", "the arena is full");
    }
    enum verdict verdict =
        payload_event_read(pr->doc, pr->scratch, work->payload, &work->fault, err);
    if (verdict == OK) {
        work->ev.event_id = work->payload->event_id;
    }
    return verdict;
}
