/* poll_record.h - what a record of another system's topic says of a prediction: the attributes of CloudEvents that the
 * door of CloudEvents would have got. Pure functions.
 *
 * Seldon Core v2   namespace and model or pipeline from the topic, request id from the header x-request-id, pipeline of
 *                  a model from the header pipeline; bodies of the Open Inference Protocol in protobuf or JSON. A record
 *                  of the topic of errors is an answer that is an error.
 * Seldon Core v1   headers with the names of the attributes
 * MLServer         answers: headers ce-NAME; requests: the model from mlserver-model, the request id from the key
 *
 * Where a header comes several times the first one counts. Time is that of the record where it says none, unless that is beyond
 * the year 9999. */
#ifndef METAOPS_INGEST_POLL_RECORD_H
#define METAOPS_INGEST_POLL_RECORD_H

#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "ingest/event_check.h"

/* More are not looked at. */
#define POLL_HEADERS_MAX 64

struct settings;

struct poll_header {
    struct str name;
    struct str value;
};

struct poll_record {
    struct str topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct str key;
    struct str value;
    const struct poll_header *headers;
    size_t header_count;
};

/* The topic must be one that the settings of poll switch on. Texts lie in the record or in arena, attributes of
 * out_source are out_attributes. REJECT with the reason in err when the record names no prediction, RETRY when the
 * arena is full. */
MUST_CHECK enum verdict poll_record_read(const struct settings *st,
                                         const struct poll_record *record, struct arena *arena,
                                         struct payload_attributes *out_attributes,
                                         struct payload_source *out_source, struct err *err);

#endif
