/* http_stream.h - one GET whose answer is handed over as it comes, however long that takes: for what another server tells
 * without end.
 *
 * With http_client.h and http_multi.h the only face of libcurl. Blocks: never on an event loop. TLS certificates and host
 * names are always verified, redirects are not followed; a proxy of the environment is asked for https alone, of which it sees
 * nothing. Any thread. */
#ifndef METAOPS_CORE_HTTP_STREAM_H
#define METAOPS_CORE_HTTP_STREAM_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

struct http_stream_request {
    const char *url;
    const char *bearer;  /* a token; empty or NULL: none */
    const char *ca_file; /* empty or NULL: the system's certificates */
    long timeout_ms;     /* for everything */
    void *arg;           /* of the functions */

    /* Some bytes of an answer of that status, none when its head has come; they are gone afterwards. False ends the request. */
    bool (*on_bytes)(void *arg, long status, struct str bytes);

    /* Asked about once a second, and more often while bytes come: true ends the request. */
    bool (*is_ended)(void *arg);
};

struct http_stream_answer {
    long status;
    long retry_after_s; /* 0: none was named */
    bool is_cut;        /* one of the functions ended it */
};

/* OK: there was an answer, to its end or until it was cut. RETRY: it broke off, or none came in time, with the reason;
 * FATAL as http_client_run. */
MUST_CHECK enum verdict http_stream_run(const struct http_stream_request *request,
                                        struct http_stream_answer *out_answer, struct err *err);

#endif
