#include "ingest/kube_reader_impl.h"

#include <stdio.h>

#include "core/http_client.h"
#include "core/metrics.h"
#include "ingest/kube_cut.h"

#define WHERE "kubernetes"

/* An object is no larger than 1.5 MiB in etcd; a page that is too large all the same is asked for with fewer. */
#define PAGE_BYTES_MAX ((size_t)64 << 20)
#define LIST_TIMEOUT_MS 60000L
#define NEXT_BYTES 2048

/* Of http_stream_run. */
static bool on_page_bytes(void *arg, long status, struct str bytes)
{
    struct kube_reader *reader = arg;
    enum verdict verdict = status == 200 ? byte_buffer_add(&reader->page, bytes) : OK;

    reader->is_short = reader->is_short || verdict == RETRY;
    return verdict == OK;
}

/* One that cannot be read is a letter, at each of its revisions once. */
static bool refuse_item(struct kube_reader *reader, struct str item, const char *reason)
{
    struct kube_watch_names names;
    bool has_names = kube_cut_names(item, &names);

    if (has_names && kube_known_has(reader->known, &names)) {
        return true;
    }
    if (has_names) {
        kube_tell_know(reader, &names, INT64_MIN);
    }
    return kube_tell_refuse(reader, reason);
}

/* What is news of it. False when it is to stop, or memory is short. */
static bool tell_item(struct kube_reader *reader, struct str item)
{
    struct kube_watch_names names;
    struct json_fault fault = {.reason = ""};
    struct err err;

    arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    enum verdict verdict = json_parse(reader->doc, item, &fault, &err);
    if (verdict == REJECT) {
        return refuse_item(reader, item, fault.reason);
    }
    if (verdict != OK) {
        reader->is_short = true;
        return false;
    }
    const struct json_value *object = json_root(reader->doc);
    verdict = kube_watch_names(reader->doc, object, reader->arena, &names, NULL, NULL);
    return (verdict == OK && kube_known_has(reader->known, &names)) ||
           kube_tell_object(reader, KUBE_WATCH_ADD, object);
}

static enum verdict tell_items(struct kube_reader *reader, struct str items, struct err *err)
{
    struct str item = STR("");
    size_t at = 0;
    enum verdict verdict;

    while ((verdict = kube_cut_next(items, &at, &item, err)) == OK && item.len > 0) {
        if (!tell_item(reader, item)) {
            return err_set(err, RETRY, WHERE, "the list was left off");
        }
    }
    return verdict;
}

/* The next time a page has fewer objects. */
static enum verdict shrink(struct kube_reader *reader, struct err *err)
{
    if (reader->is_short) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    reader->page_objects = reader->page_objects > 1 ? reader->page_objects / 2 : 1;
    return err_set(err, RETRY, WHERE, "a page of the list of %s is too large",
                   reader->needs.resource->name);
}

/* The page that is asked for with next, or the first one, into reader->page. */
static enum verdict fetch_page(struct kube_reader *reader, const char *next, struct err *err)
{
    char path[KUBE_READER_PATH_BYTES], escaped[3 * NEXT_BYTES];
    bool is_cut;

    kube_resource_path(reader->needs.resource, path, sizeof(path));
    http_client_escape(str_view(next), escaped, sizeof(escaped));
    snprintf(reader->url, sizeof(reader->url), "%s%s?limit=%d%s%s", reader->needs.api->url, path,
             reader->page_objects, *next ? "&continue=" : "", escaped);
    reader->page.len = 0;
    enum verdict verdict = kube_reader_ask(reader, LIST_TIMEOUT_MS, on_page_bytes, &is_cut, err);
    if (verdict != OK) {
        return verdict;
    }
    if (is_cut) {
        return shrink(reader, err);
    }
    return reader->page.len > 0 ? OK : err_set(err, RETRY, WHERE, "the list is empty");
}

