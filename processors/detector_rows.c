#include "detector_rows.h"

/* Of a description what is not said stays null. */
static enum verdict add_said(struct rows *rs, struct str text, struct str *out_text,
                             bool *inout_is_said, struct err *err)
{
    if (text.len == 0) {
        return OK;
    }
    *inout_is_said = true;
    return rows_text(rs, text, out_text, err);
}

static enum verdict describe(struct rows *rs, const struct detector_answer *answer, int64_t at_us,
                             struct graph_monitor *row, struct err *err)
{
    bool is_said = false;
    enum verdict verdict = add_said(rs, answer->name, &row->detector, &is_said, err);
    if (verdict == OK) {
        verdict = add_said(rs, answer->detector_type, &row->detector_type, &is_said, err);
    }
    if (verdict == OK) {
        verdict = add_said(rs, answer->data_type, &row->data_type, &is_said, err);
    }
    if (verdict == OK) {
        verdict = add_said(rs, answer->version, &row->version, &is_said, err);
    }
    row->described.at_us = is_said ? at_us : GRAPH_NO_TIME;
    row->described.by = rs->work->ev.event_id;
    return verdict;
}

static enum verdict add_monitor(struct rows *rs, const struct payload_event *ev,
                                const struct detector_answer *answer, struct id128 stream,
                                int64_t at_us, struct err *err)
{
    bool is_apart = payload_event_is_about(ev);
    struct graph_monitor *row = graph_rows_add(&rs->bt->rows.monitors);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_monitor){.event = rs->work->event,
                                  .id = payload_event_monitor(ev),
                                  .stream = stream,
                                  .is_apart = is_apart,
                                  .kind = (uint8_t)answer->kind,
                                  .first_at_us = at_us,
                                  .last_at_us = at_us};
    enum verdict verdict = rows_text(rs, ev->namespace_, &row->namespace_, err);
    if (verdict == OK) {
        verdict = rows_text(rs, is_apart ? ev->source : ev->model, &row->name, err);
    }
    return verdict == OK ? describe(rs, answer, at_us, row, err) : verdict;
}

static enum verdict add_evaluation(struct rows *rs, const struct payload_event *ev,
                                   const struct detector_answer *answer, int64_t at_us,
                                   struct err *err)
{
    struct graph_drift_evaluation *row = graph_rows_add(&rs->bt->rows.drift_evaluations);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_drift_evaluation){.event = rs->work->event,
                                           .id = ev->event_id,
                                           .monitor = payload_event_monitor(ev),
                                           .at_us = at_us,
                                           .state = (uint8_t)answer->state,
                                           .kind = (uint8_t)answer->kind,
                                           .judged = (int32_t)answer->judged,
                                           .drifted = (int32_t)answer->drifted,
                                           .distance = answer->distance,
                                           .p_value = answer->p_value,
                                           .threshold = answer->threshold};
    return rows_text(rs, ev->request_id, &row->request_id, err);
}

enum verdict detector_rows_add(struct rows *rs, const struct payload_event *ev,
                               const struct inference_message *message, struct id128 stream,
                               int64_t at_us, struct err *err)
{
    const struct detector_answer *answer = &message->detector;
    enum verdict verdict = OK;
    if (answer->kind == DETECTOR_NONE && !answer->may_be_one) {
        return OK;
    }
    if (answer->kind != DETECTOR_NONE) {
        verdict = add_monitor(rs, ev, answer, stream, at_us, err);
    }
    return verdict == OK ? add_evaluation(rs, ev, answer, at_us, err) : verdict;
}
