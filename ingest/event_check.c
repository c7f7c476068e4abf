#include "ingest/event_check.h"

#include <stdlib.h>

#include "core/ascii.h"
#include "core/settings.h"
#include "ingest/cloudevents_data.h"
#include "schemas/cloud_event.h"
#include "schemas/inference_wire.h"
#include "schemas/redact.h"

#define ARENA_KEEP_BYTES ((size_t)1 << 20)
#define REQUEST_ID_BYTES_MAX 255

struct event_check {
    struct json_doc *doc;
    struct arena *arena;
    struct redact *redact;
    size_t body_bytes_max;
};

struct event_check *event_check_new(const struct settings *st)
{
    struct event_check *check = calloc(1, sizeof(*check));

    if (!check) {
        return NULL;
    }
    check->doc =
        json_doc_new((uint32_t)st->ingest.json_depth_max, (uint32_t)st->ingest.json_values_max);
    check->body_bytes_max = (size_t)st->ingest.body_bytes_max;
    /* Decoded names are shorter than the text; the arrays of inputs and outputs may be longer. */
    check->arena = arena_new(8 * (size_t)st->ingest.body_bytes_max + ARENA_KEEP_BYTES);
    struct err err;
    enum verdict verdict =
        redact_new(st->redact.environment_allow, strcmp(st->redact.sql_literals, "on") == 0,
                   &check->redact, &err);
    if (verdict != OK || !check->doc || !check->arena) {
        event_check_free(check);
        return NULL;
    }
    return check;
}

enum verdict event_check_text(struct event_check *check, struct str text,
                              struct openlineage_event *out_ev, struct json_fault *out_fault,
                              struct err *err)
{
    arena_reset(check->arena, ARENA_KEEP_BYTES);
    enum verdict verdict = json_parse(check->doc, text, out_fault, err);
    if (verdict != OK) {
        return verdict;
    }
    return openlineage_read(check->doc, check->arena, out_ev, out_fault, err);
}

enum verdict event_check_redact(struct event_check *check, struct str *inout_text,
                                struct openlineage_event *inout_ev, struct err *err)
{
    struct str text = *inout_text;
    enum verdict verdict = redact_event(check->redact, check->doc, check->arena, &text, err);

    if (verdict == OK && text.ptr != inout_text->ptr) {
        verdict = openlineage_read(check->doc, check->arena, inout_ev, NULL, err);
        *inout_text = text;
    }
    return verdict;
}

/* What doc says, and whether its data can be read. */
static enum verdict event_check_judge(struct event_check *check, struct payload_event *out_ev,
                                      struct json_fault *out_fault, struct err *err)
{
    struct inference_message message;
    enum verdict verdict = payload_event_read(check->doc, check->arena, out_ev, out_fault, err);

    return verdict == OK
               ? payload_event_message(check->doc, out_ev, check->arena, &message, out_fault, err)
               : verdict;
}

/* The fault of a folded text as one of the member that begins at data_at. */
static void place_in_data(struct json_fault *fault, const char *member, size_t data_at,
                          size_t data_len)
{
    size_t len = 1 + strlen(member);

    if (fault->pointer[0] == '/' && strncmp(fault->pointer + 1, member, len - 1) == 0) {
        memmove(fault->pointer, fault->pointer + len, strlen(fault->pointer + len) + 1);
    }
    fault->offset = fault->offset > data_at ? fault->offset - data_at : 0;
    fault->offset = fault->offset < data_len ? fault->offset : data_len;
}

/* The text around a body in binary mode must not be ended by it: `{},"type":"x"` is no data. */
static bool is_one_value(const struct event_check *check, const char *member, size_t data_at,
                         size_t data_len)
{
    const struct json_value *data = json_get(check->doc, json_root(check->doc), str_view(member));

    return data && data->offset == data_at && data->len == data_len;
}

/* Of an object of headers the value of one, which is a list; ptr NULL: none, or no text of a sensible length. */
static struct str find_header(const struct json_doc *doc, struct str name, struct arena *arena)
{
    const struct json_value *root = json_root(doc);
    struct str found = {NULL, 0};
    struct err err;

    for (const struct json_value *key = root && root->type == JSON_OBJECT ? json_first(doc, root)
                                                                          : NULL;
         key && !found.ptr; key = json_next(doc, root, key + 1)) {
        const struct json_value *value = key + 1;
        struct str raw = json_raw(doc, key);
        value = value->type == JSON_ARRAY ? json_first(doc, value) : value;
        if (raw.len == name.len + 2 && ascii_eq_caseless(raw.ptr + 1, name.ptr, name.len) &&
            value && value->type == JSON_STRING && value->len <= REQUEST_ID_BYTES_MAX &&
            json_string(doc, value, arena, &found, &err) != OK) {
            return (struct str){NULL, 0};
        }
    }
    return found;
}

