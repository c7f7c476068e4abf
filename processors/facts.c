#include "facts.h"

#include "core/ascii.h"

/* One facet being read. A text that finds no room makes the verdict RETRY, whatever is read behind it. */
struct reader {
    struct rows *rs;
    enum verdict verdict;
    struct err *err;
};

static const struct json_value *member(struct reader *rd, const struct json_value *object,
                                       struct str name)
{
    return json_get(rd->rs->pr->doc, object, name);
}

/* A text without what surrounds it; empty when value is none. */
static struct str text_of(struct reader *rd, const struct json_value *value)
{
    struct str text = {"", 0};
    if (!value || value->type != JSON_STRING || rd->verdict != OK) {
        return text;
    }
    rd->verdict = json_string(rd->rs->pr->doc, value, rd->rs->pr->scratch, &text, rd->err);
    while (text.len && ascii_is_space(text.ptr[0])) {
        text = (struct str){text.ptr + 1, text.len - 1};
    }
    while (text.len && ascii_is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool has_text(struct reader *rd, const struct json_value *object, struct str name)
{
    return text_of(rd, member(rd, object, name)).len > 0;
}

static bool has_children(struct reader *rd, const struct json_value *object, struct str name)
{
    const struct json_value *value = member(rd, object, name);
    return value && (value->type == JSON_ARRAY || value->type == JSON_OBJECT) &&
           json_first(rd->rs->pr->doc, value);
}

/* Has an element of the array a name? */
static bool has_named(struct reader *rd, const struct json_value *object, struct str array)
{
    const struct json_doc *doc = rd->rs->pr->doc;
    const struct json_value *elements = member(rd, object, array);
    if (!elements || elements->type != JSON_ARRAY) {
        return false;
    }
    for (const struct json_value *each = json_first(doc, elements); each;
         each = json_next(doc, elements, each)) {
        if (has_text(rd, each, STR("name"))) {
            return true;
        }
    }
    return false;
}

static bool is_same_word(struct str a, struct str b)
{
    return a.len == b.len && ascii_eq_caseless(a.ptr, b.ptr, a.len);
}

/* What a tag tells, of datasets, jobs and runs alike. */
static const struct {
    struct str key;
    struct str value; /* the only one that tells it; empty: any */
    bool takes_none;  /* the key tells it alone */
    uint32_t facts;
} tags[] = {
    {{"classification", 14}, {"", 0}, false, GRAPH_FACT_CLASSIFICATION},
    {{"data_classification", 19}, {"", 0}, false, GRAPH_FACT_CLASSIFICATION},
    {{"confidentiality", 15}, {"", 0}, false, GRAPH_FACT_CLASSIFICATION},
    {{"sensitivity", 11}, {"", 0}, false, GRAPH_FACT_CLASSIFICATION},
    {{"personal_data", 13}, {"", 0}, true, GRAPH_FACT_CLASSIFICATION},
    {{"pii", 3}, {"", 0}, true, GRAPH_FACT_CLASSIFICATION},
    {{"licence", 7}, {"", 0}, false, GRAPH_FACT_LICENCE},
    {{"license", 7}, {"", 0}, false, GRAPH_FACT_LICENCE},
    {{"schedule_owner", 14}, {"", 0}, false, GRAPH_FACT_SCHEDULE_OWNER},
    {{"sla", 3}, {"", 0}, false, GRAPH_FACT_SLA},
    {{"digest", 6}, {"", 0}, false, GRAPH_FACT_DIGEST},
    {{"external_source", 15}, {"", 0}, false, GRAPH_FACT_SOURCE},
    {{"last_updated", 12}, {"", 0}, false, GRAPH_FACT_UPDATED},
    {{"image_digest", 12}, {"", 0}, false, GRAPH_FACT_IMAGE},
    {{"actor", 5}, {"", 0}, false, GRAPH_FACT_ACTOR},
    {{"started_by", 10}, {"", 0}, false, GRAPH_FACT_ACTOR},
    {{"inputs", 6}, {"none", 4}, false, GRAPH_FACT_INPUTS | GRAPH_FACT_IO},
    {{"outputs", 7}, {"none", 4}, false, GRAPH_FACT_OUTPUTS | GRAPH_FACT_IO},
    {{"lineage", 7}, {"none", 4}, false, GRAPH_FACT_INPUTS | GRAPH_FACT_OUTPUTS | GRAPH_FACT_IO},
};
#define TAGS (sizeof tags / sizeof tags[0])

static uint32_t read_tag(struct reader *rd, const struct json_value *tag)
{
    struct str key = text_of(rd, member(rd, tag, STR("key")));
    struct str value = text_of(rd, member(rd, tag, STR("value")));
    for (size_t i = 0; i < TAGS; i++) {
        bool is_told = tags[i].value.len ? is_same_word(value, tags[i].value)
                                         : value.len > 0 || tags[i].takes_none;
        if (is_told && is_same_word(key, tags[i].key)) {
            return tags[i].facts;
        }
    }
    return 0;
}

static uint32_t read_tags(struct reader *rd, const struct json_value *facet)
{
    const struct json_doc *doc = rd->rs->pr->doc;
    const struct json_value *list = member(rd, facet, STR("tags"));
    uint32_t facts = 0;
    if (!list || list->type != JSON_ARRAY) {
        return 0;
    }
    for (const struct json_value *each = json_first(doc, list); each;
         each = json_next(doc, list, each)) {
        facts |= read_tag(rd, each);
    }
    return facts;
}

static uint32_t read_columns(struct reader *rd, const struct json_value *facet)
{
    return has_children(rd, facet, STR("fields")) || has_children(rd, facet, STR("dataset"))
               ? GRAPH_FACT_COLUMNS
               : 0;
}

static uint32_t read_metrics(struct reader *rd, const struct json_value *facet)
{
    bool has_size = member(rd, facet, STR("rowCount")) || member(rd, facet, STR("bytes"));
    bool has_columns = has_children(rd, facet, STR("columnMetrics"));
    return (has_size ? GRAPH_FACT_SIZE : 0) | (has_columns ? GRAPH_FACT_QUALITY : 0);
}

/* Spark sends the mere word "file" for local paths. */
static uint32_t read_uri(struct reader *rd, const struct json_value *facet)
{
    struct str uri = text_of(rd, member(rd, facet, STR("uri")));
    return uri.len && memchr(uri.ptr, ':', uri.len) ? GRAPH_FACT_URI : 0;
}

/* A branch is no version. */
static uint32_t read_code(struct reader *rd, const struct json_value *facet)
{
    bool has_place = has_text(rd, facet, STR("url")) || has_text(rd, facet, STR("repoUrl"));
    bool has_version = has_text(rd, facet, STR("version")) || has_text(rd, facet, STR("tag"));
    return has_place && has_version ? GRAPH_FACT_CODE : 0;
}

/* What is not started by hand the scheduler started; of what is, newer releases name the user. */
static uint32_t read_dag_run(struct reader *rd, const struct json_value *facet)
{
    const struct json_value *dag_run = member(rd, facet, STR("dagRun"));
    struct str type = text_of(rd, member(rd, dag_run, STR("run_type")));
    bool has_actor = (type.len && !is_same_word(type, STR("manual"))) ||
                     has_text(rd, dag_run, STR("triggering_user_name"));
    return (has_actor ? GRAPH_FACT_ACTOR : 0) |
           (has_children(rd, dag_run, STR("conf")) ? GRAPH_FACT_PARAMETERS : 0);
}

static uint32_t read_task(struct reader *rd, const struct json_value *facet)
{
    return read_dag_run(rd, facet) | GRAPH_FACT_ORCHESTRATED;
}

/* What a facet of that name tells: what read says, or all that is possible by one of the members. */
static const struct fact_source {
    struct str name;
    uint32_t possible;
    uint32_t (*read)(struct reader *rd, const struct json_value *facet);
    struct str text;     /* a text that is not empty */
    struct str children; /* an array or object that is not empty */
    struct str named;    /* an array of which an element has a name */
    bool is_statistics;  /* comes with every run, in inputFacets or outputFacets */
} of_assets[] = {
    {.name = {"columnLineage", 13}, .possible = GRAPH_FACT_COLUMNS, .read = read_columns},
    {.name = {"dataQualityAssertions", 21},
     .possible = GRAPH_FACT_QUALITY,
     .children = {"assertions", 10},
     .is_statistics = true},
    {.name = {"dataQualityMetrics", 18},
     .possible = GRAPH_FACT_QUALITY | GRAPH_FACT_SIZE,
     .read = read_metrics,
     .is_statistics = true},
    {.name = {"dataSource", 10}, .possible = GRAPH_FACT_URI, .read = read_uri},
    {.name = {"documentation", 13},
     .possible = GRAPH_FACT_DESCRIPTION,
     .text = {"description", 11}},
    {.name = {"inputStatistics", 15}, .possible = GRAPH_FACT_SIZE, .is_statistics = true},
    {.name = {"jobType", 7}, .possible = GRAPH_FACT_TYPE, .text = {"jobType", 7}},
    {.name = {"outputStatistics", 16}, .possible = GRAPH_FACT_SIZE, .is_statistics = true},
    {.name = {"ownership", 9}, .possible = GRAPH_FACT_OWNER, .named = {"owners", 6}},
    {.name = {"schema", 6}, .possible = GRAPH_FACT_SCHEMA, .named = {"fields", 6}},
    {.name = {"sourceCodeLocation", 18}, .possible = GRAPH_FACT_CODE, .read = read_code},
    {.name = {"tags", 4}, .possible = UINT32_MAX, .read = read_tags},
    {.name = {"version", 7}, .possible = GRAPH_FACT_VERSION, .text = {"datasetVersion", 14}},
};

static const struct fact_source of_runs[] = {
    {.name = {"airflow", 7}, .read = read_task},
    {.name = {"airflowDagRun", 13}, .read = read_dag_run},
    {.name = {"dbt_version", 11}, .possible = GRAPH_FACT_ENGINE, .text = {"version", 7}},
    {.name = {"environment-properties", 22},
     .possible = GRAPH_FACT_ENVIRONMENT,
     .children = {"environment-properties", 22}},
    {.name = {"environmentVariables", 20},
     .possible = GRAPH_FACT_ENVIRONMENT,
     .children = {"environmentVariables", 20}},
    {.name = {"executionParameters", 19},
     .possible = GRAPH_FACT_PARAMETERS,
     .children = {"parameters", 10}},
    {.name = {"processing_engine", 17}, .possible = GRAPH_FACT_ENGINE, .text = {"version", 7}},
    {.name = {"spark_applicationDetails", 24},
     .possible = GRAPH_FACT_ACTOR,
     .text = {"userName", 8}},
    {.name = {"spark_properties", 16},
     .possible = GRAPH_FACT_PARAMETERS,
     .children = {"properties", 10}},
    {.name = {"tags", 4}, .read = read_tags},
};

static const struct fact_source *source_of(const struct fact_source *sources, size_t count,
                                           struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(sources[i].name, name)) {
            return &sources[i];
        }
    }
    return NULL;
}

