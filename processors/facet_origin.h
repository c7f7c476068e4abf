/* facet_origin.h - a facet without who made it and by which schema, which repeat far more often than the rest.
 *
 * Pure functions; any thread. */
#ifndef METAOPS_PROCESSORS_FACET_ORIGIN_H
#define METAOPS_PROCESSORS_FACET_ORIGIN_H

#include "core/arena.h"
#include "core/err.h"
#include "core/str.h"

/* Takes the members _producer and _schemaURL (OpenLineage's BaseFacet) out of a facet, those of them that are strings:
 * *out_origin is an object of them, in arena; the facet's own bytes are moved together. It is JSON as json_clean writes it;
 * of anything but an object nothing is taken. RETRY when the arena is full. */
MUST_CHECK enum verdict facet_origin_split(struct str *inout_facet, struct arena *arena,
                                           struct str *out_origin, struct err *err);

#endif
