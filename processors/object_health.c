#include "object_health.h"

#define NAME_BYTES_MAX 1024

/* A member that is a string no longer than a name; empty for all else. */
static enum verdict read_text(struct processor *pr, const struct json_value *object,
                              const char *name, struct str *out_text, struct err *err)
{
    const struct json_value *value = json_get(pr->doc, object, str_view(name));

    *out_text = STR("");
    return value && value->type == JSON_STRING && value->len <= NAME_BYTES_MAX
               ? json_string(pr->doc, value, pr->scratch, out_text, err)
               : OK;
}

/* The condition of that type, which is written without escapes; NULL: there is none. */
static const struct json_value *find_condition(const struct json_doc *doc,
                                               const struct json_value *status, const char *type)
{
    const struct json_value *list = json_get(doc, status, STR("conditions"));
    const struct json_value *one = list && list->type == JSON_ARRAY ? json_first(doc, list) : NULL;

    for (; one; one = json_next(doc, list, one)) {
        const struct json_value *value = json_get(doc, one, STR("type"));
        struct str raw = value ? json_raw(doc, value) : STR("");
        if (value && value->type == JSON_STRING &&
            str_eq((struct str){raw.ptr + 1, raw.len - 2}, str_view(type))) {
            return one;
        }
    }
    return NULL;
}

/* By the first of these that an object has: the first is that of pods, InferenceServices and servers, then those of
 * Deployments, and of models and pipelines of Seldon Core. */
static enum verdict read_readiness(struct processor *pr, const struct json_value *status,
                                   struct object_health *health, struct err *err)
{
    static const char *const types[] = {"Ready", "Available", "ModelReady", "PipelineReady"};
    const struct json_value *condition = NULL;
    struct str said;

    for (size_t i = 0; !condition && i < sizeof types / sizeof types[0]; i++) {
        condition = find_condition(pr->doc, status, types[i]);
    }
    enum verdict verdict = read_text(pr, condition, "status", &said, err);
    if (verdict == OK) {
        health->readiness = str_eq(said, STR("True"))    ? GRAPH_READY_YES
                            : str_eq(said, STR("False")) ? GRAPH_READY_NO
                                                         : GRAPH_READY_UNTOLD;
        verdict = read_text(pr, condition, "reason", &health->reason, err);
    }
    return verdict;
}

/* A job has no phase but the one of its conditions that is true. */
static enum verdict read_phase(struct processor *pr, const struct json_value *status,
                               struct str *out_phase, struct err *err)
{
    static const char *const ends[] = {"Complete", "Failed"};
    const struct json_value *application = json_get(pr->doc, status, STR("applicationState"));
    enum verdict verdict = read_text(pr, status, "phase", out_phase, err);

    if (verdict == OK && out_phase->len == 0) {
        verdict = read_text(pr, application, "state", out_phase, err);
    }
    if (verdict == OK && out_phase->len == 0) {
        verdict = read_text(pr, status, "state", out_phase, err);
    }
    for (size_t i = 0; verdict == OK && out_phase->len == 0 && i < 2; i++) {
        struct str said;
        verdict = read_text(pr, find_condition(pr->doc, status, ends[i]), "status", &said, err);
        if (verdict == OK && str_eq(said, STR("True"))) {
            *out_phase = str_view(ends[i]);
        }
    }
    return verdict;
}

enum verdict object_health_read(struct processor *pr, const struct json_value *object,
                                struct object_health *out_health, struct err *err)
{
    const struct json_value *status = json_get(pr->doc, object, STR("status"));
    struct object_health health = {.phase = STR("")};
    enum verdict verdict = read_readiness(pr, status, &health, err);

    verdict = verdict == OK ? read_phase(pr, status, &health.phase, err) : verdict;
    if (verdict == OK) {
        *out_health = health;
    }
    return verdict;
}