static uint32_t read_source(struct reader *rd, const struct fact_source *source,
                            const struct json_value *facet)
{
    if (source->read) {
        return source->read(rd, facet);
    }
    bool is_told = (source->text.len && has_text(rd, facet, source->text)) ||
                   (source->children.len && has_children(rd, facet, source->children)) ||
                   (source->named.len && has_named(rd, facet, source->named));
    return is_told ? source->possible : 0;
}

/* Of tags all those that any tag tells. */
static uint32_t possible_of(const struct fact_source *source)
{
    uint32_t possible = 0;
    if (source->read != read_tags) {
        return source->possible;
    }
    for (size_t i = 0; i < TAGS; i++) {
        possible |= tags[i].facts;
    }
    return possible;
}

enum verdict facts_of_facet(struct rows *rs, const struct facet_ref *ref, uint32_t *out_facts,
                            uint32_t *out_possible, struct err *err)
{
    struct reader rd = {.rs = rs, .err = err};
    const struct fact_source *source =
        source_of(of_assets, sizeof of_assets / sizeof of_assets[0], ref->name);
    uint32_t possible = source ? possible_of(source) : 0;
    uint32_t facts = 0;
    if (source && !ref->is_static) {
        facts = source->is_statistics ? possible : 0;
    } else if (source && !ref->is_deleted) {
        facts = read_source(&rd, source, ref->value);
    }
    *out_facts = facts;
    *out_possible = possible;
    return rd.verdict;
}

