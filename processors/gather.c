/* gather.c - the last stage for sinks that take events instead of rows of the graph: what an event
 * names, read out of it, in one row. */
#include "rows.h"
#include "stages.h"

static enum verdict text_or_null(struct rows *rs, struct str text, struct str *out_text,
                                 struct err *err)
{
    return text.len ? rows_text(rs, text, out_text, err) : OK;
}

static enum verdict gather_node(struct rows *rs, struct str namespace_, struct str name,
                                struct enriched_node *out_node, struct err *err)
{
    enum verdict verdict = rows_text(rs, namespace_, &out_node->namespace_, err);
    return verdict == OK ? rows_text(rs, name, &out_node->name, err) : verdict;
}

static enum verdict gather_one_run(struct rows *rs, const struct openlineage_run *run,
                                   const struct openlineage_job *job, struct enriched_run *out_run,
                                   struct err *err)
{
    char canonical[ID128_TEXT_BYTES];
    struct str text = run->run_id;
    if (run->is_uuid) {
        id128_format(run->id, canonical);
        text = str_view(canonical);
    }
    enum verdict verdict = rows_text(rs, text, &out_run->run_id, err);
    return verdict == OK && job ? gather_node(rs, job->namespace_, job->name, &out_run->job, err)
                                : verdict;
}

static enum verdict gather_datasets(struct rows *rs, const struct openlineage_dataset *datasets,
                                    uint32_t count, struct enriched_node **out_nodes,
                                    struct err *err)
{
    struct enriched_node *nodes = arena_calloc(rs->bt->arena, count, sizeof *nodes);
    enum verdict verdict = nodes ? OK : rows_short(err);
    for (uint32_t i = 0; verdict == OK && i < count; i++) {
        verdict = gather_node(rs, datasets[i].namespace_, datasets[i].name, &nodes[i], err);
    }
    *out_nodes = nodes;
    return verdict;
}

static enum verdict gather_runs(struct rows *rs, struct enriched_event *row, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    enum verdict verdict = gather_one_run(rs, &ol->run, &ol->job, &row->run, err);
    if (verdict == OK && ol->has_parent) {
        verdict = gather_one_run(rs, &ol->parent_run, ol->has_parent_job ? &ol->parent_job : NULL,
                                 &row->parent, err);
        row->root = row->parent;
    }
    if (verdict == OK && ol->has_root) {
        verdict = gather_one_run(rs, &ol->root_run, ol->has_root_job ? &ol->root_job : NULL,
                                 &row->root, err);
    }
    return verdict;
}

static enum verdict gather_named(struct rows *rs, struct enriched_event *row, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    enum verdict verdict = OK;
    if (ol->kind == OPENLINEAGE_RUN) {
        verdict = gather_runs(rs, row, err);
    } else if (ol->kind == OPENLINEAGE_JOB) {
        verdict = gather_node(rs, ol->job.namespace_, ol->job.name, &row->run.job, err);
    } else {
        verdict = gather_node(rs, ol->dataset.namespace_, ol->dataset.name, &row->dataset, err);
    }
    row->input_count = ol->input_count;
    row->output_count = ol->output_count;
    if (verdict == OK) {
        verdict = gather_datasets(rs, ol->inputs, ol->input_count, &row->inputs, err);
    }
    return verdict == OK ? gather_datasets(rs, ol->outputs, ol->output_count, &row->outputs, err)
                         : verdict;
}

static enum verdict gather_texts(struct rows *rs, struct enriched_event *row, struct err *err)
{
    const struct event_work *work = rs->work;
    struct {
        struct str from;
        struct str *to;
    } texts[] = {{work->ol.event_type, &row->event_type},
                 {work->ol.producer, &row->producer},
                 {work->ev.principal, &row->principal}};
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof texts / sizeof texts[0]; i++) {
        verdict = text_or_null(rs, texts[i].from, texts[i].to, err);
    }
    bool has_key = work->record->key.ptr != NULL;
    row->body = arena_dup(rs->bt->arena, work->ev.body);
    if (has_key) {
        row->key = arena_dup(rs->bt->arena, work->record->key);
    }
    return row->body.ptr && (row->key.ptr || !has_key) ? verdict : rows_short(err);
}

enum verdict gather_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err)
{
    struct rows rs = {.pr = pr, .bt = bt, .work = work};
    struct enriched_event row = {.event_id = work->ev.event_id,
                                 .event_time_us = work->ol.event_time_us,
                                 .received_at_us = work->ev.received_at_us,
                                 .kind = (int)work->ol.kind,
                                 .source = work->ev.source,
                                 .redactions = work->ev.redactions,
                                 .format = STR("openlineage"),
                                 .source_partition = work->record->partition,
                                 .source_offset = work->record->offset};
    enum verdict verdict = rows_topic(&rs, err);
    row.source_topic = rs.topic;
    if (verdict == OK) {
        verdict = gather_texts(&rs, &row, err);
    }
    if (verdict == OK) {
        verdict = gather_named(&rs, &row, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    struct graph_event *event = graph_rows_add(&bt->rows.events);
    struct enriched_event *enriched = event ? graph_rows_add(&bt->rows.enriched) : NULL;
    if (!enriched) {
        return rows_short(err);
    }
    row.event = work->event = (uint32_t)(bt->rows.events.count - 1);
    *enriched = row;
    *event = (struct graph_event){.id = row.event_id,
                                  .event_time_us = row.event_time_us,
                                  .received_at_us = row.received_at_us,
                                  .body_bytes = (int32_t)row.body.len,
                                  .source = row.source,
                                  .topic = row.source_topic,
                                  .partition = row.source_partition,
                                  .kafka_offset = row.source_offset};
    return OK;
}
