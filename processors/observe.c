/* observe.c - the stage of format "payload": a request, an answer or feedback becomes sums of its stream's window; what a
 * detector says, an evaluation.
 *
 * Of the payload itself nothing is kept but the names, types and shapes of its tensors. Model, deployment
 * and stream exist from the first payload on. */
#include <inttypes.h>
#include <stdio.h>

#include "detector_rows.h"

#define WINDOW_US INT64_C(60000000)
#define SHAPE_BYTES (2 + INFERENCE_DIMENSIONS_MAX * sizeof "2147483647,")

/* The payload at hand. */
struct observation {
    struct rows rs;
    const struct payload_event *ev;
    struct inference_message message;
    struct id128 stream;
    int64_t at_us;    /* its own time, else that of receipt */
    int64_t start_us; /* of its window */
};

static int64_t window_of(int64_t at_us)
{
    int64_t into = at_us % WINDOW_US;

    return at_us - (into < 0 ? into + WINDOW_US : into);
}

static enum verdict fill_node(struct observation *ob, struct graph_node *row, struct id128 id,
                              struct str name, struct err *err)
{
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = ob->rs.work->event, .id = id, .source = GRAPH_INFERRED};
    enum verdict verdict = rows_text(&ob->rs, ob->ev->namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(&ob->rs, name, &row->name, err) : verdict;
}

static enum verdict add_nodes(struct observation *ob, struct id128 model, struct id128 deployment,
                              struct err *err)
{
    struct graph_batch *rows = &ob->rs.bt->rows;
    bool is_new;
    enum verdict verdict = rows_once(&ob->rs, model, &is_new, err);
    if (verdict == OK && is_new) {
        verdict = fill_node(ob, graph_rows_add(&rows->models), model, ob->ev->model, err);
    }
    if (verdict == OK) {
        verdict = rows_once(&ob->rs, deployment, &is_new, err);
    }
    if (verdict == OK && is_new) {
        verdict =
            fill_node(ob, graph_rows_add(&rows->deployments), deployment, ob->ev->service, err);
    }
    return verdict;
}

static enum verdict add_stream(struct observation *ob, struct err *err)
{
    struct id128 model = payload_event_model(ob->ev);
    struct id128 deployment = payload_event_deployment(ob->ev);
    struct graph_batch *rows = &ob->rs.bt->rows;
    enum verdict verdict = add_nodes(ob, model, deployment, err);
    struct graph_inference_stream *row = graph_rows_add(&rows->inference_streams);
    if (verdict != OK || !row) {
        return verdict == OK ? rows_short(err) : verdict;
    }
    *row = (struct graph_inference_stream){.event = ob->rs.work->event,
                                           .id = ob->stream,
                                           .deployment = deployment,
                                           .model = model,
                                           .first_at_us = ob->at_us,
                                           .last_at_us = ob->at_us};
    verdict = rows_text(&ob->rs, ob->ev->endpoint, &row->endpoint, err);
    if (verdict != OK || ob->message.model_version.len == 0) {
        return verdict;
    }
    struct graph_model_version *version = graph_rows_add(&rows->model_versions);
    if (!version) {
        return rows_short(err);
    }
    *version = (struct graph_model_version){.event = ob->rs.work->event,
                                            .model = model,
                                            .source = GRAPH_INFERRED,
                                            .first_at_us = ob->at_us,
                                            .last_at_us = ob->at_us};
    return rows_text(&ob->rs, ob->message.model_version, &version->version, err);
}

static enum verdict add_window(struct observation *ob, struct err *err)
{
    struct graph_inference_window *row = graph_rows_add(&ob->rs.bt->rows.inference_windows);
    enum payload_kind kind = ob->ev->kind;
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_inference_window){.event = ob->rs.work->event,
                                           .stream = ob->stream,
                                           .start_us = ob->start_us,
                                           .requests = kind == PAYLOAD_IS_REQUEST,
                                           .answers = kind == PAYLOAD_IS_ANSWER,
                                           .errors = ob->message.has_failed,
                                           .feedbacks = kind == PAYLOAD_IS_FEEDBACK,
                                           .rewarded = ob->message.has_reward,
                                           .reward_micros = ob->message.reward_micros};
    return OK;
}

