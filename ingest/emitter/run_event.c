#include "ingest/emitter/run_event.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/id128.h"
#include "core/json_escape.h"
#include "core/timebase.h"

#define WHERE "run"
#define PRODUCER "urn:metaops:emit/" METAOPS_VERSION
#define SPEC "https://openlineage.io/spec/"
#define DATASETS_MAX 10000

/* Text that grows; once memory was short nothing more is added. */
struct text {
    char *bytes;
    size_t len;
    size_t size;
    bool has_failed;
};

enum verdict run_event_split(struct str text, struct run_event_name *out_name, struct err *err)
{
    const char *end = text.ptr + text.len;
    const char *scheme = text.len > 3 ? memmem(text.ptr, text.len, "://", 3) : NULL;
    const char *from = text.ptr;
    struct run_event_name name = {.namespace_ = {NULL, 0}};

    /* A slash in front of :// makes that a part of the name. */
    if (scheme && memchr(text.ptr, '/', text.len) > (const void *)scheme) {
        from = scheme + 3;
        if (from < end && *from == '/') {
            /* No authority: file:///data is namespace file, name /data. */
            name.namespace_ = (struct str){.ptr = text.ptr, .len = (size_t)(scheme - text.ptr)};
            name.name = (struct str){.ptr = from, .len = (size_t)(end - from)};
        }
    }
    const char *slash = from < end ? memchr(from, '/', (size_t)(end - from)) : NULL;
    if (!name.namespace_.ptr && slash) {
        name.namespace_ = (struct str){.ptr = text.ptr, .len = (size_t)(slash - text.ptr)};
        name.name = (struct str){.ptr = slash + 1, .len = (size_t)(end - slash - 1)};
    }
    if (name.namespace_.len == 0 || name.name.len == 0) {
        return err_set(err, REJECT, WHERE, "%.*s: not of the form NAMESPACE/NAME",
                       (int)(text.len < 160 ? text.len : 160), text.ptr);
    }
    *out_name = name;
    return OK;
}

enum verdict run_event_split_parent(struct str text, struct run_event_parent *out_parent,
                                    struct err *err)
{
    const char *slash = text.len > 0 ? memrchr(text.ptr, '/', text.len) : NULL;
    struct run_event_parent parent;

    if (slash) {
        struct str job = {.ptr = text.ptr, .len = (size_t)(slash - text.ptr)};
        parent.run_id = (struct str){.ptr = slash + 1, .len = text.len - job.len - 1};
        if (parent.run_id.len > 0 && run_event_split(job, &parent.job, NULL) == OK) {
            *out_parent = parent;
            return OK;
        }
    }
    return err_set(err, REJECT, WHERE, "%.*s: not of the form NAMESPACE/JOB/RUNID",
                   (int)(text.len < 160 ? text.len : 160), text.ptr);
}

void run_event_new_id(char out[37])
{
    uint64_t ms = (uint64_t)timebase_wall_us() / 1000;
    struct id128 id;

    if (getrandom(id.bytes, sizeof(id.bytes), 0) != (ssize_t)sizeof(id.bytes)) {
        /* Before the kernel has randomness: still different from call to call. */
        uint64_t pair[2] = {(uint64_t)timebase_mono_us() * UINT64_C(0x9E3779B97F4A7C15),
                            (uint64_t)getpid() * UINT64_C(0xC2B2AE3D27D4EB4F) ^ (uintptr_t)out};
        memcpy(id.bytes, pair, sizeof(id.bytes));
    }
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
    }
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0F));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3F));
    id128_format(id, out);
}

static char *run_event_room(struct text *out, size_t bytes)
{
    if (!out->has_failed && out->len + bytes > out->size) {
        size_t size = 2 * (out->len + bytes) + 1024;
        char *fresh = realloc(out->bytes, size);
        out->has_failed = !fresh;
        out->bytes = fresh ? fresh : out->bytes;
        out->size = fresh ? size : out->size;
    }
    return out->has_failed ? NULL : out->bytes + out->len;
}

static void run_event_add(struct text *out, const char *literal)
{
    size_t len = strlen(literal);
    char *room = run_event_room(out, len);

    if (room) {
        memcpy(room, literal, len);
        out->len += len;
    }
}

/* A JSON string. */
static void run_event_quote(struct text *out, struct str text)
{
    run_event_add(out, "\"");
    char *room = run_event_room(out, JSON_ESCAPE_BYTES_MAX * text.len);
    if (room && text.len > 0) {
        out->len += json_escape(text, room);
    }
    run_event_add(out, "\"");
}

/* Begins a facet: what every facet has. */
static void run_event_facet(struct text *out, const char *name, const char *version,
                            const char *type)
{
    char head[512];

    snprintf(head, sizeof(head),
             "\"%s\":{\"_producer\":\"" PRODUCER "\",\"_schemaURL\":\"" SPEC
             "facets/%s/%s.json#/$defs/%s\"",
             name, version, type, type);
    run_event_add(out, head);
}

static void run_event_job_run(struct text *out, const struct run_event_parent *parent)
{
    run_event_add(out, "\"job\":{\"namespace\":");
    run_event_quote(out, parent->job.namespace_);
    run_event_add(out, ",\"name\":");
    run_event_quote(out, parent->job.name);
    run_event_add(out, "},\"run\":{\"runId\":");
    run_event_quote(out, parent->run_id);
    run_event_add(out, "}");
}

