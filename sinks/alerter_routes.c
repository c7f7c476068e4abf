#include "alerter_routes.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerter_routes_file.h"
#include "core/http_client.h"
#include "core/settings.h"
#include "core/settings_file.h"

#define WHERE "routes"
#define PATTERN_BYTES 512

/* What the operator sets is taken as it is: it is guarded against nothing. */
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
    snprintf(receiver->name, sizeof receiver->name, "%s", ALERTER_WEBHOOK_URL);
    receiver->type = ALERTER_WEBHOOK;
    receiver->url = strdup(st->alerts.webhook_url);
    if (!receiver->url) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    return *st->alerts.webhook_key_file
               ? alerter_routes_file_keys(&receiver->sign, st->alerts.webhook_key_file, err)
               : OK;
}

static enum verdict add_file(struct alerter_routes *routes, const struct settings *st,
                             struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    if (!*st->alerts.routes_file) {
        return OK;
    }
    enum verdict verdict =
        settings_file_read(st->alerts.routes_file, SETTINGS_FILE_BYTES_MAX, &text, &len, err);
    if (verdict == OK &&
        (verdict = alerter_routes_file_read(routes, (struct str){text, len},
                                            st->alerts.trusted_hosts, err)) != OK) {
        err_wrap(err, "%s", st->alerts.routes_file);
    }
    free(text);
    return verdict;
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
    if (verdict == OK) {
        verdict = add_file(routes, st, err);
    }
    if (verdict != OK) {
        alerter_routes_drop(routes);
        return verdict;
    }
    *out_routes = routes;
    return OK;
}

static bool is_match(void *arg, struct str word)
{
    const char *value = arg;
    char pattern[PATTERN_BYTES];
    if (word.len >= sizeof pattern) {
        return false;
    }
    memcpy(pattern, word.ptr, word.len);
    pattern[word.len] = '\0';
    return fnmatch(pattern, value, FNM_NOESCAPE) == 0;
}

/* What is not known matches no pattern, not even the star. */
static bool fits(const char *patterns, const char *value)
{
    return !patterns || (value && alerter_routes_file_any(patterns, is_match, (void *)value));
}

static bool fits_owner(const char *patterns, const char *owners)
{
    char owner[PATTERN_BYTES];
    if (!patterns) {
        return true;
    }
    while (owners && *owners) {
        size_t len = strcspn(owners, "\n");
        snprintf(owner, sizeof owner, "%.*s", (int)len, owners);
        if (fits(patterns, owner)) {
            return true;
        }
        owners += len + (owners[len] == '\n');
    }
    return false;
}

bool alerter_routes_is_decision(const char *what)
{
    return what && (strcmp(what, "expected") == 0 || strcmp(what, "ignored") == 0);
}

/* People who decide know what they decided: only who shows what is open is to hear of it. */
static size_t keep_those_that_show(const struct alerter_routes *routes, bool *chosen)
{
    size_t count = 0;
    for (size_t i = 0; i < routes->receiver_count; i++) {
        chosen[i] = chosen[i] && routes->receivers[i].type == ALERTER_ALERTMANAGER;
        count += chosen[i];
    }
    return count;
}

size_t alerter_routes_choose(const struct alerter_routes *routes,
                             const struct alerter_subject *subject, bool *out_chosen)
{
    size_t count = 0;
    for (size_t i = 0; i < routes->receiver_count; i++) {
        out_chosen[i] = strcmp(routes->receivers[i].name, ALERTER_WEBHOOK_URL) == 0;
    }
    for (size_t i = 0; i < routes->rule_count; i++) {
        const struct alerter_rule *rule = &routes->rules[i];
        if (fits(rule->kind, subject->kind) && fits(rule->severity, subject->severity) &&
            fits(rule->namespace_name, subject->namespace_name) &&
            fits_owner(rule->owner, subject->owners)) {
            for (size_t k = 0; k < routes->receiver_count; k++) {
                out_chosen[k] = out_chosen[k] || rule->receivers[k];
            }
            if (!rule->goes_on) {
                break;
            }
        }
    }
    if (alerter_routes_is_decision(subject->what)) {
        return keep_those_that_show(routes, out_chosen);
    }
    for (size_t i = 0; i < routes->receiver_count; i++) {
        count += out_chosen[i];
    }
    return count;
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
        free(routes->receivers[i].url);
        free(routes->receivers[i].ca_file);
        alerter_sign_fini(&routes->receivers[i].sign);
    }
    for (size_t i = 0; i < routes->rule_count; i++) {
        free(routes->rules[i].kind);
        free(routes->rules[i].severity);
        free(routes->rules[i].namespace_name);
        free(routes->rules[i].owner);
        free(routes->rules[i].receiver_names);
    }
    free(routes);
}
