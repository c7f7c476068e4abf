#include "schemas/kube_audit.h"

#include <stddef.h>

#include "schemas/cloud_event.h"
#include "schemas/identity.h"
#include "schemas/utf8.h"

/* Names are shown and indexed; those of Kubernetes have at most 253 bytes, but for users'. */
#define NAME_BYTES_MAX 1024
/* Free text is cut. */
#define TEXT_BYTES_MAX 512

#define FIELD(json_name, member)                                                                   \
    {                                                                                              \
        .name = (json_name), .at = offsetof(struct kube_audit, member)                             \
    }

struct field {
    const char *name;
    size_t at;
};

struct reader {
    const struct json_doc *doc;
    struct arena *arena;
    struct kube_audit *audit;
    struct json_fault *fault;
    struct err *err;
};

bool kube_audit_is_cluster(struct str name)
{
    if (name.len == 0 || name.len > KUBE_AUDIT_CLUSTER_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

static size_t put(char *at, struct str text)
{
    memcpy(at, text.ptr, text.len);
    return text.len;
}

struct str kube_audit_fold(struct str cluster, struct str item, struct arena *arena,
                           size_t *out_item_at)
{
    size_t room = sizeof("{\"cluster\":\"\",\"event\":}") + cluster.len + item.len;
    char *text = arena_alloc(arena, room + JSON_PADDING_BYTES);
    size_t len = 0;

    if (!text) {
        return (struct str){NULL, 0};
    }
    len += put(text, STR("{\"cluster\":\""));
    len += put(text + len, cluster);
    len += put(text + len, STR("\",\"event\":"));
    *out_item_at = len;
    len += put(text + len, item);
    len += put(text + len, STR("}"));
    memset(text + len, 0, JSON_PADDING_BYTES);
    return (struct str){text, len};
}

static enum verdict refuse(struct reader *rd, const struct json_value *value, const char *reason)
{
    return cloud_event_refuse(rd->doc, value, reason, rd->fault, rd->err);
}

/* Members of object into the fields; what is missing stays empty. */
static enum verdict read_fields(struct reader *rd, const struct json_value *object,
                                const struct field *fields, size_t count)
{
    enum verdict verdict = OK;

    for (size_t i = 0; verdict == OK && object && i < count; i++) {
        struct str *text = (struct str *)(void *)((char *)rd->audit + fields[i].at);
        verdict =
            cloud_event_text(rd->doc, object, fields[i].name, rd->arena, text, rd->fault, rd->err);
        if (verdict == OK && text->len > NAME_BYTES_MAX) {
            verdict = refuse(rd, json_get(rd->doc, object, str_view(fields[i].name)),
                             "is too long a name");
        }
    }
    return verdict;
}

static enum verdict read_free_text(struct reader *rd, const struct json_value *object,
                                   const char *name, struct str *out_text)
{
    enum verdict verdict =
        cloud_event_text(rd->doc, object, name, rd->arena, out_text, rd->fault, rd->err);

    if (verdict == OK && out_text->len > TEXT_BYTES_MAX) {
        size_t len = 0;
        size_t step;
        while ((step = utf8_char_bytes((const unsigned char *)out_text->ptr + len,
                                       out_text->len - len)) > 0 &&
               len + step <= TEXT_BYTES_MAX) {
            len += step;
        }
        out_text->len = len;
    }
    return verdict;
}

/* A missing object is NULL; what stands there and is none is refused. */
static enum verdict read_object(struct reader *rd, const struct json_value *parent,
                                const char *name, const struct json_value **out_object)
{
    const struct json_value *value = json_get(rd->doc, parent, str_view(name));

    *out_object = value && value->type == JSON_OBJECT ? value : NULL;
    return !value || value->type == JSON_NULL || *out_object ? OK
                                                             : refuse(rd, value, "is no object");
}

/* Who did it: with impersonation the one who is acted as, for whom the authenticated one asks. */
static enum verdict read_users(struct reader *rd, const struct json_value *event)
{
    static const struct field actor[] = {FIELD("username", actor)};
    static const struct field real[] = {FIELD("username", on_behalf_of)};
    const struct json_value *user;
    const struct json_value *other;
    enum verdict verdict = read_object(rd, event, "user", &user);

    if (verdict == OK) {
        verdict = read_object(rd, event, "impersonatedUser", &other);
    }
    if (verdict == OK) {
        verdict = read_fields(rd, other ? other : user, actor, 1);
    }
    return verdict == OK && other ? read_fields(rd, user, real, 1) : verdict;
}

static enum verdict read_addresses(struct reader *rd, const struct json_value *event)
{
    const struct json_value *list = json_get(rd->doc, event, STR("sourceIPs"));
    const struct json_value *last = NULL;

    if (!list || list->type == JSON_NULL) {
        return OK;
    }
    if (list->type != JSON_ARRAY) {
        return refuse(rd, list, "is no array");
    }
    for (const struct json_value *one = json_first(rd->doc, list); one;
         one = json_next(rd->doc, list, one)) {
        last = one;
    }
    if (!last) {
        return OK;
    }
    if (last->type != JSON_STRING || last->len > NAME_BYTES_MAX) {
        return refuse(rd, last, "is no address");
    }
    return json_string(rd->doc, last, rd->arena, &rd->audit->source_ip, rd->err);
}

/* What the answer says where the reference does not: the name that was generated, the uid. */
static enum verdict read_answered(struct reader *rd, const struct json_value *event)
{
    static const struct field names[] = {FIELD("name", name)};
    static const struct field uids[] = {FIELD("uid", uid)};
    const struct json_value *object = json_get(rd->doc, event, STR("responseObject"));
    const struct json_value *metadata = json_get(rd->doc, object, STR("metadata"));
    const struct json_value *details = json_get(rd->doc, object, STR("details"));
    struct kube_audit *audit = rd->audit;
    enum verdict verdict = OK;

    audit->object = object && object->type == JSON_OBJECT ? object : NULL;
    metadata = metadata && metadata->type == JSON_OBJECT ? metadata : NULL;
    details = details && details->type == JSON_OBJECT ? details : NULL;
    if (audit->name.len == 0) {
        verdict = read_fields(rd, metadata, names, 1);
    }
    if (verdict == OK && audit->uid.len == 0) {
        verdict = read_fields(rd, metadata, uids, 1);
    }
    if (verdict == OK && audit->uid.len == 0) {
        verdict = read_fields(rd, details, uids, 1);
    }
    return verdict;
}

static enum verdict read_reference(struct reader *rd, const struct json_value *event)
{
    static const struct field fields[] = {
        FIELD("apiGroup", api_group),
        FIELD("apiVersion", api_version),
        FIELD("resource", resource),
        FIELD("subresource", subresource),
        FIELD("namespace", namespace_),
        FIELD("name", name),
        FIELD("uid", uid),
    };
    const struct json_value *reference;
    enum verdict verdict = read_object(rd, event, "objectRef", &reference);

    if (verdict == OK && reference) {
        verdict = read_fields(rd, reference, fields, sizeof(fields) / sizeof(fields[0]));
    }
    return verdict == OK && reference ? read_answered(rd, event) : verdict;
}

static enum verdict read_outcome(struct reader *rd, const struct json_value *event)
{
    static const struct field decisions[] = {FIELD("authorization.k8s.io/decision", decision)};
    const struct json_value *status;
    const struct json_value *annotations;
    enum verdict verdict = read_object(rd, event, "responseStatus", &status);

    if (verdict == OK) {
        verdict = read_object(rd, event, "annotations", &annotations);
    }
    if (verdict == OK && status) {
        verdict = cloud_event_number(rd->doc, status, "code", &rd->audit->code, rd->fault, rd->err);
    }
    if (verdict == OK && rd->audit->code > 999) {
        verdict = refuse(rd, json_get(rd->doc, status, STR("code")), "is no code of HTTP");
    }
    if (verdict == OK && status) {
        verdict = read_free_text(rd, status, "reason", &rd->audit->reason);
    }
    return verdict == OK ? read_fields(rd, annotations, decisions, 1) : verdict;
}

static enum verdict read_times(struct reader *rd, const struct json_value *event)
{
    struct kube_audit *audit = rd->audit;
    enum verdict verdict = cloud_event_time(rd->doc, event, "stageTimestamp", &audit->event_time_us,
                                            rd->fault, rd->err);

    if (verdict == OK && audit->event_time_us == CLOUD_EVENT_NO_TIME) {
        verdict = refuse(rd, event, "stageTimestamp is missing");
    }
    audit->requested_at_us = audit->event_time_us;
    return verdict == OK ? cloud_event_time(rd->doc, event, "requestReceivedTimestamp",
                                            &audit->requested_at_us, rd->fault, rd->err)
                         : verdict;
}

static enum verdict read_event(struct reader *rd, const struct json_value *event)
{
    static const struct field fields[] = {FIELD("auditID", audit_id), FIELD("stage", stage),
                                          FIELD("verb", verb)};
    const struct kube_audit *audit = rd->audit;
    enum verdict verdict = read_fields(rd, event, fields, sizeof(fields) / sizeof(fields[0]));

    if (verdict == OK && audit->audit_id.len == 0) {
        return refuse(rd, event, "auditID is missing");
    }
    if (verdict == OK && audit->stage.len == 0) {
        return refuse(rd, event, "stage is missing");
    }
    if (verdict == OK && audit->verb.len == 0) {
        return refuse(rd, event, "verb is missing");
    }
    verdict = verdict == OK ? read_users(rd, event) : verdict;
    verdict = verdict == OK ? read_addresses(rd, event) : verdict;
    verdict = verdict == OK ? read_reference(rd, event) : verdict;
    verdict = verdict == OK ? read_outcome(rd, event) : verdict;
    verdict =
        verdict == OK ? read_free_text(rd, event, "userAgent", &rd->audit->user_agent) : verdict;
    return verdict == OK ? read_times(rd, event) : verdict;
}

enum verdict kube_audit_read(const struct json_doc *doc, struct arena *arena,
                             struct kube_audit *out_audit, struct json_fault *fault,
                             struct err *err)
{
    struct str none = STR("");
    struct kube_audit audit = {.actor = none,
                               .on_behalf_of = none,
                               .api_group = none,
                               .api_version = none,
                               .resource = none,
                               .subresource = none,
                               .namespace_ = none,
                               .name = none,
                               .uid = none,
                               .reason = none,
                               .decision = none,
                               .source_ip = none,
                               .user_agent = none,
                               .event_time_us = CLOUD_EVENT_NO_TIME};
    struct reader rd = {.doc = doc, .arena = arena, .audit = &audit, .fault = fault, .err = err};
    const struct json_value *root = json_root(doc);
    const struct json_value *event = json_get(doc, root, STR("event"));
    enum verdict verdict;

    if (!event || event->type != JSON_OBJECT) {
        return refuse(&rd, event ? event : root, "must be an object");
    }
    verdict = cloud_event_text(doc, root, "cluster", arena, &audit.cluster, fault, err);
    if (verdict == OK && !kube_audit_is_cluster(audit.cluster)) {
        return refuse(&rd, root, "has no name of a cluster");
    }
    verdict = verdict == OK ? read_event(&rd, event) : verdict;
    if (verdict != OK) {
        return verdict;
    }
    const struct str parts[] = {audit.cluster, audit.audit_id, audit.stage};
    audit.event_id = identity_of(STR("action"), parts, 3);
    *out_audit = audit;
    return OK;
}

struct id128 kube_audit_object(const struct kube_audit *audit)
{
    const struct str parts[] = {audit->cluster, audit->api_group, audit->resource,
                                audit->namespace_, audit->name};

    return identity_of(STR("k8s_object"), parts, 5);
}
