/* kube_audit.h - one event of a Kubernetes audit log (audit.k8s.io/v1): who did what to which object, whether it was
 * allowed, and what the object was afterwards.
 *
 * It travels in records of format "kubernetes_audit", whose body is the object of kube_audit_fold(): the name of the
 * cluster, which only the address of the door says, and the event as kube-apiserver sent it, without its secrets
 * (redact_kubernetes.c).
 *
 * Identity: a version 5 UUID as those of identity.h, of kind "action" over cluster, auditID and stage, because
 * kube-apiserver sends a batch again whenever its answer is late, and batches overlap. */
#ifndef METAOPS_SCHEMAS_KUBE_AUDIT_H
#define METAOPS_SCHEMAS_KUBE_AUDIT_H

#include "core/arena.h"
#include "core/err.h"
#include "core/id128.h"
#include "core/json.h"

#define KUBE_AUDIT_FORMAT "kubernetes_audit"

/* Longest name of a cluster. */
#define KUBE_AUDIT_CLUSTER_BYTES_MAX 253

struct kube_audit {
    struct str cluster;
    struct str audit_id;
    struct str stage;
    struct str actor;        /* who is acted as; empty: nobody was authenticated */
    struct str on_behalf_of; /* who asked to act as another; empty: nobody */
    struct str verb;
    struct str api_group; /* empty: the core group, or no object */
    struct str api_version;
    struct str resource; /* empty: no object, but a path */
    struct str subresource;
    struct str namespace_;
    struct str name;
    struct str uid;       /* of the object; empty: not said at the event's level */
    int64_t code;         /* of HTTP; 0: not answered yet */
    struct str reason;    /* of a failure */
    struct str decision;  /* allow, forbid; empty: nobody was asked */
    struct str source_ip; /* the last of the addresses: the others are claims */
    struct str user_agent;
    int64_t requested_at_us;
    int64_t event_time_us;           /* when the stage was reached */
    const struct json_value *object; /* what was answered; NULL: not at the event's level */
    struct id128 event_id;
};

/* Letters, digits, '.', '_' and '-', 1 to 253 of them. */
bool kube_audit_is_cluster(struct str name);

/* The body of a record, in arena, followed by JSON_PADDING_BYTES; *out_item_at: where item stands in it. ptr NULL
 * when the arena is full. */
struct str kube_audit_fold(struct str cluster, struct str item, struct arena *arena,
                           size_t *out_item_at);

/* Reads doc, the parse of such a body. Strings are views of its text or lie in arena. REJECT with the place of what
 * is missing or wrong; RETRY when the arena is full. */
MUST_CHECK enum verdict kube_audit_read(const struct json_doc *doc, struct arena *arena,
                                        struct kube_audit *out_audit, struct json_fault *fault,
                                        struct err *err);

/* The object that is acted on, by its name: key of the record on Kafka, so that what happens to one object is
 * worked on by one worker and its rows are locked by nobody else. */
struct id128 kube_audit_object(const struct kube_audit *audit);

#endif
