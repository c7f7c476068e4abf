#include "core/tls_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/file_stamp.h"
#include "core/plain_file.h"

#define SESSIONS_MAX 1024 /* of TLS 1.2 clients that know no tickets */
#define SESSION_TIMEOUT_S 3600
#define CHAIN_DEPTH_MAX 4
#define FILES 3

static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const unsigned char session_context[] = "metaops";

struct tls_server {
    pthread_mutex_t lock; /* of everything below */
    SSL_CTX *context;
    char *paths[FILES]; /* certificate, key, client authorities */
    bool is_client_required;
    struct file_stamp stamps[FILES];
};

const char *tls_server_take_reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    if (code && ERR_SYSTEM_ERROR(code)) {
        reason = strerror(ERR_GET_REASON(code));
    }
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* A key with a passphrase is refused: OpenSSL would ask the terminal. */
static int no_passphrase(char *text, int size, int is_writing, void *arg)
{
    (void)text;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

/* A client that names protocols but not ours is told so; most name none. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Before these releases SSL_free_buffers could free a buffer in use (CVE-2024-4741). */
bool tls_server_can_free_buffers(void)
{
    static const unsigned fixed_patch[] = {14, 6, 2, 1}; /* of 3.0 to 3.3 */
    unsigned minor = OPENSSL_version_minor();

    return OPENSSL_version_major() > 3 || minor >= sizeof(fixed_patch) / sizeof(fixed_patch[0]) ||
           OPENSSL_version_patch() >= fixed_patch[minor];
}

static bool set_defaults(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* A read takes what is there in one call. Buffers stay from request to request, because giving them back after
     * each costs more than AES; tls_conn_rest gives back those of the silent, where that is safe. */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!tls_server_can_free_buffers()) {
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(context, SESSIONS_MAX);
    SSL_CTX_set_timeout(context, SESSION_TIMEOUT_S);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, ciphers) == 1 &&
           SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1) ==
               1;
}

static bool trust_clients(SSL_CTX *context, const struct tls_server_files *files)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->client_ca);
    int mode = SSL_VERIFY_PEER;

    if (!names) {
        return false;
    }
    SSL_CTX_set_client_CA_list(context, names); /* which owns them now */
    if (files->is_client_required) {
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(context, mode, NULL);
    SSL_CTX_set_verify_depth(context, CHAIN_DEPTH_MAX);
    return SSL_CTX_load_verify_file(context, files->client_ca) == 1;
}

static enum verdict reject(const char *what, const char *path, struct err *err)
{
    return err_set(err, REJECT, "tls", "%s %s: %s", what, path, tls_server_take_reason());
}

static enum verdict check_files(const struct tls_server_files *files, struct err *err)
{
    const char *const paths[] = {files->certificate, files->key, files->client_ca};
    static const char *const whats[] = {"certificate", "key", "client authorities"};

    for (int i = 0; i < FILES; i++) {
        const char *fault =
            *paths[i] ? plain_file_fault(paths[i], PLAIN_FILE_CERTIFICATES_BYTES_MAX) : NULL;
        if (fault) {
            return err_set(err, REJECT, "tls", "%s %s: %s", whats[i], paths[i], fault);
        }
    }
    return OK;
}

static enum verdict make_context(const struct tls_server_files *files, SSL_CTX **out_context,
                                 struct err *err)
{
    SSL_CTX *context;
    enum verdict verdict = check_files(files, err);

    if (verdict != OK) {
        return verdict;
    }
    ERR_clear_error();
    context = SSL_CTX_new(TLS_server_method());
    if (!context || !set_defaults(context)) {
        verdict = reject("cannot set up TLS for", files->certificate, err);
    } else if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
        verdict = reject("certificate", files->certificate, err);
    } else if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(context) != 1) {
        verdict = reject("key", files->key, err);
    } else if (*files->client_ca && !trust_clients(context, files)) {
        verdict = reject("client authorities", files->client_ca, err);
    }
    if (verdict != OK) {
        SSL_CTX_free(context);
        return verdict;
    }
    *out_context = context;
    return OK;
}

