/* json_canonical.c - one value, one text: for digests (canonical) and for jsonb (clean). */
#include "core/json_impl.h"

#include <stdlib.h>
#include <string.h>

/* Objects up to this size are sorted on the stack. */
#define STACK_MEMBERS 32

/* Digits jsonb may have to write out before or behind the point. */
#define CLEAN_DIGITS_MAX 400

struct writer {
    const struct json_doc *doc;
    struct arena *arena;
    char *out;
    bool clean;
};

struct member {
    struct str key;
    const struct json_value *value;
};

static void writer_put(struct writer *w, const char *text, size_t len)
{
    memcpy(w->out, text, len);
    w->out += len;
}

static void writer_put_code(struct writer *w, uint32_t code)
{
    static const char hex[] = "0123456789abcdef";
    bool surrogate = json_text_is_surrogate(code);

    if (w->clean && (code == 0 || surrogate)) {
        w->out += json_text_put(w->out, 0xFFFD);
    } else if (code < 0x20 || surrogate) {
        char escape[6] = {
            '\\',          'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15],
            hex[code & 15]};
        writer_put(w, escape, sizeof(escape));
    } else {
        if (code == '"' || code == '\\') {
            *w->out++ = '\\';
        }
        w->out += json_text_put(w->out, code);
    }
}

static void writer_string(struct writer *w, const struct json_value *value)
{
    struct str raw = json_raw(w->doc, value);

    if (!value->has_escape) {
        writer_put(w, raw.ptr, raw.len);
        return;
    }
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        const char *stop = escape ? escape : end;
        writer_put(w, p, (size_t)(stop - p));
        p = stop;
        if (escape) {
            writer_put_code(w, json_text_escape(&p, end));
        }
    }
}

/* Whether jsonb can write the number out at a bearable length. The exponent saturates. */
static bool json_number_is_modest(struct str raw)
{
    long before = 0, behind = 0, exponent = 0;
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    bool negative = false;

    if (p < end && *p == '-') {
        p++;
    }
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        before++;
    }
    if (p < end && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
            behind++;
        }
    }
    if (p < end) {
        p++; /* the e */
        if (p < end && (*p == '-' || *p == '+')) {
            negative = *p == '-';
            p++;
        }
        for (; p < end && exponent < 1000000000; p++) {
            exponent = exponent * 10 + (*p - '0');
        }
    }
    exponent = negative ? -exponent : exponent;
    return before + exponent <= CLEAN_DIGITS_MAX && behind - exponent <= CLEAN_DIGITS_MAX;
}

static void writer_number(struct writer *w, const struct json_value *value)
{
    struct str raw = json_raw(w->doc, value);
    bool quoted = w->clean && (value->is_nonfinite || !json_number_is_modest(raw));

    if (quoted) {
        *w->out++ = '"';
    }
    writer_put(w, raw.ptr, raw.len);
    if (quoted) {
        *w->out++ = '"';
    }
}

/* By key; of equal keys the later sent comes later. */
static int member_cmp(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int c = str_cmp(x->key, y->key);

    return c ? c : (x->value > y->value) - (x->value < y->value);
}

static void member_sort(struct member *members, size_t len)
{
    size_t i = 1;

    /* Many producers send sorted keys. */
    while (i < len && member_cmp(&members[i - 1], &members[i]) < 0) {
        i++;
    }
    if (len > STACK_MEMBERS) {
        if (i < len) {
            qsort(members, len, sizeof(members[0]), member_cmp);
        }
        return;
    }
    for (; i < len; i++) {
        struct member moved = members[i];
        size_t k = i;
        for (; k > 0 && member_cmp(&members[k - 1], &moved) > 0; k--) {
            members[k] = members[k - 1];
        }
        members[k] = moved;
    }
}

static enum verdict writer_value(struct writer *w, const struct json_value *value, struct err *err);

static enum verdict writer_object(struct writer *w, const struct json_value *object,
                                  struct err *err)
{
    struct member on_stack[STACK_MEMBERS];
    struct member *members = on_stack;
    size_t len = 0;

