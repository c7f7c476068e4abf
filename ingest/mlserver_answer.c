#include "ingest/mlserver_answer.h"

#include <stdlib.h>

#include "core/ascii.h"
#include "schemas/utf8.h"

#define WHERE "mlserver"
#define TENSORS_MAX 128 /* of one direction */
#define DIMENSIONS_MAX 16
#define DIGITS_MAX 18
#define LIBRARIES_MAX 64
#define STATE_PREFIX "State." /* as gRPC has it */

/* What is asked of one answer. */
struct reading {
    struct json_doc *doc;
    struct arena *arena;
    struct err *err;
};

static enum verdict is_full(const struct reading *rd)
{
    return err_set(rd->err, RETRY, WHERE, "the arena is full");
}

/* At a border between characters. */
static struct str cut(struct str text, size_t bytes_max)
{
    size_t len = 0;

    if (text.len <= bytes_max) {
        return text;
    }
    for (size_t step; len < bytes_max; len += step) {
        step = utf8_char_bytes((const unsigned char *)text.ptr + len, text.len - len);
        step = step ? step : 1;
        if (len + step > bytes_max) {
            break;
        }
    }
    return (struct str){text.ptr, len};
}

/* What stands in a string, in characters that can be shown: so it stays as long as it is here, however it travels. Empty when
 * it is no string. */
static enum verdict text_of(const struct reading *rd, const struct json_value *value,
                            struct str *out_text)
{
    *out_text = STR("");
    if (!value || value->type != JSON_STRING) {
        return OK;
    }
    enum verdict verdict = json_string(rd->doc, value, rd->arena, out_text, rd->err);
    if (verdict == OK) {
        *out_text = json_display(*out_text, rd->arena);
    }
    return verdict == OK && !out_text->ptr ? is_full(rd) : verdict;
}

/* A member's text, cut. */
static enum verdict read_text(const struct reading *rd, const struct json_value *object,
                              const char *name, size_t bytes_max, struct str *out_text)
{
    enum verdict verdict = text_of(rd, json_get(rd->doc, object, str_view(name)), out_text);

    if (verdict == OK) {
        *out_text = cut(*out_text, bytes_max);
    }
    return verdict;
}

static enum verdict parse(const struct reading *rd, struct str body, enum json_type type,
                          const struct json_value **out_root)
{
    enum verdict verdict = json_parse(rd->doc, body, NULL, rd->err);

    if (verdict != OK) {
        return verdict;
    }
    *out_root = json_root(rd->doc);
    return (*out_root)->type == type ? OK
                                     : err_set(rd->err, REJECT, WHERE, "the answer is another one");
}

/* Keeps what was written to out, which is closed, and frees it. */
static enum verdict keep(const struct reading *rd, FILE *out, char **text, const size_t *len,
                         struct str *out_text)
{
    bool has_failed = ferror(out) != 0;

    if (fclose(out) != 0 || has_failed) {
        free(*text);
        return is_full(rd);
    }
    *out_text = arena_dup(rd->arena, (struct str){*text, *len});
    free(*text);
    return out_text->ptr ? OK : is_full(rd);
}

static bool is_usable(struct str text)
{
    return text.len > 0 && text.len <= SERVER_REPORT_NAME_BYTES_MAX;
}

static bool is_library(struct str text)
{
    return is_usable(text) && memchr(text.ptr, '/', text.len);
}

/* The texts of an array that are to be kept, as JSON; [] where there is none. */
static enum verdict read_list(const struct reading *rd, const struct json_value *array,
                              bool (*keeps)(struct str text), struct str *out_json)
{
    bool is_array = array && array->type == JSON_ARRAY;
    const struct json_value *each = is_array ? json_first(rd->doc, array) : NULL;
    enum verdict verdict = OK;
    char *text = NULL;
    size_t len = 0, count = 0;

    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return is_full(rd);
    }
    fputc('[', out);
    for (; verdict == OK && each && count < LIBRARIES_MAX; each = json_next(rd->doc, array, each)) {
        struct str item;
        verdict = text_of(rd, each, &item);
        if (verdict == OK && keeps(item)) {
            fputs(count++ ? "," : "", out);
            cloud_event_write_text(out, item);
        }
    }
    fputc(']', out);
    enum verdict kept = keep(rd, out, &text, &len, out_json);
    return verdict == OK ? kept : verdict;
}

