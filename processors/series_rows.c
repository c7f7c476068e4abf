#include "series_rows.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/identity.h"

/* Columns and quantiles of one dataset of which series are kept: a table of thousands of columns would
 * take more than all else. */
#define COLUMNS_MAX 500
#define QUANTILES_MAX 9
#define NUMBER_BYTES_MAX 64
#define NUMBER_MAX 1e30 /* series are kept in single precision */

/* What is measured: all its series are of one group. */
struct measured {
    struct rows *rs;
    const struct openlineage_dataset *ds; /* NULL: the job */
    uint8_t direction;
    struct str field;   /* ptr NULL: no column */
    struct id128 group; /* zero until somebody asks: most of what is named is not measured */
};

static const struct id128 none;

/* Named by what it is about; a field by its digest, as names have any length. */
static struct id128 group_of(struct measured *of)
{
    struct {
        char tag[7];
        uint8_t direction;
        struct id128 job;
        struct id128 dataset;
        struct id128 field;
    } key = {.tag = "series",
             .direction = of->direction,
             .job = of->rs->work->ol.job.id,
             .dataset = of->ds ? of->ds->id : none};
    if (id128_is_zero(of->group)) {
        key.field = of->field.ptr ? identity_digest(of->field) : none;
        of->group = identity_digest((struct str){(const char *)&key, sizeof key});
    }
    return of->group;
}

/* The group's, with the metric in its last two bytes. */
static struct id128 series_id(struct measured *of, int16_t metric)
{
    struct id128 id = group_of(of);
    id.bytes[14] ^= (uint8_t)(metric >> 8);
    id.bytes[15] ^= (uint8_t)metric;
    return id;
}

static enum verdict add_series(struct measured *of, struct id128 id, int16_t metric,
                               struct err *err)
{
    bool is_new;
    enum verdict verdict = rows_once(of->rs, id, &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_series *row = graph_rows_add(&of->rs->bt->rows.series);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_series){.event = of->rs->work->event,
                                 .id = id,
                                 .group = group_of(of),
                                 .job = of->rs->work->ol.job.id,
                                 .has_dataset = of->ds != NULL,
                                 .dataset = of->ds ? of->ds->id : none,
                                 .direction = of->direction,
                                 .metric = metric};
    return of->field.ptr ? rows_text(of->rs, of->field, &row->field, err) : OK;
}

static enum verdict observe(struct measured *of, int16_t metric, double value, struct err *err)
{
    const struct openlineage_event *ol = &of->rs->work->ol;
    if (!isfinite(value) || fabs(value) > NUMBER_MAX) {
        return OK;
    }
    struct id128 id = series_id(of, metric);
    struct graph_observation *row = graph_rows_add(&of->rs->bt->rows.observations);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_observation){.event = of->rs->work->event,
                                      .series = id,
                                      .group = group_of(of),
                                      .metric = metric,
                                      .is_of_run = metric == GRAPH_METRIC_DURATION,
                                      .run = ol->run.id,
                                      .at_us = ol->event_time_us,
                                      .value = value};
    return add_series(of, id, metric, err);
}

/* NAN when there is none. */
static double number(const struct measured *of, const struct json_value *object, struct str name)
{
    char text[NUMBER_BYTES_MAX];
    const struct json_value *value = json_get(of->rs->pr->doc, object, name);
    if (!value || value->type != JSON_NUMBER || value->is_nonfinite || value->len >= sizeof text) {
        return NAN;
    }
    struct str raw = json_raw(of->rs->pr->doc, value);
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    return strtod(text, NULL);
}

/* A count; a negative one is none. */
static double count_of(const struct measured *of, const struct json_value *object, struct str name)
{
    double value = number(of, object, name);
    return value >= 0 ? value : NAN;
}

/* A part of a whole; NAN when it is none. */
static double share_of(double part, double whole)
{
    return part <= whole && whole > 0 ? part / whole : NAN;
}

static const struct json_value *facet(const struct measured *of, struct str name)
{
    const struct json_doc *doc = of->rs->pr->doc;
    const struct json_value *found = json_get(doc, of->ds->io_facets, name);
    return found ? found : json_get(doc, of->ds->facets, name);
}

static enum verdict observe_quantiles(struct measured *of, const struct json_value *quantiles,
                                      struct err *err)
{
    const struct json_doc *doc = of->rs->pr->doc;
    enum verdict verdict = OK;
    uint32_t seen = 0;
    if (!quantiles || quantiles->type != JSON_OBJECT) {
        return OK;
    }
    for (const struct json_value *key = json_first(doc, quantiles);
         verdict == OK && key && seen < QUANTILES_MAX; key = json_next(doc, quantiles, key + 1)) {
        struct str name;
        char text[NUMBER_BYTES_MAX] = "";
        verdict = json_string(doc, key, of->rs->pr->scratch, &name, err);
        if (verdict != OK || name.len == 0 || name.len >= sizeof text) {
            continue;
        }
        memcpy(text, name.ptr, name.len);
        double thousandths = round(strtod(text, NULL) * 1000);
        if (thousandths >= 1 && thousandths <= 999) {
            int16_t metric = (int16_t)(GRAPH_METRIC_QUANTILE + (int16_t)thousandths);
            verdict = observe(of, metric, number(of, quantiles, name), err);
            seen++;
        }
    }
    return verdict;
}

