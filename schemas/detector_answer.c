#include "schemas/detector_answer.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/cloud_event.h"
#include "schemas/inference_protocol.h"

#define NUMBER_BYTES_MAX 63

/* The member or tensor of each kind's verdict. */
static const struct {
    struct str name;
    enum detector_kind kind;
} verdicts[] = {
    {{"is_drift", 8}, DETECTOR_DRIFT},
    {{"is_outlier", 10}, DETECTOR_OUTLIER},
};
#define VERDICTS (sizeof verdicts / sizeof verdicts[0])

static bool read_number(struct str raw, double *out_number)
{
    char text[NUMBER_BYTES_MAX + 1];

    if (raw.len > NUMBER_BYTES_MAX) {
        return false;
    }
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    *out_number = strtod(text, NULL);
    return isfinite(*out_number);
}

/* A verdict is a number, true or false, or arrays of such at any depth; null is none. False: it is something else. */
static bool read_verdict(const struct json_doc *doc, const struct json_value *value,
                         struct detector_answer *answer)
{
    uint32_t judged = 0;
    uint32_t drifted = 0;

    for (uint32_t i = json_index(doc, value); i < value->next; i++) {
        const struct json_value *each = json_at(doc, i);
        double number = each->type == JSON_TRUE;
        if (each->type == JSON_ARRAY || each->type == JSON_NULL) {
            continue;
        }
        if (each->type != JSON_TRUE && each->type != JSON_FALSE &&
            (each->type != JSON_NUMBER || !read_number(json_raw(doc, each), &number))) {
            return false;
        }
        judged++;
        drifted += number != 0;
    }
    answer->judged = judged;
    answer->drifted = drifted;
    answer->state = drifted ? DETECTOR_DRIFTED : judged ? DETECTOR_CLEAN : DETECTOR_NOT_EVALUATED;
    return true;
}

/* Of the numbers in value, which may be missing, the one that wins; what is none says nothing. */
static double extreme(const struct json_doc *doc, const struct json_value *value,
                      double (*winner)(double a, double b))
{
    double found = NAN;
    double number;

    for (uint32_t i = value ? json_index(doc, value) : 0; value && i < value->next; i++) {
        const struct json_value *each = json_at(doc, i);
        if (each->type == JSON_NUMBER && read_number(json_raw(doc, each), &number)) {
            found = winner(found, number); /* of a number and NAN it is the number */
        }
    }
    return found;
}

/* A description is no reason to refuse a verdict: what is no text, or a long one, is left out. */
static enum verdict read_description(const struct json_doc *doc, const struct json_value *meta,
                                     struct arena *arena, struct detector_answer *answer,
                                     struct err *err)
{
    const struct {
        struct str name;
        struct str *text;
    } members[] = {
        {{"name", 4}, &answer->name},
        {{"detector_type", 13}, &answer->detector_type},
        {{"data_type", 9}, &answer->data_type},
        {{"version", 7}, &answer->version},
    };
    enum verdict verdict = OK;

    for (size_t i = 0; verdict == OK && i < sizeof members / sizeof members[0]; i++) {
        const struct json_value *value = json_get(doc, meta, members[i].name);
        *members[i].text = STR("");
        if (value && value->type == JSON_STRING && value->len <= DETECTOR_NAME_BYTES_MAX) {
            verdict = json_string(doc, value, arena, members[i].text, err);
        }
    }
    return verdict;
}

static void read_statistics(const struct json_doc *doc, struct detector_answer *answer,
                            const struct json_value *distance, const struct json_value *p_value,
                            const struct json_value *threshold)
{
    answer->distance = extreme(doc, distance, fmax);
    answer->p_value = extreme(doc, p_value, fmin);
    answer->threshold = extreme(doc, threshold, fmin);
}

enum verdict detector_answer_of_reply(const struct json_doc *doc, const struct json_value *reply,
                                      enum detector_kind kind, struct arena *arena,
                                      struct detector_answer *out_answer, struct json_fault *fault,
                                      struct err *err)
{
    struct detector_answer answer = {.kind = kind};
    const struct json_value *data = json_get(doc, reply, STR("data"));
    const struct json_value *found;

    if (!data || data->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, data ? data : reply, "a detector's data must be an object",
                                  fault, err);
    }
    found = json_get(doc, data, verdicts[kind - DETECTOR_DRIFT].name);
    if (found && !read_verdict(doc, found, &answer)) {
        return cloud_event_refuse(
            doc, found, "a verdict must be a number, true or false, or a list of such", fault, err);
    }
    found = json_get(doc, data, STR("distance"));
    read_statistics(doc, &answer, found ? found : json_get(doc, data, STR("instance_score")),
                    json_get(doc, data, STR("p_val")), json_get(doc, data, STR("threshold")));
    enum verdict verdict =
        read_description(doc, json_get(doc, reply, STR("meta")), arena, &answer, err);
    if (verdict == OK) {
        *out_answer = answer;
    }
    return verdict;
}

static const struct json_value *data_of(const struct inference_message *message, struct str name)
{
    for (uint32_t i = 0; i < message->tensor_count; i++) {
        if (str_eq(message->tensors[i].name, name)) {
            return message->tensors[i].data;
        }
    }
    return NULL;
}

/* Not read: no body says no tensors in so many words. */
static bool is_empty(const struct json_doc *doc, const struct json_value *body,
                     const struct inference_message *message)
{
    const struct json_value *outputs = json_get(doc, body, STR("outputs"));

    return !message->has_failed && outputs && outputs->type == JSON_ARRAY && outputs->count == 0;
}

enum verdict detector_answer_of_tensors(const struct json_doc *doc, const struct json_value *body,
                                        const struct inference_message *message,
                                        struct arena *arena, struct detector_answer *out_answer,
                                        struct err *err)
{
    struct detector_answer answer = {.kind = DETECTOR_NONE};
    const struct json_value *distance;

    for (size_t i = 0; i < VERDICTS && answer.kind == DETECTOR_NONE; i++) {
        const struct json_value *data = data_of(message, verdicts[i].name);
        if (data && read_verdict(doc, data, &answer)) {
            answer.kind = verdicts[i].kind;
        }
    }
    if (answer.kind == DETECTOR_NONE) {
        *out_answer = (struct detector_answer){.may_be_one = is_empty(doc, body, message),
                                               .distance = NAN,
                                               .p_value = NAN,
                                               .threshold = NAN};
        return OK;
    }
    distance = data_of(message, STR("distance"));
    read_statistics(doc, &answer, distance ? distance : data_of(message, STR("instance_score")),
                    data_of(message, STR("p_val")), data_of(message, STR("threshold")));
    enum verdict verdict =
        read_description(doc, json_get(doc, body, STR("parameters")), arena, &answer, err);
    if (verdict == OK) {
        *out_answer = answer;
    }
    return verdict;
}
