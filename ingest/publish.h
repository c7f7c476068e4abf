/* publish.h - one event from its JSON to a record on Kafka: check, encode, key, hand over;
 * later the result. Shared by the handlers; any thread, each with parser and codec of its own. */
#ifndef METAOPS_INGEST_PUBLISH_H
#define METAOPS_INGEST_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"

struct door;
struct key;
struct kube_watch_source;
struct publish;
struct settings;
struct emitter_numbers;
struct payload_source;
struct unread_record;
struct visitor;

/* The part of a caller's record that belongs to publishing; it must live until done is called. */
struct publish_record {
    /* Once per record that was handed over, on the producer's thread, quick. As
     * kafka_producer_result. */
    void (*done)(struct publish_record *record, enum verdict verdict, int32_t partition,
                 int64_t offset);
    struct id128 event_id;
    /* For publish alone: what the event took off the limits of its key (NULL: none). */
    struct key *key;
    size_t body_bytes;
    int64_t taken_us;
};

/* Why an event was not handed over. */
struct publish_refusal {
    int status; /* of HTTP: 400 no JSON, 401, 403, 429 by the door, 413, 422 no such event, 503 */
    int retry_after_s;       /* of 429 and 503; 0: none */
    bool has_place;          /* pointer and offset of place are meant */
    struct json_fault place; /* its reason is meant always */
};

/* Starts the producer. Every event passes door, which must outlive the requests; NULL: what comes is
 * read from Kafka by ourselves, and nobody is asked for a key. FATAL for wrong settings. */
MUST_CHECK enum verdict publish_start(const struct settings *st, struct door *door,
                                      struct publish **out_publish, struct err *err);

const struct settings *publish_settings(const struct publish *publish);
struct door *publish_door(const struct publish *publish);

/* 0 when the request may come in, else the seconds for Retry-After. */
int publish_retry_after_s(struct publish *publish);

/* What the sender's headers say about an event. */
struct publish_note {
    struct str idempotency_key;            /* ptr NULL: none */
    const struct emitter_numbers *numbers; /* of the request */
    size_t index;                          /* of the event in the request */
};

/* An event of visitor, if the door lets it pass. body is followed by JSON_PADDING_BYTES readable
 * bytes and may be gone after the call. True: handed over, done follows (or was called already).
 * False: out_refusal is filled and done is never called. */
MUST_CHECK bool publish_event(struct publish *publish, const struct visitor *visitor,
                              struct str body, const struct publish_note *note,
                              struct publish_record *record, struct publish_refusal *out_refusal);

/* As publish_event for an event about a prediction, which is handed over as event_check_payload makes
 * it; refused with 400 too when its body is no JSON. */
MUST_CHECK bool publish_payload(struct publish *publish, const struct visitor *visitor,
                                const struct payload_source *source, struct publish_record *record,
                                struct publish_refusal *out_refusal);

enum registry_use { REGISTRY_KEPT, REGISTRY_IS_PROMPT, REGISTRY_IS_TRIAL };

/* As publish_event for a delivery of MLflow. False with another *out_use than REGISTRY_KEPT is no refusal: there is
 * nothing to hand over, and out_refusal is not filled. */
MUST_CHECK bool publish_registry(struct publish *publish, const struct visitor *visitor,
                                 struct str body, struct publish_record *record,
                                 enum registry_use *out_use, struct publish_refusal *out_refusal);

/* As publish_payload for an item of a list of audit events of cluster; item is followed by JSON_PADDING_BYTES
 * readable bytes. A key with patterns needs one that covers the namespace "kubernetes:" and the cluster's name. */
MUST_CHECK bool publish_audit(struct publish *publish, const struct visitor *visitor,
                              struct str cluster, struct str item, struct publish_record *record,
                              struct publish_refusal *out_refusal);

/* As publish_payload for an event of a watch of Kubernetes. */
MUST_CHECK bool publish_watch(struct publish *publish, const struct visitor *visitor,
                              const struct kube_watch_source *source, struct publish_record *record,
                              struct publish_refusal *out_refusal);

/* What MetaOps says of itself (a CloudEvents text) onto the topic of events. OK: done follows;
 * RETRY: not now, REJECT: never (too large); done is not called then. */
MUST_CHECK enum verdict publish_control(struct publish *publish, struct str body,
                                        struct publish_record *record, struct err *err);

/* What could not be used onto the topic of events, for the worker to make a dead letter of it: its value, which is redacted
 * here, without it where it is too large. OK: done follows; RETRY: not now; REJECT: never; done is not called then. */
MUST_CHECK enum verdict publish_unread(struct publish *publish, const struct unread_record *unread,
                                       struct publish_record *record, struct err *err);

bool publish_is_healthy(struct publish *publish);

/* Does the schema registry, where there is one, know what is written? Else the reason. */
bool publish_has_schemas(struct publish *publish, char *reason, size_t size);

/* Waits up to timeout_ms for pending records; the rest is done with RETRY. */
void publish_stop(struct publish *publish, int timeout_ms);

/* After stop. NULL is allowed. */
void publish_free(struct publish *publish);

#endif
