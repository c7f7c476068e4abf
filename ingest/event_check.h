/* event_check.h - one text judged as the gateway judges it: JSON, then what OpenLineage must say.
 * Used by the commands that see events before the gateway does. One thread. */
#ifndef METAOPS_INGEST_EVENT_CHECK_H
#define METAOPS_INGEST_EVENT_CHECK_H

#include "core/json.h"
#include "schemas/kube_audit.h"
#include "schemas/kube_watch.h"
#include "schemas/openlineage.h"
#include "schemas/payload_attributes.h"
#include "schemas/payload_event.h"
#include "schemas/registry_event.h"
#include "schemas/unread_record.h"

struct event_check;
struct settings;

/* Depth, values and bytes are bounded by the ingest settings. NULL when memory is short. */
struct event_check *event_check_new(const struct settings *st);

/* text is followed by JSON_PADDING_BYTES readable bytes. OK with out_ev, valid until the next call;
 * REJECT with the place; RETRY when memory is short. */
MUST_CHECK enum verdict event_check_text(struct event_check *check, struct str text,
                                         struct openlineage_event *out_ev,
                                         struct json_fault *out_fault, struct err *err);

/* Takes the secrets out of *inout_text, which event_check_text has just judged OK: then
 * *inout_text (valid until the next event_check_text) and *inout_ev are what is left. OK; RETRY when
 * memory is short; REJECT when what is left cannot be judged OK. */
MUST_CHECK enum verdict event_check_redact(struct event_check *check, struct str *inout_text,
                                           struct openlineage_event *inout_ev, struct err *err);

/* An event about a prediction as it came. */
struct payload_source {
    const struct payload_attributes *attributes; /* of binary mode; NULL: structured mode */
    struct str metadata; /* of binary mode: KServe's JSON of headers of the request; empty: none */
    bool
        is_protobuf; /* the data of binary mode, of the Open Inference Protocol (inference_wire.h) */
    struct str
        body; /* the data, or the whole event; followed by JSON_PADDING_BYTES readable bytes */
};

/* The same for an event about a prediction: *out_text is what is stored of it, folded and without
 * secrets, *out_ev what that says; both valid until the next call. The place of a fault is one in the body; where a
 * protobuf body can be read, but not what it says, the body's begin and the place in the JSON that it stands for; in
 * data_base64, which is taken where there is no data, where that begins. */
MUST_CHECK enum verdict event_check_payload(struct event_check *check,
                                            const struct payload_source *source,
                                            struct str *out_text, struct payload_event *out_ev,
                                            struct json_fault *out_fault, struct err *err);

/* The same for a delivery of MLflow about models of namespace_. */
MUST_CHECK enum verdict event_check_registry(struct event_check *check, struct str namespace_,
                                             struct str body, struct str *out_text,
                                             struct registry_event *out_ev,
                                             struct json_fault *out_fault, struct err *err);

/* The same for an item of a list of audit events of that cluster. */
MUST_CHECK enum verdict event_check_audit(struct event_check *check, struct str cluster,
                                          struct str item, struct str *out_text,
                                          struct kube_audit *out_audit,
                                          struct json_fault *out_fault, struct err *err);

/* The same for an event of a watch, read from an object of another doc. */
MUST_CHECK enum verdict event_check_watch(struct event_check *check,
                                          const struct kube_watch_source *source,
                                          struct str *out_text, struct kube_watch *out_watch,
                                          struct json_fault *out_fault, struct err *err);

/* The body of a record about what could not be used, without secrets as far as they can be seen; its value is REDACT_MARK
 * alone where it may not be kept, or takes more memory than an event may. *out_text is valid until the next call. OK,
 * or RETRY when memory is short. */
MUST_CHECK enum verdict event_check_unread(struct event_check *check,
                                           const struct unread_record *unread, struct str *out_text,
                                           struct err *err);

/* What out_ev points into. */
const struct json_doc *event_check_doc(const struct event_check *check);

/* NULL is allowed. */
void event_check_free(struct event_check *check);

#endif
