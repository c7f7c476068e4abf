/* http_aside.h - threads beside the loops of an HTTP server, for requests whose handling takes long: while one of them
 * reads 32 MiB of JSON, the loops answer everybody else. For core/http_*.c only.
 *
 * A request in the queue is still its loop's too: it may expire there. Then nobody waits for its answer, and it is freed
 * unseen. The queue needs no bound of its own, as connections and the memory of bodies have theirs. */
#ifndef METAOPS_CORE_HTTP_ASIDE_H
#define METAOPS_CORE_HTTP_ASIDE_H

#include "err.h"

struct http_aside;
struct http_request;

/* Starts the threads; handlers get arg. FATAL when there are none to be had. */
MUST_CHECK enum verdict http_aside_start(int threads, void *arg, struct http_aside **out_aside,
                                         struct err *err);

/* The handler of the request's route is called by one of the threads. Any thread, never blocks. */
void http_aside_push(struct http_aside *aside, struct http_request *request);

/* After the loops have ended: finishes what is being handled, frees what waits, ends the threads.
 * NULL is allowed. */
void http_aside_stop(struct http_aside *aside);

#endif
