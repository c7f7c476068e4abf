#include "ingest/kube_api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/http_client.h"
#include "core/settings.h"

#define WHERE "kubernetes"
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

static bool is_loopback(const char *host)
{
    struct in_addr address;

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* As each container of a pod is told. */
static enum verdict find_in_pod(struct kube_api *api, struct err *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");

    if (!host || !port) {
        return err_set(err, FATAL, WHERE,
                       "poll.kubernetes_url is needed: this is no pod of Kubernetes");
    }
    snprintf(api->url, sizeof(api->url), strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s",
             host, port);
    api->token_file = *api->token_file ? api->token_file : SERVICE_ACCOUNT "token";
    api->ca_file = *api->ca_file ? api->ca_file : SERVICE_ACCOUNT "ca.crt";
    return OK;
}

enum verdict kube_api_find(const struct settings *st, struct kube_api *out_api, struct err *err)
{
    struct kube_api api = {.token_file = st->poll.kubernetes_token_file,
                           .ca_file = st->poll.kubernetes_ca_file};
    struct http_client_place place;
    enum verdict verdict = OK;

    if (*st->poll.kubernetes_url) {
        snprintf(api.url, sizeof(api.url), "%s", st->poll.kubernetes_url);
    } else {
        verdict = find_in_pod(&api, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    size_t len = strlen(api.url);
    if (len > 0 && api.url[len - 1] == '/') {
        api.url[len - 1] = '\0';
    }
    if (http_client_place(api.url, &place, err) != OK) {
        return err_set(err, FATAL, WHERE, "poll.kubernetes_url is no URL with http or https");
    }
    if (!place.is_https && !is_loopback(place.host)) {
        return err_set(err, FATAL, WHERE,
                       "poll.kubernetes_url: plain http is for loopback alone (kubectl proxy)");
    }
    if (!place.is_https) {
        api.token_file = "";
    }
    *out_api = api;
    return OK;
}

enum verdict kube_api_token(const struct kube_api *api, char *out, struct err *err)
{
    ssize_t len;

    out[0] = '\0';
    if (!*api->token_file) {
        return OK;
    }
    int fd = open(api->token_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, RETRY, WHERE, "%s: %s", api->token_file, strerror(errno));
    }
    len = read(fd, out, KUBE_API_TOKEN_BYTES - 1);
    close(fd);
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r' || out[len - 1] == ' ')) {
        len--;
    }
    out[len > 0 ? len : 0] = '\0';
    for (ssize_t i = 0; i < len; i++) {
        if (out[i] <= ' ' || out[i] == 0x7f) {
            len = 0;
        }
    }
    if (len <= 0) {
        out[0] = '\0';
        return err_set(err, RETRY, WHERE, "%s: no token is in it", api->token_file);
    }
    return OK;
}
