/* http_io.h - bytes in and out of a connection, with TLS or without. For core/http_*.c only, on the
 * thread of the loop. */
#ifndef METAOPS_CORE_HTTP_IO_H
#define METAOPS_CORE_HTTP_IO_H

#include <stdbool.h>
#include <sys/types.h>

#include "str.h"

struct http_conn;

/* As recv, -1 with errno EAGAIN also while the handshake goes on, EPROTO when TLS has failed: then
 * http_io_fail. While lingering, what comes is not decrypted. */
ssize_t http_io_recv(struct http_conn *conn, char *room, size_t bytes);

/* As sendmsg of two pieces. */
ssize_t http_io_send(struct http_conn *conn, struct str head, struct str body);

/* Says that nothing more will be sent. False when the socket is gone. */
bool http_io_end_sending(struct http_conn *conn);

/* Whether bytes wait that the socket will not announce. */
bool http_io_has_pending(const struct http_conn *conn);

/* Counts one, unless metric is -1. */
void http_io_count(int metric);

/* Ends a connection whose TLS has failed, counts it, and tells a client that spoke plain HTTP. */
void http_io_fail(struct http_conn *conn);

#endif
