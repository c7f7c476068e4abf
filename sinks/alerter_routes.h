/* alerter_routes.h - who is to be told of which alert.
 *
 * Made from the settings and their files, never changed afterwards but for the counts of what is under way: when
 * settings or files change another one is made, and the old one lives until the last delivery that names a receiver of
 * it has ended. One thread. */
#ifndef METAOPS_SINKS_ALERTER_ROUTES_H
#define METAOPS_SINKS_ALERTER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "alerter_sign.h"
#include "core/err.h"

#define ALERTER_RECEIVERS_MAX 64
#define ALERTER_RULES_MAX 256
#define ALERTER_NAME_BYTES 64
#define ALERTER_WEBHOOK_URL "webhook_url" /* name of the receiver that alerts.webhook_url is */

struct settings;

enum alerter_type {
    ALERTER_UNKNOWN,
    ALERTER_WEBHOOK,
    ALERTER_CLOUDEVENTS,
    ALERTER_SLACK,
    ALERTER_ALERTMANAGER,
    ALERTER_KAFKA,
    ALERTER_STDOUT
};

struct alerter_receiver {
    char name[ALERTER_NAME_BYTES];
    enum alerter_type type;
    char *url; /* NULL for Kafka and stdout */
    char *ca_file;
    bool is_guarded; /* https and public addresses only */
    struct alerter_sign sign;
    int in_flight;
};

/* Patterns, separated by commas; NULL: any. */
struct alerter_rule {
    char name[ALERTER_NAME_BYTES];
    char *kind;
    char *severity;
    char *namespace_name;
    char *owner;
    bool receivers[ALERTER_RECEIVERS_MAX];
    char *receiver_names; /* as written */
    bool goes_on;
};

struct alerter_routes {
    struct alerter_receiver receivers[ALERTER_RECEIVERS_MAX];
    size_t receiver_count;
    struct alerter_rule rules[ALERTER_RULES_MAX];
    size_t rule_count;
    unsigned users;
};

/* What rules look at. Owners are separated by line ends; any may be NULL: unknown. */
struct alerter_subject {
    const char *what;
    const char *kind;
    const char *severity;
    const char *namespace_name;
    const char *owners;
};

/* With one user, the caller. FATAL for a setting or file that cannot be used, with its name and line. */
MUST_CHECK enum verdict alerter_routes_load(const struct settings *st,
                                            struct alerter_routes **out_routes, struct err *err);

/* Whether somebody decided: such a message is for receivers alone that show what is open. */
bool alerter_routes_is_decision(const char *what);

/* Sets out_chosen[i] for each receiver i; returns how many. */
size_t alerter_routes_choose(const struct alerter_routes *routes,
                             const struct alerter_subject *subject, bool *out_chosen);

/* NULL: there is none of that name. */
struct alerter_receiver *alerter_routes_find(struct alerter_routes *routes, const char *name);

struct alerter_routes *alerter_routes_use(struct alerter_routes *routes);

/* One user less; the last frees. NULL is allowed. */
void alerter_routes_drop(struct alerter_routes *routes);

#endif
