/* kube_resource.h - the resources of Kubernetes that can be watched, as a table: what runs, and what serves models. Secrets and
 * ConfigMaps are none of them. Pure functions. */
#ifndef METAOPS_INGEST_KUBE_RESOURCE_H
#define METAOPS_INGEST_KUBE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

#define KUBE_RESOURCES_MAX 16

struct kube_resource {
    const char *name;  /* plural, as in the API's paths */
    const char *group; /* empty: the core group */
    const char *version;
    const char *kind;
};

/* Those that a comma list names, each once. FATAL names one that is not in the table. */
MUST_CHECK enum verdict kube_resource_list(const char *names, const struct kube_resource **out_list,
                                           size_t *out_count, struct err *err);

/* The path of the collection in all namespaces, into out. */
void kube_resource_path(const struct kube_resource *resource, char *out, size_t size);

#endif
