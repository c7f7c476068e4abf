#include "schemas/server_report.h"

#include <inttypes.h>
#include <stdlib.h>

#define SOURCE "urn:metaops:poll"

/* Where a member's text goes, and how long it may be. */
struct member {
    const char *name;
    struct str *into;
    size_t bytes_max;
    bool is_needed;
};

int server_model_order(const struct server_model *a, const struct server_model *b)
{
    int order = str_cmp(a->model, b->model);

    return order ? order : str_cmp(a->version, b->version);
}

static enum verdict read_texts(const struct json_doc *doc, const struct json_value *object,
                               const struct member *members, size_t count, struct arena *arena,
                               struct json_fault *fault, struct err *err)
{
    char reason[64];
    enum verdict verdict = OK;

    for (size_t i = 0; verdict == OK && i < count; i++) {
        const struct member *m = &members[i];
        verdict = cloud_event_text(doc, object, m->name, arena, m->into, fault, err);
        if (verdict == OK && (m->into->len > m->bytes_max || (m->is_needed && m->into->len == 0))) {
            snprintf(reason, sizeof(reason), "needs %s of at most %zu bytes", m->name,
                     m->bytes_max);
            return cloud_event_refuse(doc, object, reason, fault, err);
        }
    }
    return verdict;
}

/* A member that is an array, each of its elements of that type; *out_text stays as it is when there is none. */
static enum verdict read_array(const struct json_doc *doc, const struct json_value *object,
                               const char *name, enum json_type type, struct arena *arena,
                               struct str *out_text, struct json_fault *fault, struct err *err)
{
    const struct json_value *array = json_get(doc, object, str_view(name));
    const struct json_value *each;

    if (!array) {
        return OK;
    }
    if (array->type != JSON_ARRAY) {
        return cloud_event_refuse(doc, array, "must be an array", fault, err);
    }
    for (each = json_first(doc, array); each; each = json_next(doc, array, each)) {
        if (each->type != type) {
            return cloud_event_refuse(doc, each, "is of another type", fault, err);
        }
    }
    return json_clean(doc, array, arena, out_text, err);
}

static enum verdict read_metadata(const struct json_doc *doc, const struct json_value *object,
                                  struct arena *arena, struct server_model *model,
                                  struct json_fault *fault, struct err *err)
{
    const struct json_value *metadata = json_get(doc, object, STR("metadata"));

    if (!metadata) {
        return OK;
    }
    if (metadata->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, metadata, "must be an object", fault, err);
    }
    model->platform = STR("");
    const struct member texts[] = {
        {"platform", &model->platform, SERVER_REPORT_NAME_BYTES_MAX, false}};
    enum verdict verdict = read_texts(doc, metadata, texts, 1, arena, fault, err);
    const struct {
        const char *name;
        enum json_type type;
        struct str *into;
    } arrays[] = {{"libraries", JSON_STRING, &model->libraries},
                  {"inputs", JSON_OBJECT, &model->inputs},
                  {"outputs", JSON_OBJECT, &model->outputs}};
    for (size_t i = 0; verdict == OK && i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        *arrays[i].into = STR("[]");
        verdict = read_array(doc, metadata, arrays[i].name, arrays[i].type, arena, arrays[i].into,
                             fault, err);
    }
    return verdict;
}

static enum verdict read_model(const struct json_doc *doc, const struct json_value *value,
                               struct arena *arena, struct server_model *model,
                               struct json_fault *fault, struct err *err)
{
    *model = (struct server_model){
        .model = STR(""), .version = STR(""), .state = STR(""), .reason = STR("")};
    const struct member texts[] = {
        {"model", &model->model, SERVER_REPORT_NAME_BYTES_MAX, true},
        {"version", &model->version, SERVER_REPORT_NAME_BYTES_MAX, false},
        {"state", &model->state, SERVER_REPORT_STATE_BYTES_MAX, true},
        {"reason", &model->reason, SERVER_REPORT_REASON_BYTES_MAX, false}};
    enum verdict verdict =
        read_texts(doc, value, texts, sizeof(texts) / sizeof(texts[0]), arena, fault, err);

    return verdict == OK ? read_metadata(doc, value, arena, model, fault, err) : verdict;
}

