#include "pg_tables.h"

#include <stdlib.h>

#include "pg_control.h"
#include "pg_detectors.h"
#include "pg_drift.h"
#include "pg_inference.h"
#include "pg_kubernetes.h"
#include "pg_merge.h"
#include "pg_models.h"
#include "pg_numbers.h"
#include "pg_order.h"
#include "pg_servers.h"

/* The year 10000: what a sender claims beyond, the database might refuse. */
#define RECORD_TIME_END_MS INT64_C(253402300800000)

#define MERGE_AS(name, type)                                                                       \
    static void merge_##name(void *into, const void *row)                                          \
    {                                                                                              \
        pg_merge_##name((struct type *)into, (const struct type *)row);                            \
    }
MERGE_AS(run, graph_run)
MERGE_AS(statement, graph_statement)
MERGE_AS(dataset, graph_node)
MERGE_AS(asset_facts, graph_asset_facts)

#define ORDER(name, type, parts) static PG_ORDER(order_##name, type, parts)
ORDER(facet, graph_facet, BY_ID(digest))
ORDER(node, graph_node, BY_ID(id))
ORDER(dataset, graph_node, BY_ID(id))
ORDER(symlink, graph_symlink, BY_ID(dataset) ?: BY_ID(other) ?: BY_TEXT(type))
ORDER(run_mark, graph_run_mark, BY_ID(mark) ?: BY_ID(run))
ORDER(edge, graph_edge, BY_ID(job) ?: BY_NUMBER(direction) ?: BY_ID(dataset))
ORDER(column_edge, graph_column_edge,
      BY_ID(output) ?: BY_ID(job) ?: BY_ID(digest) ?: BY_NUMBER(ordinal))
ORDER(io, graph_io, BY_ID(id) ?: BY_NUMBER(ordinal))
ORDER(description, graph_description, BY_ID(id) ?: BY_NUMBER(ordinal))
ORDER(layout, graph_layout, BY_ID(id) ?: BY_NUMBER(slot))
ORDER(statement, graph_statement, BY_ID(id))
ORDER(run, graph_run, BY_ID(id))
ORDER(asset_facts, graph_asset_facts, BY_ID(subject))
ORDER(run_io, graph_statement, BY_ID(run) ?: BY_ID(io))
ORDER(base, graph_base, BY_ID(id))
ORDER(event, graph_event, BY_ID(id))
ORDER(letter, dead_letter, BY_ID(letter_id))

static bool has_run_io(const struct graph_batch *rows, const void *row)
{
    (void)rows;
    const struct graph_statement *statement = row;
    return statement->has_run && statement->has_io;
}

static bool is_of_graph(const struct graph_batch *rows, const void *row)
{
    (void)rows;
    const struct graph_event *event = row;
    return !event->is_control && !event->is_payload;
}

/* 16 bytes each; null when there are none. */
static struct str ids_as_text(const struct id128 *ids, uint32_t count)
{
    return (struct str){count ? (const char *)ids : NULL, count * sizeof *ids};
}

static void bind_version(struct pg_bind *bind, int index, const struct graph_version *version)
{
    pg_bind_time(bind, index, version->at_us);
    pg_bind_optional_uuid(bind, index + 1, version->at_us != GRAPH_NO_TIME, version->by);
}

static void bind_facet(struct pg_bind *bind, const void *row)
{
    const struct graph_facet *facet = row;
    pg_bind_uuid(bind, 0, facet->digest);
    pg_bind_bool(bind, 1, facet->is_deleted);
    pg_bind_text(bind, 2, facet->origin);
    pg_bind_text(bind, 3, facet->content);
}

static void bind_run_mark(struct pg_bind *bind, const void *row)
{
    const struct graph_run_mark *mark = row;
    pg_bind_uuid(bind, 0, mark->mark);
    pg_bind_uuid(bind, 1, mark->run);
}

static void bind_node(struct pg_bind *bind, const void *row)
{
    const struct graph_node *node = row;
    pg_bind_uuid(bind, 0, node->id);
    pg_bind_text(bind, 1, node->namespace_);
    pg_bind_text(bind, 2, node->name);
}

