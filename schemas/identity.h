/* identity.h - names to ids, computable by anybody from the event alone (design: Identity).
 *
 * Version 5 UUIDs (RFC 9562) below one namespace constant over: kind, then each part behind its length
 * (4 bytes, big-endian). Pure functions, thread-safe. */
#ifndef METAOPS_SCHEMAS_IDENTITY_H
#define METAOPS_SCHEMAS_IDENTITY_H

#include <stdbool.h>

#include "core/id128.h"
#include "core/str.h"

struct id128 identity_dataset(struct str namespace_, struct str name);
struct id128 identity_job(struct str namespace_, struct str name);

/* A run id as a UUID: with braces, urn:uuid:, without dashes, any case; else the version 5 UUID of
 * its text. *out_is_uuid tells which. */
struct id128 identity_run(struct str run_id, bool *out_is_uuid);

/* First half of SHA-256. */
struct id128 identity_digest(struct str bytes);

/* The producer without its version segments, so that two releases of one tool are one family:
 * https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark ->
 * https://github.com/OpenLineage/OpenLineage/tree/integration/spark. Path segments that are a version
 * (optional v or a name with a dash in front: 1.53.0, v2, 2.20.3-rc1, providers-openlineage/2.20.3, 1.0.0-SNAPSHOT) are dropped. out holds at least
 * producer.len bytes; returns the view of out. */
struct str identity_producer_family(struct str producer, char *out);

#endif
