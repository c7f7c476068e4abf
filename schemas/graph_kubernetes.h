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

/* An object of Kubernetes that was created, answered with, or watched. */
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

enum graph_readiness { GRAPH_READY_UNTOLD, GRAPH_READY_NO, GRAPH_READY_YES };

/* What an object was, as an answer to an action, or a watch, says. */
struct graph_k8s_state {
    uint32_t event;
    struct id128 action; /* of a watch: the event's id */
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
    bool is_watched; /* what follows is told by a watch alone */
    enum graph_readiness readiness;
    int64_t revision; /* -1: not said */
    struct str phase;
    struct str reason;
};

/* By what an object of Kubernetes finds the run that runs in it (run_mark.h). */
struct graph_run_mark {
    uint32_t event;
    struct id128 mark;
    struct id128 run;
};

#endif
