#include "schemas/redact.h"

#include <stdlib.h>

#include "core/ascii.h"
#include "schemas/redact_impl.h"
#include "schemas/redact_names.h"

#define MARK_LEN (sizeof(REDACT_MARK) - 1)

/* A mark changes what stands around it, so an event is read again until nothing is found. One pass
 * writes and one finds nothing, but for texts made to have more. */
#define PASSES_MAX 8

/* So many readings fit any arena that takes the event at all; a text that fills it with more is made to. */
#define PASSES_HONEST 2

enum verdict redact_new(const char *environment_allow, bool is_masking_sql,
                        struct redact **out_redact, struct err *err)
{
    struct redact *redact = calloc(1, sizeof(*redact));

    if (redact) {
        redact->environment_allow = strdup(environment_allow);
    }
    if (!redact || !redact->environment_allow) {
        redact_free(redact);
        return err_set(err, RETRY, "redact", "out of memory");
    }
    redact->is_masking_sql = is_masking_sql;
    redact_rules_init(&redact->scan);
    *out_redact = redact;
    return OK;
}

void redact_free(struct redact *redact)
{
    if (redact) {
        free(redact->environment_allow);
        free(redact);
    }
}

int32_t redact_count(struct str body)
{
    const char *p = body.ptr, *end = body.ptr + body.len;
    int32_t count = 0;

    while (p < end && (p = memchr(p, REDACT_MARK[0], (size_t)(end - p)))) {
        bool is_mark = (size_t)(end - p) >= MARK_LEN && memcmp(p, REDACT_MARK, MARK_LEN) == 0;
        count += is_mark;
        p += is_mark ? MARK_LEN : 1;
    }
    return count;
}

bool redact_is_withheld(struct str body)
{
    return str_eq(body, STR(REDACT_MARK));
}

static void spans_push(struct redact_spans *spans, struct redact_span span)
{
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity ? spans->capacity * 2 : 16;
        struct redact_span *items = arena_calloc(spans->arena, capacity, sizeof(*items));
        if (!items) {
            spans->is_full = true;
            return;
        }
        if (spans->count) {
            memcpy(items, spans->items, spans->count * sizeof(*items));
        }
        spans->items = items;
        spans->capacity = capacity;
    }
    spans->items[spans->count++] = span;
}

void redact_spans_add(struct redact_spans *spans, struct str text, size_t from, size_t to)
{
    if (from >= to ||
        (to - from == MARK_LEN && memcmp(text.ptr + from, REDACT_MARK, MARK_LEN) == 0)) {
        return;
    }
    if (spans->found == REDACT_SPANS_MAX) {
        spans->is_over = true;
        return;
    }
    spans->found++;
    spans_push(spans, (struct redact_span){from, to});
}

size_t redact_made(struct str before, struct str after)
{
    int32_t had = redact_count(before), has = redact_count(after);

    return has > had ? (size_t)(has - had) : 0;
}

