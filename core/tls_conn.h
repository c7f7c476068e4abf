/* tls_conn.h - TLS on one non-blocking socket, the server's side, with the face of recv and send.
 *
 * One thread at a time. The handshake goes on inside the calls. SIGPIPE must be ignored: OpenSSL
 * writes without MSG_NOSIGNAL. The socket stays the caller's. */
#ifndef METAOPS_CORE_TLS_CONN_H
#define METAOPS_CORE_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "str.h"

struct tls_conn;
struct tls_server;

/* Longest name that a client's certificate can give. */
#define TLS_CONN_NAME_BYTES_MAX 255

/* Most bytes that one send takes. */
#define TLS_CONN_SEND_BYTES_MAX ((size_t)16384)

/* NULL when memory is short. */
struct tls_conn *tls_conn_open(struct tls_server *tls, int fd);

/* Says good-bye when that is still possible. NULL is allowed. */
void tls_conn_close(struct tls_conn *conn);

/* As recv: bytes, 0 at the end of the stream, -1 with errno: EAGAIN (wait until the socket can be
 * read, or, when tls_conn_wants_write says so, written), EPROTO (this is not TLS or broken TLS:
 * nothing more can be done with it), else the socket's. */
ssize_t tls_conn_recv(struct tls_conn *conn, char *room, size_t bytes);

/* As send; after EAGAIN the next call must begin with the same bytes and have at least as many. */
ssize_t tls_conn_send(struct tls_conn *conn, const char *text, size_t bytes);

/* Gives back the buffers (some 34 kB) of a connection that is silent; one that speaks again takes new ones. */
void tls_conn_rest(struct tls_conn *conn);

/* Says that nothing more will be sent. */
void tls_conn_end_sending(struct tls_conn *conn);

/* Whether bytes are here that no readiness of the socket will announce. */
bool tls_conn_has_pending(const struct tls_conn *conn);

bool tls_conn_wants_write(const struct tls_conn *conn);

/* Whether the handshake is over, and whether it took up an earlier session. */
bool tls_conn_is_established(const struct tls_conn *conn);
bool tls_conn_is_resumed(const struct tls_conn *conn);

/* After EPROTO: the client spoke plain HTTP. */
bool tls_conn_is_plain_http(const struct tls_conn *conn);

/* The verified name of the client; empty: none. Lives as long as the connection. */
struct str tls_conn_client_name(const struct tls_conn *conn);

#endif
