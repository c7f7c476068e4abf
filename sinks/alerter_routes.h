/* alerter_routes.h - who is to be told of which alert.
 *
 * Made from the settings, never changed afterwards but for the counts of what is under way: when settings change
 * another one is made, and the old one lives until the last delivery that names a receiver of it has ended. One
 * thread. */
#ifndef METAOPS_SINKS_ALERTER_ROUTES_H
#define METAOPS_SINKS_ALERTER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

#define ALERTER_RECEIVERS_MAX 64
#define ALERTER_WEBHOOK_URL "webhook_url" /* name of the receiver that alerts.webhook_url is */

struct settings;

struct alerter_receiver {
    char *name;
    char *url;
    int in_flight;
};

struct alerter_routes {
    struct alerter_receiver receivers[ALERTER_RECEIVERS_MAX];
    size_t receiver_count;
    unsigned users;
};

/* What rules look at. Owners are separated by line ends; NULL: unknown. */
struct alerter_subject {
    const char *kind;
    const char *severity;
    const char *namespace_name;
    const char *owners;
};

/* With one user, the caller. FATAL for a setting that cannot be used. */
MUST_CHECK enum verdict alerter_routes_load(const struct settings *st,
                                            struct alerter_routes **out_routes, struct err *err);

/* Sets out_chosen[i] for each receiver i; returns how many. */
size_t alerter_routes_choose(const struct alerter_routes *routes,
                             const struct alerter_subject *subject, bool *out_chosen);

/* NULL: there is none of that name. */
struct alerter_receiver *alerter_routes_find(struct alerter_routes *routes, const char *name);

struct alerter_routes *alerter_routes_use(struct alerter_routes *routes);

/* One user less; the last frees. NULL is allowed. */
void alerter_routes_drop(struct alerter_routes *routes);

#endif
