/* require.h - what several fuzz targets share. */
#ifndef METAOPS_TESTS_FUZZ_REQUIRE_H
#define METAOPS_TESTS_FUZZ_REQUIRE_H

#include <stdbool.h>
#include <stdlib.h>

#include "core/json.h"
#include "core/str.h"

/* Ends the target with a finding unless is_true. */
static inline void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* A copy followed by JSON_PADDING_BYTES zeros, for the caller to free. */
static inline char *fuzz_padded(const void *data, size_t size)
{
    char *text = calloc(1, size + JSON_PADDING_BYTES);

    require(text != NULL);
    memcpy(text, data, size);
    return text;
}

/* False for a lone surrogate, which is three bytes that no UTF-8 has: such a text does not come back. */
static inline bool fuzz_is_utf8(struct str text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if ((unsigned char)text.ptr[i] == 0xED && (unsigned char)text.ptr[i + 1] >= 0xA0) {
            return false;
        }
    }
    return true;
}

#endif
