#include "schemas/openlineage.h"

#include <stdio.h>

#include "core/ascii.h"
#include "core/timebase.h"
#include "schemas/identity.h"

/* What every step needs. */
struct reader {
    const struct json_doc *doc;
    struct arena *arena;
    struct json_fault *fault;
    struct err *err;
};

/* The fault lies at value, or, when member is given, in value's lacking that member. */
static enum verdict openlineage_refuse(struct reader *rd, const struct json_value *value,
                                       const char *member, const char *reason)
{
    struct json_fault *fault = rd->fault;

    fault->offset = value->offset;
    snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
    json_pointer(rd->doc, value, fault->pointer, sizeof(fault->pointer));
    if (member) {
        size_t len = strlen(fault->pointer);
        snprintf(fault->pointer + len, sizeof(fault->pointer) - len, "/%s", member);
    }
    return err_set(rd->err, REJECT, "openlineage", "%s: %s",
                   fault->pointer[0] ? fault->pointer : "the event", reason);
}

/* A member that is there and not null, else NULL; NULL too when object is no object. */
static const struct json_value *openlineage_member(struct reader *rd,
                                                   const struct json_value *object, const char *key)
{
    const struct json_value *value = json_get(rd->doc, object, str_view(key));

    return value && value->type != JSON_NULL ? value : NULL;
}

/* A text that must be there and not be empty. */
static enum verdict openlineage_need_text(struct reader *rd, const struct json_value *object,
                                          const char *key, struct str *out_text)
{
    const struct json_value *value = openlineage_member(rd, object, key);

    if (!value) {
        return openlineage_refuse(rd, object, key, "is missing");
    }
    if (value->type != JSON_STRING) {
        return openlineage_refuse(rd, value, NULL, "must be a string");
    }
    if (value->len == strlen("\"\"")) {
        return openlineage_refuse(rd, value, NULL, "must not be empty");
    }
    return json_string(rd->doc, value, rd->arena, out_text, rd->err);
}

/* A text if it is one and not empty, else ptr NULL. */
static enum verdict openlineage_try_text(struct reader *rd, const struct json_value *object,
                                         const char *key, struct str *out_text)
{
    const struct json_value *value = openlineage_member(rd, object, key);

    if (!value || value->type != JSON_STRING || value->len == strlen("\"\"")) {
        *out_text = (struct str){NULL, 0};
        return OK;
    }
    return json_string(rd->doc, value, rd->arena, out_text, rd->err);
}

static enum verdict openlineage_need_object(struct reader *rd, const struct json_value *object,
                                            const char *key, const struct json_value **out_value)
{
    const struct json_value *value = openlineage_member(rd, object, key);

    if (!value) {
        return openlineage_refuse(rd, object, key, "is missing");
    }
    if (value->type != JSON_OBJECT) {
        return openlineage_refuse(rd, value, NULL, "must be an object");
    }
    *out_value = value;
    return OK;
}

/* NULL when there are none. */
static enum verdict openlineage_facets(struct reader *rd, const struct json_value *object,
                                       const char *key, const struct json_value **out_facets)
{
    if (!openlineage_member(rd, object, key)) {
        *out_facets = NULL;
        return OK;
    }
    return openlineage_need_object(rd, object, key, out_facets);
}

static enum verdict openlineage_read_dataset(struct reader *rd, const struct json_value *value,
                                             const char *io_facets, struct openlineage_dataset *ds)
{
    enum verdict verdict = openlineage_need_text(rd, value, "namespace", &ds->namespace_);

    if (verdict == OK) {
        verdict = openlineage_need_text(rd, value, "name", &ds->name);
    }
    if (verdict == OK) {
        verdict = openlineage_facets(rd, value, "facets", &ds->facets);
    }
    if (verdict == OK && io_facets) {
        verdict = openlineage_facets(rd, value, io_facets, &ds->io_facets);
    }
    if (verdict == OK) {
        ds->value = value;
        ds->id = identity_dataset(ds->namespace_, ds->name);
    }
    return verdict;
}

