#include "core/byte_buffer.h"

#include <stdlib.h>

#include "core/json.h"

enum verdict byte_buffer_add(struct byte_buffer *buffer, struct str bytes)
{
    if (bytes.len > buffer->bytes_max - buffer->len) {
        return REJECT;
    }
    size_t len = buffer->len + bytes.len;
    if (len + JSON_PADDING_BYTES > buffer->room) {
        size_t room = 2 * len + JSON_PADDING_BYTES;
        char *grown = realloc(buffer->bytes, room);
        if (!grown) {
            return RETRY;
        }
        buffer->bytes = grown;
        buffer->room = room;
    }
    if (bytes.len > 0) {
        memcpy(buffer->bytes + buffer->len, bytes.ptr, bytes.len);
    }
    memset(buffer->bytes + len, 0, JSON_PADDING_BYTES);
    buffer->len = len;
    return OK;
}

void byte_buffer_fini(struct byte_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct byte_buffer){.bytes_max = buffer->bytes_max};
}
