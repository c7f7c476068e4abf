#include "ingest/kube_stream.h"

#include "schemas/cloud_event.h"

static const char *const types[] = {[KUBE_LINE_ADDED] = "ADDED",
                                    [KUBE_LINE_MODIFIED] = "MODIFIED",
                                    [KUBE_LINE_DELETED] = "DELETED",
                                    [KUBE_LINE_BOOKMARK] = "BOOKMARK",
                                    [KUBE_LINE_ERROR] = "ERROR"};

/* 0 for what is none. */
static int64_t number_of(const struct json_doc *doc, const struct json_value *object,
                         const char *name)
{
    int64_t number = 0;

    return cloud_event_number(doc, object, name, &number, NULL, NULL) == OK ? number : 0;
}

static enum verdict read_error(const struct json_doc *doc, struct arena *arena,
                               struct kube_stream_line *line, struct err *err)
{
    const struct json_value *details = json_get(doc, line->object, STR("details"));

    line->code = number_of(doc, line->object, "code");
    line->retry_after_s = number_of(doc, details, "retryAfterSeconds");
    return cloud_event_text(doc, line->object, "message", arena, &line->message, NULL, err);
}

enum verdict kube_stream_read_line(const struct json_doc *doc, struct arena *arena,
                                   struct kube_stream_line *out_line, struct err *err)
{
    const struct json_value *root = json_root(doc);
    struct kube_stream_line line = {.revision = STR(""), .message = STR("")};
    struct str type = STR("");
    size_t at = 0;
    enum verdict verdict = cloud_event_text(doc, root, "type", arena, &type, NULL, err);

    if (verdict != OK) {
        return verdict;
    }
    while (at < sizeof(types) / sizeof(types[0]) && !str_eq(type, str_view(types[at]))) {
        at++;
    }
    if (at == sizeof(types) / sizeof(types[0])) {
        return err_set(err, REJECT, "kubernetes", "the line has no type that is known");
    }
    line.type = (enum kube_line)at;
    line.object = json_get(doc, root, STR("object"));
    if (!line.object || line.object->type != JSON_OBJECT) {
        return err_set(err, REJECT, "kubernetes", "the line has no object");
    }
    verdict = line.type == KUBE_LINE_ERROR
                  ? read_error(doc, arena, &line, err)
                  : cloud_event_text(doc, json_get(doc, line.object, STR("metadata")),
                                     "resourceVersion", arena, &line.revision, NULL, err);
    if (verdict == OK) {
        *out_line = line;
    }
    return verdict;
}

enum verdict kube_stream_read_page(const struct json_doc *doc, struct arena *arena,
                                   struct kube_stream_page *out_page, struct err *err)
{
    const struct json_value *root = json_root(doc);
    const struct json_value *metadata = json_get(doc, root, STR("metadata"));
    struct kube_stream_page page = {.revision = STR(""), .next = STR("")};
    enum verdict verdict =
        cloud_event_text(doc, metadata, "resourceVersion", arena, &page.revision, NULL, err);

    verdict = verdict == OK
                  ? cloud_event_text(doc, metadata, "continue", arena, &page.next, NULL, err)
                  : verdict;
    if (verdict == OK && page.revision.len == 0) {
        return err_set(err, REJECT, "kubernetes", "the list has no resourceVersion");
    }
    if (verdict == OK) {
        *out_page = page;
    }
    return verdict;
}
