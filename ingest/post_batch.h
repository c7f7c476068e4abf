/* post_batch.h - POST /api/v1/lineage/batch: an array of events or NDJSON. A handler of the
 * HTTP server; its arg is the struct publish. */
#ifndef METAOPS_INGEST_POST_BATCH_H
#define METAOPS_INGEST_POST_BATCH_H

struct http_request;

/* Every good event is published, whatever its neighbours are. The answer, when all results are
 * in: 201 when all were accepted, 503 with Retry-After when some could be taken and none was
 * (the whole batch can be sent again: the same bytes are one event), else 200; 201 and 200 say
 * per event what became of it. 400 when the body is neither, 413 for too many events: then
 * nothing was published. */
void post_batch_handle(void *arg, struct http_request *request);

#endif
