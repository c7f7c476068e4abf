/* json.c - the walk over the places simdjson found, and reading the tape.
 *
 * The walk only decides yes or no. Where a refused text goes wrong is found by json_fault.c in a
 * second, slow reading: that keeps the fast path short, and the two check each other under
 * fuzzing. */
#include "core/json_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_stage1.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define TAPE_LEN_MIN 1024
#define TAPE_LEN_KEEP_MAX 65536

struct json_doc {
    struct json_stage1 *stage1;
    struct json_value *tape;
    uint32_t *open; /* tape indexes of the containers around the current place */
    struct str text;
    uint32_t tape_len;
    uint32_t tape_len_max; /* allocated */
    uint32_t depth_max;
    uint32_t values_max;
};

struct json_doc *json_doc_new(uint32_t depth_max, uint32_t values_max)
{
    struct json_doc *doc = calloc(1, sizeof(*doc));

    if (!doc) {
        return NULL;
    }
    doc->depth_max = depth_max < JSON_DEPTH_LIMIT ? depth_max : JSON_DEPTH_LIMIT;
    doc->values_max = values_max;
    doc->open = malloc((doc->depth_max + (size_t)1) * sizeof(doc->open[0]));
    doc->stage1 = json_stage1_new();
    if (!doc->open || !doc->stage1) {
        json_doc_free(doc);
        return NULL;
    }
    return doc;
}

void json_doc_free(struct json_doc *doc)
{
    if (!doc) {
        return;
    }
    json_stage1_free(doc->stage1);
    free(doc->open);
    free(doc->tape);
    free(doc);
}

struct walk {
    struct json_doc *doc;
    const char *text;
    const char *text_end;
    const char *backslash; /* the first at or behind the last string looked at */
    const uint32_t *at;    /* offsets of tokens; at[len] is the length of the text */
    uint32_t len;
    uint32_t next;  /* the token to read */
    uint32_t depth; /* open containers */
};

/* Every value has a token of its own, and what stands between two values is one more: a whole text
 * of n tokens has at most (n + 1) / 2 values. A text cut short can have one more for each level. */
static bool json_fit_tape(struct json_doc *doc, uint32_t tokens)
{
    uint64_t wanted = (uint64_t)tokens / 2 + doc->depth_max + 2;
    uint64_t len = TAPE_LEN_MIN;

    while (len < wanted) {
        len *= 2;
    }
    len = len < doc->values_max ? len : doc->values_max;
    wanted = wanted < len ? wanted : len;
    if (doc->tape && doc->tape_len_max >= wanted &&
        (doc->tape_len_max <= TAPE_LEN_KEEP_MAX || len > doc->tape_len_max / 4)) {
        return true;
    }
    free(doc->tape);
    doc->tape_len_max = 0;
    doc->tape = malloc((len ? len : 1) * sizeof(doc->tape[0]));
    if (!doc->tape) {
        return false;
    }
    doc->tape_len_max = (uint32_t)len;
    return true;
}

static struct json_value *walk_add(struct walk *w, enum json_type type, uint32_t len)
{
    struct json_doc *doc = w->doc;

    if (doc->tape_len >= doc->tape_len_max) {
        return NULL;
    }
    struct json_value *value = &doc->tape[doc->tape_len++];
    *value = (struct json_value){.offset = w->at[w->next],
                                 .len = len,
                                 .next = doc->tape_len,
                                 .type = (uint8_t)type,
                                 .depth = (uint8_t)(w->depth + 1)};
    return value;
}

/* Bytes from the token at w->next to the next one, white space between them left out. */
static uint32_t walk_token_len(const struct walk *w)
{
    uint32_t start = w->at[w->next], end = w->at[w->next + 1];

    while (end > start && json_is_space(w->text[end - 1])) {
        end--;
    }
    return end - start;
}

static bool walk_check_escapes(const char *p, const char *end)
{
    while (p) {
        if (p[1] == 'u') {
            if (end - p < 6 || json_text_hex(p[2]) < 0 || json_text_hex(p[3]) < 0 ||
                json_text_hex(p[4]) < 0 || json_text_hex(p[5]) < 0) {
                return false;
            }
            p += 6;
        } else if (p[1] && strchr("\"\\/bfnrt", p[1])) {
            p += 2;
        } else {
            return false;
        }
        p = memchr(p, '\\', (size_t)(end - p));
    }
    return true;
}

