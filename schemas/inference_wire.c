#include "schemas/inference_wire.h"

#include <stdio.h>

#include "schemas/inference_data.h"
#include "schemas/inference_protocol.h"
#include "schemas/utf8.h"

#define FRAME_BYTES 6

/* Numbers of fields: the same in requests and answers up to parameters, and in input and output tensors. */
enum { MODEL_NAME = 1, MODEL_VERSION = 2, ID = 3, PARAMETERS = 4 };
enum { TENSOR_NAME = 1, TENSOR_DATATYPE = 2, TENSOR_SHAPE = 3, TENSOR_CONTENTS = 5 };
enum { PARAMETER_BOOL = 1, PARAMETER_INT64, PARAMETER_STRING, PARAMETER_DOUBLE, PARAMETER_UINT64 };
enum { MAP_KEY = 1, MAP_VALUE = 2 };

/* A message with what its fields that come once say. */
struct message {
    struct protobuf_reader rd; /* at its begin */
    struct str model_name;
    struct str model_version;
    struct str id;
    struct str raw[INFERENCE_TENSORS_MAX];
    uint32_t raw_count;
    uint32_t tensor_count;
    uint32_t tensors_field;
    uint32_t raw_field;
};

struct tensor {
    struct str name;
    struct str datatype;
    struct str contents; /* ptr NULL: none */
};

struct str inference_wire_unframed(struct str message)
{
    return message.len >= FRAME_BYTES && message.ptr[0] == 0 && message.ptr[FRAME_BYTES - 1] == 0
               ? (struct str){message.ptr + FRAME_BYTES, message.len - FRAME_BYTES}
               : message;
}

static bool need_bytes(struct protobuf_reader *rd, const struct protobuf_field *field)
{
    if (field->type != PROTOBUF_BYTES) {
        protobuf_reader_fail(rd, "a field of another wire type");
    }
    return field->type == PROTOBUF_BYTES;
}

static void take_once(struct protobuf_reader *rd, const struct protobuf_field *field,
                      struct str *out_bytes)
{
    if (!need_bytes(rd, field)) {
        return;
    }
    if (out_bytes->ptr) {
        protobuf_reader_fail(rd, "a field comes twice");
        return;
    }
    *out_bytes = field->bytes;
}

static void take_text(struct protobuf_reader *rd, const struct protobuf_field *field,
                      struct str *out_text)
{
    take_once(rd, field, out_text);
    if (field->type == PROTOBUF_BYTES && !utf8_is_valid(field->bytes)) {
        protobuf_reader_fail(rd, "a text is not UTF-8");
    }
}

static void take_raw(struct protobuf_reader *rd, const struct protobuf_field *field,
                     struct message *message)
{
    if (!need_bytes(rd, field)) {
        return;
    }
    if (message->raw_count == INFERENCE_TENSORS_MAX) {
        protobuf_reader_fail(rd, "too many raw contents");
        return;
    }
    message->raw[message->raw_count++] = field->bytes;
}

/* Everything but tensors and parameters, which are read when they are written. */
static void read_message(struct message *message)
{
    struct protobuf_reader rd = message->rd;
    struct protobuf_field field;

    while (protobuf_reader_next(&rd, &field)) {
        if (field.number == message->tensors_field) {
            if (++message->tensor_count > INFERENCE_TENSORS_MAX) {
                protobuf_reader_fail(&rd, "too many tensors");
            }
        } else if (field.number == message->raw_field) {
            take_raw(&rd, &field, message);
        } else if (field.number == MODEL_NAME) {
            take_text(&rd, &field, &message->model_name);
        } else if (field.number == MODEL_VERSION) {
            take_text(&rd, &field, &message->model_version);
        } else if (field.number == ID) {
            take_text(&rd, &field, &message->id);
        }
    }
    if (message->raw_count > 0 && message->raw_count != message->tensor_count) {
        protobuf_reader_fail(&rd, "raw contents for some tensors only");
    }
}

