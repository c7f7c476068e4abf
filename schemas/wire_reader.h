/* wire_reader.h - reads Avro's binary encoding without believing it.
 *
 * Every length is checked against the bytes that are left; nothing is allocated or copied. The
 * first fault stays: from then on every call returns zero or empty text, so a record is read
 * straight through and judged once at its end. */
#ifndef METAOPS_SCHEMAS_WIRE_READER_H
#define METAOPS_SCHEMAS_WIRE_READER_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct wire_reader {
    const uint8_t *start;
    const uint8_t *pos;
    const uint8_t *end;
    const char *field;   /* name of the field being read, for the reason */
    const char *fault;   /* static text, NULL while all is well */
    size_t fault_offset; /* where the faulty field begins, in the record */
};

/* Starts reading bytes behind their head (framing.h), which they are at least as long as. */
void wire_reader_init(struct wire_reader *rd, struct str bytes, size_t head_bytes);

int64_t wire_reader_long(struct wire_reader *rd, const char *field);
int32_t wire_reader_int(struct wire_reader *rd, const char *field);
bool wire_reader_bool(struct wire_reader *rd, const char *field);

/* An index below count, of an enum or of a union's branches. */
int wire_reader_index(struct wire_reader *rd, const char *field, int count);

/* Copies len bytes to out (zeros after a fault). */
void wire_reader_fixed(struct wire_reader *rd, const char *field, void *out, size_t len);

/* Views of the input. A text must be UTF-8. */
struct str wire_reader_bytes(struct wire_reader *rd, const char *field);
struct str wire_reader_text(struct wire_reader *rd, const char *field);

/* union of null and string; ptr NULL for null. */
struct str wire_reader_nullable_text(struct wire_reader *rd, const char *field);

/* union of null and long. */
bool wire_reader_nullable_long(struct wire_reader *rd, const char *field, int64_t *out_value);

/* Marks the field last read as wrong, with a static reason; the first mark stays. */
void wire_reader_fail(struct wire_reader *rd, const char *fault);

/* OK when the record was read whole and nothing follows, else REJECT with field, place and
 * reason. */
MUST_CHECK enum verdict wire_reader_finish(struct wire_reader *rd, const char *where,
                                           struct err *err);

#endif
