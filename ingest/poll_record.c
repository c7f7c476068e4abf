#include "ingest/poll_record.h"

#include <stdio.h>

#include "core/ascii.h"
#include "core/json_escape.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "schemas/payload_event.h"

#define WHERE "poll"
#define TYPE_REQUEST "io.seldon.serving.inference.request"
#define TYPE_ANSWER "io.seldon.serving.inference.response"
#define ERROR_HEAD "{\"error\":\""
#define ERROR_TAIL "\"}"
#define ID_BYTES 320 /* a topic's name and two numbers */
#define TIME_BYTES 32
#define TIME_END_MS INT64_C(253402300800000) /* the year 10000: what says more is no time */

/* What is asked of one record. */
struct reading {
    const struct settings *st;
    const struct poll_record *record;
    struct arena *arena;
    struct str *values; /* of the attributes */
    struct payload_source *source;
    struct err *err;
};

static enum verdict is_full(const struct reading *rd)
{
    return err_set(rd->err, RETRY, WHERE, "the arena is full");
}

/* ptr NULL: there is none. */
static struct str find_header(const struct poll_record *record, struct str name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        struct str found = record->headers[i].name;
        if (found.len == name.len && ascii_eq_caseless(found.ptr, name.ptr, name.len)) {
            return record->headers[i].value;
        }
    }
    return (struct str){NULL, 0};
}

/* The attributes that headers of that prefix name. */
static void take_headers(const struct reading *rd, struct str prefix)
{
    for (size_t i = 0; i < rd->record->header_count; i++) {
        struct poll_header header = rd->record->headers[i];
        if (header.name.len <= prefix.len ||
            !ascii_eq_caseless(header.name.ptr, prefix.ptr, prefix.len)) {
            continue;
        }
        enum payload_attribute at = payload_attribute_find(
            (struct str){header.name.ptr + prefix.len, header.name.len - prefix.len});
        if (at != PAYLOAD_ATTRIBUTES && !rd->values[at].ptr) {
            rd->values[at] = header.value;
        }
    }
}

static void set_missing(const struct reading *rd, enum payload_attribute at, struct str value)
{
    if (rd->values[at].len == 0) {
        rd->values[at] = value;
    }
}

static enum verdict take_body(const struct reading *rd)
{
    struct str value = rd->record->value;
    char *body = arena_alloc(rd->arena, value.len + JSON_PADDING_BYTES);

    if (!body) {
        return is_full(rd);
    }
    memcpy(body, value.ptr, value.len);
    memset(body + value.len, 0, JSON_PADDING_BYTES);
    rd->source->body = (struct str){body, value.len};
    return OK;
}

/* The value is the text of an error, not a message. */
static enum verdict take_error(const struct reading *rd)
{
    struct str value = rd->record->value;
    size_t room = sizeof(ERROR_HEAD ERROR_TAIL) + JSON_ESCAPE_BYTES_MAX * value.len;
    char *body = arena_alloc(rd->arena, room + JSON_PADDING_BYTES);
    size_t len = strlen(ERROR_HEAD);

    if (!body) {
        return is_full(rd);
    }
    memcpy(body, ERROR_HEAD, len);
    len += json_escape(value, body + len);
    memcpy(body + len, ERROR_TAIL, strlen(ERROR_TAIL));
    len += strlen(ERROR_TAIL);
    memset(body + len, 0, JSON_PADDING_BYTES);
    rd->source->body = (struct str){body, len};
    return OK;
}

/* Cuts text at the first dot; false when there is none or nothing before it. */
static bool cut(struct str *text, struct str *out_part)
{
    const char *dot = text->len > 0 ? memchr(text->ptr, '.', text->len) : NULL;
    size_t len = dot ? (size_t)(dot - text->ptr) : 0;

    if (len == 0) {
        return false;
    }
    *out_part = (struct str){text->ptr, len};
    *text = (struct str){dot + 1, text->len - len - 1};
    return true;
}

/* Takes ending off text; false when it does not end so, or nothing is left. */
static bool cut_end(struct str *text, struct str ending)
{
    if (text->len <= ending.len ||
        memcmp(text->ptr + text->len - ending.len, ending.ptr, ending.len) != 0) {
        return false;
    }
    text->len -= ending.len;
    return true;
}

/* A message of the protocol never begins with a brace: that would be field 15 of a kind long gone. */
static bool is_protobuf(const struct poll_record *record)
{
    return !str_starts(find_header(record, STR("seldon-infer-type")), "json") &&
           record->value.ptr[0] != '{';
}

static enum verdict read_errors(const struct reading *rd)
{
    struct str model = find_header(rd->record, STR("seldon-pipeline-errors"));

    if (model.len == 0) {
        return err_set(rd->err, REJECT, WHERE, "no header seldon-pipeline-errors");
    }
    rd->values[PAYLOAD_TYPE] = STR(TYPE_ANSWER);
    rd->values[PAYLOAD_SERVICE] = model;
    rd->values[PAYLOAD_MODEL] = model;
    rd->values[PAYLOAD_ENDPOINT] = find_header(rd->record, STR("pipeline"));
    return take_error(rd);
}

/* rest: what of the topic is behind the prefix. */
static enum verdict read_seldon_v2(const struct reading *rd, struct str rest)
{
    struct str kind = {NULL, 0};