static void bind_dataset(struct pg_bind *bind, const void *row)
{
    bind_node(bind, row);
    pg_bind_bool(bind, 3, ((const struct graph_node *)row)->confirmed);
}

static void bind_model(struct pg_bind *bind, const void *row)
{
    bind_node(bind, row);
    pg_bind_int2(bind, 3, ((const struct graph_node *)row)->source);
}

static void bind_symlink(struct pg_bind *bind, const void *row)
{
    const struct graph_symlink *link = row;
    pg_bind_uuid(bind, 0, link->dataset);
    pg_bind_uuid(bind, 1, link->other);
    pg_bind_text(bind, 2, link->type);
    pg_bind_text(bind, 3, link->other_namespace);
    pg_bind_text(bind, 4, link->other_name);
}

static void bind_edge(struct pg_bind *bind, const void *row)
{
    const struct graph_edge *edge = row;
    pg_bind_uuid(bind, 0, edge->job);
    pg_bind_int2(bind, 1, edge->direction);
    pg_bind_uuid(bind, 2, edge->dataset);
}

static void bind_column_edge(struct pg_bind *bind, const void *row)
{
    const struct graph_column_edge *edge = row;
    pg_bind_uuid(bind, 0, edge->output);
    pg_bind_uuid(bind, 1, edge->job);
    pg_bind_uuid(bind, 2, edge->digest);
    pg_bind_int4(bind, 3, edge->ordinal);
    pg_bind_text(bind, 4, edge->output_field);
    pg_bind_uuid(bind, 5, edge->input);
    pg_bind_text(bind, 6, edge->input_field);
    pg_bind_text(bind, 7, edge->type);
    pg_bind_text(bind, 8, edge->subtype);
    if (edge->masking < 0) {
        pg_bind_null(bind, 9);
    } else {
        pg_bind_bool(bind, 9, edge->masking > 0);
    }
    pg_bind_text(bind, 10, edge->description);
}

static void bind_io(struct pg_bind *bind, const void *row)
{
    const struct graph_io *io = row;
    pg_bind_uuid(bind, 0, io->id);
    pg_bind_int2(bind, 1, io->ordinal);
    pg_bind_int2(bind, 2, io->direction);
    pg_bind_uuid(bind, 3, io->dataset);
    pg_bind_optional_uuid(bind, 4, io->has_job, io->job);
}

static void bind_description(struct pg_bind *bind, const void *row)
{
    const struct graph_description *description = row;
    pg_bind_uuid(bind, 0, description->id);
    pg_bind_int2(bind, 1, description->ordinal);
    pg_bind_text(bind, 2, description->name);
    pg_bind_text(bind, 3, description->family);
    pg_bind_uuid(bind, 4, description->digest);
    pg_bind_int4(bind, 5, (int32_t)description->facts);
}

static void bind_layout(struct pg_bind *bind, const void *row)
{
    const struct graph_layout *layout = row;
    pg_bind_uuid(bind, 0, layout->id);
    pg_bind_int2(bind, 1, layout->slot);
    pg_bind_int2(bind, 2, layout->subject_kind);
    pg_bind_optional_uuid(bind, 3, layout->has_subject, layout->subject);
    pg_bind_int2(bind, 4, layout->place);
    pg_bind_text(bind, 5, layout->name);
    pg_bind_text(bind, 6, layout->family);
    pg_bind_int4(bind, 7, (int32_t)layout->facts);
}

