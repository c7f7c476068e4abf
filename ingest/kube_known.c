#include "ingest/kube_known.h"

#include <stdlib.h>

#define BUCKETS 4096

/* The texts lie behind it, in one allocation. */
struct object {
    struct object *next;
    struct kube_watch_names names;
    int64_t at_us;
    bool is_listed;
};

struct kube_known {
    struct object *buckets[BUCKETS];
    size_t count;
    size_t objects_max;
    size_t missing_at; /* the bucket where the search for what is missing goes on */
};

struct kube_known *kube_known_new(size_t objects_max)
{
    struct kube_known *known = calloc(1, sizeof(*known));

    if (known) {
        known->objects_max = objects_max;
    }
    return known;
}

static size_t bucket_of(struct str uid)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < uid.len; i++) {
        hash = (hash ^ (unsigned char)uid.ptr[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(hash % BUCKETS);
}

/* The place of the pointer to the object, or of the NULL behind the last one. */
static struct object **find(struct kube_known *known, struct str uid)
{
    struct object **at = &known->buckets[bucket_of(uid)];

    while (*at && !str_eq((*at)->names.uid, uid)) {
        at = &(*at)->next;
    }
    return at;
}

static void drop(struct kube_known *known, struct object **at)
{
    struct object *object = *at;

    *at = object->next;
    free(object);
    known->count--;
}

bool kube_known_has(struct kube_known *known, const struct kube_watch_names *names)
{
    struct object *object = *find(known, names->uid);

    if (!object || !str_eq(object->names.revision, names->revision)) {
        return false;
    }
    object->is_listed = true;
    return true;
}

static struct str copy(char **inout_at, struct str text)
{
    struct str copied = {*inout_at, text.len};

    if (text.len > 0) {
        memcpy(*inout_at, text.ptr, text.len);
    }
    *inout_at += text.len;
    return copied;
}

int64_t kube_known_time(struct kube_known *known, struct str uid)
{
    const struct object *object = *find(known, uid);

    return object ? object->at_us : INT64_MIN;
}

bool kube_known_put(struct kube_known *known, const struct kube_watch_names *names, int64_t at_us)
{
    struct object **at = find(known, names->uid);
    int64_t before_us = *at ? (*at)->at_us : INT64_MIN;
    size_t bytes = names->namespace_.len + names->name.len + names->uid.len + names->revision.len;

    if (*at) {
        drop(known, at);
        at = find(known, names->uid);
    }
    struct object *object =
        known->count < known->objects_max ? malloc(sizeof(*object) + bytes) : NULL;
    if (!object) {
        return false;
    }
    char *texts = (char *)(object + 1);
    *object = (struct object){.at_us = at_us > before_us ? at_us : before_us,
                              .is_listed = true,
                              .names = {.namespace_ = copy(&texts, names->namespace_),
                                        .name = copy(&texts, names->name),
                                        .uid = copy(&texts, names->uid),
                                        .revision = copy(&texts, names->revision)}};
    *at = object;
    known->count++;
    return true;
}

void kube_known_drop(struct kube_known *known, struct str uid)
{
    struct object **at = find(known, uid);

    if (*at) {
        drop(known, at);
    }
}

void kube_known_begin_list(struct kube_known *known)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct object *object = known->buckets[i]; object; object = object->next) {
            object->is_listed = false;
        }
    }
    known->missing_at = 0;
}

bool kube_known_next_missing(struct kube_known *known, struct kube_watch_names *out_names)
{
    for (; known->missing_at < BUCKETS; known->missing_at++) {
        for (struct object *object = known->buckets[known->missing_at]; object;
             object = object->next) {
            if (!object->is_listed) {
                *out_names = object->names;
                return true;
            }
        }
    }
    return false;
}

size_t kube_known_count(const struct kube_known *known)
{
    return known->count;
}

void kube_known_free(struct kube_known *known)
{
    for (size_t i = 0; known && i < BUCKETS; i++) {
        while (known->buckets[i]) {
            drop(known, &known->buckets[i]);
        }
    }
    free(known);
}
