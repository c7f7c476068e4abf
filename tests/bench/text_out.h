/* text_out.h - a growing text for the makers of events.
 *
 * Zero it before use, fini it at the end. When memory is short the text stops growing and
 * `is_short` stays set until fini: check it once, at the end of a body. */
#ifndef METAOPS_BENCH_TEXT_OUT_H
#define METAOPS_BENCH_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct text_out {
    char *ptr;
    size_t len;
    size_t cap;
    bool is_short;
};

void text_out_bytes(struct text_out *out, const char *ptr, size_t len);
void text_out_put(struct text_out *out, const char *text);
void text_out_number(struct text_out *out, uint64_t number);
void text_out_format(struct text_out *out, const char *format, ...) PRINTF_LIKE(2, 3);

/* 2026-01-31T12:00:00.123456Z, from microseconds since 1970. */
void text_out_time(struct text_out *out, int64_t time_us);

/* 16 bytes as a dashed UUID in lower case. */
void text_out_uuid(struct text_out *out, const uint8_t uuid[16]);

void text_out_fini(struct text_out *out);

#endif
