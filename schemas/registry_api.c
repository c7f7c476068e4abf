#include "schemas/registry_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http_client.h"
#include "core/json.h"
#include "core/json_escape.h"
#include "core/metrics.h"
#include "core/settings.h"

#define WHERE "schema registry"
#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"
#define URLS_MAX 8
#define PATH_BYTES 512
#define ANSWER_BYTES_MAX ((size_t)8 << 20)
#define DEPTH_MAX 16
#define VALUES_MAX 10000

struct registry_api {
    const struct settings *st;
    char *words; /* the setting, cut into URLs */
    const char *urls[URLS_MAX];
    size_t url_count;
    size_t url_first; /* the one that answered last */
};

/* An answer and what its JSON says. */
struct answer {
    struct http_client_answer http;
    struct json_doc *doc;
    struct arena *arena;
};

static void answer_fini(struct answer *answer)
{
    free(answer->http.body);
    json_doc_free(answer->doc);
    arena_free(answer->arena);
}

enum verdict registry_api_open(const struct settings *st, struct registry_api **out_api,
                               struct err *err)
{
    struct registry_api *api = calloc(1, sizeof(*api));
    char *rest = NULL;
    enum verdict verdict = OK;

    if (!api || !(api->words = strdup(st->schema_registry.url))) {
        free(api);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    api->st = st;
    for (char *word = strtok_r(api->words, ", ", &rest); word && verdict == OK;
         word = strtok_r(NULL, ", ", &rest)) {
        size_t len = strlen(word);
        while (len && word[len - 1] == '/') {
            word[--len] = '\0';
        }
        if (api->url_count == URLS_MAX) {
            verdict =
                err_set(err, FATAL, WHERE, "schema_registry.url: more than %d URLs", URLS_MAX);
        } else if (http_client_check_url(word, err) != OK) {
            err_wrap(err, "schema_registry.url");
            err->verdict = verdict = FATAL;
        } else {
            api->urls[api->url_count++] = word;
        }
    }
    if (verdict == OK && !api->url_count) {
        verdict = err_set(err, FATAL, WHERE, "schema_registry.url is empty");
    }
    if (verdict != OK) {
        registry_api_close(api);
        return verdict;
    }
    *out_api = api;
    return OK;
}

void registry_api_close(struct registry_api *api)
{
    if (api) {
        free(api->words);
        free(api);
    }
}

/* Whatever is no JSON stays an empty doc: a status says enough. */
static enum verdict parse(struct answer *answer, struct err *err)
{
    answer->doc = json_doc_new(DEPTH_MAX, VALUES_MAX);
    answer->arena = arena_new(2 * ANSWER_BYTES_MAX);
    if (!answer->doc || !answer->arena) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    struct str text = {answer->http.body, answer->http.len};
    return json_parse(answer->doc, text, NULL, err) == RETRY ? RETRY : OK;
}

static struct str text_member(struct answer *answer, struct str name)
{
    const struct json_value *value = json_get(answer->doc, json_root(answer->doc), name);
    struct str text = {NULL, 0};
    struct err err;

    if (value && value->type == JSON_STRING &&
        json_string(answer->doc, value, answer->arena, &text, &err) != OK) {
        return (struct str){NULL, 0};
    }
    return text;
}

static long long number_member(struct answer *answer, struct str name)
{
    const struct json_value *value = json_get(answer->doc, json_root(answer->doc), name);

    return value && value->type == JSON_NUMBER ? strtoll(json_raw(answer->doc, value).ptr, NULL, 10)
                                               : -1;
}

static enum verdict refusal(struct answer *answer, enum verdict verdict, const char *what,
                            struct err *err)
{
    struct str message = text_member(answer, STR("message"));

    if (!message.ptr) {
        message = STR("no reason given");
    }
    return err_set(err, verdict, WHERE, "%s: %ld %.*s", what, answer->http.status,
                   (int)(message.len < 200 ? message.len : 200), message.ptr);
}

/* Asks one URL after the other until one answers with anything but 5xx. what is for people. */
static enum verdict ask(struct registry_api *api, const char *method, const char *path,
                        struct str body, const char *what, struct answer *out_answer,
                        struct err *err)
{
    enum verdict verdict = RETRY;

    for (size_t i = 0; i < api->url_count && verdict == RETRY; i++) {
        size_t at = (api->url_first + i) % api->url_count;
        char *url = NULL;
        if (asprintf(&url, "%s%s", api->urls[at], path) < 0) {
            return err_set(err, RETRY, WHERE, "out of memory");
        }
        const struct http_client_request request = {.method = method,
                                                    .url = url,
                                                    .accept = MEDIA_TYPE ", application/json",
                                                    .content_type = body.ptr ? MEDIA_TYPE : NULL,
                                                    .body = body,
                                                    .ca_file = api->st->schema_registry.ca_file,
                                                    .timeout_ms =
                                                        (long)api->st->schema_registry.timeout_ms,
                                                    .answer_bytes_max = ANSWER_BYTES_MAX};
        struct answer answer = {.doc = NULL};
        metrics_inc(METRIC_REGISTRY_REQUESTS);
        verdict = http_client_run(&request, &answer.http, err);
        free(url);
        if (verdict == OK) {
            verdict = parse(&answer, err);
        }
        long status = answer.http.status;
        if (verdict == OK && (status >= 500 || status == 401 || status == 403 || status == 429)) {
            verdict = refusal(&answer, RETRY, what, err);
        }
        if (verdict == OK) {
            api->url_first = at;
            *out_answer = answer;
        } else {
            answer_fini(&answer);
        }
    }
    return verdict;
}

/* {"schema": "..."}, malloc'd. */
static enum verdict schema_body(struct str schema, struct str *out_body, struct err *err)
{
    static const char head[] = "{\"schemaType\": \"AVRO\", \"schema\": \"";
    char *body = malloc(sizeof(head) + JSON_ESCAPE_BYTES_MAX * schema.len + 2);

