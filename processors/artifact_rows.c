#include "artifact_rows.h"

#include "core/ascii.h"
#include "schemas/artifact_uri.h"
#include "schemas/identity.h"

/* The artifact at hand. */
struct artifact {
    struct rows *rs;
    struct str uri; /* empty: none */
    const struct json_value *model;
    uint8_t source; /* enum graph_source */
};

static enum verdict add_artifact(const struct artifact *at, struct err *err)
{
    struct rows *rs = at->rs;
    struct graph_model_artifact *row = graph_rows_add(&rs->bt->rows.model_artifacts);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_artifact){
        .event = rs->work->event, .run = rs->work->ol.run.id, .at_us = rs->work->ol.event_time_us};
    return rows_text(rs, at->uri, &row->artifact_uri, err);
}

static enum verdict fill_claim(const struct artifact *at, struct str text,
                               struct graph_claim *claim, struct err *err)
{
    if (text.len == 0) {
        return OK;
    }
    claim->source = at->source;
    claim->at_us = at->rs->work->ol.event_time_us;
    claim->first_at_us = claim->at_us;
    return rows_text(at->rs, text, &claim->text, err);
}

static enum verdict add_model(const struct artifact *at, struct id128 id, struct str namespace_,
                              struct str name, struct err *err)
{
    struct rows *rs = at->rs;
    bool is_new;
    uint8_t tag = at->source == GRAPH_OBSERVED ? 'O' : 'D';
    enum verdict verdict = rows_once(rs, rows_tagged(id, tag), &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_node *row = graph_rows_add(&rs->bt->rows.models);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_node){.event = rs->work->event, .id = id, .source = at->source};
    verdict = rows_text(rs, namespace_, &row->namespace_, err);
    return verdict == OK ? rows_text(rs, name, &row->name, err) : verdict;
}

static enum verdict add_version(const struct artifact *at, struct id128 model, struct str version,
                                struct err *err)
{
    const struct openlineage_event *ol = &at->rs->work->ol;
    char form[ARTIFACT_DIGEST_BYTES_MAX];
    struct str digest = STR("");
    struct str text;
    struct graph_model_version *row = graph_rows_add(&at->rs->bt->rows.model_versions);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_model_version){.event = at->rs->work->event,
                                        .model = model,
                                        .source = at->source,
                                        .first_at_us = ol->event_time_us,
                                        .last_at_us = ol->event_time_us};
    if (ol->kind == OPENLINEAGE_RUN) {
        row->run = (struct graph_claim){.source = at->source,
                                        .at_us = ol->event_time_us,
                                        .first_at_us = ol->event_time_us,
                                        .id = ol->run.id};
    }
    enum verdict verdict = rows_text(at->rs, version, &row->version, err);
    verdict = verdict == OK ? fill_claim(at, at->uri, &row->artifact_uri, err) : verdict;
    verdict = verdict == OK ? rows_member(at->rs, at->model, "digest", &text, err) : verdict;
    if (verdict == OK) {
        (void)artifact_digest_normalize(text, form, &digest);
        verdict = fill_claim(at, digest, &row->digest, err);
    }
    verdict = verdict == OK ? rows_member(at->rs, at->model, "mlflowRunId", &text, err) : verdict;
    return verdict == OK ? fill_claim(at, text, &row->registry_run, err) : verdict;
}

static enum verdict add_named(const struct artifact *at, struct err *err)
{
    struct str parts[2];
    struct str version;
    enum verdict verdict = rows_member(at->rs, at->model, "namespace", &parts[0], err);
    verdict = verdict == OK ? rows_member(at->rs, at->model, "name", &parts[1], err) : verdict;
    verdict = verdict == OK ? rows_member(at->rs, at->model, "version", &version, err) : verdict;
    if (verdict != OK || !parts[0].len || !parts[1].len || !version.len) {
        return verdict;
    }
    struct id128 model = identity_of(STR("model"), parts, 2);
    verdict = add_model(at, model, parts[0], parts[1], err);
    return verdict == OK ? add_version(at, model, version, err) : verdict;
}

static enum verdict is_model(struct rows *rs, const struct openlineage_dataset *ds,
                             bool *out_is_model, struct err *err)
{
    const struct json_value *facet = json_get(rs->pr->doc, ds->facets, STR("datasetType"));
    struct str type;
    enum verdict verdict = rows_member(rs, facet, "datasetType", &type, err);
    if (verdict == OK) {
        *out_is_model = type.len == 5 && ascii_eq_caseless(type.ptr, "MODEL", 5);
    }
    return verdict;
}

static enum verdict add_dataset(struct rows *rs, const struct openlineage_dataset *ds,
                                struct err *err)
{
    char form[ARTIFACT_URI_BYTES_MAX];
    bool is_run = rs->work->ol.kind == OPENLINEAGE_RUN;
    struct artifact at = {.rs = rs,
                          .uri = STR(""),
                          .model = json_get(rs->pr->doc, ds->facets, STR("metaops_model")),
                          .source = is_run ? GRAPH_OBSERVED : GRAPH_DECLARED};
    bool is_typed = false;
    enum verdict verdict = ds->facets ? is_model(rs, ds, &is_typed, err) : OK;
    if (verdict != OK || (!is_typed && !at.model)) {
        return verdict;
    }
    (void)artifact_uri_of_dataset(ds->namespace_, ds->name, form, &at.uri);
    if (is_run && at.uri.len) {
        verdict = add_artifact(&at, err);
    }
    return verdict == OK && at.model ? add_named(&at, err) : verdict;
}

enum verdict artifact_rows(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    enum verdict verdict = OK;
    if (ol->kind == OPENLINEAGE_DATASET) {
        return add_dataset(rs, &ol->dataset, err);
    }
    if (ol->kind != OPENLINEAGE_RUN || ol->state != OPENLINEAGE_STATE_COMPLETE) {
        return OK;
    }
    for (uint32_t i = 0; verdict == OK && i < ol->output_count; i++) {
        verdict = add_dataset(rs, &ol->outputs[i], err);
    }
    return verdict;
}
