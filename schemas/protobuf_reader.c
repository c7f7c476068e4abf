#include "schemas/protobuf_reader.h"

#define VARINT_BYTES_MAX 10
#define TYPE_BITS 3
#define TYPE_MASK 7u
#define NUMBER_MAX 536870911u

void protobuf_reader_init(struct protobuf_reader *rd, struct str message,
                          struct protobuf_fault *fault)
{
    const uint8_t *start = (const uint8_t *)(message.ptr ? message.ptr : "");

    *fault = (struct protobuf_fault){0};
    *rd = (struct protobuf_reader){.start = start,
                                   .pos = start,
                                   .end = start + message.len,
                                   .field_start = start,
                                   .fault = fault};
}

struct protobuf_reader protobuf_reader_within(const struct protobuf_reader *rd, struct str bytes)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;

    return (struct protobuf_reader){.start = rd->start,
                                    .pos = start,
                                    .end = start + bytes.len,
                                    .field_start = start,
                                    .fault = rd->fault};
}

void protobuf_reader_fail(struct protobuf_reader *rd, const char *reason)
{
    if (!rd->fault->reason) {
        *rd->fault = (struct protobuf_fault){reason, (size_t)(rd->field_start - rd->start)};
    }
    rd->pos = rd->end;
}

static size_t bytes_left(const struct protobuf_reader *rd)
{
    return (size_t)(rd->end - rd->pos);
}

static bool read_varint(struct protobuf_reader *rd, uint64_t *out_bits)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (bytes_left(rd) == 0) {
            protobuf_reader_fail(rd, "ends within a number");
            return false;
        }
        uint8_t byte = *rd->pos++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        bits |= (uint64_t)(byte & 0x7fu) << (7 * i);
        if (byte < 0x80) {
            *out_bits = bits;
            return true;
        }
    }
    protobuf_reader_fail(rd, "a number of more than 64 bits");
    return false;
}

static bool read_fixed(struct protobuf_reader *rd, unsigned size, uint64_t *out_bits)
{
    uint64_t bits = 0;

    if (bytes_left(rd) < size) {
        protobuf_reader_fail(rd, "ends within a number");
        return false;
    }
    for (unsigned i = 0; i < size; i++) {
        bits |= (uint64_t)rd->pos[i] << (8 * i);
    }
    rd->pos += size;
    *out_bits = bits;
    return true;
}

static bool read_bytes(struct protobuf_reader *rd, struct str *out_bytes)
{
    uint64_t len;

    if (!read_varint(rd, &len)) {
        return false;
    }
    if (len > bytes_left(rd)) {
        protobuf_reader_fail(rd, "a length beyond the end");
        return false;
    }
    *out_bytes = (struct str){(const char *)rd->pos, (size_t)len};
    rd->pos += len;
    return true;
}

bool protobuf_reader_value(struct protobuf_reader *rd, enum protobuf_type type, uint64_t *out_bits)
{
    if (rd->fault->reason || bytes_left(rd) == 0) {
        return false;
    }
    rd->field_start = rd->pos;
    return type == PROTOBUF_VARINT ? read_varint(rd, out_bits)
                                   : read_fixed(rd, type == PROTOBUF_FIXED32 ? 4 : 8, out_bits);
}

bool protobuf_reader_next(struct protobuf_reader *rd, struct protobuf_field *out_field)
{
    struct protobuf_field field = {.bytes = STR("")};
    uint64_t tag;

    if (!protobuf_reader_value(rd, PROTOBUF_VARINT, &tag)) {
        return false;
    }
    if (tag >> TYPE_BITS == 0 || tag >> TYPE_BITS > NUMBER_MAX) {
        protobuf_reader_fail(rd, "no field has that number");
        return false;
    }
    field.number = (uint32_t)(tag >> TYPE_BITS);
    field.type = (enum protobuf_type)(tag & TYPE_MASK);
    bool is_read = false;
    switch (field.type) {
    case PROTOBUF_VARINT:
        is_read = read_varint(rd, &field.bits);
        break;
    case PROTOBUF_FIXED64:
        is_read = read_fixed(rd, 8, &field.bits);
        break;
    case PROTOBUF_FIXED32:
        is_read = read_fixed(rd, 4, &field.bits);
        break;
    case PROTOBUF_BYTES:
        is_read = read_bytes(rd, &field.bytes);
        break;
    default:
        protobuf_reader_fail(rd, "a wire type that is not taken");
    }
    if (is_read) {
        *out_field = field;
    }
    return is_read;
}
