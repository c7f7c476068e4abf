#include "support/tls_world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support/raw_http.h"

#define WAIT_MS 60000 /* for what a slow machine does late */
#define DAY_S 86400

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "tls_world: %s\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

const char *tls_world_path(const struct tls_world *world, const char *name)
{
    static _Thread_local char paths[8][TLS_WORLD_PATH_BYTES];
    static _Thread_local int turn;
    char *path = paths[turn++ % 8];

    snprintf(path, TLS_WORLD_PATH_BYTES, "%s/%s", world->dir, name);
    return path;
}

static void write_pem(const char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");

    must(file != NULL, path);
    must(!certificate || PEM_write_X509(file, certificate) == 1, "write certificate");
    must(!key || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, "write key");
    fclose(file);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, const char *common_name, X509 *issuer,
                              EVP_PKEY *issuer_key, const char *alternatives)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_NAME_new();

    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                    -1, -1, 0) == 1,
         common_name);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 30 * DAY_S);
    X509_set_subject_name(certificate, name);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, issuer ? issuer : certificate, NID_basic_constraints,
                  issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (alternatives) {
        add_extension(certificate, issuer, NID_subject_alt_name, alternatives);
    }
    must(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "sign");
    X509_NAME_free(name);
    return certificate;
}

void tls_world_open(struct tls_world *world)
{
    snprintf(world->dir, sizeof(world->dir), "/tmp/metaops-tls-XXXXXX");
    must(mkdtemp(world->dir) != NULL, "folder");
    world->ca_key = EVP_EC_gen("P-256");
    must(world->ca_key != NULL, "key");
    world->ca = make_certificate(world->ca_key, "authority of a test", NULL, world->ca_key, NULL);
    write_pem(tls_world_path(world, "ca.pem"), world->ca, NULL);
}

