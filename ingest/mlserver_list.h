/* mlserver_list.h - the list of servers in poll.mlserver_servers: NAME=URL or NAMESPACE/NAME=URL, separated by commas. Pure. */
#ifndef METAOPS_INGEST_MLSERVER_LIST_H
#define METAOPS_INGEST_MLSERVER_LIST_H

#include <stddef.h>

#include "core/err.h"

#define MLSERVER_LIST_MAX 64
#define MLSERVER_NAME_BYTES 256
#define MLSERVER_URL_BYTES 1024

struct mlserver_place {
    char namespace_[MLSERVER_NAME_BYTES]; /* empty: none */
    char name[MLSERVER_NAME_BYTES];
    char url[MLSERVER_URL_BYTES]; /* without a slash at its end */
};

/* Reads text into places, of which there is room for MLSERVER_LIST_MAX; a server without a namespace is in
 * default_namespace. FATAL with the reason for what is no such list, and for two servers of one name. */
MUST_CHECK enum verdict mlserver_list_read(const char *text, const char *default_namespace,
                                           struct mlserver_place *places, size_t *out_count,
                                           struct err *err);

#endif