static void bind_statement(struct pg_bind *bind, const void *row)
{
    const struct graph_statement *statement = row;
    pg_bind_uuid(bind, 0, statement->id);
    pg_bind_int2(bind, 1, statement->kind);
    pg_bind_optional_uuid(bind, 2, statement->has_job, statement->job);
    pg_bind_optional_uuid(bind, 3, !id128_is_zero(statement->job_description),
                          statement->job_description);
    pg_bind_optional_uuid(bind, 4, statement->has_io, statement->io);
    pg_bind_text(bind, 5, ids_as_text(statement->descriptions, statement->description_count));
    pg_bind_optional_uuid(bind, 6, !id128_is_zero(statement->layout), statement->layout);
    pg_bind_text(bind, 7, statement->producer);
    pg_bind_time(bind, 8, statement->first_at_us);
    bind_version(bind, 9, &statement->last);
    bind_version(bind, 11, &statement->written);
    pg_bind_optional_uuid(bind, 13, !id128_is_zero(statement->first_run), statement->first_run);
    pg_bind_optional_uuid(bind, 14, !id128_is_zero(statement->environment), statement->environment);
}

static void bind_run_io(struct pg_bind *bind, const void *row)
{
    const struct graph_statement *statement = row;
    pg_bind_uuid(bind, 0, statement->run);
    pg_bind_uuid(bind, 1, statement->io);
    pg_bind_time(bind, 2, statement->first_at_us);
}

static void bind_run(struct pg_bind *bind, const void *row)
{
    const struct graph_run *run = row;
    bool has_parent = run->parent_version.at_us != GRAPH_NO_TIME;
    pg_bind_uuid(bind, 0, run->id);
    pg_bind_text(bind, 1, run->run_id);
    pg_bind_int2(bind, 2, run->state);
    pg_bind_time(bind, 3, run->started_at_us);
    pg_bind_time(bind, 4, run->first_at_us);
    pg_bind_time(bind, 5, run->ended_at_us);
    pg_bind_optional_uuid(bind, 6, run->job_version.at_us != GRAPH_NO_TIME, run->job);
    pg_bind_bool(bind, 7, run->job_is_own);
    bind_version(bind, 8, &run->job_version);
    pg_bind_optional_uuid(bind, 10, has_parent, run->parent);
    /* Most runs have their parent as root. */
    pg_bind_optional_uuid(bind, 11, has_parent && !id128_eq(run->root, run->parent), run->root);
    bind_version(bind, 12, &run->parent_version);
    pg_bind_time(bind, 14, run->nominal_start_us);
    pg_bind_time(bind, 15, run->nominal_end_us);
    bind_version(bind, 16, &run->nominal_version);
    pg_bind_text(bind, 18, run->error_message);
    bind_version(bind, 19, &run->error_version);
    pg_bind_int4(bind, 21, (int32_t)run->facts);
}

static void bind_asset_facts(struct pg_bind *bind, const void *row)
{
    const struct graph_asset_facts *facts = row;
    pg_bind_uuid(bind, 0, facts->subject);
    pg_bind_int2(bind, 1, facts->subject_kind);
    pg_bind_int4(bind, 2, (int32_t)facts->observed);
    pg_bind_int4(bind, 3, (int32_t)facts->declared);
    pg_bind_int4(bind, 4, (int32_t)facts->inferred);
    pg_bind_int4(bind, 5, (int32_t)facts->lasting);
    pg_bind_int4(bind, 6, (int32_t)facts->contested);
}

static void bind_base(struct pg_bind *bind, const void *row)
{
    const struct graph_base *base = row;
    pg_bind_uuid(bind, 0, base->id);
    pg_bind_text(bind, 1, base->body);
}

static void bind_event(struct pg_bind *bind, const void *row)
{
    const struct graph_event *event = row;
    pg_bind_uuid(bind, 0, event->id);
    pg_bind_time(bind, 1, event->event_time_us);
    pg_bind_time(bind, 2, event->received_at_us);
    pg_bind_optional_uuid(bind, 3, event->has_run, event->run);
    pg_bind_uuid(bind, 4, event->statement);
    pg_bind_optional_uuid(bind, 5, event->has_base, event->base);
    pg_bind_int8(bind, 6, event->kafka_offset);
    pg_bind_int2(bind, 7, (int16_t)event->partition);
    pg_bind_int4(bind, 8, event->body_bytes);
    if (event->redactions) {
        pg_bind_int2(bind, 9,
                     (int16_t)(event->redactions < INT16_MAX ? event->redactions : INT16_MAX));
    } else {
        pg_bind_null(bind, 9);
    }
    pg_bind_int2(bind, 10, (int16_t)event->source);
    pg_bind_text(bind, 11, event->topic);
    pg_bind_text(bind, 12, event->event_type);
    pg_bind_text(bind, 13, ids_as_text(event->facet_digests, event->facet_digest_count));
    pg_bind_text(bind, 14, event->body);
    pg_bind_text(bind, 15, event->principal);
    pg_bind_text(bind, 16, event->emitter_id);
    if (event->emitter_id.ptr) {
        pg_bind_int8(bind, 17, event->emitter_epoch);
        pg_bind_int8(bind, 18, event->emitter_sequence);
    } else {
        pg_bind_null(bind, 17);
        pg_bind_null(bind, 18);
    }
    pg_bind_text(bind, 19, event->idempotency_key);
}