static enum verdict observe_column(struct measured *of, const struct json_value *column,
                                   double rows, struct err *err)
{
    double count = count_of(of, column, STR("count"));
    double nulls = count_of(of, column, STR("nullCount"));
    double all = isnan(rows) ? count + nulls : rows;
    const struct {
        int16_t metric;
        double value;
    } found[] = {
        {GRAPH_METRIC_NULLS, share_of(nulls, all)},
        {GRAPH_METRIC_DISTINCT, share_of(count_of(of, column, STR("distinctCount")), all)},
        {GRAPH_METRIC_MIN, number(of, column, STR("min"))},
        {GRAPH_METRIC_MAX, number(of, column, STR("max"))},
        {GRAPH_METRIC_MEAN, count > 0 ? number(of, column, STR("sum")) / count : NAN},
    };
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof found / sizeof found[0]; i++) {
        verdict = observe(of, found[i].metric, found[i].value, err);
    }
    if (verdict != OK) {
        return verdict;
    }
    return observe_quantiles(of, json_get(of->rs->pr->doc, column, STR("quantiles")), err);
}

static enum verdict observe_columns(struct measured *of, const struct json_value *metrics,
                                    struct err *err)
{
    const struct json_doc *doc = of->rs->pr->doc;
    const struct json_value *columns = json_get(doc, metrics, STR("columnMetrics"));
    double rows = count_of(of, metrics, STR("rowCount"));
    enum verdict verdict = OK;
    uint32_t seen = 0;
    if (!columns || columns->type != JSON_OBJECT) {
        return OK;
    }
    for (const struct json_value *key = json_first(doc, columns);
         verdict == OK && key && seen < COLUMNS_MAX; key = json_next(doc, columns, key + 1)) {
        struct str name;
        verdict = json_string(doc, key, of->rs->pr->scratch, &name, err);
        if (verdict == OK && (key + 1)->type == JSON_OBJECT) {
            struct measured column = {
                .rs = of->rs, .ds = of->ds, .direction = of->direction, .field = name};
            verdict = observe_column(&column, key + 1, rows, err);
            seen++;
        }
    }
    return verdict;
}

static enum verdict observe_assertions(struct measured *of, struct err *err)
{
    const struct json_doc *doc = of->rs->pr->doc;
    const struct json_value *all =
        json_get(doc, facet(of, STR("dataQualityAssertions")), STR("assertions"));
    double passed = 0;
    double count = 0;
    if (!all || all->type != JSON_ARRAY) {
        return OK;
    }
    for (const struct json_value *each = json_first(doc, all); each;
         each = json_next(doc, all, each)) {
        const struct json_value *success = json_get(doc, each, STR("success"));
        if (success && (success->type == JSON_TRUE || success->type == JSON_FALSE)) {
            count++;
            passed += success->type == JSON_TRUE;
        }
    }
    return count > 0 ? observe(of, GRAPH_METRIC_PASSED, passed / count, err) : OK;
}

/* Of two facets that tell a volume, the statistics of this reading or writing come first. */
static enum verdict observe_dataset(struct measured *of, struct err *err)
{
    const struct json_value *metrics = facet(of, STR("dataQualityMetrics"));
    const struct json_value *statistics =
        facet(of, of->direction == GRAPH_OUTPUT ? STR("outputStatistics") : STR("inputStatistics"));
    static const struct {
        int16_t metric;
        struct str statistic;
        struct str measure;
    } volumes[] = {{GRAPH_METRIC_ROWS, {"rowCount", 8}, {"rowCount", 8}},
                   {GRAPH_METRIC_BYTES, {"size", 4}, {"bytes", 5}},
                   {GRAPH_METRIC_FILES, {"fileCount", 9}, {"fileCount", 9}}};
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof volumes / sizeof volumes[0]; i++) {
        double value = count_of(of, statistics, volumes[i].statistic);
        if (isnan(value)) {
            value = count_of(of, metrics, volumes[i].measure);
        }
        verdict = observe(of, volumes[i].metric, value, err);
    }
    if (verdict == OK) {
        verdict = observe_columns(of, metrics, err);
    }
    return verdict == OK ? observe_assertions(of, err) : verdict;
}

enum verdict series_rows(struct rows *rs, struct err *err)
{
    const struct openlineage_event *ol = &rs->work->ol;
    bool is_end = ol->state == OPENLINEAGE_STATE_COMPLETE;
#ifdef METAOPS_WITHOUT_DRIFT
    return OK; /* what ./tests/run bench --detection compares with */
#endif
    if (!is_end && !ol->is_start) {
        return OK;
    }
    struct measured run = {.rs = rs, .direction = GRAPH_SUBJECT};
    enum verdict verdict = observe(&run, GRAPH_METRIC_DURATION, 0, err);
    for (uint32_t i = 0; is_end && verdict == OK && i < ol->input_count; i++) {
        struct measured input = {.rs = rs, .ds = &ol->inputs[i], .direction = GRAPH_INPUT};
        verdict = observe_dataset(&input, err);
    }
    for (uint32_t i = 0; is_end && verdict == OK && i < ol->output_count; i++) {
        struct measured output = {.rs = rs, .ds = &ol->outputs[i], .direction = GRAPH_OUTPUT};
        verdict = observe(&output, GRAPH_METRIC_GAP, 0, err);
        if (verdict == OK) {
            verdict = observe_dataset(&output, err);
        }
    }
    return verdict;
}
