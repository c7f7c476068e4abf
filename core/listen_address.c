#include "core/listen_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define HOST_BYTES_MAX 256

enum verdict listen_address_resolve(const char *text, struct addrinfo **out_list, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *colon = strrchr(text, ':');
    size_t host_len = colon ? (size_t)(colon - text) : 0;
    char host[HOST_BYTES_MAX];
    int failure;

    if (!colon || host_len >= sizeof(host)) {
        return err_set(err, FATAL, "http_server", "%s is no address like 127.0.0.1:5000", text);
    }
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        memmove(host, host + 1, host_len - 2);
        host[host_len - 2] = '\0';
    }
    failure = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, out_list);
    if (failure) {
        return err_set(err, FATAL, "http_server", "%s: %s", text, gai_strerror(failure));
    }
    return OK;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(v6) ||
               (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
    }
    return false;
}

bool listen_address_is_loopback(const char *text)
{
    struct addrinfo *list = NULL;
    struct err err;
    bool is_own = true;

    if (listen_address_resolve(text, &list, &err) != OK) {
        return false;
    }
    for (const struct addrinfo *each = list; each; each = each->ai_next) {
        is_own = is_own && is_loopback(each->ai_addr);
    }
    freeaddrinfo(list);
    return is_own;
}
