#include "schemas/inference_protocol.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/cloud_event.h"

/* Larger ones are no tensor's, and sums of smaller ones stay numbers. */
#define DIMENSION_MAX INT32_MAX

#define NUMBER_BYTES_MAX 63
#define MICROS 1e6

/* What every step needs. */
struct reader {
    const struct json_doc *doc;
    struct arena *arena;
    struct json_fault *fault;
    struct err *err;
};

static enum verdict refuse(struct reader *rd, const struct json_value *value, const char *reason)
{
    return cloud_event_refuse(rd->doc, value, reason, rd->fault, rd->err);
}

static enum verdict read_text(struct reader *rd, const struct json_value *object, const char *name,
                              size_t bytes_max, struct str *out_text)
{
    enum verdict verdict =
        cloud_event_text(rd->doc, object, name, rd->arena, out_text, rd->fault, rd->err);

    if (verdict == OK && out_text->len > bytes_max) {
        return refuse(rd, json_get(rd->doc, object, str_view(name)), "is too long");
    }
    return verdict;
}

static enum verdict need_text(struct reader *rd, const struct json_value *object, const char *name,
                              size_t bytes_max, struct str *out_text)
{
    enum verdict verdict = read_text(rd, object, name, bytes_max, out_text);

    return verdict == OK && out_text->len == 0
               ? refuse(rd, object, "a tensor needs name, datatype and shape")
               : verdict;
}

/* Digits alone: no sign, no fraction, no exponent. */
static bool read_dimension(struct str raw, int64_t *out_dimension)
{
    int64_t dimension = 0;

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] < '0' || raw.ptr[i] > '9' || dimension > DIMENSION_MAX) {
            return false;
        }
        dimension = dimension * 10 + (raw.ptr[i] - '0');
    }
    if (dimension > DIMENSION_MAX) {
        return false;
    }
    *out_dimension = dimension;
    return true;
}

static enum verdict read_shape(struct reader *rd, const struct json_value *object,
                               struct inference_tensor *tensor)
{
    const struct json_value *shape = json_get(rd->doc, object, STR("shape"));

    if (!shape || shape->type != JSON_ARRAY) {
        return refuse(rd, shape ? shape : object, "a shape must be an array of whole numbers");
    }
    if (shape->count > INFERENCE_DIMENSIONS_MAX) {
        return refuse(rd, shape, "a shape with too many dimensions");
    }
    for (const struct json_value *item = json_first(rd->doc, shape); item;
         item = json_next(rd->doc, shape, item)) {
        if (item->type != JSON_NUMBER ||
            !read_dimension(json_raw(rd->doc, item), &tensor->shape[tensor->dimension_count++])) {
            return refuse(rd, item, "a dimension must be a whole number below 2^31");
        }
    }
    return OK;
}

static enum verdict read_tensor(struct reader *rd, const struct json_value *object,
                                struct inference_tensor *tensor)
{
    if (object->type != JSON_OBJECT) {
        return refuse(rd, object, "a tensor must be an object");
    }
    enum verdict verdict = need_text(rd, object, "name", INFERENCE_NAME_BYTES_MAX, &tensor->name);
    if (verdict == OK) {
        verdict =
            need_text(rd, object, "datatype", INFERENCE_DATATYPE_BYTES_MAX, &tensor->datatype);
    }
    if (verdict == OK) {
        verdict = read_shape(rd, object, tensor);
    }
    tensor->data = json_get(rd->doc, object, STR("data"));
    return verdict;
}

static enum verdict read_tensors(struct reader *rd, const struct json_value *list,
                                 struct inference_message *message)
{
    if (!list || list->type == JSON_NULL) {
        return OK;
    }
    if (list->type != JSON_ARRAY) {
        return refuse(rd, list, "tensors must be an array");
    }
    if (list->count > INFERENCE_TENSORS_MAX) {
        return refuse(rd, list, "too many tensors");
    }
    struct inference_tensor *tensors = arena_calloc(rd->arena, list->count, sizeof(*tensors));
    if (!tensors) {
        return err_set(rd->err, RETRY, "inference_protocol", "the arena is full");
    }
    enum verdict verdict = OK;
    for (const struct json_value *item = json_first(rd->doc, list); item && verdict == OK;
         item = json_next(rd->doc, list, item)) {
        verdict = read_tensor(rd, item, &tensors[message->tensor_count++]);
    }
    message->tensors = tensors;
    return verdict;
}

enum verdict inference_read(const struct json_doc *doc, const struct json_value *value,
                            bool is_answer, struct arena *arena,
                            struct inference_message *out_message, struct json_fault *fault,
                            struct err *err)
{
    struct reader rd = {.doc = doc, .arena = arena, .fault = fault, .err = err};
    struct inference_message message = {.id = STR(""), .model_version = STR("")};

    if (!value || value->type != JSON_OBJECT) {
        return refuse(&rd, value, "a request or an answer must be an object");
    }
    enum verdict verdict = read_text(&rd, value, "id", INFERENCE_NAME_BYTES_MAX, &message.id);
    if (verdict == OK && is_answer) {
        const struct json_value *error = json_get(doc, value, STR("error"));
        message.has_failed = error && error->type != JSON_NULL;
        verdict = read_text(&rd, value, "model_version", INFERENCE_NAME_BYTES_MAX,
                            &message.model_version);
    }
    if (verdict == OK) {
        verdict = read_tensors(
            &rd, json_get(doc, value, is_answer ? STR("outputs") : STR("inputs")), &message);
    }
    if (verdict == OK) {
        *out_message = message;
    }
    return verdict;
}

static bool read_reward(struct str raw, int64_t *out_micros)
{
    char text[NUMBER_BYTES_MAX + 1];

    if (raw.len > NUMBER_BYTES_MAX) {
        return false;
    }
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    double reward = strtod(text, NULL);
    if (!(fabs(reward) <= INFERENCE_REWARD_MAX)) {
        return false;
    }
    *out_micros = llround(reward * MICROS);
    return true;
}

enum verdict inference_read_feedback(const struct json_doc *doc, const struct json_value *value,
                                     struct inference_message *out_message,
                                     struct json_fault *fault, struct err *err)
{
    struct inference_message message = {.id = STR(""), .model_version = STR("")};
    const struct json_value *reward = json_get(doc, value, STR("reward"));

    if (!value || value->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, value, "feedback must be an object", fault, err);
    }
    if (reward && reward->type != JSON_NULL) {
        message.has_reward = reward->type == JSON_NUMBER &&
                             read_reward(json_raw(doc, reward), &message.reward_micros);
        if (!message.has_reward) {
            return cloud_event_refuse(doc, reward, "a reward must be a number up to a million",
                                      fault, err);
        }
    }
    *out_message = message;
    return OK;
}
