#include "schemas/kube_watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/json_escape.h"
#include "core/timebase.h"
#include "schemas/cloud_event.h"
#include "schemas/identity.h"
#include "schemas/kube_audit.h"

#define NAME_BYTES_MAX 1024
#define SECOND_US INT64_C(1000000)
/* Of what stands around the object, names escaped. */
#define HEAD_BYTES ((size_t)1024 + 8 * JSON_ESCAPE_BYTES_MAX * (size_t)NAME_BYTES_MAX)

static const char *const changes[] = {
    [KUBE_WATCH_ADD] = "add", [KUBE_WATCH_UPDATE] = "update", [KUBE_WATCH_DELETE] = "delete"};

/* A text that is needed unless is_free, no longer than a name. */
static enum verdict read_name(const struct json_doc *doc, const struct json_value *object,
                              const char *name, bool is_free, struct arena *arena,
                              struct str *out_text, struct json_fault *fault, struct err *err)
{
    char reason[64];
    enum verdict verdict = cloud_event_text(doc, object, name, arena, out_text, fault, err);

    if (verdict == OK && out_text->len == 0 && !is_free) {
        snprintf(reason, sizeof(reason), "%s is missing", name);
        return cloud_event_refuse(doc, object, reason, fault, err);
    }
    if (verdict == OK && out_text->len > NAME_BYTES_MAX) {
        return cloud_event_refuse(doc, json_get(doc, object, str_view(name)), "is too long a name",
                                  fault, err);
    }
    return verdict;
}

enum verdict kube_watch_names(const struct json_doc *doc, const struct json_value *object,
                              struct arena *arena, struct kube_watch_names *out_names,
                              struct json_fault *fault, struct err *err)
{
    const struct json_value *metadata = json_get(doc, object, STR("metadata"));
    struct kube_watch_names names = {
        .namespace_ = STR(""), .name = STR(""), .uid = STR(""), .revision = STR("")};
    enum verdict verdict;

    if (!metadata || metadata->type != JSON_OBJECT) {
        return cloud_event_refuse(doc, object, "metadata is missing", fault, err);
    }
    verdict = read_name(doc, metadata, "namespace", true, arena, &names.namespace_, fault, err);
    verdict = verdict == OK
                  ? read_name(doc, metadata, "name", false, arena, &names.name, fault, err)
                  : verdict;
    verdict = verdict == OK ? read_name(doc, metadata, "uid", false, arena, &names.uid, fault, err)
                            : verdict;
    verdict = verdict == OK ? read_name(doc, metadata, "resourceVersion", false, arena,
                                        &names.revision, fault, err)
                            : verdict;
    if (verdict == OK) {
        *out_names = names;
    }
    return verdict;
}

/* What is no time is passed over. */
static void take_time(const struct json_doc *doc, const struct json_value *object, const char *name,
                      int64_t *inout_latest_us)
{
    int64_t us = INT64_MIN;

    if (cloud_event_time(doc, object, name, &us, NULL, NULL) == OK && us > *inout_latest_us) {
        *inout_latest_us = us;
    }
}

/* The same of each object of a list. */
static void take_times(const struct json_doc *doc, const struct json_value *list, const char *name,
                       int64_t *inout_latest_us)
{
    const struct json_value *one = list && list->type == JSON_ARRAY ? json_first(doc, list) : NULL;

    for (; one; one = json_next(doc, list, one)) {
        take_time(doc, one, name, inout_latest_us);
    }
}

/* deletionTimestamp is when the object may be gone: a grace period behind the request. */
static void take_deletion(const struct json_doc *doc, const struct json_value *metadata,
                          int64_t *inout_latest_us)
{
    int64_t us = INT64_MIN;
    int64_t grace_s = 0;

    take_time(doc, metadata, "deletionTimestamp", &us);
    if (us != INT64_MIN &&
        cloud_event_number(doc, metadata, "deletionGracePeriodSeconds", &grace_s, NULL, NULL) ==
            OK &&
        grace_s < INT32_MAX) {
        us -= grace_s * SECOND_US;
    }
    *inout_latest_us = us > *inout_latest_us ? us : *inout_latest_us;
}

int64_t kube_watch_time(const struct json_doc *doc, const struct json_value *object)
{
    const struct json_value *metadata = json_get(doc, object, STR("metadata"));
    const struct json_value *status = json_get(doc, object, STR("status"));
    int64_t latest_us = INT64_MIN;

    take_time(doc, metadata, "creationTimestamp", &latest_us);
    take_times(doc, json_get(doc, metadata, STR("managedFields")), "time", &latest_us);
    take_times(doc, json_get(doc, status, STR("conditions")), "lastTransitionTime", &latest_us);
    take_deletion(doc, metadata, &latest_us);
    if (latest_us == INT64_MIN) {
        return latest_us;
    }
    int64_t past_us = latest_us % SECOND_US;
    return latest_us - (past_us < 0 ? past_us + SECOND_US : past_us) + SECOND_US - 1;
}

