#include "support/patient_server.h"

struct http_server_options patient_server_options(const struct http_route *routes)
{
    return (struct http_server_options){.listen = "127.0.0.1:0",
                                        .routes = routes,
                                        .silent_ms = PATIENT_MS,
                                        .head_timeout_ms = PATIENT_MS,
                                        .body_timeout_ms = PATIENT_MS,
                                        .idle_timeout_ms = PATIENT_MS,
                                        .answer_timeout_ms = PATIENT_MS,
                                        .metric_connections = -1,
                                        .metric_connections_refused = -1,
                                        .metric_bad_http = -1,
                                        .metric_seconds = -1};
}
