/* doctor_http.h - asks a role's admin port one question. */
#ifndef METAOPS_SINKS_DOCTOR_HTTP_H
#define METAOPS_SINKS_DOCTOR_HTTP_H

#include <stddef.h>

#include "core/err.h"

/* GET path from listen (host:port, [v6]:port; an address for all interfaces is asked on this
 * machine). The status, and the first line of the body (may be empty) into line. Blocks up to
 * timeout_ms after the name is resolved. RETRY when nothing answers; REJECT when what answers is no
 * HTTP; FATAL for an address that makes no sense. */
MUST_CHECK enum verdict doctor_http_get(const char *listen, const char *path, int timeout_ms,
                                        int *out_status, char *line, size_t line_size,
                                        struct err *err);

/* The same, but the whole body: text, malloc'd, the caller's, at most 1 MiB of it. token NULL or empty: none is sent,
 * else as `Authorization: Bearer`. */
MUST_CHECK enum verdict doctor_http_fetch(const char *listen, const char *path, const char *token,
                                          int timeout_ms, int *out_status, char **out_body,
                                          struct err *err);

#endif
