#include "schemas/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/json_escape.h"
#include "schemas/utf8.h"

#define NUMBER_BYTES 40

static void put(struct json_out *out, struct str text)
{
    if (out->text && text.len > 0) {
        memcpy(out->text + out->len, text.ptr, text.len);
    }
    out->len += text.len;
}

void json_out_raw(struct json_out *out, const char *text)
{
    put(out, str_view(text));
}

static void put_base64(struct json_out *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;

    if (!out->text) {
        out->len += (bytes.len + 2) / 3 * 4;
        return;
    }
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned group = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);
        out->text[out->len++] = digits[group >> 18];
        out->text[out->len++] = digits[group >> 12 & 63];
        out->text[out->len++] = left > 1 ? digits[group >> 6 & 63] : '=';
        out->text[out->len++] = left > 2 ? digits[group & 63] : '=';
    }
}

void json_out_base64(struct json_out *out, struct str bytes)
{
    json_out_raw(out, "\"");
    put_base64(out, bytes);
    json_out_raw(out, "\"");
}

void json_out_text(struct json_out *out, struct str text)
{
    if (!utf8_is_valid(text)) {
        json_out_base64(out, text);
        return;
    }
    json_out_raw(out, "\"");
    out->len +=
        out->text ? json_escape(text, out->text + out->len) : JSON_ESCAPE_BYTES_MAX * text.len;
    json_out_raw(out, "\"");
}

void json_out_int(struct json_out *out, int64_t value)
{
    char text[NUMBER_BYTES];

    snprintf(text, sizeof(text), "%" PRId64, value);
    json_out_raw(out, text);
}

void json_out_uint(struct json_out *out, uint64_t value)
{
    char text[NUMBER_BYTES];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_out_raw(out, text);
}

void json_out_real(struct json_out *out, double value, int digits)
{
    char text[NUMBER_BYTES];

    if (isnan(value)) {
        json_out_raw(out, "NaN");
    } else if (isinf(value)) {
        json_out_raw(out, value < 0 ? "-Infinity" : "Infinity");
    } else {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        json_out_raw(out, text);
    }
}
