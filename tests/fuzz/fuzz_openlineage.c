/* Any JSON as an event: refused with a place inside the text, or read to a model whose parts are
 * there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "schemas/identity.h"
#include "schemas/openlineage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_datasets(const struct openlineage_dataset *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        require(items[i].namespace_.len > 0 && items[i].name.len > 0);
        require(id128_eq(items[i].id, identity_dataset(items[i].namespace_, items[i].name)));
        require(items[i].value->type == JSON_OBJECT);
        require(!items[i].facets || items[i].facets->type == JSON_OBJECT);
        require(!items[i].io_facets || items[i].io_facets->type == JSON_OBJECT);
    }
}

static void require_event(const struct openlineage_event *ev)
{
    char *family = malloc(ev->producer.len + 1);

    require(family != NULL);
    require(identity_producer_family(ev->producer, family).len <= ev->producer.len);
    free(family);
    require(ev->kind == OPENLINEAGE_DATASET || (ev->job.namespace_.len && ev->job.name.len));
    require(ev->kind != OPENLINEAGE_RUN || ev->run.run_id.len > 0);
    require(ev->kind != OPENLINEAGE_DATASET || ev->dataset.name.len > 0);
    require(!ev->has_parent || ev->parent_run.run_id.len > 0);
    require(!ev->has_parent_job || (ev->parent_job.namespace_.len && ev->parent_job.name.len));
    require(ev->has_parent || !ev->has_root);
    require(!ev->has_root || ev->root_run.run_id.len > 0);
    require_datasets(ev->inputs, ev->input_count);
    require_datasets(ev->outputs, ev->output_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_doc *doc;
    static struct arena *arena;
    struct openlineage_event ev;
    struct json_fault fault = {0};
    struct err err;

    if (!doc) {
        doc = json_doc_new(128, 100000);
        arena = arena_new((size_t)16 * 1024 * 1024);
        require(doc && arena);
    }
    char *text = malloc(size + JSON_PADDING_BYTES);
    require(text != NULL);
    memcpy(text, data, size);
    memset(text + size, 0, JSON_PADDING_BYTES);
    arena_reset(arena, 1 << 16);
    if (json_parse(doc, (struct str){text, size}, &fault, &err) == OK) {
        enum verdict verdict = openlineage_read(doc, arena, &ev, &fault, &err);
        require(verdict == OK || verdict == REJECT);
        if (verdict == OK) {
            require_event(&ev);
        } else {
            require(fault.offset < size && fault.reason[0]);
        }
    }
    free(text);
    return 0;
}
