/* http_input.h - what a connection does with arriving bytes: heads, routes, bodies, and the
 * call of the handler. For core/http_*.c only, on the thread of the loop. */
#ifndef METAOPS_CORE_HTTP_INPUT_H
#define METAOPS_CORE_HTTP_INPUT_H

#include "str.h"

struct http_conn;

/* Reads from the socket, as much as one call gives, and acts on it. */
void http_input_receive(struct http_conn *conn);

/* The connection waits for a request again: goes on with what has come meanwhile, in the next turn. */
void http_input_resume(struct http_conn *conn);

/* Goes on with the bytes kept from before and, behind them, text (may be empty). */
void http_input_feed(struct http_conn *conn, struct str text);

#endif
