/* wire_writer.h - writes Avro's binary encoding into a buffer that the caller has sized.
 *
 * The caller adds up WIRE_NUMBER_BYTES_MAX per number, branch and length, plus the bytes of texts;
 * writing behind the end is a bug and asserted. */
#ifndef METAOPS_SCHEMAS_WIRE_WRITER_H
#define METAOPS_SCHEMAS_WIRE_WRITER_H

#include <stdint.h>

#include "core/str.h"

#define WIRE_NUMBER_BYTES_MAX 10
#define WIRE_HEAD_BYTES 10

struct wire_writer {
    uint8_t *pos;
    uint8_t *end;
};

/* Avro single-object encoding: C3 01, then the fingerprint of the schema. */
void wire_writer_head(struct wire_writer *wr, uint64_t fingerprint);

/* An int, a long, an index of an enum, a branch of a union. */
void wire_writer_number(struct wire_writer *wr, int64_t value);

/* A fixed or a boolean: the bytes alone. */
void wire_writer_raw(struct wire_writer *wr, const void *bytes, size_t len);

/* bytes or string: length, then the bytes. */
void wire_writer_bytes(struct wire_writer *wr, struct str bytes);

/* A string whose bytes that are no UTF-8 become '?'. */
void wire_writer_text_lossy(struct wire_writer *wr, struct str text);

/* union of null and string: null when ptr is NULL. */
void wire_writer_nullable_bytes(struct wire_writer *wr, struct str bytes);

/* union of null and long. */
void wire_writer_nullable_number(struct wire_writer *wr, bool is_present, int64_t value);

#endif
