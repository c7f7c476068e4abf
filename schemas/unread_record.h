/* unread_record.h - a record of another system's topic of which no event could be made.
 *
 * Whoever reads such topics (metaops poll) has no database. So it publishes what it could not use in a record of format
 * "unread", and the worker makes of that a dead letter like those of its own. The body is JSON: {topic, partition,
 * offset, time in milliseconds, reason, jsonPointer, byteOffset, value}; valueBase64 instead of value where the bytes
 * are no text. The event id is the digest of that text: what is read again is the same letter. Pure functions. */
#ifndef METAOPS_SCHEMAS_UNREAD_RECORD_H
#define METAOPS_SCHEMAS_UNREAD_RECORD_H

#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"
#include "core/str.h"

#define UNREAD_FORMAT "unread"

struct unread_record {
    struct str topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct str reason;
    struct str json_pointer; /* empty: none, or the whole value */
    int64_t byte_offset;     /* in the value; -1: none */
    struct str value;        /* without secrets */
};

/* The body, followed by JSON_PADDING_BYTES. ptr NULL when the arena is full. */
struct str unread_record_fold(const struct unread_record *unread, struct arena *arena);

/* What a letter needs of a body: topic, reason, json_pointer and byte_offset; the rest of *out_unread is empty. Strings are views of
 * doc's text or lie in arena. REJECT with the place of what is missing or wrong, RETRY when the arena is full. */
MUST_CHECK enum verdict unread_record_read(const struct json_doc *doc, struct arena *arena,
                                           struct unread_record *out_unread,
                                           struct json_fault *fault, struct err *err);

#endif
