#include "object_state.h"

#include "object_rows.h"
#include "schemas/artifact_uri.h"
#include "schemas/identity.h"
#include "schemas/run_mark.h"

#define OWN_ANNOTATIONS "metaops.io/"
#define MODEL_VERSION OWN_ANNOTATIONS "model-version"
#define RUN_ID OWN_ANNOTATIONS "run-id"

/* More of what anybody can write is not kept. */
#define NAME_BYTES_MAX 1024
#define JSON_BYTES_MAX 65536
#define IMAGES_MAX 64
#define DIGITS_MAX 18

struct reader {
    const struct json_doc *doc;
    struct arena *arena;
    struct err *err;
};

/* A member that is a string, if it is no longer than a name; empty for all else. */
static enum verdict read_text(struct reader *rd, const struct json_value *object, const char *name,
                              struct str *out_text)
{
    const struct json_value *value = json_get(rd->doc, object, str_view(name));

    *out_text = STR("");
    return value && value->type == JSON_STRING && value->len <= NAME_BYTES_MAX
               ? json_string(rd->doc, value, rd->arena, out_text, rd->err)
               : OK;
}

/* -1 for what is no number of at most nine digits. */
static int64_t read_count(struct reader *rd, const struct json_value *object, const char *name)
{
    const struct json_value *value = json_get(rd->doc, object, str_view(name));
    struct str raw = value ? json_raw(rd->doc, value) : STR("");
    int64_t number = 0;

    if (!value || value->type != JSON_NUMBER || raw.len > 9) {
        return -1;
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] < '0' || raw.ptr[i] > '9') {
            return -1;
        }
        number = number * 10 + (raw.ptr[i] - '0');
    }
    return number;
}

/* The first object at or below value, from index on, that has such a member, a string; NULL: none. */
static const struct json_value *next_with(const struct reader *rd, const struct json_value *value,
                                          const char *name, uint32_t *inout_index)
{
    while (value && *inout_index < value->next) {
        const struct json_value *object = json_at(rd->doc, (*inout_index)++);
        const struct json_value *member =
            object->type == JSON_OBJECT ? json_get(rd->doc, object, str_view(name)) : NULL;
        if (member && member->type == JSON_STRING) {
            return object;
        }
    }
    return NULL;
}

static const struct json_value *first_with(const struct reader *rd, const struct json_value *value,
                                           const char *name)
{
    uint32_t index = value ? json_index(rd->doc, value) : 0;

    return next_with(rd, value, name, &index);
}

/* Does a container say what it needs? */
static bool has_resources(const struct reader *rd, const struct json_value *spec)
{
    for (uint32_t i = spec ? json_index(rd->doc, spec) : 0; spec && i < spec->next; i++) {
        const struct json_value *object = json_at(rd->doc, i);
        const struct json_value *member =
            object->type == JSON_OBJECT ? json_get(rd->doc, object, STR("resources")) : NULL;
        if (member && member->type == JSON_OBJECT && member->count > 0) {
            return true;
        }
    }
    return false;
}

/* JSON that grows by pieces; what would be longer than is kept becomes nothing. */
struct pieces {
    struct str items[2 * IMAGES_MAX + 2];
    size_t count;
    size_t bytes;
};

static enum verdict add_piece(struct reader *rd, struct pieces *pieces,
                              const struct json_value *value)
{
    struct str text;
    enum verdict verdict = json_clean(rd->doc, value, rd->arena, &text, rd->err);

    if (verdict == OK && pieces->count < sizeof pieces->items / sizeof pieces->items[0]) {
        pieces->items[pieces->count++] = text;
        pieces->bytes += text.len + 1;
    }
    return verdict;
}

/* As an array, or an object whose names and values take turns. */
static enum verdict join(struct reader *rd, const struct pieces *pieces, bool is_object,
                         struct str *out_text)
{
    *out_text = STR("");
    if (pieces->count == 0 || pieces->bytes > JSON_BYTES_MAX) {
        return OK;
    }
    char *text = arena_alloc(rd->arena, pieces->bytes + 2);
    size_t len = 0;
    if (!text) {
        return err_set(rd->err, RETRY, "object_state", "the arena is full");
    }
    for (size_t i = 0; i < pieces->count; i++) {
        text[len++] = i == 0 ? (is_object ? '{' : '[') : is_object && i % 2 ? ':' : ',';
        memcpy(text + len, pieces->items[i].ptr, pieces->items[i].len);
        len += pieces->items[i].len;
    }
    text[len++] = is_object ? '}' : ']';
    *out_text = (struct str){text, len};
    return OK;
}

