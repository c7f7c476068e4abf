/* json_out.h - JSON written twice by the same code: once to count its bytes, once to write them. */
#ifndef METAOPS_SCHEMAS_JSON_OUT_H
#define METAOPS_SCHEMAS_JSON_OUT_H

#include <stdint.h>

#include "core/str.h"

/* text NULL: only counts, escapes at their longest; so what is written is never longer than what was counted. */
struct json_out {
    char *text;
    size_t len;
};

void json_out_raw(struct json_out *out, const char *text);

/* In quotes; bytes that are no UTF-8 as base64. */
void json_out_text(struct json_out *out, struct str text);
void json_out_base64(struct json_out *out, struct str bytes);

void json_out_int(struct json_out *out, int64_t value);
void json_out_uint(struct json_out *out, uint64_t value);

/* With so many digits that reading gives the same value; NaN, Infinity and -Infinity bare. */
void json_out_real(struct json_out *out, double value, int digits);

#endif
