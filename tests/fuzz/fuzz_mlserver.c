/* Any bytes as an answer of MLServer: about itself, its repository index, a model, or its metrics. What is taken fits into a
 * report, which reads as it was written. The first byte says which answer it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "ingest/mlserver_answer.h"
#include "ingest/mlserver_metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_doc *doc;
static struct arena *arena;

/* The text with readable bytes behind it, parsed as an event. */
static void read_back(struct str text, struct cloud_event *out_event)
{
    struct err err;

    require(text.ptr);
    char *padded = arena_alloc(arena, text.len + JSON_PADDING_BYTES);
    require(padded);
    memcpy(padded, text.ptr, text.len);
    memset(padded + text.len, 0, JSON_PADDING_BYTES);
    require(json_parse(doc, (struct str){padded, text.len}, NULL, &err) == OK);
    require(cloud_event_read(doc, arena, out_event, NULL, &err) == OK);
    free((char *)text.ptr);
}

static void is_reported(struct server_report *report)
{
    struct server_report read;
    struct cloud_event ce;
    struct err err;

    report->server = STR("s");
    report->state = STR(SERVER_IS_READY);
    read_back(server_report_write(report, 0), &ce);
    require(server_report_read(doc, &ce, arena, &read, NULL, &err) == OK);
    require(read.model_count == report->model_count);
    for (uint32_t i = 0; i < read.model_count; i++) {
        require(str_eq(read.models[i].model, report->models[i].model));
        require(str_eq(read.models[i].version, report->models[i].version));
        require(str_eq(read.models[i].state, report->models[i].state));
        require(str_eq(read.models[i].reason, report->models[i].reason));
    }
}

static void try_self(struct str body)
{
    struct server_report report = {0};
    struct mlserver_self self;
    struct err err;

    if (mlserver_answer_self(doc, body, arena, &self, &err) == OK) {
        report.version = self.version;
        report.extensions = self.extensions;
        is_reported(&report);
    }
}

static void try_index(struct str body)
{
    struct server_report report = {0};
    struct err err;

    if (mlserver_answer_index(doc, body, arena, &report.models, &report.model_count, &err) == OK) {
        is_reported(&report);
    }
}

static void try_model(struct str body)
{
    struct server_model model = {.model = STR("m"), .state = STR(SERVER_IS_READY)};
    struct server_report report = {.models = &model, .model_count = 1};
    struct err err;

    if (mlserver_answer_model(doc, body, arena, &model, &err) == OK) {
        is_reported(&report);
    } else {
        require(!model.platform.ptr && !model.outputs.ptr);
    }
}

static void try_metrics(struct str body)
{
    struct server_counts counts = {.server = STR("s")}, read;
    struct cloud_event ce;
    struct err err;

    if (mlserver_metrics_read(body, arena, &counts.models, &counts.model_count, &err) != OK) {
        return;
    }
    read_back(server_counts_write(&counts, 0), &ce);
    require(server_counts_read(doc, &ce, arena, &read, NULL, &err) == OK);
    require(read.model_count == counts.model_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct str body) = {try_self, try_index, try_model, try_metrics};

    if (!doc) {
        doc = json_doc_new(16, 65536);
        arena = arena_new((size_t)64 << 20);
        require(doc && arena);
    }
    arena_reset(arena, 1 << 20);
    if (size == 0) {
        return 0;
    }
    char *body = arena_alloc(arena, size + JSON_PADDING_BYTES);
    require(body);
    memcpy(body, data + 1, size - 1);
    memset(body + size - 1, 0, JSON_PADDING_BYTES);
    tries[data[0] % 4]((struct str){body, size - 1});
    return 0;
}