/* The page without what stands in items, so that none of them can keep it from being read. */
static struct str cut_head(struct kube_reader *reader, struct str page, struct str items)
{
    if (items.len < 2) {
        return page;
    }
    size_t before = (size_t)(items.ptr - page.ptr) + 1;
    size_t after = page.len - before - (items.len - 2);
    char *head = arena_alloc(reader->arena, before + after + JSON_PADDING_BYTES);
    if (!head) {
        return STR("");
    }
    memcpy(head, page.ptr, before);
    memcpy(head + before, page.ptr + page.len - after, after);
    memset(head + before + after, 0, JSON_PADDING_BYTES);
    return (struct str){head, before + after};
}

static enum verdict read_head(struct kube_reader *reader, struct str page, struct str items,
                              struct kube_stream_page *out_head, struct err *err)
{
    char reason[sizeof(err->text)];

    arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    struct str head = cut_head(reader, page, items);
    enum verdict verdict = json_parse(reader->doc, head, NULL, err);
    verdict =
        verdict == OK ? kube_stream_read_page(reader->doc, reader->arena, out_head, err) : verdict;
    if (verdict == OK && out_head->next.len >= NEXT_BYTES) {
        return err_set(err, RETRY, WHERE, "what to ask for the next page with is too long");
    }
    if (verdict != OK) {
        snprintf(reason, sizeof(reason), "%s", err->text);
        return err_set(err, RETRY, WHERE, "a page of the list of %s cannot be read: %s",
                       reader->needs.resource->name, reason);
    }
    return OK;
}

/* Each page leads to another one, and some page is the last one. */
static enum verdict go_on(struct kube_reader *reader, struct str next, char *inout_next,
                          struct err *err)
{
    bool is_again = next.len > 0 && str_eq(next, str_view(inout_next));

    if (is_again || ++reader->pages > KUBE_READER_OBJECTS_MAX) {
        return err_set(err, RETRY, WHERE, "the list of %s does not end",
                       reader->needs.resource->name);
    }
    snprintf(inout_next, NEXT_BYTES, "%.*s", (int)next.len, next.ptr);
    return OK;
}

/* *inout_next: what to ask with; empty for the first page, and behind the last one. */
static enum verdict read_page(struct kube_reader *reader, char *inout_next, char *out_revision,
                              struct err *err)
{
    struct kube_stream_page head;
    struct str items = STR("");
    enum verdict verdict = fetch_page(reader, inout_next, err);

    if (verdict != OK) {
        return verdict;
    }
    struct str page = {reader->page.bytes, reader->page.len};
    /* An empty list may be null. */
    if (!kube_cut_member(page, "items", &items) || items.ptr[0] != '[') {
        items = STR("");
    }
    verdict = read_head(reader, page, items, &head, err);
    verdict = verdict == OK ? go_on(reader, head.next, inout_next, err) : verdict;
    if (verdict != OK) {
        return verdict;
    }
    snprintf(out_revision, KUBE_READER_REVISION_BYTES, "%.*s", (int)head.revision.len,
             head.revision.ptr);
    return items.len > 0 ? tell_items(reader, items, err) : OK;
}

/* What is known and was not listed. */
static bool tell_missing(struct kube_reader *reader)
{
    struct kube_watch_names names;

    while (kube_known_next_missing(reader->known, &names)) {
        if (!kube_tell_gone(reader, &names)) {
            return false;
        }
    }
    return true;
}

enum verdict kube_list_run(struct kube_reader *reader, struct err *err)
{
    char next[NEXT_BYTES] = "", revision[KUBE_READER_REVISION_BYTES] = "";
    enum verdict verdict;

    metrics_inc(METRIC_POLL_LISTS);
    kube_known_begin_list(reader->known);
    reader->page.bytes_max = PAGE_BYTES_MAX;
    reader->pages = 0;
    do {
        verdict = read_page(reader, next, revision, err);
    } while (verdict == OK && *next);
    if (verdict == OK && !tell_missing(reader)) {
        verdict = err_set(err, RETRY, WHERE, "what is gone could not be told");
    }
    if (verdict == OK) {
        kube_reader_keep(reader, str_view(revision));
        reader->page_objects = KUBE_READER_PAGE_OBJECTS;
    }
    byte_buffer_fini(&reader->page);
    return verdict;
}
