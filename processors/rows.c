#include "rows.h"

#include "core/timebase.h"
#include "facet_origin.h"
#include "facts.h"
#include "schemas/identity.h"

enum verdict rows_short(struct err *err)
{
    return err_set(err, RETRY, "normalize", "memory of the batch is short");
}

struct id128 rows_tagged(struct id128 id, uint8_t tag)
{
    id.bytes[0] ^= tag;
    id.bytes[8] ^= tag;
    return id;
}

struct graph_version rows_version(const struct rows *rs)
{
    return (struct graph_version){.at_us = rs->work->ol.event_time_us, .by = rs->work->ev.event_id};
}

enum verdict rows_once(struct rows *rs, struct id128 id, bool *out_is_new, struct err *err)
{
    bool is_full = false;
    *out_is_new = false;
    if (known_set_keeps(rs->pr->known, id) || !batch_emit_once(rs->bt, id, &is_full)) {
        return is_full ? rows_short(err) : OK;
    }
    struct id128 *known = graph_rows_add(&rs->bt->rows.known);
    if (!known) {
        return rows_short(err);
    }
    *known = id;
    *out_is_new = true;
    return OK;
}

enum verdict rows_member(struct rows *rs, const struct json_value *object, const char *name,
                         struct str *out_text, struct err *err)
{
    const struct json_value *value = json_get(rs->pr->doc, object, str_view(name));
    *out_text = STR("");
    return value && value->type == JSON_STRING
               ? json_string(rs->pr->doc, value, rs->pr->scratch, out_text, err)
               : OK;
}

enum verdict rows_text(struct rows *rs, struct str text, struct str *out_text, struct err *err)
{
    struct str shown = json_display(text, rs->bt->arena);
    if (shown.ptr && shown.ptr == text.ptr) {
        shown = arena_dup(rs->bt->arena, text);
    }
    if (!shown.ptr) {
        return rows_short(err);
    }
    *out_text = shown;
    return OK;
}

enum verdict rows_texts(struct rows *rs, const struct rows_pair *pairs, size_t count, size_t needed,
                        struct err *err)
{
    enum verdict verdict = OK;

    for (size_t i = 0; verdict == OK && i < count; i++) {
        if (i < needed || pairs[i].from.len > 0) {
            verdict = rows_text(rs, pairs[i].from, pairs[i].into, err);
        }
    }
    return verdict;
}

enum verdict rows_topic(struct rows *rs, struct err *err)
{
    struct str topic = str_view(rs->work->record->topic);
    struct graph_batch *rows = &rs->bt->rows;
    for (size_t i = rows->events.count; i > 0 && i + 2 > rows->events.count; i--) {
        if (str_eq(rows->events.items[i - 1].topic, topic)) {
            rs->topic = rows->events.items[i - 1].topic;
            return OK;
        }
    }
    rs->topic = arena_dup(rs->bt->arena, topic);
    return rs->topic.ptr ? OK : rows_short(err);
}

enum verdict rows_id_only(struct rows *rs, int64_t event_time_us, struct err *err)
{
    struct event_work *work = rs->work;
    enum verdict verdict = rows_topic(rs, err);
    if (verdict != OK) {
        return verdict;
    }
    struct graph_event *row = graph_rows_add(&rs->bt->rows.events);
    if (!row) {
        return rows_short(err);
    }
    work->event = (uint32_t)(rs->bt->rows.events.count - 1);
    *row = (struct graph_event){.id = work->ev.event_id,
                                .event_time_us = event_time_us,
                                .received_at_us = work->ev.received_at_us,
                                .body_bytes = (int32_t)work->ev.body.len,
                                .source = work->ev.source,
                                .topic = rs->topic,
                                .partition = work->record->partition,
                                .kafka_offset = work->record->offset,
                                .is_payload = true};
    return OK;
}

static enum verdict fill_node(struct rows *rs, struct graph_node *row, struct str namespace_,
                              struct str name, struct err *err)
{
    enum verdict verdict = rows_text(rs, namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(rs, name, &row->name, err) : verdict;
}

enum verdict rows_job(struct rows *rs, const struct openlineage_job *job, struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(rs, job->id, &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_node *row = graph_rows_add(&rs->bt->rows.jobs);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = rs->work->event, .id = job->id};
    return fill_node(rs, row, job->namespace_, job->name, err);
}

enum verdict rows_dataset(struct rows *rs, struct str namespace_, struct str name, struct id128 id,
                          bool is_confirmed, struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(rs, is_confirmed ? id : rows_tagged(id, 'U'), &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_node *row = graph_rows_add(&rs->bt->rows.datasets);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = rs->work->event, .id = id, .confirmed = is_confirmed};
    return fill_node(rs, row, namespace_, name, err);
}

enum verdict rows_edge(struct rows *rs, struct id128 job, uint8_t direction, struct id128 dataset,
                       struct err *err)
{
    struct {
        struct id128 job;
        struct id128 dataset;
        uint8_t direction;
    } edge = {.job = job, .dataset = dataset, .direction = direction};
    struct id128 key = identity_digest((struct str){(const char *)&edge, sizeof edge});
    bool is_new;
    enum verdict verdict = rows_once(rs, key, &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_edge *row = graph_rows_add(&rs->bt->rows.edges);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_edge){
        .event = rs->work->event, .job = job, .direction = direction, .dataset = dataset};
    return OK;
}

enum verdict rows_facet(struct rows *rs, const struct facet_ref *ref, struct err *err)
{
    struct graph_facet *row = graph_rows_add(&rs->bt->rows.facets);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_facet){
        .event = rs->work->event, .digest = ref->digest, .is_deleted = ref->is_deleted};
    enum verdict verdict = json_clean(rs->pr->doc, ref->value, rs->bt->arena, &row->content, err);
    return verdict == OK ? facet_origin_split(&row->content, rs->bt->arena, &row->origin, err)
                         : verdict;
}

