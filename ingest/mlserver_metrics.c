#include "ingest/mlserver_metrics.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "schemas/utf8.h"

#define WHERE "mlserver"
#define LABEL_MODEL "model"
#define NAME_BYTES (SERVER_REPORT_NAME_BYTES_MAX + 1) /* one more shows that it is too long */
#define VALUE_BYTES 64
#define VALUE_MAX 1e17 /* of a sum too, as a report's numbers have 18 digits */
#define US_PER_S 1e6

/* A line that counts. */
static const struct series {
    struct str name;
    size_t offset; /* of its number in struct server_count */
    double scale;
    /* The earliest is meant, not the sum: a label has the time of its own first request. */
    bool is_begin;
} series_of_models[] = {
    {STR("model_infer_request_success_total"), offsetof(struct server_count, successes), 1, false},
    {STR("model_infer_request_failure_total"), offsetof(struct server_count, failures), 1, false},
    {STR("model_infer_request_duration_count"), offsetof(struct server_count, timed), 1, false},
    {STR("model_infer_request_duration_sum"), offsetof(struct server_count, duration_us), US_PER_S,
     false},
    {STR("model_infer_request_success_created"), offsetof(struct server_count, began_us), US_PER_S,
     true},
    {STR("model_infer_request_failure_created"), offsetof(struct server_count, began_us), US_PER_S,
     true},
    {STR("model_infer_request_duration_created"), offsetof(struct server_count, began_us), US_PER_S,
     true},
};

struct tally {
    struct arena *arena;
    struct server_count *models;
    uint32_t count;
    struct err *err;
};

/* Bytes of rest up to one of these, which are taken off. */
static struct str take_until(struct str *rest, const char *ends)
{
    size_t len = 0;

    while (len < rest->len && !str_has_byte(ends, rest->ptr[len])) {
        len++;
    }
    struct str taken = {rest->ptr, len};
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return taken;
}

static bool take_byte(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    *rest = (struct str){rest->ptr + 1, rest->len - 1};
    return true;
}

/* A label's value with its quotes, which are taken off; cut where it is longer than a name may be. False when it is none. */
static bool take_value(struct str *rest, char out[NAME_BYTES], size_t *out_len)
{
    size_t len = 0;

    if (!take_byte(rest, '"')) {
        return false;
    }
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '"') {
            *rest = (struct str){rest->ptr + i + 1, rest->len - i - 1};
            *out_len = len;
            return true;
        }
        if (c == '\\' && i + 1 < rest->len) {
            c = rest->ptr[++i];
            c = c == 'n' ? '\n' : c;
        }
        if (len < NAME_BYTES) {
            out[len++] = c;
        }
    }
    return false;
}

/* The name of the model among {NAME="VALUE",...}, empty when there is none; false when they cannot be read. */
static bool take_labels(struct str *rest, char out_model[NAME_BYTES], size_t *out_len)
{
    char value[NAME_BYTES];

    *out_len = 0;
    if (!take_byte(rest, '{')) {
        return true;
    }
    while (!take_byte(rest, '}')) {
        struct str name = str_trim(take_until(rest, "=}"), " ");
        size_t len = 0;
        if (!take_byte(rest, '=') || !take_value(rest, value, &len)) {
            return false;
        }
        if (str_eq(name, STR(LABEL_MODEL))) {
            memcpy(out_model, value, len);
            *out_len = len;
        }
        while (take_byte(rest, ',') || take_byte(rest, ' ')) {
        }
    }
    return true;
}

static bool read_value(struct str rest, double scale, int64_t *out_value)
{
    struct str token = str_trim(rest, " \t\r");
    char text[VALUE_BYTES];
    char *end = NULL;

    token = take_until(&token, " \t"); /* a time may stand behind it */
    if (token.len == 0 || token.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, token.ptr, token.len);
    text[token.len] = '\0';
    double value = strtod(text, &end) * scale;
    if (*end || !isfinite(value) || value < 0 || value > VALUE_MAX) {
        return false;
    }
    *out_value = llround(value);
    return true;
}

/* The row of a model, made when there is none. */
static enum verdict row_of(struct tally *tally, struct str model, struct server_count **out_row)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        if (str_eq(tally->models[i].model, model)) {
            *out_row = &tally->models[i];
            return OK;
        }
    }
    if (tally->count == SERVER_REPORT_MODELS_MAX) {
        return err_set(tally->err, REJECT, WHERE, "more than %d models", SERVER_REPORT_MODELS_MAX);
    }
    struct server_count *row = &tally->models[tally->count];
    *row = (struct server_count){.model = arena_dup(tally->arena, model)};
    if (!row->model.ptr) {
        return err_set(tally->err, RETRY, WHERE, "the arena is full");
    }
    tally->count++;
    *out_row = row;
    return OK;
}

static enum verdict add_line(struct tally *tally, const struct series *series, struct str rest)
{
    struct server_count *row = NULL;
    char model[NAME_BYTES];
    size_t len = 0;
    int64_t value = 0;

    if (!take_labels(&rest, model, &len) || len == 0 || len == NAME_BYTES ||
        !utf8_is_valid((struct str){model, len}) || !read_value(rest, series->scale, &value)) {
        return err_set(tally->err, REJECT, WHERE, "a line of %s cannot be read", series->name.ptr);
    }
    enum verdict verdict = row_of(tally, (struct str){model, len}, &row);
    if (verdict != OK) {
        return verdict;
    }
    int64_t *sum = (int64_t *)(void *)((char *)row + series->offset);
    if (series->is_begin) {
        *sum = *sum == 0 || value < *sum ? value : *sum;
        return OK;
    }
    *sum += value;
    return *sum <= (int64_t)VALUE_MAX
               ? OK
               : err_set(tally->err, REJECT, WHERE, "more than can be counted");
}

static enum verdict read_line(struct tally *tally, struct str line)
{
    struct str rest = line;
    struct str name = take_until(&rest, "{ \t");

    for (size_t i = 0; i < sizeof(series_of_models) / sizeof(series_of_models[0]); i++) {
        if (str_eq(name, series_of_models[i].name)) {
            return add_line(tally, &series_of_models[i], rest);
        }
    }
    return OK;
}

static int order_counts(const void *a, const void *b)
{
    return str_cmp(((const struct server_count *)a)->model,
                   ((const struct server_count *)b)->model);
}

enum verdict mlserver_metrics_read(struct str text, struct arena *arena,
                                   struct server_count **out_models, uint32_t *out_count,
                                   struct err *err)
{
    struct tally tally = {.arena = arena, .err = err};
    enum verdict verdict = OK;

    tally.models = arena_calloc(arena, SERVER_REPORT_MODELS_MAX, sizeof(*tally.models));
    if (!tally.models) {
        return err_set(err, RETRY, WHERE, "the arena is full");
    }
    while (verdict == OK && text.len > 0) {
        struct str line = take_until(&text, "\n");
        (void)take_byte(&text, '\n');
        verdict = read_line(&tally, line);
    }
    if (verdict != OK) {
        return verdict;
    }
    qsort(tally.models, tally.count, sizeof(*tally.models), order_counts);
    *out_models = tally.models;
    *out_count = tally.count;
    return OK;
}
