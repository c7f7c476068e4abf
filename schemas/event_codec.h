/* event_codec.h - struct lineage_event <-> framed Avro bytes, every released version.
 *
 * Written by hand for our own schemas, because avro-c's generic values cost 70-95 microseconds an
 * event and believe lengths; a test holds both equal. Framing: see framing.h. A codec holds zstd
 * contexts and buffers: one per thread. */
#ifndef METAOPS_SCHEMAS_EVENT_CODEC_H
#define METAOPS_SCHEMAS_EVENT_CODEC_H

#include <stddef.h>

#include "core/arena.h"
#include "core/err.h"
#include "schemas/lineage_event.h"

struct event_codec;
struct framing;

/* body_bytes_max (at most INT32_MAX counts) bounds what encode takes and what decode inflates to.
 * NULL when memory is short. */
struct event_codec *event_codec_new(size_t body_bytes_max);

/* From now on records are framed as framing (which outlives the codec; NULL allowed) has it, and its
 * verdicts are added to those of encode and decode. */
void event_codec_use_framing(struct event_codec *codec, struct framing *framing);

/* Encodes with the newest schema and compresses the body where that makes it smaller (and, above 64 KiB, not
 * more than 256 times so: decode takes such a body for a bomb). *out_bytes
 * is malloc'd, the caller's. RETRY when memory is short; REJECT for what decode would refuse: a
 * body of more than body_bytes_max bytes, a text (principal, emitter_id, idempotency_key) that is
 * no UTF-8, negative redactions, a received_at_us outside the years 1 to 9999. */
MUST_CHECK enum verdict event_codec_encode(struct event_codec *codec,
                                           const struct lineage_event *ev, void **out_bytes,
                                           size_t *out_len, struct err *err);

/* Decodes any released version. Text of out_ev lies in bytes; the body, always in arena, is
 * followed by 64 readable bytes. Never allocates more than body_bytes_max and those, decided
 * before allocating. The event id is computed from the body, whatever the record says. REJECT with
 * the reason for anything that is no such record; RETRY when memory is short. */
MUST_CHECK enum verdict event_codec_decode(struct event_codec *codec, struct str bytes,
                                           struct arena *arena, struct lineage_event *out_ev,
                                           struct err *err);

/* NULL is allowed. */
void event_codec_free(struct event_codec *codec);

/* CRC-64-AVRO of a schema in Parsing Canonical Form (Avro specification, "Schema Fingerprints"). */
uint64_t event_codec_fingerprint(struct str canonical_schema);

#endif