static const struct json_value *run_facet(const struct rows *rs, struct str name)
{
    return json_get(rs->pr->doc, rs->work->ol.run_facets, name);
}

static int64_t time_member(const struct rows *rs, const struct json_value *facet, struct str name)
{
    const struct json_value *value = json_get(rs->pr->doc, facet, name);
    struct str text;
    struct err ignored;
    int64_t us;
    if (!value || value->type != JSON_STRING ||
        json_string(rs->pr->doc, value, rs->pr->scratch, &text, &ignored) != OK ||
        !timebase_parse(text, &us)) {
        return GRAPH_NO_TIME;
    }
    return us;
}

static void add_nominal(const struct rows *rs, struct graph_run *row)
{
    const struct json_value *facet = run_facet(rs, STR("nominalTime"));
    row->nominal_start_us = time_member(rs, facet, STR("nominalStartTime"));
    row->nominal_end_us = time_member(rs, facet, STR("nominalEndTime"));
    if (row->nominal_start_us != GRAPH_NO_TIME || row->nominal_end_us != GRAPH_NO_TIME) {
        row->nominal_version = rows_version(rs);
    }
}

/* The first of these places that holds a text. Spark tells of failures in a facet of its own, where the
 * message of an exception may be null. */
static const struct json_value *error_text(const struct rows *rs)
{
    static const struct {
        struct str facet;
        struct str member;
    } places[] = {{{"errorMessage", 12}, {"message", 7}},
                  {{"spark.exception", 15}, {"message", 7}},
                  {{"spark.exception", 15}, {"stackTrace", 10}}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct json_value *value =
            json_get(rs->pr->doc, run_facet(rs, places[i].facet), places[i].member);
        if (value && value->type == JSON_STRING) {
            return value;
        }
    }
    return NULL;
}

static enum verdict add_error(struct rows *rs, struct graph_run *row, struct err *err)
{
    const struct json_value *message = error_text(rs);
    if (!message) {
        return OK;
    }
    struct str text;
    enum verdict verdict = json_string(rs->pr->doc, message, rs->pr->scratch, &text, err);
    row->error_version = rows_version(rs);
    return verdict == OK ? rows_text(rs, text, &row->error_message, err) : verdict;
}

static struct graph_run *add_run(struct rows *rs, const struct openlineage_run *run)
{
    struct graph_run *row = graph_rows_add(&rs->bt->rows.runs);
    if (!row) {
        return NULL;
    }
    *row = (struct graph_run){.event = rs->work->event,
                              .id = run->id,
                              .started_at_us = GRAPH_NO_TIME,
                              .first_at_us = GRAPH_NO_TIME,
                              .ended_at_us = GRAPH_NO_TIME,
                              .nominal_start_us = GRAPH_NO_TIME,
                              .nominal_end_us = GRAPH_NO_TIME,
                              .job_version = {.at_us = GRAPH_NO_TIME},
                              .parent_version = {.at_us = GRAPH_NO_TIME},
                              .nominal_version = {.at_us = GRAPH_NO_TIME},
                              .error_version = {.at_us = GRAPH_NO_TIME}};
    struct err ignored;
    if (!run->is_uuid && rows_text(rs, run->run_id, &row->run_id, &ignored) != OK) {
        return NULL;
    }
    return row;
}

static enum verdict add_mention(struct rows *rs, const struct openlineage_run *run,
                                const struct openlineage_job *job, struct err *err)
{
    struct graph_run *row = add_run(rs, run);
    if (!row) {
        return rows_short(err);
    }
    if (!job) {
        return OK;
    }
    row->job_version = rows_version(rs);
    row->job = job->id;
    return rows_job(rs, job, err);
}

enum verdict rows_runs(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    struct graph_run *row = add_run(rs, &ol->run);
    if (!row) {
        return rows_short(err);
    }
    row->job_is_own = true;
    row->state = (uint8_t)ol->state;
    row->first_at_us = ol->event_time_us;
    row->started_at_us = ol->is_start ? ol->event_time_us : GRAPH_NO_TIME;
    row->ended_at_us = ol->state >= OPENLINEAGE_STATE_COMPLETE ? ol->event_time_us : GRAPH_NO_TIME;
    row->job_version = rows_version(rs);
    row->job = ol->job.id;
    if (ol->has_parent) {
        row->parent_version = rows_version(rs);
        row->parent = ol->parent_run.id;
        row->root = ol->has_root ? ol->root_run.id : ol->parent_run.id;
    }
    add_nominal(rs, row);
    enum verdict verdict = add_error(rs, row, err);
    verdict = verdict == OK ? facts_of_run(rs, &row->facts, err) : verdict;
    if (verdict == OK && ol->has_parent) {
        verdict =
            add_mention(rs, &ol->parent_run, ol->has_parent_job ? &ol->parent_job : NULL, err);
    }
    if (verdict == OK && ol->has_root) {
        verdict = add_mention(rs, &ol->root_run, ol->has_root_job ? &ol->root_job : NULL, err);
    }
    return verdict;
}