static void bind_letter(struct pg_bind *bind, const void *row)
{
    const struct dead_letter *letter = row;
    pg_bind_uuid(bind, 0, letter->letter_id);
    pg_bind_optional_uuid(bind, 1, letter->has_event_id, letter->letter_id);
    pg_bind_time(bind, 2, letter->failed_at_us);
    pg_bind_text(bind, 3, letter->stage);
    pg_bind_text(bind, 4, letter->reason);
    pg_bind_text(bind, 5, letter->json_pointer);
    if (letter->byte_offset < 0) {
        pg_bind_null(bind, 6);
    } else {
        pg_bind_int8(bind, 6, letter->byte_offset);
    }
    pg_bind_text(bind, 7, letter->topic);
    pg_bind_int4(bind, 8, letter->partition);
    pg_bind_int8(bind, 9, letter->kafka_offset);
    bool has_time = letter->timestamp_ms >= 0 && letter->timestamp_ms < RECORD_TIME_END_MS;
    pg_bind_time(bind, 10, has_time ? letter->timestamp_ms * 1000 : GRAPH_NO_TIME);
    pg_bind_text(bind, 11, letter->value);
}

#define ROWS(table, type)                                                                          \
    .rows_offset = offsetof(struct graph_batch, table), .row_bytes = sizeof(struct type)
#define CONTENT(sql, letters, table, type, name)                                                   \
    {                                                                                              \
        .statement = sql, .types = letters, ROWS(table, type), .is_content = true,                 \
        .is_derived = true, .order = order_##name, .bind = bind_##name                             \
    }
/* Content of which several rows of one key say different things. */
#define MERGED(sql, letters, table, type, name)                                                    \
    {                                                                                              \
        .statement = sql, .types = letters, ROWS(table, type), .is_content = true,                 \
        .is_derived = true, .order = order_##name, .merge = merge_##name, .bind = bind_##name      \
    }

/* Of payloads, which have no body to make them anew from: a duplicate adds nothing, and rebuild leaves them. */
#define INFERENCE(sql, letters, table, type, name)                                                 \
    {                                                                                              \
        .statement = sql, .types = letters, ROWS(table, type), .order = pg_inference_order_##name, \
        .merge = pg_inference_merge_##name, .bind = pg_inference_bind_##name                       \
    }

#define NUMBERS(sql)                                                                               \
    {                                                                                              \
        .statement = sql, .types = "t88z", ROWS(sequences, graph_sequence), .is_content = true,    \
        .order = pg_numbers_order_sequence, .merge = pg_numbers_merge_sequence,                    \
        .bind = pg_numbers_bind_sequence                                                           \
    }