    if (!body) {
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    memcpy(body, head, sizeof(head) - 1);
    size_t len = sizeof(head) - 1;
    len += json_escape(schema, body + len);
    memcpy(body + len, "\"}", 2);
    *out_body = (struct str){body, len + 2};
    return OK;
}

static enum verdict ask_about(struct registry_api *api, const char *path, struct str schema,
                              const char *what, struct answer *out_answer, struct err *err)
{
    struct str body;
    enum verdict verdict = schema_body(schema, &body, err);

    if (verdict == OK) {
        verdict = ask(api, "POST", path, body, what, out_answer, err);
        free((char *)body.ptr);
    }
    return verdict;
}

/* A registry's own "there is none" carries an error code of its own; any other 404 means that the URL is
 * wrong, and must not be taken for an answer. */
static bool is_none(struct answer *answer)
{
    long long code = number_member(answer, STR("error_code"));

    return answer->http.status == 404 && code >= 40400 && code <= 40499;
}

static enum verdict take_id(struct answer *answer, const char *what, uint32_t *out_id,
                            struct err *err)
{
    long long id = number_member(answer, STR("id"));

    if (id < 0 || id > UINT32_MAX) {
        return err_set(err, RETRY, WHERE, "%s: the answer has no id", what);
    }
    *out_id = (uint32_t)id;
    return OK;
}

enum verdict registry_api_look_up(struct registry_api *api, const char *subject, struct str schema,
                                  bool *out_is_found, uint32_t *out_id, struct err *err)
{
    struct answer answer;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/subjects/%s", subject);
    enum verdict verdict = ask_about(api, path, schema, "look up a schema", &answer, err);
    if (verdict != OK) {
        return verdict;
    }
    *out_is_found = answer.http.status == 200;
    if (*out_is_found) {
        verdict = take_id(&answer, "look up a schema", out_id, err);
    } else if (!is_none(&answer)) {
        verdict = refusal(&answer, RETRY, "look up a schema: is schema_registry.url right?", err);
    }
    answer_fini(&answer);
    return verdict;
}

enum verdict registry_api_register(struct registry_api *api, const char *subject, struct str schema,
                                   uint32_t *out_id, struct err *err)
{
    struct answer answer;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/subjects/%s/versions", subject);
    enum verdict verdict = ask_about(api, path, schema, "register a schema", &answer, err);
    if (verdict != OK) {
        return verdict;
    }
    verdict = answer.http.status == 200 ? take_id(&answer, "register a schema", out_id, err)
                                        : refusal(&answer, REJECT, "register a schema", err);
    answer_fini(&answer);
    return verdict;
}

enum verdict registry_api_schema(struct registry_api *api, uint32_t id, char **out_text,
                                 struct err *err)
{
    struct answer answer;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/schemas/ids/%lu", (unsigned long)id);
    enum verdict verdict =
        ask(api, "GET", path, (struct str){NULL, 0}, "read a schema", &answer, err);
    if (verdict != OK) {
        return verdict;
    }
    struct str text = text_member(&answer, STR("schema"));
    struct str type = text_member(&answer, STR("schemaType"));
    if (is_none(&answer)) {
        verdict = refusal(&answer, REJECT, "read a schema", err);
    } else if (answer.http.status != 200 || !text.ptr) {
        verdict = refusal(&answer, RETRY, "read a schema: is schema_registry.url right?", err);
    } else if (type.ptr && !str_eq(type, STR("AVRO"))) {
        verdict = err_set(err, REJECT, WHERE, "schema %lu is no Avro schema", (unsigned long)id);
    } else if (!(*out_text = strndup(text.ptr, text.len))) {
        verdict = err_set(err, RETRY, WHERE, "out of memory");
    }
    answer_fini(&answer);
    return verdict;
}

enum verdict registry_api_check(struct registry_api *api, const char *subject, struct str schema,
                                struct err *err)
{
    struct answer answer;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/compatibility/subjects/%s/versions?verbose=true", subject);
    enum verdict verdict = ask_about(api, path, schema, "check a schema", &answer, err);
    if (verdict != OK) {
        return verdict;
    }
    const struct json_value *is_compatible =
        json_get(answer.doc, json_root(answer.doc), STR("is_compatible"));
    if (answer.http.status == 200 && is_compatible && is_compatible->type == JSON_FALSE) {
        struct str reason = text_member(&answer, STR("reason"));
        const struct json_value *list =
            json_get(answer.doc, json_root(answer.doc), STR("messages"));
        if (!reason.ptr) {
            reason = list ? json_raw(answer.doc, list) : STR("not compatible");
        }
        verdict = err_set(err, REJECT, WHERE, "%.*s", (int)(reason.len < 220 ? reason.len : 220),
                          reason.ptr);
    } else if (answer.http.status != 200 && !is_none(&answer)) {
        verdict = refusal(&answer, REJECT, "check a schema", err);
    }
    answer_fini(&answer);
    return verdict;
}

enum verdict registry_api_set_level(struct registry_api *api, const char *subject,
                                    bool *out_is_found, struct err *err)
{
    struct answer answer;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/config/%s", subject);
    enum verdict verdict = ask(api, "PUT", path, STR("{\"compatibility\": \"FULL_TRANSITIVE\"}"),
                               "set the compatibility", &answer, err);
    if (verdict != OK) {
        return verdict;
    }
    *out_is_found = !is_none(&answer);
    if (answer.http.status != 200 && *out_is_found) {
        verdict = refusal(&answer, REJECT, "set the compatibility", err);
    }
    answer_fini(&answer);
    return verdict;
}