    if (!cut(&rest, &rd->values[PAYLOAD_NAMESPACE]) || !cut(&rest, &kind)) {
        return err_set(rd->err, REJECT, WHERE, "no topic of Seldon Core v2");
    }
    rd->values[PAYLOAD_REQUEST] = find_header(rd->record, STR("x-request-id"));
    if (str_eq(kind, STR("errors")) && str_eq(rest, STR("errors"))) {
        return read_errors(rd);
    }
    bool is_answer = cut_end(&rest, STR(".outputs"));
    bool is_model = str_eq(kind, STR("model"));
    if ((!is_answer && !cut_end(&rest, STR(".inputs"))) ||
        (!is_model && !str_eq(kind, STR("pipeline")))) {
        return err_set(rd->err, REJECT, WHERE, "no topic of Seldon Core v2");
    }
    rd->values[PAYLOAD_TYPE] = is_answer ? STR(TYPE_ANSWER) : STR(TYPE_REQUEST);
    rd->values[PAYLOAD_SERVICE] = rest;
    rd->values[PAYLOAD_MODEL] = rest;
    rd->values[PAYLOAD_ENDPOINT] =
        is_model ? find_header(rd->record, STR("pipeline")) : STR("pipeline");
    rd->source->is_protobuf = is_protobuf(rd->record);
    return take_body(rd);
}

static enum verdict read_seldon_v1(const struct reading *rd)
{
    take_headers(rd, STR(""));
    return take_body(rd);
}

static enum verdict read_mlserver(const struct reading *rd, bool is_answer)
{
    take_headers(rd, STR("ce-"));
    if (!is_answer) {
        set_missing(rd, PAYLOAD_MODEL, find_header(rd->record, STR("mlserver-model")));
    }
    if (rd->values[PAYLOAD_MODEL].len == 0) {
        return err_set(rd->err, REJECT, WHERE, "no header %s",
                       is_answer ? "ce-modelid" : "mlserver-model");
    }
    set_missing(rd, PAYLOAD_TYPE, is_answer ? STR(TYPE_ANSWER) : STR(TYPE_REQUEST));
    set_missing(rd, PAYLOAD_ENDPOINT, rd->values[PAYLOAD_MODEL]);
    set_missing(rd, PAYLOAD_SERVICE, str_view(rd->st->poll.mlserver_service));
    set_missing(rd, PAYLOAD_NAMESPACE, str_view(rd->st->poll.mlserver_namespace));
    set_missing(rd, PAYLOAD_REQUEST, rd->record->key);
    return take_body(rd);
}

static enum verdict read_by_topic(const struct reading *rd, bool *out_is_seldon_v2)
{
    struct str prefix = str_view(rd->st->poll.seldon_v2_prefix);
    struct str topic = rd->record->topic;

    *out_is_seldon_v2 = false;
    if (rd->record->value.len == 0) {
        return err_set(rd->err, REJECT, WHERE, "the record is empty");
    }
    if (rd->record->value.len > (size_t)rd->st->ingest.body_bytes_max) {
        return err_set(rd->err, REJECT, WHERE, "larger than ingest.body_bytes_max");
    }
    if (str_eq(topic, str_view(rd->st->poll.seldon_v1_topic))) {
        return read_seldon_v1(rd);
    }
    if (str_eq(topic, str_view(rd->st->poll.mlserver_input_topic))) {
        return read_mlserver(rd, false);
    }
    if (str_eq(topic, str_view(rd->st->poll.mlserver_output_topic))) {
        return read_mlserver(rd, true);
    }
    if (prefix.len == 0 || !str_starts(topic, prefix.ptr) || topic.len <= prefix.len ||
        topic.ptr[prefix.len] != '.') {
        return err_set(rd->err, REJECT, WHERE, "no topic that is read");
    }
    *out_is_seldon_v2 = true;
    return read_seldon_v2(rd, (struct str){topic.ptr + prefix.len + 1, topic.len - prefix.len - 1});
}

/* What CloudEvents demands besides: the place of the record is its id. */
static enum verdict name_record(const struct reading *rd, bool is_seldon_v2)
{
    const struct poll_record *record = rd->record;
    char id[ID_BYTES], source[ID_BYTES], time[TIME_BYTES] = "";

    snprintf(id, sizeof(id), "%.*s/%d/%lld", (int)record->topic.len, record->topic.ptr,
             (int)record->partition, (long long)record->offset);
    snprintf(source, sizeof(source), "%s%.*s",
             is_seldon_v2 ? PAYLOAD_SELDON_V2_SOURCES : "kafka:", (int)record->topic.len,
             record->topic.ptr);
    if (record->timestamp_ms >= 0 && record->timestamp_ms < TIME_END_MS) {
        timebase_format(record->timestamp_ms * 1000, time);
    }
    struct str id_copy = arena_dup(rd->arena, str_view(id));
    struct str source_copy = arena_dup(rd->arena, str_view(source));
    struct str time_copy = arena_dup(rd->arena, str_view(time));
    if (!id_copy.ptr || !source_copy.ptr || !time_copy.ptr) {
        return is_full(rd);
    }
    set_missing(rd, PAYLOAD_SPECVERSION, STR("1.0"));
    set_missing(rd, PAYLOAD_ID, id_copy);
    set_missing(rd, PAYLOAD_SOURCE, source_copy);
    set_missing(rd, PAYLOAD_TIME, time_copy);
    return OK;
}

enum verdict poll_record_read(const struct settings *st, const struct poll_record *record,
                              struct arena *arena, struct payload_attributes *out_attributes,
                              struct payload_source *out_source, struct err *err)
{
    const struct reading rd = {.st = st,
                               .record = record,
                               .arena = arena,
                               .values = out_attributes->values,
                               .source = out_source,
                               .err = err};
    bool is_seldon_v2;

    *out_attributes = (struct payload_attributes){0};
    *out_source = (struct payload_source){.attributes = out_attributes};
    enum verdict verdict = read_by_topic(&rd, &is_seldon_v2);
    return verdict == OK ? name_record(&rd, is_seldon_v2) : verdict;
}
