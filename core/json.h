/* json.h - JSON text to a flat tape of values, with the place of the first fault.
 *
 * simdjson finds the tokens (json.cc is the only file that sees it), json.c reads them. It takes
 * what real producers send: RFC 8259 plus bare NaN, Infinity and -Infinity (kept as number text);
 * huge numbers, lone surrogates and \u0000 pass. Duplicate keys stay on the tape in the order sent:
 * json_get answers the last one. Text must be UTF-8.
 *
 * A doc refers to the text it was made from; neither copies the other. A doc is reused: parsing
 * again overwrites it. One doc per thread at a time. */
#ifndef METAOPS_CORE_JSON_H
#define METAOPS_CORE_JSON_H

#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "id128.h"
#include "str.h"

/* Readable bytes that must follow the text given to json_parse (their content does not matter). */
#define JSON_PADDING_BYTES 64

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* One value on the tape. The members of an object are pairs: a key (a JSON_STRING), then the value.
 * Children follow their parent directly; `next` is the index behind the whole subtree. */
struct json_value {
    uint32_t offset;      /* of the first byte in the text: quote, bracket, digit */
    uint32_t len;         /* bytes in the text, quotes and brackets included */
    uint32_t next;        /* tape index of whatever follows this value */
    uint32_t count;       /* elements of an array, members of an object (duplicates counted) */
    uint8_t type;         /* enum json_type */
    uint8_t has_escape;   /* string with a backslash */
    uint8_t is_nonfinite; /* bare NaN, Infinity, -Infinity */
    uint8_t depth;        /* 1 for the root's own level */
};

struct json_doc;

/* Where a text stops being acceptable. */
struct json_fault {
    /* The first byte that no acceptable text has there: the length for a text cut short; the start
     * of a sequence that is no UTF-8. */
    size_t offset;
    char reason[96];   /* for people */
    char pointer[256]; /* RFC 6901 pointer of the innermost value open at the fault, may be cut */
};

/* A doc that refuses texts deeper than depth_max levels of brackets (the root's are level 1; at
 * most 254) or of more than values_max tape entries (values and keys). NULL when memory is short.
 * Free with json_doc_free. */
struct json_doc *json_doc_new(uint32_t depth_max, uint32_t values_max);

/* Parses text (followed by JSON_PADDING_BYTES readable bytes) onto the tape of doc. OK; REJECT with
 * fault (NULL allowed) filled when it is no JSON, not UTF-8, too deep or too large (1 GiB); RETRY
 * when memory is short. An empty text is a fault at offset 0. On anything but OK the doc is empty.
 * A refused text is read a second time, more slowly, to find the fault. */
MUST_CHECK enum verdict json_parse(struct json_doc *doc, struct str text, struct json_fault *fault,
                                   struct err *err);

/* The root (tape index 0), or NULL for an empty doc. */
const struct json_value *json_root(const struct json_doc *doc);

/* The value at a tape index; index must be below json_tape_len. */
const struct json_value *json_at(const struct json_doc *doc, uint32_t index);
uint32_t json_tape_len(const struct json_doc *doc);

/* Tape index of a value. */
uint32_t json_index(const struct json_doc *doc, const struct json_value *value);

/* The value of the last member named key (compared after decoding), or NULL; also NULL when object
 * is NULL or no object. */
const struct json_value *json_get(const struct json_doc *doc, const struct json_value *object,
                                  struct str key);

/* Iteration: first child of an array or object (for an object: the key), then json_next until NULL.
 *   for (v = json_first(doc, arr); v; v = json_next(doc, arr, v))            elements
 *   for (k = json_first(doc, obj); k; k = json_next(doc, obj, k + 1))       k key, k + 1 value */
const struct json_value *json_first(const struct json_doc *doc, const struct json_value *parent);
const struct json_value *json_next(const struct json_doc *doc, const struct json_value *parent,
                                   const struct json_value *child);

/* The bytes of a value as received (quotes included). Valid as long as the text. */
struct str json_raw(const struct json_doc *doc, const struct json_value *value);

/* A string's content, decoded. Without escapes this is a view of the text, else it is built in
 * arena; lone surrogates become three bytes (the generalized UTF-8 of WTF-8, which valid UTF-8
 * text cannot contain), \u0000 a NUL byte: so distinct texts stay distinct. value must be a
 * JSON_STRING. REJECT never; RETRY when the arena is full. */
MUST_CHECK enum verdict json_string(const struct json_doc *doc, const struct json_value *value,
                                    struct arena *arena, struct str *out_text, struct err *err);

/* Turns ascending offsets within the decoded content of a string (as json_string gives it) into the
 * offsets in the text where those bytes begin; the content's length becomes that of the closing
 * quote. One pass for all. */
void json_string_places(const struct json_doc *doc, const struct json_value *value,
                        size_t *inout_offsets, size_t count);

/* Appends the canonical form of value: keys sorted by their decoded bytes, of equal keys the last,
 * numbers as received, strings in UTF-8 with only \" \\ and control bytes escaped (\u00xx, lower
 * case) and lone surrogates as \udxxx, no white space. The same value always gives the same
 * bytes. */
MUST_CHECK enum verdict json_canonical(const struct json_doc *doc, const struct json_value *value,
                                       struct arena *arena, struct str *out_text, struct err *err);

/* As json_canonical, but fit for PostgreSQL's jsonb: U+0000 and lone surrogates become U+FFFD, NaN
 * and Infinity become strings, and so do numbers that jsonb would refuse or blow up (more than 400
 * digits before or behind the point once the exponent is applied). */
MUST_CHECK enum verdict json_clean(const struct json_doc *doc, const struct json_value *value,
                                   struct arena *arena, struct str *out_text, struct err *err);

/* Text for display in PostgreSQL: NUL and WTF-8 surrogates of a decoded string become U+FFFD.
 * Returns text itself when there is nothing to do; ptr NULL when the arena is full. */
struct str json_display(struct str text, struct arena *arena);

/* RFC 6901 pointer of a value of doc, built into out (cut to size, always terminated). */
void json_pointer(const struct json_doc *doc, const struct json_value *value, char *out,
                  size_t size);

/* NULL is allowed. */
void json_doc_free(struct json_doc *doc);

#endif
