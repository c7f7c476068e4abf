/* admin_http.h - /metrics, /healthz and /readyz of a role, on a port of their own. */
#ifndef METAOPS_CORE_ADMIN_HTTP_H
#define METAOPS_CORE_ADMIN_HTTP_H

#include <stdbool.h>

#include "err.h"

struct admin_http;

/* is_ready answers /readyz: true, or false with the reason written to reason (size bytes). Runs on
 * the admin thread; must not block long. */
typedef bool (*admin_http_ready)(void *arg, char *reason, int size);

/* FATAL when the address cannot be bound. */
MUST_CHECK enum verdict admin_http_start(const char *listen, admin_http_ready is_ready, void *arg,
                                         struct admin_http **out_admin, struct err *err);

/* Stops and frees. NULL is allowed. */
void admin_http_stop(struct admin_http *admin);

#endif
