/* detector_answer.h - what a detector of drift or outliers says: alibi-detect in MLServer, whose answers are tensors, and
 * in Seldon Core v1, whose replies are {"data": {...}, "meta": {...}}.
 *
 * A batching detector answers with nothing until its batch is full: that is no verdict, and not a clean one. A verdict
 * may be a vector, one element for each feature or instance: one that says yes is enough. */
#ifndef METAOPS_SCHEMAS_DETECTOR_ANSWER_H
#define METAOPS_SCHEMAS_DETECTOR_ANSWER_H

#include <stdint.h>

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"

#define DETECTOR_NAME_BYTES_MAX 255

struct inference_message;

/* What is looked for. */
enum detector_kind { DETECTOR_NONE = 0, DETECTOR_DRIFT = 1, DETECTOR_OUTLIER = 2 };

enum detector_state { DETECTOR_NOT_EVALUATED = 0, DETECTOR_CLEAN = 1, DETECTOR_DRIFTED = 2 };

struct detector_answer {
    enum detector_kind kind; /* DETECTOR_NONE: not known, or no detector at all */
    enum detector_state state;
    bool may_be_one; /* an answer without any tensor: of a batching detector, if it is one */
    uint32_t judged; /* elements of the verdict: features or instances */
    uint32_t drifted;
    double distance;  /* the largest; of outliers the score. Here and below NAN: not said */
    double p_value;   /* the smallest */
    double threshold; /* the smallest */
    struct str name;  /* these: empty when not said */
    struct str detector_type;
    struct str data_type;
    struct str version;
};

/* Reads reply, the data of an event of Seldon Core v1. Texts are views of the doc's or lie in arena. REJECT with the
 * place of what is wrong; RETRY when the arena is full. */
MUST_CHECK enum verdict detector_answer_of_reply(const struct json_doc *doc,
                                                 const struct json_value *reply,
                                                 enum detector_kind kind, struct arena *arena,
                                                 struct detector_answer *out_answer,
                                                 struct json_fault *fault, struct err *err);

/* The same of an answer that was read already (inference_read), with its parameters. What does not look like a verdict is an
 * answer like any other: DETECTOR_NONE, never REJECT. */
MUST_CHECK enum verdict
detector_answer_of_tensors(const struct json_doc *doc, const struct json_value *body,
                           const struct inference_message *message, struct arena *arena,
                           struct detector_answer *out_answer, struct err *err);

#endif
