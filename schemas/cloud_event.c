#include "schemas/cloud_event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/json_escape.h"
#include "core/timebase.h"

#define ESCAPE_STEP 64 /* bytes of text escaped at a time */
#define NUMBER_DIGITS_MAX 18

enum verdict cloud_event_refuse(const struct json_doc *doc, const struct json_value *value,
                                const char *reason, struct json_fault *fault, struct err *err)
{
    if (fault) {
        fault->offset = value ? value->offset : 0;
        snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
        fault->pointer[0] = '\0';
        if (value) {
            json_pointer(doc, value, fault->pointer, sizeof(fault->pointer));
        }
    }
    return err_set(err, REJECT, "cloud_event", "%s", reason);
}

/* The member, or NULL when it is missing or null. */
static const struct json_value *member(const struct json_doc *doc, const struct json_value *object,
                                       const char *name)
{
    const struct json_value *value = json_get(doc, object, str_view(name));

    return value && value->type != JSON_NULL ? value : NULL;
}

enum verdict cloud_event_text(const struct json_doc *doc, const struct json_value *object,
                              const char *name, struct arena *arena, struct str *out_text,
                              struct json_fault *fault, struct err *err)
{
    const struct json_value *value = member(doc, object, name);

    if (!value) {
        return OK;
    }
    if (value->type != JSON_STRING) {
        return cloud_event_refuse(doc, value, "must be a string", fault, err);
    }
    return json_string(doc, value, arena, out_text, err);
}

enum verdict cloud_event_time(const struct json_doc *doc, const struct json_value *object,
                              const char *name, int64_t *out_us, struct json_fault *fault,
                              struct err *err)
{
    const struct json_value *value = member(doc, object, name);

    if (!value) {
        return OK;
    }
    struct str raw = json_raw(doc, value);
    if (value->type != JSON_STRING || value->has_escape ||
        !timebase_parse((struct str){raw.ptr + 1, raw.len - 2}, out_us)) {
        return cloud_event_refuse(doc, value, "must be a time", fault, err);
    }
    return OK;
}

enum verdict cloud_event_number(const struct json_doc *doc, const struct json_value *object,
                                const char *name, int64_t *out_number, struct json_fault *fault,
                                struct err *err)
{
    const struct json_value *value = member(doc, object, name);
    int64_t number = 0;

    if (!value) {
        return OK;
    }
    struct str raw = json_raw(doc, value);
    bool is_whole = value->type == JSON_NUMBER && raw.len <= NUMBER_DIGITS_MAX;
    for (size_t i = 0; is_whole && i < raw.len; i++) {
        is_whole = raw.ptr[i] >= '0' && raw.ptr[i] <= '9';
        number = number * 10 + (raw.ptr[i] - '0');
    }
    if (!is_whole) {
        return cloud_event_refuse(doc, value, "must be a whole number", fault, err);
    }
    *out_number = number;
    return OK;
}

static enum verdict demand(const struct json_doc *doc, const char *name, struct arena *arena,
                           struct str *out_text, struct json_fault *fault, struct err *err)
{
    const struct json_value *root = json_root(doc);
    char reason[64];
    enum verdict verdict = cloud_event_text(doc, root, name, arena, out_text, fault, err);

    if (verdict == OK && out_text->len == 0) {
        snprintf(reason, sizeof(reason), "no CloudEvents 1.0: %s is missing", name);
        return cloud_event_refuse(doc, root, reason, fault, err);
    }
    return verdict;
}

enum verdict cloud_event_read(const struct json_doc *doc, struct arena *arena,
                              struct cloud_event *out_event, struct json_fault *fault,
                              struct err *err)
{
    const struct json_value *root = json_root(doc);
    struct cloud_event ce = {.subject = STR(""), .time_us = CLOUD_EVENT_NO_TIME};
    struct str version = STR("");

    if (!root || root->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, root, "must be an object", fault, err);
    }
    enum verdict verdict = demand(doc, "specversion", arena, &version, fault, err);
    if (verdict == OK && !str_eq(version, STR("1.0"))) {
        return cloud_event_refuse(doc, json_get(doc, root, STR("specversion")),
                                  "only specversion 1.0 is known", fault, err);
    }
    verdict = verdict == OK ? demand(doc, "id", arena, &ce.id, fault, err) : verdict;
    verdict = verdict == OK ? demand(doc, "source", arena, &ce.source, fault, err) : verdict;
    verdict = verdict == OK ? demand(doc, "type", arena, &ce.type, fault, err) : verdict;
    if (verdict == OK) {
        verdict = cloud_event_text(doc, root, "subject", arena, &ce.subject, fault, err);
    }
    if (verdict == OK) {
        verdict = cloud_event_time(doc, root, "time", &ce.time_us, fault, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    ce.data = member(doc, root, "data");
    *out_event = ce;
    return OK;
}

void cloud_event_write_text(FILE *out, struct str text)
{
    char escaped[ESCAPE_STEP * JSON_ESCAPE_BYTES_MAX];

    fputc('"', out);
    for (size_t at = 0; at < text.len;) {
        size_t len = text.len - at < ESCAPE_STEP ? text.len - at : ESCAPE_STEP;
        /* Not between the bytes of one character. */
        while (at + len < text.len && len > ESCAPE_STEP - 4 &&
               ((unsigned char)text.ptr[at + len] & 0xC0) == 0x80) {
            len--;
        }
        fwrite(escaped, 1, json_escape((struct str){text.ptr + at, len}, escaped), out);
        at += len;
    }
    fputc('"', out);
}

void cloud_event_write_time(FILE *out, int64_t us)
{
    char text[32];

    timebase_format(us, text);
    fprintf(out, "\"%s\"", text);
}

void cloud_event_begin(FILE *out, const char *type, const char *source, struct str subject,
                       int64_t time_us)
{
    struct id128 id = {{0}};
    char text[ID128_TEXT_BYTES];

    /* Two equal ones are told apart by the rest of the text. */
    (void)!getrandom(id.bytes, sizeof(id.bytes), 0);
    id128_format(id, text);
    fprintf(out, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"%s\"", text,
            source, type);
    if (subject.len) {
        fputs(",\"subject\":", out);
        cloud_event_write_text(out, subject);
    }
    fputs(",\"time\":", out);
    cloud_event_write_time(out, time_us);
    fputs(",\"datacontenttype\":\"application/json\",\"data\":", out);
}
