/* spool_record.h - how events stand in a segment file. Pure functions over bytes.
 *
 * A segment begins with a head that names the emitter and its epoch; records follow, each with a
 * head of SPOOL_RECORD_HEAD_BYTES (mark, checksum over all that follows it, length, number, time,
 * redactions, Kafka key) and the event. Numbers are little-endian. Whatever cannot be read, a
 * reader must be able to find the next record: by the length where the head is whole, else by
 * looking for a mark whose checksum is right. */
#ifndef METAOPS_INGEST_EMITTER_SPOOL_RECORD_H
#define METAOPS_INGEST_EMITTER_SPOOL_RECORD_H

#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"
#include "ingest/emitter/emitter_config.h"

#define SPOOL_RECORD_HEAD_BYTES 52
#define SPOOL_SEGMENT_HEAD_BYTES_MAX (32 + EMITTER_NAME_BYTES_MAX)

/* Longer lengths are damage. */
#define SPOOL_EVENT_BYTES_MAX ((size_t)64 << 20)

struct spool_record {
    uint64_t sequence; /* from 1 */
    int64_t emitted_at_us;
    uint32_t redactions;
    struct id128 key;
    struct str event; /* in the bytes that were parsed */
};

struct spool_identity {
    char emitter[EMITTER_NAME_BYTES_MAX + 1];
    int64_t epoch;
};

/* Writes the head of a segment; returns its bytes. */
size_t spool_record_segment_head(const struct spool_identity *identity,
                                 uint8_t out[SPOOL_SEGMENT_HEAD_BYTES_MAX]);

/* Bytes of the head that bytes begin with, 0 when it is not whole, -1 when it is damaged. */
long spool_record_segment_parse(struct str bytes, struct spool_identity *out_identity);

/* Writes the head of a record whose event is at most SPOOL_EVENT_BYTES_MAX long; the event follows
 * it as it is. */
void spool_record_head(const struct spool_record *record, uint8_t out[SPOOL_RECORD_HEAD_BYTES]);

enum spool_found {
    SPOOL_FOUND,   /* a whole record: *out_record, and its bytes */
    SPOOL_MORE,    /* its end is not there; *out_bytes is how many it wants, as far as known */
    SPOOL_DAMAGED, /* *out_bytes may be passed over (at least 1): up to the next candidate */
};

/* Reads the record that bytes begin with. */
enum spool_found spool_record_parse(struct str bytes, struct spool_record *out_record,
                                    size_t *out_bytes);

#endif
