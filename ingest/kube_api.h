/* kube_api.h - where the API server of a cluster is and how one asks it, from the settings or, in a pod, from what Kubernetes
 * puts there. The token is read anew for each request: those of service accounts are replaced every hour. Any thread. */
#ifndef METAOPS_INGEST_KUBE_API_H
#define METAOPS_INGEST_KUBE_API_H

#include <stdbool.h>

#include "core/err.h"
#include "core/http_stream.h"

#define KUBE_API_TOKEN_BYTES 16384
#define KUBE_API_URL_BYTES 8192

struct settings;

struct kube_api {
    char url[1024];         /* without a slash at its end */
    const char *token_file; /* empty: none is shown */
    const char *ca_file;    /* empty: the system's certificates */
};

/* Texts are those of st, or literals. FATAL for bad settings: no address, plain http beyond loopback. */
MUST_CHECK enum verdict kube_api_find(const struct settings *st, struct kube_api *out_api,
                                      struct err *err);

/* The token, ended by NUL, into out (KUBE_API_TOKEN_BYTES); empty where none is shown. RETRY: it cannot be read now. */
MUST_CHECK enum verdict kube_api_token(const struct kube_api *api, char *out, struct err *err);

#endif