    if (object->count > STACK_MEMBERS) {
        members = arena_alloc(w->arena, object->count * sizeof(members[0]));
        if (!members) {
            return err_set(err, RETRY, "json_canonical", "no room to sort %u members",
                           object->count);
        }
    }
    for (const struct json_value *key = json_first(w->doc, object); key;
         key = json_next(w->doc, object, key + 1)) {
        members[len].value = key + 1;
        enum verdict verdict = json_string(w->doc, key, w->arena, &members[len].key, err);
        if (verdict != OK) {
            return verdict;
        }
        len++;
    }
    member_sort(members, len);

    *w->out++ = '{';
    for (size_t i = 0; i < len; i++) {
        if (i + 1 < len && str_eq(members[i].key, members[i + 1].key)) {
            continue;
        }
        writer_string(w, members[i].value - 1);
        *w->out++ = ':';
        enum verdict verdict = writer_value(w, members[i].value, err);
        if (verdict != OK) {
            return verdict;
        }
        if (i + 1 < len) {
            *w->out++ = ',';
        }
    }
    *w->out++ = '}';
    return OK;
}

static enum verdict writer_array(struct writer *w, const struct json_value *array, struct err *err)
{
    *w->out++ = '[';
    for (const struct json_value *item = json_first(w->doc, array); item;) {
        enum verdict verdict = writer_value(w, item, err);
        if (verdict != OK) {
            return verdict;
        }
        item = json_next(w->doc, array, item);
        if (item) {
            *w->out++ = ',';
        }
    }
    *w->out++ = ']';
    return OK;
}

/* As deep as the doc's depth_max at most. */
static enum verdict writer_value(struct writer *w, const struct json_value *value, struct err *err)
{
    switch (value->type) {
    case JSON_OBJECT:
        return writer_object(w, value, err);
    case JSON_ARRAY:
        return writer_array(w, value, err);
    case JSON_STRING:
        writer_string(w, value);
        return OK;
    case JSON_NUMBER:
        writer_number(w, value);
        return OK;
    default:
        writer_put(w, json_raw(w->doc, value).ptr, value->len);
        return OK;
    }
}

/* An escape of two bytes can become six (\n), nothing else grows; in the clean form a number can
 * get quotes. */
static size_t json_canonical_bytes_max(const struct json_doc *doc, const struct json_value *value,
                                       bool clean)
{
    size_t bytes = value->len;
    uint32_t end = value->next;

    for (uint32_t i = json_index(doc, value); i < end; i++) {
        const struct json_value *v = json_at(doc, i);
        if (v->type == JSON_STRING && v->has_escape) {
            struct str raw = json_raw(doc, v);
            const char *p = raw.ptr, *text_end = raw.ptr + raw.len;
            while ((p = memchr(p, '\\', (size_t)(text_end - p)))) {
                bytes += 4;
                p += 2;
            }
        } else if (v->type == JSON_NUMBER && clean) {
            bytes += 2;
        }
    }
    return bytes;
}

static enum verdict json_write(const struct json_doc *doc, const struct json_value *value,
                               bool clean, struct arena *arena, struct str *out_text,
                               struct err *err)
{
    size_t bytes_max = json_canonical_bytes_max(doc, value, clean);
    char *text = arena_alloc(arena, bytes_max);
    struct writer w = {.doc = doc, .arena = arena, .out = text, .clean = clean};

    if (!text) {
        return err_set(err, RETRY, "json_canonical", "no room for %zu bytes", bytes_max);
    }
    enum verdict verdict = writer_value(&w, value, err);
    if (verdict == OK) {
        *out_text = (struct str){text, (size_t)(w.out - text)};
    }
    return verdict;
}

enum verdict json_canonical(const struct json_doc *doc, const struct json_value *value,
                            struct arena *arena, struct str *out_text, struct err *err)
{
    return json_write(doc, value, false, arena, out_text, err);
}

enum verdict json_clean(const struct json_doc *doc, const struct json_value *value,
                        struct arena *arena, struct str *out_text, struct err *err)
{
    return json_write(doc, value, true, arena, out_text, err);
}
