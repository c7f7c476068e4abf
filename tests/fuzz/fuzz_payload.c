/* Any bytes as an event about a prediction in structured mode, and as the data of one in binary mode: refused with a place
 * inside the text, or read within the limits; folded once more it is the same event, and its data are the bytes that
 * came. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/payload_attributes.h"
#include "schemas/payload_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct arena *arena;

static void require_detector(const struct detector_answer *answer)
{
    require(answer->drifted <= answer->judged);
    require((answer->state == DETECTOR_DRIFTED) == (answer->drifted > 0));
    require((answer->state == DETECTOR_NOT_EVALUATED) == (answer->judged == 0));
    require(answer->kind != DETECTOR_NONE || answer->judged == 0);
    require(answer->name.len <= DETECTOR_NAME_BYTES_MAX);
}

static void require_message(const struct inference_message *message)
{
    require_detector(&message->detector);
    require(message->tensor_count <= INFERENCE_TENSORS_MAX);
    require(message->id.len <= INFERENCE_NAME_BYTES_MAX);
    require(message->model_version.len <= INFERENCE_NAME_BYTES_MAX);
    for (uint32_t i = 0; i < message->tensor_count; i++) {
        const struct inference_tensor *tensor = &message->tensors[i];
        require(tensor->name.len > 0 && tensor->name.len <= INFERENCE_NAME_BYTES_MAX);
        require(tensor->datatype.len > 0 && tensor->datatype.len <= INFERENCE_DATATYPE_BYTES_MAX);
        require(tensor->dimension_count <= INFERENCE_DIMENSIONS_MAX);
        for (uint32_t k = 0; k < tensor->dimension_count; k++) {
            require(tensor->shape[k] >= 0 && tensor->shape[k] <= INT32_MAX);
        }
    }
}

/* text is followed by the padding. The verdict of the first step that is not OK. */
static enum verdict read_event(struct str text, struct payload_event *out_event)
{
    struct json_fault fault = {0};
    struct inference_message message;
    struct err err;
    enum verdict verdict = json_parse(doc, text, &fault, &err);

    if (verdict == OK) {
        verdict = payload_event_read(doc, arena, out_event, &fault, &err);
    }
    if (verdict == OK) {
        require(out_event->service.len > 0 && out_event->model.len > 0);
        require(out_event->request_id.len > 0 && out_event->data->type == JSON_OBJECT);
        verdict = payload_event_message(doc, out_event, arena, &message, &fault, &err);
    }
    if (verdict == OK) {
        require_message(&message);
    } else {
        require(verdict == REJECT && fault.offset <= text.len && fault.reason[0]);
    }
    return verdict;
}

static bool is_utf8(const struct payload_attributes *attributes)
{
    for (int at = 0; at < PAYLOAD_ATTRIBUTES; at++) {
        if (!fuzz_is_utf8(attributes->values[at])) {
            return false;
        }
    }
    return true;
}

static void fold_again(const struct payload_event *event)
{
    struct payload_attributes attributes;
    struct payload_event again;
    struct id128 event_id = event->event_id;
    size_t data_at;
    struct err err;
    struct str data = json_raw(doc, event->data);

    require(payload_attributes_read(doc, arena, &attributes, NULL, &err) == OK);
    struct str body = payload_attributes_fold(&attributes, data, arena, &data_at);
    require(body.ptr != NULL);
    require(data_at + data.len + 1 == body.len);
    if (is_utf8(&attributes)) {
        require(read_event(body, &again) == OK);
        require(again.data->offset == data_at && again.data->len == data.len);
        require(id128_eq(again.event_id, event_id));
    }
}

/* The attributes stay what they are, or the parse shows that the data is more than one value. */
static void fold_around(struct str data)
{
    struct payload_attributes attributes = {.values = {[PAYLOAD_SPECVERSION] = STR("1.0"),
                                                       [PAYLOAD_TYPE] = STR("x.inference.response"),
                                                       [PAYLOAD_SOURCE] = STR("s"),
                                                       [PAYLOAD_ID] = STR("1"),
                                                       [PAYLOAD_SERVICE] = STR("d")}};
    struct payload_event event;
    size_t data_at;
    struct str body = payload_attributes_fold(&attributes, data, arena, &data_at);

    require(body.ptr != NULL);
    if (read_event(body, &event) == OK && event.data->offset == data_at &&
        event.data->len == data.len) {
        require(str_eq(event.service, STR("d")) && str_eq(event.type, STR("x.inference.response")));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct payload_event event;

    if (!doc) {
        doc = json_doc_new(64, 100000);
        arena = arena_new((size_t)64 * 1024 * 1024);
        require(doc && arena);
    }
    char *text = fuzz_padded(data, size);
    arena_reset(arena, 1 << 16);
    if (read_event((struct str){text, size}, &event) == OK) {
        fold_again(&event);
    }
    fold_around((struct str){text, size});
    free(text);
    return 0;
}
