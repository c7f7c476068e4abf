/* tls_files.h - which files the settings name for the TLS of which port. */
#ifndef METAOPS_CORE_TLS_FILES_H
#define METAOPS_CORE_TLS_FILES_H

#include "tls_server.h"

struct settings;

/* The files of the gateway's door and of the admin ports as the settings name them, views of st. */
struct tls_server_files tls_files_ingest(const struct settings *st);
struct tls_server_files tls_files_admin(const struct settings *st);

/* Reads tls anew with the files that st names now; tls NULL: the port was started without. REJECT
 * when TLS would have to begin or end: that needs a restart. */
MUST_CHECK enum verdict tls_files_reload(struct tls_server *tls,
                                         const struct tls_server_files *files, struct err *err);

#endif
