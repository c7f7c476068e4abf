/* registry_event.h - what MLflow's model registry says by its webhooks: models, versions, tags, aliases.
 *
 * A body of MLflow is {entity, action, timestamp, data}; it does not say which registry it is of. So it travels in
 * records of format "mlflow", whose body is {"namespace": ..., "event": BODY}: the namespace is that of the models.
 *
 * Identity: the event id is the digest of that text, as for every event. MLflow makes body, delivery id and time once
 * for a delivery and sends the same bytes again when it tries again, so a retry is the same event. The delivery id
 * would do no better: two webhooks of one registry have two of them, as they have two bodies, and it is not part of what
 * is told. What two deliveries tell of one change is the same, so the graph is, too. */
#ifndef METAOPS_SCHEMAS_REGISTRY_EVENT_H
#define METAOPS_SCHEMAS_REGISTRY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"

#define REGISTRY_FORMAT "mlflow"

enum registry_kind {
    REGISTRY_MODEL,   /* made */
    REGISTRY_VERSION, /* made */
    REGISTRY_TAG,
    REGISTRY_ALIAS,
    REGISTRY_PROMPT /* of no model */
};

struct registry_event {
    enum registry_kind kind;
    bool is_gone;  /* a tag or an alias that was taken away */
    bool is_trial; /* of the model that MLflow makes up for its test deliveries */
    int64_t time_us;
    struct str namespace_;
    struct str name;
    struct str version; /* empty: of the model itself */
    struct str source;  /* of a version: where it is stored, as MLflow names it; empty: not said */
    struct str run_id;  /* of a version: the run of MLflow; empty: none */
    struct str key;     /* of a tag or an alias */
    struct str value;   /* of a tag; the version of an alias */
    const struct json_value *tags; /* of what is made; NULL: none */
    struct id128 model;
};

/* Reads what MLflow sent. Strings are views of doc's text or lie in arena. REJECT with the place of what is missing or
 * wrong, or of an entity that nobody knows; RETRY when the arena is full. */
MUST_CHECK enum verdict registry_event_read(const struct json_doc *doc,
                                            const struct json_value *event, struct str namespace_,
                                            struct arena *arena, struct registry_event *out_event,
                                            struct json_fault *fault, struct err *err);

/* The body of a record about body, one JSON value; followed by JSON_PADDING_BYTES. ptr NULL when the arena is full. */
struct str registry_event_fold(struct str namespace_, struct str body, struct arena *arena);

/* Reads the body of a record. As registry_event_read. */
MUST_CHECK enum verdict registry_event_unfold(const struct json_doc *doc, struct arena *arena,
                                              struct registry_event *out_event,
                                              struct json_fault *fault, struct err *err);

#endif
