/* Any bytes as a list of audit events of Kubernetes, and as one event: a list is refused with a place inside of it or its
 * items are a part of it; an event is refused with a place, or read, and what its object was is within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "ingest/audit_list.h"
#include "processors/object_health.h"
#include "processors/object_rows.h"
#include "processors/object_state.h"
#include "schemas/kube_audit.h"

#define CLUSTER STR("c-1")
#define JSON_BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct arena *arena;

static void read_list(struct str body)
{
    size_t at = SIZE_MAX;
    const char *reason = NULL;
    struct str items = audit_list_items(body, &at, &reason);

    if (!items.ptr) {
        require(at <= body.len && reason && reason[0]);
        return;
    }
    require(items.ptr >= body.ptr && items.ptr + items.len <= body.ptr + body.len);
    require(items.len > 0 && items.ptr[0] == '[');
}

static void require_json(struct str text, enum json_type type)
{
    static struct json_doc *part;
    struct err err;

    if (text.len == 0) {
        return;
    }
    require(text.len <= JSON_BYTES_MAX + 2);
    part = part ? part : json_doc_new(64, 100000);
    require(part != NULL);
    char *padded = fuzz_padded(text.ptr, text.len);
    require(json_parse(part, (struct str){padded, text.len}, NULL, &err) == OK);
    require(json_root(part)->type == type);
    free(padded);
}

static void read_state(const struct kube_audit *audit)
{
    struct processor pr = {.doc = doc, .scratch = arena};
    const struct object_source source = {.kind = STR(""),
                                         .namespace_ = audit->namespace_,
                                         .name = audit->name,
                                         .object = audit->object,
                                         .is_part = audit->subresource.len > 0};
    struct object_state state;
    struct object_health health;
    struct err err;

    if (!audit->object) {
        return;
    }
    require(object_state_read(&pr, &source, &state, &err) == OK);
    require(object_health_read(&pr, audit->object, &health, &err) == OK);
    require_json(state.images, JSON_ARRAY);
    require_json(state.annotations, JSON_OBJECT);
    require_json(state.labels, JSON_OBJECT);
    require_json(state.owners, JSON_ARRAY);
    require(state.generation >= -1 && state.replicas >= -1 && state.revision >= -1);
}

static void read_event(struct str item)
{
    struct json_fault fault = {0};
    struct kube_audit audit;
    size_t at;
    struct err err;
    struct str body = kube_audit_fold(CLUSTER, item, arena, &at);

    require(body.ptr != NULL && at + item.len < body.len);
    enum verdict verdict = json_parse(doc, body, &fault, &err);
    if (verdict == OK) {
        verdict = kube_audit_read(doc, arena, &audit, &fault, &err);
    }
    if (verdict != OK) {
        require(verdict == REJECT && fault.offset <= body.len && fault.reason[0]);
        return;
    }
    require(audit.audit_id.len > 0 && audit.stage.len > 0);
    (void)kube_audit_object(&audit);
    read_state(&audit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!doc) {
        doc = json_doc_new(64, 100000);
        arena = arena_new((size_t)64 * 1024 * 1024);
        require(doc && arena);
    }
    char *text = fuzz_padded(data, size);
    arena_reset(arena, 1 << 16);
    read_list((struct str){text, size});
    read_event((struct str){text, size});
    free(text);
    return 0;
}
