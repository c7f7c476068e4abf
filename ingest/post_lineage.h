/* post_lineage.h - POST /api/v1/lineage: one OpenLineage event; and /batch: many
 * (post_batch.c). Handlers of the HTTP server: arg is the struct publish. They keep the request
 * and answer when the broker has. */
#ifndef METAOPS_INGEST_POST_LINEAGE_H
#define METAOPS_INGEST_POST_LINEAGE_H

struct http_request;

/* 201 with eventId, partition and offset when the broker has the event (acks=all); 400 no JSON,
 * 422 no event, both with pointer and offset; 403 outside the key's namespaces; 429 with
 * Retry-After beyond its limits; 413 too large for Kafka; 503 with Retry-After when it is not known
 * to be there. */
void post_lineage_handle(void *arg, struct http_request *request);

#endif
