/* payload_attributes.h - the attributes of CloudEvents that say which prediction a payload is of, and
 * the one body into which all modes are folded.
 *
 * The names are those of Seldon Core's and KServe's payload loggers (CloudEvents 1.0) and of MLServer
 * (0.3): what is kept of both versions has the same names. Other attributes are left out: some hold
 * headers of the caller, some differ each time the same event is sent. Pure functions, thread-safe. */
#ifndef METAOPS_SCHEMAS_PAYLOAD_ATTRIBUTES_H
#define METAOPS_SCHEMAS_PAYLOAD_ATTRIBUTES_H

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

enum payload_attribute {
    PAYLOAD_SPECVERSION,
    PAYLOAD_TYPE,
    PAYLOAD_SOURCE,
    PAYLOAD_ID,
    PAYLOAD_TIME,
    PAYLOAD_NAMESPACE,
    PAYLOAD_SERVICE,
    PAYLOAD_ENDPOINT,
    PAYLOAD_COMPONENT,
    PAYLOAD_MODEL,
    PAYLOAD_REQUEST,
    PAYLOAD_PROTOCOL,
    PAYLOAD_ATTRIBUTES
};

/* By enum payload_attribute; ptr NULL or empty: not there. */
struct payload_attributes {
    struct str values[PAYLOAD_ATTRIBUTES];
};

/* As it stands in structured mode. */
const char *payload_attribute_name(enum payload_attribute attribute);

/* name in any case; PAYLOAD_ATTRIBUTES for one that is not kept. */
enum payload_attribute payload_attribute_find(struct str name);

/* The attributes of an event in structured mode. REJECT with the place when the root is no object or
 * one that is kept is no text; RETRY when the arena is full. */
MUST_CHECK enum verdict payload_attributes_read(const struct json_doc *doc, struct arena *arena,
                                                struct payload_attributes *out_attributes,
                                                struct json_fault *fault, struct err *err);

/* One object in structured mode of CloudEvents 1.0 (what was 0.3 becomes it), in the order of enum payload_attribute, with the
 * bytes of data (JSON, not looked at) as its last member, which begins at *out_data_at. Followed by
 * JSON_PADDING_BYTES readable bytes. ptr NULL when the arena is full. */
struct str payload_attributes_fold(const struct payload_attributes *attributes, struct str data,
                                   struct arena *arena, size_t *out_data_at);

#endif