/* KServe names the request as its caller did in one of the headers that it passes on; the others may hold secrets and
 * go no further. What cannot be read names nothing. */
static enum verdict name_request(struct event_check *check, struct str metadata,
                                 struct payload_attributes *attributes, struct err *err)
{
    char *text = arena_alloc(check->arena, metadata.len + JSON_PADDING_BYTES);

    if (!text) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    memcpy(text, metadata.ptr, metadata.len);
    memset(text + metadata.len, 0, JSON_PADDING_BYTES);
    enum verdict verdict = json_parse(check->doc, (struct str){text, metadata.len}, NULL, err);
    if (verdict != OK) {
        return verdict == REJECT ? OK : verdict;
    }
    struct str found = find_header(check->doc, STR("x-request-id"), check->arena);
    if (found.ptr) {
        attributes->values[PAYLOAD_REQUEST] = found;
    }
    return OK;
}

/* A body in binary mode, data of which are the JSON that its bytes stand for. */
static enum verdict event_check_data(struct event_check *check, const struct payload_source *source,
                                     struct str data, struct str *out_text,
                                     struct payload_event *out_ev, struct json_fault *out_fault,
                                     struct err *err)
{
    size_t data_at = 0;
    struct payload_attributes attributes = *source->attributes;
    enum verdict verdict = OK;

