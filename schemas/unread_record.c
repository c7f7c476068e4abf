#include "schemas/unread_record.h"

#include "schemas/cloud_event.h"
#include "schemas/json_out.h"
#include "schemas/utf8.h"

static void put_text(struct json_out *out, const char *name, struct str text)
{
    json_out_raw(out, name);
    json_out_text(out, text);
}

static void put_number(struct json_out *out, const char *name, int64_t number)
{
    json_out_raw(out, name);
    json_out_int(out, number);
}

static void put_record(struct json_out *out, const struct unread_record *unread)
{
    put_text(out, "{\"topic\":", unread->topic);
    put_number(out, ",\"partition\":", unread->partition);
    put_number(out, ",\"offset\":", unread->offset);
    if (unread->timestamp_ms >= 0) {
        put_number(out, ",\"time\":", unread->timestamp_ms);
    }
    put_text(out, ",\"reason\":", unread->reason);
    if (unread->json_pointer.len > 0) {
        put_text(out, ",\"jsonPointer\":", unread->json_pointer);
    }
    if (unread->byte_offset >= 0) {
        put_number(out, ",\"byteOffset\":", unread->byte_offset);
    }
    put_text(out,
             utf8_is_valid(unread->value) ? ",\"value\":" : ",\"valueBase64\":", unread->value);
    json_out_raw(out, "}");
}

struct str unread_record_fold(const struct unread_record *unread, struct arena *arena)
{
    struct json_out out = {0};

    put_record(&out, unread);
    char *text = arena_alloc(arena, out.len + JSON_PADDING_BYTES);
    if (!text) {
        return (struct str){NULL, 0};
    }
    out = (struct json_out){.text = text};
    put_record(&out, unread);
    memset(text + out.len, 0, JSON_PADDING_BYTES);
    return (struct str){text, out.len};
}

enum verdict unread_record_read(const struct json_doc *doc, struct arena *arena,
                                struct unread_record *out_unread, struct json_fault *fault,
                                struct err *err)
{
    const struct json_value *root = json_root(doc);
    struct unread_record read = {.topic = STR(""),
                                 .timestamp_ms = -1,
                                 .reason = STR(""),
                                 .json_pointer = STR(""),
                                 .byte_offset = -1,
                                 .value = STR("")};

    if (!root || root->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, root, "must be an object", fault, err);
    }
    enum verdict verdict = cloud_event_text(doc, root, "topic", arena, &read.topic, fault, err);
    if (verdict == OK) {
        verdict = cloud_event_text(doc, root, "reason", arena, &read.reason, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_text(doc, root, "jsonPointer", arena, &read.json_pointer, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_number(doc, root, "byteOffset", &read.byte_offset, fault, err);
    }
    if (verdict == OK && (read.topic.len == 0 || read.reason.len == 0)) {
        return cloud_event_refuse(doc, root, "needs topic and reason", fault, err);
    }
    if (verdict == OK) {
        *out_unread = read;
    }
    return verdict;
}
