#include "schemas/payload_event.h"

#include <stdio.h>

#include "core/timebase.h"
#include "schemas/cloud_event.h"
#include "schemas/identity.h"
#include "schemas/payload_attributes.h"

/* Names are shown and indexed; nobody means longer ones. */
#define NAME_BYTES_MAX 1024

/* Behind which prefix is the sender's matter: io.seldon.serving, org.kubeflow.serving, ... */
static const struct {
    const char *ending;
    enum payload_kind kind;
} kinds[] = {
    {".inference.request", PAYLOAD_IS_REQUEST}, {".inference.response", PAYLOAD_IS_ANSWER},
    {".feedback", PAYLOAD_IS_FEEDBACK},         {".drift", PAYLOAD_IS_DRIFT},
    {".outlier", PAYLOAD_IS_OUTLIER},
};

static enum verdict refuse(const struct json_doc *doc, enum payload_attribute attribute,
                           const char *reason, struct json_fault *fault, struct err *err)
{
    const struct json_value *root = json_root(doc);
    const char *name = payload_attribute_name(attribute);
    const struct json_value *value = json_get(doc, root, str_view(name));
    char text[96];

    snprintf(text, sizeof(text), "%s %s", name, reason);
    return cloud_event_refuse(doc, value ? value : root, text, fault, err);
}

/* What CloudEvents demands, and what a prediction cannot be placed without. */
static enum verdict check_attributes(const struct json_doc *doc,
                                     const struct payload_attributes *attributes,
                                     struct json_fault *fault, struct err *err)
{
    static const enum payload_attribute needed[] = {PAYLOAD_SPECVERSION, PAYLOAD_TYPE,
                                                    PAYLOAD_SOURCE, PAYLOAD_ID, PAYLOAD_SERVICE};
    struct str version = attributes->values[PAYLOAD_SPECVERSION];

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (attributes->values[needed[i]].len == 0) {
            return refuse(doc, needed[i], "is missing", fault, err);
        }
    }
    for (int i = 0; i < PAYLOAD_ATTRIBUTES; i++) {
        if (attributes->values[i].len > NAME_BYTES_MAX) {
            return refuse(doc, (enum payload_attribute)i, "is too long", fault, err);
        }
    }
    return str_eq(version, STR("1.0")) || str_eq(version, STR("0.3"))
               ? OK
               : refuse(doc, PAYLOAD_SPECVERSION, "must be 1.0 or 0.3", fault, err);
}

bool payload_event_kind(struct str type, enum payload_kind *out_kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].ending);
        if (type.len > len && memcmp(type.ptr + type.len - len, kinds[i].ending, len) == 0) {
            *out_kind = kinds[i].kind;
            return !str_starts(type, CLOUD_EVENT_OWN_TYPES);
        }
    }
    return false;
}

static struct str either(struct str text, struct str other)
{
    return text.len > 0 ? text : other.len > 0 ? other : STR("");
}

static struct id128 event_id_of(const struct json_doc *doc, const struct payload_event *event)
{
    struct id128 digest = identity_digest(json_raw(doc, event->data));
    const struct str parts[] = {event->type,
                                event->namespace_,
                                event->service,
                                event->endpoint,
                                event->model,
                                event->request_id,
                                {(const char *)digest.bytes, sizeof(digest.bytes)},
                                event->source};
    size_t count = sizeof(parts) / sizeof(parts[0]);

    return identity_of(STR("payload"), parts, payload_event_is_about(event) ? count : count - 1);
}

enum verdict payload_event_read(const struct json_doc *doc, struct arena *arena,
                                struct payload_event *out_event, struct json_fault *fault,
                                struct err *err)
{
    struct payload_attributes at;
    struct payload_event event = {.time_us = PAYLOAD_NO_TIME};
    enum verdict verdict = payload_attributes_read(doc, arena, &at, fault, err);

