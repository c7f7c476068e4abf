/* check.c - stage 6: is the body an event that can be placed in the graph? The same rules as at the
 * gateway, because others may write to the topic. */
#include "stages.h"

enum verdict check_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err)
{
    (void)bt;
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    return openlineage_read(pr->doc, pr->scratch, &work->ol, &work->fault, err);
}
