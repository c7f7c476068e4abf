/* kube_stream.h - what one line of a watch, or one page of a list, says. Pure functions. */
#ifndef METAOPS_INGEST_KUBE_STREAM_H
#define METAOPS_INGEST_KUBE_STREAM_H

#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

enum kube_line {
    KUBE_LINE_ADDED,
    KUBE_LINE_MODIFIED,
    KUBE_LINE_DELETED,
    KUBE_LINE_BOOKMARK, /* nothing changed up to the object's resourceVersion */
    KUBE_LINE_ERROR,
};

struct kube_stream_line {
    enum kube_line type;
    const struct json_value *object; /* of an error: a Status */
    struct str revision;             /* of the object; empty: not said */
    int64_t code;                    /* of an error, of HTTP; 0: not said */
    int64_t retry_after_s;           /* of an error; 0: not said */
    struct str message;              /* of an error */
};

/* doc: the parse of a line. Strings are views of its text or lie in arena. REJECT with the reason in err; RETRY when the arena
 * is full. */
MUST_CHECK enum verdict kube_stream_read_line(const struct json_doc *doc, struct arena *arena,
                                              struct kube_stream_line *out_line, struct err *err);

struct kube_stream_page {
    struct str revision;
    struct str next; /* what to ask for the next page with; empty: it is the last one */
};

/* The same of a page; its items are not looked at. */
MUST_CHECK enum verdict kube_stream_read_page(const struct json_doc *doc, struct arena *arena,
                                              struct kube_stream_page *out_page, struct err *err);

#endif