const struct pg_table pg_tables[] = {
    CONTENT("insert_facets", "ubtt", facets, graph_facet, facet),
    CONTENT("insert_jobs", "utt", jobs, graph_node, node),
    MERGED("upsert_datasets", "uttb", datasets, graph_node, dataset),
    CONTENT("insert_symlinks", "uuttt", symlinks, graph_symlink, symlink),
    CONTENT("insert_edges", "u2u", edges, graph_edge, edge),
    CONTENT("insert_column_edges", "uuu4tutttbt", column_edges, graph_column_edge, column_edge),
    CONTENT("insert_io_sets", "u22uu", io, graph_io, io),
    CONTENT("insert_descriptions", "u2ttu4", descriptions, graph_description, description),
    CONTENT("insert_layouts", "u22u2tt4", layouts, graph_layout, layout),
    {.statement = "upsert_statements",
     .types = "u2uuuyutzzuzuuu",
     ROWS(statements, graph_statement),
     .is_derived = true,
     .order = order_statement,
     .merge = merge_statement,
     .bind = bind_statement},
    {.statement = "upsert_runs",
     .types = "ut2zzzubzuuuzuzzzutzu4",
     ROWS(runs, graph_run),
     .is_derived = true,
     .order = order_run,
     .merge = merge_run,
     .bind = bind_run},
    MERGED("upsert_asset_facts", "u244444", asset_facts, graph_asset_facts, asset_facts),
    {.statement = "upsert_run_io_sets",
     .types = "uuz",
     ROWS(statements, graph_statement),
     .is_derived = true,
     .wants = has_run_io,
     .order = order_run_io,
     .merge = merge_statement,
     .bind = bind_run_io},
    {.statement = "insert_body_bases",
     .types = "uy",
     ROWS(bases, graph_base),
     .is_content = true,
     .order = order_base,
     .bind = bind_base},
    {.statement = "insert_events",
     .types = "uzzuuu82422ttyytt88t",
     ROWS(events, graph_event),
     .wants = is_of_graph,
     .order = order_event,
     .bind = bind_event},
    {.statement = "insert_key_changes",
     .types = "utbttz8888ztzt48s",
     .cluster_param = 16,
     ROWS(key_changes, graph_key_change),
     .order = pg_control_order_key_change,
     .bind = pg_control_bind_key_change},
    {.statement = "insert_refusals",
     .types = "u4t2t8zzt",
     ROWS(refusals, graph_refusal),
     .order = pg_control_order_refusal,
     .bind = pg_control_bind_refusal},
    {.statement = "upsert_models",
     .types = "utt2",
     ROWS(models, graph_node),
     .is_content = true,
     .order = order_node,
     .merge = pg_models_merge_model,
     .bind = bind_model},
    {.statement = "upsert_deployments",
     .types = "utt2",
     ROWS(deployments, graph_node),
     .is_content = true,
     .order = order_node,
     .merge = pg_models_merge_model,
     .bind = bind_model},
    {.statement = "upsert_model_versions",
     .types = "ut2zzt2zt2zu2zt2z2zzzzz",
     ROWS(model_versions, graph_model_version),
     .order = pg_models_order_version,
     .merge = pg_models_merge_version,
     .bind = pg_models_bind_version},
    {.statement = "upsert_model_facts",
     .types = "ut2ttzz",
     ROWS(model_facts, graph_model_fact),
     .order = pg_models_order_fact,
     .merge = pg_models_merge_fact,
     .bind = pg_models_bind_fact},
    {.statement = "upsert_model_artifacts",
     .types = "tuz",
     ROWS(model_artifacts, graph_model_artifact),
     .is_derived = true,
     .order = pg_models_order_artifact,
     .merge = pg_models_merge_artifact,
     .bind = pg_models_bind_artifact},
    CONTENT("insert_run_marks", "uu", run_marks, graph_run_mark, run_mark),
    INFERENCE("upsert_inference_streams", "uuutzz", inference_streams, graph_inference_stream,
              stream),
    INFERENCE("upsert_inference_windows", "uz888888", inference_windows, graph_inference_window,
              window),
    INFERENCE("upsert_inference_tensors", "uz2ttt88", inference_tensors, graph_inference_tensor,
              tensor),
    INFERENCE("upsert_inference_versions", "uzt8zz", inference_versions, graph_inference_version,
              version),
    INFERENCE("upsert_inference_pairs", "uuzz", inference_pairs, graph_inference_pair, pair),
    {.statement = "upsert_monitors",
     .types = "uttub2zzzutttt",
     ROWS(monitors, graph_monitor),
     .order = pg_detectors_order_monitor,
     .merge = pg_detectors_merge_monitor,
     .bind = pg_detectors_bind_monitor},
    {.statement = "insert_drift_evaluations",
     .types = "uuz2244dddt",
     ROWS(drift_evaluations, graph_drift_evaluation),
     .order = pg_detectors_order_evaluation,
     .bind = pg_detectors_bind_evaluation},
    PG_KUBERNETES_TABLES,
    PG_SERVERS_TABLES,
    NUMBERS("upsert_emitters"),
    NUMBERS("insert_late_gaps"),
    NUMBERS("upsert_emitter_chunks"),
    {.statement = "insert_gaps",
     .types = "t888tz",
     ROWS(gaps, graph_gap),
     .is_content = true,
     .order = pg_numbers_order_gap,
     .merge = pg_numbers_merge_gap,
     .bind = pg_numbers_bind_gap},
    NUMBERS("fill_gaps"),
    PG_DRIFT_TABLES,
    {.statement = "judge_monitors",
     .types = "u",
     ROWS(monitors, graph_monitor),
     .order = pg_detectors_order_monitor,
     .bind = pg_detectors_bind_monitor_id},
    {.statement = "insert_dead_letters",
     .types = "uuzttt8t48zys",
     .cluster_param = 12,
     ROWS(letters, dead_letter),
     .is_content = true,
     .order = order_letter,
     .bind = bind_letter},
    {.statement = NULL},
};

