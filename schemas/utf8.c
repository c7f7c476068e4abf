#include "schemas/utf8.h"

size_t utf8_char_bytes(const unsigned char *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    unsigned char first = bytes[0];
    if (first < 0x80) {
        return 1;
    }
    size_t need = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || need > len) {
        return 0;
    }
    /* Only the second byte has bounds of its own: overlong, surrogate and too large end there. */
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return need;
}

bool utf8_is_valid(struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;

    for (size_t at = 0; at < text.len;) {
        size_t len = utf8_char_bytes(bytes + at, text.len - at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}
