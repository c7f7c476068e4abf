/* http_body.h - the body of one request while it arrives: chunks taken apart, gzip inflated,
 * both within limits, into one buffer.
 *
 * Used by core/http_*.c only, on the thread of the connection's loop. Memory is counted in a
 * sum that all bodies of a server share; it is counted as bytes arrive, so that claiming a
 * length costs nobody anything. An eighth of it is for small bodies (128 KiB) alone. */
#ifndef METAOPS_CORE_HTTP_BODY_H
#define METAOPS_CORE_HTTP_BODY_H

#include <stdatomic.h>

#include "http_head.h"

#define HTTP_BODY_PADDING_BYTES 64
#define HTTP_BODY_MORE 0
#define HTTP_BODY_DONE 1

struct http_body_limits {
    size_t body_bytes_max;       /* inflated */
    atomic_size_t *memory_bytes; /* the shared sum */
    size_t memory_bytes_max;
};

enum http_body_step {
    HTTP_BODY_CHUNK_SIZE,
    HTTP_BODY_DATA,
    HTTP_BODY_CHUNK_END,
    HTTP_BODY_TRAILER,
    HTTP_BODY_COMPLETE
};

struct http_body {
    struct http_body_limits limits;
    char *data; /* NULL until bytes arrive */
    size_t len;
    size_t capacity_bytes; /* of data, without its padding */
    size_t counted_bytes;  /* our part of the shared sum */
    uint64_t wire_bytes;   /* of content, before inflating */
    uint64_t remaining;    /* of the body or of the current chunk */
    enum http_body_step step;
    bool is_chunked;
    bool is_member_open;         /* inside a gzip member */
    struct z_stream_s *inflater; /* NULL: identity */
};

/* Prepares for what head announces. HTTP_BODY_MORE, HTTP_BODY_DONE (there is no body), or minus
 * the status to refuse with (-413, -415, -503). body is to be ended with fini in every case. */
int http_body_init(struct http_body *body, const struct http_head *head,
                   const struct http_body_limits *limits, const char **out_reason);

/* Takes bytes off the wire: *out_taken of text; bytes left over belong to what follows (or are
 * half a chunk header, to be given again with more; or, while step is HTTP_BODY_DATA, are left
 * because what was taken has inflated to enough for one turn: to be given again soon). HTTP_BODY_MORE, HTTP_BODY_DONE, or minus
 * the status (-400, -413, -503). */
int http_body_feed(struct http_body *body, struct str text, size_t *out_taken,
                   const char **out_reason);

/* A place to receive into without a copy, *out_len bytes of it; NULL when the body is not a
 * plain one with much left to come, or memory is short (feed then says so). */
char *http_body_room(struct http_body *body, size_t *out_len);

/* len bytes were put into the room. HTTP_BODY_MORE or HTTP_BODY_DONE. */
int http_body_received(struct http_body *body, size_t len);

/* What has arrived, followed by HTTP_BODY_PADDING_BYTES readable bytes once the body is done. */
struct str http_body_view(const struct http_body *body);

/* Frees; a zeroed struct is allowed. */
void http_body_fini(struct http_body *body);

#endif