    if (attributes.values[PAYLOAD_REQUEST].len == 0 && source->metadata.len > 0) {
        verdict = name_request(check, source->metadata, &attributes, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    struct str text = payload_attributes_fold(&attributes, data, check->arena, &data_at);
    if (!text.ptr) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    verdict = json_parse(check->doc, text, out_fault, err);
    if (verdict == OK && !is_one_value(check, "data", data_at, data.len)) {
        *out_fault = (struct json_fault){.reason = "must be one JSON object"};
        verdict = err_set(err, REJECT, "event_check", "must be one JSON object");
    } else if (verdict == OK) {
        verdict = event_check_judge(check, out_ev, out_fault, err);
    }
    if (verdict == REJECT) {
        place_in_data(out_fault, "data", data_at, data.len);
    }
    *out_text = text;
    return verdict;
}

static enum verdict event_check_binary(struct event_check *check,
                                       const struct payload_source *source, struct str *out_text,
                                       struct payload_event *out_ev, struct json_fault *out_fault,
                                       struct err *err)
{
    struct str data = str_trim(source->body, " \t\r\n");
    enum verdict verdict = event_check_data(check, source, data, out_text, out_ev, out_fault, err);

    if (verdict == REJECT) {
        out_fault->offset += (size_t)(data.ptr - source->body.ptr);
    }
    return verdict;
}

/* The last text does not say what became of a body that is no text: nothing of it can be read yet. */
static void forget_text(struct event_check *check)
{
    static const char nothing[JSON_PADDING_BYTES];
    enum verdict verdict = json_parse(check->doc, (struct str){nothing, 0}, NULL, NULL);

    (void)verdict;
}

static enum verdict event_check_protobuf(struct event_check *check,
                                         const struct payload_source *source, struct str *out_text,
                                         struct payload_event *out_ev, struct json_fault *out_fault,
                                         struct err *err)
{
    struct str message = inference_wire_unframed(source->body);
    enum payload_kind kind;
    struct str data;

    forget_text(check);
    if (!payload_event_kind(source->attributes->values[PAYLOAD_TYPE], &kind) ||
        (kind != PAYLOAD_IS_REQUEST && kind != PAYLOAD_IS_ANSWER)) {
        *out_fault = (struct json_fault){.reason = "only a request or an answer can be protobuf"};
        return err_set(err, REJECT, "event_check", "%s", out_fault->reason);
    }
    enum verdict verdict =
        inference_wire_to_json(message, kind == PAYLOAD_IS_ANSWER, check->body_bytes_max,
                               check->arena, &data, out_fault, err);
    if (verdict != OK) {
        out_fault->offset += source->body.len - message.len;
        return verdict;
    }
    verdict = event_check_data(check, source, data, out_text, out_ev, out_fault, err);
    if (verdict == REJECT) {
        out_fault->offset = 0;
    }
    return verdict;
}

/* An event in structured mode whose data are bytes: as the same in binary mode. A place in them is that of their text. */
static enum verdict event_check_coded(struct event_check *check, const struct json_value *coded,
                                      struct str *out_text, struct payload_event *out_ev,
                                      struct json_fault *out_fault, struct err *err)
{
    const struct json_value *root = json_root(check->doc);
    const struct json_value *type = json_get(check->doc, root, STR("datacontenttype"));
    struct str content_type = {NULL, 0};
    struct payload_attributes attributes;
    struct payload_source source = {.attributes = &attributes};
    size_t coded_at = coded->offset;
    enum verdict verdict =
        payload_attributes_read(check->doc, check->arena, &attributes, out_fault, err);

    if (verdict == OK && type && type->type == JSON_STRING) {
        verdict = json_string(check->doc, type, check->arena, &content_type, err);
    }
    enum cloudevents_data kind = cloudevents_data_kind(content_type);
    if (verdict == OK && kind == CLOUDEVENTS_DATA_OTHER) {
        return cloud_event_refuse(check->doc, type, "is neither JSON nor protobuf", out_fault, err);
    }
    source.is_protobuf = kind == CLOUDEVENTS_DATA_PROTOBUF;
    if (verdict == OK) {
        verdict =
            cloudevents_data_decode(check->doc, coded, check->arena, &source.body, out_fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    verdict = source.is_protobuf
                  ? event_check_protobuf(check, &source, out_text, out_ev, out_fault, err)
                  : event_check_binary(check, &source, out_text, out_ev, out_fault, err);
    if (verdict == REJECT) {
        out_fault->offset = coded_at;
    }
    return verdict;
}

static enum verdict event_check_structured(struct event_check *check,
                                           const struct payload_source *source,
                                           struct str *out_text, struct payload_event *out_ev,
                                           struct json_fault *out_fault, struct err *err)
{
    struct payload_attributes attributes;
    size_t data_at;
    enum verdict verdict = json_parse(check->doc, source->body, out_fault, err);

    if (verdict == OK) {
        const struct json_value *coded =
            json_get(check->doc, json_root(check->doc), STR("data_base64"));
        if (coded && !json_get(check->doc, json_root(check->doc), STR("data"))) {
            return event_check_coded(check, coded, out_text, out_ev, out_fault, err);
        }
        verdict = event_check_judge(check, out_ev, out_fault, err);
    }
    if (verdict == OK) {
        verdict = payload_attributes_read(check->doc, check->arena, &attributes, out_fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    *out_text = payload_attributes_fold(&attributes, json_raw(check->doc, out_ev->data),
                                        check->arena, &data_at);
    return out_text->ptr ? json_parse(check->doc, *out_text, out_fault, err)
                         : err_set(err, RETRY, "event_check", "the arena is full");
}

enum verdict event_check_payload(struct event_check *check, const struct payload_source *source,
                                 struct str *out_text, struct payload_event *out_ev,
                                 struct json_fault *out_fault, struct err *err)
{
    arena_reset(check->arena, ARENA_KEEP_BYTES);
    enum verdict verdict =
        source->is_protobuf ? event_check_protobuf(check, source, out_text, out_ev, out_fault, err)
        : source->attributes
            ? event_check_binary(check, source, out_text, out_ev, out_fault, err)
            : event_check_structured(check, source, out_text, out_ev, out_fault, err);
    if (verdict == OK) {
        verdict = redact_event(check->redact, check->doc, check->arena, out_text, err);
    }
    return verdict == OK ? payload_event_read(check->doc, check->arena, out_ev, out_fault, err)
                         : verdict;
}

enum verdict event_check_registry(struct event_check *check, struct str namespace_, struct str body,
                                  struct str *out_text, struct registry_event *out_ev,
                                  struct json_fault *out_fault, struct err *err)
{
    arena_reset(check->arena, ARENA_KEEP_BYTES);
    enum verdict verdict = json_parse(check->doc, body, out_fault, err);
    if (verdict == OK) {
        verdict = registry_event_read(check->doc, json_root(check->doc), namespace_, check->arena,
                                      out_ev, out_fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    *out_text =
        registry_event_fold(namespace_, json_raw(check->doc, json_root(check->doc)), check->arena);
    if (!out_text->ptr) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    verdict = json_parse(check->doc, *out_text, out_fault, err);
    if (verdict == OK) {
        verdict = redact_event(check->redact, check->doc, check->arena, out_text, err);
    }
    return verdict == OK ? registry_event_unfold(check->doc, check->arena, out_ev, out_fault, err)
                         : verdict;
}

enum verdict event_check_audit(struct event_check *check, struct str cluster, struct str item,
                               struct str *out_text, struct kube_audit *out_audit,
                               struct json_fault *out_fault, struct err *err)
{
    size_t item_at = 0;

    arena_reset(check->arena, ARENA_KEEP_BYTES);
    struct str text = kube_audit_fold(cluster, item, check->arena, &item_at);
    if (!text.ptr) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    enum verdict verdict = json_parse(check->doc, text, out_fault, err);
    if (verdict == OK && !is_one_value(check, "event", item_at, item.len)) {
        *out_fault = (struct json_fault){.reason = "must be one JSON object"};
        verdict = err_set(err, REJECT, "event_check", "must be one JSON object");
    } else if (verdict == OK) {
        verdict = kube_audit_read(check->doc, check->arena, out_audit, out_fault, err);
    }
    if (verdict == OK) {
        *out_text = text;
        verdict = redact_event(check->redact, check->doc, check->arena, out_text, err);
    }
    if (verdict == REJECT) {
        place_in_data(out_fault, "event", item_at, item.len);
    }
    return verdict == OK ? kube_audit_read(check->doc, check->arena, out_audit, out_fault, err)
                         : verdict;
}

enum verdict event_check_watch(struct event_check *check, const struct kube_watch_source *source,
                               struct str *out_text, struct kube_watch *out_watch,
                               struct json_fault *out_fault, struct err *err)
{
    struct str text;

    arena_reset(check->arena, ARENA_KEEP_BYTES);
    enum verdict verdict = kube_watch_fold(source, check->arena, &text, out_fault, err);
    verdict = verdict == OK ? json_parse(check->doc, text, out_fault, err) : verdict;
    if (verdict == OK) {
        *out_text = text;
        verdict = redact_event(check->redact, check->doc, check->arena, out_text, err);
    }
    return verdict == OK ? kube_watch_read(check->doc, check->arena, out_watch, out_fault, err)
                         : verdict;
}

/* What may be kept of bytes that are no event. */
static enum verdict conceal(struct event_check *check, struct str bytes, struct str *out_bytes,
                            struct err *err)
{
    char *copy = arena_alloc(check->arena, bytes.len + JSON_PADDING_BYTES);
    if (!copy) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    memset(copy + bytes.len, 0, JSON_PADDING_BYTES);
    *out_bytes = (struct str){copy, bytes.len};
    enum verdict verdict = json_parse(check->doc, *out_bytes, NULL, err);
    if (verdict == OK) {
        return redact_event(check->redact, check->doc, check->arena, out_bytes, err);
    }
    if (verdict != REJECT) {
        return verdict;
    }
    *out_bytes = redact_bytes(check->redact, *out_bytes, check->arena);
    return out_bytes->ptr ? OK : err_set(err, RETRY, "event_check", "the arena is full");
}

/* Once more as a whole, as the worker does, so that the id is the one that it finds. */
static enum verdict fold_unread(struct event_check *check, const struct unread_record *unread,
                                struct str *out_text, struct err *err)
{
    struct str text = unread_record_fold(unread, check->arena);
    if (!text.ptr) {
        return err_set(err, RETRY, "event_check", "the arena is full");
    }
    enum verdict verdict = json_parse(check->doc, text, NULL, err);
    if (verdict == OK) {
        verdict = redact_event(check->redact, check->doc, check->arena, &text, err);
    }
    if (verdict == OK) {
        *out_text = text;
    }
    return verdict;
}

enum verdict event_check_unread(struct event_check *check, const struct unread_record *unread,
                                struct str *out_text, struct err *err)
{
    struct unread_record kept = *unread;

    arena_reset(check->arena, ARENA_KEEP_BYTES);
    enum verdict verdict = conceal(check, unread->value, &kept.value, err);
    if (verdict == OK) {
        verdict = fold_unread(check, &kept, out_text, err);
    }
    if (verdict == REJECT || (verdict == RETRY && arena_refusals(check->arena) > 0)) {
        kept.value = STR(REDACT_MARK);
        arena_reset(check->arena, ARENA_KEEP_BYTES);
        verdict = fold_unread(check, &kept, out_text, err);
    }
    return verdict;
}

const struct json_doc *event_check_doc(const struct event_check *check)
{
    return check->doc;
}

void event_check_free(struct event_check *check)
{
    if (!check) {
        return;
    }
    json_doc_free(check->doc);
    arena_free(check->arena);
    redact_free(check->redact);
    free(check);
}
