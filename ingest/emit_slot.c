#include "ingest/emit_slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"

#define TEXT_KEEP_BYTES ((size_t)256 * 1024)
#define REPLY_DEPTH_MAX 16
#define REPLY_VALUES_MAX 1000000
#define REPLY_ARENA_BYTES ((size_t)32 << 20)

enum outcome { ACCEPTED, AGAIN, REFUSED };

enum verdict emit_slot_add(struct emit_slot *slot, struct emit_place place, struct str text,
                           struct err *err)
{
    size_t wanted = slot->text_len + text.len;

    if (wanted > slot->text_size) {
        size_t size = wanted > 2 * slot->text_size ? wanted : 2 * slot->text_size;
        char *fresh = realloc(slot->text, size);
        if (!fresh) {
            return err_set(err, RETRY, "emit", "out of memory");
        }
        slot->text = fresh;
        slot->text_size = size;
    }
    memcpy(slot->text + slot->text_len, text.ptr, text.len);
    slot->events[slot->count++] =
        (struct emit_event){.place = place, .at = slot->text_len, .len = text.len};
    slot->text_len = wanted;
    return OK;
}

size_t emit_slot_body_bytes(const struct emit_slot *slot)
{
    size_t bytes = slot->taken > 0 ? slot->taken - 1 : 0;

    for (size_t i = 0; i < slot->taken; i++) {
        bytes += slot->events[i].len;
    }
    return bytes;
}

/* Time-outs and overload pass; a server's own fault may. */
static enum outcome emit_slot_outcome(int64_t status)
{
    if (status >= 200 && status < 300) {
        return ACCEPTED;
    }
    return status == 408 || status == 429 || status >= 500 ? AGAIN : REFUSED;
}

/* A JSON body of an answer, copied to have padding behind it. */
struct reply_doc {
    struct json_doc *doc;
    struct arena *arena;
    char *text;
};

static void emit_slot_close_doc(struct reply_doc *rd)
{
    json_doc_free(rd->doc);
    arena_free(rd->arena);
    free(rd->text);
}

/* NULL when the body is no JSON object. */
static const struct json_value *emit_slot_open_doc(struct str body, struct reply_doc *rd)
{
    struct json_fault fault;

    rd->doc = json_doc_new(REPLY_DEPTH_MAX, REPLY_VALUES_MAX);
    rd->arena = arena_new(REPLY_ARENA_BYTES);
    rd->text = calloc(1, body.len + JSON_PADDING_BYTES);
    if (!rd->doc || !rd->arena || !rd->text) {
        return NULL;
    }
    memcpy(rd->text, body.ptr, body.len);
    struct str text = {.ptr = rd->text, .len = body.len};
    if (json_parse(rd->doc, text, &fault, NULL) != OK) {
        return NULL;
    }
    const struct json_value *root = json_root(rd->doc);
    return root && root->type == JSON_OBJECT ? root : NULL;
}

/* A member that is a string, terminated; NULL when there is none. */
static const char *emit_slot_text(const struct reply_doc *rd, const struct json_value *object,
                                  struct str key)
{
    const struct json_value *value = json_get(rd->doc, object, key);
    struct str text;

    if (!value || value->type != JSON_STRING ||
        json_string(rd->doc, value, rd->arena, &text, NULL) != OK) {
        return NULL;
    }
    return arena_dup(rd->arena, text).ptr;
}

static int64_t emit_slot_number(const struct reply_doc *rd, const struct json_value *object,
                                struct str key)
{
    const struct json_value *value = json_get(rd->doc, object, key);
    char digits[20];

    if (!value || value->type != JSON_NUMBER || value->len >= sizeof(digits)) {
        return -1;
    }
    struct str raw = json_raw(rd->doc, value);
    memcpy(digits, raw.ptr, raw.len);
    digits[raw.len] = '\0';
    return strtoll(digits, NULL, 10);
}

static void emit_slot_refuse(const struct emit_event *event, const struct reply_doc *rd,
                             const struct json_value *problem, size_t base, int64_t status,
                             struct emit_report *report)
{
    char fallback[32];
    const char *detail = problem ? emit_slot_text(rd, problem, STR("detail")) : NULL;
    const char *pointer = problem ? emit_slot_text(rd, problem, STR("pointer")) : NULL;
    int64_t offset = problem ? emit_slot_number(rd, problem, STR("offset")) : -1;

