#include "ingest/event_check.h"

#include <stdlib.h>

#include "core/settings.h"
#include "schemas/redact.h"

#define ARENA_KEEP_BYTES ((size_t)1 << 20)

struct event_check {
    struct json_doc *doc;
    struct arena *arena;
    struct redact *redact;
};

struct event_check *event_check_new(const struct settings *st)
{
    struct event_check *check = calloc(1, sizeof(*check));

    if (!check) {
        return NULL;
    }
    check->doc =
        json_doc_new((uint32_t)st->ingest.json_depth_max, (uint32_t)st->ingest.json_values_max);
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
