/* Any bytes: the parser never crashes; its fast walk and its slow search for faults agree; the
 * canonical form is a fixed point; the clean form is JSON again; a text cut at its fault fails at
 * its end, so no byte before the fault was at fault. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_impl.h"
#include "fuzz/require.h"

#define DEPTH_MAX 12
#define VALUES_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy on the heap with nothing but the promised padding behind it, so that the sanitizer sees
 * every byte too far. The padding tempts the parser to go on. */
static char *padded(const char *ptr, size_t len)
{
    char *copy = malloc(len + JSON_PADDING_BYTES);

    require(copy);
    if (len) {
        memcpy(copy, ptr, len);
    }
    memset(copy + len, len % 2 ? ']' : '"', JSON_PADDING_BYTES);
    return copy;
}

static void check_refused(struct json_doc *doc, struct str text, const struct json_fault *fault)
{
    struct json_fault again;

    require(strncmp(fault->reason, "BUG", 3) != 0);
    require(fault->offset <= text.len && !json_root(doc));
    char *cut = padded(text.ptr, fault->offset);
    if (json_parse(doc, (struct str){cut, fault->offset}, &again, NULL) != OK) {
        require(again.offset == fault->offset);
    }
    free(cut);
}

static void check_values(const struct json_doc *doc, struct arena *arena)
{
    char pointer[64];
    struct str text;

    for (uint32_t i = 0; i < json_tape_len(doc); i++) {
        const struct json_value *v = json_at(doc, i);
        json_pointer(doc, v, pointer, sizeof(pointer));
        if (v->type == JSON_STRING) {
            require(json_string(doc, v, arena, &text, NULL) == OK);
            require(json_text_equal(doc, v, text));
            require(!memchr(json_display(text, arena).ptr, 0, json_display(text, arena).len));
        }
        for (const struct json_value *k = v->type == JSON_OBJECT ? json_first(doc, v) : NULL; k;
             k = json_next(doc, v, k + 1)) {
            require(json_string(doc, k, arena, &text, NULL) == OK);
            require(json_get(doc, v, text));
        }
    }
}

static void check_accepted(struct json_doc *doc, struct arena *arena)
{
    struct str canonical, again, clean, clean_again;
    struct json_fault fault;

    check_values(doc, arena);
    require(json_canonical(doc, json_root(doc), arena, &canonical, NULL) == OK);
    require(json_clean(doc, json_root(doc), arena, &clean, NULL) == OK);

    char *text = padded(canonical.ptr, canonical.len);
    require(json_parse(doc, (struct str){text, canonical.len}, &fault, NULL) == OK);
    require(json_canonical(doc, json_root(doc), arena, &again, NULL) == OK);
    require(str_eq(canonical, again));
    free(text);

    text = padded(clean.ptr, clean.len);
    require(json_parse(doc, (struct str){text, clean.len}, &fault, NULL) == OK);
    for (uint32_t i = 0; i < json_tape_len(doc); i++) {
        require(!json_at(doc, i)->is_nonfinite);
    }
    require(json_clean(doc, json_root(doc), arena, &clean_again, NULL) == OK);
    require(clean_again.len <= clean.len);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_doc *doc;
    static struct arena *arena;
    struct json_fault fault, found;

    if (!doc) {
        doc = json_doc_new(DEPTH_MAX, VALUES_MAX);
        arena = arena_new((size_t)64 << 20);
        require(doc && arena);
    }
    char *copy = padded((const char *)data, size);
    struct str text = {copy, size};
    enum verdict verdict = json_parse(doc, text, &fault, NULL);
    require(verdict == OK || verdict == REJECT);
    if (verdict == OK) {
        require(!json_fault_find(text, DEPTH_MAX, VALUES_MAX, &found));
        check_accepted(doc, arena);
    } else {
        check_refused(doc, text, &fault);
    }
    free(copy);
    arena_reset(arena, (size_t)1 << 20);
    return 0;
}
