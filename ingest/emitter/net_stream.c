#include "ingest/emitter/net_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/timebase.h"

#define WHERE "connection"
#define SLICE_MS 100

struct net_tls {
    SSL_CTX *ctx;
};

struct net_stream {
    struct fd_book *book;
    int fd;
    SSL *ssl; /* NULL: plain */
};

static enum verdict net_stream_tls_fail(const char *what, struct err *err)
{
    char text[160] = "closed by the peer";
    unsigned long code = ERR_peek_last_error();

    if (code != 0) {
        ERR_error_string_n(code, text, sizeof(text));
        const char *reason = ERR_reason_error_string(code);
        ERR_clear_error();
        return err_set(err, RETRY, WHERE, "%s: %s", what, reason ? reason : text);
    }
    return err_set(err, RETRY, WHERE, "%s: %s", what, text);
}

enum verdict net_tls_new(const char *ca_file, const char *certificate_file, const char *key_file,
                         struct net_tls **out_tls, struct err *err)
{
    struct net_tls *tls = calloc(1, sizeof(*tls));
    const char *wrong = NULL;

    if (!tls) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    /* At exit the thread may still be in a handshake: nothing of the library may be freed then. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    tls->ctx = SSL_CTX_new(TLS_client_method());
    if (!tls->ctx) {
        free(tls);
        return net_stream_tls_fail("TLS", err);
    }
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    if (ca_file ? SSL_CTX_load_verify_locations(tls->ctx, ca_file, NULL) != 1
                : SSL_CTX_set_default_verify_paths(tls->ctx) != 1) {
        wrong = "ca_file";
    } else if (certificate_file &&
               SSL_CTX_use_certificate_chain_file(tls->ctx, certificate_file) != 1) {
        wrong = "certificate_file";
    } else if (key_file && SSL_CTX_use_PrivateKey_file(tls->ctx, key_file, SSL_FILETYPE_PEM) != 1) {
        wrong = "key_file";
    }
    if (wrong) {
        net_stream_tls_fail(wrong, err);
        net_tls_free(tls);
        return RETRY; /* the file may be there later */
    }
    *out_tls = tls;
    return OK;
}

void net_tls_free(struct net_tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->ctx);
        free(tls);
    }
}

/* Waits until fd is ready. RETRY when time is up. */
static enum verdict net_stream_wait(int fd, short events, const struct net_wait *wait,
                                    struct err *err)
{
    for (;;) {
        int64_t left_ms = (wait->deadline_us - timebase_mono_us() + 999) / 1000;
        if (left_ms <= 0) {
            return err_set(err, RETRY, WHERE, "no answer in time");
        }
        if (wait->is_over && wait->is_over(wait->arg)) {
            return err_set(err, RETRY, WHERE, "stopped while waiting for the backend");
        }
        struct pollfd entry = {.fd = fd, .events = events};
        int count = poll(&entry, 1, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
        if (count > 0) {
            return OK;
        }
        if (count < 0 && errno != EINTR) {
            return err_set(err, RETRY, WHERE, "poll: %s", strerror(errno));
        }
    }
}

static enum verdict net_stream_connect(struct net_stream *stream, const struct addrinfo *address,
                                       const struct net_wait *wait, struct err *err)
{
    int code = 0;
    socklen_t len = sizeof(code);
    int one = 1;

    stream->fd = fd_book_add(
        stream->book, socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (stream->fd < 0) {
        return err_set(err, RETRY, WHERE, "socket: %s", strerror(errno));
    }
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(stream->fd, address->ai_addr, address->ai_addrlen) == 0) {
        return OK;
    }
    code = errno;
    if (code == EINPROGRESS) {
        enum verdict verdict = net_stream_wait(stream->fd, POLLOUT, wait, err);
        if (verdict != OK) {
            return verdict;
        }
        (void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &len);
    }
    return code == 0 ? OK : err_set(err, RETRY, WHERE, "connect: %s", strerror(code));
}

/* What an SSL call that did not succeed waits for. OK: try again. */
static enum verdict net_stream_tls_wait(struct net_stream *stream, int result, const char *what,
                                        const struct net_wait *wait, struct err *err)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return net_stream_wait(stream->fd, POLLIN, wait, err);
    case SSL_ERROR_WANT_WRITE:
        return net_stream_wait(stream->fd, POLLOUT, wait, err);
    default:
        return net_stream_tls_fail(what, err);
    }
}

