/* admin_http.h - /metrics, /healthz and /readyz of a role, on a port of their own.
 *
 * With admin.token_file /metrics wants the token; the others answer without it, but give no reasons
 * then. Beyond loopback the token is a must. With admin.tls_* the port speaks HTTPS only. */
#ifndef METAOPS_CORE_ADMIN_HTTP_H
#define METAOPS_CORE_ADMIN_HTTP_H

#include <stdbool.h>

#include "err.h"
#include "service.h"

struct admin_http;
struct settings;

/* is_ready answers /readyz: true, or false with the reason written to reason (size bytes). Runs on
 * the admin thread; must not block long. */
typedef bool (*admin_http_ready)(void *arg, char *reason, int size);

/* FATAL when listen is open to other machines and st has no token; the text names what to set. */
MUST_CHECK enum verdict admin_http_check(const char *listen, const struct settings *st,
                                         struct err *err);

/* FATAL when the address cannot be bound, admin_http_check says so, or a file is of no use. listen
 * must outlive it, st need not. */
MUST_CHECK enum verdict admin_http_start(const char *listen, const struct settings *st,
                                         admin_http_ready is_ready, void *arg,
                                         struct admin_http **out_admin, struct err *err);

/* How it follows settings and files. */
struct service_part admin_http_part(struct admin_http *admin);

/* Whether its thread goes round. */
bool admin_http_is_alive(const struct admin_http *admin);

/* Stops and frees. NULL is allowed. */
void admin_http_stop(struct admin_http *admin);

#endif
