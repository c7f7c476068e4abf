/* cloud_event.h - the envelope of a CloudEvents 1.0 event in structured JSON: what MetaOps says of
 * itself (keys, refusals) travels so, in records of format "cloudevents".
 *
 * Strict in what the specification demands (specversion 1.0, non-empty id, source and type), lenient
 * in the rest: unknown attributes are passed over. */
#ifndef METAOPS_SCHEMAS_CLOUD_EVENT_H
#define METAOPS_SCHEMAS_CLOUD_EVENT_H

#include <stdint.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

/* Types that begin so are MetaOps' own: no door takes them from outside. */
#define CLOUD_EVENT_OWN_TYPES "io.metaops."

struct cloud_event {
    struct str id;
    struct str source;
    struct str type;
    struct str subject;            /* empty: none */
    int64_t time_us;               /* CLOUD_EVENT_NO_TIME: none */
    const struct json_value *data; /* NULL: none */
};

#define CLOUD_EVENT_NO_TIME INT64_MIN

/* Reads doc (already parsed). Strings are views of its text or decoded into arena. REJECT with the
 * place of what is missing or wrong (fault may be NULL); RETRY when the arena is full. */
MUST_CHECK enum verdict cloud_event_read(const struct json_doc *doc, struct arena *arena,
                                         struct cloud_event *out_event, struct json_fault *fault,
                                         struct err *err);

/* Members of data objects. A member that is missing or null is left as it is (*out untouched);
 * REJECT with the place for one of another type, RETRY when the arena is full. */
MUST_CHECK enum verdict cloud_event_text(const struct json_doc *doc,
                                         const struct json_value *object, const char *name,
                                         struct arena *arena, struct str *out_text,
                                         struct json_fault *fault, struct err *err);
MUST_CHECK enum verdict cloud_event_time(const struct json_doc *doc,
                                         const struct json_value *object, const char *name,
                                         int64_t *out_us, struct json_fault *fault,
                                         struct err *err);
/* A whole number, zero or more. */
MUST_CHECK enum verdict cloud_event_number(const struct json_doc *doc,
                                           const struct json_value *object, const char *name,
                                           int64_t *out_number, struct json_fault *fault,
                                           struct err *err);

/* REJECT, with the place of value in fault. */
enum verdict cloud_event_refuse(const struct json_doc *doc, const struct json_value *value,
                                const char *reason, struct json_fault *fault, struct err *err);

/* Begins an event on out, up to and with `"data":`; the caller writes the data and a closing brace.
 * The id is random, the source a literal. subject may be empty. */
void cloud_event_begin(FILE *out, const char *type, const char *source, struct str subject,
                       int64_t time_us);

/* text as a JSON string, in quotes. */
void cloud_event_write_text(FILE *out, struct str text);

/* A time as a JSON string. */
void cloud_event_write_time(FILE *out, int64_t us);

#endif
