/* cloudevents_head.h - what the head of a request says of CloudEvents: the mode, and in binary mode the
 * attributes. Pure functions. */
#ifndef METAOPS_INGEST_CLOUDEVENTS_HEAD_H
#define METAOPS_INGEST_CLOUDEVENTS_HEAD_H

#include "core/arena.h"
#include "core/http_head.h"
#include "schemas/payload_attributes.h"

enum cloudevents_mode {
    CLOUDEVENTS_NONE, /* no CloudEvents */
    CLOUDEVENTS_BINARY,
    CLOUDEVENTS_STRUCTURED,
    CLOUDEVENTS_BATCH,
};

/* By Content-Type; without a type of CloudEvents, by a header ce-specversion. */
enum cloudevents_mode cloudevents_head_mode(const struct http_head *head);

/* The attributes of headers ce-NAME, percent-decoded, views of head or in arena. False when one that is
 * kept comes twice (two readers would disagree on it) or the arena is full; *out_reason is then a literal. */
bool cloudevents_head_read(const struct http_head *head, struct arena *arena,
                           struct payload_attributes *out_attributes, const char **out_reason);

#endif
