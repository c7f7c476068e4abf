/* graph_kubernetes.h - rows of graph_rows.h that say who did what in Kubernetes. Each begins with the number of the event
 * in the batch that brought it. */
#ifndef METAOPS_SCHEMAS_GRAPH_KUBERNETES_H
#define METAOPS_SCHEMAS_GRAPH_KUBERNETES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/id128.h"
#include "core/str.h"

/* Who did what to which object of Kubernetes. */
struct graph_action {
    uint32_t event;
    struct id128 id; /* of the event */
    int32_t code;    /* of HTTP; 0: not answered yet */
    int64_t requested_at_us;
    int64_t event_time_us;
    struct str cluster;
    struct str audit_id;
    struct str stage;
    struct str actor;
    struct str on_behalf_of; /* ptr NULL: nobody; so the texts below, where nothing is said */
    struct str verb;
    struct str api_group;
    struct str resource;
    struct str subresource;
    struct str namespace_;
    struct str name;
    struct str uid;
    struct str reason;
    struct str decision;
    struct str source_ip;
    struct str user_agent;
};

/* An object of Kubernetes that was created, or answered with. */
struct graph_k8s_object {
    uint32_t event;
    struct id128 id;
    int64_t first_at_us;
    int64_t last_at_us;
    struct str cluster;
    struct str api_group;
    struct str kind;
    struct str namespace_;
    struct str name;
    struct str uid;
};

/* What an object was, as an answer to an action says. */
struct graph_k8s_state {
    uint32_t event;
    struct id128 action;
    struct id128 object;
    int64_t at_us;
    bool is_deleted;
    bool is_whole;      /* all that it is; else, as of a scale, only its replicas are said */
    int64_t generation; /* -1: not said */
    int64_t replicas;   /* -1: not said */
    bool has_resources;
    struct id128 run_mark;   /* of the run that it runs, or this run's own id; zero: none */
    struct str artifact_uri; /* ptr NULL: none; so the texts below */
    struct str model;
    struct str model_version;
    struct str images;      /* JSON arrays and objects */
    struct str annotations; /* those that join it to the graph */
    struct str labels;
    struct str owners;
};

#endif