/* Inputs or outputs. Some clients write an empty list as {}. */
static enum verdict openlineage_read_list(struct reader *rd, const struct json_value *root,
                                          const char *key, const char *io_facets,
                                          struct openlineage_dataset **out_items,
                                          uint32_t *out_count)
{
    const struct json_value *list = openlineage_member(rd, root, key);
    bool is_empty = !list || (list->type == JSON_OBJECT && list->count == 0);
    uint32_t count = 0;

    *out_items = NULL;
    *out_count = 0;
    if (is_empty) {
        return OK;
    }
    if (list->type != JSON_ARRAY) {
        return openlineage_refuse(rd, list, NULL, "must be an array");
    }
    struct openlineage_dataset *items = arena_calloc(rd->arena, list->count, sizeof(*items));
    if (!items) {
        return err_set(rd->err, RETRY, "openlineage", "no memory for %u datasets", list->count);
    }
    for (const struct json_value *value = json_first(rd->doc, list); value;
         value = json_next(rd->doc, list, value)) {
        if (value->type != JSON_OBJECT) {
            return openlineage_refuse(rd, value, NULL, "must be an object");
        }
        enum verdict verdict = openlineage_read_dataset(rd, value, io_facets, &items[count]);
        if (verdict != OK) {
            return verdict;
        }
        count++;
    }
    *out_items = items;
    *out_count = count;
    return OK;
}

static void openlineage_name_run(struct openlineage_run *run, struct str run_id)
{
    run->run_id = run_id;
    run->id = identity_run(run_id, &run->is_uuid);
}

static void openlineage_name_job(struct openlineage_job *job, struct str namespace_,
                                 struct str name)
{
    job->namespace_ = namespace_;
    job->name = name;
    job->id = identity_job(namespace_, name);
}

static enum verdict openlineage_read_job(struct reader *rd, const struct json_value *root,
                                         struct openlineage_event *ev)
{
    const struct json_value *job = NULL;
    struct str namespace_;
    struct str name;
    enum verdict verdict = openlineage_need_object(rd, root, "job", &job);

    if (verdict == OK) {
        verdict = openlineage_need_text(rd, job, "namespace", &namespace_);
    }
    if (verdict == OK) {
        verdict = openlineage_need_text(rd, job, "name", &name);
    }
    if (verdict == OK) {
        verdict = openlineage_facets(rd, job, "facets", &ev->job_facets);
    }
    if (verdict == OK) {
        openlineage_name_job(&ev->job, namespace_, name);
        verdict =
            openlineage_read_list(rd, root, "inputs", "inputFacets", &ev->inputs, &ev->input_count);
    }
    if (verdict == OK) {
        verdict = openlineage_read_list(rd, root, "outputs", "outputFacets", &ev->outputs,
                                        &ev->output_count);
    }
    return verdict;
}

/* A run and perhaps its job, named by a parent facet or its root. */
struct mention {
    bool has_run;
    bool has_job;
    struct openlineage_run run;
    struct openlineage_job job;
};

/* has_run stays false when the run is not named, or a job is there without its names. */
static enum verdict openlineage_read_mention(struct reader *rd, const struct json_value *holder,
                                             struct mention *out_mention)
{
    const struct json_value *run = openlineage_member(rd, holder, "run");
    const struct json_value *job = openlineage_member(rd, holder, "job");
    struct str run_id;
    struct str namespace_;
    struct str name;

    *out_mention = (struct mention){0};
    enum verdict verdict = openlineage_try_text(rd, run, "runId", &run_id);
    if (verdict == OK) {
        verdict = openlineage_try_text(rd, job, "namespace", &namespace_);
    }
    if (verdict == OK) {
        verdict = openlineage_try_text(rd, job, "name", &name);
    }
    if (verdict != OK || !run_id.ptr || (job && (!namespace_.ptr || !name.ptr))) {
        return verdict;
    }
    out_mention->has_run = true;
    openlineage_name_run(&out_mention->run, run_id);
    if (job) {
        out_mention->has_job = true;
        openlineage_name_job(&out_mention->job, namespace_, name);
    }
    return OK;
}

static enum verdict openlineage_read_parent(struct reader *rd, struct openlineage_event *ev)
{
    struct mention parent;
    struct mention root;
    const struct json_value *facet = openlineage_member(rd, ev->run_facets, "parent");

    /* Clients of the first releases. */
    if (!facet) {
        facet = openlineage_member(rd, ev->run_facets, "parentRun");
    }
    enum verdict verdict = openlineage_read_mention(rd, facet, &parent);
    if (verdict != OK || !parent.has_run) {
        return verdict;
    }
    verdict = openlineage_read_mention(rd, openlineage_member(rd, facet, "root"), &root);
    if (verdict == OK) {
        ev->has_parent = true;
        ev->has_parent_job = parent.has_job;
        ev->parent_run = parent.run;
        ev->parent_job = parent.job;
        ev->has_root = root.has_run;
        ev->has_root_job = root.has_job;
        ev->root_run = root.run;
        ev->root_job = root.job;
    }
    return verdict;
}

static enum verdict openlineage_read_run(struct reader *rd, const struct json_value *root,
                                         struct openlineage_event *ev)
{
    const struct json_value *run = NULL;
    struct str run_id;
    enum verdict verdict = openlineage_need_object(rd, root, "run", &run);

