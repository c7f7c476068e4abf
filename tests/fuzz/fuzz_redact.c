/* Any bytes, as JSON where they are and as plain bytes: a second redaction changes nothing, all bytes
 * but the marks and what they replace are as they came, and JSON stays the JSON it was: the same
 * values at the same places, strings apart. The first byte chooses the settings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "fuzz/require.h"
#include "schemas/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena *arena;
static struct json_doc *before;
static struct json_doc *after;

static struct str padded(struct str text)
{
    char *copy = arena_alloc(arena, text.len + JSON_PADDING_BYTES);

    require(copy != NULL);
    if (text.len) {
        memcpy(copy, text.ptr, text.len);
    }
    memset(copy + text.len, 0, JSON_PADDING_BYTES);
    return (struct str){copy, text.len};
}

/* What is left stands in the original in the same order, between the marks. */
static void require_rest(struct str original, struct str redacted)
{
    const char *at = original.ptr, *end = original.ptr + original.len;
    const char *p = redacted.ptr, *stop = redacted.ptr + redacted.len;

    while (p < stop) {
        const char *mark = memmem(p, (size_t)(stop - p), REDACT_MARK, strlen(REDACT_MARK));
        size_t len = (size_t)((mark ? mark : stop) - p);
        const char *found = len ? memmem(at, (size_t)(end - at), p, len) : at;
        require(found != NULL);
        at = found + len;
        p = mark ? mark + strlen(REDACT_MARK) : stop;
    }
}

static void check_json(const struct redact *redact, struct str text)
{
    struct err err;
    struct str body = padded(text);

    if (json_parse(before, body, NULL, &err) != OK || json_parse(after, body, NULL, &err) != OK) {
        return;
    }
    struct str got = body;
    enum verdict verdict = redact_event(redact, after, arena, &got, &err);
    require(verdict != REJECT);
    if (verdict != OK) {
        return;
    }
    require(json_tape_len(before) == json_tape_len(after));
    for (uint32_t i = 0; i < json_tape_len(before); i++) {
        const struct json_value *was = json_at(before, i), *is = json_at(after, i);
        require(was->type == is->type && was->next == is->next);
        require(was->type == JSON_STRING || was->type == JSON_ARRAY || was->type == JSON_OBJECT ||
                str_eq(json_raw(before, was), json_raw(after, is)));
    }
    require_rest(body, got);
    struct str again = padded(got);
    struct str twice = again;
    require(json_parse(after, again, NULL, &err) == OK);
    require(redact_event(redact, after, arena, &twice, &err) == OK && twice.ptr == again.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redact *redacts[2];
    struct err err;

    if (!arena) {
        arena = arena_new((size_t)64 << 20);
        before = json_doc_new(128, 100000);
        after = json_doc_new(128, 100000);
        require(redact_new("PATH,LC_*", false, &redacts[0], &err) == OK);
        require(redact_new("", true, &redacts[1], &err) == OK);
    }
    if (size == 0) {
        return 0;
    }
    const struct redact *redact = redacts[data[0] & 1];
    struct str text = {(const char *)data + 1, size - 1};
    arena_reset(arena, 1 << 20);
    check_json(redact, text);
    struct str once = redact_bytes(redact, text, arena);
    require(once.ptr != NULL);
    require_rest(text, once);
    require(str_eq(redact_bytes(redact, once, arena), once));
    return 0;
}
