#include "ingest/cloudevents_data.h"

#include <limits.h>

#include <openssl/evp.h>

#include "core/ascii.h"
#include "schemas/cloud_event.h"

static bool is_type(struct str type, const char *name)
{
    return type.len == strlen(name) && ascii_eq_caseless(type.ptr, name, type.len);
}

enum cloudevents_data cloudevents_data_kind(struct str content_type)
{
    static const char *const protobuf[] = {"application/x-protobuf", "application/protobuf",
                                           "application/vnd.google.protobuf"};
    struct str type = {content_type.ptr, 0};
    struct str suffix = STR("+json");

    while (type.len < content_type.len && type.ptr[type.len] != ';' && type.ptr[type.len] != ' ') {
        type.len++;
    }
    for (size_t i = 0; i < sizeof protobuf / sizeof protobuf[0]; i++) {
        if (is_type(type, protobuf[i])) {
            return CLOUDEVENTS_DATA_PROTOBUF;
        }
    }
    bool is_json = type.len == 0 || is_type(type, "application/json") ||
                   is_type(type, "text/json") ||
                   (type.len > suffix.len &&
                    ascii_eq_caseless(type.ptr + type.len - suffix.len, suffix.ptr, suffix.len));
    return is_json ? CLOUDEVENTS_DATA_JSON : CLOUDEVENTS_DATA_OTHER;
}

/* EVP_DecodeBlock passes over white space at both ends, and takes padding anywhere in the last group. */
static bool is_base64(struct str text, size_t *out_padding)
{
    size_t padding = 0;

    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.len - padding; i++) {
        if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '+' && text.ptr[i] != '/') {
            return false;
        }
    }
    *out_padding = padding;
    return text.len % 4 == 0 && text.len <= INT_MAX;
}

enum verdict cloudevents_data_decode(const struct json_doc *doc, const struct json_value *coded,
                                     struct arena *arena, struct str *out_bytes,
                                     struct json_fault *fault, struct err *err)
{
    struct str text = {NULL, 0};
    size_t padding = 0;

    if (coded->type != JSON_STRING) {
        return cloud_event_refuse(doc, coded, "must be a text", fault, err);
    }
    enum verdict verdict = json_string(doc, coded, arena, &text, err);
    if (verdict != OK) {
        return verdict;
    }
    if (!is_base64(text, &padding)) {
        return cloud_event_refuse(doc, coded, "must be base64", fault, err);
    }
    unsigned char *bytes = arena_alloc(arena, text.len / 4 * 3 + JSON_PADDING_BYTES);
    if (!bytes) {
        return err_set(err, RETRY, "cloudevents", "the arena is full");
    }
    int len = EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);
    if (len < (int)padding) {
        return cloud_event_refuse(doc, coded, "must be base64", fault, err);
    }
    *out_bytes = (struct str){(const char *)bytes, (size_t)len - padding};
    memset(bytes + out_bytes->len, 0, JSON_PADDING_BYTES);
    return OK;
}
