#include "core/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/http_aside.h"
#include "core/http_loop.h"
#include "core/listen_address.h"
#include "core/timebase.h"
#include "core/tls_server.h"

#define LISTEN_BACKLOG 1024

struct http_server {
    struct http_shared shared;
    int port;
    int loop_count;
    struct http_loop *loops[];
};

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char port[16];

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof(port),
                    NI_NUMERICSERV) != 0) {
        return 0;
    }
    return (int)strtol(port, NULL, 10);
}

static int bind_one(const struct addrinfo *address, bool is_shared)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    address->ai_protocol);
    int on = 1;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (is_shared) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void set_port(struct addrinfo *address, int port)
{
    if (address->ai_family == AF_INET) {
        ((struct sockaddr_in *)(void *)address->ai_addr)->sin_port = htons((uint16_t)port);
    } else if (address->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)address->ai_addr)->sin6_port = htons((uint16_t)port);
    }
}

/* A listener at address, or -1. The first one finds the port and is alone at it: with SO_REUSEPORT from
 * the beginning a second process could bind it too and take half of the connections. Only then may the
 * others join; the port is never free in between. */
static int listen_at(struct http_server *server, struct addrinfo *address, bool is_first)
{
    int on = 1;
    int fd = bind_one(address, !is_first);

    if (fd >= 0 && listen(fd, LISTEN_BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    if (fd >= 0 && is_first) {
        server->port = port_of(fd);
        set_port(address, server->port);
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    return fd;
}

static enum verdict make_loops(struct http_server *server, struct addrinfo *address,
                               struct err *err)
{
    for (int i = 0; i < server->shared.options.threads; i++) {
        int fd = listen_at(server, address, i == 0);

        if (fd < 0) {
            return err_set(err, FATAL, "http_server", "cannot listen on %s: %s",
                           server->shared.options.listen, strerror(errno));
        }
        server->loops[i] = http_loop_new(&server->shared, fd);
        if (!server->loops[i]) {
            return err_set(err, FATAL, "http_server", "no memory for an event loop");
        }
        server->loop_count++;
    }
    return OK;
}

enum verdict http_server_start(const struct http_server_options *options,
                               struct http_server **out_server, struct err *err)
{
    size_t loops_bytes = sizeof(struct http_loop *) * (size_t)options->threads;
    struct http_server *server = calloc(1, sizeof(*server) + loops_bytes);
    struct addrinfo *addresses = NULL;
    enum verdict verdict;

    if (!server) {
        return err_set(err, FATAL, "http_server", "out of memory");
    }
    server->shared.options = *options;
    server->shared.options.tls = NULL;
    verdict = listen_address_resolve(options->listen, &addresses, err);
    if (verdict == OK && options->tls) {
        verdict = tls_server_new(options->tls, &server->shared.tls, err);
    }
    if (verdict == OK) {
        verdict = make_loops(server, addresses, err);
    }
    if (verdict == OK && options->aside_threads > 0) {
        verdict =
            http_aside_start(options->aside_threads, options->arg, &server->shared.aside, err);
    }
    for (int i = 0; i < server->loop_count && verdict == OK; i++) {
        verdict = http_loop_start(server->loops[i], err);
    }
    if (addresses) {
        freeaddrinfo(addresses);
    }
    if (verdict != OK) {
        http_server_stop(server, 0);
        http_server_free(server);
        return verdict;
    }
    *out_server = server;
    return OK;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

struct tls_server *http_server_tls(struct http_server *server)
{
    return server->shared.tls;
}

bool http_server_is_alive(const struct http_server *server, int within_ms)
{
    int64_t oldest_us = timebase_mono_us() - (int64_t)within_ms * 1000;

    for (int i = 0; i < server->loop_count; i++) {
        if (atomic_load(&server->loops[i]->swept_us) < oldest_us) {
            return false;
        }
    }
    return true;
}

void http_server_stop(struct http_server *server, int timeout_ms)
{
    server->shared.stop_deadline_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    atomic_store(&server->shared.is_stopping, true);
    for (int i = 0; i < server->loop_count; i++) {
        http_loop_wake(server->loops[i]);
    }
    for (int i = 0; i < server->loop_count; i++) {
        http_loop_join(server->loops[i]);
    }
    http_aside_stop(server->shared.aside);
    server->shared.aside = NULL;
}

void http_server_free(struct http_server *server)
{
    if (!server) {
        return;
    }
    for (int i = 0; i < server->loop_count; i++) {
        http_loop_free(server->loops[i]);
    }
    tls_server_free(server->shared.tls);
    free(server);
}
