/* poll_kubernetes.h - watches what runs and what serves models in a cluster of Kubernetes, and publishes each state of an
 * object (kube_watch.h). A thread for each resource. */
#ifndef METAOPS_INGEST_POLL_KUBERNETES_H
#define METAOPS_INGEST_POLL_KUBERNETES_H

struct poll_source;

/* Wanted when poll.kubernetes_cluster names a cluster. */
extern const struct poll_source poll_kubernetes_source;

#endif