    if (offset >= (int64_t)base) {
        offset -= (int64_t)base;
    }
    snprintf(fallback, sizeof(fallback), "HTTP status %" PRId64, status);
    emit_report_refused(report, event->place, pointer, offset, detail ? detail : fallback);
}

/* Removes the first `taken` events but for the kept ones, which the caller has moved to the
 * front. */
static void emit_slot_drop(struct emit_slot *slot, size_t kept)
{
    size_t rest = slot->count - slot->taken;

    memmove(slot->events + kept, slot->events + slot->taken, rest * sizeof(slot->events[0]));
    slot->count = kept + rest;
    slot->taken = 0;
}

/* The answer to a batch has a result for each event, named by its index. One without a result is
 * sent again: the same bytes are one event, so that is safe. */
static size_t emit_slot_settle_batch(struct emit_slot *slot, const struct reply_doc *rd,
                                     const struct json_value *root, struct emit_report *report)
{
    const struct json_value *results = json_get(rd->doc, root, STR("results"));
    const struct json_value *result = results ? json_first(rd->doc, results) : NULL;
    size_t base = 0;
    size_t kept = 0;

    for (size_t i = 0; i < slot->taken; i++) {
        struct emit_event event = slot->events[i];
        int64_t status = 503;
        if (result && emit_slot_number(rd, result, STR("index")) == (int64_t)i) {
            status = emit_slot_number(rd, result, STR("status"));
        }
        switch (emit_slot_outcome(status)) {
        case ACCEPTED:
            emit_report_accepted(report, 1);
            break;
        case REFUSED:
            emit_slot_refuse(&event, rd, result, base, status, report);
            break;
        case AGAIN:
            slot->events[kept++] = event;
            break;
        }
        base += event.len + 1;
        result = result ? json_next(rd->doc, results, result) : NULL;
    }
    emit_slot_drop(slot, kept);
    return kept;
}

size_t emit_slot_settle(struct emit_slot *slot, const struct http_reply *reply,
                        struct emit_report *report, char *reason, size_t size)
{
    struct reply_doc rd = {.doc = NULL};
    enum outcome outcome = emit_slot_outcome(reply->status);
    bool is_batch = slot->taken > 1;
    size_t again = slot->taken;

    snprintf(reason, size, "HTTP status %d", reply->status);
    if (outcome == ACCEPTED && (!is_batch || reply->status == 201)) {
        emit_report_accepted(report, slot->taken);
        emit_slot_drop(slot, 0);
        return 0;
    }
    const struct json_value *root = emit_slot_open_doc(reply->body, &rd);
    if (outcome == AGAIN) {
        const char *detail = root ? emit_slot_text(&rd, root, STR("detail")) : NULL;
        if (detail) {
            snprintf(reason, size, "%d: %s", reply->status, detail);
        }
    } else if (outcome == ACCEPTED) {
        again = emit_slot_settle_batch(slot, &rd, root, report);
    } else if (is_batch) {
        slot->is_one_by_one = true; /* so that the good ones do not share the fate of a bad one */
    } else {
        emit_slot_refuse(&slot->events[0], &rd, root, 0, reply->status, report);
        emit_slot_drop(slot, 0);
        again = 0;
    }
    emit_slot_close_doc(&rd);
    return again;
}

void emit_slot_give_up(struct emit_slot *slot, struct emit_report *report, const char *reason)
{
    for (size_t i = 0; i < slot->taken; i++) {
        emit_report_unavailable(report, slot->events[i].place, reason);
    }
    emit_slot_drop(slot, 0);
}

void emit_slot_reset(struct emit_slot *slot)
{
    slot->text_len = 0;
    slot->is_one_by_one = false;
    if (slot->text_size > TEXT_KEEP_BYTES) {
        free(slot->text);
        slot->text = NULL;
        slot->text_size = 0;
    }
}

void emit_slot_fini(struct emit_slot *slot)
{
    free(slot->text);
    free(slot->events);
    slot->text = NULL;
    slot->events = NULL;
}
