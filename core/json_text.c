#include "core/json_impl.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

int json_text_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static uint32_t json_text_hex4(const char *ptr)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++) {
        code = code << 4 | (uint32_t)json_text_hex(ptr[i]);
    }
    return code;
}

uint32_t json_text_escape(const char **inout_ptr, const char *end)
{
    const char *p = *inout_ptr;

    *inout_ptr = p + 2;
    switch (p[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)p[1];
    }

    uint32_t code = json_text_hex4(p + 2);
    *inout_ptr = p + 6;
    if (code >= 0xD800 && code <= 0xDBFF && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        uint32_t low = json_text_hex4(p + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *inout_ptr = p + 12;
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    return code;
}

size_t json_text_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static struct str json_text_content(const struct json_doc *doc, const struct json_value *value)
{
    struct str raw = json_raw(doc, value);

    return (struct str){raw.ptr + 1, raw.len - 2};
}

bool json_text_equal(const struct json_doc *doc, const struct json_value *value, struct str key)
{
    struct str text = json_text_content(doc, value);

    if (!value->has_escape) {
        return str_eq(text, key);
    }
    const char *p = text.ptr, *end = text.ptr + text.len;
    const char *k = key.ptr, *key_end = key.ptr + key.len;
    while (p < end) {
        char piece[4] = {*p};
        size_t len = 1;
        if (*p == '\\') {
            len = json_text_put(piece, json_text_escape(&p, end));
        } else {
            p++;
        }
        if ((size_t)(key_end - k) < len || memcmp(k, piece, len) != 0) {
            return false;
        }
        k += len;
    }
    return k == key_end;
}

enum verdict json_string(const struct json_doc *doc, const struct json_value *value,
                         struct arena *arena, struct str *out_text, struct err *err)
{
    struct str text = json_text_content(doc, value);

    if (!value->has_escape) {
        *out_text = text;
        return OK;
    }
    /* No escape is shorter than what it stands for. */
    char *copy = arena_alloc(arena, text.len);
    if (!copy) {
        return err_set(err, RETRY, "json_string", "no room for a string of %zu bytes", text.len);
    }
    const char *p = text.ptr, *end = text.ptr + text.len;
    char *out = copy;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        const char *stop = escape ? escape : end;
        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        p = stop;
        if (escape) {
            out += json_text_put(out, json_text_escape(&p, end));
        }
    }
    *out_text = (struct str){copy, (size_t)(out - copy)};
    return OK;
}

void json_string_places(const struct json_doc *doc, const struct json_value *value,
                        size_t *inout_offsets, size_t count)
{
    struct str text = json_text_content(doc, value);
    const char *p = text.ptr, *end = text.ptr + text.len;
    size_t decoded = 0;

    for (size_t i = 0; i < count; i++) {
        while (p < end && decoded < inout_offsets[i]) {
            char piece[4];
            if (*p == '\\') {
                decoded += json_text_put(piece, json_text_escape(&p, end));
            } else {
                p++;
                decoded++;
            }
        }
        inout_offsets[i] = value->offset + 1 + (size_t)(p - text.ptr);
    }
}

/* Bytes at p that can't be shown: a NUL (1), a surrogate of WTF-8 (3), else 0. */
static size_t json_display_bad(const char *p, const char *end)
{
    if (*p == '\0') {
        return 1;
    }
    if ((unsigned char)*p == 0xED && end - p >= 3 && (unsigned char)p[1] >= 0xA0) {
        return 3;
    }
    return 0;
}

struct str json_display(struct str text, struct arena *arena)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    size_t nuls = 0, surrogates = 0;

    if (text.len == 0 || (!memchr(p, 0, text.len) && !memchr(p, 0xED, text.len))) {
        return text;
    }
    for (const char *q = p; q < end; q++) {
        size_t bad = json_display_bad(q, end);
        nuls += bad == 1;
        surrogates += bad == 3;
    }
    if (nuls + surrogates == 0) {
        return text;
    }
    size_t len = text.len + 2 * nuls;
    char *copy = arena_alloc(arena, len);
    if (!copy) {
        return (struct str){NULL, 0};
    }
    for (char *out = copy; p < end;) {
        size_t bad = json_display_bad(p, end);
        if (bad) {
            memcpy(out, REPLACEMENT, 3);
            out += 3;
            p += bad;
        } else {
            *out++ = *p++;
        }
    }
    return (struct str){copy, len};
}