static void take_stamps(const struct tls_server_files *files, struct file_stamp *stamps)
{
    stamps[0] = file_stamp_of(files->certificate);
    stamps[1] = file_stamp_of(files->key);
    stamps[2] = file_stamp_of(files->client_ca);
}

static void free_paths(char **paths)
{
    for (int i = 0; i < FILES; i++) {
        free(paths[i]);
    }
}

static bool copy_paths(const struct tls_server_files *files, char **out_paths)
{
    out_paths[0] = strdup(files->certificate);
    out_paths[1] = strdup(files->key);
    out_paths[2] = strdup(files->client_ca);
    if (out_paths[0] && out_paths[1] && out_paths[2]) {
        return true;
    }
    free_paths(out_paths);
    return false;
}

enum verdict tls_server_new(const struct tls_server_files *files, struct tls_server **out_tls,
                            struct err *err)
{
    struct tls_server *tls = calloc(1, sizeof(*tls));
    enum verdict verdict;

    if (!tls) {
        return err_set(err, FATAL, "tls", "out of memory");
    }
    pthread_mutex_init(&tls->lock, NULL);
    verdict = tls_server_reload(tls, files, err);
    if (verdict != OK) {
        tls_server_free(tls);
        return err_set(err, FATAL, "tls", "%s", err ? err->text : "");
    }
    *out_tls = tls;
    return OK;
}

void tls_server_free(struct tls_server *tls)
{
    if (!tls) {
        return;
    }
    SSL_CTX_free(tls->context);
    free_paths(tls->paths);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

enum verdict tls_server_reload(struct tls_server *tls, const struct tls_server_files *files,
                               struct err *err)
{
    struct file_stamp stamps[FILES];
    SSL_CTX *context = NULL;
    char *paths[FILES];
    enum verdict verdict;

    take_stamps(files, stamps);
    verdict = make_context(files, &context, err);
    if (verdict == OK && !copy_paths(files, paths)) {
        SSL_CTX_free(context);
        verdict = err_set(err, REJECT, "tls", "out of memory");
    }
    pthread_mutex_lock(&tls->lock);
    if (verdict == OK) {
        SSL_CTX *old = tls->context;
        tls->context = context;
        context = old;
        free_paths(tls->paths);
        memcpy(tls->paths, paths, sizeof(paths));
        tls->is_client_required = files->is_client_required;
    }
    memcpy(tls->stamps, stamps, sizeof(stamps));
    pthread_mutex_unlock(&tls->lock);
    if (verdict == OK) {
        SSL_CTX_free(context);
    }
    return verdict;
}

enum verdict tls_server_refresh(struct tls_server *tls, bool *out_is_new, struct err *err)
{
    struct tls_server_files files;
    struct file_stamp stamps[FILES];
    char *paths[FILES];
    bool is_same = true;
    enum verdict verdict;

    *out_is_new = false;
    pthread_mutex_lock(&tls->lock);
    files = (struct tls_server_files){.certificate = tls->paths[0],
                                      .key = tls->paths[1],
                                      .client_ca = tls->paths[2],
                                      .is_client_required = tls->is_client_required};
    take_stamps(&files, stamps);
    for (int i = 0; i < FILES; i++) {
        is_same = is_same && file_stamp_is_same(&stamps[i], &tls->stamps[i]);
    }
    if (is_same || !copy_paths(&files, paths)) {
        pthread_mutex_unlock(&tls->lock);
        return OK;
    }
    pthread_mutex_unlock(&tls->lock);
    files.certificate = paths[0];
    files.key = paths[1];
    files.client_ca = paths[2];
    *out_is_new = true;
    verdict = tls_server_reload(tls, &files, err);
    free_paths(paths);
    return verdict;
}

int64_t tls_server_expires_s(struct tls_server *tls)
{
    SSL_CTX *context = tls_server_context(tls);
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    struct tm parts = {.tm_year = 70, .tm_mday = 1};

    if (certificate) {
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts);
    }
    SSL_CTX_free(context);
    return (int64_t)timegm(&parts);
}

SSL_CTX *tls_server_context(struct tls_server *tls)
{
    SSL_CTX *context;

    pthread_mutex_lock(&tls->lock);
    context = tls->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&tls->lock);
    return context;
}