/* Is it gone, and does not say since when? */
static bool is_untold(const struct json_doc *doc, const struct json_value *object, bool is_gone)
{
    return is_gone &&
           !json_get(doc, json_get(doc, object, STR("metadata")), STR("deletionTimestamp"));
}

static int64_t time_of(const struct kube_watch_source *source)
{
    int64_t us = kube_watch_time(source->doc, source->object);
    bool is_by_clock = is_untold(source->doc, source->object, source->change == KUBE_WATCH_DELETE);

    return (is_by_clock || us == INT64_MIN) && source->now_us > us ? source->now_us : us;
}

/* Where managedFields stands in the text of doc, with the comma that goes with it: from = to, there is none. */
static void find_managed(const struct json_doc *doc, const struct json_value *object,
                         size_t *out_from, size_t *out_to)
{
    const struct json_value *metadata = json_get(doc, object, STR("metadata"));
    const struct json_value *found = json_get(doc, metadata, STR("managedFields"));
    const struct json_value *before = NULL;

    *out_from = *out_to = object->offset;
    for (const struct json_value *key = found ? json_first(doc, metadata) : NULL; key;
         key = json_next(doc, metadata, key + 1)) {
        if (key + 1 == found) {
            const struct json_value *next = json_next(doc, metadata, found);
            *out_from = before && !next ? before->offset + before->len : key->offset;
            *out_to = next ? next->offset : found->offset + found->len;
        }
        before = key + 1;
    }
}

/* A text under construction, with room for all of it. */
struct writer {
    char *bytes;
    size_t len;
};

static void put(struct writer *wr, struct str text)
{
    memcpy(wr->bytes + wr->len, text.ptr, text.len);
    wr->len += text.len;
}

static void put_escaped(struct writer *wr, struct str text)
{
    wr->len += json_escape(text, wr->bytes + wr->len);
}

static void put_member(struct writer *wr, const char *name, struct str text)
{
    put(wr, STR(",\""));
    put(wr, str_view(name));
    put(wr, STR("\":\""));
    put_escaped(wr, text);
    put(wr, STR("\""));
}

static void put_path(struct writer *wr, const struct kube_watch_source *source,
                     const struct kube_watch_names *names)
{
    put(wr, source->group.len > 0 ? STR(",\"subject\":\"/apis/") : STR(",\"subject\":\"/api"));
    put_escaped(wr, source->group);
    put(wr, STR("/"));
    put_escaped(wr, source->version);
    if (names->namespace_.len > 0) {
        put(wr, STR("/namespaces/"));
        put_escaped(wr, names->namespace_);
    }
    put(wr, STR("/"));
    put_escaped(wr, source->resource);
    put(wr, STR("/"));
    put_escaped(wr, names->name);
    put(wr, STR("\""));
}

/* by_clock_us: INT64_MIN unless the clock of who watches said it. Two who watch have two clocks, and what they tell is not the
 * same then. */
static struct id128 id_of(struct str cluster, const struct kube_watch_names *names, bool is_gone,
                          int64_t by_clock_us)
{
    char time[32] = "";
    struct str parts[] = {cluster, names->uid, names->revision,
                          is_gone ? STR("delete") : STR("state"), STR("")};

    if (by_clock_us == INT64_MIN) {
        return identity_of(STR("k8s_watch"), parts, 4);
    }
    timebase_format(by_clock_us, time);
    parts[4] = str_view(time);
    return identity_of(STR("k8s_watch"), parts, 5);
}

static void put_head(struct writer *wr, const struct kube_watch_source *source,
                     const struct kube_watch_names *names)
{
    char id[ID128_TEXT_BYTES], time[32];
    bool is_gone = source->change == KUBE_WATCH_DELETE;
    bool is_by_clock = is_untold(source->doc, source->object, is_gone);
    int64_t us = time_of(source);

    id128_format(id_of(source->cluster, names, is_gone, is_by_clock ? us : INT64_MIN), id);
    timebase_format(us, time);
    put(wr, STR("{\"specversion\":\"1.0\",\"id\":\""));
    put(wr, str_view(id));
    put(wr, STR("\",\"source\":\"kubernetes:"));
    put_escaped(wr, source->cluster);
    put(wr, STR("\",\"type\":\"" KUBE_WATCH_TYPES));
    put(wr, str_view(changes[source->change]));
    put(wr, STR("\""));
    put_path(wr, source, names);
    put_member(wr, "time", str_view(time));
    put_member(wr, "cluster", source->cluster);
    put(wr, STR(",\"apiversion\":\""));
    put_escaped(wr, source->group);
    put(wr, source->group.len > 0 ? STR("/") : STR(""));
    put_escaped(wr, source->version);
    put(wr, STR("\""));
    put_member(wr, "kind", source->kind);
    put(wr, STR(",\"datacontenttype\":\"application/json\",\"data\":"));
}

