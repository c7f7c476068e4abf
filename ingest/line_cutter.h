/* line_cutter.h - cuts a stream of bytes that comes in pieces into its lines. One thread. */
#ifndef METAOPS_INGEST_LINE_CUTTER_H
#define METAOPS_INGEST_LINE_CUTTER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/byte_buffer.h"

struct line_cutter {
    struct byte_buffer line; /* that has not ended; its bytes_max is that of a line */
    bool is_too_long;        /* the rest of the line is passed over */
    void *arg;

    /* A whole line without its end, followed by JSON_PADDING_BYTES readable bytes and gone afterwards; or the first bytes
     * of one that is longer than a line may be. Empty lines are left out. False ends the cutting. */
    bool (*on_line)(void *arg, struct str line, bool is_too_long);
};

/* False when on_line said so, or memory is short. */
bool line_cutter_add(struct line_cutter *cutter, struct str bytes);

/* Forgets a line that has not ended, and what it was stored in. */
void line_cutter_fini(struct line_cutter *cutter);

#endif
