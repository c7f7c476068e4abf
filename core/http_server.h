/* http_server.h - an HTTP/1.1 server over libevent: listeners, loops, limits, absolute
 * deadlines, TLS when asked for. Used by the gateway's door and by the admin ports of all roles.
 *
 * Each of `threads` loops has its own listener (SO_REUSEPORT) and owns its connections.
 * Requests of one connection are answered in order; the next is read when the answer is out. A
 * handler runs on the loop's thread (with a large body: on one aside) and answers now, or keeps the
 * request and answers later by http_request_answer from any thread.
 *
 * A loop never does much for one connection at a time: large bodies are handled aside, and what
 * inflates to a thousand times its size is inflated a piece each turn. When all connections are
 * taken, the one that has been silent longest gives way to a new one. */
#ifndef METAOPS_CORE_HTTP_SERVER_H
#define METAOPS_CORE_HTTP_SERVER_H

#include "arena.h"
#include "err.h"
#include "http_head.h"

/* Of a door that is open to many. */
#define HTTP_SERVER_SILENT_MS 500

struct http_server;
struct http_request;
struct tls_server;
struct tls_server_files;

/* Why a request does not come in. */
struct http_refusal {
    int status;
    const char *reason; /* a literal, for the answer */
    int retry_after_s;  /* 0: no such header */
};

struct http_route {
    const char *method;
    const char *path; /* exact; a leading "*" matches any prefix: the path must end with the rest;
                       * a "*" at the end stands for one segment that is not empty */
    size_t body_bytes_max; /* inflated */
    /* From this size of a body on, handle runs on one of the threads aside; 0: always on the loop. */
    size_t aside_bytes_min;
    void (*handle)(void *arg, struct http_request *request);
    /* Asked with the head alone, before any of the body is read or a 100 Continue is sent; on the
     * loop's thread, quick. False with out_refusal: that is answered, the body is not read, and the
     * connection ends when there is one. NULL: everything comes in. */
    bool (*admit)(void *arg, struct http_request *request, struct http_refusal *out_refusal);
};

struct http_server_options {
    const char *listen;                 /* host:port, [v6]:port */
    const struct tls_server_files *tls; /* for start only; NULL: plain HTTP */
    int threads;
    int aside_threads; /* for bodies whose handling would keep a loop from everybody else; 0: none */
    /* Ended by a NULL method. An unknown path gets 404, a wrong method 405 with Allow. */
    const struct http_route *routes;
    void *arg; /* for the handlers */
    size_t head_bytes_max;
    size_t memory_bytes_max; /* bodies of all open requests; beyond: 503 with Retry-After. An eighth
                              * of it is kept for small ones. */
    int connections_max;
    int silent_ms; /* so long without a request, and a connection gives way when all are taken */
    int head_timeout_ms;    /* absolute, from the first byte (or the accept, so that it covers the
                            TLS handshake) to the end of the head */
    int body_timeout_ms;    /* absolute, for the whole body */
    int idle_timeout_ms;    /* between requests of a kept connection */
    int answer_timeout_ms;  /* then a kept request gets 503 with Retry-After; 0: no limit */
    int metric_connections; /* enum metric, or -1 */
    int metric_connections_refused;
    int metric_bad_http;
    int metric_seconds;
    int metric_tls_full; /* handshakes done; read only with tls */
    int metric_tls_resumed;
    int metric_tls_failed;
    int metric_tls_plain; /* plain HTTP to a TLS port */
};

/* Binds and starts the threads. FATAL when the address cannot be bound (the text names it), or a
 * file of tls is of no use. SIGPIPE must be ignored with tls. */
MUST_CHECK enum verdict http_server_start(const struct http_server_options *options,
                                          struct http_server **out_server, struct err *err);

/* The port that is listened on (when the options say port 0, the system's choice). */
int http_server_port(const struct http_server *server);

/* The certificates of the port, to be read anew by tls_server.h; NULL: plain HTTP. */
struct tls_server *http_server_tls(struct http_server *server);

/* Whether all loops have come round within within_ms; they do several times a second. Any thread. */
bool http_server_is_alive(const struct http_server *server, int within_ms);

/* Stops accepting, closes idle connections, waits up to timeout_ms for open requests to be
 * answered, ends the threads. Requests still open then are answered 503; answers that come
 * later do nothing. */
void http_server_stop(struct http_server *server, int timeout_ms);

/* After stop, and after the last http_request_answer of every request. NULL is allowed. */
void http_server_free(struct http_server *server);

/* The head; valid until the answer. */
const struct http_head *http_request_head(const struct http_request *request);

/* The whole body, inflated (Content-Encoding: gzip), followed by at least 64 readable bytes. In
 * the request's memory, valid until the answer. */
struct str http_request_body(const struct http_request *request);

/* Gives the memory of the body back before the answer; the body is empty then. Only the thread
 * that works on the request. */
void http_request_drop_body(struct http_request *request);

/* A small arena of the request (1 MiB at most), freed after the answer. Only the thread that
 * works on the request. */
struct arena *http_request_arena(struct http_request *request);

/* What admit found out, for the handler; not looked at here. NULL at first. */
void http_request_set_visitor(struct http_request *request, void *visitor);
void *http_request_visitor(const struct http_request *request);

/* A number for log lines, unique in the process. */
uint64_t http_request_id(const struct http_request *request);

/* The verified name in the client's certificate (SAN URI, else SAN DNS, else CN; at most 255
 * visible ASCII bytes); empty without TLS, without a certificate, or when it has no such name. Who
 * signs certificates chooses it: keep it apart from other kinds of names. Valid until the answer. */
struct str http_request_client_name(const struct http_request *request);

/* Any thread, exactly once per request, also when the time-out answer is already out (then it
 * only frees). body is copied. retry_after_s > 0 adds the header; 401 gets its WWW-Authenticate:
 * Bearer; content_type is a literal. A client that is gone is no error. After the call the request must not be touched. */
void http_request_answer(struct http_request *request, int status, const char *content_type,
                         struct str body, int retry_after_s);

/* application/problem+json (RFC 9457) with title from the status, detail, and, when pointer is
 * not NULL, the members pointer (RFC 6901) and offset (bytes). */
void http_request_problem(struct http_request *request, int status, const char *detail,
                          const char *pointer, int64_t offset, int retry_after_s);

#endif
