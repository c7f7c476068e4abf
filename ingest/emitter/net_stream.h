/* net_stream.h - a TCP connection, with or without TLS, that waits only as long as it is told to.
 * One thread at a time. Never raises SIGPIPE without TLS; with TLS the thread has it blocked. */
#ifndef METAOPS_INGEST_EMITTER_NET_STREAM_H
#define METAOPS_INGEST_EMITTER_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "ingest/emitter/fd_book.h"

struct net_stream;
struct net_tls;

/* When waiting ends: at the deadline (monotonic clock), or about 100 ms after is_over turned
 * true. */
struct net_wait {
    int64_t deadline_us;
    bool (*is_over)(const void *arg);
    const void *arg;
};

/* Certificates and what to trust; texts may be NULL. REJECT with the reason for files that are
 * none. */
MUST_CHECK enum verdict net_tls_new(const char *ca_file, const char *certificate_file,
                                    const char *key_file, struct net_tls **out_tls,
                                    struct err *err);
void net_tls_free(struct net_tls *tls);

/* Connects; with tls (NULL: none) the peer's certificate must be valid and name host. The look-up
 * of the name is not bounded by wait. RETRY with the reason. */
MUST_CHECK enum verdict net_stream_open(const char *host, const char *port, struct net_tls *tls,
                                        struct fd_book *book, const struct net_wait *wait,
                                        struct net_stream **out_stream, struct err *err);

/* Sends all. RETRY with the reason; the stream is then of no further use. */
MUST_CHECK enum verdict net_stream_send(struct net_stream *stream, const char *bytes, size_t len,
                                        const struct net_wait *wait, struct err *err);

/* Waits for bytes: how many came (at most size), 0: the peer has closed. RETRY as above. */
MUST_CHECK enum verdict net_stream_receive(struct net_stream *stream, char *out, size_t size,
                                           const struct net_wait *wait, size_t *out_len,
                                           struct err *err);

/* Whether an idle stream can still be used: nothing came, not closed. */
bool net_stream_is_usable(struct net_stream *stream);

/* NULL is allowed. */
void net_stream_close(struct net_stream *stream);

#endif
