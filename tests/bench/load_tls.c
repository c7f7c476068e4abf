#include "tests/bench/load_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define RECORD_BYTES 16384

struct load_tls {
    SSL *ssl;
};

static SSL_CTX *shared_context(void)
{
    static SSL_CTX *context;

    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    return context;
}

enum verdict load_tls_open(int fd, struct load_tls **out_tls, struct err *err)
{
    struct load_tls *tls = calloc(1, sizeof(*tls));

    if (!tls) {
        return err_set(err, FATAL, "load_tls", "out of memory");
    }
    tls->ssl = SSL_new(shared_context());
    if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1 || SSL_connect(tls->ssl) != 1) {
        load_tls_close(tls);
        return err_set(err, FATAL, "load_tls", "no TLS: %s",
                       ERR_reason_error_string(ERR_get_error()));
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *out_tls = tls;
    return OK;
}

static ssize_t translate(struct load_tls *tls, int result)
{
    int kind = SSL_get_error(tls->ssl, result);

    if (result > 0) {
        return result;
    }
    errno = kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return kind == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t load_tls_send(struct load_tls *tls, const char *head, size_t head_bytes, const char *body,
                      size_t body_bytes)
{
    char record[RECORD_BYTES];
    size_t room = sizeof(record) - head_bytes;
    size_t taken = body_bytes < room ? body_bytes : room;

    memcpy(record, head, head_bytes);
    memcpy(record + head_bytes, body, taken);
    ERR_clear_error();
    return translate(tls, SSL_write(tls->ssl, record, (int)(head_bytes + taken)));
}

ssize_t load_tls_recv(struct load_tls *tls, char *room, size_t bytes)
{
    ERR_clear_error();
    return translate(tls, SSL_read(tls->ssl, room, (int)bytes));
}

void load_tls_close(struct load_tls *tls)
{
    if (tls) {
        SSL_free(tls->ssl);
        free(tls);
    }
}
