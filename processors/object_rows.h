/* object_rows.h - the rows of an object of Kubernetes and of what it is from a moment on, with the model that it serves:
 * the same whether an audit event or a watch tells of it.
 *
 * Rows say what one event says and nothing else, so order does not matter: who served what when is read from the states
 * of an object in the order of their times. */
#ifndef METAOPS_PROCESSORS_OBJECT_ROWS_H
#define METAOPS_PROCESSORS_OBJECT_ROWS_H

#include "stages.h"

struct rows;

/* What is told of an object. */
struct object_source {
    struct str cluster;
    struct str api_group;
    struct str kind; /* empty: as the object says */
    struct str namespace_;
    struct str name;
    struct str uid;
    const struct json_value *object; /* of pr->doc */
    bool is_part;                    /* it says only some of what the object is */
    bool is_deleted;                 /* it is gone, or going */
    bool is_watched;                 /* a watch tells it, no audit event */
    int64_t at_us;                   /* from when on it is so */
    struct id128 event_id;
};

/* OK, or RETRY when memory is short. */
MUST_CHECK enum verdict object_rows_add(struct rows *rs, const struct object_source *source,
                                        struct err *err);

#endif
