/* protobuf_reader.h - reads the wire format of Protocol Buffers without believing it.
 *
 * Every length is checked against the bytes that are left; nothing is allocated or copied, nothing
 * recurses. Readers of a message and of what is nested in it share one fault: the first stays, and from
 * then on all of them are at their end. */
#ifndef METAOPS_SCHEMAS_PROTOBUF_READER_H
#define METAOPS_SCHEMAS_PROTOBUF_READER_H

#include <stdint.h>

#include "core/str.h"

/* As on the wire. Groups are none that is taken. */
enum protobuf_type {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2,
    PROTOBUF_FIXED32 = 5
};

struct protobuf_fault {
    const char *reason; /* static text; NULL while all is well */
    size_t offset;      /* in the whole message */
};

struct protobuf_reader {
    const uint8_t *start; /* of the whole message */
    const uint8_t *pos;
    const uint8_t *end;
    const uint8_t *field_start; /* of the field last read */
    struct protobuf_fault *fault;
};

struct protobuf_field {
    uint32_t number;
    enum protobuf_type type;
    uint64_t bits;    /* of all types but bytes */
    struct str bytes; /* a view of the message; empty for all other types */
};

/* Starts reading message; *fault is cleared. */
void protobuf_reader_init(struct protobuf_reader *rd, struct str message,
                          struct protobuf_fault *fault);

/* A reader of bytes, which lie within what rd reads. */
struct protobuf_reader protobuf_reader_within(const struct protobuf_reader *rd, struct str bytes);

/* The next field. False at the end and after a fault. */
bool protobuf_reader_next(struct protobuf_reader *rd, struct protobuf_field *out_field);

/* One bare value of a packed list, of a type that is not bytes. False as above. */
bool protobuf_reader_value(struct protobuf_reader *rd, enum protobuf_type type, uint64_t *out_bits);

/* Marks the field last read as wrong, with a static reason. */
void protobuf_reader_fail(struct protobuf_reader *rd, const char *reason);

#endif
