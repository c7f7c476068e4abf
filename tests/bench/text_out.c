#include "tests/bench/text_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_BYTES 16384

static bool make_room(struct text_out *out, size_t more)
{
    if (out->is_short) {
        return false;
    }
    if (out->cap - out->len >= more) {
        return true;
    }
    size_t cap = out->cap ? out->cap : FIRST_BYTES;
    while (cap - out->len < more) {
        cap *= 2;
    }
    char *ptr = realloc(out->ptr, cap);
    if (!ptr) {
        out->is_short = true;
        return false;
    }
    out->ptr = ptr;
    out->cap = cap;
    return true;
}

void text_out_bytes(struct text_out *out, const char *ptr, size_t len)
{
    if (make_room(out, len)) {
        memcpy(out->ptr + out->len, ptr, len);
        out->len += len;
    }
}

void text_out_put(struct text_out *out, const char *text)
{
    text_out_bytes(out, text, strlen(text));
}

void text_out_number(struct text_out *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_out_bytes(out, digits + at, sizeof(digits) - at);
}

void text_out_format(struct text_out *out, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(line)) {
        out->is_short = true;
        return;
    }
    text_out_bytes(out, line, (size_t)len);
}

void text_out_time(struct text_out *out, int64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    text_out_bytes(out, text, len);
    text_out_format(out, ".%06dZ", (int)(time_us % 1000000));
}

void text_out_uuid(struct text_out *out, const uint8_t uuid[16])
{
    static const char hex[] = "0123456789abcdef";
    char text[36];
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = hex[uuid[i] >> 4];
        text[at++] = hex[uuid[i] & 15];
    }
    text_out_bytes(out, text, at);
}

void text_out_fini(struct text_out *out)
{
    free(out->ptr);
    *out = (struct text_out){0};
}
