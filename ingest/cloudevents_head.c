#include "ingest/cloudevents_head.h"

#include "core/ascii.h"

#define PREFIX "ce-"

enum cloudevents_mode cloudevents_head_mode(const struct http_head *head)
{
    if (http_head_has_type(head, "application/cloudevents+json")) {
        return CLOUDEVENTS_STRUCTURED;
    }
    if (http_head_has_type(head, "application/cloudevents-batch+json")) {
        return CLOUDEVENTS_BATCH;
    }
    return http_head_get(head, PREFIX "specversion").ptr ? CLOUDEVENTS_BINARY : CLOUDEVENTS_NONE;
}

/* What is no percent encoding stays as it is. ptr NULL when the arena is full. */
static struct str percent_decoded(struct str text, struct arena *arena)
{
    size_t len = 0;

    if (!memchr(text.ptr, '%', text.len)) {
        return text;
    }
    char *out = arena_alloc(arena, text.len);
    for (size_t i = 0; out && i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? ascii_hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(text.ptr[i + 2]) : -1;
        out[len++] = low >= 0 ? (char)(high << 4 | low) : text.ptr[i];
        i += low >= 0 ? 2 : 0;
    }
    return (struct str){out, len};
}

bool cloudevents_head_read(const struct http_head *head, struct arena *arena,
                           struct payload_attributes *out_attributes, const char **out_reason)
{
    struct payload_attributes attributes = {0};
    size_t prefix = strlen(PREFIX);

    for (int i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name;
        if (name.len <= prefix || !ascii_eq_caseless(name.ptr, PREFIX, prefix)) {
            continue;
        }
        enum payload_attribute at =
            payload_attribute_find((struct str){name.ptr + prefix, name.len - prefix});
        if (at == PAYLOAD_ATTRIBUTES) {
            continue;
        }
        if (attributes.values[at].ptr) {
            *out_reason = "an attribute of CloudEvents comes twice";
            return false;
        }
        attributes.values[at] = percent_decoded(head->headers[i].value, arena);
        if (!attributes.values[at].ptr) {
            *out_reason = "the attributes of CloudEvents are too long";
            return false;
        }
    }
    *out_attributes = attributes;
    return true;
}
