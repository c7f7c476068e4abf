#include "ingest/kube_cut.h"

#include "core/json_skip.h"

#define WHERE "kubernetes"

static bool is_at(struct str text, size_t at, char c)
{
    return at < text.len && text.ptr[at] == c;
}

/* What stands from there up to there. */
static struct str between(struct str text, size_t from, size_t to)
{
    return str_trim((struct str){text.ptr + from, to - from}, JSON_SPACE);
}

bool kube_cut_member(struct str object, const char *name, struct str *out_value)
{
    size_t at = json_skip_space(object, 0);

    if (!is_at(object, at, '{')) {
        return false;
    }
    do {
        size_t key = json_skip_space(object, at + 1);
        size_t key_end = is_at(object, key, '"') ? json_skip_string(object, key) : object.len;
        size_t colon = json_skip_space(object, key_end);
        if (!is_at(object, colon, ':')) {
            return false;
        }
        at = json_skip_value(object, colon + 1, '}');
        struct str value = between(object, colon + 1, at);
        if (at == object.len || value.len == 0) {
            return false;
        }
        if (str_eq((struct str){object.ptr + key + 1, key_end - key - 2}, str_view(name))) {
            *out_value = value;
            return true;
        }
    } while (is_at(object, at, ','));
    return false;
}

enum verdict kube_cut_next(struct str array, size_t *inout_at, struct str *out_element,
                           struct err *err)
{
    char before = *inout_at == 0 ? '[' : ',';
    size_t at = json_skip_space(array, *inout_at);
    size_t from = is_at(array, at, before) ? json_skip_space(array, at + 1) : array.len;

    if (is_at(array, before == '[' ? from : at, ']')) {
        *out_element = STR("");
        return OK;
    }
    size_t end = json_skip_value(array, from, ']');
    if (end == array.len || end == from) {
        return err_set(err, REJECT, WHERE, "the list of objects is no array");
    }
    *out_element = between(array, from, end);
    *inout_at = end;
    return OK;
}

/* The bytes of a string that has no escapes, and behind which nothing else stands. */
static bool cut_text(struct str object, const char *name, struct str *out_text)
{
    struct str value;

    if (!kube_cut_member(object, name, &value) || value.len < 3 || value.ptr[0] != '"' ||
        memchr(value.ptr, '\\', value.len) || json_skip_string(value, 0) != value.len) {
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