/* Types of jobs that are always part of another one. */
static bool is_part(struct reader *rd)
{
    static const struct str types[] = {
        {"TASK", 4}, {"MODEL", 5}, {"SNAPSHOT", 8}, {"SEED", 4},
        {"TEST", 4}, {"QUERY", 5}, {"SQL_JOB", 7},  {"RDD_JOB", 7},
    };
    const struct json_value *facet = member(rd, rd->rs->work->ol.job_facets, STR("jobType"));
    struct str type = text_of(rd, member(rd, facet, STR("jobType")));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (is_same_word(type, types[i])) {
            return true;
        }
    }
    return false;
}

enum verdict facts_of_run(struct rows *rs, uint32_t *out_facts, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    struct reader rd = {.rs = rs, .err = err};
    uint32_t facts =
        (ol->input_count ? GRAPH_FACT_INPUTS : 0) | (ol->output_count ? GRAPH_FACT_OUTPUTS : 0);
    for (uint32_t i = 0; i < rs->work->facet_count; i++) {
        const struct facet_ref *ref = &rs->work->facets[i];
        const struct fact_source *source =
            ref->subject_kind == GRAPH_RUN
                ? source_of(of_runs, sizeof of_runs / sizeof of_runs[0], ref->name)
                : NULL;
        facts |= source ? read_source(&rd, source, ref->value) : 0;
    }
    if (!(facts & GRAPH_FACT_ORCHESTRATED) && (ol->has_parent || is_part(&rd))) {
        facts |= GRAPH_FACT_ORCHESTRATED;
    }
    *out_facts = facts;
    return rd.verdict;
}