static enum verdict run_event_parent(struct text *out, const struct metaops_emit_run_state *state,
                                     struct err *err)
{
    struct run_event_parent parent;
    struct run_event_parent root;
    enum verdict verdict = run_event_split_parent(str_view(state->parent), &parent, err);

    root = parent;
    if (verdict == OK && state->root_parent) {
        verdict = run_event_split_parent(str_view(state->root_parent), &root, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    run_event_facet(out, "parent", "1-2-0", "ParentRunFacet");
    run_event_add(out, ",");
    run_event_job_run(out, &parent);
    run_event_add(out, ",\"root\":{");
    run_event_job_run(out, &root);
    run_event_add(out, "}}");
    return OK;
}

static enum verdict run_event_run(struct text *out, const struct metaops_emit_run_state *state,
                                  struct err *err)
{
    enum verdict verdict = OK;

    run_event_add(out, ",\"run\":{\"runId\":");
    run_event_quote(out, str_view(state->run_id));
    run_event_add(out, ",\"facets\":{");
    if (state->parent) {
        verdict = run_event_parent(out, state, err);
    }
    if (state->error_message) {
        run_event_add(out, state->parent ? "," : "");
        run_event_facet(out, "errorMessage", "1-0-1", "ErrorMessageRunFacet");
        run_event_add(out, ",\"message\":");
        run_event_quote(out, str_view(state->error_message));
        run_event_add(out, ",\"programmingLanguage\":");
        run_event_quote(out, str_view(state->language ? state->language : "SHELL"));
        run_event_add(out, "}");
    }
    run_event_add(out, "}}");
    return verdict;
}

static void run_event_job(struct text *out, const struct metaops_emit_run_state *state)
{
    run_event_add(out, ",\"job\":{\"namespace\":");
    run_event_quote(out, str_view(state->job_namespace));
    run_event_add(out, ",\"name\":");
    run_event_quote(out, str_view(state->job_name));
    run_event_add(out, ",\"facets\":{");
    if (state->job_type) {
        run_event_facet(out, "jobType", "2-0-4", "JobTypeJobFacet");
        run_event_add(out, ",\"processingType\":\"BATCH\",\"integration\":");
        run_event_quote(out, str_view(state->integration ? state->integration : "METAOPS"));
        run_event_add(out, ",\"jobType\":");
        run_event_quote(out, str_view(state->job_type));
        run_event_add(out, "}");
    }
    run_event_add(out, "}}");
}

static enum verdict run_event_datasets(struct text *out, const char *member,
                                       const char *const *datasets, struct err *err)
{
    enum verdict verdict = OK;

    run_event_add(out, member);
    for (size_t i = 0; datasets && datasets[i] && verdict == OK; i++) {
        struct run_event_name name;
        if (i == DATASETS_MAX) {
            return err_set(err, REJECT, WHERE, "more than %d datasets", DATASETS_MAX);
        }
        verdict = run_event_split(str_view(datasets[i]), &name, err);
        if (verdict == OK) {
            run_event_add(out, i > 0 ? ",{\"namespace\":" : "{\"namespace\":");
            run_event_quote(out, name.namespace_);
            run_event_add(out, ",\"name\":");
            run_event_quote(out, name.name);
            run_event_add(out, "}");
        }
    }
    run_event_add(out, "]");
    return verdict;
}

static bool run_event_is_type(const char *type)
{
    static const char *const types[] = {"START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"};

    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum verdict run_event_write(const struct metaops_emit_run_state *state, char **out_text,
                             size_t *out_len, struct err *err)
{
    struct text out = {.bytes = NULL};
    char time[32];

    if (!run_event_is_type(state->event_type)) {
        return err_set(err, REJECT, WHERE, "event_type: none that OpenLineage has");
    }
    if (!state->run_id || !*state->run_id || !state->job_namespace || !*state->job_namespace ||
        !state->job_name || !*state->job_name) {
        return err_set(err, REJECT, WHERE, "run_id, job_namespace and job_name are needed");
    }
    timebase_format(timebase_wall_us(), time);
    run_event_add(&out, "{\"eventTime\":\"");
    run_event_add(&out, time);
    run_event_add(&out, "\",\"eventType\":\"");
    run_event_add(&out, state->event_type);
    run_event_add(&out, "\"");
    enum verdict verdict = run_event_run(&out, state, err);
    run_event_job(&out, state);
    if (verdict == OK) {
        verdict = run_event_datasets(&out, ",\"inputs\":[", state->inputs, err);
    }
    if (verdict == OK) {
        verdict = run_event_datasets(&out, ",\"outputs\":[", state->outputs, err);
    }
    run_event_add(&out, ",\"producer\":\"" PRODUCER "\",\"schemaURL\":\"" SPEC
                        "2-0-2/OpenLineage.json#/$defs/RunEvent\"}");
    if (verdict == OK && out.has_failed) {
        verdict = err_set(err, RETRY, WHERE, "out of memory");
    }
    if (verdict != OK) {
        free(out.bytes);
        return verdict;
    }
    *out_text = out.bytes;
    *out_len = out.len;
    return OK;
}
