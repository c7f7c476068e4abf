/* identity.h - names to ids, computable by anybody from the event alone (design: Identity).
 *
 * Version 5 UUIDs (RFC 9562) below one namespace constant, 63396e81-f36a-53dd-bf13-9cd1f73f9378
 * (the version 5 UUID of the DNS name "metaops"), over: kind ("dataset", "job", "run"; "payload", "model",
 * "deployment", "stream" and "pair" of payload_event.h; "action" and "k8s_object" of kube_audit.h), then each part behind its length (4 bytes,
 * big-endian). Pure functions, thread-safe. */
#ifndef METAOPS_SCHEMAS_IDENTITY_H
#define METAOPS_SCHEMAS_IDENTITY_H

#include <stdbool.h>

#include "core/id128.h"
#include "core/str.h"

struct id128 identity_of(struct str kind, const struct str *parts, int count);

struct id128 identity_dataset(struct str namespace_, struct str name);
struct id128 identity_job(struct str namespace_, struct str name);

/* A run id as a UUID: with braces, urn:uuid:, without dashes, any case, also the nil UUID; else the
 * version 5 UUID of its text. *out_is_uuid tells which. */
struct id128 identity_run(struct str run_id, bool *out_is_uuid);

/* First half of SHA-256. */
struct id128 identity_digest(struct str bytes);

/* The producer without its version segments, so that two releases of one tool are one family:
 * https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark ->
 * https://github.com/OpenLineage/OpenLineage/tree/integration/spark. Path segments that are a
 * version, or a name, a dash and a version (1.53.0, v2, 2.20.3-rc1, tool-1.0.0-SNAPSHOT), are
 * dropped; bare numbers, and what stands before the first single slash, stay. out holds at least
 * producer.len bytes; returns the view of out. */
struct str identity_producer_family(struct str producer, char *out);

#endif
