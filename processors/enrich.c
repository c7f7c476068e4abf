/* enrich.c - stage 4: the facets of an event, each under the digest of its canonical form.
 *
 * Facets in `facets` of a job or a dataset say the same from run to run: they are static and become
 * part of the statement. Facets of the run, and those about one reading or writing (inputFacets,
 * outputFacets), belong to the event. */
#include <stdlib.h>

#include "facet_cache.h"
#include "schemas/identity.h"
#include "stages.h"

/* Ordinals of facets and datasets are smallint in the graph. */
#define FACETS_PER_EVENT_MAX 30000
#define DATASETS_PER_EVENT_MAX 30000

struct facet_source {
    const struct json_value *facets;
    uint8_t subject_kind;
    uint8_t place;
    struct id128 subject;
};

static uint32_t count_members(const struct openlineage_event *ol)
{
    uint32_t count = 0;
    const struct json_value *single[] = {ol->run_facets, ol->job_facets, ol->dataset.facets,
                                         ol->dataset.io_facets};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        count += single[i] ? single[i]->count : 0;
    }
    for (uint32_t i = 0; i < ol->input_count + ol->output_count; i++) {
        const struct openlineage_dataset *ds =
            i < ol->input_count ? &ol->inputs[i] : &ol->outputs[i - ol->input_count];
        count += (ds->facets ? ds->facets->count : 0) + (ds->io_facets ? ds->io_facets->count : 0);
    }
    return count;
}

/* Digest, producer family and deletion mark of a facet never seen before. */
static enum verdict examine(struct processor *pr, const struct json_value *value, struct str raw,
                            struct facet_known *out_known, struct err *err)
{
    struct str canonical;
    struct str producer;
    enum verdict verdict = json_canonical(pr->doc, value, pr->scratch, &canonical, err);
    if (verdict != OK) {
        return verdict;
    }
    struct facet_known known = {.digest = identity_digest(canonical)};
    const struct json_value *named = json_get(pr->doc, value, STR("_producer"));
    if (named && named->type == JSON_STRING) {
        verdict = json_string(pr->doc, named, pr->scratch, &producer, err);
        char *family = verdict == OK ? arena_alloc(pr->scratch, producer.len + 1) : NULL;
        if (!family) {
            return verdict == OK ? err_set(err, RETRY, "enrich", "the arena is full") : verdict;
        }
        known.family = identity_producer_family(producer, family);
    }
    const struct json_value *deleted = json_get(pr->doc, value, STR("_deleted"));
    known.is_deleted = deleted && deleted->type == JSON_TRUE;
    facet_cache_put(pr->facets, raw, &known);
    *out_known = known;
    return OK;
}

static int by_name(const void *a, const void *b)
{
    const struct facet_ref *x = a;
    const struct facet_ref *y = b;
    int order = str_cmp(x->name, y->name);
    /* Of equal names the one sent last comes first: it is the one that counts. */
    return order ? order : (x->value < y->value) - (x->value > y->value);
}

/* In name order, without the names sent again. */
static uint32_t sort_unique(struct facet_ref *refs, uint32_t count)
{
    uint32_t kept = 0;
    qsort(refs, count, sizeof *refs, by_name);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || !str_eq(refs[kept - 1].name, refs[i].name)) {
            refs[kept++] = refs[i];
        }
    }
    return kept;
}

static enum verdict collect(struct processor *pr, struct event_work *work,
                            const struct facet_source *source, struct str event_family,
                            struct facet_range *out_range, struct err *err)
{
    struct facet_ref *refs = &work->facets[work->facet_count];
    uint32_t count = 0;
    *out_range = (struct facet_range){.first = work->facet_count};
    if (!source->facets) {
        return OK;
    }
    for (const struct json_value *key = json_first(pr->doc, source->facets); key;
         key = json_next(pr->doc, source->facets, key + 1)) {
        struct facet_ref *ref = &refs[count++];
        *ref = (struct facet_ref){.subject_kind = source->subject_kind,
                                  .place = source->place,
                                  .subject = source->subject,
                                  .is_static = source->subject_kind != GRAPH_RUN &&
                                               source->place == GRAPH_FACETS,
                                  .value = key + 1};
        enum verdict verdict = json_string(pr->doc, key, pr->scratch, &ref->name, err);
        if (verdict != OK) {
            return verdict;
        }
    }
    count = sort_unique(refs, count);
    for (uint32_t i = 0; i < count; i++) {
        struct str raw = json_raw(pr->doc, refs[i].value);
        const struct facet_known *found = facet_cache_find(pr->facets, raw);
        struct facet_known known = {0};
        if (found) {
            known = *found;
        } else {
            enum verdict verdict = examine(pr, refs[i].value, raw, &known, err);
            if (verdict != OK) {
                return verdict;
            }
        }
        refs[i].digest = known.digest;
        refs[i].is_deleted = known.is_deleted;
        refs[i].family = known.family.ptr ? known.family : event_family;
    }
    work->facet_count += count;
    out_range->count = count;
    return OK;
}

