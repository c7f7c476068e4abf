/* patient_server.h - options of an HTTP server of a test that is not about deadlines. */
#ifndef METAOPS_TESTS_SUPPORT_PATIENT_SERVER_H
#define METAOPS_TESTS_SUPPORT_PATIENT_SERVER_H

#include "core/http_server.h"

#define PATIENT_MS 600000 /* longer than any test takes */

/* On a free port of the loopback; every deadline is PATIENT_MS, nothing is counted. Limits, threads and arg are the
 * test's to fill in; routes must outlive the server. */
struct http_server_options patient_server_options(const struct http_route *routes);

#endif
