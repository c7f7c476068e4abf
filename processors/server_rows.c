#include "server_rows.h"

#include "schemas/payload_event.h"

/* The report at hand. */
struct seen {
    struct rows *rs;
    struct str namespace_;
    struct str server;
    struct id128 deployment;
    int64_t at_us;
};

static struct seen see(struct rows *rs, struct str namespace_, struct str server, int64_t at_us)
{
    const struct payload_event named = {.namespace_ = namespace_, .service = server};

    return (struct seen){.rs = rs,
                         .namespace_ = namespace_,
                         .server = server,
                         .deployment = payload_event_deployment(&named),
                         .at_us = at_us};
}

static struct id128 model_of(const struct seen *seen, struct str model)
{
    const struct payload_event named = {.namespace_ = seen->namespace_, .model = model};

    return payload_event_model(&named);
}

static enum verdict fill_node(const struct seen *seen, struct graph_node *row, struct id128 id,
                              struct str name, struct err *err)
{
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = seen->rs->work->event, .id = id, .source = GRAPH_OBSERVED};
    enum verdict verdict = rows_text(seen->rs, seen->namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(seen->rs, name, &row->name, err) : verdict;
}

static enum verdict add_deployment(const struct seen *seen, struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(seen->rs, rows_tagged(seen->deployment, 'O'), &is_new, err);

    return verdict == OK && is_new
               ? fill_node(seen, graph_rows_add(&seen->rs->bt->rows.deployments), seen->deployment,
                           seen->server, err)
               : verdict;
}

static enum verdict add_model(const struct seen *seen, struct id128 id, struct str name,
                              struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(seen->rs, rows_tagged(id, 'O'), &is_new, err);

    return verdict == OK && is_new
               ? fill_node(seen, graph_rows_add(&seen->rs->bt->rows.models), id, name, err)
               : verdict;
}

static enum verdict add_version(const struct seen *seen, struct id128 model, struct str version,
                                struct err *err)
{
    struct graph_model_version *row = graph_rows_add(&seen->rs->bt->rows.model_versions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_version){.event = seen->rs->work->event,
                                        .model = model,
                                        .source = GRAPH_OBSERVED,
                                        .first_at_us = seen->at_us,
                                        .last_at_us = seen->at_us};
    return rows_text(seen->rs, version, &row->version, err);
}

static enum verdict add_observation(const struct seen *seen, struct id128 model,
                                    const struct server_model *told, bool is_whole, struct err *err)
{
    struct graph_server_observation *row = graph_rows_add(&seen->rs->bt->rows.server_observations);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_server_observation){.event = seen->rs->work->event,
                                             .deployment = seen->deployment,
                                             .model = model,
                                             .at_us = seen->at_us,
                                             .is_whole = is_whole};
    enum verdict verdict = rows_text(seen->rs, told->version, &row->version, err);
    verdict = verdict == OK ? rows_text(seen->rs, told->state, &row->state, err) : verdict;
    return verdict == OK ? rows_text(seen->rs, told->reason, &row->reason, err) : verdict;
}

static struct graph_server_description *add_description(const struct seen *seen, struct id128 model)
{
    struct graph_server_description *row = graph_rows_add(&seen->rs->bt->rows.server_descriptions);

    if (row) {
        *row = (struct graph_server_description){.event = seen->rs->work->event,
                                                 .deployment = seen->deployment,
                                                 .model = model,
                                                 .at_us = seen->at_us,
                                                 .by = seen->rs->work->ev.event_id,
                                                 .version = STR("")};
    }
    return row;
}

static enum verdict describe_server(const struct seen *seen, const struct server_report *report,
                                    struct err *err)
{
    struct graph_server_description *row = add_description(seen, (struct id128){{0}});
    if (!row) {
        return rows_short(err);
    }
    enum verdict verdict = rows_text(seen->rs, report->version, &row->platform, err);
    return verdict == OK && report->extensions.ptr
               ? rows_text(seen->rs, report->extensions, &row->libraries, err)
               : verdict;
}

static enum verdict describe_model(const struct seen *seen, struct id128 model,
                                   const struct server_model *told, struct err *err)
{
    struct graph_server_description *row = add_description(seen, model);
    if (!row) {
        return rows_short(err);
    }
    enum verdict verdict = rows_text(seen->rs, told->version, &row->version, err);
    verdict = verdict == OK ? rows_text(seen->rs, told->platform, &row->platform, err) : verdict;
    verdict = verdict == OK ? rows_text(seen->rs, told->libraries, &row->libraries, err) : verdict;
    verdict = verdict == OK ? rows_text(seen->rs, told->inputs, &row->inputs, err) : verdict;
    return verdict == OK ? rows_text(seen->rs, told->outputs, &row->outputs, err) : verdict;
}

static enum verdict add_told(const struct seen *seen, const struct server_model *told,
                             struct err *err)
{
    struct id128 model = model_of(seen, told->model);
    bool is_there = !str_eq(told->state, STR(SERVER_MODEL_IS_GONE));
    enum verdict verdict = add_model(seen, model, told->model, err);

    if (verdict == OK && is_there && told->version.len > 0) {
        verdict = add_version(seen, model, told->version, err);
    }
    verdict = verdict == OK ? add_observation(seen, model, told, false, err) : verdict;
    return verdict == OK && told->platform.ptr ? describe_model(seen, model, told, err) : verdict;
}

enum verdict server_rows_observed(struct rows *rs, const struct server_report *report,
                                  int64_t at_us, struct err *err)
{
    const struct seen seen = see(rs, report->namespace_, report->server, at_us);
    const struct server_model itself = {
        .version = STR(""), .state = report->state, .reason = report->reason};
    enum verdict verdict = add_deployment(&seen, err);

    if (verdict == OK) {
        verdict = add_observation(&seen, (struct id128){{0}}, &itself, report->is_whole, err);
    }
    if (verdict == OK && report->version.ptr) {
        verdict = describe_server(&seen, report, err);
    }
    for (uint32_t i = 0; verdict == OK && i < report->model_count; i++) {
        verdict = add_told(&seen, &report->models[i], err);
    }
    return verdict;
}

static enum verdict add_count(const struct seen *seen, const struct server_count *count,
                              struct err *err)
{
    struct id128 model = model_of(seen, count->model);
    enum verdict verdict = add_model(seen, model, count->model, err);
    struct graph_server_count *row =
        verdict == OK ? graph_rows_add(&seen->rs->bt->rows.server_counts) : NULL;

    if (!row) {
        return verdict == OK ? rows_short(err) : verdict;
    }
    *row =
        (struct graph_server_count){.event = seen->rs->work->event,
                                    .deployment = seen->deployment,
                                    .model = model,
                                    .at_us = seen->at_us,
                                    .successes = count->successes,
                                    .failures = count->failures,
                                    .timed = count->timed,
                                    .duration_us = count->duration_us,
                                    .began_us = count->began_us ? count->began_us : GRAPH_NO_TIME};
    return OK;
}

enum verdict server_rows_counted(struct rows *rs, const struct server_counts *counts, int64_t at_us,
                                 struct err *err)
{
    const struct seen seen = see(rs, counts->namespace_, counts->server, at_us);
    enum verdict verdict = add_deployment(&seen, err);

    for (uint32_t i = 0; verdict == OK && i < counts->model_count; i++) {
        verdict = add_count(&seen, &counts->models[i], err);
    }
    return verdict;
}