    if (verdict == OK) {
        verdict = openlineage_need_text(rd, run, "runId", &run_id);
    }
    if (verdict == OK) {
        verdict = openlineage_facets(rd, run, "facets", &ev->run_facets);
    }
    if (verdict == OK) {
        openlineage_name_run(&ev->run, run_id);
        verdict = openlineage_read_parent(rd, ev);
    }
    return verdict;
}

static enum openlineage_state openlineage_state_of(struct str event_type)
{
    static const struct {
        const char *name;
        enum openlineage_state state;
    } rows[] = {
        {.name = "START", .state = OPENLINEAGE_STATE_RUNNING},
        {.name = "RUNNING", .state = OPENLINEAGE_STATE_RUNNING},
        {.name = "COMPLETE", .state = OPENLINEAGE_STATE_COMPLETE},
        {.name = "ABORT", .state = OPENLINEAGE_STATE_ABORT},
        {.name = "FAIL", .state = OPENLINEAGE_STATE_FAIL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (event_type.len == strlen(rows[i].name) &&
            ascii_eq_caseless(event_type.ptr, rows[i].name, event_type.len)) {
            return rows[i].state;
        }
    }
    return OPENLINEAGE_STATE_NEW;
}

/* What all three kinds have: time, type, producer. */
static enum verdict openlineage_read_head(struct reader *rd, const struct json_value *root,
                                          struct openlineage_event *ev)
{
    struct str time;
    const struct json_value *type = openlineage_member(rd, root, "eventType");
    enum verdict verdict = openlineage_need_text(rd, root, "eventTime", &time);

    if (verdict != OK) {
        return verdict;
    }
    if (!timebase_parse(time, &ev->event_time_us)) {
        return openlineage_refuse(rd, openlineage_member(rd, root, "eventTime"), NULL,
                                  "is no ISO 8601 date and time");
    }
    ev->event_type = STR("");
    if (type && type->type != JSON_STRING) {
        return openlineage_refuse(rd, type, NULL, "must be a string");
    }
    if (type) {
        verdict = json_string(rd->doc, type, rd->arena, &ev->event_type, rd->err);
    }
    if (verdict == OK) {
        ev->state = openlineage_state_of(ev->event_type);
        ev->is_start = ev->event_type.len == strlen("START") &&
                       ascii_eq_caseless(ev->event_type.ptr, "START", strlen("START"));
        verdict = openlineage_try_text(rd, root, "producer", &ev->producer);
    }
    if (verdict == OK && !ev->producer.ptr) {
        ev->producer = STR("");
    }
    return verdict;
}

static enum verdict openlineage_read_kind(struct reader *rd, const struct json_value *root,
                                          struct openlineage_event *ev)
{
    enum verdict verdict;

    if (openlineage_member(rd, root, "run")) {
        ev->kind = OPENLINEAGE_RUN;
        verdict = openlineage_read_run(rd, root, ev);
        return verdict == OK ? openlineage_read_job(rd, root, ev) : verdict;
    }
    if (openlineage_member(rd, root, "job")) {
        ev->kind = OPENLINEAGE_JOB;
        return openlineage_read_job(rd, root, ev);
    }
    if (openlineage_member(rd, root, "dataset")) {
        const struct json_value *dataset = NULL;
        ev->kind = OPENLINEAGE_DATASET;
        verdict = openlineage_need_object(rd, root, "dataset", &dataset);
        return verdict == OK ? openlineage_read_dataset(rd, dataset, NULL, &ev->dataset) : verdict;
    }
    return openlineage_refuse(rd, root, NULL, "has neither run, job nor dataset");
}

enum verdict openlineage_read(const struct json_doc *doc, struct arena *arena,
                              struct openlineage_event *out_ev, struct json_fault *fault,
                              struct err *err)
{
    struct json_fault unwanted;
    struct reader rd = {.doc = doc, .arena = arena, .fault = fault ? fault : &unwanted, .err = err};
    struct openlineage_event ev = {0};
    const struct json_value *root = json_root(doc);

    if (!root) {
        *rd.fault = (struct json_fault){.reason = "is no JSON"};
        return err_set(err, REJECT, "openlineage", "the event is no JSON");
    }
    if (root->type != JSON_OBJECT) {
        return openlineage_refuse(&rd, root, NULL, "must be an object");
    }
    enum verdict verdict = openlineage_read_head(&rd, root, &ev);
    if (verdict == OK) {
        verdict = openlineage_read_kind(&rd, root, &ev);
    }
    if (verdict == OK) {
        *out_ev = ev;
    }
    return verdict;
}

struct id128 openlineage_key(const struct openlineage_event *ev)
{
    return ev->kind == OPENLINEAGE_DATASET ? ev->dataset.id : ev->job.id;
}
