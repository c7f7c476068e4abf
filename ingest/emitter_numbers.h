/* emitter_numbers.h - the numbers that an emitter gives its events, in headers of the request.
 *
 *   MetaOps-Emitter: <id>; epoch=<n>; seq=<n>
 *   MetaOps-Gap: <from>-<to>; reason=<text>
 *
 * id: 1 to 128 visible ASCII characters but ; and ,. epoch: 0 to 2^63-1. seq, from, to: 1 to 2^62. The
 * reason, 1 to 128 printable ASCII characters, may be missing. A gap needs an emitter. The events of a
 * batch have the numbers seq, seq+1, ... Pure; any thread. */
#ifndef METAOPS_INGEST_EMITTER_NUMBERS_H
#define METAOPS_INGEST_EMITTER_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/lineage_event.h"

struct http_head;

struct emitter_numbers {
    struct str id; /* of the emitter; ptr NULL: none of this was said */
    int64_t epoch;
    int64_t sequence; /* of the request's first event */
    bool has_gap;
    struct lineage_gap gap;
};

/* Views point into the head. False with a literal reason for headers that are there and malformed. */
bool emitter_numbers_read(const struct http_head *head, struct emitter_numbers *out_numbers,
                          const char **out_reason);

/* Fills the emitter's part of the event that is number index of the request. ev borrows from numbers. */
void emitter_numbers_apply(const struct emitter_numbers *numbers, size_t index,
                           struct lineage_event *ev);

#endif