/* One search for backslashes runs over the whole text, ahead of the walk, instead of one a
 * string. */
static bool walk_string(struct walk *w)
{
    uint32_t len = walk_token_len(w);
    const char *start = w->text + w->at[w->next];
    const char *end = start + len - 1;
    struct json_value *value;

    if (len < 2 || *end != '"' || !(value = walk_add(w, JSON_STRING, len))) {
        return false;
    }
    w->next++;
    if (w->backslash < start) {
        const char *found = memchr(start, '\\', (size_t)(w->text_end - start));
        w->backslash = found ? found : w->text_end;
    }
    if (w->backslash < end) {
        value->has_escape = 1;
        return walk_check_escapes(w->backslash, end);
    }
    return true;
}

static const char *walk_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

static bool walk_is_number(const char *p, const char *end)
{
    const char *digits;

    p += p < end && *p == '-';
    digits = p;
    p = walk_digits(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return false;
    }
    if (p < end && *p == '.') {
        digits = ++p;
        p = walk_digits(p, end);
        if (p == digits) {
            return false;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '-' || *p == '+');
        digits = p;
        p = walk_digits(p, end);
        if (p == digits) {
            return false;
        }
    }
    return p == end;
}

static bool walk_scalar(struct walk *w)
{
    static const struct {
        struct str text;
        enum json_type type;
    } words[] = {
        {{"null", 4}, JSON_NULL},  {{"true", 4}, JSON_TRUE},       {{"false", 5}, JSON_FALSE},
        {{"NaN", 3}, JSON_NUMBER}, {{"Infinity", 8}, JSON_NUMBER}, {{"-Infinity", 9}, JSON_NUMBER},
    };
    uint32_t len = walk_token_len(w);
    struct str token = {w->text + w->at[w->next], len};
    struct json_value *value = NULL;

    if (walk_is_number(token.ptr, token.ptr + len)) {
        value = walk_add(w, JSON_NUMBER, len);
    } else {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (str_eq(token, words[i].text)) {
                value = walk_add(w, words[i].type, len);
                if (value) {
                    value->is_nonfinite = words[i].type == JSON_NUMBER;
                }
                break;
            }
        }
    }
    w->next++;
    return value;
}

/* The next token's first byte; NUL, which begins no token of ours, behind the last. */
static char walk_peek(const struct walk *w)
{
    return w->next < w->len ? w->text[w->at[w->next]] : '\0';
}

static bool walk_key(struct walk *w)
{
    if (walk_peek(w) != '"' || !walk_string(w) || walk_peek(w) != ':') {
        return false;
    }
    w->next++;
    return true;
}

/* The bracket at w->next closes the innermost container. */
static void walk_close(struct walk *w)
{
    struct json_doc *doc = w->doc;
    struct json_value *container = &doc->tape[doc->open[--w->depth]];

    container->len = w->at[w->next] + 1 - container->offset;
    container->next = doc->tape_len;
    w->next++;
}

/* Opens a container. With members inside, the first value is due next: *out_due. */
static bool walk_open(struct walk *w, enum json_type type, char closing, bool *out_due)
{
    struct json_doc *doc = w->doc;

    if (w->depth >= doc->depth_max || !walk_add(w, type, 0)) {
        return false;
    }
    doc->open[w->depth++] = doc->tape_len - 1;
    w->next++;
    if (walk_peek(w) == closing) {
        walk_close(w);
        return true;
    }
    *out_due = true;
    return type == JSON_ARRAY || walk_key(w);
}

/* A value; *out_due when it is a container that has just been entered. */
static bool walk_value(struct walk *w, bool *out_due)
{
    char c = walk_peek(w);

    *out_due = false;
    if (w->depth) {
        w->doc->tape[w->doc->open[w->depth - 1]].count++;
    }
    switch (c) {
    case '{':
        return walk_open(w, JSON_OBJECT, '}', out_due);
    case '[':
        return walk_open(w, JSON_ARRAY, ']', out_due);
    case '"':
        return walk_string(w);
    case '\0':
        return false;
    default:
        return walk_scalar(w);
    }
}

