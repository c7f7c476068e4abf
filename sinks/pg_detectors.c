#include "pg_detectors.h"

#include "pg_order.h"
#include "schemas/graph_rows.h"

PG_ORDER(pg_detectors_order_monitor, graph_monitor, BY_ID(id))

static bool is_later(const struct graph_version *x, const struct graph_version *y)
{
    return x->at_us > y->at_us || (x->at_us == y->at_us && id128_cmp(x->by, y->by) > 0);
}

void pg_detectors_merge_monitor(void *into, const void *row)
{
    struct graph_monitor *x = into;
    const struct graph_monitor *y = row;
    x->kind = y->kind > x->kind ? y->kind : x->kind;
    x->first_at_us = y->first_at_us < x->first_at_us ? y->first_at_us : x->first_at_us;
    x->last_at_us = y->last_at_us > x->last_at_us ? y->last_at_us : x->last_at_us;
    if (is_later(&y->described, &x->described)) {
        x->described = y->described;
        x->detector = y->detector;
        x->detector_type = y->detector_type;
        x->data_type = y->data_type;
        x->version = y->version;
    }
}

void pg_detectors_bind_monitor(struct pg_bind *bind, const void *row)
{
    const struct graph_monitor *monitor = row;
    pg_bind_uuid(bind, 0, monitor->id);
    pg_bind_text(bind, 1, monitor->namespace_);
    pg_bind_text(bind, 2, monitor->name);
    pg_bind_uuid(bind, 3, monitor->stream);
    pg_bind_bool(bind, 4, monitor->is_apart);
    pg_bind_int2(bind, 5, monitor->kind);
    pg_bind_time(bind, 6, monitor->first_at_us);
    pg_bind_time(bind, 7, monitor->last_at_us);
    pg_bind_time(bind, 8, monitor->described.at_us);
    pg_bind_uuid(bind, 9, monitor->described.by);
    pg_bind_text(bind, 10, monitor->detector);
    pg_bind_text(bind, 11, monitor->detector_type);
    pg_bind_text(bind, 12, monitor->data_type);
    pg_bind_text(bind, 13, monitor->version);
}

void pg_detectors_bind_monitor_id(struct pg_bind *bind, const void *row)
{
    pg_bind_uuid(bind, 0, ((const struct graph_monitor *)row)->id);
}

PG_ORDER(pg_detectors_order_evaluation, graph_drift_evaluation, BY_ID(id))

void pg_detectors_bind_evaluation(struct pg_bind *bind, const void *row)
{
    const struct graph_drift_evaluation *evaluation = row;
    pg_bind_uuid(bind, 0, evaluation->id);
    pg_bind_uuid(bind, 1, evaluation->monitor);
    pg_bind_time(bind, 2, evaluation->at_us);
    pg_bind_int2(bind, 3, evaluation->state);
    pg_bind_int2(bind, 4, evaluation->kind);
    pg_bind_int4(bind, 5, evaluation->judged);
    pg_bind_int4(bind, 6, evaluation->drifted);
    pg_bind_float8(bind, 7, evaluation->distance);
    pg_bind_float8(bind, 8, evaluation->p_value);
    pg_bind_float8(bind, 9, evaluation->threshold);
    pg_bind_text(bind, 10, evaluation->request_id);
}
