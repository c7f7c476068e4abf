#include "ingest/emitter/event_prepare.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/json.h"
#include "schemas/openlineage.h"
#include "schemas/redact.h"

#define WHERE "event"
#define DEPTH_MAX 128
#define VALUES_MAX 8000000
#define KEEP_BYTES ((size_t)128 << 10)
#define ARENA_KEEP_BYTES ((size_t)64 << 10)

struct event_prepare {
    size_t event_bytes_max;
    struct json_doc *doc;
    struct arena *arena;
    struct redact *redact;
    char *text; /* a copy, followed by the padding that the parser wants */
    size_t size;
};

enum verdict event_prepare_new(size_t event_bytes_max, const char *environment_allow,
                               bool is_masking_sql, struct event_prepare **out_prepare,
                               struct err *err)
{
    struct event_prepare *prepare = calloc(1, sizeof(*prepare));

    if (!prepare) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    prepare->event_bytes_max = event_bytes_max;
    prepare->doc = json_doc_new(DEPTH_MAX, VALUES_MAX);
    prepare->arena = arena_new(8 * event_bytes_max + ((size_t)1 << 20));
    enum verdict verdict = redact_new(environment_allow, is_masking_sql, &prepare->redact, err);
    if (!prepare->doc || !prepare->arena || verdict != OK) {
        event_prepare_free(prepare);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    *out_prepare = prepare;
    return OK;
}

/* What a rare large event needed is given back. */
static bool event_prepare_reserve(struct event_prepare *prepare, size_t bytes)
{
    bool is_huge = prepare->size > KEEP_BYTES && bytes <= KEEP_BYTES;

    if (bytes <= prepare->size && !is_huge) {
        return true;
    }
    free(prepare->text);
    prepare->size = 0;
    prepare->text = malloc(bytes);
    if (!prepare->text) {
        return false;
    }
    prepare->size = bytes;
    return true;
}

static enum verdict event_prepare_fault(enum verdict verdict, const struct json_fault *fault,
                                        struct err *err)
{
    if (verdict == REJECT) {
        err_set(err, REJECT, WHERE, "%s at byte %zu%s%.100s", fault->reason, fault->offset,
                fault->pointer[0] ? ", " : "", fault->pointer);
    }
    return verdict;
}

enum verdict event_prepare_run(struct event_prepare *prepare, struct str text,
                               struct prepared_event *out_event, struct err *err)
{
    struct openlineage_event ol;
    struct json_fault fault = {.offset = 0};

    if (text.len > prepare->event_bytes_max) {
        return err_set(err, REJECT, WHERE, "more than %zu bytes", prepare->event_bytes_max);
    }
    if (!event_prepare_reserve(prepare, text.len + JSON_PADDING_BYTES)) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    if (text.len > 0) {
        memcpy(prepare->text, text.ptr, text.len);
    }
    memset(prepare->text + text.len, 0, JSON_PADDING_BYTES);
    struct str body = {.ptr = prepare->text, .len = text.len};
    arena_reset(prepare->arena, ARENA_KEEP_BYTES);
    enum verdict verdict = json_parse(prepare->doc, body, &fault, err);
    if (verdict == OK) {
        verdict = redact_event(prepare->redact, prepare->doc, prepare->arena, &body, err);
        snprintf(fault.reason, sizeof(fault.reason), "cannot be redacted");
    }
    if (verdict == OK) {
        verdict = openlineage_read(prepare->doc, prepare->arena, &ol, &fault, err);
    }
    if (verdict != OK) {
        return event_prepare_fault(verdict, &fault, err);
    }
    *out_event = (struct prepared_event){
        .text = body, .key = openlineage_key(&ol), .redactions = (uint32_t)redact_count(body)};
    return OK;
}

void event_prepare_free(struct event_prepare *prepare)
{
    if (!prepare) {
        return;
    }
    redact_free(prepare->redact);
    json_doc_free(prepare->doc);
    arena_free(prepare->arena);
    free(prepare->text);
    free(prepare);
}
