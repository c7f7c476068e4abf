/* Any bytes as a request and as an answer of the Open Inference Protocol in protobuf: refused with a place inside the bytes,
 * or turned into one JSON object, which is the same the second time. */
#include <stdint.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/inference_protocol.h"
#include "schemas/inference_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define JSON_BYTES_MAX ((size_t)1 << 20)

static struct json_doc *doc;
static struct arena *arena;

static void turn(struct str message, bool is_answer)
{
    struct inference_message read;
    struct json_fault fault = {0};
    struct err err;
    struct str json;
    struct str again;

    arena_reset(arena, 1 << 16);
    enum verdict verdict =
        inference_wire_to_json(message, is_answer, JSON_BYTES_MAX, arena, &json, &fault, &err);
    if (verdict != OK) {
        require(verdict == REJECT && fault.offset <= message.len && fault.reason[0]);
        return;
    }
    require(json.len <= JSON_BYTES_MAX);
    require(inference_wire_to_json(message, is_answer, JSON_BYTES_MAX, arena, &again, NULL, &err) ==
            OK);
    require(str_eq(json, again));
    require(json_parse(doc, json, &fault, &err) == OK);
    require(json_root(doc)->type == JSON_OBJECT);
    if (inference_read(doc, json_root(doc), is_answer, arena, &read, &fault, &err) == OK) {
        require(read.tensor_count <= INFERENCE_TENSORS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = {(const char *)data, size};

    if (!doc) {
        doc = json_doc_new(8, (uint32_t)JSON_BYTES_MAX);
        arena = arena_new((size_t)16 * 1024 * 1024);
        require(doc && arena);
    }
    struct str bare = inference_wire_unframed(message);
    require(bare.len == message.len || bare.len + 6 == message.len);
    turn(bare, false);
    turn(bare, true);
    return 0;
}
