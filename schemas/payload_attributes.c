#include "schemas/payload_attributes.h"

#include "core/ascii.h"
#include "core/json_escape.h"
#include "schemas/cloud_event.h"

static const char *const names[PAYLOAD_ATTRIBUTES] = {
    [PAYLOAD_SPECVERSION] = "specversion",      /* 1.0, or MLServer's 0.3 */
    [PAYLOAD_TYPE] = "type",                    /* all */
    [PAYLOAD_SOURCE] = "source",                /* all */
    [PAYLOAD_ID] = "id",                        /* all, each with another meaning */
    [PAYLOAD_TIME] = "time",                    /* not MLServer */
    [PAYLOAD_NAMESPACE] = "namespace",          /* MLServer: only inside of Kubernetes */
    [PAYLOAD_SERVICE] = "inferenceservicename", /* all; MLServer: name of the server */
    [PAYLOAD_ENDPOINT] = "endpoint",            /* Seldon: predictor; MLServer: model */
    [PAYLOAD_COMPONENT] = "component",          /* KServe: predictor, transformer, explainer */
    [PAYLOAD_MODEL] = "modelid",                /* not KServe */
    [PAYLOAD_REQUEST] = "requestid",            /* not KServe */
    [PAYLOAD_PROTOCOL] = "protocol",            /* Seldon */
};

const char *payload_attribute_name(enum payload_attribute attribute)
{
    return names[attribute];
}

enum payload_attribute payload_attribute_find(struct str name)
{
    enum payload_attribute at = 0;

    while (at < PAYLOAD_ATTRIBUTES &&
           (strlen(names[at]) != name.len || !ascii_eq_caseless(names[at], name.ptr, name.len))) {
        at++;
    }
    return at;
}

enum verdict payload_attributes_read(const struct json_doc *doc, struct arena *arena,
                                     struct payload_attributes *out_attributes,
                                     struct json_fault *fault, struct err *err)
{
    const struct json_value *root = json_root(doc);
    struct payload_attributes attributes = {0};
    enum verdict verdict = OK;

    if (!root || root->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, root, "must be an object", fault, err);
    }
    for (int i = 0; verdict == OK && i < PAYLOAD_ATTRIBUTES; i++) {
        verdict = cloud_event_text(doc, root, names[i], arena, &attributes.values[i], fault, err);
    }
    if (verdict == OK) {
        *out_attributes = attributes;
    }
    return verdict;
}

static size_t put(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return len;
}

struct str payload_attributes_fold(const struct payload_attributes *attributes, struct str data,
                                   struct arena *arena, size_t *out_data_at)
{
    size_t room = sizeof("{,\"data\":}") + data.len + JSON_PADDING_BYTES;
    size_t len = 0;

    for (int i = 0; i < PAYLOAD_ATTRIBUTES; i++) {
        room += sizeof(",\"\":\"\"") + strlen(names[i]) +
                JSON_ESCAPE_BYTES_MAX * attributes->values[i].len;
    }
    char *text = arena_alloc(arena, room);
    if (!text) {
        return (struct str){NULL, 0};
    }
    for (int i = 0; i < PAYLOAD_ATTRIBUTES; i++) {
        struct str value = attributes->values[i];
        if (i == PAYLOAD_SPECVERSION && str_eq(value, STR("0.3"))) {
            value = STR("1.0");
        }
        if (value.len == 0) {
            continue;
        }
        len += put(text + len, len ? ",\"" : "{\"");
        len += put(text + len, names[i]);
        len += put(text + len, "\":\"");
        len += json_escape(value, text + len);
        len += put(text + len, "\"");
    }
    len += put(text + len, ",\"data\":");
    *out_data_at = len;
    memcpy(text + len, data.ptr, data.len);
    len += data.len;
    len += put(text + len, "}");
    memset(text + len, 0, JSON_PADDING_BYTES);
    return (struct str){text, len};
}
