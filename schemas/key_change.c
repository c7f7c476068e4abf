#include "schemas/key_change.h"

#include <inttypes.h>
#include <stdlib.h>

#define SOURCE "urn:metaops:keys"

bool key_change_is(struct str type)
{
    return str_eq(type, STR(KEY_CHANGE_ADDED)) || str_eq(type, STR(KEY_CHANGE_REVOKED));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct str text, struct api_key_hash *out_hash)
{
    if (text.len != 2 * sizeof(out_hash->bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(out_hash->bytes); i++) {
        int high = hex_value(text.ptr[2 * i]);
        int low = hex_value(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out_hash->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum verdict read_namespaces(const struct json_doc *doc, const struct json_value *data,
                                    struct arena *arena, struct key_change *change,
                                    struct json_fault *fault, struct err *err)
{
    const struct json_value *list = json_get(doc, data, STR("namespaces"));
    const struct json_value *each;

    if (!list || list->type == JSON_NULL) {
        return OK;
    }
    if (list->type != JSON_ARRAY || list->count > KEY_CHANGE_NAMESPACES_MAX) {
        return cloud_event_refuse(doc, list, "must be an array of at most 1000 patterns", fault,
                                  err);
    }
    change->namespaces = arena_calloc(arena, list->count, sizeof(struct str));
    if (!change->namespaces) {
        return err_set(err, RETRY, "key_change", "the arena is full");
    }
    for (each = json_first(doc, list); each; each = json_next(doc, list, each)) {
        struct str *pattern = &change->namespaces[change->namespace_count++];
        if (each->type != JSON_STRING || each->len > 4 * KEY_CHANGE_TEXT_BYTES_MAX) {
            return cloud_event_refuse(doc, each, "must be a pattern", fault, err);
        }
        enum verdict verdict = json_string(doc, each, arena, pattern, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    return OK;
}

static enum verdict read_added(const struct json_doc *doc, const struct json_value *data,
                               struct arena *arena, struct key_change *change,
                               struct json_fault *fault, struct err *err)
{
    struct {
        const char *name;
        int64_t *number;
    } numbers[] = {{"ratePerSecond", &change->rate_per_s},
                   {"burst", &change->burst},
                   {"eventsPerDay", &change->events_per_day},
                   {"bytesPerDay", &change->bytes_per_day}};
    struct str hash = STR("");
    enum verdict verdict = cloud_event_text(doc, data, "name", arena, &change->name, fault, err);

    if (verdict == OK) {
        verdict = cloud_event_text(doc, data, "sha256", arena, &hash, fault, err);
    }
    if (verdict == OK && !read_hash(hash, &change->hash)) {
        /* Without the place's text: a hash does not belong into dead letters' reasons. */
        return cloud_event_refuse(doc, data, "sha256 must be 64 hex digits", fault, err);
    }
    if (verdict == OK && change->name.len > KEY_CHANGE_TEXT_BYTES_MAX) {
        return cloud_event_refuse(doc, data, "the name is too long", fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_time(doc, data, "expiresAt", &change->expires_at_us, fault, err);
    }
    for (size_t i = 0; verdict == OK && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        verdict = cloud_event_number(doc, data, numbers[i].name, numbers[i].number, fault, err);
    }
    return verdict == OK ? read_namespaces(doc, data, arena, change, fault, err) : verdict;
}

enum verdict key_change_read(const struct json_doc *doc, const struct cloud_event *ce,
                             struct arena *arena, struct key_change *out_change,
                             struct json_fault *fault, struct err *err)
{
    struct key_change change = {.is_revoked = str_eq(ce->type, STR(KEY_CHANGE_REVOKED)),
                                .key_id = ce->subject,
                                .at_us = ce->time_us,
                                .by = STR(""),
                                .name = STR(""),
                                .expires_at_us = KEY_CHANGE_NEVER};

    if (!api_key_is_id(ce->subject)) {
        return cloud_event_refuse(doc, json_root(doc), "subject must be the id of a key", fault,
                                  err);
    }
    if (ce->time_us == CLOUD_EVENT_NO_TIME) {
        return cloud_event_refuse(doc, json_root(doc), "time is missing", fault, err);
    }
    if (!ce->data || ce->data->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, json_root(doc), "data must be an object", fault, err);
    }
    enum verdict verdict = cloud_event_text(doc, ce->data, "by", arena, &change.by, fault, err);
    if (verdict == OK && !change.is_revoked) {
        verdict = read_added(doc, ce->data, arena, &change, fault, err);
    }
    if (verdict == OK) {
        *out_change = change;
    }
    return verdict;
}

static void write_number(FILE *out, const char *name, int64_t number)
{
    if (number > 0) {
        fprintf(out, ",\"%s\":%" PRId64, name, number);
    }
}

static void write_added(FILE *out, const struct key_change *change)
{
    fputs(",\"name\":", out);
    cloud_event_write_text(out, change->name);
    fputs(",\"namespaces\":[", out);
    for (uint32_t i = 0; i < change->namespace_count; i++) {
        fputs(i ? "," : "", out);
        cloud_event_write_text(out, change->namespaces[i]);
    }
    fputs("],\"sha256\":\"", out);
    for (size_t i = 0; i < sizeof(change->hash.bytes); i++) {
        fprintf(out, "%02x", change->hash.bytes[i]);
    }
    fputc('"', out);
    if (change->expires_at_us != KEY_CHANGE_NEVER) {
        fputs(",\"expiresAt\":", out);
        cloud_event_write_time(out, change->expires_at_us);
    }
    write_number(out, "ratePerSecond", change->rate_per_s);
    write_number(out, "burst", change->burst);
    write_number(out, "eventsPerDay", change->events_per_day);
    write_number(out, "bytesPerDay", change->bytes_per_day);
}

struct str key_change_write(const struct key_change *change)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return (struct str){NULL, 0};
    }
    cloud_event_begin(out, change->is_revoked ? KEY_CHANGE_REVOKED : KEY_CHANGE_ADDED, SOURCE,
                      change->key_id, change->at_us);
    fputs("{\"by\":", out);
    cloud_event_write_text(out, change->by);
    if (!change->is_revoked) {
        write_added(out, change);
    }
    fputs("}}", out);
    bool has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed) {
        free(text);
        return (struct str){NULL, 0};
    }
    return (struct str){text, len};
}
