/* cloudevents_data.h - the data of a CloudEvent: what its media type means here, and its bytes where an event in JSON
 * holds them as base64 (CloudEvents JSON format 1.0.2, 3.1: data_base64). Pure functions. */
#ifndef METAOPS_INGEST_CLOUDEVENTS_DATA_H
#define METAOPS_INGEST_CLOUDEVENTS_DATA_H

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

enum cloudevents_data {
    CLOUDEVENTS_DATA_JSON, /* it says so, or says nothing */
    CLOUDEVENTS_DATA_PROTOBUF,
    CLOUDEVENTS_DATA_OTHER
};

/* A content type, in any case, with or without parameters. */
enum cloudevents_data cloudevents_data_kind(struct str content_type);

/* The bytes that coded holds, in arena, followed by JSON_PADDING_BYTES; padding as RFC 4648 demands it, nothing else
 * between. REJECT with its place when it is no text of base64, RETRY when the arena is full. */
MUST_CHECK enum verdict cloudevents_data_decode(const struct json_doc *doc,
                                                const struct json_value *coded, struct arena *arena,
                                                struct str *out_bytes, struct json_fault *fault,
                                                struct err *err);

#endif