/* The number of the event that a row belongs to: events are numbered by their place, letters belong
 * to none, all others name it first. */
static uint32_t event_of(const struct pg_table *table, const void *row, size_t index)
{
    if (table->row_bytes == sizeof(struct graph_event) && table->bind == bind_event) {
        return (uint32_t)index;
    }
    if (table->bind == bind_letter) {
        return UINT32_MAX;
    }
    uint32_t event;
    memcpy(&event, row, sizeof event);
    return event;
}

static bool is_wanted(const struct pg_table *table, const struct graph_batch *rows, const void *row,
                      size_t index, uint32_t only_event)
{
    uint32_t event = event_of(table, row, index);
    if (only_event != UINT32_MAX) {
        return event == only_event && (!table->wants || table->wants(rows, row));
    }
    bool is_stored = event != UINT32_MAX && rows->events.items[event].is_stored;
    return (table->is_content || !is_stored) && (!table->wants || table->wants(rows, row));
}

static int order_pointers(const void *a, const void *b, void *order)
{
    const struct pg_table *table = order;
    return table->order(*(const void *const *)a, *(const void *const *)b);
}

enum verdict pg_tables_bind(const struct pg_table *table, const struct graph_batch *rows,
                            uint32_t only_event, struct arena *scratch, struct pg_bind *bind,
                            size_t *out_count, struct err *err)
{
    GRAPH_ROWS(char) all;
    memcpy(&all, (const char *)rows + table->rows_offset, sizeof all);
    const void **wanted = arena_alloc(scratch, all.count * sizeof *wanted);
    size_t count = 0;
    *out_count = 0;
    if (!wanted) {
        return err_set(err, RETRY, "pg_tables", "memory is short");
    }
    for (size_t i = 0; i < all.count; i++) {
        const void *row = all.items + i * table->row_bytes;
        if (is_wanted(table, rows, row, i, only_event)) {
            wanted[count++] = row;
        }
    }
    qsort_r(wanted, count, sizeof *wanted, order_pointers, (void *)table);
    pg_bind_begin(bind, table->types);
    for (size_t i = 0; i < count;) {
        _Alignas(16) char merged[PG_TABLES_ROW_BYTES_MAX];
        const void *row = wanted[i];
        size_t same = i + 1;
        for (; same < count && table->order(row, wanted[same]) == 0; same++) {
            if (table->merge && row != merged) {
                memcpy(merged, row, table->row_bytes);
                row = merged;
            }
            if (table->merge) {
                table->merge(merged, wanted[same]);
            }
        }
        table->bind(bind, row);
        ++*out_count;
        i = same;
    }
    return OK;
}
