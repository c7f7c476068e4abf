/* control.c - the stage of format "cloudevents": what MetaOps says of itself becomes rows.
 *
 * A table of types. Such an event is in the ledger of ids and moves offsets as every other, but is
 * no lineage event: it has a table of its own and is not in metaops.events. */
#include "rows.h"
#include "schemas/key_change.h"
#include "schemas/refusal_report.h"
#include "server_rows.h"
#include "stages.h"

/* An event of the table's type. The first half of a handler reads and may refuse; once it has added
 * a row, only memory may fail. */
struct control {
    struct rows rs;
    struct cloud_event ce;
};

static enum verdict add_control_event(struct control *ctl, struct err *err)
{
    struct event_work *work = ctl->rs.work;
    struct graph_event *row = graph_rows_add(&ctl->rs.bt->rows.events);
    if (!row) {
        return rows_short(err);
    }
    work->event = (uint32_t)(ctl->rs.bt->rows.events.count - 1);
    *row = (struct graph_event){.id = work->ev.event_id,
                                .event_time_us = ctl->ce.time_us,
                                .received_at_us = work->ev.received_at_us,
                                .body_bytes = (int32_t)work->ev.body.len,
                                .source = work->ev.source,
                                .topic = ctl->rs.topic,
                                .partition = work->record->partition,
                                .kafka_offset = work->record->offset,
                                .is_control = true};
    return rows_text(&ctl->rs, ctl->ce.type, &row->event_type, err);
}

/* The patterns as a JSON array that jsonb takes. */
static enum verdict namespaces_text(struct control *ctl, struct str *out_text, struct err *err)
{
    const struct json_doc *doc = ctl->rs.pr->doc;
    const struct json_value *list = json_get(doc, ctl->ce.data, STR("namespaces"));
    if (!list || list->type != JSON_ARRAY) {
        *out_text = STR("[]");
        return OK;
    }
    return json_clean(doc, list, ctl->rs.bt->arena, out_text, err);
}

static enum verdict key_changed(struct control *ctl, struct err *err)
{
    struct event_work *work = ctl->rs.work;
    struct key_change change;
    if (strcmp(work->record->topic, ctl->rs.pr->topic_keys) != 0) {
        return err_set(err, REJECT, "control", "changes of keys are taken from topic %s only",
                       ctl->rs.pr->topic_keys);
    }
    enum verdict verdict =
        key_change_read(ctl->rs.pr->doc, &ctl->ce, ctl->rs.pr->scratch, &change, &work->fault, err);
    if (verdict == OK) {
        verdict = add_control_event(ctl, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    struct graph_key_change *row = graph_rows_add(&ctl->rs.bt->rows.key_changes);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_key_change){.event = work->event,
                                     .id = work->ev.event_id,
                                     .is_revoked = change.is_revoked,
                                     .expires_at_us = change.expires_at_us == KEY_CHANGE_NEVER
                                                          ? GRAPH_NO_TIME
                                                          : change.expires_at_us,
                                     .rate_per_s = change.rate_per_s,
                                     .burst = change.burst,
                                     .events_per_day = change.events_per_day,
                                     .bytes_per_day = change.bytes_per_day,
                                     .at_us = change.at_us,
                                     .received_at_us = work->ev.received_at_us,
                                     .topic = ctl->rs.topic,
                                     .partition = work->record->partition,
                                     .kafka_offset = work->record->offset};
    verdict = rows_text(&ctl->rs, change.key_id, &row->key_id, err);
    verdict = verdict == OK ? rows_text(&ctl->rs, change.by, &row->by, err) : verdict;
    if (verdict == OK && !change.is_revoked) {
        verdict = rows_text(&ctl->rs, change.name, &row->name, err);
        verdict = verdict == OK ? namespaces_text(ctl, &row->namespaces, err) : verdict;
    }
    return verdict;
}

static enum verdict add_refusal(struct control *ctl, const struct refusal_entry *entry,
                                int32_t ordinal, struct str gateway, struct err *err)
{
    struct graph_refusal *row = graph_rows_add(&ctl->rs.bt->rows.refusals);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_refusal){.event = ctl->rs.work->event,
                                  .id = ctl->rs.work->ev.event_id,
                                  .ordinal = ordinal,
                                  .status = (int16_t)entry->status,
                                  .count = entry->count,
                                  .first_us = entry->first_us,
                                  .last_us = entry->last_us,
                                  .gateway = gateway};
    enum verdict verdict = rows_text(&ctl->rs, entry->key_id, &row->key_id, err);
    return verdict == OK ? rows_text(&ctl->rs, entry->reason, &row->reason, err) : verdict;
}

static enum verdict refused(struct control *ctl, struct err *err)
{
    struct refusal_report report;
    struct str gateway = STR("");
    enum verdict verdict = refusal_report_read(ctl->rs.pr->doc, &ctl->ce, ctl->rs.pr->scratch,
                                               &report, &ctl->rs.work->fault, err);
    if (verdict == OK) {
        verdict = add_control_event(ctl, err);
    }
    if (verdict == OK) {
        verdict = rows_text(&ctl->rs, report.gateway, &gateway, err);
    }
    for (uint32_t i = 0; verdict == OK && i < report.entry_count; i++) {
        verdict = add_refusal(ctl, &report.entries[i], (int32_t)i, gateway, err);
    }
    return verdict;
}

static enum verdict server_observed(struct control *ctl, struct err *err)
{
    struct server_report report;
    enum verdict verdict = server_report_read(ctl->rs.pr->doc, &ctl->ce, ctl->rs.pr->scratch,
                                              &report, &ctl->rs.work->fault, err);
    verdict = verdict == OK ? add_control_event(ctl, err) : verdict;
    return verdict == OK ? server_rows_observed(&ctl->rs, &report, ctl->ce.time_us, err) : verdict;
}

static enum verdict server_counted(struct control *ctl, struct err *err)
{
    struct server_counts counts;
    enum verdict verdict = server_counts_read(ctl->rs.pr->doc, &ctl->ce, ctl->rs.pr->scratch,
                                              &counts, &ctl->rs.work->fault, err);
    verdict = verdict == OK ? add_control_event(ctl, err) : verdict;
    return verdict == OK ? server_rows_counted(&ctl->rs, &counts, ctl->ce.time_us, err) : verdict;
}

static const struct {
    const char *type;
    enum verdict (*rows)(struct control *ctl, struct err *err);
} types[] = {
    {.type = KEY_CHANGE_ADDED, .rows = key_changed},
    {.type = KEY_CHANGE_REVOKED, .rows = key_changed},
    {.type = REFUSAL_REPORT_TYPE, .rows = refused},
    {.type = SERVER_OBSERVED_TYPE, .rows = server_observed},
    {.type = SERVER_COUNTED_TYPE, .rows = server_counted},
};

enum verdict control_run(struct processor *pr, struct batch *bt, struct event_work *work,
                         struct err *err)
{
    struct control ctl = {.rs = {.pr = pr, .bt = bt, .work = work}};
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    enum verdict verdict = cloud_event_read(pr->doc, pr->scratch, &ctl.ce, &work->fault, err);
    if (verdict == OK) {
        verdict = rows_topic(&ctl.rs, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_eq(ctl.ce.type, str_view(types[i].type))) {
            return types[i].rows(&ctl, err);
        }
    }
    return err_set(err, REJECT, "control", "nobody knows CloudEvents of type %.*s",
                   (int)(ctl.ce.type.len < 64 ? ctl.ce.type.len : 64), ctl.ce.type.ptr);
}
