/* canonical_schema.h - which schema is it? The fingerprint of any Avro schema's text.
 *
 * Parsing Canonical Form as the Avro specification has it (full names, no documentation, defaults
 * or aliases, fixed order, no white space), then CRC-64-AVRO: so two texts that read and write the
 * same bytes have the same fingerprint. Foreign text is bounded by depth and size. Any thread. */
#ifndef METAOPS_SCHEMAS_CANONICAL_SCHEMA_H
#define METAOPS_SCHEMAS_CANONICAL_SCHEMA_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

/* The canonical form of a schema's JSON text, malloc'd and NUL-terminated, the caller's. REJECT for
 * what is no schema; RETRY when memory is short. */
MUST_CHECK enum verdict canonical_schema_form(struct str text, char **out_form, struct err *err);

/* CRC-64-AVRO of that. */
MUST_CHECK enum verdict canonical_schema_fingerprint(struct str text, uint64_t *out_fingerprint,
                                                     struct err *err);

#endif