void tls_world_issue(struct tls_world *world, const char *name, const char *common_name,
                     const char *alternatives)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, common_name, world->ca, world->ca_key, alternatives);
    char file[64];

    snprintf(file, sizeof(file), "%s.pem", name);
    write_pem(tls_world_path(world, file), certificate, NULL);
    snprintf(file, sizeof(file), "%s.key", name);
    write_pem(tls_world_path(world, file), NULL, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_world_replace(const struct tls_world *world, const char *from, const char *to)
{
    must(rename(tls_world_path(world, from), tls_world_path(world, to)) == 0, to);
}

void tls_world_close(struct tls_world *world)
{
    char command[96];

    snprintf(command, sizeof(command), "rm -r %s", world->dir);
    must(system(command) == 0, command);
    X509_free(world->ca);
    EVP_PKEY_free(world->ca_key);
}

bool tls_client_flush(struct tls_client *client)
{
    char bytes[65536];

    for (;;) {
        size_t wanted = client->piece_bytes ? client->piece_bytes : sizeof(bytes);
        int got = BIO_read(client->out, bytes, (int)wanted);
        if (got <= 0) {
            return true;
        }
        if (!raw_http_send(client->fd, (struct str){bytes, (size_t)got})) {
            return false;
        }
        if (client->piece_bytes) {
            usleep(200);
        }
    }
}

/* Waits for ciphertext. 1: some came, 0: the stream ended, -1: neither in time. */
static int take_some(struct tls_client *client)
{
    char bytes[16384];
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    ssize_t got;

    if (poll(&ready, 1, WAIT_MS) != 1) {
        return -1;
    }
    got = recv(client->fd, bytes, sizeof(bytes), 0);
    if (got <= 0) {
        return 0;
    }
    BIO_write(client->in, bytes, (int)got);
    return 1;
}

static void configure(struct tls_client *client, const struct tls_world *world,
                      const struct tls_client_options *options)
{
    char file[64];

    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    must(SSL_CTX_load_verify_file(client->context,
                                  tls_world_path(world, options->ca ? options->ca : "ca.pem")) == 1,
         "authority");
    if (options->certificate) {
        snprintf(file, sizeof(file), "%s.pem", options->certificate);
        must(SSL_CTX_use_certificate_chain_file(client->context, tls_world_path(world, file)) == 1,
             file);
        snprintf(file, sizeof(file), "%s.key", options->certificate);
        must(SSL_CTX_use_PrivateKey_file(client->context, tls_world_path(world, file),
                                         SSL_FILETYPE_PEM) == 1,
             file);
    }
    if (options->version) {
        SSL_CTX_set_security_level(client->context, 0); /* so that it offers old ones */
        SSL_CTX_set_min_proto_version(client->context, options->version);
        SSL_CTX_set_max_proto_version(client->context, options->version);
    }
    if (options->alpn) {
        SSL_CTX_set_alpn_protos(client->context, (const unsigned char *)options->alpn,
                                (unsigned)strlen(options->alpn));
    }
}

bool tls_client_open(struct tls_client *client, const struct tls_world *world, int port,
                     const struct tls_client_options *options)
{
    int result;

    memset(client, 0, sizeof(*client));
    ERR_clear_error();
    client->fd = raw_http_connect(port);
    client->context = SSL_CTX_new(TLS_client_method());
    configure(client, world, options);
    client->ssl = SSL_new(client->context);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(client->in, -1);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    client->piece_bytes = options->piece_bytes;
    if (options->session) {
        SSL_set_session(client->ssl, options->session);
    }
    while ((result = SSL_do_handshake(client->ssl)) != 1) {
        if (SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ ||
            !tls_client_flush(client) || take_some(client) != 1) {
            tls_client_flush(client);
            return false;
        }
    }
    return client->fd >= 0 && tls_client_flush(client);
}

bool tls_client_send(struct tls_client *client, struct str text)
{
    while (text.len > 0) {
        int written = SSL_write(client->ssl, text.ptr, text.len > 16384 ? 16384 : (int)text.len);
        if (written <= 0 || !tls_client_flush(client)) {
            return false;
        }
        text.ptr += written;
        text.len -= (size_t)written;
    }
    return true;
}

/* As recv, waiting. */
static int read_plain(struct tls_client *client, char *out, size_t size)
{
    for (;;) {
        int got = SSL_read(client->ssl, out, (int)size);
        int kind = SSL_get_error(client->ssl, got);
        if (got > 0) {
            return got;
        }
        if (kind == SSL_ERROR_ZERO_RETURN) {
            return 0;
        }
        if (kind != SSL_ERROR_WANT_READ || take_some(client) != 1) {
            return -1;
        }
    }
}

int tls_client_read(struct tls_client *client, char **out_body)
{
    char head[2048] = "";
    size_t len = 0;

    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 >= sizeof(head) || read_plain(client, head + len, 1) != 1) {
            return 0;
        }
        len++;
    }
    const char *header = strcasestr(head, "\r\nContent-Length:");
    size_t body_bytes = header ? strtoul(header + 17, NULL, 10) : 0;
    char *body = calloc(1, body_bytes + 1);
    for (size_t at = 0; at < body_bytes;) {
        int got = read_plain(client, body + at, body_bytes - at);
        if (got <= 0) {
            free(body);
            return 0;
        }
        at += (size_t)got;
    }
    if (out_body) {
        *out_body = body;
    } else {
        free(body);
    }
    return (int)strtol(head + 9, NULL, 10);
}

int tls_client_post(struct tls_client *client, const char *path, struct str body, char **out_body)
{
    char head[256];
    int head_bytes =
        snprintf(head, sizeof(head),
                 "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n", path, body.len);
    size_t bytes = (size_t)head_bytes + body.len;
    char *text = malloc(bytes);
    bool is_sent;

    memcpy(text, head, (size_t)head_bytes);
    if (body.len > 0) {
        memcpy(text + head_bytes, body.ptr, body.len);
    }
    is_sent = tls_client_send(client, (struct str){text, bytes});
    free(text);
    return is_sent ? tls_client_read(client, out_body) : 0;
}

int tls_client_wait_end(struct tls_client *client)
{
    char byte;

    for (;;) {
        int got = SSL_read(client->ssl, &byte, 1);
        int kind = SSL_get_error(client->ssl, got);
        if (got > 0) {
            return -1;
        }
        if (kind == SSL_ERROR_ZERO_RETURN) {
            return 1;
        }
        if (kind != SSL_ERROR_WANT_READ) {
            return 0;
        }
        int came = take_some(client);
        if (came != 1) {
            return came;
        }
    }
}

long tls_client_server_serial(const struct tls_client *client)
{
    X509 *certificate = SSL_get0_peer_certificate(client->ssl);

    return certificate ? ASN1_INTEGER_get(X509_get0_serialNumber(certificate)) : -1;
}

void tls_client_close(struct tls_client *client)
{
    /* A session whose connection just broke off is not taken up again. */
    SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    if (client->fd >= 0) {
        close(client->fd);
    }
    memset(client, 0, sizeof(*client));
    client->fd = -1;
}
