/* json.cc - simdjson behind a C face.
 *
 * Only its first stage is used: quotes, escapes, UTF-8 and the places of tokens, with the vector
 * instructions this processor has. Its own second stages can't give us what we need: the DOM
 * refuses NaN, 10^400 and lone surrogates, On-Demand is compiled for the plainest processor, hides
 * offsets and checks only what is asked for. Nothing here throws: the library is asked for error
 * codes only, and the functions are noexcept. */
#include "core/json_stage1.h"

#include <memory>
#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

/* The index takes 4 bytes of address space for each byte of capacity, touched only where used. */
#define CAPACITY_BYTES_MIN (static_cast<size_t>(64) * 1024)
#define CAPACITY_KEEP_BYTES_MAX (static_cast<size_t>(1024) * 1024)

struct json_stage1 {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

struct json_stage1 *json_stage1_new(void)
{
    struct json_stage1 *stage1 = new (std::nothrow) json_stage1;

    if (!stage1) {
        return nullptr;
    }
    simdjson::error_code code =
        simdjson::get_active_implementation()->create_dom_parser_implementation(CAPACITY_BYTES_MIN,
                                                                                1, stage1->parser);
    if (code != simdjson::SUCCESS) {
        delete stage1;
        return nullptr;
    }
    return stage1;
}

/* Room for len bytes; a rare huge text must not keep its room for ever. */
static bool json_stage1_fit(simdjson::internal::dom_parser_implementation *parser, size_t len)
{
    size_t have = parser->capacity();
    size_t wanted = CAPACITY_BYTES_MIN;

    while (wanted < len) {
        wanted *= 2;
    }
    if (have >= len && (have <= CAPACITY_KEEP_BYTES_MAX || wanted > have / 4)) {
        return true;
    }
    return parser->set_capacity(wanted) == simdjson::SUCCESS;
}

enum json_stage1_result json_stage1_run(struct json_stage1 *stage1, struct str text,
                                        const uint32_t **out_offsets, uint32_t *out_len)
{
    simdjson::internal::dom_parser_implementation *parser = stage1->parser.get();

    if (!json_stage1_fit(parser, text.len)) {
        return JSON_STAGE1_NO_MEMORY;
    }
    simdjson::error_code code = parser->stage1(reinterpret_cast<const uint8_t *>(text.ptr),
                                               text.len, simdjson::stage1_mode::regular);
    if (code != simdjson::SUCCESS) {
        return JSON_STAGE1_FAULT;
    }
    *out_offsets = parser->structural_indexes.get();
    *out_len = parser->n_structural_indexes;
    return JSON_STAGE1_DONE;
}

void json_stage1_free(struct json_stage1 *stage1)
{
    delete stage1;
}
