/* Any bytes as a record of another system's topic: read twice with the same outcome; what names a prediction is judged as at
 * the door, and what is refused becomes the body of an unread record, which says so. Lines: topic, key (empty: none),
 * time in milliseconds, then NAME=VALUE of each header until an empty line; the rest is the value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/settings.h"
#include "fuzz/require.h"
#include "ingest/poll_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings st;
static struct event_check *check;
static struct arena *arena;

static void prepare(void)
{
    char v2[] = "--poll.seldon-v2-prefix=seldon", v1[] = "--poll.seldon-v1-topic=payloads",
         in[] = "--poll.mlserver-input-topic=mlserver-input",
         out[] = "--poll.mlserver-output-topic=mlserver-output",
         most[] = "--ingest.body-bytes-max=64KiB";
    char *args[] = {v2, v1, in, out, most, NULL};
    struct settings_rest rest = {0};
    struct err err;

    require(settings_load(&st, 5, args, &rest, &err) == OK);
    free(rest.words);
    check = event_check_new(&st);
    arena = arena_new((size_t)16 * 1024 * 1024);
    require(check && arena);
}

/* Up to the next line end, which is taken off *rest. */
static struct str take_line(struct str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct str line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t taken = line.len + (end ? 1 : 0);

    *rest = (struct str){rest->ptr + taken, rest->len - taken};
    return line;
}

static int64_t number_of(struct str line)
{
    char text[32];
    size_t len = line.len < sizeof(text) - 1 ? line.len : sizeof(text) - 1;

    memcpy(text, line.ptr, len);
    text[len] = '\0';
    return strtoll(text, NULL, 10);
}

static struct poll_record split(struct str rest, struct poll_header *headers)
{
    struct poll_record record = {.topic = take_line(&rest), .partition = 3, .offset = 41};

    record.key = take_line(&rest);
    if (record.key.len == 0) {
        record.key.ptr = NULL;
    }
    record.timestamp_ms = number_of(take_line(&rest));
    for (struct str line = take_line(&rest); line.len > 0 && record.header_count < POLL_HEADERS_MAX;
         line = take_line(&rest)) {
        const char *equals = memchr(line.ptr, '=', line.len);
        size_t name = equals ? (size_t)(equals - line.ptr) : line.len;
        size_t value = equals ? name + 1 : line.len;
        headers[record.header_count++] = (struct poll_header){
            .name = {line.ptr, name}, .value = {line.ptr + value, line.len - value}};
    }
    record.headers = headers;
    record.value = rest;
    return record;
}

/* What the worker makes a letter of. */
static void put_aside(const struct poll_record *record, const char *reason)
{
    const struct unread_record unread = {.topic = record->topic,
                                         .partition = record->partition,
                                         .offset = record->offset,
                                         .timestamp_ms = record->timestamp_ms,
                                         .reason = str_view(reason),
                                         .json_pointer = STR(""),
                                         .byte_offset = -1,
                                         .value = record->value};
    struct unread_record read;
    struct str body;
    struct err err;

    require(event_check_unread(check, &unread, &body, &err) == OK);
    arena_reset(arena, 1 << 16);
    enum verdict verdict = unread_record_read(event_check_doc(check), arena, &read, NULL, &err);
    require(verdict == (record->topic.len > 0 ? OK : REJECT));
}

static void judge(const struct poll_record *record, const struct payload_source *source)
{
    struct json_fault fault = {0};
    struct payload_event ev;
    struct str text;
    struct err err;

    for (size_t i = 0; i < JSON_PADDING_BYTES; i++) {
        require(source->body.ptr[source->body.len + i] == '\0');
    }
    require(source->attributes->values[PAYLOAD_ID].len > 0);
    require(source->attributes->values[PAYLOAD_SOURCE].len > 0);
    enum verdict verdict = event_check_payload(check, source, &text, &ev, &fault, &err);
    if (verdict == OK) {
        require(text.len > 0 && ev.service.len > 0 && ev.model.len > 0);
        return;
    }
    require(verdict == REJECT);
    put_aside(record, fault.reason[0] ? fault.reason : err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct poll_header headers[POLL_HEADERS_MAX];
    struct payload_attributes attributes;
    struct payload_source source;
    struct err err;

    if (!check) {
        prepare();
    }
    arena_reset(arena, 1 << 16);
    const struct poll_record record = split((struct str){(const char *)data, size}, headers);
    enum verdict verdict = poll_record_read(&st, &record, arena, &attributes, &source, &err);
    require(verdict == OK || verdict == REJECT);
    require(poll_record_read(&st, &record, arena, &attributes, &source, &err) == verdict);
    if (verdict == OK) {
        judge(&record, &source);
    } else {
        put_aside(&record, err.text);
    }
    return 0;
}