/* The list of models, or OK and NULL when there is none. */
static enum verdict find_models(const struct json_doc *doc, const struct cloud_event *ce,
                                const struct json_value **out_list, struct json_fault *fault,
                                struct err *err)
{
    const struct json_value *list = json_get(doc, ce->data, STR("models"));

    if (ce->time_us == CLOUD_EVENT_NO_TIME) {
        return cloud_event_refuse(doc, json_root(doc), "needs a time", fault, err);
    }
    if (list && (list->type != JSON_ARRAY || list->count > SERVER_REPORT_MODELS_MAX)) {
        return cloud_event_refuse(doc, list, "must be an array of at most 1000", fault, err);
    }
    *out_list = list;
    return OK;
}

static enum verdict read_models(const struct json_doc *doc, const struct json_value *list,
                                struct arena *arena, struct server_report *report,
                                struct json_fault *fault, struct err *err)
{
    const struct json_value *each = list ? json_first(doc, list) : NULL;
    enum verdict verdict = OK;

    report->models = arena_calloc(arena, list ? list->count : 0, sizeof(report->models[0]));
    if (!report->models) {
        return err_set(err, RETRY, "server_report", "the arena is full");
    }
    for (; verdict == OK && each; each = json_next(doc, list, each)) {
        verdict = read_model(doc, each, arena, &report->models[report->model_count++], fault, err);
    }
    return verdict;
}

static enum verdict read_server(const struct json_doc *doc, const struct cloud_event *ce,
                                struct arena *arena, struct server_report *report,
                                struct json_fault *fault, struct err *err)
{
    const struct json_value *whole = json_get(doc, ce->data, STR("isWhole"));
    const struct member texts[] = {
        {"namespace", &report->namespace_, SERVER_REPORT_NAME_BYTES_MAX, false},
        {"server", &report->server, SERVER_REPORT_NAME_BYTES_MAX, true},
        {"state", &report->state, SERVER_REPORT_STATE_BYTES_MAX, true},
        {"reason", &report->reason, SERVER_REPORT_REASON_BYTES_MAX, false},
        {"version", &report->version, SERVER_REPORT_NAME_BYTES_MAX, false}};
    enum verdict verdict =
        read_texts(doc, ce->data, texts, sizeof(texts) / sizeof(texts[0]), arena, fault, err);

    report->is_whole = whole && whole->type == JSON_TRUE;
    return verdict == OK ? read_array(doc, ce->data, "extensions", JSON_STRING, arena,
                                      &report->extensions, fault, err)
                         : verdict;
}

enum verdict server_report_read(const struct json_doc *doc, const struct cloud_event *ce,
                                struct arena *arena, struct server_report *out_report,
                                struct json_fault *fault, struct err *err)
{
    struct server_report report = {
        .namespace_ = STR(""), .server = STR(""), .state = STR(""), .reason = STR("")};
    const struct json_value *list = NULL;
    enum verdict verdict = find_models(doc, ce, &list, fault, err);

    verdict = verdict == OK ? read_server(doc, ce, arena, &report, fault, err) : verdict;
    verdict = verdict == OK ? read_models(doc, list, arena, &report, fault, err) : verdict;
    if (verdict == OK) {
        *out_report = report;
    }
    return verdict;
}

static enum verdict read_count(const struct json_doc *doc, const struct json_value *value,
                               struct arena *arena, struct server_count *count,
                               struct json_fault *fault, struct err *err)
{
    *count = (struct server_count){.model = STR("")};
    const struct member texts[] = {{"model", &count->model, SERVER_REPORT_NAME_BYTES_MAX, true}};
    const struct {
        const char *name;
        int64_t *into;
    } numbers[] = {{"successes", &count->successes},
                   {"failures", &count->failures},
                   {"timed", &count->timed},
                   {"durationUs", &count->duration_us},
                   {"beganUs", &count->began_us}};
    enum verdict verdict = read_texts(doc, value, texts, 1, arena, fault, err);

    for (size_t i = 0; verdict == OK && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        verdict = cloud_event_number(doc, value, numbers[i].name, numbers[i].into, fault, err);
    }
    return verdict;
}

