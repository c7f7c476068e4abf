#include "schemas/wire_writer.h"

#include <assert.h>

#include "schemas/utf8.h"

void wire_writer_head(struct wire_writer *wr, uint64_t fingerprint)
{
    assert(wr->end - wr->pos >= WIRE_HEAD_BYTES);
    *wr->pos++ = 0xC3;
    *wr->pos++ = 0x01;
    for (int i = 0; i < 8; i++) {
        *wr->pos++ = (uint8_t)(fingerprint >> (8 * i));
    }
}

void wire_writer_number(struct wire_writer *wr, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);

    assert(wr->end - wr->pos >= WIRE_NUMBER_BYTES_MAX);
    while (zigzag > 0x7F) {
        *wr->pos++ = (uint8_t)(zigzag | 0x80);
        zigzag >>= 7;
    }
    *wr->pos++ = (uint8_t)zigzag;
}

void wire_writer_raw(struct wire_writer *wr, const void *bytes, size_t len)
{
    assert((size_t)(wr->end - wr->pos) >= len);
    if (len) {
        memcpy(wr->pos, bytes, len);
        wr->pos += len;
    }
}

void wire_writer_bytes(struct wire_writer *wr, struct str bytes)
{
    wire_writer_number(wr, (int64_t)bytes.len);
    wire_writer_raw(wr, bytes.ptr, bytes.len);
}

void wire_writer_text_lossy(struct wire_writer *wr, struct str text)
{
    uint8_t *start;

    wire_writer_number(wr, (int64_t)text.len);
    start = wr->pos;
    wire_writer_raw(wr, text.ptr, text.len);
    for (uint8_t *p = start; p < wr->pos;) {
        size_t len = utf8_char_bytes(p, (size_t)(wr->pos - p));
        if (len == 0) {
            *p = '?';
            len = 1;
        }
        p += len;
    }
}

void wire_writer_nullable_bytes(struct wire_writer *wr, struct str bytes)
{
    wire_writer_number(wr, bytes.ptr != NULL);
    if (bytes.ptr) {
        wire_writer_bytes(wr, bytes);
    }
}

void wire_writer_nullable_number(struct wire_writer *wr, bool is_present, int64_t value)
{
    wire_writer_number(wr, is_present);
    if (is_present) {
        wire_writer_number(wr, value);
    }
}
