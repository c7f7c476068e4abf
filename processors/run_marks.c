#include "run_marks.h"

#include "schemas/identity.h"
#include "schemas/run_mark.h"

/* A text or a number of the facet; empty for all else. */
static enum verdict read_part(struct rows *rs, const struct json_value *facet, const char *object,
                              const char *name, struct str *out_text, struct err *err)
{
    const struct json_value *part = json_get(rs->pr->doc, facet, str_view(object));
    const struct json_value *value = json_get(rs->pr->doc, part, str_view(name));
    if (value && value->type == JSON_NUMBER) {
        *out_text = json_raw(rs->pr->doc, value);
        return OK;
    }
    return rows_member(rs, part, name, out_text, err);
}

static enum verdict add_mark(struct rows *rs, struct id128 mark, struct err *err)
{
    struct {
        struct id128 mark;
        struct id128 run;
    } pair = {.mark = mark, .run = rs->work->ol.run.id};
    bool is_new;
    if (id128_is_zero(mark)) {
        return OK;
    }
    struct id128 key = identity_digest((struct str){(const char *)&pair, sizeof pair});
    enum verdict verdict = rows_once(rs, key, &is_new, err);
    if (verdict != OK || !is_new) {
        return verdict;
    }
    struct graph_run_mark *row = graph_rows_add(&rs->bt->rows.run_marks);
    if (!row) {
        return rows_short(err);
    }
    *row = (struct graph_run_mark){.event = rs->work->event, .mark = mark, .run = pair.run};
    return OK;
}

static enum verdict mark_task(struct rows *rs, const struct json_value *facet, struct err *err)
{
    struct run_mark_task task;
    const struct {
        const char *object, *name;
        struct str *text;
    } parts[] = {
        {"dag", "dag_id", &task.dag},
        {"task", "task_id", &task.task},
        {"dagRun", "run_id", &task.run},
        {"taskInstance", "try_number", &task.try_number},
        {"taskInstance", "map_index", &task.map_index},
    };
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < sizeof parts / sizeof parts[0]; i++) {
        verdict = read_part(rs, facet, parts[i].object, parts[i].name, parts[i].text, err);
    }
    return verdict == OK ? add_mark(rs, run_mark_of_task(&task), err) : verdict;
}

enum verdict run_marks(struct rows *rs, struct err *err)
{
    const struct json_value *facets = rs->work->ol.run_facets;
    const struct json_value *airflow = json_get(rs->pr->doc, facets, STR("airflow"));
    struct str application;
    enum verdict verdict = airflow ? mark_task(rs, airflow, err) : OK;
    if (verdict == OK) {
        verdict =
            read_part(rs, facets, "spark_applicationDetails", "applicationId", &application, err);
    }
    return verdict == OK ? add_mark(rs, run_mark_of_spark(application), err) : verdict;
}
