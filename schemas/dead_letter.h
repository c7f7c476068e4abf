/* dead_letter.h - what could not be used, with its reason, its origin and its bytes
 * (avro/dead_letter.v1.avsc). */
#ifndef METAOPS_SCHEMAS_DEAD_LETTER_H
#define METAOPS_SCHEMAS_DEAD_LETTER_H

#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

struct dead_letter {
    struct id128
        letter_id; /* the event id when the body could be read, else the digest of the value */
    bool has_event_id;
    int64_t failed_at_us;
    struct str stage; /* decode, check, ... */
    struct str reason;
    struct str json_pointer; /* ptr NULL: none */
    int64_t byte_offset;     /* in the body; -1: none */
    struct str topic;
    int32_t partition;
    int64_t kafka_offset;
    int64_t timestamp_ms;
    struct str value; /* the record's value, what is left of it after redaction */
};

/* Avro single-object encoding, malloc'd, the caller's. Text that is no UTF-8 is written with '?' for its
 * wrong bytes, so that no letter is ever refused. RETRY when memory is short. */
MUST_CHECK enum verdict dead_letter_encode(const struct dead_letter *letter, void **out_bytes,
                                           size_t *out_len, struct err *err);

/* Text points into bytes. REJECT for anything that is no dead letter. */
MUST_CHECK enum verdict dead_letter_decode(struct str bytes, struct dead_letter *out_letter,
                                           struct err *err);

#endif
