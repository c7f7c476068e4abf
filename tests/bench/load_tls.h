/* load_tls.h - the load driver's TLS: one connection, certificates not looked at, since what is
 * measured is the other side. */
#ifndef METAOPS_BENCH_LOAD_TLS_H
#define METAOPS_BENCH_LOAD_TLS_H

#include <stddef.h>
#include <sys/types.h>

#include "core/err.h"

struct load_tls; /* one connection */

/* Shakes hands over fd, which blocks still and does not afterwards. */
MUST_CHECK enum verdict load_tls_open(int fd, struct load_tls **out_tls, struct err *err);

/* As sendmsg with head and body in one record where they fit, as recv: -1 with errno EAGAIN. */
ssize_t load_tls_send(struct load_tls *tls, const char *head, size_t head_bytes, const char *body,
                      size_t body_bytes);
ssize_t load_tls_recv(struct load_tls *tls, char *room, size_t bytes);

/* NULL is allowed. */
void load_tls_close(struct load_tls *tls);

#endif