/* Batches differ in size from request to request; what they are made of does not. */
static void write_shape(const struct inference_tensor *tensor, char *out)
{
    size_t len = (size_t)snprintf(out, SHAPE_BYTES, "[");

    for (uint32_t i = 0; i < tensor->dimension_count; i++) {
        len += (size_t)snprintf(out + len, SHAPE_BYTES - len, i ? ",%" PRId64 : "%" PRId64,
                                i ? tensor->shape[i] : INT64_C(-1));
    }
    snprintf(out + len, SHAPE_BYTES - len, "]");
}

static enum verdict add_tensor(struct observation *ob, const struct inference_tensor *tensor,
                               struct err *err)
{
    char shape[SHAPE_BYTES];
    struct graph_inference_tensor *row = graph_rows_add(&ob->rs.bt->rows.inference_tensors);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_inference_tensor){
        .event = ob->rs.work->event,
        .stream = ob->stream,
        .start_us = ob->start_us,
        .direction = ob->ev->kind == PAYLOAD_IS_ANSWER ? GRAPH_OUTPUT : GRAPH_INPUT,
        .tensors = 1,
        .instances = tensor->dimension_count ? tensor->shape[0] : 1};
    write_shape(tensor, shape);
    enum verdict verdict = rows_text(&ob->rs, tensor->name, &row->name, err);
    verdict = verdict == OK ? rows_text(&ob->rs, tensor->datatype, &row->datatype, err) : verdict;
    return verdict == OK ? rows_text(&ob->rs, str_view(shape), &row->shape, err) : verdict;
}

/* Which version answered when. */
static enum verdict add_answered(struct observation *ob, struct err *err)
{
    if (ob->ev->kind != PAYLOAD_IS_ANSWER || ob->message.model_version.len == 0) {
        return OK;
    }
    struct graph_inference_version *row = graph_rows_add(&ob->rs.bt->rows.inference_versions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_inference_version){.event = ob->rs.work->event,
                                            .stream = ob->stream,
                                            .start_us = ob->start_us,
                                            .answers = 1,
                                            .first_at_us = ob->at_us,
                                            .last_at_us = ob->at_us};
    return rows_text(&ob->rs, ob->message.model_version, &row->version, err);
}

/* Of payloads with a time only: that of receipt says nothing about how long an answer took. */
static enum verdict add_pair(struct observation *ob, struct err *err)
{
    bool is_answer = ob->ev->kind == PAYLOAD_IS_ANSWER;
    if (ob->ev->time_us == PAYLOAD_NO_TIME || ob->ev->kind == PAYLOAD_IS_FEEDBACK) {
        return OK;
    }
    struct graph_inference_pair *row = graph_rows_add(&ob->rs.bt->rows.inference_pairs);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_inference_pair){.event = ob->rs.work->event,
                                         .id = payload_event_pair(ob->ev),
                                         .stream = ob->stream,
                                         .request_at_us = is_answer ? GRAPH_NO_TIME : ob->at_us,
                                         .answer_at_us = is_answer ? ob->at_us : GRAPH_NO_TIME};
    return OK;
}

/* What of it falls into its stream's window; what is said about the stream does not. */
static enum verdict add_sums(struct observation *ob, struct err *err)
{
    if (payload_event_is_about(ob->ev)) {
        return OK;
    }
    enum verdict verdict = add_window(ob, err);
    for (uint32_t i = 0; verdict == OK && i < ob->message.tensor_count; i++) {
        verdict = add_tensor(ob, &ob->message.tensors[i], err);
    }
    verdict = verdict == OK ? add_answered(ob, err) : verdict;
    return verdict == OK ? add_pair(ob, err) : verdict;
}

enum verdict observe_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err)
{
    const struct payload_event *ev = work->payload;
    struct observation ob = {.rs = {.pr = pr, .bt = bt, .work = work}, .ev = ev};
    enum verdict verdict =
        payload_event_message(pr->doc, ev, pr->scratch, &ob.message, &work->fault, err);
    if (verdict != OK) {
        return verdict;
    }
    ob.at_us = ev->time_us == PAYLOAD_NO_TIME ? work->ev.received_at_us : ev->time_us;
    ob.start_us = window_of(ob.at_us);
    ob.stream = payload_event_stream(ev);
    verdict = rows_id_only(&ob.rs, ob.at_us, err);
    verdict = verdict == OK ? add_stream(&ob, err) : verdict;
    verdict = verdict == OK ? add_sums(&ob, err) : verdict;
    return verdict == OK ? detector_rows_add(&ob.rs, ev, &ob.message, ob.stream, ob.at_us, err)
                         : verdict;
}
