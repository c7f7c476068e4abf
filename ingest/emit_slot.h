/* emit_slot.h - one place of the window: the events of one request, what the answer says of each.
 * No sockets. Internal to emit_http.c and its tests. */
#ifndef METAOPS_INGEST_EMIT_SLOT_H
#define METAOPS_INGEST_EMIT_SLOT_H

#include "core/str.h"
#include "emit_options.h"
#include "emit_report.h"
#include "http_reply.h"

struct emit_event {
    struct emit_place place;
    size_t at; /* in text */
    size_t len;
};

struct emit_slot {
    char *text; /* the events as they were read, one behind the other */
    size_t text_len;
    size_t text_size;
    struct emit_event *events; /* room for `batch` */
    size_t count;              /* without a result yet */
    size_t taken;              /* of these, at the front, in the request under way */
    bool is_one_by_one;        /* the server refused them as a batch: each goes alone */
    int64_t tries;             /* of the request at hand */
};

/* Appends a copy of text. RETRY when memory is short. */
MUST_CHECK enum verdict emit_slot_add(struct emit_slot *slot, struct emit_place place,
                                      struct str text, struct err *err);

/* Bytes of the request's body: the taken events, LF between them. */
size_t emit_slot_body_bytes(const struct emit_slot *slot);

/* Reports what the answer to the taken events says and removes those that have a result. Returns
 * how many of the taken ones have to be sent again. reason (size bytes) gets why. */
size_t emit_slot_settle(struct emit_slot *slot, const struct http_reply *reply,
                        struct emit_report *report, char *reason, size_t size);

/* Reports the taken events as unavailable and removes them. */
void emit_slot_give_up(struct emit_slot *slot, struct emit_report *report, const char *reason);

/* Forgets the text once there are no events. Keeps small buffers. */
void emit_slot_reset(struct emit_slot *slot);

/* A zeroed slot is allowed. */
void emit_slot_fini(struct emit_slot *slot);

#endif
