#include "ingest/kube_cut.h"

#define WHERE "kubernetes"
#define NOT_FOUND SIZE_MAX

static size_t skip_space(struct str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\n' ||
                             text.ptr[at] == '\r')) {
        at++;
    }
    return at;
}

static bool is_at(struct str text, size_t at, char c)
{
    return at < text.len && text.ptr[at] == c;
}

/* Behind the string whose first quote is at `at`. */
static size_t skip_string(struct str text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        at += text.ptr[at] == '\\';
    }
    return at < text.len ? at + 1 : NOT_FOUND;
}

/* Behind the bracket that closes the one at `at`. */
static size_t skip_brackets(struct str text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        depth += c == '{' || c == '[';
        at++;
        if ((c == '}' || c == ']') && --depth == 0) {
            return at;
        }
    }
    return NOT_FOUND;
}

/* Behind the value at `at`; NOT_FOUND: there is none, or it does not end. */
static size_t skip_value(struct str text, size_t at)
{
    size_t from = at;

    if (is_at(text, at, '"')) {
        return skip_string(text, at);
    }
    if (is_at(text, at, '{') || is_at(text, at, '[')) {
        return skip_brackets(text, at);
    }
    while (at < text.len && !memchr(",:{}[]\" \t\r\n", text.ptr[at], 11)) {
        at++;
    }
    return at > from ? at : NOT_FOUND;
}

bool kube_cut_member(struct str object, const char *name, struct str *out_value)
{
    size_t at = skip_space(object, 0);

    if (!is_at(object, at, '{')) {
        return false;
    }
    do {
        size_t key = skip_space(object, at + 1);
        size_t key_end = is_at(object, key, '"') ? skip_string(object, key) : NOT_FOUND;
        size_t colon = key_end != NOT_FOUND ? skip_space(object, key_end) : NOT_FOUND;
        size_t value = is_at(object, colon, ':') ? skip_space(object, colon + 1) : NOT_FOUND;
        size_t end = value != NOT_FOUND ? skip_value(object, value) : NOT_FOUND;
        if (end == NOT_FOUND) {
            return false;
        }
        if (str_eq((struct str){object.ptr + key + 1, key_end - key - 2}, str_view(name))) {
            *out_value = (struct str){object.ptr + value, end - value};
            return true;
        }
        at = skip_space(object, end);
    } while (is_at(object, at, ','));
    return false;
}

enum verdict kube_cut_next(struct str array, size_t *inout_at, struct str *out_element,
                           struct err *err)
{
    char before = *inout_at == 0 ? '[' : ',';
    size_t at = skip_space(array, *inout_at);
    size_t from = is_at(array, at, before) ? skip_space(array, at + 1) : NOT_FOUND;

    if (is_at(array, before == '[' ? from : at, ']')) {
        *out_element = STR("");
        return OK;
    }
    size_t end = from != NOT_FOUND ? skip_value(array, from) : NOT_FOUND;
    if (end == NOT_FOUND) {
        return err_set(err, REJECT, WHERE, "the list of objects is no array");
    }
    *out_element = (struct str){array.ptr + from, end - from};
    *inout_at = end;
    return OK;
}

/* The bytes of a string that has no escapes. */
static bool cut_text(struct str object, const char *name, struct str *out_text)
{
    struct str value;

    if (!kube_cut_member(object, name, &value) || value.len < 3 || value.ptr[0] != '"' ||
        memchr(value.ptr, '\\', value.len)) {
        return false;
    }
    *out_text = (struct str){value.ptr + 1, value.len - 2};
    return true;
}

bool kube_cut_names(struct str object, struct kube_watch_names *out_names)
{
    struct kube_watch_names names = {.namespace_ = STR("")};
    struct str metadata;

    if (!kube_cut_member(object, "metadata", &metadata) ||
        !cut_text(metadata, "name", &names.name) || !cut_text(metadata, "uid", &names.uid) ||
        !cut_text(metadata, "resourceVersion", &names.revision)) {
        return false;
    }
    (void)cut_text(metadata, "namespace", &names.namespace_);
    *out_names = names;
    return true;
}
