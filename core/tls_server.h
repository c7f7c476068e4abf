/* tls_server.h - what a TLS port shows and believes: certificate, key, authorities of clients.
 *
 * TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only, no renegotiation, no compression,
 * sessions resumed by ticket. All calls from any thread. Files may be exchanged while connections are
 * open: those keep what they began with. */
#ifndef METAOPS_CORE_TLS_SERVER_H
#define METAOPS_CORE_TLS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct tls_server;
struct ssl_ctx_st;

struct tls_server_files {
    const char *certificate; /* PEM, the chain behind it */
    const char *key;         /* PEM, without a passphrase */
    const char *client_ca;   /* PEM; empty: no client certificates */
    bool is_client_required;
};

/* Reads the files. FATAL with the file and the reason. */
MUST_CHECK enum verdict tls_server_new(const struct tls_server_files *files,
                                       struct tls_server **out_tls, struct err *err);

/* Open connections may outlive it. NULL is allowed. */
void tls_server_free(struct tls_server *tls);

/* Reads these files instead; new connections get them. REJECT: what was there stays. */
MUST_CHECK enum verdict tls_server_reload(struct tls_server *tls,
                                          const struct tls_server_files *files, struct err *err);

/* The same with the same files when one of them has changed since it was last read, with or without
 * success; *out_is_new says whether it was read. */
MUST_CHECK enum verdict tls_server_refresh(struct tls_server *tls, bool *out_is_new,
                                           struct err *err);

/* When the certificate ends, seconds since 1970. */
int64_t tls_server_expires_s(struct tls_server *tls);

/* For tls_conn.c: the context of new connections, a reference of the caller's own. */
struct ssl_ctx_st *tls_server_context(struct tls_server *tls);

/* For tls_*.c: whether SSL_free_buffers of this OpenSSL is safe. */
bool tls_server_can_free_buffers(void);

/* For tls_*.c: the first reason in OpenSSL's queue of errors, which is empty afterwards. */
const char *tls_server_take_reason(void);

#endif