static void write_value(struct protobuf_reader *rd, struct json_out *out)
{
    static const enum protobuf_type types[] = {
        [PARAMETER_BOOL] = PROTOBUF_VARINT,   [PARAMETER_INT64] = PROTOBUF_VARINT,
        [PARAMETER_STRING] = PROTOBUF_BYTES,  [PARAMETER_DOUBLE] = PROTOBUF_FIXED64,
        [PARAMETER_UINT64] = PROTOBUF_VARINT,
    };
    struct protobuf_field field;
    bool has_value = false;
    double real;

    while (protobuf_reader_next(rd, &field)) {
        if (field.number >= sizeof(types) / sizeof(types[0])) {
            continue;
        }
        if (has_value || field.type != types[field.number]) {
            protobuf_reader_fail(rd, "a parameter has two values, or one of another wire type");
            return;
        }
        has_value = true;
        if (field.number == PARAMETER_BOOL) {
            json_out_raw(out, field.bits ? "true" : "false");
        } else if (field.number == PARAMETER_INT64) {
            json_out_int(out, (int64_t)field.bits);
        } else if (field.number == PARAMETER_STRING) {
            json_out_text(out, field.bytes);
        } else if (field.number == PARAMETER_DOUBLE) {
            memcpy(&real, &field.bits, sizeof(real));
            json_out_real(out, real, 17);
        } else {
            json_out_uint(out, field.bits);
        }
    }
    json_out_raw(out, has_value ? "" : "null");
}

static void write_entry(struct protobuf_reader *rd, struct json_out *out)
{
    struct str key = {NULL, 0};
    struct str value = {NULL, 0};
    struct protobuf_field field;

    while (protobuf_reader_next(rd, &field)) {
        if (field.number == MAP_KEY) {
            take_text(rd, &field, &key);
        } else if (field.number == MAP_VALUE) {
            take_once(rd, &field, &value);
        }
    }
    json_out_text(out, key);
    json_out_raw(out, ":");
    struct protobuf_reader within =
        protobuf_reader_within(rd, value.ptr ? value : (struct str){(const char *)rd->end, 0});
    write_value(&within, out);
}

static void write_parameters(struct protobuf_reader rd, struct json_out *out)
{
    struct protobuf_field field;
    bool is_first = true;

    while (protobuf_reader_next(&rd, &field)) {
        if (field.number != PARAMETERS || !need_bytes(&rd, &field)) {
            continue;
        }
        json_out_raw(out, is_first ? ",\"parameters\":{" : ",");
        is_first = false;
        struct protobuf_reader entry = protobuf_reader_within(&rd, field.bytes);
        write_entry(&entry, out);
    }
    json_out_raw(out, is_first ? "" : "}");
}

static void write_shape(struct protobuf_reader rd, struct json_out *out)
{
    struct protobuf_field field;
    bool is_first = true;

    json_out_raw(out, ",\"shape\":[");
    while (protobuf_reader_next(&rd, &field)) {
        if (field.number != TENSOR_SHAPE) {
            continue;
        }
        if (field.type != PROTOBUF_BYTES && field.type != PROTOBUF_VARINT) {
            protobuf_reader_fail(&rd, "a shape of another wire type");
            return;
        }
        struct protobuf_reader packed = protobuf_reader_within(&rd, field.bytes);
        uint64_t bits = field.bits;
        while (field.type == PROTOBUF_VARINT ||
               protobuf_reader_value(&packed, PROTOBUF_VARINT, &bits)) {
            json_out_raw(out, is_first ? "" : ",");
            json_out_int(out, (int64_t)bits);
            is_first = false;
            if (field.type == PROTOBUF_VARINT) {
                break;
            }
        }
    }
    json_out_raw(out, "]");
}