enum verdict server_counts_read(const struct json_doc *doc, const struct cloud_event *ce,
                                struct arena *arena, struct server_counts *out_counts,
                                struct json_fault *fault, struct err *err)
{
    struct server_counts counts = {.namespace_ = STR(""), .server = STR("")};
    const struct json_value *list = NULL;
    const struct member texts[] = {
        {"namespace", &counts.namespace_, SERVER_REPORT_NAME_BYTES_MAX, false},
        {"server", &counts.server, SERVER_REPORT_NAME_BYTES_MAX, true}};
    enum verdict verdict = find_models(doc, ce, &list, fault, err);

    verdict = verdict == OK ? read_texts(doc, ce->data, texts, 2, arena, fault, err) : verdict;
    counts.models = arena_calloc(arena, list ? list->count : 0, sizeof(counts.models[0]));
    if (verdict == OK && !counts.models) {
        return err_set(err, RETRY, "server_report", "the arena is full");
    }
    const struct json_value *each = list ? json_first(doc, list) : NULL;
    for (; verdict == OK && each; each = json_next(doc, list, each)) {
        verdict = read_count(doc, each, arena, &counts.models[counts.model_count++], fault, err);
    }
    if (verdict == OK) {
        *out_counts = counts;
    }
    return verdict;
}

static void write_member(FILE *out, const char *name, struct str text)
{
    fputs(name, out);
    cloud_event_write_text(out, text);
}

static void write_raw(FILE *out, const char *name, struct str json)
{
    fprintf(out, "%s%.*s", name, (int)json.len, json.ptr);
}

void server_model_write(FILE *out, const struct server_model *model)
{
    write_member(out, "{\"model\":", model->model);
    write_member(out, ",\"version\":", model->version);
    write_member(out, ",\"state\":", model->state);
    write_member(out, ",\"reason\":", model->reason);
    if (model->platform.ptr) {
        write_member(out, ",\"metadata\":{\"platform\":", model->platform);
        write_raw(out, ",\"libraries\":", model->libraries);
        write_raw(out, ",\"inputs\":", model->inputs);
        write_raw(out, ",\"outputs\":", model->outputs);
        fputc('}', out);
    }
    fputc('}', out);
}

static void write_report(FILE *out, const struct server_report *report)
{
    write_member(out, "{\"namespace\":", report->namespace_);
    write_member(out, ",\"server\":", report->server);
    write_member(out, ",\"state\":", report->state);
    write_member(out, ",\"reason\":", report->reason);
    fputs(report->is_whole ? ",\"isWhole\":true" : ",\"isWhole\":false", out);
    if (report->version.ptr) {
        write_member(out, ",\"version\":", report->version);
        write_raw(out, ",\"extensions\":", report->extensions);
    }
    fputs(",\"models\":[", out);
    for (uint32_t i = 0; i < report->model_count; i++) {
        fputs(i ? "," : "", out);
        server_model_write(out, &report->models[i]);
    }
    fputs("]}}", out);
}

/* What was written to out, which is closed. */
static struct str finish(FILE *out, char **text, const size_t *len)
{
    bool has_failed = ferror(out) != 0;

    if (fclose(out) != 0 || has_failed) {
        free(*text);
        return (struct str){NULL, 0};
    }
    return (struct str){*text, *len};
}

struct str server_report_write(const struct server_report *report, int64_t now_us)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return (struct str){NULL, 0};
    }
    cloud_event_begin(out, SERVER_OBSERVED_TYPE, SOURCE, report->server, now_us);
    write_report(out, report);
    return finish(out, &text, &len);
}

struct str server_counts_write(const struct server_counts *counts, int64_t now_us)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        return (struct str){NULL, 0};
    }
    cloud_event_begin(out, SERVER_COUNTED_TYPE, SOURCE, counts->server, now_us);
    write_member(out, "{\"namespace\":", counts->namespace_);
    write_member(out, ",\"server\":", counts->server);
    fputs(",\"models\":[", out);
    for (uint32_t i = 0; i < counts->model_count; i++) {
        const struct server_count *count = &counts->models[i];
        write_member(out, i ? ",{\"model\":" : "{\"model\":", count->model);
        fprintf(out,
                ",\"successes\":%" PRId64 ",\"failures\":%" PRId64 ",\"timed\":%" PRId64
                ",\"durationUs\":%" PRId64,
                count->successes, count->failures, count->timed, count->duration_us);
        if (count->began_us) {
            fprintf(out, ",\"beganUs\":%" PRId64, count->began_us);
        }
        fputc('}', out);
    }
    fputs("]}}", out);
    return finish(out, &text, &len);
}
