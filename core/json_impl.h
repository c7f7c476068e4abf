/* json_impl.h - what the files of json.h share; nobody else includes it.
 *
 * json.cc       finds where tokens begin (simdjson's first stage; see json_stage1.h)
 * json.c        walks these places and writes the tape; navigation
 * json_fault.c  reads a refused text again, byte by byte, to say where and why
 * json_text.c   escapes, decoding, display
 * json_canonical.c, json_pointer.c  what their names say */
#ifndef METAOPS_CORE_JSON_IMPL_H
#define METAOPS_CORE_JSON_IMPL_H

#include <stdbool.h>

#include "core/json.h"

/* Levels of brackets; json_value.depth must be able to count one more. */
#define JSON_DEPTH_LIMIT 254

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* -1 when c is no hexadecimal digit. */
int json_text_hex(char c);

/* The code point written by the escape at text (a valid one, a backslash first); a surrogate pair
 * is one. Adds the bytes read to *inout_ptr. */
uint32_t json_text_escape(const char **inout_ptr, const char *end);

/* Writes code as (generalized) UTF-8, at most 4 bytes; returns how many. */
size_t json_text_put(char *out, uint32_t code);

static inline bool json_text_is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

/* True when the content of a string value equals key. */
bool json_text_equal(const struct json_doc *doc, const struct json_value *value, struct str key);

/* An RFC 6901 pointer under construction: always terminated, cut between characters. */
struct json_path {
    char *out;
    size_t size;
    size_t len;
    bool full;
};

void json_path_init(struct json_path *path, char *out, size_t size);
void json_path_add_index(struct json_path *path, uint32_t index);

/* raw: a valid JSON string without its quotes. */
void json_path_add_key(struct json_path *path, struct str raw);

/* The first fault of text under these limits; false when there is none. */
bool json_fault_find(struct str text, uint32_t depth_max, uint32_t values_max,
                     struct json_fault *out_fault);

#endif
