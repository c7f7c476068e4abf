#include "drift_rows.h"

#include "schemas/identity.h"

static enum verdict add(struct rows *rs, struct id128 subject, enum graph_drift_aspect aspect,
                        struct id128 content, struct err *err)
{
#ifdef METAOPS_WITHOUT_DRIFT
    return OK; /* what ./tests/run bench --detection compares with */
#endif
    if (id128_is_zero(content)) {
        return OK;
    }
    struct graph_drift_content *row = graph_rows_add(&rs->bt->rows.drift_contents);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_drift_content){.event = rs->work->event,
                                        .subject = subject,
                                        .aspect = (uint8_t)aspect,
                                        .content = content};
    return OK;
}

/* Facets that are compared (graph.drift_facts): what else a description says is no drift. */
static const struct str compared[] = {
    {"schema", 6},
    {"ownership", 9},
    {"tags", 4},
    {"documentation", 13},
    {"lifecycleStateChange", 20},
    {"sql", 3},
    {"sourceCode", 10},
    {"sourceCodeLocation", 18},
    {"jobType", 7},
};

static bool is_compared(struct str name)
{
    for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++) {
        if (str_eq(name, compared[i])) {
            return true;
        }
    }
    return false;
}

/* The digest of what is compared; zero when there is nothing. */
static enum verdict compared_id(struct rows *rs, const struct facet_range *range,
                                struct id128 *out_id, struct err *err)
{
    const struct facet_ref *refs = &rs->work->facets[range->first];
    struct id128 *digests = arena_alloc(rs->pr->scratch, (2 * range->count + 1) * sizeof *digests);
    size_t count = 0;
    if (!digests) {
        return rows_short(err);
    }
    for (uint32_t i = 0; i < range->count; i++) {
        if (is_compared(refs[i].name)) {
            digests[count++] = identity_digest(refs[i].family);
            digests[count++] = refs[i].digest;
        }
    }
    *out_id = count ? identity_digest((struct str){(const char *)digests, count * sizeof *digests})
                    : (struct id128){0};
    return OK;
}

static enum verdict add_owners(struct rows *rs, struct id128 subject,
                               const struct facet_range *range, struct err *err)
{
    const struct facet_ref *refs = &rs->work->facets[range->first];
    enum verdict verdict = OK;
    for (uint32_t i = 0; verdict == OK && i < range->count; i++) {
        if (str_eq(refs[i].name, str_view("ownership"))) {
            verdict = add(rs, subject, GRAPH_DRIFT_OWNERS, refs[i].digest, err);
        }
    }
    return verdict;
}

static enum verdict add_compared(struct rows *rs, struct id128 subject,
                                 enum graph_drift_aspect aspect, const struct facet_range *range,
                                 struct err *err)
{
    struct id128 content;
    enum verdict verdict = compared_id(rs, range, &content, err);
    if (verdict == OK) {
        verdict = add(rs, subject, aspect, content, err);
    }
    return verdict == OK ? add_owners(rs, subject, range, err) : verdict;
}

static enum verdict add_io(struct rows *rs, const struct graph_statement *said, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    enum verdict verdict = OK;
    for (uint32_t i = 0; verdict == OK && i < ol->input_count; i++) {
        /* What a reader saw is no statement about the dataset: readers prune. */
        verdict =
            said->has_run ? add(rs, ol->inputs[i].id, GRAPH_DRIFT_READERS, said->job, err) : OK;
        if (verdict == OK) {
            verdict = add_owners(rs, ol->inputs[i].id, &rs->work->input_facets[i], err);
        }
    }
    for (uint32_t i = 0; verdict == OK && i < ol->output_count; i++) {
        verdict = add_compared(rs, ol->outputs[i].id, GRAPH_DRIFT_STATED,
                               &rs->work->output_facets[i], err);
        if (verdict == OK && said->has_run) {
            verdict = add(rs, ol->outputs[i].id, GRAPH_DRIFT_WRITERS, said->job, err);
        }
    }
    return verdict;
}

enum verdict drift_rows(struct rows *rs, const struct graph_statement *said, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    if (ol->kind == OPENLINEAGE_DATASET) {
        return add_compared(rs, ol->dataset.id, GRAPH_DRIFT_STATED, &rs->work->subject_facets, err);
    }
    enum verdict verdict = add_compared(rs, said->job, GRAPH_DRIFT_JOB, &rs->work->job_facets, err);
    if (verdict == OK) {
        verdict = add_io(rs, said, err);
    }
    if (verdict == OK && said->has_run && said->has_io) {
        verdict = add(rs, said->job, GRAPH_DRIFT_IO, said->io, err);
    }
    return verdict == OK ? add(rs, said->job, GRAPH_DRIFT_ENVIRONMENT, said->environment, err)
                         : verdict;
}

enum verdict drift_rows_of_failure(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    bool is_failure = ol->state == OPENLINEAGE_STATE_FAIL || ol->state == OPENLINEAGE_STATE_ABORT;
    return is_failure ? add(rs, ol->job.id, GRAPH_DRIFT_FAILURES, ol->run.id, err) : OK;
}
