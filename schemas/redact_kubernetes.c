/* redact_kubernetes.c - what is secret in an audit event of Kubernetes: values of variables, arguments, contents of
 * Secrets and ConfigMaps; in what was asked, what was answered, and the copy of it that kubectl keeps in an annotation.
 * The same in the object of an event of a watch.
 *
 * A patch says the same in other words: a merge has the members of the object, so names decide wherever they stand; a JSON
 * patch has a path and a value. Rather too much is redacted than too little: nothing that is made of these events needs it. */
#include "schemas/kube_watch.h"
#include "schemas/redact_impl.h"

#define LAST_APPLIED "last-applied-configuration"

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++) {
        if (str_eq(name, str_view(*names))) {
            return true;
        }
    }
    return false;
}

/* The decoded content of a string; empty when there is none. */
static struct str text_of(struct redact_text *rt, const struct json_value *string)
{
    struct str text = STR("");
    struct err err;

    if (string && string->type == JSON_STRING &&
        json_string(rt->doc, string, rt->spans->arena, &text, &err) != OK) {
        rt->spans->is_full = true;
    }
    return text;
}

/* All strings at or below value that are no names of members. */
static void add_all(struct redact_text *rt, const struct json_value *value)
{
    uint32_t index = value ? json_index(rt->doc, value) : 0;

    for (; value && index < value->next && !redact_spans_is_closed(rt->spans); index++) {
        const struct json_value *string = json_at(rt->doc, index);
        if (string->type == JSON_STRING &&
            (string == value || !redact_facets_is_key(rt->doc, string))) {
            redact_spans_add(rt->spans, rt->text, string->offset + 1,
                             string->offset + string->len - 1);
        }
    }
}

/* A list of {name, value} keeps its names; a map has only values. */
static void add_variables(struct redact_text *rt, const struct json_value *env)
{
    if (env->type != JSON_ARRAY) {
        add_all(rt, env);
        return;
    }
    for (const struct json_value *one = json_first(rt->doc, env); one;
         one = json_next(rt->doc, env, one)) {
        add_all(rt, one->type == JSON_OBJECT ? json_get(rt->doc, one, STR("value")) : one);
    }
}

static bool is_secret_path(struct str path)
{
    static const char *const names[] = {"env",  "envVars",    "args",       "command", "arguments",
                                        "data", "stringData", "binaryData", NULL};
    size_t from = 0;

    if (redact_text_find(path, LAST_APPLIED) != SIZE_MAX) {
        return true;
    }
    for (size_t i = 0; i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '/') {
            if (is_one_of((struct str){path.ptr + from, i - from}, names)) {
                return true;
            }
            from = i + 1;
        }
    }
    return false;
}

static bool is_confidential(struct str kind)
{
    static const char *const kinds[] = {"Secret", "ConfigMap", "secrets", "configmaps", NULL};

    return is_one_of(kind, kinds);
}

static void find_in_object(struct redact_text *rt, const struct json_value *object)
{
    static const char *const contents[] = {"data", "stringData", "binaryData"};
    const struct json_value *path = json_get(rt->doc, object, STR("path"));

    if (path && json_get(rt->doc, object, STR("op")) && is_secret_path(text_of(rt, path))) {
        add_all(rt, json_get(rt->doc, object, STR("value")));
    }
    if (is_confidential(text_of(rt, json_get(rt->doc, object, STR("kind"))))) {
        for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
            add_all(rt, json_get(rt->doc, object, str_view(contents[i])));
        }
    }
}

/* A value that the server found wrong is repeated in what it says of it. */
static void find_in_message(struct redact_text *rt, const struct json_value *message)
{
    if (message->type == JSON_STRING &&
        redact_text_find(json_raw(rt->doc, message), "invalid value") != SIZE_MAX) {
        add_all(rt, message);
    }
}

/* Of exec the command stands in the query. */
static void find_in_uri(struct redact_text *rt, const struct json_value *uri)
{
    struct str raw = json_raw(rt->doc, uri);
    const char *query = uri->type == JSON_STRING ? memchr(raw.ptr, '?', raw.len) : NULL;

    if (query && redact_text_find(raw, "command=") != SIZE_MAX) {
        redact_spans_add(rt->spans, rt->text, uri->offset + (size_t)(query - raw.ptr) + 1,
                         uri->offset + uri->len - 1);
    }
}

static void find_in_member(struct redact_text *rt, const struct json_value *key, bool is_secret)
{
    static const char *const lists[] = {"args", "command", "arguments", "envVars", NULL};
    static const char *const contents[] = {"data", "stringData", "binaryData", NULL};
    struct str name = text_of(rt, key);
    const struct json_value *value = key + 1;

    if (str_eq(name, STR("env"))) {
        add_variables(rt, value);
    } else if (is_one_of(name, lists) || redact_text_find(name, LAST_APPLIED) != SIZE_MAX ||
               (is_secret && is_one_of(name, contents))) {
        add_all(rt, value);
    } else if (str_eq(name, STR("message"))) {
        find_in_message(rt, value);
    } else if (str_eq(name, STR("requestURI"))) {
        find_in_uri(rt, value);
    }
}

/* What is looked through; NULL: the body is of neither kind. */
static const struct json_value *find_subject(struct redact_text *rt, bool *out_is_secret)
{
    const struct json_value *root = json_root(rt->doc);
    const struct json_value *event = json_get(rt->doc, root, STR("event"));
    const struct json_value *reference = json_get(rt->doc, event, STR("objectRef"));

    if (json_get(rt->doc, event, STR("auditID"))) {
        *out_is_secret =
            is_confidential(text_of(rt, json_get(rt->doc, reference, STR("resource"))));
        return event;
    }
    if (str_starts(text_of(rt, json_get(rt->doc, root, STR("type"))), KUBE_WATCH_TYPES)) {
        *out_is_secret = is_confidential(text_of(rt, json_get(rt->doc, root, STR("kind"))));
        return json_get(rt->doc, root, STR("data"));
    }
    return NULL;
}

void redact_kubernetes_find(struct redact_text *rt)
{
    bool is_secret = false;
    const struct json_value *subject = find_subject(rt, &is_secret);

    for (uint32_t index = subject ? json_index(rt->doc, subject) : 0;
         subject && index < subject->next && !redact_spans_is_closed(rt->spans); index++) {
        const struct json_value *value = json_at(rt->doc, index);
        if (value->type == JSON_OBJECT) {
            find_in_object(rt, value);
        } else if (value->type == JSON_STRING && redact_facets_is_key(rt->doc, value)) {
            find_in_member(rt, value, is_secret);
        }
    }
}
