#include "processors/facet_origin.h"

#include <stdbool.h>
#include <string.h>

#include "core/json_skip.h"

static bool is_of_origin(struct str key, char value)
{
    return value == '"' &&
           (str_eq(key, STR("\"_producer\"")) || str_eq(key, STR("\"_schemaURL\"")));
}

/* Writes an object of those members that are of the origin, or of the others, to where there is room for it: to the
 * facet itself, too, as nothing is written in front of what is read. NULL only counts. */
static size_t copy_members(struct str facet, bool of_origin, char *to)
{
    size_t len = 0;
    for (size_t at = 1; at < facet.len - 1;) {
        size_t colon = json_skip_string(facet, at);
        size_t end = json_skip_value(facet, colon + 1, '}');
        struct str key = {facet.ptr + at, colon - at};
        if (is_of_origin(key, facet.ptr[colon + 1]) == of_origin) {
            if (to) {
                memmove(to + len + 1, facet.ptr + at, end - at);
                to[len] = len == 0 ? '{' : ',';
            }
            len += 1 + end - at;
        }
        at = end + 1;
    }
    if (to) {
        to[0] = '{';
        to[len ? len : 1] = '}';
    }
    return len ? len + 1 : 2;
}

enum verdict facet_origin_split(struct str *inout_facet, struct arena *arena,
                                struct str *out_origin, struct err *err)
{
    struct str facet = *inout_facet;
    *out_origin = STR("{}");
    if (facet.len == 0 || facet.ptr[0] != '{') {
        return OK;
    }
    size_t len = copy_members(facet, true, NULL);
    char *origin = arena_alloc(arena, len);
    if (!origin) {
        return err_set(err, RETRY, "facet_origin", "the arena is full");
    }
    (void)copy_members(facet, true, origin);
    *out_origin = (struct str){origin, len};
    inout_facet->len = copy_members(facet, false, (char *)facet.ptr);
    return OK;
}
