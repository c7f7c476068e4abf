#include "core/json_escape.h"

#include <stdint.h>

/* Length of the UTF-8 sequence at the beginning of text, 0 when there is none (RFC 3629). */
static size_t sequence_len(const unsigned char *text, size_t len)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t wanted;

    if (text[0] < 0x80) {
        return 1;
    }
    if (text[0] >= 0xc2 && text[0] <= 0xdf) {
        wanted = 2;
    } else if (text[0] >= 0xe0 && text[0] <= 0xef) {
        wanted = 3;
        low = text[0] == 0xe0 ? 0xa0 : low;
        high = text[0] == 0xed ? 0x9f : high;
    } else if (text[0] >= 0xf0 && text[0] <= 0xf4) {
        wanted = 4;
        low = text[0] == 0xf0 ? 0x90 : low;
        high = text[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (len < wanted || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < wanted; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return wanted;
}

static size_t escape_byte(unsigned char c, char *out)
{
    static const char digits[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c < 0x20 || c == 0x7f) {
        memcpy(out, "\\u00", 4);
        out[4] = digits[c >> 4];
        out[5] = digits[c & 15];
        return 6;
    }
    out[0] = (char)c;
    return 1;
}

size_t json_escape(struct str text, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < text.len;) {
        size_t len = sequence_len((const unsigned char *)text.ptr + i, text.len - i);

        if (len == 1) {
            written += escape_byte((unsigned char)text.ptr[i], out + written);
        } else if (len == 0) {
            memcpy(out + written, "\\ufffd", 6);
            written += 6;
        } else {
            memcpy(out + written, text.ptr + i, len);
            written += len;
        }
        i += len ? len : 1;
    }
    return written;
}
