/* door_guard.h - what the gateway's door must have before it opens: TLS and keys, unless only this
 * machine can reach it, or ingest.insecure says that something in front of it takes their place. */
#ifndef METAOPS_INGEST_DOOR_GUARD_H
#define METAOPS_INGEST_DOOR_GUARD_H

#include <stdbool.h>

#include "core/err.h"

struct settings;

/* Whether an event without a key and without a verified client certificate is to be refused: what
 * ingest.auth means for this listen address. May ask a name server: once, at start. */
bool door_guard_requires_key(const struct settings *st);

/* FATAL when the door would stand open; the text names what to set. */
MUST_CHECK enum verdict door_guard_check(const struct settings *st, struct err *err);

#endif
