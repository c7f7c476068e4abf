/* identify.c - stage 4: the id of an event whose body is not what makes it one: payloads of predictions, audit events and
 * watches of Kubernetes, which are sent again under other ids of CloudEvents, at other times, in other lists. */
#include "schemas/kube_audit.h"
#include "schemas/kube_watch.h"
#include "schemas/payload_event.h"
#include "stages.h"

static enum verdict identify_payload(struct processor *pr, struct event_work *work, struct err *err)
{
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

static enum verdict identify_audit(struct processor *pr, struct event_work *work, struct err *err)
{
    work->audit = arena_alloc(pr->scratch, sizeof *work->audit);
    if (!work->audit) {
        return err_set(err, RETRY, "identify", "the arena is full");
    }
    enum verdict verdict = kube_audit_read(pr->doc, pr->scratch, work->audit, &work->fault, err);
    if (verdict == OK) {
        work->ev.event_id = work->audit->event_id;
    }
    return verdict;
}

static enum verdict identify_watch(struct processor *pr, struct event_work *work, struct err *err)
{
    work->watch = arena_alloc(pr->scratch, sizeof *work->watch);
    if (!work->watch) {
        return err_set(err, RETRY, "identify", "the arena is full");
    }
    enum verdict verdict = kube_watch_read(pr->doc, pr->scratch, work->watch, &work->fault, err);
    if (verdict == OK) {
        work->ev.event_id = work->watch->event_id;
    }
    return verdict;
}

enum verdict identify_run(struct processor *pr, struct batch *bt, struct event_work *work,
                          struct err *err)
{
    const struct stage_format *format = work->format;

    (void)bt;
    if (!format->is_payload && !format->is_audit && !format->is_watch) {
        return OK;
    }
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    return format->is_payload ? identify_payload(pr, work, err)
           : format->is_audit ? identify_audit(pr, work, err)
                              : identify_watch(pr, work, err);
}
