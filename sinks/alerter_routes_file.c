#include "alerter_routes_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/http_client.h"
#include "core/log.h"
#include "core/plain_file.h"
#include "core/settings_file.h"

#define WHERE "routes"
#define SECRET_FILE_BYTES_MAX 8192

struct reading {
    struct alerter_routes *routes;
};

static const struct {
    const char *name;
    enum alerter_type type;
} types[] = {{"webhook", ALERTER_WEBHOOK}, {"cloudevents", ALERTER_CLOUDEVENTS},
             {"slack", ALERTER_SLACK},     {"alertmanager", ALERTER_ALERTMANAGER},
             {"kafka", ALERTER_KAFKA},     {"stdout", ALERTER_STDOUT}};

bool alerter_routes_file_any(const char *list, bool (*each)(void *arg, struct str word), void *arg)
{
    while (*list) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len > 0 && each(arg, (struct str){list, len})) {
            return true;
        }
        list += len;
    }
    return false;
}

static enum verdict read_secret(const char *path, char **out_text, size_t *out_len, struct err *err)
{
    enum verdict verdict = settings_file_read(path, SECRET_FILE_BYTES_MAX, out_text, out_len, err);
    if (verdict == OK && plain_file_is_public(path)) {
        log_warn("everybody may read the file of a secret, ignoring path=%s", path);
    }
    return verdict;
}

/* One short text of a file, without its line end: a URL. */
static enum verdict read_line(const char *path, char **out_text, struct err *err)
{
    size_t len = 0;
    enum verdict verdict = read_secret(path, out_text, &len, err);
    if (verdict == OK) {
        (*out_text)[strcspn(*out_text, "\r\n")] = '\0';
    }
    return verdict;
}

enum verdict alerter_routes_file_keys(struct alerter_sign *sign, const char *path, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    enum verdict verdict = read_secret(path, &text, &len, err);
    if (verdict != OK) {
        return verdict;
    }
    verdict = alerter_sign_read(sign, (struct str){text, len}, err);
    explicit_bzero(text, len);
    free(text);
    return verdict == OK ? OK : err_set(err, FATAL, WHERE, "%s: %s", path, err->text);
}

/* Names stand in SQL arrays and log lines. */
static bool is_name(struct str name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (size_t i = 0; i < name.len; i++) {
        if (!memchr(allowed, name.ptr[i], sizeof allowed - 1)) {
            return false;
        }
    }
    return name.len > 0 && name.len < ALERTER_NAME_BYTES;
}

static bool is_named(const char *name, struct str text)
{
    return str_eq(str_view(name), text);
}

static enum verdict receiver_of(struct reading *rd, struct str name,
                                struct alerter_receiver **out_receiver, struct err *err)
{
    struct alerter_routes *routes = rd->routes;
    if (is_named(ALERTER_WEBHOOK_URL, name)) {
        return err_set(err, FATAL, WHERE, "this name is taken by the setting alerts.webhook_url");
    }
    for (size_t i = 0; i < routes->receiver_count; i++) {
        if (is_named(routes->receivers[i].name, name)) {
            *out_receiver = &routes->receivers[i];
            return OK;
        }
    }
    if (routes->receiver_count == ALERTER_RECEIVERS_MAX) {
        return err_set(err, FATAL, WHERE, "more than %d receivers", ALERTER_RECEIVERS_MAX);
    }
    *out_receiver = &routes->receivers[routes->receiver_count++];
    memcpy((*out_receiver)->name, name.ptr, name.len);
    return OK;
}

static enum verdict rule_of(struct reading *rd, struct str name, struct alerter_rule **out_rule,
                            struct err *err)
{
    struct alerter_routes *routes = rd->routes;
    for (size_t i = 0; i < routes->rule_count; i++) {
        if (is_named(routes->rules[i].name, name)) {
            *out_rule = &routes->rules[i];
            return OK;
        }
    }
    if (routes->rule_count == ALERTER_RULES_MAX) {
        return err_set(err, FATAL, WHERE, "more than %d routes", ALERTER_RULES_MAX);
    }
    *out_rule = &routes->rules[routes->rule_count++];
    memcpy((*out_rule)->name, name.ptr, name.len);
    return OK;
}

