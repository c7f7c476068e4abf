/* door_tls.h - the TLS of the gateway's door as a part of its service: follows settings and files. */
#ifndef METAOPS_INGEST_DOOR_TLS_H
#define METAOPS_INGEST_DOOR_TLS_H

#include "core/service.h"

struct http_server;

/* server listens on ingest.listen, with TLS or without, and must outlive the service. */
struct service_part door_tls_part(struct http_server *server);

#endif