/* Behind a value: closes what ends here, stops where the next value is due or the root is done. */
static bool walk_after(struct walk *w)
{
    while (w->depth) {
        bool is_object = w->doc->tape[w->doc->open[w->depth - 1]].type == JSON_OBJECT;
        char c = walk_peek(w);
        if (c == ',') {
            w->next++;
            return !is_object || walk_key(w);
        }
        if (c != (is_object ? '}' : ']')) {
            return false;
        }
        walk_close(w);
    }
    return true;
}

static bool walk_all(struct walk *w)
{
    bool due;

    do {
        if (!walk_value(w, &due) || (!due && !walk_after(w))) {
            return false;
        }
    } while (due || w->depth);
    return w->next == w->len;
}

static enum verdict json_refuse(struct json_doc *doc, struct str text, struct json_fault *fault,
                                struct err *err)
{
    struct json_fault own;

    fault = fault ? fault : &own;
    doc->tape_len = 0;
    if (text.len > TEXT_BYTES_MAX) {
        *fault = (struct json_fault){.offset = TEXT_BYTES_MAX};
        snprintf(fault->reason, sizeof(fault->reason), "more than %zu bytes", TEXT_BYTES_MAX);
    } else if (!json_fault_find(text, doc->depth_max, doc->values_max, fault)) {
        *fault = (struct json_fault){.reason = "BUG: refused, but no fault found"};
    }
    return err_set(err, REJECT, "json_parse", "%s at byte %zu", fault->reason, fault->offset);
}

enum verdict json_parse(struct json_doc *doc, struct str text, struct json_fault *fault,
                        struct err *err)
{
    struct walk w = {
        .doc = doc, .text = text.ptr, .text_end = text.ptr + text.len, .backslash = NULL};

    doc->tape_len = 0;
    doc->text = text;
    if (text.len == 0 || text.len > TEXT_BYTES_MAX) {
        return json_refuse(doc, text, fault, err);
    }
    switch (json_stage1_run(doc->stage1, text, &w.at, &w.len)) {
    case JSON_STAGE1_DONE:
        break;
    case JSON_STAGE1_FAULT:
        return json_refuse(doc, text, fault, err);
    case JSON_STAGE1_NO_MEMORY:
        return err_set(err, RETRY, "json_parse", "no memory for a text of %zu bytes", text.len);
    }
    if (!json_fit_tape(doc, w.len)) {
        return err_set(err, RETRY, "json_parse", "no memory for the values of %u tokens", w.len);
    }
    if (!walk_all(&w)) {
        return json_refuse(doc, text, fault, err);
    }
    return OK;
}

const struct json_value *json_root(const struct json_doc *doc)
{
    return doc->tape_len ? doc->tape : NULL;
}

const struct json_value *json_at(const struct json_doc *doc, uint32_t index)
{
    assert(index < doc->tape_len);
    return &doc->tape[index];
}

uint32_t json_tape_len(const struct json_doc *doc)
{
    return doc->tape_len;
}

uint32_t json_index(const struct json_doc *doc, const struct json_value *value)
{
    return (uint32_t)(value - doc->tape);
}

const struct json_value *json_get(const struct json_doc *doc, const struct json_value *object,
                                  struct str key)
{
    const struct json_value *found = NULL;

    if (!object || object->type != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json_value *k = json_first(doc, object); k;
         k = json_next(doc, object, k + 1)) {
        if ((k->has_escape || k->len == key.len + 2) && json_text_equal(doc, k, key)) {
            found = k + 1;
        }
    }
    return found;
}

const struct json_value *json_first(const struct json_doc *doc, const struct json_value *parent)
{
    (void)doc;
    return parent && parent->count ? parent + 1 : NULL;
}

const struct json_value *json_next(const struct json_doc *doc, const struct json_value *parent,
                                   const struct json_value *child)
{
    return child->next < parent->next ? &doc->tape[child->next] : NULL;
}

struct str json_raw(const struct json_doc *doc, const struct json_value *value)
{
    return (struct str){doc->text.ptr + value->offset, value->len};
}
