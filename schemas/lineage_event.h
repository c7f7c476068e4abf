/* lineage_event.h - one event on the wire: what travels through Kafka as Avro
 * (avro/lineage_event.v2.avsc), as a C struct.
 *
 * All text is borrowed. The body is the event's JSON as it is stored: inflated, redacted, byte for
 * byte. */
#ifndef METAOPS_SCHEMAS_LINEAGE_EVENT_H
#define METAOPS_SCHEMAS_LINEAGE_EVENT_H

#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"

/* Values as in the Avro enum; never renumber. */
enum lineage_source { SOURCE_HTTP, SOURCE_KAFKA, SOURCE_EMITTER, SOURCE_FILE };

/* Most gaps in one event. */
#define LINEAGE_EVENT_GAPS_MAX 64

/* Numbers of an emitter's epoch whose events it had to drop. */
struct lineage_gap {
    int64_t from_seq;
    int64_t to_seq;
    struct str reason;
};

struct lineage_event {
    struct id128 event_id; /* first half of SHA-256 of body */
    int64_t received_at_us;
    enum lineage_source source;
    struct str format;     /* what the body is; ptr NULL: openlineage (never after decoding) */
    struct str principal;  /* ptr NULL: none */
    struct str emitter_id; /* ptr NULL: none; then epoch and sequence are not meant */
    int64_t emitter_epoch;
    int64_t emitter_sequence;
    const struct lineage_gap *gaps; /* of this emitter and epoch */
    uint32_t gap_count;
    int32_t redactions;
    struct str idempotency_key; /* ptr NULL: none */
    struct str body;
};

/* "http", "kafka", "emitter", "file". */
const char *lineage_source_name(enum lineage_source source);

/* Event id of a body (design: Identity). */
struct id128 lineage_event_id(struct str body);

#endif
