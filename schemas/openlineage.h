/* openlineage.h - what an OpenLineage event says: JSON to a model, or the place of its first fault.
 *
 * The same rules for the gateway, `metaops check` and the worker (design: what the events mean).
 * Lenient where real producers are odd, strict only where an event could not be placed in the
 * graph: it must be an object, have an eventTime that is a time, a job (with namespace and name),
 * or a dataset; a run needs a runId; an eventType is a string; inputs and outputs, where present,
 * are arrays of objects with namespace and name, or {}; facets, where present, are objects. Null
 * counts as missing. Everything else is kept as it came. A body with a run is a run event, else
 * with a job a job event, else a dataset event; what the other kinds would use is not looked at. */
#ifndef METAOPS_SCHEMAS_OPENLINEAGE_H
#define METAOPS_SCHEMAS_OPENLINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"

enum openlineage_kind { OPENLINEAGE_RUN = 1, OPENLINEAGE_JOB = 2, OPENLINEAGE_DATASET = 3 };

/* By rank: the larger wins whatever the order. */
enum openlineage_state {
    OPENLINEAGE_STATE_NEW = 0,     /* OTHER, unknown, missing */
    OPENLINEAGE_STATE_RUNNING = 1, /* START, RUNNING */
    OPENLINEAGE_STATE_COMPLETE = 2,
    OPENLINEAGE_STATE_ABORT = 3,
    OPENLINEAGE_STATE_FAIL = 4
};

struct openlineage_dataset {
    struct str namespace_;
    struct str name;
    struct id128 id;
    const struct json_value *value;     /* the dataset object itself */
    const struct json_value *facets;    /* object or NULL */
    const struct json_value *io_facets; /* inputFacets or outputFacets, or NULL */
};

struct openlineage_job {
    struct str namespace_;
    struct str name;
    struct id128 id;
};

/* A run that is named: the event's own, its parent's, its root's. */
struct openlineage_run {
    struct str run_id; /* as sent */
    struct id128 id;
    bool is_uuid;
};

struct openlineage_event {
    enum openlineage_kind kind;
    int64_t event_time_us;
    struct str event_type; /* as sent; empty when missing */
    bool is_start;         /* START, without regard to case */
    enum openlineage_state state;
    struct str producer; /* empty when missing */
    struct openlineage_run run;
    const struct json_value *run_facets;
    struct openlineage_job job; /* kinds run and job */
    const struct json_value *job_facets;
    struct openlineage_dataset dataset; /* kind dataset */
    struct openlineage_dataset *inputs;
    struct openlineage_dataset *outputs;
    uint32_t input_count;
    uint32_t output_count;

    /* From the run's parent facet; a malformed one is no parent (and stays a facet). */
    bool has_parent;
    bool has_parent_job;
    struct openlineage_run parent_run;
    struct openlineage_job parent_job;
    bool has_root; /* the facet's own root member */
    bool has_root_job;
    struct openlineage_run root_run;
    struct openlineage_job root_job;
};

/* Reads doc (already parsed). Strings are views of its text or decoded into arena. OK; REJECT with
 * fault (NULL allowed; pointer of the place, also for a missing member: /run/runId; offset of the
 * value, or of the object that lacks it); RETRY when the arena is full. */
MUST_CHECK enum verdict openlineage_read(const struct json_doc *doc, struct arena *arena,
                                         struct openlineage_event *out_ev, struct json_fault *fault,
                                         struct err *err);

/* The 16 bytes that key the event on Kafka: the job's id, else the dataset's. */
struct id128 openlineage_key(const struct openlineage_event *ev);

#endif