static enum verdict read_images(struct reader *rd, const struct json_value *spec,
                                struct str *out_text)
{
    struct pieces pieces = {.count = 0};
    uint32_t index = spec ? json_index(rd->doc, spec) : 0;
    const struct json_value *object;
    enum verdict verdict = OK;

    while (verdict == OK && pieces.count < IMAGES_MAX &&
           (object = next_with(rd, spec, "image", &index))) {
        verdict = add_piece(rd, &pieces, json_get(rd->doc, object, STR("image")));
    }
    return verdict == OK ? join(rd, &pieces, false, out_text) : verdict;
}

/* Ours, and the original names of a task, which Airflow's KubernetesExecutor writes. */
static bool is_kept(struct str name)
{
    static const char *const names[] = {"dag_id", "task_id", "run_id", "try_number", "map_index"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(name, str_view(names[i]))) {
            return true;
        }
    }
    return str_starts(name, OWN_ANNOTATIONS);
}

static enum verdict read_annotations(struct reader *rd, const struct json_value *annotations,
                                     struct str *out_text)
{
    struct pieces pieces = {.count = 0};
    enum verdict verdict = OK;

    *out_text = STR("");
    if (!annotations || annotations->type != JSON_OBJECT) {
        return OK;
    }
    for (const struct json_value *key = json_first(rd->doc, annotations);
         verdict == OK && key && pieces.count < IMAGES_MAX;
         key = json_next(rd->doc, annotations, key + 1)) {
        struct str name;
        verdict = json_string(rd->doc, key, rd->arena, &name, rd->err);
        if (verdict == OK && key[1].type == JSON_STRING && is_kept(name)) {
            verdict = add_piece(rd, &pieces, key);
            verdict = verdict == OK ? add_piece(rd, &pieces, key + 1) : verdict;
        }
    }
    return verdict == OK ? join(rd, &pieces, true, out_text) : verdict;
}

/* A whole member as JSON, if it is of that type. */
static enum verdict read_json(struct reader *rd, const struct json_value *object, const char *name,
                              enum json_type type, struct str *out_text)
{
    const struct json_value *value = json_get(rd->doc, object, str_view(name));

    *out_text = STR("");
    return value && value->type == type && value->count > 0 && value->len <= JSON_BYTES_MAX
               ? json_clean(rd->doc, value, rd->arena, out_text, rd->err)
               : OK;
}

/* metaops.io/model-version says MODEL:VERSION. */
static enum verdict read_declared(struct reader *rd, const struct json_value *annotations,
                                  struct object_state *state)
{
    struct str text;
    enum verdict verdict = read_text(rd, annotations, MODEL_VERSION, &text);
    size_t colon = text.len;

    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (verdict == OK && colon > 1) {
        state->model = (struct str){text.ptr, colon - 1};
        state->model_version = (struct str){text.ptr + colon, text.len - colon};
    } else if (verdict == OK) {
        state->model_version = text;
    }
    return verdict;
}

/* In the form in which training runs and registries say it, too; a relative path as it stands. */
static enum verdict normalize(struct reader *rd, struct str *inout_uri)
{
    char *form = inout_uri->len > 0 ? arena_alloc(rd->arena, ARTIFACT_URI_BYTES_MAX) : NULL;

    if (inout_uri->len > 0 && !form) {
        return err_set(rd->err, RETRY, "object_state", "the arena is full");
    }
    if (form) {
        (void)artifact_uri_normalize(*inout_uri, form, inout_uri);
    }
    return OK;
}

/* The model of a Seldon Core v2 or KServe object has its name; that of a SeldonDeployment the name of the step that
 * loads it. What is declared comes before. */
static enum verdict read_model(struct reader *rd, const struct object_source *source,
                               const struct json_value *spec, struct object_state *state)
{
    const struct json_value *step = first_with(rd, spec, "modelUri");
    const struct json_value *loader = step ? step : first_with(rd, spec, "storageUri");
    enum verdict verdict =
        read_text(rd, loader, step ? "modelUri" : "storageUri", &state->artifact_uri);

    verdict = verdict == OK ? normalize(rd, &state->artifact_uri) : verdict;
    if (verdict == OK && state->model.len == 0 && step) {
        verdict = read_text(rd, step, "name", &state->model);
    }
    if (state->model.len == 0 && loader) {
        state->model = source->name;
    }
    if (verdict == OK && state->model_version.len == 0) {
        const struct json_value *version = json_get(rd->doc, spec, STR("artifactVersion"));
        if (version && version->type == JSON_NUMBER && version->len <= NAME_BYTES_MAX) {
            state->model_version = json_raw(rd->doc, version);
        } else {
            verdict = read_text(rd, spec, "artifactVersion", &state->model_version);
        }
    }
    return verdict;
}

