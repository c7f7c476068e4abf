/* byte_buffer.h - bytes that come in pieces, kept one behind the other up to a limit: an answer, a page, a line. Made by its
 * limit alone ({.bytes_max = n}), fini'd by its owner. One thread. */
#ifndef METAOPS_CORE_BYTE_BUFFER_H
#define METAOPS_CORE_BYTE_BUFFER_H

#include "core/err.h"
#include "core/str.h"

struct byte_buffer {
    char *
        bytes; /* malloc'd; JSON_PADDING_BYTES zero bytes follow. NULL: nothing was added yet, not even nothing */
    size_t len; /* may be set to less, which keeps the room */
    size_t room;
    size_t bytes_max;
};

/* All of them or none. REJECT: there would be more than bytes_max; RETRY: memory is short. */
MUST_CHECK enum verdict byte_buffer_add(struct byte_buffer *buffer, struct str bytes);

/* It is as it was made. */
void byte_buffer_fini(struct byte_buffer *buffer);

#endif
