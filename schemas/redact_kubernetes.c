/* redact_kubernetes.c - what is secret in an audit event of Kubernetes: values of variables, arguments, options of Java, what
 * a volume is asked for with, last words of containers and of what submits for Spark, contents of Secrets and ConfigMaps; in what was asked and what was
 * answered. Tools keep copies of whole objects in annotations: but for those that the graph is made of, none keeps its value.
 * The same in the object of an event of a watch.
 *
 * A patch says the same in other words: a merge has the members of the object, so names decide wherever they stand; a JSON
 * patch has a path and a value. Rather too much is redacted than too little: nothing that is made of these events needs it. */
#include "schemas/kube_watch.h"
#include "schemas/redact_impl.h"

#define LAST_APPLIED "last-applied-configuration"

/* What is looked through. */
struct subject {
    const struct json_value *value; /* NULL: the body is of neither kind */
    const struct json_value
        *annotations; /* of an audit event itself, which the server writes; or NULL */
    bool is_secret;   /* of a Secret or ConfigMap */
};

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

static bool ends_with(struct str name, struct str end)
{
    return name.len >= end.len && str_eq((struct str){name.ptr + name.len - end.len, end.len}, end);
}

/* A member all of whose value is secret. */
static bool is_secret_name(struct str name)
{
    static const char *const names[] = {
        "args", "command", "arguments", "envVars", "volumeAttributes", "errorMessage", NULL};

    /* sparkConf tells variables by their names, and options with -D of any name. */
    return is_one_of(name, names) || ends_with(name, STR("avaOptions")) ||
           str_starts(name, "spark.kubernetes.driverEnv.") ||
           str_starts(name, "spark.executorEnv.") ||
           redact_text_find(name, LAST_APPLIED) != SIZE_MAX;
}

/* Those that object_state.c reads: ours, and the names that Airflow gives to a task. */
static bool is_open_annotation(struct str name)
{
    static const char *const names[] = {"dag_id",     "task_id",   "run_id",
                                        "try_number", "map_index", NULL};

    return is_one_of(name, names) || str_starts(name, "metaops.io/");
}

static bool is_server_annotation(struct str name)
{
    return str_starts(name, "authorization.k8s.io/");
}

static void add_annotations(struct redact_text *rt, const struct json_value *annotations,
                            bool (*is_open)(struct str name))
{
    if (annotations->type != JSON_OBJECT) {
        add_all(rt, annotations);
        return;
    }
    for (const struct json_value *key = json_first(rt->doc, annotations); key;
         key = json_next(rt->doc, annotations, key + 1)) {
        if (!is_open(text_of(rt, key))) {
            add_all(rt, key + 1);
        }
    }
}

/* Of a JSON patch: '/' in a name is written "~1". */
static bool is_secret_part(struct str part, bool is_annotation)
{
    static const char *const names[] = {"env", "data", "stringData", "binaryData", NULL};

    if (is_annotation) {
        return !is_open_annotation(part) && !str_starts(part, "metaops.io~1");
    }
    return is_one_of(part, names) || is_secret_name(part);
}

/* The value of a JSON patch at that path. */
static void add_patched(struct redact_text *rt, struct str path, const struct json_value *value)
{
    struct str part = STR("");
    size_t from = 0;

    for (size_t i = 0; value && i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '/') {
            bool is_annotation = str_eq(part, STR("annotations"));
            part = (struct str){path.ptr + from, i - from};
            from = i + 1;
            if (is_secret_part(part, is_annotation)) {
                add_all(rt, value);
                return;
            }
        }
    }
    if (value && str_eq(part, STR("annotations"))) {
        add_annotations(rt, value, is_open_annotation);
    }
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

    if (path && json_get(rt->doc, object, STR("op"))) {
        add_patched(rt, text_of(rt, path), json_get(rt->doc, object, STR("value")));
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

/* The state of a container, or the last one: where it ended, what it wrote last. */
static void find_last_words(struct redact_text *rt, const struct json_value *state)
{
    static const char *const states[] = {"terminated", "waiting"};

    for (size_t i = 0; state->type == JSON_OBJECT && i < sizeof(states) / sizeof(states[0]); i++) {
        const struct json_value *message =
            json_get(rt->doc, json_get(rt->doc, state, str_view(states[i])), STR("message"));
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

static void find_in_member(struct redact_text *rt, const struct subject *subject,
                           const struct json_value *key)
{
    static const char *const contents[] = {"data", "stringData", "binaryData", NULL};
    static const char *const states[] = {"state", "lastState", NULL};
    struct str name = text_of(rt, key);
    const struct json_value *value = key + 1;

    if (str_eq(name, STR("env"))) {
        add_variables(rt, value);
    } else if (str_eq(name, STR("annotations"))) {
        add_annotations(rt, value,
                        value == subject->annotations ? is_server_annotation : is_open_annotation);
    } else if (is_secret_name(name) || (subject->is_secret && is_one_of(name, contents))) {
        add_all(rt, value);
    } else if (is_one_of(name, states)) {
        find_last_words(rt, value);
    } else if (str_eq(name, STR("message"))) {
        find_in_message(rt, value);
    } else if (str_eq(name, STR("requestURI"))) {
        find_in_uri(rt, value);
    }
}

static struct subject find_subject(struct redact_text *rt)
{
    const struct json_value *root = json_root(rt->doc);
    const struct json_value *event = json_get(rt->doc, root, STR("event"));
    const struct json_value *reference = json_get(rt->doc, event, STR("objectRef"));
    struct subject subject = {.value = NULL};

    if (json_get(rt->doc, event, STR("auditID"))) {
        subject.value = event;
        subject.annotations = json_get(rt->doc, event, STR("annotations"));
        subject.is_secret =
            is_confidential(text_of(rt, json_get(rt->doc, reference, STR("resource"))));
    } else if (str_starts(text_of(rt, json_get(rt->doc, root, STR("type"))), KUBE_WATCH_TYPES)) {
        subject.value = json_get(rt->doc, root, STR("data"));
        subject.is_secret = is_confidential(text_of(rt, json_get(rt->doc, root, STR("kind"))));
    }
    return subject;
}

void redact_kubernetes_find(struct redact_text *rt)
{
    const struct subject subject = find_subject(rt);

    for (uint32_t index = subject.value ? json_index(rt->doc, subject.value) : 0;
         subject.value && index < subject.value->next && !redact_spans_is_closed(rt->spans);
         index++) {
        const struct json_value *value = json_at(rt->doc, index);
        if (value->type == JSON_OBJECT) {
            find_in_object(rt, value);
        } else if (value->type == JSON_STRING && redact_facets_is_key(rt->doc, value)) {
            find_in_member(rt, &subject, value);
        }
    }
}