enum verdict mlserver_answer_self(struct json_doc *doc, struct str body, struct arena *arena,
                                  struct mlserver_self *out_self, struct err *err)
{
    const struct reading rd = {.doc = doc, .arena = arena, .err = err};
    const struct json_value *root = NULL;
    struct mlserver_self self;
    enum verdict verdict = parse(&rd, body, JSON_OBJECT, &root);

    if (verdict == OK) {
        verdict = read_text(&rd, root, "name", SERVER_REPORT_NAME_BYTES_MAX, &self.name);
    }
    if (verdict == OK) {
        verdict = read_text(&rd, root, "version", SERVER_REPORT_NAME_BYTES_MAX, &self.version);
    }
    if (verdict == OK) {
        verdict =
            read_list(&rd, json_get(doc, root, STR("extensions")), is_usable, &self.extensions);
    }
    if (verdict == OK) {
        *out_self = self;
    }
    return verdict;
}

static int order_models(const void *a, const void *b)
{
    return server_model_order(a, b);
}

static bool is_name(struct str text)
{
    return text.len <= SERVER_REPORT_NAME_BYTES_MAX;
}

static enum verdict read_row(const struct reading *rd, const struct json_value *value,
                             struct server_model *model)
{
    *model = (struct server_model){.model = STR("")};
    enum verdict verdict = read_text(rd, value, "name", SIZE_MAX, &model->model);

    if (verdict == OK) {
        verdict = read_text(rd, value, "version", SIZE_MAX, &model->version);
    }
    if (verdict == OK) {
        verdict = read_text(rd, value, "state", SIZE_MAX, &model->state);
    }
    if (verdict == OK) {
        verdict = read_text(rd, value, "reason", SERVER_REPORT_REASON_BYTES_MAX, &model->reason);
    }
    if (verdict == OK &&
        (model->model.len == 0 || !is_name(model->model) || !is_name(model->version))) {
        return err_set(rd->err, REJECT, WHERE, "a model without a name that can be used");
    }
    if (str_starts(model->state, STATE_PREFIX)) {
        model->state.ptr += sizeof(STATE_PREFIX) - 1;
        model->state.len -= sizeof(STATE_PREFIX) - 1;
    }
    if (model->state.len == 0 || model->state.len > SERVER_REPORT_STATE_BYTES_MAX) {
        model->state = STR("UNKNOWN");
    }
    return verdict;
}

/* Of rows that name the same version the first one. */
static uint32_t drop_doubles(struct server_model *models, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || server_model_order(&models[kept - 1], &models[i]) != 0) {
            models[kept++] = models[i];
        }
    }
    return kept;
}

enum verdict mlserver_answer_index(struct json_doc *doc, struct str body, struct arena *arena,
                                   struct server_model **out_models, uint32_t *out_count,
                                   struct err *err)
{
    const struct reading rd = {.doc = doc, .arena = arena, .err = err};
    const struct json_value *root = NULL;
    uint32_t count = 0;
    enum verdict verdict = parse(&rd, body, JSON_ARRAY, &root);

    if (verdict != OK) {
        return verdict;
    }
    if (root->count > SERVER_REPORT_MODELS_MAX) {
        return err_set(err, REJECT, WHERE, "more than %d versions of models",
                       SERVER_REPORT_MODELS_MAX);
    }
    struct server_model *models = arena_calloc(arena, root->count, sizeof(*models));
    if (!models) {
        return is_full(&rd);
    }
    const struct json_value *each = json_first(doc, root);
    for (; verdict == OK && each; each = json_next(doc, root, each)) {
        verdict = read_row(&rd, each, &models[count++]);
    }
    if (verdict != OK) {
        return verdict;
    }
    qsort(models, count, sizeof(*models), order_models);
    *out_count = drop_doubles(models, count);
    *out_models = models;
    return OK;
}

/* Digits, with a sign or not. */
static bool is_whole(struct str raw)
{
    size_t first = raw.len > 0 && raw.ptr[0] == '-' ? 1 : 0;

    for (size_t i = first; i < raw.len; i++) {
        if (!ascii_is_digit(raw.ptr[i])) {
            return false;
        }
    }
    return raw.len > first && raw.len <= DIGITS_MAX;
}

