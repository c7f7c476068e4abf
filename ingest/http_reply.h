/* http_reply.h - reads the answer of an HTTP/1.1 server out of a buffer. No sockets. */
#ifndef METAOPS_INGEST_HTTP_REPLY_H
#define METAOPS_INGEST_HTTP_REPLY_H

#include <stdbool.h>

#include "core/str.h"

#define HTTP_REPLY_BYTES_MAX ((size_t)16 << 20)

struct http_reply {
    int status;
    bool keep_alive;
    int retry_after_s; /* 0: none */
    struct str body;   /* in the text, or in owned when it came in chunks */
    char *owned;
};

/* Parses an answer that begins at text.ptr; interim ones (1xx) are passed over. is_eof: the peer
 * has closed, which ends a body without length. Returns the bytes taken, 0 when more are needed, -1
 * for what is no answer or larger than HTTP_REPLY_BYTES_MAX. After a positive result call fini. */
long http_reply_parse(struct str text, bool is_eof, struct http_reply *out_reply);

void http_reply_fini(struct http_reply *reply);

#endif
