/* event_prepare.h - an event as it comes from the program to the event as it is spooled: judged by
 * the gateway's rules, secrets redacted, keyed. One thread at a time. */
#ifndef METAOPS_INGEST_EMITTER_EVENT_PREPARE_H
#define METAOPS_INGEST_EMITTER_EVENT_PREPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id128.h"
#include "core/str.h"

struct event_prepare;

/* Events of more than event_bytes_max bytes are refused; the other two say what redact.h does. RETRY
 * when memory is short. */
MUST_CHECK enum verdict event_prepare_new(size_t event_bytes_max, const char *environment_allow,
                                          bool is_masking_sql, struct event_prepare **out_prepare,
                                          struct err *err);

struct prepared_event {
    struct str text; /* valid until the next call */
    struct id128 key;
    uint32_t redactions;
};

/* REJECT with the place and reason for what no gateway would take; RETRY when memory is short. */
MUST_CHECK enum verdict event_prepare_run(struct event_prepare *prepare, struct str text,
                                          struct prepared_event *out_event, struct err *err);

/* NULL is allowed. */
void event_prepare_free(struct event_prepare *prepare);

#endif
