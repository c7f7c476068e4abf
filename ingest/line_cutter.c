#include "ingest/line_cutter.h"

static bool keep(struct line_cutter *cutter, struct str bytes)
{
    size_t left = cutter->line.bytes_max - cutter->line.len;

    cutter->is_too_long = cutter->is_too_long || bytes.len > left;
    bytes.len = bytes.len < left ? bytes.len : left;
    return byte_buffer_add(&cutter->line, bytes) == OK;
}

static bool end_line(struct line_cutter *cutter)
{
    struct str line = {cutter->line.bytes, cutter->line.len};
    bool is_too_long = cutter->is_too_long;

    cutter->line.len = 0;
    cutter->is_too_long = false;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r' && !is_too_long) {
        line.len--;
    }
    return line.len == 0 || cutter->on_line(cutter->arg, line, is_too_long);
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
    byte_buffer_fini(&cutter->line);
    cutter->is_too_long = false;
}