size_t redact_text_find(struct str text, const char *needle)
{
    size_t len = strlen(needle);

    for (size_t i = 0; i + len <= text.len; i++) {
        if ((text.ptr[i] | 0x20) == (needle[0] | 0x20) &&
            ascii_eq_caseless(text.ptr + i, needle, len)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static int span_order(const void *a, const void *b)
{
    const struct redact_span *x = a, *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

void redact_spans_settle(struct redact_spans *spans)
{
    size_t kept = 0;

    if (spans->count == 0) {
        return;
    }
    qsort(spans->items, spans->count, sizeof(spans->items[0]), span_order);
    for (size_t i = 1; i < spans->count; i++) {
        struct redact_span *last = &spans->items[kept];
        if (spans->items[i].from > last->to) {
            spans->items[++kept] = spans->items[i];
        } else if (spans->items[i].to > last->to) {
            last->to = spans->items[i].to;
        }
    }
    spans->count = kept + 1;
}

/* The rules for text, everywhere in rt->text. */
static void find_in_text(struct redact_text *rt)
{
    const struct redact_scan *scan = &rt->redact->scan;
    uint32_t triggers = 0;
    size_t at = 0;

    while (!redact_spans_is_closed(rt->spans) &&
           (at = redact_scan_next(scan, rt->text.ptr, rt->text.len, at, &triggers)) <
               rt->text.len) {
        at = redact_rules_apply(rt, at, triggers);
    }
}

/* Rules for what the escapes of a string stand for; finds go to rt in places of the event. With a
 * facet its literals of SQL instead. */
static void find_decoded(struct redact_text *rt, const struct json_value *string,
                         const struct json_value *sql_facet)
{
    struct redact_spans spans = {.arena = rt->spans->arena, .found = rt->spans->found};
    struct redact_text inner = {.redact = rt->redact, .spans = &spans};
    struct err err;

    if (json_string(rt->doc, string, spans.arena, &inner.text, &err) != OK) {
        rt->spans->is_full = true;
        return;
    }
    if (sql_facet) {
        redact_sql_find(&inner, rt->doc, sql_facet);
    } else {
        find_in_text(&inner);
    }
    rt->spans->found = spans.found;
    rt->spans->is_full = rt->spans->is_full || spans.is_full;
    rt->spans->is_over = rt->spans->is_over || spans.is_over;
    if (redact_spans_is_closed(rt->spans) || spans.count == 0) {
        return;
    }
    redact_spans_settle(&spans);
    json_string_places(rt->doc, string, &spans.items[0].from, spans.count * 2);
    for (size_t i = 0; i < spans.count; i++) {
        spans_push(rt->spans, spans.items[i]);
    }
}

/* A key with escapes: does it name a secret when they are decoded? */
static void find_key(struct redact_text *rt, const struct json_value *key)
{
    const struct json_value *value = key + 1;
    struct str raw = json_raw(rt->doc, value);
    struct str name;
    struct err err;

    if (json_string(rt->doc, key, rt->spans->arena, &name, &err) != OK) {
        rt->spans->is_full = true;
        return;
    }
    if (value->type == JSON_STRING && redact_names_is_secret(name) &&
        !redact_names_is_kept(name, (struct str){raw.ptr + 1, raw.len - 2})) {
        redact_spans_add(rt->spans, rt->text, value->offset + 1, value->offset + value->len - 1);
    }
}

/* A string with escapes is looked at as what they stand for, all others as they are. */
static void find_in_event(struct redact_text *rt)
{
    const struct redact_scan *scan = &rt->redact->scan;
    bool has_escapes = memchr(rt->text.ptr, '\\', rt->text.len);
    uint32_t triggers = 0;
    uint32_t index = 0;
    size_t at = 0;

    while (!redact_spans_is_closed(rt->spans) &&
           (at = redact_scan_next(scan, rt->text.ptr, rt->text.len, at, &triggers)) <
               rt->text.len) {
        if (has_escapes) {
            index = redact_facets_index(rt->doc, index, at);
            const struct json_value *string = json_at(rt->doc, index);
            if (string->type == JSON_STRING && string->has_escape &&
                at < (size_t)string->offset + string->len) {
                if (redact_facets_is_key(rt->doc, string)) {
                    find_key(rt, string);
                } else {
                    find_decoded(rt, string, NULL);
                }
                at = (size_t)string->offset + string->len;
                continue;
            }
        }
        at = redact_rules_apply(rt, at, triggers);
    }
}

/* Keeps the finds that lie within one string value: keys stay, and so does all that holds JSON
 * together. */
static void keep_values(const struct json_doc *doc, struct redact_spans *spans)
{
    size_t kept = 0;

    for (size_t i = 0; i < spans->count; i++) {
        struct redact_span span = spans->items[i];
        const struct json_value *string = json_at(doc, redact_facets_index(doc, 0, span.from));
        if (string->type == JSON_STRING && span.from > string->offset &&
            span.to < (size_t)string->offset + string->len && !redact_facets_is_key(doc, string)) {
            spans->items[kept++] = span;
        }
    }
    spans->count = kept;
}

/* text with a mark for each span, in arena with padding behind; ptr NULL when it is full. */
static struct str write_marks(struct str text, const struct redact_spans *spans)
{
    char *copy = arena_alloc(spans->arena, text.len + spans->count * MARK_LEN + JSON_PADDING_BYTES);
    char *out = copy;
    size_t at = 0;

    if (!copy) {
        return (struct str){NULL, 0};
    }
    for (size_t i = 0; i < spans->count; i++) {
        memcpy(out, text.ptr + at, spans->items[i].from - at);
        out += spans->items[i].from - at;
        memcpy(out, REDACT_MARK, MARK_LEN);
        out += MARK_LEN;
        at = spans->items[i].to;
    }
    memcpy(out, text.ptr + at, text.len - at);
    out += text.len - at;
    memset(out, 0, JSON_PADDING_BYTES);
    return (struct str){copy, (size_t)(out - copy)};
}

/* One reading of the event. */
static void find_all(const struct redact *redact, const struct json_doc *doc, struct str body,
                     struct redact_spans *spans)
{
    struct redact_text rt = {.redact = redact, .text = body, .doc = doc, .spans = spans};
    const struct json_value *facet;
    const struct json_value *sql = NULL;

    find_in_event(&rt);
    if (!redact_spans_is_closed(spans)) {
        redact_facets_find(&rt);
    }
    if (!redact_spans_is_closed(spans)) {
        redact_kubernetes_find(&rt);
    }
    if (redact->is_masking_sql && !redact_spans_is_closed(spans)) {
        sql = redact_facets_sql(doc, &facet);
    }
    if (sql) {
        find_decoded(&rt, sql, facet);
    }
}

/* The arena is full: for the time being, or because the text would fill any. */
static enum verdict refuse_full(int pass, struct err *err)
{
    return pass < PASSES_HONEST
               ? err_set(err, RETRY, "redact", "no memory for what is to be redacted")
               : err_set(err, REJECT, "redact", "redacting it takes too much memory");
}

enum verdict redact_event(const struct redact *redact, struct json_doc *doc, struct arena *arena,
                          struct str *inout_body, struct err *err)
{
    struct str body = *inout_body;

    for (int pass = 0; pass < PASSES_MAX; pass++) {
        struct redact_spans spans = {.arena = arena};
        if (!json_root(doc)) {
            return err_set(err, RETRY, "redact", "the event has not been parsed");
        }
        find_all(redact, doc, body, &spans);
        if (spans.is_over) {
            return err_set(err, REJECT, "redact", "more secrets than can be redacted");
        }
        if (spans.is_full) {
            return refuse_full(pass, err);
        }
        keep_values(doc, &spans);
        redact_spans_settle(&spans);
        if (spans.count == 0) {
            *inout_body = body;
            return OK;
        }
        body = write_marks(body, &spans);
        if (!body.ptr) {
            return refuse_full(pass, err);
        }
        enum verdict verdict = json_parse(doc, body, NULL, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    return err_set(err, REJECT, "redact", "more secrets come up with each one redacted");
}

struct str redact_bytes(const struct redact *redact, struct str bytes, struct arena *arena)
{
    if (bytes.len == 0) {
        return STR("");
    }
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        struct redact_spans spans = {.arena = arena};
        struct redact_text rt = {.redact = redact, .text = bytes, .spans = &spans};
        find_in_text(&rt);
        redact_facets_find_in_text(&rt);
        if (spans.is_over) {
            break;
        }
        if (spans.is_full) {
            return (struct str){NULL, 0};
        }
        redact_spans_settle(&spans);
        if (spans.count == 0) {
            return bytes;
        }
        bytes = write_marks(bytes, &spans);
        if (!bytes.ptr) {
            return bytes;
        }
    }
    return STR(REDACT_MARK);
}
