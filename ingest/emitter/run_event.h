/* run_event.h - OpenLineage run events from the words a person or a C program has: names as
 * NAMESPACE/NAME, run ids, states. Pure but for clock and randomness. */
#ifndef METAOPS_INGEST_EMITTER_RUN_EVENT_H
#define METAOPS_INGEST_EMITTER_RUN_EVENT_H

#include "core/err.h"
#include "core/str.h"
#include "ingest/emitter/metaops_emit.h"

struct run_event_name {
    struct str namespace_;
    struct str name;
};

/* NAMESPACE/NAME by the rule in metaops_emit.h; the parts are views. REJECT when one is empty. */
MUST_CHECK enum verdict run_event_split(struct str text, struct run_event_name *out_name,
                                        struct err *err);

struct run_event_parent {
    struct run_event_name job;
    struct str run_id;
};

/* NAMESPACE/JOB/RUNID. REJECT when a part is missing. */
MUST_CHECK enum verdict run_event_split_parent(struct str text, struct run_event_parent *out_parent,
                                               struct err *err);

/* A version 7 UUID: 36 characters and a NUL. */
void run_event_new_id(char out[37]);

/* The event as JSON: *out_text is malloc'd, the caller's. REJECT for what is missing or no name;
 * RETRY when memory is short. state->size has been looked at: all members can be read. */
MUST_CHECK enum verdict run_event_write(const struct metaops_emit_run_state *state, char **out_text,
                                        size_t *out_len, struct err *err);

#endif
