/* object_state.h - what an object of Kubernetes, or the answer to an action on it, says of itself: which model it serves from where, what it
 * runs, what joins it to the graph. */
#ifndef METAOPS_PROCESSORS_OBJECT_STATE_H
#define METAOPS_PROCESSORS_OBJECT_STATE_H

#include "stages.h"

struct object_source;

struct object_state {
    struct str kind;         /* empty: the answer is a Status or a Scale */
    bool is_whole;           /* the answer is the object itself */
    int64_t generation;      /* -1: not said */
    int64_t replicas;        /* -1: not said */
    int64_t revision;        /* resourceVersion, where it is a number; -1: it is none */
    bool has_resources;      /* it says what a container needs */
    struct str artifact_uri; /* the first storageUri or modelUri; empty: none */
    struct str model;        /* empty: none is named */
    struct str model_version;
    struct str images; /* JSON array of what its containers run; empty: none */
    struct str
        annotations;   /* JSON object: metaops.io/..., and those by which Airflow names a task */
    struct str labels; /* JSON object */
    struct str owners; /* JSON array of ownerReferences */
    struct id128
        run_mark; /* of the run that it runs (run_mark.h), or this run's own id; zero: none */
};

/* Reads source->object. Strings are views of the body or lie in pr->scratch. What an object says otherwise than its kind
 * should is passed over. OK, or RETRY when the arena is full. */
MUST_CHECK enum verdict object_state_read(struct processor *pr, const struct object_source *source,
                                          struct object_state *out_state, struct err *err);

#endif
