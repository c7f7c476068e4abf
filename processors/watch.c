/* watch.c - the stage of format "kubernetes_watch": what an object is now becomes the object and its state, as from an audit
 * event, but without an action: who made it so is not told. */
#include "object_rows.h"
#include "rows.h"
#include "schemas/kube_watch.h"

enum verdict watch_run(struct processor *pr, struct batch *bt, struct event_work *work,
                       struct err *err)
{
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    const struct kube_watch *watch = work->watch;
    const struct object_source source = {
        .cluster = watch->cluster,
        .api_group = watch->api_group,
        .kind = watch->kind,
        .namespace_ = watch->namespace_,
        .name = watch->name,
        .uid = watch->uid,
        .object = watch->object,
        .is_part = !watch->is_whole,
        .is_deleted = watch->is_deleted,
        .is_watched = true,
        .at_us = watch->event_time_us,
        .event_id = watch->event_id,
    };
    enum verdict verdict = rows_id_only(&rs, watch->event_time_us, err);

    return verdict == OK ? object_rows_add(&rs, &source, err) : verdict;
}
