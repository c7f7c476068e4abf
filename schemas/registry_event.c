#include "schemas/registry_event.h"

#include <stdio.h>

#include "core/json_escape.h"
#include "schemas/cloud_event.h"
#include "schemas/identity.h"

/* Names are shown and indexed; nobody means longer ones. */
#define NAME_BYTES_MAX 1024

/* The model of every test delivery of MLflow. */
#define TRIAL_NAME "example_model"

static const struct change {
    const char *entity;
    const char *action;
    enum registry_kind kind;
    bool is_gone;
    bool has_version;
} changes[] = {
    {.entity = "registered_model", .action = "created", .kind = REGISTRY_MODEL},
    {.entity = "model_version", .action = "created", .kind = REGISTRY_VERSION, .has_version = true},
    {.entity = "registered_model_tag", .action = "set", .kind = REGISTRY_TAG},
    {.entity = "registered_model_tag", .action = "deleted", .kind = REGISTRY_TAG, .is_gone = true},
    {.entity = "model_version_tag", .action = "set", .kind = REGISTRY_TAG, .has_version = true},
    {.entity = "model_version_tag",
     .action = "deleted",
     .kind = REGISTRY_TAG,
     .is_gone = true,
     .has_version = true},
    {.entity = "model_version_alias",
     .action = "created",
     .kind = REGISTRY_ALIAS,
     .has_version = true},
    {.entity = "model_version_alias", .action = "deleted", .kind = REGISTRY_ALIAS, .is_gone = true},
};

/* One event on its way from text to struct. */
struct reading {
    const struct json_doc *doc;
    struct arena *arena;
    struct json_fault *fault;
    struct err *err;
};

static enum verdict refuse(const struct reading *rd, const struct json_value *value,
                           const char *reason)
{
    return cloud_event_refuse(rd->doc, value, reason, rd->fault, rd->err);
}

/* A member that must be there, unless it may be empty. */
static enum verdict read_text(const struct reading *rd, const struct json_value *object,
                              const char *name, bool is_needed, struct str *out_text)
{
    struct str text = STR("");
    char reason[64];
    enum verdict verdict =
        cloud_event_text(rd->doc, object, name, rd->arena, &text, rd->fault, rd->err);

    if (verdict != OK) {
        return verdict;
    }
    if ((is_needed && text.len == 0) || text.len > NAME_BYTES_MAX) {
        snprintf(reason, sizeof reason, "%s is %s", name, text.len ? "too long" : "missing");
        return refuse(rd, object, reason);
    }
    *out_text = text;
    return OK;
}

static enum verdict find_change(const struct reading *rd, const struct json_value *event,
                                struct change *out_change)
{
    struct str entity;
    struct str action;
    enum verdict verdict = read_text(rd, event, "entity", true, &entity);

    if (verdict == OK) {
        verdict = read_text(rd, event, "action", true, &action);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (str_starts(entity, "prompt")) {
        *out_change = (struct change){.kind = REGISTRY_PROMPT};
        return OK;
    }
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (str_eq(str_view(changes[i].entity), entity) &&
            str_eq(str_view(changes[i].action), action)) {
            *out_change = changes[i];
            return OK;
        }
    }
    return refuse(rd, event, "entity and action are none of a model registry");
}

static enum verdict read_tag(const struct reading *rd, const struct json_value *data,
                             struct registry_event *event)
{
    enum verdict verdict = read_text(rd, data, "key", true, &event->key);
    struct str value = STR("");

    if (verdict == OK && !event->is_gone) {
        verdict = cloud_event_text(rd->doc, data, "value", rd->arena, &value, rd->fault, rd->err);
        event->value = value;
    }
    return verdict;
}

/* An alias is of the model: what it has is a version. */
static enum verdict read_alias(const struct reading *rd, const struct json_value *data,
                               struct registry_event *event)
{
    event->value = event->version;
    event->version = STR("");
    return read_text(rd, data, "alias", true, &event->key);
}

static enum verdict read_made(const struct reading *rd, const struct json_value *data,
                              struct registry_event *event)
{
    struct str source = STR("");
    const struct json_value *tags = json_get(rd->doc, data, STR("tags"));
    enum verdict verdict = read_text(rd, data, "run_id", false, &event->run_id);

