/* redact_facets.c - rules that need the event's structure. */
#include "schemas/redact_impl.h"
#include "schemas/redact_names.h"

uint32_t redact_facets_index(const struct json_doc *doc, uint32_t index, size_t at)
{
    uint32_t low = index, high = json_tape_len(doc);

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (json_at(doc, middle)->offset <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

bool redact_facets_is_key(const struct json_doc *doc, const struct json_value *string)
{
    const char *p = json_raw(doc, string).ptr + string->len;

    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
        p++;
    }
    return *p == ':';
}

static void add_content(struct redact_text *rt, const struct json_value *string)
{
    redact_spans_add(rt->spans, rt->text, string->offset + 1, string->offset + string->len - 1);
}

static struct str content(const struct json_doc *doc, const struct json_value *string)
{
    struct str raw = json_raw(doc, string);

    return (struct str){raw.ptr + 1, raw.len - 2};
}

#define DEPTHS 256

/* Index + 1 of containers that were found, by the depth of what they hold: a list of a million pairs is searched for once. */
struct redact_parents {
    uint32_t pairs[DEPTHS];
    uint32_t lists[DEPTHS];
};

/* The innermost container around the value at index; NULL for the root. known has the one found last at that
 * depth; *out_is_known: it is that one. */
static const struct json_value *container(const struct json_doc *doc, uint32_t index,
                                          uint32_t *known, bool *out_is_known)
{
    uint8_t depth = json_at(doc, index)->depth;
    const struct json_value *last = known[depth] ? json_at(doc, known[depth] - 1) : NULL;

    *out_is_known = last && json_index(doc, last) < index && index < last->next;
    if (*out_is_known) {
        return last;
    }
    for (uint32_t at = index; at-- > 0;) {
        const struct json_value *value = json_at(doc, at);
        if (value->depth < depth && (value->type == JSON_OBJECT || value->type == JSON_ARRAY)) {
            known[depth] = at + 1;
            return value;
        }
    }
    return NULL;
}

/* Is the value at index a member with this name? */
static bool is_member(const struct json_doc *doc, uint32_t index, struct str name)
{
    const struct json_value *key = index > 0 ? json_at(doc, index - 1) : NULL;

    return key && key->type == JSON_STRING && redact_facets_is_key(doc, key) &&
           str_eq(content(doc, key), name);
}

void redact_facets_pair(struct redact_text *rt, uint32_t index)
{
    const struct json_doc *doc = rt->doc;
    const struct json_value *name = json_at(doc, index);

    if (!is_member(doc, index, STR("name")) && !is_member(doc, index, STR("key"))) {
        return;
    }
    if (!rt->parents) {
        rt->parents = arena_calloc(rt->spans->arena, 1, sizeof(*rt->parents));
    }
    if (!rt->parents) {
        rt->spans->is_full = true;
        return;
    }
    bool is_known = false, is_list_known = false;
    const struct json_value *pair = container(doc, index, rt->parents->pairs, &is_known);
    if (!pair || is_known) {
        return; /* one name is enough */
    }
    const struct json_value *list =
        container(doc, json_index(doc, pair), rt->parents->lists, &is_list_known);
    const struct json_value *value = json_get(doc, pair, STR("value"));
    /* A tag says something about its column: its key is the reader's word, its value no secret. */
    if (!value || value->type != JSON_STRING ||
        (list && is_member(doc, json_index(doc, list), STR("tags"))) ||
        redact_names_is_kept(content(doc, name), content(doc, value))) {
        return;
    }
    add_content(rt, value);
}

/* All strings at or below value. */
static void add_variable(struct redact_text *rt, const struct json_value *value)
{
    uint32_t index = json_index(rt->doc, value);

    for (; index < value->next; index++) {
        const struct json_value *string = json_at(rt->doc, index);
        if (string->type == JSON_STRING &&
            (string == value || !redact_facets_is_key(rt->doc, string)) &&
            !redact_names_is_no_value(content(rt->doc, string))) {
            add_content(rt, string);
        }
    }
}

static bool is_allowed(const struct redact_text *rt, const struct json_value *name)
{
    return name && name->type == JSON_STRING &&
           redact_names_is_listed(rt->redact->environment_allow, content(rt->doc, name));
}

/* The facet environmentVariables: a list of names and values. */
static void find_list(struct redact_text *rt, const struct json_value *facet)
{
    const struct json_value *list = json_get(rt->doc, facet, STR("environmentVariables"));

    if (!list || list->type != JSON_ARRAY) {
        return;
    }
    for (const struct json_value *item = json_first(rt->doc, list); item;
         item = json_next(rt->doc, list, item)) {
        const struct json_value *value = json_get(rt->doc, item, STR("value"));
        if (value && !is_allowed(rt, json_get(rt->doc, item, STR("name")))) {
            add_variable(rt, value);
        }
    }
}

/* The facet environment-properties of Spark: members of an object, some of them objects. */
static void find_map(struct redact_text *rt, const struct json_value *facet)
{
    const struct json_value *map = json_get(rt->doc, facet, STR("environment-properties"));

    if (!map || map->type != JSON_OBJECT) {
        return;
    }
    for (const struct json_value *key = json_first(rt->doc, map); key;
         key = json_next(rt->doc, map, key + 1)) {
        if (!is_allowed(rt, key)) {
            add_variable(rt, key + 1);
        }
    }
}

/* From `at` on, up to the closing byte outside of strings: the strings behind a colon whose member is
 * named so (NULL: any). Returns where it stopped. */
static size_t find_members(struct redact_text *rt, size_t at, char closing, const char *member)
{
    size_t name = at, name_end = at;
    bool is_value = false;

    while (at < rt->text.len && rt->text.ptr[at] != closing) {
        char c = rt->text.ptr[at++];
        if (c != '"') {
            is_value = c == ':' || (is_value && (c == ' ' || c == '\t'));
            continue;
        }
        size_t end = at;
        while (end < rt->text.len && rt->text.ptr[end] != '"') {
            end += rt->text.ptr[end] == '\\' && end + 1 < rt->text.len ? 2 : 1;
        }
        struct str text = redact_text_part(rt, at, end);
        bool is_wanted = !member || str_eq(redact_text_part(rt, name, name_end), str_view(member));
        if (is_value && is_wanted && !redact_names_is_no_value(text)) {
            redact_spans_add(rt->spans, rt->text, at, end);
        }
        name = at;
        name_end = end;
        at = end + 1;
        is_value = false;
    }
    return at < rt->text.len ? at : rt->text.len;
}

/* The facet's own object comes first, its one member of the same name next. */
static bool is_outer(const struct redact_text *rt, size_t at, const char *name)
{
    const char *next = memmem(rt->text.ptr + at, rt->text.len - at, name, strlen(name));

    return next && !memchr(rt->text.ptr + at, '}', (size_t)(next - rt->text.ptr) - at);
}

void redact_facets_find_in_text(struct redact_text *rt)
{
    static const struct {
        const char *name;
        char opening;
        char closing;
        const char *member;
    } facets[] = {
        {.name = "\"environmentVariables\"", .opening = '[', .closing = ']', .member = "value"},
        {.name = "\"environment-properties\"", .opening = '{', .closing = '}'},
    };

    for (size_t i = 0; i < sizeof(facets) / sizeof(facets[0]); i++) {
        size_t len = strlen(facets[i].name);
        size_t at = 0;
        const char *p;
        while ((p = memmem(rt->text.ptr + at, rt->text.len - at, facets[i].name, len))) {
            at = (size_t)(p - rt->text.ptr) + len;
            while (at < rt->text.len && memchr(": \n\t", rt->text.ptr[at], 4)) {
                at++;
            }
            if (at < rt->text.len && rt->text.ptr[at] == facets[i].opening &&
                !is_outer(rt, at, facets[i].name)) {
                at = find_members(rt, at + 1, facets[i].closing, facets[i].member);
            }
        }
    }
}

void redact_facets_find(struct redact_text *rt)
{
    const struct json_doc *doc = rt->doc;
    const struct json_value *run = json_get(doc, json_root(doc), STR("run"));
    const struct json_value *facets = json_get(doc, run, STR("facets"));

    find_list(rt, json_get(doc, facets, STR("environmentVariables")));
    find_map(rt, json_get(doc, facets, STR("environment-properties")));
}

const struct json_value *redact_facets_sql(const struct json_doc *doc,
                                           const struct json_value **out_facet)
{
    const struct json_value *job = json_get(doc, json_root(doc), STR("job"));
    const struct json_value *facets = json_get(doc, job, STR("facets"));
    const struct json_value *query;

    *out_facet = json_get(doc, facets, STR("sql"));
    query = json_get(doc, *out_facet, STR("query"));
    return query && query->type == JSON_STRING ? query : NULL;
}
