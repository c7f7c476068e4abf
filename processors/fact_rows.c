#include "fact_rows.h"

#include "facts.h"
#include "schemas/identity.h"

/* What one statement tells of one subject. */
struct telling {
    struct id128 subject;
    uint32_t told;
    uint32_t inferred;
    uint32_t lasting;
    uint32_t contested;
    uint8_t subject_kind;
    bool is_declared;
};

static enum verdict add(struct rows *rs, const struct telling *telling, struct err *err)
{
    struct {
        struct id128 subject;
        uint32_t parts[6];
    } key = {.subject = telling->subject,
             .parts = {telling->told, telling->inferred, telling->lasting, telling->contested,
                       telling->subject_kind, telling->is_declared}};
    bool is_new = false;
    enum verdict verdict =
        rows_once(rs, identity_digest((struct str){(const char *)&key, sizeof key}), &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_asset_facts *row = graph_rows_add(&rs->bt->rows.asset_facts);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_asset_facts){.event = rs->work->event,
                                      .subject = telling->subject,
                                      .subject_kind = telling->subject_kind,
                                      .observed = telling->is_declared ? 0 : telling->told,
                                      .declared = telling->is_declared ? telling->told : 0,
                                      .inferred = telling->inferred,
                                      .lasting = telling->lasting,
                                      .contested = telling->contested};
    return OK;
}

static struct telling begin(const struct rows *rs, struct id128 subject, enum graph_subject kind)
{
    return (struct telling){.subject = subject,
                            .subject_kind = (uint8_t)kind,
                            .is_declared = rs->work->ol.kind != OPENLINEAGE_RUN};
}

/* What facets of the subject tell. A reader's schema is what that reader saw. */
static enum verdict take(struct rows *rs, const struct facet_range *range, bool is_read,
                         struct telling *telling, struct err *err)
{
    enum verdict verdict = OK;
    for (uint32_t i = 0; verdict == OK && i < range->count; i++) {
        const struct facet_ref *ref = &rs->work->facets[range->first + i];
        uint32_t facts;
        uint32_t possible;
        verdict = facts_of_facet(rs, ref, &facts, &possible, err);
        if (verdict == OK && is_read && str_eq(ref->name, STR("schema"))) {
            telling->inferred |= facts;
        } else if (verdict == OK) {
            telling->told |= facts;
            telling->contested |= possible & ~facts;
        }
    }
    return verdict;
}

/* What the event's own facets about a dataset tell, by their names alone: they come with every run. */
static enum verdict take_statistics(struct rows *rs, struct telling *telling, struct err *err)
{
    enum verdict verdict = OK;
    for (uint32_t i = 0; verdict == OK && i < rs->work->facet_count; i++) {
        const struct facet_ref *ref = &rs->work->facets[i];
        uint32_t facts;
        uint32_t possible;
        if (ref->is_static || ref->subject_kind != GRAPH_DATASET ||
            !id128_eq(ref->subject, telling->subject)) {
            continue;
        }
        verdict = facts_of_facet(rs, ref, &facts, &possible, err);
        telling->lasting |= verdict == OK ? facts : 0;
    }
    telling->told |= telling->lasting;
    return verdict;
}

static enum verdict of_dataset(struct rows *rs, struct id128 dataset,
                               const struct facet_range *range, bool is_read, struct err *err)
{
    struct telling telling = begin(rs, dataset, GRAPH_DATASET);
    enum verdict verdict = take(rs, range, is_read, &telling, err);
    if (verdict == OK) {
        verdict = take_statistics(rs, &telling, err);
    }
    return verdict == OK ? add(rs, &telling, err) : verdict;
}

static enum verdict of_job(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    struct telling telling = begin(rs, ol->job.id, GRAPH_JOB);
    enum verdict verdict = take(rs, &rs->work->job_facets, false, &telling, err);
    if (ol->input_count + ol->output_count > 0) {
        telling.told |= GRAPH_FACT_IO;
        telling.lasting |= GRAPH_FACT_IO;
    }
    return verdict == OK ? add(rs, &telling, err) : verdict;
}

enum verdict fact_rows(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    if (ol->kind == OPENLINEAGE_DATASET) {
        return of_dataset(rs, ol->dataset.id, &rs->work->subject_facets, false, err);
    }
    enum verdict verdict = of_job(rs, err);
    for (uint32_t i = 0; verdict == OK && i < ol->input_count; i++) {
        verdict = of_dataset(rs, ol->inputs[i].id, &rs->work->input_facets[i], true, err);
    }
    for (uint32_t i = 0; verdict == OK && i < ol->output_count; i++) {
        verdict = of_dataset(rs, ol->outputs[i].id, &rs->work->output_facets[i], false, err);
    }
    return verdict;
}

enum verdict fact_rows_of_written(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    uint32_t facts = GRAPH_FACT_SOURCE | GRAPH_FACT_UPDATED;
    if (ol->kind != OPENLINEAGE_RUN || ol->state != OPENLINEAGE_STATE_COMPLETE) {
        return OK;
    }
    for (uint32_t i = 0; i < ol->output_count; i++) {
        bool is_new = false;
        enum verdict verdict = rows_once(rs, rows_tagged(ol->outputs[i].id, 'W'), &is_new, err);
        struct graph_asset_facts *row = NULL;
        if (verdict == OK && is_new) {
            row = graph_rows_add(&rs->bt->rows.asset_facts);
            verdict = row ? OK : rows_short(err);
        }
        if (verdict != OK) {
            return verdict;
        }
        if (row) {
            *row = (struct graph_asset_facts){.event = rs->work->event,
                                              .subject = ol->outputs[i].id,
                                              .subject_kind = GRAPH_DATASET,
                                              .observed = facts,
                                              .lasting = facts};
        }
    }
    return OK;
}
