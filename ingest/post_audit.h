/* post_audit.h - POST /api/v1/kubernetes/audit/{cluster}: what the audit webhook of kube-apiserver sends, an EventList
 * of audit.k8s.io. A handler of the HTTP server: arg is the struct publish. */
#ifndef METAOPS_INGEST_POST_AUDIT_H
#define METAOPS_INGEST_POST_AUDIT_H

struct http_request;

/* Every item that is an event is published; answered when the broker has all of them.
 *
 * 200, whatever became of single items: kube-apiserver sends the whole list again for any other answer, five times,
 * then drops all of it, and an item that is no event becomes none by that. It is counted with its reason, logged, and
 * named in the answer. 503 when one could be taken and was not: the list comes again, and what was stored is the same
 * event. 400 for a body that is no such list, 413 for one too large, 404 for a name that no cluster has. */
void post_audit_handle(void *arg, struct http_request *request);

#endif
