#include "pg_inference.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

static void reach(int64_t *first_us, int64_t *last_us, int64_t other_first_us,
                  int64_t other_last_us)
{
    *first_us = other_first_us < *first_us ? other_first_us : *first_us;
    *last_us = other_last_us > *last_us ? other_last_us : *last_us;
}

static void take_earliest(int64_t *at_us, int64_t other_us)
{
    if (*at_us == GRAPH_NO_TIME || (other_us != GRAPH_NO_TIME && other_us < *at_us)) {
        *at_us = other_us;
    }
}

PG_ORDER(pg_inference_order_stream, graph_inference_stream, BY_ID(id))

void pg_inference_merge_stream(void *into, const void *row)
{
    struct graph_inference_stream *x = into;
    const struct graph_inference_stream *y = row;
    reach(&x->first_at_us, &x->last_at_us, y->first_at_us, y->last_at_us);
}

void pg_inference_bind_stream(struct pg_bind *bind, const void *row)
{
    const struct graph_inference_stream *stream = row;
    pg_bind_uuid(bind, 0, stream->id);
    pg_bind_uuid(bind, 1, stream->deployment);
    pg_bind_uuid(bind, 2, stream->model);
    pg_bind_text(bind, 3, stream->endpoint);
    pg_bind_time(bind, 4, stream->first_at_us);
    pg_bind_time(bind, 5, stream->last_at_us);
}

PG_ORDER(pg_inference_order_window, graph_inference_window, BY_ID(stream) ?: BY_NUMBER(start_us))

void pg_inference_merge_window(void *into, const void *row)
{
    struct graph_inference_window *x = into;
    const struct graph_inference_window *y = row;
    x->requests += y->requests;
    x->answers += y->answers;
    x->errors += y->errors;
    x->feedbacks += y->feedbacks;
    x->rewarded += y->rewarded;
    x->reward_micros += y->reward_micros;
}

void pg_inference_bind_window(struct pg_bind *bind, const void *row)
{
    const struct graph_inference_window *window = row;
    pg_bind_uuid(bind, 0, window->stream);
    pg_bind_time(bind, 1, window->start_us);
    pg_bind_int8(bind, 2, window->requests);
    pg_bind_int8(bind, 3, window->answers);
    pg_bind_int8(bind, 4, window->errors);
    pg_bind_int8(bind, 5, window->feedbacks);
    pg_bind_int8(bind, 6, window->rewarded);
    pg_bind_int8(bind, 7, window->reward_micros);
}

PG_ORDER(pg_inference_order_tensor, graph_inference_tensor,
         BY_ID(stream) ?: BY_NUMBER(start_us) ?: BY_NUMBER(direction) ?: BY_TEXT(name) ?: BY_TEXT(datatype) ?: BY_TEXT(shape))

void pg_inference_merge_tensor(void *into, const void *row)
{
    struct graph_inference_tensor *x = into;
    const struct graph_inference_tensor *y = row;
    x->tensors += y->tensors;
    x->instances += y->instances;
}

void pg_inference_bind_tensor(struct pg_bind *bind, const void *row)
{
    const struct graph_inference_tensor *tensor = row;
    pg_bind_uuid(bind, 0, tensor->stream);
    pg_bind_time(bind, 1, tensor->start_us);
    pg_bind_int2(bind, 2, tensor->direction);
    pg_bind_text(bind, 3, tensor->name);
    pg_bind_text(bind, 4, tensor->datatype);
    pg_bind_text(bind, 5, tensor->shape);
    pg_bind_int8(bind, 6, tensor->tensors);
    pg_bind_int8(bind, 7, tensor->instances);
}

PG_ORDER(pg_inference_order_version, graph_inference_version,
         BY_ID(stream) ?: BY_NUMBER(start_us) ?: BY_TEXT(version))

void pg_inference_merge_version(void *into, const void *row)
{
    struct graph_inference_version *x = into;
    const struct graph_inference_version *y = row;
    x->answers += y->answers;
    reach(&x->first_at_us, &x->last_at_us, y->first_at_us, y->last_at_us);
}

void pg_inference_bind_version(struct pg_bind *bind, const void *row)
{
    const struct graph_inference_version *version = row;
    pg_bind_uuid(bind, 0, version->stream);
    pg_bind_time(bind, 1, version->start_us);
    pg_bind_text(bind, 2, version->version);
    pg_bind_int8(bind, 3, version->answers);
    pg_bind_time(bind, 4, version->first_at_us);
    pg_bind_time(bind, 5, version->last_at_us);
}

PG_ORDER(pg_inference_order_pair, graph_inference_pair, BY_ID(id))

void pg_inference_merge_pair(void *into, const void *row)
{
    struct graph_inference_pair *x = into;
    const struct graph_inference_pair *y = row;
    take_earliest(&x->request_at_us, y->request_at_us);
    take_earliest(&x->answer_at_us, y->answer_at_us);
}

void pg_inference_bind_pair(struct pg_bind *bind, const void *row)
{
    const struct graph_inference_pair *pair = row;
    pg_bind_uuid(bind, 0, pair->id);
    pg_bind_uuid(bind, 1, pair->stream);
    pg_bind_time(bind, 2, pair->request_at_us);
    pg_bind_time(bind, 3, pair->answer_at_us);
}