    if (verdict == OK) {
        verdict = check_attributes(doc, &at, fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    event.type = at.values[PAYLOAD_TYPE];
    if (!payload_event_kind(event.type, &event.kind)) {
        return refuse(doc, PAYLOAD_TYPE, "is none that is taken here", fault, err);
    }
    event.source = at.values[PAYLOAD_SOURCE];
    if (at.values[PAYLOAD_TIME].len > 0 &&
        !timebase_parse(at.values[PAYLOAD_TIME], &event.time_us)) {
        return refuse(doc, PAYLOAD_TIME, "must be a time", fault, err);
    }
    event.data = json_get(doc, json_root(doc), STR("data"));
    if (!event.data || event.data->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, event.data ? event.data : json_root(doc),
                                  "data must be a JSON object", fault, err);
    }
    event.namespace_ = either(at.values[PAYLOAD_NAMESPACE], STR(""));
    event.service = at.values[PAYLOAD_SERVICE];
    event.endpoint = either(at.values[PAYLOAD_ENDPOINT], at.values[PAYLOAD_COMPONENT]);
    event.model = either(at.values[PAYLOAD_MODEL], event.service);
    event.request_id = either(at.values[PAYLOAD_REQUEST], at.values[PAYLOAD_ID]);
    event.event_id = event_id_of(doc, &event);
    *out_event = event;
    return OK;
}

static enum verdict read_reply(const struct json_doc *doc, const struct payload_event *event,
                               struct arena *arena, struct inference_message *out_message,
                               struct json_fault *fault, struct err *err)
{
    struct inference_message message = {.id = STR(""), .model_version = STR("")};
    enum verdict verdict = detector_answer_of_reply(
        doc, event->data, event->kind == PAYLOAD_IS_DRIFT ? DETECTOR_DRIFT : DETECTOR_OUTLIER,
        arena, &message.detector, fault, err);

    if (verdict == OK) {
        *out_message = message;
    }
    return verdict;
}

enum verdict payload_event_message(const struct json_doc *doc, const struct payload_event *event,
                                   struct arena *arena, struct inference_message *out_message,
                                   struct json_fault *fault, struct err *err)
{
    if (event->kind == PAYLOAD_IS_FEEDBACK) {
        return inference_read_feedback(doc, event->data, out_message, fault, err);
    }
    if (payload_event_is_about(event)) {
        return read_reply(doc, event, arena, out_message, fault, err);
    }
    enum verdict verdict = inference_read(doc, event->data, event->kind == PAYLOAD_IS_ANSWER, arena,
                                          out_message, fault, err);
    if (verdict == OK && str_starts(event->source, PAYLOAD_SELDON_V2_SOURCES)) {
        out_message->model_version = STR("");
    }
    return verdict == OK && event->kind == PAYLOAD_IS_ANSWER
               ? detector_answer_of_tensors(doc, event->data, out_message, arena,
                                            &out_message->detector, err)
               : verdict;
}

bool payload_event_is_about(const struct payload_event *event)
{
    return event->kind == PAYLOAD_IS_DRIFT || event->kind == PAYLOAD_IS_OUTLIER;
}

struct id128 payload_event_key(const struct payload_event *event)
{
    return identity_digest(event->request_id);
}

struct id128 payload_event_model(const struct payload_event *event)
{
    const struct str parts[] = {event->namespace_, event->model};

    return identity_of(STR("model"), parts, 2);
}

struct id128 payload_event_deployment(const struct payload_event *event)
{
    const struct str parts[] = {event->namespace_, event->service};

    return identity_of(STR("deployment"), parts, 2);
}

struct id128 payload_event_stream(const struct payload_event *event)
{
    const struct str parts[] = {event->namespace_, event->service, event->endpoint, event->model};

    return identity_of(STR("stream"), parts, 4);
}

struct id128 payload_event_monitor(const struct payload_event *event)
{
    const struct str parts[] = {event->namespace_,
                                payload_event_is_about(event) ? event->source : STR(""),
                                event->service, event->endpoint, event->model};

    return identity_of(STR("monitor"), parts, 5);
}

struct id128 payload_event_pair(const struct payload_event *event)
{
    struct id128 stream = payload_event_stream(event);
    const struct str parts[] = {{(const char *)stream.bytes, sizeof(stream.bytes)},
                                event->request_id};

    return identity_of(STR("pair"), parts, 2);
}
