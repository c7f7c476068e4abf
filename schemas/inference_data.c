#include "schemas/inference_data.h"

#include <math.h>

#define LENGTH_BYTES 4
#define FP32_DIGITS 9
#define FP64_DIGITS 17

enum element { BOOL, INT8, INT16, INT32, INT64, UINT, FP16, BF16, FP32, FP64, BYTES };

/* By the number of the field in InferTensorContents. */
static const struct {
    enum element element;
    enum protobuf_type type;
} contents_fields[] = {{0},
                       {BOOL, PROTOBUF_VARINT},
                       {INT32, PROTOBUF_VARINT},
                       {INT64, PROTOBUF_VARINT},
                       {UINT, PROTOBUF_VARINT},
                       {UINT, PROTOBUF_VARINT},
                       {FP32, PROTOBUF_FIXED32},
                       {FP64, PROTOBUF_FIXED64},
                       {BYTES, PROTOBUF_BYTES}};

static const struct {
    const char *name;
    enum element element;
    size_t bytes; /* 0: each has its length in front */
} datatypes[] = {{"BOOL", BOOL, 1},   {"INT8", INT8, 1},  {"INT16", INT16, 2}, {"INT32", INT32, 4},
                 {"INT64", INT64, 8}, {"UINT8", UINT, 1}, {"UINT16", UINT, 2}, {"UINT32", UINT, 4},
                 {"UINT64", UINT, 8}, {"FP16", FP16, 2},  {"BF16", BF16, 2},   {"FP32", FP32, 4},
                 {"FP64", FP64, 8},   {"BYTES", BYTES, 0}};

static double half_of(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023);
    double value = exponent == 31  ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(1024 + fraction, exponent - 25);

    return bits >> 15 & 1 ? -value : value;
}

static double single_of(uint64_t bits)
{
    uint32_t word = (uint32_t)bits;
    float value;

    memcpy(&value, &word, sizeof(value));
    return (double)value;
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void put_element(struct json_out *out, enum element element, uint64_t bits)
{
    switch (element) {
    case BOOL:
        json_out_raw(out, bits ? "true" : "false");
        break;
    case INT8:
        json_out_int(out, (int8_t)bits);
        break;
    case INT16:
        json_out_int(out, (int16_t)bits);
        break;
    case INT32:
        json_out_int(out, (int32_t)bits);
        break;
    case INT64:
        json_out_int(out, (int64_t)bits);
        break;
    case FP16:
        json_out_real(out, half_of(bits), FP32_DIGITS);
        break;
    case BF16:
        json_out_real(out, single_of(bits << 16), FP32_DIGITS);
        break;
    case FP32:
        json_out_real(out, single_of(bits), FP32_DIGITS);
        break;
    case FP64:
        json_out_real(out, double_of(bits), FP64_DIGITS);
        break;
    default:
        json_out_uint(out, bits);
    }
}

static void put_comma(struct json_out *out, bool *is_first)
{
    if (!*is_first) {
        json_out_raw(out, ",");
    }
    *is_first = false;
}

static void put_packed(struct protobuf_reader *rd, uint32_t number, struct str bytes,
                       struct json_out *out, bool *is_first)
{
    struct protobuf_reader packed = protobuf_reader_within(rd, bytes);
    uint64_t bits;

    while (protobuf_reader_value(&packed, contents_fields[number].type, &bits)) {
        put_comma(out, is_first);
        put_element(out, contents_fields[number].element, bits);
    }
}

void inference_data_contents(struct protobuf_reader *rd, struct json_out *out)
{
    struct protobuf_field field;
    bool is_first = true;
    uint32_t kind = 0;

    json_out_raw(out, "[");
    while (protobuf_reader_next(rd, &field)) {
        if (field.number >= sizeof(contents_fields) / sizeof(contents_fields[0])) {
            continue;
        }
        if (kind != 0 && kind != field.number) {
            protobuf_reader_fail(rd, "contents of two kinds");
            return;
        }
        kind = field.number;
        if (field.type == PROTOBUF_BYTES && contents_fields[kind].element != BYTES) {
            put_packed(rd, kind, field.bytes, out, &is_first);
        } else if (field.type != contents_fields[kind].type) {
            protobuf_reader_fail(rd, "contents of another wire type");
        } else {
            put_comma(out, &is_first);
            if (field.type == PROTOBUF_BYTES) {
                json_out_text(out, field.bytes);
            } else {
                put_element(out, contents_fields[kind].element, field.bits);
            }
        }
    }
    json_out_raw(out, "]");
}

static uint64_t little_endian(const char *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    }
    return value;
}

static void put_raw_texts(struct protobuf_reader *rd, struct str bytes, struct json_out *out)
{
    bool is_first = true;

    while (bytes.len > 0) {
        uint64_t len =
            bytes.len < LENGTH_BYTES ? UINT64_MAX : little_endian(bytes.ptr, LENGTH_BYTES);
        if (bytes.len < LENGTH_BYTES || len > bytes.len - LENGTH_BYTES) {
            protobuf_reader_fail(rd, "raw contents end within an element");
            return;
        }
        put_comma(out, &is_first);
        json_out_text(out, (struct str){bytes.ptr + LENGTH_BYTES, (size_t)len});
        bytes =
            (struct str){bytes.ptr + LENGTH_BYTES + len, bytes.len - LENGTH_BYTES - (size_t)len};
    }
}

static void put_raw_numbers(enum element element, size_t size, struct str bytes,
                            struct json_out *out)
{
    bool is_first = true;

    for (size_t at = 0; at < bytes.len; at += size) {
        put_comma(out, &is_first);
        put_element(out, element, little_endian(bytes.ptr + at, size));
    }
}

void inference_data_raw(struct protobuf_reader *rd, struct str datatype, struct str bytes,
                        struct json_out *out)
{
    size_t count = sizeof(datatypes) / sizeof(datatypes[0]);
    size_t at = 0;

    while (at < count && !str_eq(datatype, str_view(datatypes[at].name))) {
        at++;
    }
    if (at == count) {
        json_out_base64(out, bytes);
        return;
    }
    json_out_raw(out, "[");
    if (datatypes[at].bytes == 0) {
        put_raw_texts(rd, bytes, out);
    } else if (bytes.len % datatypes[at].bytes == 0) {
        put_raw_numbers(datatypes[at].element, datatypes[at].bytes, bytes, out);
    } else {
        protobuf_reader_fail(rd, "raw contents end within an element");
    }
    json_out_raw(out, "]");
}
