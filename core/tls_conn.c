#include "core/tls_conn.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/tls_server.h"

struct tls_conn {
    SSL *ssl;
    char *client_name; /* NULL: none */
    bool is_established;
    bool wants_write;
    bool is_broken; /* OpenSSL must not be asked again */
    bool is_plain_http;
};

struct tls_conn *tls_conn_open(struct tls_server *tls, int fd)
{
    struct tls_conn *conn = calloc(1, sizeof(*conn));
    SSL_CTX *context = tls_server_context(tls);

    ERR_clear_error();
    if (conn) {
        conn->ssl = SSL_new(context);
    }
    SSL_CTX_free(context);
    if (!conn || !conn->ssl || SSL_set_fd(conn->ssl, fd) != 1) {
        if (conn) {
            SSL_free(conn->ssl);
        }
        free(conn);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(conn->ssl);
    return conn;
}

void tls_conn_rest(struct tls_conn *conn)
{
    if (!conn->is_broken && tls_server_can_free_buffers()) {
        SSL_free_buffers(conn->ssl); /* which does nothing when they are not empty */
    }
}

void tls_conn_end_sending(struct tls_conn *conn)
{
    if (conn->is_established && !conn->is_broken) {
        ERR_clear_error();
        SSL_shutdown(conn->ssl); /* whether it is heard does not matter */
        ERR_clear_error();
    }
    conn->is_broken = true;
}

void tls_conn_close(struct tls_conn *conn)
{
    if (!conn) {
        return;
    }
    tls_conn_end_sending(conn);
    SSL_free(conn->ssl);
    free(conn->client_name);
    free(conn);
}

static bool is_visible(const unsigned char *text, int len)
{
    for (int i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= TLS_CONN_NAME_BYTES_MAX;
}

/* NULL unless text can stand in logs and rows as it is. */
static char *copy_name(const ASN1_STRING *text)
{
    const unsigned char *bytes = text ? ASN1_STRING_get0_data(text) : NULL;
    int len = text ? ASN1_STRING_length(text) : 0;
    char *copy = bytes && is_visible(bytes, len) ? malloc((size_t)len + 1) : NULL;

    if (copy) {
        memcpy(copy, bytes, (size_t)len);
        copy[len] = '\0';
    }
    return copy;
}

static char *alternative_name(const GENERAL_NAMES *names, int type)
{
    char *found = NULL;

    for (int i = 0; names && !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        int name_type;
        const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &name_type);
        if (name_type == type) {
            found = copy_name(text);
        }
    }
    return found;
}

static char *common_name(const X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;

    return index < 0 ? NULL
                     : copy_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
}

static void name_client(struct tls_conn *conn)
{
    const X509 *certificate = SSL_get0_peer_certificate(conn->ssl);
    GENERAL_NAMES *names;

    if (!certificate || SSL_get_verify_result(conn->ssl) != X509_V_OK) {
        return;
    }
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    conn->client_name = alternative_name(names, GEN_URI);
    if (!conn->client_name) {
        conn->client_name = alternative_name(names, GEN_DNS);
    }
    if (!conn->client_name) {
        conn->client_name = common_name(certificate);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void note_progress(struct tls_conn *conn)
{
    if (!conn->is_established && SSL_is_init_finished(conn->ssl)) {
        conn->is_established = true;
        name_client(conn);
    }
}

/* What OpenSSL's answer means, as recv and send say it. */
static ssize_t translate(struct tls_conn *conn, int result)
{
    int saved_errno = errno;
    int kind = SSL_get_error(conn->ssl, result);
    int reason = ERR_GET_REASON(ERR_peek_error());

    ERR_clear_error();
    switch (kind) {
    case SSL_ERROR_WANT_WRITE:
        conn->wants_write = true;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        conn->is_broken = true;
        errno = saved_errno && saved_errno != EAGAIN ? saved_errno : ECONNRESET;
        return -1;
    default:
        conn->is_broken = true;
        conn->is_plain_http = !conn->is_established &&
                              (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST);
        errno = EPROTO;
        return -1;
    }
}

static int cut(size_t bytes)
{
    return bytes > INT_MAX ? INT_MAX : (int)bytes;
}

ssize_t tls_conn_recv(struct tls_conn *conn, char *room, size_t bytes)
{
    bool is_new = !conn->is_established;
    int result;

    if (conn->is_broken) {
        errno = EPROTO;
        return -1;
    }
    conn->wants_write = false;
    ERR_clear_error();
    errno = 0;
    result = SSL_read(conn->ssl, room, cut(bytes));
    note_progress(conn);
    if (result <= 0) {
        result = (int)translate(conn, result);
    }
    if (is_new && conn->is_established) {
        tls_conn_rest(conn); /* who only shakes hands keeps no buffers */
    }
    return result;
}

ssize_t tls_conn_send(struct tls_conn *conn, const char *text, size_t bytes)
{
    int result;

    if (conn->is_broken) {
        errno = EPROTO;
        return -1;
    }
    conn->wants_write = false;
    ERR_clear_error();
    errno = 0;
    result = SSL_write(conn->ssl, text, cut(bytes));
    note_progress(conn);
    if (result > 0) {
        return result;
    }
    result = (int)translate(conn, result);
    if (result == 0) {
        /* OpenSSL remembers that the client said its end and names that as the reason, although a
         * half-closed connection takes answers: it is the write that failed, for good. */
        conn->is_broken = true;
        errno = EPIPE;
        return -1;
    }
    return result;
}

bool tls_conn_has_pending(const struct tls_conn *conn)
{
    return !conn->is_broken && SSL_has_pending(conn->ssl) == 1;
}

bool tls_conn_wants_write(const struct tls_conn *conn)
{
    return conn->wants_write;
}

bool tls_conn_is_established(const struct tls_conn *conn)
{
    return conn->is_established;
}

bool tls_conn_is_resumed(const struct tls_conn *conn)
{
    return SSL_session_reused(conn->ssl) == 1;
}

bool tls_conn_is_plain_http(const struct tls_conn *conn)
{
    return conn->is_plain_http;
}

struct str tls_conn_client_name(const struct tls_conn *conn)
{
    return conn->client_name ? str_view(conn->client_name) : (struct str){NULL, 0};
}