enum verdict kube_watch_fold(const struct kube_watch_source *source, struct arena *arena,
                             struct str *out_body, struct json_fault *fault, struct err *err)
{
    struct str text = json_raw(source->doc, source->object);
    const char *whole = text.ptr - source->object->offset;
    struct kube_watch_names names;
    size_t from, to;
    enum verdict verdict = kube_watch_names(source->doc, source->object, arena, &names, fault, err);

    if (verdict != OK) {
        return verdict;
    }
    if (time_of(source) == INT64_MIN) {
        return cloud_event_refuse(source->doc, source->object, "no time is said", fault, err);
    }
    struct writer wr = {.bytes = arena_alloc(arena, HEAD_BYTES + text.len + JSON_PADDING_BYTES)};
    if (!wr.bytes) {
        return err_set(err, RETRY, "kube_watch", "the arena is full");
    }
    find_managed(source->doc, source->object, &from, &to);
    put_head(&wr, source, &names);
    put(&wr, (struct str){text.ptr, from - source->object->offset});
    put(&wr, (struct str){whole + to, source->object->offset + text.len - to});
    put(&wr, STR("}"));
    memset(wr.bytes + wr.len, 0, JSON_PADDING_BYTES);
    *out_body = (struct str){wr.bytes, wr.len};
    return OK;
}

static enum verdict read_change(const struct json_doc *doc, struct str type,
                                enum kube_watch_change *out_change, struct json_fault *fault,
                                struct err *err)
{
    size_t start = strlen(KUBE_WATCH_TYPES);

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        if (str_starts(type, KUBE_WATCH_TYPES) &&
            str_eq((struct str){type.ptr + start, type.len - start}, str_view(changes[i]))) {
            *out_change = (enum kube_watch_change)i;
            return OK;
        }
    }
    return cloud_event_refuse(doc, json_get(doc, json_root(doc), STR("type")),
                              "is no change of an object", fault, err);
}

static enum verdict read_attributes(const struct json_doc *doc, struct arena *arena,
                                    struct kube_watch *watch, struct json_fault *fault,
                                    struct err *err)
{
    const struct json_value *root = json_root(doc);
    struct str version = STR("");
    enum verdict verdict =
        read_name(doc, root, "cluster", false, arena, &watch->cluster, fault, err);

    if (verdict == OK && !kube_audit_is_cluster(watch->cluster)) {
        return cloud_event_refuse(doc, root, "has no name of a cluster", fault, err);
    }
    verdict = verdict == OK ? read_name(doc, root, "kind", false, arena, &watch->kind, fault, err)
                            : verdict;
    verdict = verdict == OK ? read_name(doc, root, "apiversion", false, arena, &version, fault, err)
                            : verdict;
    const char *slash = verdict == OK ? memchr(version.ptr, '/', version.len) : NULL;
    watch->api_group = slash ? (struct str){version.ptr, (size_t)(slash - version.ptr)} : STR("");
    return verdict;
}

static enum verdict read_object(const struct json_doc *doc, struct arena *arena, bool is_gone,
                                struct kube_watch *watch, struct json_fault *fault, struct err *err)
{
    const struct json_value *metadata = json_get(doc, watch->object, STR("metadata"));
    const struct json_value *going = json_get(doc, metadata, STR("deletionTimestamp"));
    struct kube_watch_names names;
    enum verdict verdict = kube_watch_names(doc, watch->object, arena, &names, fault, err);

    if (verdict != OK) {
        return verdict;
    }
    watch->namespace_ = names.namespace_;
    watch->name = names.name;
    watch->uid = names.uid;
    watch->is_deleted = is_gone || (going && going->type == JSON_STRING);
    watch->is_whole = watch->object->count > 1;
    watch->event_id =
        id_of(watch->cluster, &names, is_gone,
              is_untold(doc, watch->object, is_gone) ? watch->event_time_us : INT64_MIN);
    return OK;
}

enum verdict kube_watch_read(const struct json_doc *doc, struct arena *arena,
                             struct kube_watch *out_watch, struct json_fault *fault,
                             struct err *err)
{
    struct kube_watch watch = {.cluster = STR(""), .kind = STR("")};
    struct cloud_event ce;
    enum kube_watch_change change = KUBE_WATCH_ADD;
    enum verdict verdict = cloud_event_read(doc, arena, &ce, fault, err);

    if (verdict != OK) {
        return verdict;
    }
    if (!ce.data || ce.data->type != JSON_OBJECT || ce.time_us == CLOUD_EVENT_NO_TIME) {
        return cloud_event_refuse(doc, json_root(doc), "has no object, or no time", fault, err);
    }
    watch.object = ce.data;
    watch.event_time_us = ce.time_us;
    verdict = read_change(doc, ce.type, &change, fault, err);
    verdict = verdict == OK ? read_attributes(doc, arena, &watch, fault, err) : verdict;
    verdict = verdict == OK
                  ? read_object(doc, arena, change == KUBE_WATCH_DELETE, &watch, fault, err)
                  : verdict;
    if (verdict == OK) {
        *out_watch = watch;
    }
    return verdict;
}