static enum verdict set_text(char **field, const char *value, struct err *err)
{
    if (*field) {
        return err_set(err, FATAL, WHERE, "said twice");
    }
    *field = strdup(value);
    return *field ? OK : err_set(err, RETRY, WHERE, "memory is short");
}

static enum verdict set_type(struct alerter_receiver *receiver, const char *value, struct err *err)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, value) == 0) {
            receiver->type = types[i].type;
            return OK;
        }
    }
    return err_set(err, FATAL, WHERE,
                   "must be webhook, cloudevents, slack, alertmanager, kafka or stdout");
}

static enum verdict set_url_of_file(struct alerter_receiver *receiver, const char *path,
                                    struct err *err)
{
    return receiver->url ? err_set(err, FATAL, WHERE, "there is a url already")
                         : read_line(path, &receiver->url, err);
}

static enum verdict set_ca_file(struct alerter_receiver *receiver, const char *path,
                                struct err *err)
{
    const char *fault = plain_file_fault(path, PLAIN_FILE_CERTIFICATES_BYTES_MAX);
    return fault ? err_set(err, FATAL, WHERE, "%s: %s", path, fault)
                 : set_text(&receiver->ca_file, path, err);
}

static enum verdict set_receiver(struct alerter_receiver *receiver, struct str property,
                                 const char *value, struct err *err)
{
    if (is_named("type", property)) {
        return set_type(receiver, value, err);
    }
    if (is_named("url", property)) {
        return set_text(&receiver->url, value, err);
    }
    if (is_named("url_file", property)) {
        return set_url_of_file(receiver, value, err);
    }
    if (is_named("key_file", property)) {
        return alerter_routes_file_keys(&receiver->sign, value, err);
    }
    if (is_named("ca_file", property)) {
        return set_ca_file(receiver, value, err);
    }
    return err_set(err, FATAL, WHERE, "a receiver has type, url, url_file, key_file and ca_file");
}

static enum verdict set_goes_on(struct alerter_rule *rule, const char *value, struct err *err)
{
    rule->goes_on = strcmp(value, "yes") == 0;
    return rule->goes_on || strcmp(value, "no") == 0
               ? OK
               : err_set(err, FATAL, WHERE, "must be yes or no");
}

static enum verdict set_rule(struct alerter_rule *rule, struct str property, const char *value,
                             struct err *err)
{
    struct {
        const char *name;
        char **field;
    } texts[] = {{"kind", &rule->kind},
                 {"severity", &rule->severity},
                 {"namespace", &rule->namespace_name},
                 {"owner", &rule->owner},
                 {"receivers", &rule->receiver_names}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is_named(texts[i].name, property)) {
            return set_text(texts[i].field, value, err);
        }
    }
    if (is_named("continue", property)) {
        return set_goes_on(rule, value, err);
    }
    return err_set(err, FATAL, WHERE,
                   "a route has kind, severity, namespace, owner, receivers and continue");
}

/* receiver.NAME.property or route.NAME.property */
static enum verdict on_line(void *arg, int line, struct str key, const char *value, struct err *err)
{
    struct reading *rd = arg;
    struct alerter_receiver *receiver = NULL;
    struct alerter_rule *rule = NULL;
    enum verdict verdict;

    size_t start = str_starts(key, "receiver.") ? 9 : str_starts(key, "route.") ? 6 : 0;
    const char *dot = start ? memchr(key.ptr + start, '.', key.len - start) : NULL;
    struct str name = {key.ptr + start, dot ? (size_t)(dot - key.ptr) - start : 0};
    if (!dot || !is_name(name)) {
        verdict = err_set(err, FATAL, WHERE, "neither receiver.NAME.x nor route.NAME.x");
    } else {
        struct str property = {dot + 1, key.len - (size_t)(dot + 1 - key.ptr)};
        verdict =
            start == 9 ? receiver_of(rd, name, &receiver, err) : rule_of(rd, name, &rule, err);
        if (verdict == OK) {
            verdict = receiver ? set_receiver(receiver, property, value, err)
                               : set_rule(rule, property, value, err);
        }
    }
    return verdict == OK ? OK : err_wrap(err, "line %d: %.*s", line, (int)key.len, key.ptr);
}

