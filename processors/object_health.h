/* object_health.h - what the status of an object of Kubernetes says: is it ready, and if not, why. */
#ifndef METAOPS_PROCESSORS_OBJECT_HEALTH_H
#define METAOPS_PROCESSORS_OBJECT_HEALTH_H

#include "schemas/graph_kubernetes.h"
#include "stages.h"

struct object_health {
    enum graph_readiness readiness;
    struct str
        phase; /* of a pod, a job, an application of Spark, a SeldonDeployment; empty: none is said */
    struct str reason; /* why it is ready or not; empty: not said */
};

/* Strings are views of the body or lie in pr->scratch. What an object says otherwise than it should is passed over. OK, or
 * RETRY when the arena is full. */
MUST_CHECK enum verdict object_health_read(struct processor *pr, const struct json_value *object,
                                           struct object_health *out_health, struct err *err);

#endif
