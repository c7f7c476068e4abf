/* inference_protocol.h - a reader of the Open Inference Protocol (version 2) in JSON: which tensors a
 * request or an answer has, not what is in them.
 *
 * Bounded: so many tensors, dimensions and bytes of a name, whatever the text says of itself; shapes are
 * never multiplied, data is never walked. Lenient where the protocol is not used at all: a body
 * without tensors is a message without tensors. */
#ifndef METAOPS_SCHEMAS_INFERENCE_PROTOCOL_H
#define METAOPS_SCHEMAS_INFERENCE_PROTOCOL_H

#include "core/arena.h"
#include "core/err.h"
#include "core/json.h"
#include "schemas/detector_answer.h"

#define INFERENCE_TENSORS_MAX 256
#define INFERENCE_DIMENSIONS_MAX 16
#define INFERENCE_NAME_BYTES_MAX 255
#define INFERENCE_DATATYPE_BYTES_MAX 31
#define INFERENCE_REWARD_MAX 1000000

struct inference_tensor {
    struct str name;
    struct str datatype;
    uint32_t dimension_count;
    int64_t shape[INFERENCE_DIMENSIONS_MAX];
    const struct json_value *data; /* NULL: none */
};

struct inference_message {
    struct str id;                   /* these: empty when not said */
    struct str model_version;        /* of answers */
    bool has_failed;                 /* an answer that is an error */
    bool has_reward;                 /* of feedback */
    int64_t reward_micros;           /* in millionths, so that sums are the same in any order */
    struct detector_answer detector; /* what it says of drift; set by payload_event_message */
    const struct inference_tensor *tensors;
    uint32_t tensor_count;
};

/* Reads value, the inputs of a request or the outputs of an answer. Texts are views of the doc's or lie
 * in arena. REJECT with the place of what is wrong or beyond the limits; RETRY when the arena is full. */
MUST_CHECK enum verdict inference_read(const struct json_doc *doc, const struct json_value *value,
                                       bool is_answer, struct arena *arena,
                                       struct inference_message *out_message,
                                       struct json_fault *fault, struct err *err);

/* The same for feedback of Seldon, {"reward": 1.0, ...}: request, answer and truth in it are not looked at. A reward
 * is a number of at most INFERENCE_REWARD_MAX, either way. */
MUST_CHECK enum verdict inference_read_feedback(const struct json_doc *doc,
                                                const struct json_value *value,
                                                struct inference_message *out_message,
                                                struct json_fault *fault, struct err *err);

#endif
