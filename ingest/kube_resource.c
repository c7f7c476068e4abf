#include "ingest/kube_resource.h"

#include <stdio.h>
#include <string.h>

#include "core/str.h"

static const struct kube_resource resources[] = {
    {.name = "pods", .group = "", .version = "v1", .kind = "Pod"},
    {.name = "deployments", .group = "apps", .version = "v1", .kind = "Deployment"},
    {.name = "jobs", .group = "batch", .version = "v1", .kind = "Job"},
    {.name = "models", .group = "mlops.seldon.io", .version = "v1alpha1", .kind = "Model"},
    {.name = "pipelines", .group = "mlops.seldon.io", .version = "v1alpha1", .kind = "Pipeline"},
    {.name = "servers", .group = "mlops.seldon.io", .version = "v1alpha1", .kind = "Server"},
    {.name = "seldondeployments",
     .group = "machinelearning.seldon.io",
     .version = "v1",
     .kind = "SeldonDeployment"},
    {.name = "inferenceservices",
     .group = "serving.kserve.io",
     .version = "v1beta1",
     .kind = "InferenceService"},
    {.name = "sparkapplications",
     .group = "sparkoperator.k8s.io",
     .version = "v1beta2",
     .kind = "SparkApplication"},
};

static const struct kube_resource *find(struct str name)
{
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        if (str_eq(name, str_view(resources[i].name))) {
            return &resources[i];
        }
    }
    return NULL;
}

static bool has(const struct kube_resource *const *list, size_t count,
                const struct kube_resource *resource)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == resource) {
            return true;
        }
    }
    return false;
}

enum verdict kube_resource_list(const char *names, const struct kube_resource **out_list,
                                size_t *out_count, struct err *err)
{
    size_t count = 0;

    for (const char *at = names; *at;) {
        size_t len = strcspn(at, ",");
        struct str name = str_trim((struct str){at, len}, " ");
        const struct kube_resource *resource = find(name);
        if (name.len > 0 && !resource) {
            return err_set(err, FATAL, "kubernetes",
                           "poll.kubernetes_resources: %.*s is none that can be watched",
                           (int)name.len, name.ptr);
        }
        if (resource && !has(out_list, count, resource)) {
            out_list[count++] = resource;
        }
        at += len + (at[len] == ',');
    }
    *out_count = count;
    return count > 0 ? OK
                     : err_set(err, FATAL, "kubernetes",
                               "poll.kubernetes_resources names nothing to watch");
}

void kube_resource_path(const struct kube_resource *resource, char *out, size_t size)
{
    if (*resource->group) {
        snprintf(out, size, "/apis/%s/%s/%s", resource->group, resource->version, resource->name);
    } else {
        snprintf(out, size, "/api/%s/%s", resource->version, resource->name);
    }
}
