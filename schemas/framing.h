/* framing.h - the bytes in front of a record, which say with what schema it was written.
 *
 * Two framings, told apart by the first byte, may stand side by side in one topic:
 *
 *   Avro single-object encoding   C3 01, CRC-64-AVRO of the schema (8 bytes, little-endian)
 *   Confluent wire format         00, id of the schema in a registry (4 bytes, big-endian)
 *
 * Encoders write the first. Where a registry is in use, framing_write turns it into the second
 * before the record leaves, and framing_read understands both. What is behind the head is the same
 * in both. `struct framing` is the registry's face (schema_registry.h); NULL is no registry. */
#ifndef METAOPS_SCHEMAS_FRAMING_H
#define METAOPS_SCHEMAS_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct framing {
    /* The id under which the registry has the schema. Never blocks; any thread. RETRY while it is
     * not known; REJECT when no schema of ours has that fingerprint. */
    enum verdict (*id)(struct framing *framing, uint64_t fingerprint, uint32_t *out_id,
                       struct err *err);

    /* The fingerprint of the registry's schema of that id. Blocks shortly the first time; any
     * thread but an event loop. REJECT when the registry has none, or one that is no Avro schema;
     * RETRY while the registry is away. */
    enum verdict (*fingerprint)(struct framing *framing, uint32_t id, uint64_t *out_fingerprint,
                                struct err *err);
};

/* Turns the head of a record just encoded into what framing wants, in place; *len shrinks. As
 * framing->id. OK at once for NULL. */
MUST_CHECK enum verdict framing_write(struct framing *framing, void *bytes, size_t *len,
                                      struct err *err);

/* The fingerprint of the schema that wrote bytes, and how long the head before the record is. REJECT
 * for what has no head; else as framing->fingerprint. */
MUST_CHECK enum verdict framing_read(struct framing *framing, struct str bytes,
                                     uint64_t *out_fingerprint, size_t *out_head_bytes,
                                     struct err *err);

#endif
