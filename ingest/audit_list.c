#include "ingest/audit_list.h"

#include <stdbool.h>

#include "core/json_skip.h"

#define GROUP "\"audit.k8s.io/"

struct list {
    struct str body;
    size_t at;
    struct str kind;
    struct str api_version;
    struct str items;
    const char *reason;
};

static void skip_space(struct list *list)
{
    list->at = json_skip_space(list->body, list->at);
}

static bool fail(struct list *list, const char *reason)
{
    list->reason = reason;
    return false;
}

/* This byte comes next. */
static bool take(struct list *list, char wanted)
{
    skip_space(list);
    if (list->at == list->body.len || list->body.ptr[list->at] != wanted) {
        return false;
    }
    list->at++;
    return true;
}

static bool skip_value(struct list *list, struct str *out_value)
{
    size_t from = list->at;

    list->at = json_skip_value(list->body, from, '}');
    *out_value = str_trim((struct str){list->body.ptr + from, list->at - from}, JSON_SPACE);
    return out_value->len > 0 || fail(list, "a value is missing");
}

static bool read_member(struct list *list)
{
    struct str value;

    skip_space(list);
    size_t from = list->at;
    if (list->at == list->body.len || list->body.ptr[list->at] != '"') {
        return fail(list, "a name is missing");
    }
    list->at = json_skip_string(list->body, from);
    struct str name = {list->body.ptr + from, list->at - from};
    if (!take(list, ':')) {
        return fail(list, "a colon is missing");
    }
    if (!skip_value(list, &value)) {
        return false;
    }
    struct str *into = str_eq(name, STR("\"kind\""))         ? &list->kind
                       : str_eq(name, STR("\"apiVersion\"")) ? &list->api_version
                       : str_eq(name, STR("\"items\""))      ? &list->items
                                                             : NULL;
    if (into && into->ptr) {
        return fail(list, "a member comes twice");
    }
    if (into) {
        *into = value;
    }
    return true;
}

static bool read_list(struct list *list)
{
    if (!take(list, '{')) {
        return fail(list, "must be an object");
    }
    do {
        if (!read_member(list)) {
            return false;
        }
    } while (take(list, ','));
    if (!take(list, '}')) {
        return fail(list, "the list does not end");
    }
    skip_space(list);
    if (list->at != list->body.len) {
        return fail(list, "something stands behind the list");
    }
    if (!str_eq(list->kind, STR("\"EventList\"")) || !str_starts(list->api_version, GROUP)) {
        return fail(list, "is no EventList of audit.k8s.io");
    }
    if (list->items.len == 0 || list->items.ptr[0] != '[') {
        return fail(list, "has no array of items");
    }
    return true;
}

struct str audit_list_items(struct str body, size_t *out_at, const char **out_reason)
{
    struct list list = {.body = body};

    if (read_list(&list)) {
        return list.items;
    }
    *out_at = list.at;
    *out_reason = list.reason;
    return (struct str){NULL, 0};
}
