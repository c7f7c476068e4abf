/* event_lines.h - JSON lines from files and stdin, one at a time, in bounded memory. One thread. */
#ifndef METAOPS_INGEST_EVENT_LINES_H
#define METAOPS_INGEST_EVENT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

struct event_lines;

struct event_line {
    const char *file; /* as given; "-" is stdin */
    uint64_t number;  /* from 1 */
    struct str text;  /* without LF or CRLF; ptr NULL: the end of all files, or is_too_long */
    bool is_too_long; /* more than line_bytes_max; its text was passed over */
};

/* files is NULL-ended and must outlive the reader; a file is opened when its turn comes. RETRY when
 * memory is short. */
MUST_CHECK enum verdict event_lines_open(const char *const *files, size_t line_bytes_max,
                                         struct event_lines **out_lines, struct err *err);

/* The next line that is not blank. Its text is valid until the next call and followed by
 * JSON_PADDING_BYTES readable bytes. With may_block false RETRY means that a pipe has nothing yet.
 * FATAL when a file cannot be read or memory is short. */
MUST_CHECK enum verdict event_lines_next(struct event_lines *lines, bool may_block,
                                         struct event_line *out_line, struct err *err);

/* Bytes read so far and in all; the latter is 0 when unknown (pipes). */
void event_lines_progress(const struct event_lines *lines, uint64_t *out_done_bytes,
                          uint64_t *out_total_bytes);

/* NULL is allowed. */
void event_lines_close(struct event_lines *lines);

#endif
