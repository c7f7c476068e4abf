#include "alerter_routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/http_client.h"
#include "core/settings.h"

#define WHERE "alerter"

static enum verdict add_webhook_url(struct alerter_routes *routes, const struct settings *st,
                                    struct err *err)
{
    struct alerter_receiver *receiver = &routes->receivers[routes->receiver_count];

    if (!*st->alerts.webhook_url) {
        return OK;
    }
    if (http_client_check_url(st->alerts.webhook_url, err) != OK) {
        err_wrap(err, "alerts.webhook_url");
        return err->verdict = FATAL;
    }
    routes->receiver_count++;
    receiver->name = strdup(ALERTER_WEBHOOK_URL);
    receiver->url = strdup(st->alerts.webhook_url);
    return receiver->name && receiver->url ? OK : err_set(err, RETRY, WHERE, "memory is short");
}

enum verdict alerter_routes_load(const struct settings *st, struct alerter_routes **out_routes,
                                 struct err *err)
{
    struct alerter_routes *routes = calloc(1, sizeof *routes);

    if (!routes) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    routes->users = 1;
    enum verdict verdict = add_webhook_url(routes, st, err);
    if (verdict != OK) {
        alerter_routes_drop(routes);
        return verdict;
    }
    *out_routes = routes;
    return OK;
}

size_t alerter_routes_choose(const struct alerter_routes *routes,
                             const struct alerter_subject *subject, bool *out_chosen)
{
    (void)subject;
    for (size_t i = 0; i < routes->receiver_count; i++) {
        out_chosen[i] = true;
    }
    return routes->receiver_count;
}

struct alerter_receiver *alerter_routes_find(struct alerter_routes *routes, const char *name)
{
    for (size_t i = 0; i < routes->receiver_count; i++) {
        if (strcmp(routes->receivers[i].name, name) == 0) {
            return &routes->receivers[i];
        }
    }
    return NULL;
}

struct alerter_routes *alerter_routes_use(struct alerter_routes *routes)
{
    routes->users++;
    return routes;
}

void alerter_routes_drop(struct alerter_routes *routes)
{
    if (!routes || --routes->users > 0) {
        return;
    }
    for (size_t i = 0; i < routes->receiver_count; i++) {
        free(routes->receivers[i].name);
        free(routes->receivers[i].url);
    }
    free(routes);
}
