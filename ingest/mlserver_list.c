#include "ingest/mlserver_list.h"

#include <stdbool.h>
#include <stdio.h>

#include "core/http_client.h"
#include "core/str.h"

#define WHERE "poll"
#define SETTING "poll.mlserver_servers"

static bool copy(struct str text, char *out, size_t size)
{
    if (text.len == 0 || text.len >= size) {
        return false;
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* NAME or NAMESPACE/NAME. */
static bool read_name(struct str text, const char *default_namespace, struct mlserver_place *place)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;

    if (!slash) {
        snprintf(place->namespace_, sizeof(place->namespace_), "%s", default_namespace);
        return copy(text, place->name, sizeof(place->name));
    }
    size_t len = (size_t)(slash - text.ptr);
    return copy((struct str){text.ptr, len}, place->namespace_, sizeof(place->namespace_)) &&
           copy((struct str){slash + 1, text.len - len - 1}, place->name, sizeof(place->name));
}

static enum verdict read_place(struct str entry, const char *default_namespace,
                               struct mlserver_place *place, struct err *err)
{
    const char *equals = entry.len > 0 ? memchr(entry.ptr, '=', entry.len) : NULL;
    size_t name_len = equals ? (size_t)(equals - entry.ptr) : 0;

    if (!equals ||
        !read_name(str_trim((struct str){entry.ptr, name_len}, " \t\n"), default_namespace,
                   place) ||
        !copy(str_trim((struct str){equals + 1, entry.len - name_len - 1}, " \t\n"), place->url,
              sizeof(place->url))) {
        /* Not shown: it may hold a password. */
        return err_set(err, FATAL, WHERE,
                       SETTING ": an entry is no NAME=URL or NAMESPACE/NAME=URL");
    }
    for (size_t len = strlen(place->url); len > 0 && place->url[len - 1] == '/'; len--) {
        place->url[len - 1] = '\0';
    }
    struct err why;
    return http_client_check_url(place->url, &why) == OK
               ? OK
               : err_set(err, FATAL, WHERE, SETTING ": %s: %s", place->name, why.text);
}

static bool is_same(const struct mlserver_place *a, const struct mlserver_place *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->namespace_, b->namespace_) == 0;
}

static enum verdict add(struct str entry, const char *default_namespace,
                        struct mlserver_place *places, size_t *count, struct err *err)
{
    if (*count == MLSERVER_LIST_MAX) {
        return err_set(err, FATAL, WHERE, SETTING ": more than %d servers", MLSERVER_LIST_MAX);
    }
    struct mlserver_place *place = &places[*count];
    enum verdict verdict = read_place(entry, default_namespace, place, err);
    for (size_t i = 0; verdict == OK && i < *count; i++) {
        if (is_same(&places[i], place)) {
            return err_set(err, FATAL, WHERE, SETTING ": %s is there twice", place->name);
        }
    }
    *count += verdict == OK;
    return verdict;
}

enum verdict mlserver_list_read(const char *text, const char *default_namespace,
                                struct mlserver_place *places, size_t *out_count, struct err *err)
{
    struct str rest = str_view(text);
    enum verdict verdict = OK;
    size_t count = 0;

    while (verdict == OK && rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct str entry = str_trim((struct str){rest.ptr, len}, " \t\n");
        if (entry.len > 0) {
            verdict = add(entry, default_namespace, places, &count, err);
        }
        size_t taken = len + (comma ? 1 : 0);
        rest = (struct str){rest.ptr + taken, rest.len - taken};
    }
    *out_count = count;
    return verdict;
}
