/* http_head.h - a strict parser for the head of an HTTP/1.1 request and for chunk headers.
 *
 * Pure functions over bytes: no sockets, no allocation. What RFC 9112 leaves open is refused,
 * because two readers of one byte stream must never disagree on where a request ends: exactly
 * one Host; exactly one Content-Length of digits, or Transfer-Encoding: chunked alone, never
 * both, and one of them where the method means a body; CRLF line ends only; no folding; visible ASCII targets; token names directly followed
 * by a colon; versions 1.0 and 1.1 only. */
#ifndef METAOPS_CORE_HTTP_HEAD_H
#define METAOPS_CORE_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define HTTP_HEADERS_MAX 64

struct http_header {
    struct str name;  /* as sent */
    struct str value; /* white space around it removed */
};

struct http_head {
    struct str method;
    struct str path;  /* before '?', still percent-encoded */
    struct str query; /* behind '?', may be empty */
    int minor;        /* 0 or 1 */
    struct http_header headers[HTTP_HEADERS_MAX];
    int header_count;
    bool has_length;
    uint64_t content_length;
    bool is_chunked;
    bool keep_alive;
    bool expects_continue;
};

/* Parses a head that begins at text.ptr. Returns the bytes it takes (blank line included), 0
 * when more bytes are needed, or minus the HTTP status to refuse with (-400, -411, -431, -501, -505);
 * *out_reason is then a literal. Views point into text. */
int http_head_parse(struct str text, struct http_head *out_head, const char **out_reason);

/* Value of a header (name without regard to case), ptr NULL when absent; several are not
 * joined: the first. */
struct str http_head_get(const struct http_head *head, const char *name);

/* The media type of Content-Type, parameters left out; ptr NULL when absent. */
struct str http_head_media_type(const struct http_head *head);

/* Whether that is type, without regard to case. */
bool http_head_has_type(const struct http_head *head, const char *type);

/* Reads one chunk-size line (chunk extensions are refused). Bytes taken, 0 for more, -400. */
int http_head_chunk(struct str text, uint64_t *out_size, const char **out_reason);

/* Reads the trailer section behind the last chunk: only the empty one is taken. 2, 0 for more,
 * -400. */
int http_head_trailer(struct str text, const char **out_reason);

#endif
