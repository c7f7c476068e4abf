/* inference_wire.h - messages of the Open Inference Protocol (version 2) in protobuf, ModelInferRequest and
 * ModelInferResponse, turned into the protocol's JSON.
 *
 * It is done where a message enters, so that what is behind (redaction, identity, windows, detectors) reads one form
 * only. Bounded as inference_read, and stricter than protobuf asks: what two readers could understand in two ways
 * (a field given twice, contents of two kinds) is refused. Unknown fields are passed over. Pure functions, thread-safe. */
#ifndef METAOPS_SCHEMAS_INFERENCE_WIRE_H
#define METAOPS_SCHEMAS_INFERENCE_WIRE_H

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

/* message without the six bytes that a schema registry's serializer puts in front: 00, the schema's id (4 bytes),
 * 00 for the first message of the schema. A message of the protocol never begins with 00. */
struct str inference_wire_unframed(struct str message);

/* message as JSON of at most about bytes_max bytes, in arena, followed by JSON_PADDING_BYTES. Data in raw form is read by its
 * datatype. Bytes that are no text, and raw data of a datatype that the protocol does not name, are base64. REJECT with
 * the place in fault (offset in message, no pointer); RETRY when the arena is full. */
MUST_CHECK enum verdict inference_wire_to_json(struct str message, bool is_answer, size_t bytes_max,
                                               struct arena *arena, struct str *out_json,
                                               struct json_fault *fault, struct err *err);

#endif
