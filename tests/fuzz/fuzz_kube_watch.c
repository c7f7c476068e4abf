/* Any bytes as a watch of Kubernetes that comes in pieces: cut into lines that are the same however it is cut, each of which
 * is an event, or refused. What is published of an object can be read again and says the same, without managedFields. As a page of
 * a list: the same of its objects. The first byte says how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "ingest/kube_cut.h"
#include "ingest/kube_stream.h"
#include "ingest/line_cutter.h"
#include "schemas/kube_watch.h"

#define LINE_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct json_doc *folded;
static struct arena *arena;

/* What the lines were, as one number. */
static uint64_t digest;

static void read_object(const struct json_value *object, enum kube_watch_change change)
{
    const struct kube_watch_source source = {.cluster = STR("c"),
                                             .group = STR("apps"),
                                             .version = STR("v1"),
                                             .resource = STR("deployments"),
                                             .kind = STR("Deployment"),
                                             .change = change,
                                             .doc = doc,
                                             .object = object,
                                             .now_us = 1772359200000000};
    struct json_fault fault = {0};
    struct kube_watch watch;
    struct str body;
    struct err err;
    enum verdict verdict = kube_watch_fold(&source, arena, &body, &fault, &err);

    if (verdict != OK) {
        require(verdict == REJECT && fault.reason[0]);
        return;
    }
    verdict = json_parse(folded, body, &fault, &err);
    /* A name may be a lone surrogate, which is written as something else, or too deep a level may be reached. */
    if (verdict == OK && kube_watch_read(folded, arena, &watch, &fault, &err) == OK) {
        require(watch.is_deleted || change != KUBE_WATCH_DELETE);
        require(str_eq(watch.kind, STR("Deployment")) && str_eq(watch.api_group, STR("apps")));
        require(watch.uid.len > 0 && watch.name.len > 0);
    }
}

static bool on_line(void *arg, struct str text, bool is_too_long)
{
    struct kube_stream_line line;
    struct err err;

    (void)arg;
    for (size_t i = 0; i < text.len; i++) {
        digest = (digest ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    }
    digest = digest * 31 + is_too_long;
    require(text.len > 0 && text.len <= LINE_BYTES_MAX && !memchr(text.ptr, '\n', text.len));
    if (is_too_long || json_parse(doc, text, NULL, &err) != OK ||
        kube_stream_read_line(doc, arena, &line, &err) != OK) {
        return true;
    }
    if (line.type <= KUBE_LINE_DELETED) {
        read_object(line.object, (enum kube_watch_change)line.type);
    }
    return true;
}

static uint64_t cut(struct str text, size_t piece)
{
    struct line_cutter cutter = {.line = {.bytes_max = LINE_BYTES_MAX}, .on_line = on_line};

    digest = 0;
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        require(line_cutter_add(&cutter, (struct str){text.ptr + at, len}));
        arena_reset(arena, 1 << 16);
    }
    line_cutter_fini(&cutter);
    return digest;
}

static bool is_within(struct str part, struct str whole)
{
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

static void read_item(struct str item)
{
    struct kube_watch_names names;
    struct err err;

    if (kube_cut_names(item, &names)) {
        require(names.uid.len > 0 && is_within(names.uid, item) && is_within(names.name, item));
    }
    if (json_parse(doc, item, NULL, &err) == OK) {
        read_object(json_root(doc), KUBE_WATCH_ADD);
    }
}

static void read_page(struct str text)
{
    struct kube_stream_page page;
    struct str items, item = STR("");
    size_t at = 0;
    struct err err;

    if (json_parse(doc, text, NULL, &err) == OK &&
        kube_stream_read_page(doc, arena, &page, &err) == OK) {
        require(page.revision.len > 0);
    }
    if (!kube_cut_member(text, "items", &items)) {
        return;
    }
    require(items.len > 0 && is_within(items, text));
    while (kube_cut_next(items, &at, &item, &err) == OK && item.len > 0) {
        require(is_within(item, items) && at <= items.len);
        read_item(item);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!doc) {
        doc = json_doc_new(64, 100000);
        folded = json_doc_new(66, 100000);
        arena = arena_new((size_t)64 * 1024 * 1024);
        require(doc && folded && arena);
    }
    if (size < 1) {
        return 0;
    }
    char *text = fuzz_padded(data + 1, size - 1);
    struct str whole = {text, size - 1};
    require(cut(whole, (size_t)data[0] + 1) == cut(whole, whole.len + 1));
    arena_reset(arena, 1 << 16);
    read_page(whole);
    free(text);
    return 0;
}