/* As Airflow names a task in annotations, as it is, or in labels. */
static enum verdict read_task(struct reader *rd, const struct json_value *names,
                              struct id128 *out_mark)
{
    struct run_mark_task task;
    enum verdict verdict = read_text(rd, names, "dag_id", &task.dag);

    verdict = verdict == OK ? read_text(rd, names, "task_id", &task.task) : verdict;
    verdict = verdict == OK ? read_text(rd, names, "run_id", &task.run) : verdict;
    verdict = verdict == OK ? read_text(rd, names, "try_number", &task.try_number) : verdict;
    verdict = verdict == OK ? read_text(rd, names, "map_index", &task.map_index) : verdict;
    if (verdict == OK) {
        *out_mark = run_mark_of_task(&task);
    }
    return verdict;
}

/* The run of any object that names one, else of a pod. What serves a model names the run that made it: that ran elsewhere. */
static enum verdict read_run(struct reader *rd, const struct json_value *annotations,
                             const struct json_value *labels, struct object_state *state)
{
    struct str text;
    bool is_uuid;

    if (state->model.len > 0) {
        return OK;
    }
    enum verdict verdict = read_text(rd, annotations, RUN_ID, &text);
    if (verdict != OK || text.len > 0) {
        state->run_mark = verdict == OK ? identity_run(text, &is_uuid) : state->run_mark;
        return verdict;
    }
    if (!str_eq(state->kind, STR("Pod"))) {
        return OK;
    }
    verdict = read_task(rd, annotations, &state->run_mark);
    if (verdict == OK && id128_is_zero(state->run_mark)) {
        verdict = read_task(rd, labels, &state->run_mark);
    }
    if (verdict == OK && id128_is_zero(state->run_mark)) {
        verdict = read_text(rd, labels, "spark-app-selector", &text);
        state->run_mark = verdict == OK ? run_mark_of_spark(text) : state->run_mark;
    }
    return verdict;
}

static int64_t to_number(struct str text)
{
    int64_t number = 0;

    if (text.len == 0 || text.len > DIGITS_MAX) {
        return -1;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return -1;
        }
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number;
}

/* Opaque by the API's rules, but a number where etcd keeps the objects: the same for all that tell of one write. */
static enum verdict read_revision(struct reader *rd, const struct json_value *metadata,
                                  int64_t *out_revision)
{
    struct str text;
    enum verdict verdict = read_text(rd, metadata, "resourceVersion", &text);

    *out_revision = verdict == OK ? to_number(text) : -1;
    return verdict;
}

enum verdict object_state_read(struct processor *pr, const struct object_source *source,
                               struct object_state *out_state, struct err *err)
{
    struct reader rd = {.doc = pr->doc, .arena = pr->scratch, .err = err};
    const struct json_value *metadata = json_get(rd.doc, source->object, STR("metadata"));
    const struct json_value *annotations = json_get(rd.doc, metadata, STR("annotations"));
    const struct json_value *spec = json_get(rd.doc, source->object, STR("spec"));
    struct object_state state = {.model = STR(""), .model_version = STR("")};
    enum verdict verdict = OK;

    state.kind = source->kind;
    if (source->kind.len == 0) {
        verdict = read_text(&rd, source->object, "kind", &state.kind);
    }

    spec = spec && spec->type == JSON_OBJECT ? spec : NULL;
    state.is_whole =
        !source->is_part && !str_eq(state.kind, STR("Scale")) && !str_eq(state.kind, STR("Status"));
    state.generation = state.is_whole ? read_count(&rd, metadata, "generation") : -1;
    state.replicas = read_count(&rd, spec, "replicas");
    state.has_resources = has_resources(&rd, spec);
    verdict = verdict == OK ? read_revision(&rd, metadata, &state.revision) : verdict;
    verdict = verdict == OK ? read_declared(&rd, annotations, &state) : verdict;
    verdict = verdict == OK ? read_model(&rd, source, spec, &state) : verdict;
    verdict = verdict == OK ? read_images(&rd, spec, &state.images) : verdict;
    verdict = verdict == OK ? read_annotations(&rd, annotations, &state.annotations) : verdict;
    verdict =
        verdict == OK ? read_json(&rd, metadata, "labels", JSON_OBJECT, &state.labels) : verdict;
    verdict = verdict == OK ? read_json(&rd, metadata, "ownerReferences", JSON_ARRAY, &state.owners)
                            : verdict;
    if (verdict == OK && state.is_whole) {
        verdict = read_run(&rd, annotations, json_get(rd.doc, metadata, STR("labels")), &state);
    }
    state.kind = state.is_whole ? state.kind : source->kind;
    *out_state = state;
    return verdict;
}
