/* http_url.h - the parts of an http or https URL, and of the gateway's address. Pure. */
#ifndef METAOPS_INGEST_HTTP_URL_H
#define METAOPS_INGEST_HTTP_URL_H

#include <stdbool.h>

#include "core/err.h"

struct http_url {
    bool is_tls;         /* https */
    char host[256];      /* without brackets */
    char port[8];        /* digits; 80 or 443 when the URL has none */
    char authority[272]; /* as in the Host header */
    char path[512];      /* where single events go: the URL's path and /api/v1/lineage */
};

/* REJECT with the reason for anything but http[s]://host[:port][/path]. A path that ends with the
 * lineage endpoint already is kept. */
MUST_CHECK enum verdict http_url_parse(const char *text, struct http_url *out_url, struct err *err);

#endif