static enum verdict net_stream_handshake(struct net_stream *stream, const char *host,
                                         struct net_tls *tls, const struct net_wait *wait,
                                         struct err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    enum verdict verdict = OK;

    stream->ssl = SSL_new(tls->ctx);
    if (!stream->ssl || SSL_set_fd(stream->ssl, stream->fd) != 1) {
        return err_set(err, RETRY, WHERE, "TLS: out of memory");
    }
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    bool is_named = is_address
                        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->ssl), host) == 1
                        : SSL_set1_host(stream->ssl, host) == 1 &&
                              SSL_set_tlsext_host_name(stream->ssl, host) == 1;
    if (!is_named) {
        return err_set(err, RETRY, WHERE, "TLS: the host's name cannot be checked");
    }
    while (verdict == OK) {
        ERR_clear_error();
        int result = SSL_connect(stream->ssl);
        if (result == 1) {
            return OK;
        }
        verdict = net_stream_tls_wait(stream, result, "TLS handshake", wait, err);
    }
    long check = SSL_get_verify_result(stream->ssl);
    if (check != X509_V_OK) {
        err_set(err, RETRY, WHERE, "TLS: certificate of %.64s: %s", host,
                X509_verify_cert_error_string(check));
    }
    return verdict;
}

enum verdict net_stream_open(const char *host, const char *port, struct net_tls *tls,
                             struct fd_book *book, const struct net_wait *wait,
                             struct net_stream **out_stream, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *addresses = NULL;
    struct net_stream *stream = calloc(1, sizeof(*stream));
    enum verdict verdict = RETRY;

    if (!stream) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    stream->book = book;
    stream->fd = -1;
    int code = getaddrinfo(host, port, &hints, &addresses);
    if (code != 0) {
        err_set(err, RETRY, WHERE, "%s: %s", host, gai_strerror(code));
    }
    for (struct addrinfo *at = addresses; at && verdict != OK; at = at->ai_next) {
        fd_book_close(book, stream->fd);
        verdict = net_stream_connect(stream, at, wait, err);
    }
    if (addresses) {
        freeaddrinfo(addresses);
    }
    if (verdict == OK && tls) {
        verdict = net_stream_handshake(stream, host, tls, wait, err);
    }
    if (verdict != OK) {
        net_stream_close(stream);
        return verdict;
    }
    *out_stream = stream;
    return OK;
}

enum verdict net_stream_send(struct net_stream *stream, const char *bytes, size_t len,
                             const struct net_wait *wait, struct err *err)
{
    enum verdict verdict = OK;

    while (len > 0 && verdict == OK) {
        ssize_t sent;
        if (stream->ssl) {
            ERR_clear_error();
            sent = SSL_write(stream->ssl, bytes, len < (1 << 30) ? (int)len : 1 << 30);
            if (sent <= 0) {
                verdict = net_stream_tls_wait(stream, (int)sent, "sending", wait, err);
                continue;
            }
        } else {
            sent = send(stream->fd, bytes, len, MSG_NOSIGNAL);
            if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
                verdict = net_stream_wait(stream->fd, POLLOUT, wait, err);
                continue;
            }
            if (sent < 0) {
                return err_set(err, RETRY, WHERE, "sending: %s", strerror(errno));
            }
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return verdict;
}

enum verdict net_stream_receive(struct net_stream *stream, char *out, size_t size,
                                const struct net_wait *wait, size_t *out_len, struct err *err)
{
    for (;;) {
        enum verdict verdict;
        ssize_t got;
        if (stream->ssl) {
            ERR_clear_error();
            got = SSL_read(stream->ssl, out, size < (1 << 30) ? (int)size : 1 << 30);
            if (got <= 0 && SSL_get_error(stream->ssl, (int)got) == SSL_ERROR_ZERO_RETURN) {
                got = 0;
            } else if (got <= 0) {
                verdict = net_stream_tls_wait(stream, (int)got, "receiving", wait, err);
                if (verdict != OK) {
                    return verdict;
                }
                continue;
            }
        } else {
            got = recv(stream->fd, out, size, 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
                verdict = net_stream_wait(stream->fd, POLLIN, wait, err);
                if (verdict != OK) {
                    return verdict;
                }
                continue;
            }
            if (got < 0) {
                return err_set(err, RETRY, WHERE, "receiving: %s", strerror(errno));
            }
        }
        *out_len = (size_t)got;
        return OK;
    }
}

bool net_stream_is_usable(struct net_stream *stream)
{
    char byte;

    if (stream->ssl) {
        /* Tickets may lie there unread; a close shows when the next request is sent. */
        struct pollfd entry = {.fd = stream->fd, .events = POLLIN};
        return poll(&entry, 1, 0) >= 0 && !(entry.revents & (POLLHUP | POLLERR));
    }
    ssize_t got = recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void net_stream_close(struct net_stream *stream)
{
    if (stream) {
        SSL_free(stream->ssl);
        fd_book_close(stream->book, stream->fd);
        free(stream);
    }
}
