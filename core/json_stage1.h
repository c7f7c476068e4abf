/* json_stage1.h - where the tokens of a JSON text begin: simdjson's first stage, made by json.cc.
 *
 * For json.c only. The only header of ours that C++ reads. */
#ifndef METAOPS_CORE_JSON_STAGE1_H
#define METAOPS_CORE_JSON_STAGE1_H

#include <stdint.h>

#include "core/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_stage1;

enum json_stage1_result { JSON_STAGE1_DONE, JSON_STAGE1_FAULT, JSON_STAGE1_NO_MEMORY };

/* NULL when memory is short. Free with json_stage1_free. */
struct json_stage1 *json_stage1_new(void);

/* The offsets of all brackets, commas, colons, opening quotes and first bytes of other tokens, in
 * order; one more entry behind the last holds text.len. Between a string's opening quote and the
 * next entry there are only the string and white space. FAULT: a string does not end or has a bare
 * control byte, the text is not UTF-8 or only white space. The array lives until the next call. */
enum json_stage1_result json_stage1_run(struct json_stage1 *stage1, struct str text,
                                        const uint32_t **out_offsets, uint32_t *out_len);

/* NULL is allowed. */
void json_stage1_free(struct json_stage1 *stage1);

#ifdef __cplusplus
}
#endif

#endif
