/* conceal.c - stage 3: reads the body and redacts it, as the gateway and the emitter do, because others
 * may write to the topics. From here on the body is what is stored and the id is its id.
 *
 * A body that is no JSON is redacted as far as patterns go and fails in the next stage that needs
 * it, so that it has an id and its dead letter a place. One that is JSON and cannot be redacted fails there
 * too, and is withheld: patterns on its bytes would see less than redact_event saw, nothing of what
 * escapes hide. */
#include "conceal.h"

#include <stdlib.h>

#include "core/metrics.h"
#include "schemas/redact.h"

static enum verdict conceal_body(struct processor *pr, struct event_work *work, struct err *err)
{
    struct str body = work->ev.body;
    enum verdict verdict = json_parse(pr->doc, body, &work->fault, &work->unread);

    if (verdict == OK) {
        verdict = redact_event(pr->redact, pr->doc, pr->scratch, &body, &work->unread);
        if (verdict == REJECT) {
            body = STR(REDACT_MARK);
        }
    } else if (verdict == REJECT && (work->format->is_audit || work->format->is_watch)) {
        /* What is secret in it shows by its structure alone. */
        body = STR(REDACT_MARK);
    } else if (verdict == REJECT) {
        body = redact_bytes(pr->redact, body, pr->scratch);
        if (!body.ptr) {
            return err_set(err, RETRY, "conceal", "the arena is full");
        }
    }
    if (verdict == RETRY) {
        *err = work->unread;
        return RETRY;
    }
    work->is_unread = verdict != OK;
    work->is_concealed = true;
    work->ev.redactions = redact_count(body);
    if (body.ptr != work->ev.body.ptr) {
        metrics_add(METRIC_WORKER_REDACTIONS, redact_made(work->ev.body, body));
        work->is_changed = true;
        work->ev.body = body;
        /* All that are withheld have the same body: each keeps the id with which it came. So does what is stored
         * already, when rules have become stricter since. */
        if (!redact_is_withheld(body) && !pr->is_replay) {
            work->ev.event_id = lineage_event_id(body);
        }
    }
    return OK;
}

enum verdict conceal_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err)
{
    (void)bt;
    return conceal_body(pr, work, err);
}

enum verdict conceal_letter(struct processor *pr, struct event_work *work, struct str *out_value,
                            struct err *err)
{
    void *bytes = NULL;
    size_t len = 0;
    enum verdict verdict = OK;

    if (!work->ev.body.ptr) {
        *out_value = redact_bytes(pr->redact, work->record->value, pr->scratch);
        return out_value->ptr ? OK : err_set(err, RETRY, "conceal", "the arena is full");
    }
    if (!work->is_concealed) {
        verdict = conceal_body(pr, work, err);
    }
    if (verdict != OK || !work->is_changed) {
        *out_value = work->record->value;
        return verdict;
    }
    *out_value = work->ev.body;
    if (work->is_plain) {
        return OK;
    }
    verdict = event_codec_encode(pr->codec, &work->ev, &bytes, &len, err);
    if (verdict == REJECT) {
        return OK; /* grown too large to be a record: the body alone */
    }
    if (verdict == OK) {
        *out_value = arena_dup(pr->scratch, (struct str){bytes, len});
        verdict = out_value->ptr ? OK : err_set(err, RETRY, "conceal", "the arena is full");
    }
    free(bytes);
    return verdict;
}
