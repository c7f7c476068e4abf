/* kube_watch.h - one event of a watch of Kubernetes: what an object is now, or that it is gone. It says nothing of who made
 * it so: that is in audit events (kube_audit.h).
 *
 * It travels in records of format "kubernetes_watch", whose body is a structured CloudEvent as Knative's ApiServerSource
 * sends it (types dev.knative.apiserver.resource.add, .update and .delete, the path of the object as subject, the object as
 * data) with its cluster, apiVersion and kind as extension attributes, because objects of a list do not say the latter;
 * without managedFields, and without its secrets (redact_kubernetes.c).
 *
 * Identity: a version 5 UUID as those of identity.h, of kind "k8s_watch" over cluster, uid, resourceVersion and "state" or
 * "delete": what is listed again is the same event. Of an object that is gone and does not say since when, the time at which
 * that was seen follows, so that what two see of it are two events, in any order. Pure functions. */
#ifndef METAOPS_SCHEMAS_KUBE_WATCH_H
#define METAOPS_SCHEMAS_KUBE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"

#define KUBE_WATCH_FORMAT "kubernetes_watch"
#define KUBE_WATCH_TYPES "dev.knative.apiserver.resource."

enum kube_watch_change { KUBE_WATCH_ADD, KUBE_WATCH_UPDATE, KUBE_WATCH_DELETE };

/* What somebody who watches knows of an event. */
struct kube_watch_source {
    struct str cluster;
    struct str group; /* empty: the core group */
    struct str version;
    struct str resource; /* plural */
    struct str kind;
    enum kube_watch_change change;
    const struct json_doc *doc;
    const struct json_value *object; /* of doc */
    int64_t now_us; /* the clock: for what says no time, and the end of an object that says none */
};

struct kube_watch {
    struct str cluster;
    struct str api_group; /* empty: the core group */
    struct str kind;
    struct str namespace_; /* empty: none */
    struct str name;
    struct str uid;
    bool is_deleted; /* it is gone, or going */
    bool is_whole;   /* object says more than its names */
    int64_t event_time_us;
    const struct json_value *object;
    struct id128 event_id;
};

/* Names of an object, as it says them itself. */
struct kube_watch_names {
    struct str namespace_;
    struct str name;
    struct str uid;
    struct str revision; /* resourceVersion */
};

/* Reads them of an object of doc; REJECT with the place of what is missing or wrong; RETRY when the arena is full. */
MUST_CHECK enum verdict kube_watch_names(const struct json_doc *doc,
                                         const struct json_value *object, struct arena *arena,
                                         struct kube_watch_names *out_names,
                                         struct json_fault *fault, struct err *err);

/* By when the object was so, from what it says itself, so that everybody who tells of it tells the same: the end of the
 * second of its latest time (of managedFields, of conditions, of its creation, of the request to delete it). INT64_MIN: it
 * says none. */
int64_t kube_watch_time(const struct json_doc *doc, const struct json_value *object);

/* The body of a record in arena, followed by JSON_PADDING_BYTES. REJECT and RETRY as kube_watch_names. */
MUST_CHECK enum verdict kube_watch_fold(const struct kube_watch_source *source, struct arena *arena,
                                        struct str *out_body, struct json_fault *fault,
                                        struct err *err);

/* Reads doc, the parse of such a body. Strings are views of its text or lie in arena. REJECT and RETRY as above. */
MUST_CHECK enum verdict kube_watch_read(const struct json_doc *doc, struct arena *arena,
                                        struct kube_watch *out_watch, struct json_fault *fault,
                                        struct err *err);

#endif
