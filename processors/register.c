/* register.c - the stage of format "mlflow": what a model registry says becomes models, versions, and what is told
 * about them at a time.
 *
 * Of tags and aliases the latest counts, so each row says for when it holds. */
#include "rows.h"
#include "schemas/artifact_uri.h"
#include "schemas/registry_event.h"

/* The event at hand. */
struct registration {
    struct rows rs;
    struct registry_event ev;
};

static enum verdict add_model(struct registration *rg, struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(&rg->rs, rows_tagged(rg->ev.model, 'O'), &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_node *row = graph_rows_add(&rg->rs.bt->rows.models);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){
        .event = rg->rs.work->event, .id = rg->ev.model, .source = GRAPH_OBSERVED};
    verdict = rows_text(&rg->rs, rg->ev.namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(&rg->rs, rg->ev.name, &row->name, err) : verdict;
}

static enum verdict fill_claim(struct registration *rg, struct str text, struct graph_claim *claim,
                               struct err *err)
{
    if (text.len == 0) {
        return OK;
    }
    claim->source = GRAPH_OBSERVED;
    claim->at_us = rg->ev.time_us;
    claim->first_at_us = rg->ev.time_us;
    return rows_text(&rg->rs, text, &claim->text, err);
}

/* Every event about a version says that it is there; only the one that made it says where it is. */
static enum verdict add_version(struct registration *rg, struct str version, struct err *err)
{
    const struct registry_event *ev = &rg->ev;
    char form[ARTIFACT_URI_BYTES_MAX];
    struct str uri = STR("");
    if (version.len == 0) {
        return OK;
    }
    struct graph_model_version *row = graph_rows_add(&rg->rs.bt->rows.model_versions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_version){.event = rg->rs.work->event,
                                        .model = ev->model,
                                        .source = GRAPH_OBSERVED,
                                        .first_at_us = ev->time_us,
                                        .last_at_us = ev->time_us};
    enum verdict verdict = rows_text(&rg->rs, version, &row->version, err);
    if (verdict != OK || ev->kind != REGISTRY_VERSION) {
        return verdict;
    }
    row->released = (struct graph_claim){.source = GRAPH_OBSERVED, .at_us = ev->time_us};
    (void)artifact_uri_normalize(ev->source, form, &uri);
    verdict = fill_claim(rg, uri, &row->artifact_uri, err);
    return verdict == OK ? fill_claim(rg, ev->run_id, &row->registry_run, err) : verdict;
}

static enum verdict add_fact(struct registration *rg, enum graph_model_fact_kind kind,
                             struct str name, struct str value, bool is_gone, struct err *err)
{
    struct graph_model_fact *row = graph_rows_add(&rg->rs.bt->rows.model_facts);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_fact){.event = rg->rs.work->event,
                                     .model = rg->ev.model,
                                     .kind = kind,
                                     .at_us = rg->ev.time_us,
                                     .first_at_us = is_gone || value.len == 0 ? GRAPH_NO_TIME
                                                                              : rg->ev.time_us};
    enum verdict verdict = rows_text(&rg->rs, rg->ev.version, &row->version, err);
    verdict = verdict == OK ? rows_text(&rg->rs, name, &row->name, err) : verdict;
    return verdict == OK && !is_gone ? rows_text(&rg->rs, value, &row->value, err) : verdict;
}

/* The tags that a model or a version is made with; one whose value is no text is passed over. */
static enum verdict add_first_tags(struct registration *rg, struct err *err)
{
    const struct json_doc *doc = rg->rs.pr->doc;
    const struct json_value *tags = rg->ev.tags;
    const struct json_value *key = tags ? json_first(doc, tags) : NULL;
    enum verdict verdict = OK;
    for (; verdict == OK && key; key = json_next(doc, tags, key + 1)) {
        struct str name;
        struct str value;
        if ((key + 1)->type != JSON_STRING) {
            continue;
        }
        verdict = json_string(doc, key, rg->rs.pr->scratch, &name, err);
        if (verdict == OK) {
            verdict = json_string(doc, key + 1, rg->rs.pr->scratch, &value, err);
        }
        if (verdict == OK) {
            verdict = add_fact(rg, GRAPH_MODEL_TAG, name, value, false, err);
        }
    }
    return verdict;
}

static enum verdict add_told(struct registration *rg, struct err *err)
{
    const struct registry_event *ev = &rg->ev;
    switch (ev->kind) {
    case REGISTRY_TAG:
        return add_fact(rg, GRAPH_MODEL_TAG, ev->key, ev->value, ev->is_gone, err);
    case REGISTRY_ALIAS:
        return add_fact(rg, GRAPH_MODEL_ALIAS, ev->key, ev->value, ev->is_gone, err);
    default:
        return add_first_tags(rg, err);
    }
}

enum verdict register_run(struct processor *pr, struct batch *bt, struct event_work *work,
                          struct err *err)
{
    struct registration rg = {.rs = {.pr = pr, .bt = bt, .work = work}};
    if (work->is_unread) {
        *err = work->unread;
        return REJECT;
    }
    enum verdict verdict = registry_event_unfold(pr->doc, pr->scratch, &rg.ev, &work->fault, err);
    if (verdict == OK && rg.ev.kind == REGISTRY_PROMPT) {
        verdict = err_set(err, REJECT, "register", "a prompt is no model");
    }
    if (verdict == OK) {
        verdict = rows_id_only(&rg.rs, rg.ev.time_us, err);
    }
    if (verdict == OK) {
        verdict = add_model(&rg, err);
    }
    if (verdict == OK) {
        bool is_alias = rg.ev.kind == REGISTRY_ALIAS;
        verdict = add_version(&rg, is_alias ? rg.ev.value : rg.ev.version, err);
    }
    return verdict == OK ? add_told(&rg, err) : verdict;
}