static void read_tensor(struct protobuf_reader rd, struct tensor *tensor)
{
    struct protobuf_field field;

    while (protobuf_reader_next(&rd, &field)) {
        if (field.number == TENSOR_NAME) {
            take_text(&rd, &field, &tensor->name);
        } else if (field.number == TENSOR_DATATYPE) {
            take_text(&rd, &field, &tensor->datatype);
        } else if (field.number == TENSOR_CONTENTS) {
            take_once(&rd, &field, &tensor->contents);
        }
    }
}

/* raw NULL: the message has no raw contents. */
static void write_tensor(struct protobuf_reader *rd, const struct str *raw, struct json_out *out)
{
    struct tensor tensor = {0};

    read_tensor(*rd, &tensor);
    json_out_raw(out, "{\"name\":");
    json_out_text(out, tensor.name);
    json_out_raw(out, ",\"datatype\":");
    json_out_text(out, tensor.datatype);
    write_shape(*rd, out);
    write_parameters(*rd, out);
    if (tensor.contents.ptr && raw) {
        protobuf_reader_fail(rd, "a tensor with contents and raw contents");
    } else if (tensor.contents.ptr) {
        json_out_raw(out, ",\"data\":");
        struct protobuf_reader contents = protobuf_reader_within(rd, tensor.contents);
        inference_data_contents(&contents, out);
    } else if (raw) {
        json_out_raw(out, ",\"data\":");
        inference_data_raw(rd, tensor.datatype, *raw, out);
    }
    json_out_raw(out, "}");
}

static void write_tensors(const struct message *message, struct json_out *out)
{
    struct protobuf_reader rd = message->rd;
    struct protobuf_field field;
    uint32_t index = 0;

    while (protobuf_reader_next(&rd, &field)) {
        if (field.number != message->tensors_field || !need_bytes(&rd, &field)) {
            continue;
        }
        json_out_raw(out, index ? "," : "");
        struct protobuf_reader tensor = protobuf_reader_within(&rd, field.bytes);
        write_tensor(&tensor, message->raw_count ? &message->raw[index] : NULL, out);
        index++;
    }
}

static void write_message(const struct message *message, bool is_answer, struct json_out *out)
{
    json_out_raw(out, "{\"model_name\":");
    json_out_text(out, message->model_name);
    json_out_raw(out, ",\"model_version\":");
    json_out_text(out, message->model_version);
    json_out_raw(out, ",\"id\":");
    json_out_text(out, message->id);
    write_parameters(message->rd, out);
    json_out_raw(out, is_answer ? ",\"outputs\":[" : ",\"inputs\":[");
    write_tensors(message, out);
    json_out_raw(out, "]}");
}

static enum verdict refuse(const char *reason, size_t offset, struct json_fault *fault,
                           struct err *err)
{
    if (fault) {
        *fault = (struct json_fault){.offset = offset};
        snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
    }
    return err_set(err, REJECT, "inference_wire", "protobuf, byte %zu: %s", offset, reason);
}

enum verdict inference_wire_to_json(struct str bytes, bool is_answer, size_t bytes_max,
                                    struct arena *arena, struct str *out_json,
                                    struct json_fault *fault, struct err *err)
{
    struct protobuf_fault wrong;
    struct message message = {.tensors_field = 5, .raw_field = is_answer ? 6 : 7};
    struct json_out out = {NULL, 0};

    protobuf_reader_init(&message.rd, bytes, &wrong);
    read_message(&message);
    write_message(&message, is_answer, &out);
    if (wrong.reason) {
        return refuse(wrong.reason, wrong.offset, fault, err);
    }
    if (out.len > bytes_max) {
        return refuse("is too large as JSON", 0, fault, err);
    }
    out.text = arena_alloc(arena, out.len + JSON_PADDING_BYTES);
    if (!out.text) {
        return err_set(err, RETRY, "inference_wire", "the arena is full");
    }
    out.len = 0;
    write_message(&message, is_answer, &out);
    memset(out.text + out.len, 0, JSON_PADDING_BYTES);
    *out_json = (struct str){out.text, out.len};
    return OK;
}