static enum verdict collect_dataset(struct processor *pr, struct event_work *work,
                                    const struct openlineage_dataset *ds, uint8_t io_place,
                                    struct str event_family, struct facet_range *out_range,
                                    struct err *err)
{
    struct facet_range of_event;
    struct facet_source source = {
        .facets = ds->facets, .subject_kind = GRAPH_DATASET, .subject = ds->id};
    enum verdict verdict = collect(pr, work, &source, event_family, out_range, err);
    if (verdict == OK) {
        source.facets = ds->io_facets;
        source.place = io_place;
        verdict = collect(pr, work, &source, event_family, &of_event, err);
    }
    return verdict;
}

static enum verdict collect_all(struct processor *pr, struct event_work *work, struct str family,
                                struct err *err)
{
    const struct openlineage_event *ol = &work->ol;
    struct facet_range of_event;
    struct facet_source run = {.facets = ol->run_facets, .subject_kind = GRAPH_RUN};
    struct facet_source job = {
        .facets = ol->job_facets, .subject_kind = GRAPH_JOB, .subject = ol->job.id};
    enum verdict verdict = collect(pr, work, &run, family, &of_event, err);
    if (verdict == OK) {
        verdict = collect(pr, work, &job, family, &work->job_facets, err);
    }
    for (uint32_t i = 0; verdict == OK && i < ol->input_count; i++) {
        verdict = collect_dataset(pr, work, &ol->inputs[i], GRAPH_INPUT_FACETS, family,
                                  &work->input_facets[i], err);
    }
    for (uint32_t i = 0; verdict == OK && i < ol->output_count; i++) {
        verdict = collect_dataset(pr, work, &ol->outputs[i], GRAPH_OUTPUT_FACETS, family,
                                  &work->output_facets[i], err);
    }
    if (verdict == OK && ol->kind == OPENLINEAGE_DATASET) {
        verdict = collect_dataset(pr, work, &ol->dataset, GRAPH_INPUT_FACETS, family,
                                  &work->subject_facets, err);
    }
    return verdict;
}

enum verdict enrich_run(struct processor *pr, struct batch *bt, struct event_work *work,
                        struct err *err)
{
    uint32_t count = count_members(&work->ol);
    if (count > FACETS_PER_EVENT_MAX) {
        return err_set(err, REJECT, "enrich", "%u facets, more than %d", count,
                       FACETS_PER_EVENT_MAX);
    }
    if (work->ol.input_count + work->ol.output_count > DATASETS_PER_EVENT_MAX) {
        return err_set(err, REJECT, "enrich", "%u inputs and outputs, more than %d",
                       work->ol.input_count + work->ol.output_count, DATASETS_PER_EVENT_MAX);
    }
    char *family = arena_alloc(pr->scratch, work->ol.producer.len + 1);
    work->facets = arena_calloc(pr->scratch, count, sizeof *work->facets);
    work->input_facets =
        arena_calloc(pr->scratch, work->ol.input_count, sizeof *work->input_facets);
    work->output_facets =
        arena_calloc(pr->scratch, work->ol.output_count, sizeof *work->output_facets);
    if (!work->facets || !family || !work->input_facets || !work->output_facets) {
        return err_set(err, RETRY, "enrich", "the arena is full");
    }
    work->event = (uint32_t)bt->rows.events.count;
    return collect_all(pr, work, identity_producer_family(work->ol.producer, family), err);
}
