/* http_client.h - one HTTP request and its whole answer, for what we ask of others: the schema
 * registry.
 *
 * With http_multi.h and http_stream.h the only face of libcurl. Blocks: never on an event loop. TLS certificates and host names are
 * always verified; redirects are not followed; a proxy of the environment is asked for https alone, of which it sees no more
 * than the host; the answer is bounded. Any thread. */
#ifndef METAOPS_CORE_HTTP_CLIENT_H
#define METAOPS_CORE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

struct http_client_request {
    const char *method;
    const char *url; /* may carry user:password@, which appears in no message */
    const char *accept;
    const char *content_type; /* of body */
    struct str body;          /* ptr NULL: none */
    const char *ca_file;      /* empty or NULL: the system's certificates */
    long timeout_ms;          /* for everything */
    size_t answer_bytes_max;
};

struct http_client_answer {
    long status;
    char *body; /* malloc'd, the caller's; JSON_PADDING_BYTES zero bytes follow */
    size_t len;
};

/* Why there is no answer: the code of the err of a RETRY. */
enum http_client_fault {
    HTTP_CLIENT_NO_ANSWER = 1,
    HTTP_CLIENT_TOO_LARGE,   /* it is longer than answer_bytes_max */
    HTTP_CLIENT_NOT_TRUSTED, /* the other side's certificate cannot be verified */
    HTTP_CLIENT_NO_MEMORY,
};

/* OK with whatever status came. RETRY when there was no whole answer in time, with the reason;
 * FATAL for a URL that is none, or no http(s), and for a ca_file that cannot be used. */
MUST_CHECK enum verdict http_client_run(const struct http_client_request *request,
                                        struct http_client_answer *out_answer, struct err *err);

/* Is it an http or https URL with a host? REJECT says why not. */
MUST_CHECK enum verdict http_client_check_url(const char *url, struct err *err);

/* Where url leads: its host in lower case and its port, the scheme's when it names none; and whether it is https. REJECT
 * as above, or when the host is too long. */
#define HTTP_CLIENT_HOST_BYTES 256
struct http_client_place {
    char host[HTTP_CLIENT_HOST_BYTES];
    int port;
    bool is_https;
};
MUST_CHECK enum verdict http_client_place(const char *url, struct http_client_place *out_place,
                                          struct err *err);

/* text as it may stand anywhere in a URL, into out (cut to size): all but letters, digits and -._~ as %XX (RFC 3986, 2.1 and
 * 2.3). Three bytes for each of text, and one, are enough. Returns the length. */
size_t http_client_escape(struct str text, char *out, size_t size);

/* url without user info, into out (cut to size): for people. */
void http_client_show_url(const char *url, char *out, size_t size);

#endif
