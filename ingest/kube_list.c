#include "ingest/kube_reader_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"
#include "schemas/cloud_event.h"

/* An object is no larger than 1.5 MiB in etcd; a page that is too large all the same is asked for with fewer. */
#define PAGE_BYTES_MAX ((size_t)64 << 20)
#define LIST_TIMEOUT_MS 60000L
#define NEXT_BYTES 2048

/* Of http_stream_run. */
static bool on_page_bytes(void *arg, long status, struct str bytes)
{
    struct kube_reader *reader = arg;
    size_t needed = reader->page_len + bytes.len + JSON_PADDING_BYTES;

    if (status != 200) {
        return true;
    }
    if (needed > PAGE_BYTES_MAX) {
        return false;
    }
    if (needed > reader->page_room) {
        char *grown = realloc(reader->page, 2 * needed);
        if (!grown) {
            reader->is_short = true;
            return false;
        }
        reader->page = grown;
        reader->page_room = 2 * needed;
    }
    memcpy(reader->page + reader->page_len, bytes.ptr, bytes.len);
    reader->page_len += bytes.len;
    return true;
}

/* Its objects, as far as they are news. False when it is to stop, or memory is short. */
static bool tell_page(struct kube_reader *reader, const struct kube_stream_page *page)
{
    const struct json_value *item = page->items ? json_first(reader->doc, page->items) : NULL;

    for (; item; item = json_next(reader->doc, page->items, item)) {
        struct kube_watch_names names;
        bool is_told =
            kube_watch_names(reader->doc, item, reader->arena, &names, NULL, NULL) == OK &&
            kube_known_has(reader->known, &names);
        if (!is_told && !kube_reader_tell(reader, KUBE_WATCH_ADD, item)) {
            return false;
        }
        arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    }
    return true;
}

/* The next time a page has fewer objects. */
static enum verdict shrink(struct kube_reader *reader, const char *reason, struct err *err)
{
    char text[sizeof(err->text)];

    snprintf(text, sizeof(text), "%s", reason);
    if (reader->page_objects > 1 && !reader->is_short) {
        reader->page_objects /= 2;
    }
    return err_set(err, RETRY, "kubernetes", "a page of the list of %s cannot be read: %s",
                   reader->needs.resource->name, text);
}

/* *inout_next: what to ask with; empty for the first page, and behind the last one. */
static enum verdict read_page(struct kube_reader *reader, char *inout_next, char *out_revision,
                              struct err *err)
{
    struct kube_stream_page page;
    bool is_cut;
    char path[KUBE_READER_PATH_BYTES], next[3 * NEXT_BYTES];

    kube_resource_path(reader->needs.resource, path, sizeof(path));
    kube_api_escape(str_view(inout_next), next, sizeof(next));
    snprintf(reader->url, sizeof(reader->url), "%s%s?limit=%d%s%s", reader->needs.api->url, path,
             reader->page_objects, *next ? "&continue=" : "", next);
    reader->page_len = 0;
    enum verdict verdict = kube_reader_ask(reader, LIST_TIMEOUT_MS, on_page_bytes, &is_cut, err);
    if (verdict != OK) {
        return verdict;
    }
    if (is_cut) {
        return shrink(reader, "it is too large", err);
    }
    if (!reader->page) {
        return err_set(err, RETRY, "kubernetes", "the list is empty");
    }
    memset(reader->page + reader->page_len, 0, JSON_PADDING_BYTES);
    arena_reset(reader->arena, KUBE_READER_ARENA_BYTES);
    verdict = json_parse(reader->doc, (struct str){reader->page, reader->page_len}, NULL, err);
    if (verdict == REJECT) {
        return shrink(reader, err->text, err);
    }
    verdict =
        verdict == OK ? kube_stream_read_page(reader->doc, reader->arena, &page, err) : verdict;
    if (verdict != OK) {
        return verdict;
    }
    snprintf(inout_next, NEXT_BYTES, "%.*s", (int)page.next.len, page.next.ptr);
    snprintf(out_revision, KUBE_READER_REVISION_BYTES, "%.*s", (int)page.revision.len,
             page.revision.ptr);
    return tell_page(reader, &page) ? OK
                                    : err_set(err, RETRY, "kubernetes", "the list was left off");
}

static void write_names(FILE *out, const struct kube_watch_names *names)
{
    fputs("{\"metadata\":{\"namespace\":", out);
    cloud_event_write_text(out, names->namespace_);
    fputs(",\"name\":", out);
    cloud_event_write_text(out, names->name);
    fputs(",\"uid\":", out);
    cloud_event_write_text(out, names->uid);
    fputs(",\"resourceVersion\":", out);
    cloud_event_write_text(out, names->revision);
    fputs("}}", out);
}

/* What is known and was not listed: only its names are left to be told. */
static bool tell_missing(struct kube_reader *reader)
{
    struct kube_watch_names names;

    while (kube_known_next_missing(reader->known, &names)) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = kube_reader_wait_for_room(reader) ? open_memstream(&text, &len) : NULL;
        if (!out) {
            return false;
        }
        write_names(out, &names);
        bool is_told = fclose(out) == 0 && kube_outbox_put(reader->needs.box, KUBE_WATCH_DELETE,
                                                           (struct str){text, len});
        free(text);
        if (!is_told) {
            reader->is_short = true;
            return false;
        }
        kube_known_drop(reader->known, names.uid);
    }
    return true;
}

enum verdict kube_list_run(struct kube_reader *reader, struct err *err)
{
    char next[NEXT_BYTES] = "", revision[KUBE_READER_REVISION_BYTES] = "";
    enum verdict verdict;

    metrics_inc(METRIC_POLL_LISTS);
    kube_known_begin_list(reader->known);
    do {
        verdict = read_page(reader, next, revision, err);
    } while (verdict == OK && *next);
    if (verdict == OK && !tell_missing(reader)) {
        verdict = err_set(err, RETRY, "kubernetes", "what is gone could not be told");
    }
    if (verdict == OK) {
        kube_reader_keep(reader, str_view(revision));
    }
    free(reader->page);
    reader->page = NULL;
    reader->page_room = 0;
    return verdict;
}
