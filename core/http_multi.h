/* http_multi.h - many HTTP requests at once on one thread: none waits for another's answer.
 *
 * POST only, for messages to others. Certificates and host names are always verified, redirects are not
 * followed, of an answer only its status is looked at. A guarded request goes to https and public
 * addresses only (address_guard.h): the address is judged when its socket is made, so that a name that
 * changes its meaning gets nowhere, and through no proxy. One thread; nothing blocks but http_multi_turn. */
#ifndef METAOPS_CORE_HTTP_MULTI_H
#define METAOPS_CORE_HTTP_MULTI_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

struct http_multi;

struct http_multi_request {
    const char *url;
    struct str body;            /* must stay until the answer */
    const char *const *headers; /* "Name: value", ended by NULL; copied */
    const char *ca_file;        /* empty or NULL: the system's certificates */
    long timeout_ms;            /* for everything */
    bool is_guarded;
};

/* What came of a request. OK: a status from 200 to 299. RETRY: anything else; text says what, without the
 * URL's path, which may be a secret. */
struct http_multi_answer {
    enum verdict verdict;
    long retry_after_s; /* 0: the receiver named none */
    char text[200];
};

typedef void (*http_multi_done)(void *request_arg, const struct http_multi_answer *answer);

MUST_CHECK enum verdict http_multi_open(http_multi_done on_done, struct http_multi **out_multi,
                                        struct err *err);

/* After OK on_done follows, from http_multi_turn. RETRY when memory is short, or ca_file no file
 * of certificates can be. */
MUST_CHECK enum verdict http_multi_send(struct http_multi *multi,
                                        const struct http_multi_request *request, void *request_arg,
                                        struct err *err);

/* Waits up to timeout_ms for sockets or for one of the descriptors to be readable, does what can be done, and calls
 * on_done for each request that has ended. At most HTTP_MULTI_FDS_MAX descriptors; one below 0 is left out. */
#define HTTP_MULTI_FDS_MAX 4
void http_multi_turn(struct http_multi *multi, int timeout_ms, const int *fds, int count);

/* Requests without an answer yet get none. NULL is allowed. */
void http_multi_close(struct http_multi *multi);

#endif
