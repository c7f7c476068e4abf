/* unread.c - the stage of format "unread": what metaops poll could not use becomes a dead letter here, with the reason and
 * the place that were found there. */
#include <stdio.h>

#include "schemas/unread_record.h"
#include "stages.h"

enum verdict unread_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err)
{
    struct unread_record unread;

    (void)bt;
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    enum verdict verdict = unread_record_read(pr->doc, pr->scratch, &unread, &work->fault, err);
    if (verdict != OK) {
        return verdict;
    }
    work->has_place = unread.byte_offset >= 0;
    work->fault = (struct json_fault){.offset = (size_t)(work->has_place ? unread.byte_offset : 0)};
    snprintf(work->fault.pointer, sizeof work->fault.pointer, "%.*s", (int)unread.json_pointer.len,
             unread.json_pointer.ptr);
    return err_set(err, REJECT, "unread", "%.*s: %.*s", (int)unread.topic.len, unread.topic.ptr,
                   (int)unread.reason.len, unread.reason.ptr);
}
