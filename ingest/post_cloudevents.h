/* post_cloudevents.h - POST /api/v1/cloudevents: events about predictions (schemas/payload_event.h), in
 * binary, structured or batch mode of CloudEvents 1.0, or with the names of MLServer's 0.3. A handler of the
 * HTTP server: arg is the struct publish. It keeps the request and answers when the broker has the
 * event. */
#ifndef METAOPS_INGEST_POST_CLOUDEVENTS_H
#define METAOPS_INGEST_POST_CLOUDEVENTS_H

struct http_request;

/* As post_lineage_handle, but 200 (loggers take every other code for an error), and 415 for what is no
 * CloudEvents or whose data is no JSON. */
/* A batch is answered as that of post_batch.h, but with 200, and with 503 when a single event could be taken and was
 * not: loggers look at the status alone, and what is sent again is the same event. */
void post_cloudevents_handle(void *arg, struct http_request *request);

#endif