static enum verdict write_shape(const struct reading *rd, const struct json_value *shape, FILE *out)
{
    const struct json_value *each;
    bool is_shape = shape && shape->type == JSON_ARRAY && shape->count <= DIMENSIONS_MAX;
    bool is_first = true;

    fputs(",\"shape\":[", out);
    for (each = is_shape ? json_first(rd->doc, shape) : NULL; each;
         each = json_next(rd->doc, shape, each), is_first = false) {
        struct str raw = json_raw(rd->doc, each);
        is_shape = is_shape && each->type == JSON_NUMBER && is_whole(raw);
        fprintf(out, "%s%.*s", is_first ? "" : ",", (int)raw.len, raw.ptr);
    }
    fputs("]}", out);
    return is_shape ? OK : err_set(rd->err, REJECT, WHERE, "a tensor has a shape that is none");
}

static enum verdict write_tensor(const struct reading *rd, const struct json_value *tensor,
                                 FILE *out)
{
    struct str name, datatype;
    enum verdict verdict = read_text(rd, tensor, "name", SERVER_REPORT_NAME_BYTES_MAX, &name);

    if (verdict == OK) {
        verdict = read_text(rd, tensor, "datatype", SERVER_REPORT_NAME_BYTES_MAX, &datatype);
    }
    if (verdict != OK) {
        return verdict;
    }
    if (name.len == 0 || datatype.len == 0) {
        return err_set(rd->err, REJECT, WHERE, "a tensor without a name or a type");
    }
    fputs("{\"name\":", out);
    cloud_event_write_text(out, name);
    fputs(",\"datatype\":", out);
    cloud_event_write_text(out, datatype);
    return write_shape(rd, json_get(rd->doc, tensor, STR("shape")), out);
}

static enum verdict read_tensors(const struct reading *rd, const struct json_value *array,
                                 struct str *out_json)
{
    bool is_array = array && array->type == JSON_ARRAY;
    const struct json_value *each = is_array ? json_first(rd->doc, array) : NULL;
    const struct json_value *first = each;
    enum verdict verdict = OK;
    char *text = NULL;
    size_t len = 0;

    if (is_array && array->count > TENSORS_MAX) {
        return err_set(rd->err, REJECT, WHERE, "more than %d tensors", TENSORS_MAX);
    }
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return is_full(rd);
    }
    fputc('[', out);
    for (; verdict == OK && each; each = json_next(rd->doc, array, each)) {
        fputs(each == first ? "" : ",", out);
        verdict = write_tensor(rd, each, out);
    }
    fputc(']', out);
    enum verdict kept = keep(rd, out, &text, &len, out_json);
    return verdict == OK ? kept : verdict;
}

enum verdict mlserver_answer_model(struct json_doc *doc, struct str body, struct arena *arena,
                                   struct server_model *inout_model, struct err *err)
{
    const struct reading rd = {.doc = doc, .arena = arena, .err = err};
    const struct json_value *root = NULL;
    struct server_model model = *inout_model;
    struct str name;
    enum verdict verdict = parse(&rd, body, JSON_OBJECT, &root);

    if (verdict == OK) {
        verdict = read_text(&rd, root, "name", SIZE_MAX, &name);
    }
    if (verdict == OK && !str_eq(name, model.model)) {
        return err_set(err, REJECT, WHERE, "the answer is about another model");
    }
    if (verdict == OK) {
        verdict = read_text(&rd, root, "platform", SERVER_REPORT_NAME_BYTES_MAX, &model.platform);
    }
    if (verdict == OK) {
        verdict =
            read_list(&rd, json_get(doc, root, STR("versions")), is_library, &model.libraries);
    }
    if (verdict == OK) {
        verdict = read_tensors(&rd, json_get(doc, root, STR("inputs")), &model.inputs);
    }
    if (verdict == OK) {
        verdict = read_tensors(&rd, json_get(doc, root, STR("outputs")), &model.outputs);
    }
    model.platform = verdict == OK ? arena_dup(arena, model.platform) : model.platform;
    if (verdict == OK && !model.platform.ptr) {
        return is_full(&rd);
    }
    if (verdict == OK) {
        *inout_model = model;
    }
    return verdict;
}