static bool is_trusted(void *arg, struct str word)
{
    const struct http_client_place *place = arg;
    char with_port[HTTP_CLIENT_HOST_BYTES + 8];
    snprintf(with_port, sizeof with_port, "%s:%d", place->host, place->port);
    return (strlen(place->host) == word.len && strncasecmp(place->host, word.ptr, word.len) == 0) ||
           (strlen(with_port) == word.len && strncasecmp(with_port, word.ptr, word.len) == 0);
}

static bool is_http(enum alerter_type type)
{
    return type != ALERTER_KAFKA && type != ALERTER_STDOUT;
}

static enum verdict finish_receiver(struct alerter_receiver *receiver, const char *trusted_hosts,
                                    struct err *err)
{
    struct http_client_place place;
    if (receiver->type == ALERTER_UNKNOWN) {
        return err_set(err, FATAL, WHERE, "receiver %s has no type", receiver->name);
    }
    if (!is_http(receiver->type)) {
        return receiver->url
                   ? err_set(err, FATAL, WHERE, "receiver %s takes no url", receiver->name)
                   : OK;
    }
    if (!receiver->url) {
        return err_set(err, FATAL, WHERE, "receiver %s has no url", receiver->name);
    }
    if (http_client_place(receiver->url, &place, err) != OK) {
        err_wrap(err, "receiver %s", receiver->name);
        return err->verdict = FATAL;
    }
    receiver->is_guarded = !alerter_routes_file_any(trusted_hosts, is_trusted, &place);
    return receiver->is_guarded && !place.is_https
               ? err_set(err, FATAL, WHERE,
                         "receiver %s: only https, unless alerts.trusted_hosts names %s:%d",
                         receiver->name, place.host, place.port)
               : OK;
}

struct linking {
    struct alerter_routes *routes;
    struct alerter_rule *rule;
    struct err *err;
};

static bool is_missing(void *arg, struct str word)
{
    struct linking *ln = arg;
    for (size_t i = 0; i < ln->routes->receiver_count; i++) {
        if (is_named(ln->routes->receivers[i].name, word)) {
            ln->rule->receivers[i] = true;
            return false;
        }
    }
    err_set(ln->err, FATAL, WHERE, "route %s: there is no receiver %.*s", ln->rule->name,
            (int)word.len, word.ptr);
    return true;
}

static enum verdict link_rules(struct alerter_routes *routes, size_t first_receiver,
                               struct err *err)
{
    bool is_used[ALERTER_RECEIVERS_MAX] = {false};
    for (size_t i = 0; i < routes->rule_count; i++) {
        struct alerter_rule *rule = &routes->rules[i];
        struct linking ln = {.routes = routes, .rule = rule, .err = err};
        if (!rule->receiver_names) {
            return err_set(err, FATAL, WHERE, "route %s has no receivers", rule->name);
        }
        if (alerter_routes_file_any(rule->receiver_names, is_missing, &ln)) {
            return FATAL;
        }
        for (size_t k = 0; k < routes->receiver_count; k++) {
            is_used[k] = is_used[k] || rule->receivers[k];
        }
    }
    for (size_t i = first_receiver; i < routes->receiver_count; i++) {
        if (!is_used[i]) {
            return err_set(err, FATAL, WHERE, "no route leads to receiver %s",
                           routes->receivers[i].name);
        }
    }
    return OK;
}

enum verdict alerter_routes_file_read(struct alerter_routes *routes, struct str text,
                                      const char *trusted_hosts, struct err *err)
{
    struct reading rd = {.routes = routes};
    size_t first_receiver = routes->receiver_count; /* before it: those of the settings */

    enum verdict verdict = settings_file_parse(text, on_line, &rd, err);
    for (size_t i = first_receiver; verdict == OK && i < routes->receiver_count; i++) {
        verdict = finish_receiver(&routes->receivers[i], trusted_hosts, err);
    }
    return verdict == OK ? link_rules(routes, first_receiver, err) : verdict;
}
