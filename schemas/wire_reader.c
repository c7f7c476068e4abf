#include "schemas/wire_reader.h"

#include "schemas/utf8.h"

void wire_reader_init(struct wire_reader *rd, struct str bytes, size_t head_bytes)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;

    *rd = (struct wire_reader){.start = start, .pos = start + head_bytes, .end = start + bytes.len};
}

static void wire_reader_begin(struct wire_reader *rd, const char *field)
{
    if (!rd->fault) {
        rd->field = field;
        rd->fault_offset = (size_t)(rd->pos - rd->start);
    }
}

void wire_reader_fail(struct wire_reader *rd, const char *fault)
{
    if (!rd->fault) {
        rd->fault = fault;
    }
}

static int64_t wire_reader_number(struct wire_reader *rd)
{
    uint64_t zigzag = 0;
    uint8_t byte = 0x80;

    for (int shift = 0; !rd->fault && byte >= 0x80; shift += 7) {
        if (rd->pos == rd->end) {
            wire_reader_fail(rd, "ends too early");
            return 0;
        }
        byte = *rd->pos++;
        if (shift == 63 && byte > 1) {
            wire_reader_fail(rd, "number of more than 64 bits");
            return 0;
        }
        zigzag |= (uint64_t)(byte & 0x7F) << shift;
    }
    return (int64_t)((zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0));
}

static int32_t wire_reader_number32(struct wire_reader *rd)
{
    int64_t value = wire_reader_number(rd);

    if (value < INT32_MIN || value > INT32_MAX) {
        wire_reader_fail(rd, "number of more than 32 bits");
        return 0;
    }
    return (int32_t)value;
}

static int wire_reader_choice(struct wire_reader *rd, int count)
{
    int32_t index = wire_reader_number32(rd);

    if (index < 0 || index >= count) {
        wire_reader_fail(rd, "no such symbol or branch");
        return 0;
    }
    return index;
}

static struct str wire_reader_view(struct wire_reader *rd, bool is_text)
{
    int64_t len = wire_reader_number(rd);

    if (len < 0) {
        wire_reader_fail(rd, "negative length");
    } else if (len > rd->end - rd->pos) {
        wire_reader_fail(rd, "longer than the record");
    }
    if (rd->fault) {
        return STR("");
    }
    struct str view = {(const char *)rd->pos, (size_t)len};
    rd->pos += len;
    if (is_text && !utf8_is_valid(view)) {
        wire_reader_fail(rd, "is not UTF-8");
        return STR("");
    }
    return view;
}

int64_t wire_reader_long(struct wire_reader *rd, const char *field)
{
    wire_reader_begin(rd, field);
    return wire_reader_number(rd);
}

int32_t wire_reader_int(struct wire_reader *rd, const char *field)
{
    wire_reader_begin(rd, field);
    return wire_reader_number32(rd);
}

bool wire_reader_bool(struct wire_reader *rd, const char *field)
{
    uint8_t byte = 0;

    wire_reader_fixed(rd, field, &byte, 1);
    if (byte > 1) {
        wire_reader_fail(rd, "neither true nor false");
    }
    return byte == 1;
}

int wire_reader_index(struct wire_reader *rd, const char *field, int count)
{
    wire_reader_begin(rd, field);
    return wire_reader_choice(rd, count);
}

void wire_reader_fixed(struct wire_reader *rd, const char *field, void *out, size_t len)
{
    wire_reader_begin(rd, field);
    if (!rd->fault && (size_t)(rd->end - rd->pos) < len) {
        wire_reader_fail(rd, "ends too early");
    }
    if (rd->fault) {
        memset(out, 0, len);
        return;
    }
    memcpy(out, rd->pos, len);
    rd->pos += len;
}

struct str wire_reader_bytes(struct wire_reader *rd, const char *field)
{
    wire_reader_begin(rd, field);
    return wire_reader_view(rd, false);
}

struct str wire_reader_text(struct wire_reader *rd, const char *field)
{
    wire_reader_begin(rd, field);
    return wire_reader_view(rd, true);
}

struct str wire_reader_nullable_text(struct wire_reader *rd, const char *field)
{
    wire_reader_begin(rd, field);
    return wire_reader_choice(rd, 2) ? wire_reader_view(rd, true) : (struct str){NULL, 0};
}

bool wire_reader_nullable_long(struct wire_reader *rd, const char *field, int64_t *out_value)
{
    wire_reader_begin(rd, field);
    bool is_present = wire_reader_choice(rd, 2) == 1;
    *out_value = is_present ? wire_reader_number(rd) : 0;
    return is_present;
}

enum verdict wire_reader_finish(struct wire_reader *rd, const char *where, struct err *err)
{
    if (!rd->fault && rd->pos != rd->end) {
        wire_reader_begin(rd, "end of record");
        wire_reader_fail(rd, "bytes follow");
    }
    if (rd->fault) {
        return err_set(err, REJECT, where, "%s at byte %zu: %s", rd->field, rd->fault_offset,
                       rd->fault);
    }
    return OK;
}
