/* http_url.h - the parts of an http URL, and of the gateway's address. Pure. */
#ifndef METAOPS_INGEST_HTTP_URL_H
#define METAOPS_INGEST_HTTP_URL_H

#include "core/err.h"

struct http_url {
    char host[256];      /* without brackets */
    char port[8];        /* digits; 80 when the URL has none */
    char authority[272]; /* as in the Host header */
    char path[512];      /* where single events go: the URL's path and /api/v1/lineage */
};

/* REJECT with the reason for anything but http://host[:port][/path]. A path that ends with the
 * lineage endpoint already is kept. */
MUST_CHECK enum verdict http_url_parse(const char *text, struct http_url *out_url, struct err *err);

#endif
