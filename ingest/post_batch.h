/* post_batch.h - POST /api/v1/lineage/batch: an array of events or NDJSON. A handler of the
 * HTTP server; its arg is the struct publish. */
#ifndef METAOPS_INGEST_POST_BATCH_H
#define METAOPS_INGEST_POST_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct emitter_numbers;
struct http_request;
struct publish;
struct publish_record;
struct publish_refusal;
struct visitor;

/* Every good event is published, whatever its neighbours are. The answer, when all results are
 * in: 201 when all were accepted, 503 with Retry-After when some could be taken and none was
 * (the whole batch can be sent again: the same bytes are one event), else 200; 201 and 200 say
 * per event what became of it. 400 when the body is neither, 413 for too many events: then
 * nothing was published. */
void post_batch_handle(void *arg, struct http_request *request);

/* An event of a batch. */
struct post_batch_item {
    const struct http_request *request;
    const struct visitor *visitor;
    const struct emitter_numbers *numbers;
    size_t index;
    struct str text;
};

/* How the events of another door are published. */
struct post_batch_kind {
    int accepted_status; /* of an event, and of the answer when all were accepted */
    bool is_array;       /* NDJSON is refused */
    bool is_whole;       /* 503 already when one could be taken, now or later, and was not */
    /* The array within the body of a request; ptr NULL after the answer that refuses it. NULL: the body is the array. */
    struct str (*find)(struct http_request *request);
    /* As publish_event; item->text is followed by the rest of the body. */
    bool (*publish)(struct publish *publish, const struct post_batch_item *item,
                    struct publish_record *record, struct publish_refusal *out_refusal);
};

/* The same for a batch of that kind. */
void post_batch_handle_kind(struct publish *publish, struct http_request *request,
                            const struct post_batch_kind *kind);

#endif
