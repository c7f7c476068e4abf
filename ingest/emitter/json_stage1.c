/* json_stage1.c - core/json_stage1.h without simdjson: for the library, so that a program which
 * emits need not carry the run time of C++ (1.7 MB resident). The program `metaops` uses json.cc. */
#include "core/json_stage1.h"

#include <stdbool.h>
#include <stdlib.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "schemas/utf8.h"

#define ENTRIES_MIN 1024
#define ENTRIES_KEEP_MAX ((size_t)64 << 10)

struct json_stage1 {
    uint32_t *offsets;
    size_t size;
    size_t len;
};

enum class { SCALAR, SPACE, OPERATOR, QUOTE };

static const unsigned char classes[256] = {
    [' '] = SPACE,    ['\t'] = SPACE,   ['\n'] = SPACE,   ['\r'] = SPACE,
    ['{'] = OPERATOR, ['}'] = OPERATOR, ['['] = OPERATOR, [']'] = OPERATOR,
    [':'] = OPERATOR, [','] = OPERATOR, ['"'] = QUOTE,
};

struct json_stage1 *json_stage1_new(void)
{
    return calloc(1, sizeof(struct json_stage1));
}

void json_stage1_free(struct json_stage1 *stage1)
{
    if (stage1) {
        free(stage1->offsets);
        free(stage1);
    }
}

/* Room for more entries: a text has one for each byte at most, and usually one for each dozen. */
static bool json_stage1_grow(struct json_stage1 *stage1)
{
    size_t size = stage1->size ? 2 * stage1->size : ENTRIES_MIN;
    uint32_t *fresh = realloc(stage1->offsets, size * sizeof(*fresh));

    if (!fresh) {
        return false;
    }
    stage1->offsets = fresh;
    stage1->size = size;
    return true;
}

/* Index of the first quote, backslash or control byte from at on, len when there is none. The text
 * is followed by padding, which may be read. */
static size_t json_stage1_plain_end(const unsigned char *text, size_t at, size_t len)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);

    while (at < len) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(text + at));
        __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
        hits = _mm_or_si128(hits, _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
        int mask = _mm_movemask_epi8(hits);
        if (mask != 0) {
            at += (size_t)__builtin_ctz((unsigned)mask);
            return at < len ? at : len;
        }
        at += 16;
    }
    return len;
#else
    while (at < len && text[at] != '"' && text[at] != '\\' && text[at] > 0x1F) {
        at++;
    }
    return at;
#endif
}

/* Index behind the closing quote of the string whose content begins at at; 0 when it has none or a
 * bare control byte. */
static size_t json_stage1_string_end(const unsigned char *text, size_t at, size_t len)
{
    for (;;) {
        at = json_stage1_plain_end(text, at, len);
        if (at >= len || text[at] <= 0x1F) {
            return 0;
        }
        if (text[at] == '"') {
            return at + 1;
        }
        at += 2;
    }
}

/* Index of the first byte above 0x7F, len when there is none. */
static size_t json_stage1_ascii_end(const unsigned char *text, size_t at, size_t len)
{
#if defined(__SSE2__)
    while (at < len) {
        int mask = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(text + at)));
        if (mask != 0) {
            at += (size_t)__builtin_ctz((unsigned)mask);
            return at < len ? at : len;
        }
        at += 16;
    }
    return len;
#else
    while (at < len && text[at] < 0x80) {
        at++;
    }
    return at;
#endif
}

static bool json_stage1_is_utf8(const unsigned char *text, size_t len)
{
    size_t at = json_stage1_ascii_end(text, 0, len);

    while (at < len) {
        size_t bytes = utf8_char_bytes(text + at, len - at);
        if (bytes == 0) {
            return false;
        }
        at += bytes;
        if (at < len && text[at] < 0x80) {
            at = json_stage1_ascii_end(text, at, len);
        }
    }
    return true;
}

static enum json_stage1_result json_stage1_walk(struct json_stage1 *stage1,
                                                const unsigned char *text, size_t len)
{
    size_t at = 0;

    for (;;) {
        while (at < len && classes[text[at]] == SPACE) {
            at++;
        }
        if (stage1->len == stage1->size && !json_stage1_grow(stage1)) {
            return JSON_STAGE1_NO_MEMORY;
        }
        stage1->offsets[stage1->len] = (uint32_t)at;
        if (at >= len) {
            return stage1->len > 0 ? JSON_STAGE1_DONE : JSON_STAGE1_FAULT;
        }
        stage1->len++;
        switch (classes[text[at]]) {
        case OPERATOR:
            at++;
            break;
        case QUOTE:
            at = json_stage1_string_end(text, at + 1, len);
            if (at == 0) {
                return JSON_STAGE1_FAULT;
            }
            break;
        default:
            while (at < len && classes[text[at]] == SCALAR) {
                at++;
            }
        }
    }
}

enum json_stage1_result json_stage1_run(struct json_stage1 *stage1, struct str text,
                                        const uint32_t **out_offsets, uint32_t *out_len)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;

    if (stage1->size > ENTRIES_KEEP_MAX) {
        free(stage1->offsets);
        stage1->offsets = NULL;
        stage1->size = 0;
    }
    stage1->len = 0;
    enum json_stage1_result result = json_stage1_walk(stage1, bytes, text.len);
    if (result == JSON_STAGE1_DONE && !json_stage1_is_utf8(bytes, text.len)) {
        result = JSON_STAGE1_FAULT;
    }
    *out_offsets = stage1->offsets;
    *out_len = (uint32_t)stage1->len;
    return result;
}