    if (verdict == OK) {
        verdict = cloud_event_text(rd->doc, data, "source", rd->arena, &source, rd->fault, rd->err);
    }
    event->source = source;
    event->tags = tags && tags->type == JSON_OBJECT ? tags : NULL;
    return verdict;
}

static enum verdict read_data(const struct reading *rd, const struct json_value *data,
                              const struct change *change, struct registry_event *event)
{
    enum verdict verdict = read_text(rd, data, "name", true, &event->name);

    event->version = STR("");
    if (verdict == OK && change->has_version) {
        verdict = read_text(rd, data, "version", true, &event->version);
    }
    if (verdict != OK || event->kind == REGISTRY_PROMPT) {
        return verdict;
    }
    switch (event->kind) {
    case REGISTRY_TAG:
        return read_tag(rd, data, event);
    case REGISTRY_ALIAS:
        return read_alias(rd, data, event);
    default:
        return read_made(rd, data, event);
    }
}

enum verdict registry_event_read(const struct json_doc *doc, const struct json_value *event,
                                 struct str namespace_, struct arena *arena,
                                 struct registry_event *out_event, struct json_fault *fault,
                                 struct err *err)
{
    const struct reading rd = {.doc = doc, .arena = arena, .fault = fault, .err = err};
    struct registry_event read = {.namespace_ = namespace_, .time_us = CLOUD_EVENT_NO_TIME};
    struct change change = {0};

    if (!event || event->type != JSON_OBJECT) {
        return refuse(&rd, event ? event : json_root(doc), "must be an object");
    }
    enum verdict verdict = find_change(&rd, event, &change);
    if (verdict == OK) {
        verdict = cloud_event_time(doc, event, "timestamp", &read.time_us, fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    const struct json_value *data = json_get(doc, event, STR("data"));
    if (read.time_us == CLOUD_EVENT_NO_TIME || !data || data->type != JSON_OBJECT) {
        return refuse(&rd, event, "needs a timestamp and data");
    }
    read.kind = change.kind;
    read.is_gone = change.is_gone;
    verdict = read_data(&rd, data, &change, &read);
    if (verdict == OK) {
        const struct str parts[] = {read.namespace_, read.name};
        read.model = identity_of(STR("model"), parts, 2);
        read.is_trial = str_eq(read.name, STR(TRIAL_NAME));
        *out_event = read;
    }
    return verdict;
}

static size_t put(char *at, struct str text)
{
    memcpy(at, text.ptr, text.len);
    return text.len;
}

struct str registry_event_fold(struct str namespace_, struct str body, struct arena *arena)
{
    const struct str head = STR("{\"namespace\":\"");
    const struct str middle = STR("\",\"event\":");
    char *text = arena_alloc(arena, head.len + JSON_ESCAPE_BYTES_MAX * namespace_.len + middle.len +
                                        body.len + 1 + JSON_PADDING_BYTES);
    size_t len = 0;

    if (!text) {
        return (struct str){NULL, 0};
    }
    len += put(text + len, head);
    len += json_escape(namespace_, text + len);
    len += put(text + len, middle);
    len += put(text + len, body);
    text[len++] = '}';
    memset(text + len, 0, JSON_PADDING_BYTES);
    return (struct str){text, len};
}

enum verdict registry_event_unfold(const struct json_doc *doc, struct arena *arena,
                                   struct registry_event *out_event, struct json_fault *fault,
                                   struct err *err)
{
    const struct reading rd = {.doc = doc, .arena = arena, .fault = fault, .err = err};
    const struct json_value *root = json_root(doc);
    struct str namespace_;

    if (!root || root->type != JSON_OBJECT) {
        return refuse(&rd, root, "must be an object");
    }
    enum verdict verdict = read_text(&rd, root, "namespace", true, &namespace_);
    return verdict == OK ? registry_event_read(doc, json_get(doc, root, STR("event")), namespace_,
                                               arena, out_event, fault, err)
                         : verdict;
}
