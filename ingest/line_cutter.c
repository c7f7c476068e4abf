#include "ingest/line_cutter.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"

static bool keep(struct line_cutter *cutter, struct str bytes)
{
    size_t left = cutter->bytes_max - cutter->len;
    size_t len = bytes.len < left ? bytes.len : left;
    size_t needed = cutter->len + len + JSON_PADDING_BYTES;

    cutter->is_too_long = cutter->is_too_long || bytes.len > left;
    if (needed > cutter->room) {
        char *grown = realloc(cutter->bytes, 2 * needed);
        if (!grown) {
            return false;
        }
        cutter->bytes = grown;
        cutter->room = 2 * needed;
    }
    memcpy(cutter->bytes + cutter->len, bytes.ptr, len);
    cutter->len += len;
    return true;
}

static bool end_line(struct line_cutter *cutter)
{
    struct str line = {cutter->bytes, cutter->len};
    bool is_too_long = cutter->is_too_long;

    cutter->len = 0;
    cutter->is_too_long = false;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r' && !is_too_long) {
        line.len--;
    }
    if (line.len == 0) {
        return true;
    }
    memset(cutter->bytes + line.len, 0, JSON_PADDING_BYTES);
    return cutter->on_line(cutter->arg, line, is_too_long);
}

bool line_cutter_add(struct line_cutter *cutter, struct str bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
        if (!keep(cutter, (struct str){bytes.ptr, len}) || (end && !end_line(cutter))) {
            return false;
        }
        len += end ? 1 : 0;
        bytes = (struct str){bytes.ptr + len, bytes.len - len};
    }
    return true;
}

void line_cutter_fini(struct line_cutter *cutter)
{
    free(cutter->bytes);
    cutter->bytes = NULL;
    cutter->len = cutter->room = 0;
    cutter->is_too_long = false;
}
