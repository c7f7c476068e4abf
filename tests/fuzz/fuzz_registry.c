/* Any bytes as a webhook of MLflow's registry: refused with a place inside of it, or read, and the record made of it says
 * the same. And as the URI and the digest of an artifact: the form of a form is itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/artifact_uri.h"
#include "schemas/registry_event.h"

#define NAMESPACE STR("registry \"1\"")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct arena *arena;

static void read_form(struct str text)
{
    char uri_bytes[ARTIFACT_URI_BYTES_MAX];
    char again_bytes[ARTIFACT_URI_BYTES_MAX];
    char digest_bytes[ARTIFACT_DIGEST_BYTES_MAX];
    char digest_again_bytes[ARTIFACT_DIGEST_BYTES_MAX];
    struct str form;
    struct str again;

    if (artifact_uri_normalize(text, uri_bytes, &form)) {
        require(form.len > 0 && form.len <= sizeof uri_bytes);
        require(artifact_uri_normalize(form, again_bytes, &again));
        require(str_eq(form, again));
    }
    if (artifact_digest_normalize(text, digest_bytes, &form)) {
        require(form.len > 0 && form.len <= sizeof digest_bytes);
        require(artifact_digest_normalize(form, digest_again_bytes, &again));
        require(str_eq(form, again));
    }
}

static void read_record(struct str body, const struct registry_event *event)
{
    struct json_fault fault = {0};
    struct registry_event again;
    struct err err;
    struct str record = registry_event_fold(NAMESPACE, body, arena);

    require(record.ptr != NULL);
    require(json_parse(doc, record, &fault, &err) == OK);
    require(registry_event_unfold(doc, arena, &again, &fault, &err) == OK);
    require(str_eq(again.namespace_, NAMESPACE));
    require(again.kind == event->kind && again.is_gone == event->is_gone);
    require(again.time_us == event->time_us && id128_eq(again.model, event->model));
    require(str_eq(again.name, event->name) && str_eq(again.version, event->version));
    require(str_eq(again.key, event->key) && str_eq(again.value, event->value));
}

static void read_webhook(struct str body)
{
    struct json_fault fault = {0};
    struct registry_event event;
    struct err err;
    enum verdict verdict = json_parse(doc, body, &fault, &err);

    if (verdict == OK) {
        verdict = registry_event_read(doc, json_root(doc), NAMESPACE, arena, &event, &fault, &err);
    }
    if (verdict != OK) {
        require(verdict == REJECT && fault.offset <= body.len && fault.reason[0]);
        return;
    }
    require(event.kind == REGISTRY_PROMPT || event.name.len > 0);
    read_record(body, &event);
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
    read_form((struct str){text, size});
    read_webhook((struct str){text, size});
    free(text);
    return 0;
}
