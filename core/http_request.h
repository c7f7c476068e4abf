/* http_request.h - the inside of a request: between its connection, its handler and its answer.
 * For core/http_*.c only; what handlers may call is in http_server.h.
 *
 * A request has two owners, the connection and the handler, and one of them decides: whoever
 * moves `state` away from HTTP_REQUEST_OPEN. The handler wins: the answer goes through the
 * loop's list to the connection, which frees the request. The loop wins (time-out, end of the
 * server): it lets go of the request, and the handler's late answer frees it. */
#ifndef METAOPS_CORE_HTTP_REQUEST_H
#define METAOPS_CORE_HTTP_REQUEST_H

#include "http_body.h"
#include "http_server.h"

struct http_conn;
struct http_loop;

enum http_request_state { HTTP_REQUEST_OPEN, HTTP_REQUEST_ANSWERED, HTTP_REQUEST_EXPIRED };

#define HTTP_REQUEST_SMALL_BYTES 192 /* an answer up to this size needs no malloc of its own */

struct http_request {
    struct http_loop *loop;
    struct http_conn *conn;    /* loop thread only; NULL when the client is gone */
    struct http_request *next; /* in the loop's list of answered ones */
    const struct http_route *route;
    void *visitor; /* the handler's */
    uint64_t id;
    atomic_int state;
    struct http_body body;
    struct arena *arena;
    int64_t ready_us; /* when the last byte had come */

    int status;
    int retry_after_s;
    const char *content_type;
    char *answer; /* small or malloc'd */
    size_t answer_bytes;
    char small[HTTP_REQUEST_SMALL_BYTES];

    struct str client_name; /* of its certificate; behind head_text */
    struct http_head head;
    char head_text[]; /* what head points into */
};

/* Copies head, whose views point into text, and client_name. NULL when memory is short. */
struct http_request *http_request_new(struct http_loop *loop, const struct http_head *head,
                                      struct str text, struct str client_name);

/* The loop gives the request up. True: it is now the handler's to free. False: the handler has
 * answered, the request is in (or on its way to) the loop's list. */
bool http_request_expire(struct http_request *request);

void http_request_free(struct http_request *request);

/* "Not Found" for 404. */
const char *http_request_status_title(int status);

/* Most bytes of a problem document; longer details are cut. */
#define HTTP_REQUEST_PROBLEM_BYTES_MAX 4096

/* Writes a problem document (RFC 9457) to out, HTTP_REQUEST_PROBLEM_BYTES_MAX bytes; returns
 * its length. */
size_t http_request_problem_text(char *out, int status, const char *detail, const char *pointer,
                                 int64_t offset);

/* The head of an answer into out (size bytes); returns its length. date is the whole value. */
struct http_request_answer_head {
    int status;
    int retry_after_s;
    const char *content_type;
    const char *allow; /* NULL: none */
    const char *date;
    size_t body_bytes;
    int minor; /* of the request's version */
    bool keep_alive;
};
size_t http_request_answer_head(const struct http_request_answer_head *answer, char *out,
                                size_t size);

#endif
