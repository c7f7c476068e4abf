/* tls_world.h - a certificate authority of the test's own and a TLS client that can misbehave.
 *
 * The client works on memory and moves the bytes itself, so that a test decides how many go at a
 * time. Blocking, with an end to every wait. */
#ifndef METAOPS_TESTS_SUPPORT_TLS_WORLD_H
#define METAOPS_TESTS_SUPPORT_TLS_WORLD_H

#include <openssl/ssl.h>

#include "core/str.h"

#define TLS_WORLD_PATH_BYTES 128

struct tls_world {
    char dir[64];
    EVP_PKEY *ca_key;
    X509 *ca;
};

/* Makes a folder below /tmp with the authority's certificate as ca.pem. */
void tls_world_open(struct tls_world *world);

/* Issues NAME.pem and NAME.key. alternatives as openssl writes them ("DNS:a,URI:b"), NULL for none. */
void tls_world_issue(struct tls_world *world, const char *name, const char *common_name,
                     const char *alternatives);

/* The path of a file of the folder, in one of a few buffers that take turns. */
const char *tls_world_path(const struct tls_world *world, const char *name);

/* Puts the file `from` in the place of `to`, as those do who renew certificates. */
void tls_world_replace(const struct tls_world *world, const char *from, const char *to);

void tls_world_close(struct tls_world *world);

struct tls_client_options {
    const char *certificate; /* name in the world; NULL: none */
    const char *ca;          /* whom it believes; NULL: ca.pem */
    int version;             /* TLS1_2_VERSION...; 0: whatever */
    const char *alpn;        /* in wire form, "\x08http/1.1"; NULL: none */
    SSL_SESSION *session;    /* to take up; NULL: none */
    size_t piece_bytes;      /* most bytes of ciphertext sent at once; 0: no limit */
};

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in;
    BIO *out;
    int fd;
    size_t piece_bytes;
};

/* Connects and shakes hands; false when that fails (tls_client_close all the same). */
bool tls_client_open(struct tls_client *client, const struct tls_world *world, int port,
                     const struct tls_client_options *options);

/* One record for each call, as far as it fits. False when the other side is gone. */
bool tls_client_send(struct tls_client *client, struct str text);

/* Moves what the client has to say to the socket. */
bool tls_client_flush(struct tls_client *client);

/* Reads one answer: its status, 0 when the connection ends first. body may be NULL, else malloc'd. */
int tls_client_read(struct tls_client *client, char **out_body);

/* POST with a body in one record where it fits, and its answer. */
int tls_client_post(struct tls_client *client, const char *path, struct str body, char **out_body);

/* Waits for the end of the stream: 1 when it was said (close_notify), 0 when it just ended, -1 when
 * it does not end or data comes. */
int tls_client_wait_end(struct tls_client *client);

/* The serial number of the server's certificate. */
long tls_client_server_serial(const struct tls_client *client);

void tls_client_close(struct tls_client *client);

#endif
