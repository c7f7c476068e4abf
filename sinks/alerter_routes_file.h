/* alerter_routes_file.h - the text of alerts.routes_file to receivers and rules. Internal to alerter_routes*.c. */
#ifndef METAOPS_SINKS_ALERTER_ROUTES_FILE_H
#define METAOPS_SINKS_ALERTER_ROUTES_FILE_H

#include "alerter_routes.h"
#include "core/str.h"

/* Adds to routes what text says. trusted_hosts as in alerts.trusted_hosts. FATAL with the line, or with the receiver
 * or route that lacks something. */
MUST_CHECK enum verdict alerter_routes_file_read(struct alerter_routes *routes, struct str text,
                                                 const char *trusted_hosts, struct err *err);

/* The keys of a file. FATAL. */
MUST_CHECK enum verdict alerter_routes_file_keys(struct alerter_sign *sign, const char *path,
                                                 struct err *err);

/* Calls each for the words of a comma list until one returns true; says whether one did. */
bool alerter_routes_file_any(const char *list, bool (*each)(void *arg, struct str word), void *arg);

#endif
