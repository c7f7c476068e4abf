/* payload_event.h - an event about one prediction: its request, its answer, feedback on it; what the
 * payload loggers of Seldon Core and KServe send, and MLServer with each answer. Also what a detector of Seldon Core v1 says of
 * predictions: its reply has the names of what it watches.
 *
 * It travels in records of format "payload", whose body is the object of payload_attributes_fold().
 *
 * Identity: an id of CloudEvents is none (a request and its answer have the same one, or the logger
 * makes a new one each time it sends). The event id is a version 5 UUID as those of identity.h, of kind
 * "payload" over type, namespace, service, endpoint, model, request id and the digest of data, of detectors' replies also over
 * the source, which is the detector. */
#ifndef METAOPS_SCHEMAS_PAYLOAD_EVENT_H
#define METAOPS_SCHEMAS_PAYLOAD_EVENT_H

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"
#include "schemas/inference_protocol.h"

#define PAYLOAD_FORMAT "payload"

#define PAYLOAD_NO_TIME INT64_MIN

/* Sources that begin so are topics of Seldon Core v2, whose gateway sends "1" as version of every model: what such an
 * answer says of its version is no statement. */
#define PAYLOAD_SELDON_V2_SOURCES "seldon-v2:"

enum payload_kind {
    PAYLOAD_IS_REQUEST,
    PAYLOAD_IS_ANSWER,
    PAYLOAD_IS_FEEDBACK,
    PAYLOAD_IS_DRIFT,
    PAYLOAD_IS_OUTLIER
};

struct payload_event {
    enum payload_kind kind;
    int64_t time_us; /* PAYLOAD_NO_TIME: not said */
    struct str type;
    struct str source;
    struct str namespace_; /* empty: not said */
    struct str service;    /* what serves: deployment, server or inference service */
    struct str endpoint;   /* empty: not said */
    struct str model;      /* where none is named: the service */
    struct str request_id; /* where none is named: the id of CloudEvents */
    const struct json_value *data;
    struct id128 event_id;
};

/* What a type of CloudEvents says; false for one that is none of these. */
bool payload_event_kind(struct str type, enum payload_kind *out_kind);

/* Reads doc. Strings are views of its text or lie in arena. REJECT with the place of what is missing or
 * wrong; RETRY when the arena is full. */
MUST_CHECK enum verdict payload_event_read(const struct json_doc *doc, struct arena *arena,
                                           struct payload_event *out_event,
                                           struct json_fault *fault, struct err *err);

/* Its data, as inference_read; feedback has no tensors, but a reward; answers and detectors' replies may be a
 * detector's. */
MUST_CHECK enum verdict payload_event_message(const struct json_doc *doc,
                                              const struct payload_event *event,
                                              struct arena *arena,
                                              struct inference_message *out_message,
                                              struct json_fault *fault, struct err *err);

/* Key of its record on Kafka: by request id, so that a request and its answer share a partition. */
struct id128 payload_event_key(const struct payload_event *event);

/* The ids of what it names. */
struct id128 payload_event_model(const struct payload_event *event);
struct id128 payload_event_deployment(const struct payload_event *event);
struct id128 payload_event_stream(const struct payload_event *event);

/* Of the detector whose answer it is: of a reply the sender, else the model itself. */
struct id128 payload_event_monitor(const struct payload_event *event);

/* It is about the predictions of its stream, not one of them. */
bool payload_event_is_about(const struct payload_event *event);

/* Of the request and its answer together. */
struct id128 payload_event_pair(const struct payload_event *event);

#endif
