#include "tests/bench/event_maker.h"

#include <stdlib.h>

#define DAGS 100
#define TASKS 10
#define JOBS (DAGS * TASKS)
#define INPUTS 3
#define FIELDS 12
#define ADDED_FIELDS_MAX 3
#define WAVE_EVENTS (JOBS * 2)
#define HOUR_US (3600 * (int64_t)1000000)

struct tool {
    const char *producer;
    const char *engine;
    const char *version;
    const char *integration;
    const char *job_type;
    const char *job_namespace;
    const char *data_namespace;
};

static const struct tool tools[] = {
    {.producer = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3",
     .engine = "Airflow",
     .version = "2.11.0",
     .integration = "AIRFLOW",
     .job_type = "TASK",
     .job_namespace = "airflow-prod",
     .data_namespace = "postgres://dwh:5432"},
    {.producer = "https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark",
     .engine = "spark",
     .version = "3.5.9",
     .integration = "SPARK",
     .job_type = "SQL_JOB",
     .job_namespace = "spark-prod",
     .data_namespace = "s3://lake"},
};

static const char *const subjects[] = {"orders", "customers", "payments", "stock",    "refunds",
                                       "clicks", "returns",   "prices",   "carriers", "leads"};
static const char *const verbs[TASKS] = {"stage",  "clean", "join",   "dedupe", "score",
                                         "rollup", "rank",  "enrich", "mart",   "export"};

struct column {
    const char *name;
    const char *type;
};

static const struct column columns[] = {
    {.name = "id", .type = "bigint"},
    {.name = "customer_id", .type = "bigint"},
    {.name = "country", .type = "char(2)"},
    {.name = "email", .type = "text"},
    {.name = "amount", .type = "numeric"},
    {.name = "currency", .type = "char(3)"},
    {.name = "status", .type = "text"},
    {.name = "created_at", .type = "timestamp"},
    {.name = "updated_at", .type = "timestamp"},
    {.name = "channel", .type = "text"},
    {.name = "quantity", .type = "integer"},
    {.name = "unit_price", .type = "numeric"},
    {.name = "tax", .type = "numeric"},
    {.name = "is_test", .type = "boolean"},
    {.name = "region", .type = "text"},
    {.name = "sku", .type = "text"},
    {.name = "weight_g", .type = "integer"},
    {.name = "device", .type = "text"},
    {.name = "session", .type = "uuid"},
    {.name = "score", .type = "double"},
    {.name = "batch_day", .type = "date"},
    {.name = "source_id", .type = "integer"},
    {.name = "note", .type = "text"},
    {.name = "rank", .type = "smallint"},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *const types[] = {"bigint",    "text",   "numeric",
                                    "timestamp", "double", "varchar(64)"};
#define TYPES (sizeof(types) / sizeof(types[0]))

struct transformation {
    const char *type;
    const char *subtype;
    const char *masking;
};

static const struct transformation transformations[] = {
    {.type = "DIRECT", .subtype = "IDENTITY", .masking = "false"},
    {.type = "DIRECT", .subtype = "TRANSFORMATION", .masking = "false"},
    {.type = "DIRECT", .subtype = "AGGREGATION", .masking = "false"},
    {.type = "INDIRECT", .subtype = "JOIN", .masking = "false"},
    {.type = "DIRECT", .subtype = "TRANSFORMATION", .masking = "true"},
};
#define TRANSFORMATIONS (sizeof(transformations) / sizeof(transformations[0]))

struct job {
    uint8_t run_id[16];
    int64_t started_us;
    const char *type_now[FIELDS]; /* NULL: as the column has it */
    int added;
};

struct event_maker {
    uint64_t random;
    uint64_t made;
    uint64_t change_one_in; /* 0: never */
    uint8_t dag_run_id[DAGS][16];
    struct job jobs[JOBS];
};

struct event_maker *event_maker_new(uint64_t seed, uint64_t change_one_in)
{
    struct event_maker *maker = calloc(1, sizeof(*maker));
    if (maker) {
        maker->random = seed;
        maker->change_one_in = change_one_in;
    }
    return maker;
}

void event_maker_free(struct event_maker *maker)
{
    free(maker);
}

/* An additive sequence through a 64-bit mixer: any seed is good, also 0. */
uint64_t event_maker_random(struct event_maker *maker)
{
    maker->random += 0x9e3779b97f4a7c15u;
    uint64_t x = maker->random;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

void event_maker_uuid(struct event_maker *maker, int64_t now_us, uint8_t out_uuid[16])
{
    uint64_t time_ms = (uint64_t)now_us / 1000;
    uint64_t high = event_maker_random(maker);
    uint64_t low = event_maker_random(maker);
    for (int i = 0; i < 6; i++) {
        out_uuid[i] = (uint8_t)(time_ms >> (40 - 8 * i));
    }
    out_uuid[6] = (uint8_t)(0x70 | (high & 15));
    out_uuid[7] = (uint8_t)(high >> 8);
    out_uuid[8] = (uint8_t)(0x80 | (low & 63));
    for (int i = 9; i < 16; i++) {
        out_uuid[i] = (uint8_t)(low >> (8 * (i - 8)));
    }
}

static const struct tool *tool_of(int dag)
{
    return &tools[dag % 2];
}

/* Datasets 0..2 of a DAG are its sources, 3 + task is what that task writes. */
static int input_of(int task, int nth)
{
    int dataset = task + nth;
    return dataset < INPUTS + task ? dataset : nth;
}

static const struct column *column_of(int dag, int dataset, int field)
{
    return &columns[((unsigned)(dag * 7 + dataset * 5) + (unsigned)field) % COLUMNS];
}

static void put_dag_name(struct text_out *out, int dag)
{
    text_out_put(out, subjects[dag % 10]);
    text_out_put(out, "_daily_");
    text_out_number(out, (uint64_t)(dag / 10));
}

static void put_dataset(struct text_out *out, int dag, int dataset)
{
    text_out_put(out, "\"namespace\":\"");
    text_out_put(out, tool_of(dag)->data_namespace);
    text_out_put(out, dataset < INPUTS ? "\",\"name\":\"raw." : "\",\"name\":\"dwh.");
    text_out_put(out, subjects[dag % 10]);
    text_out_put(out, "_");
    text_out_number(out, (uint64_t)(dag / 10));
    text_out_put(out, "_");
    if (dataset < INPUTS) {
        text_out_number(out, (uint64_t)dataset);
    } else {
        text_out_put(out, verbs[dataset - INPUTS]);
    }
    text_out_put(out, "\"");
}

/* Opens a facet; the caller writes its members and the closing brace. */
static void put_facet(struct text_out *out, int dag, const char *name, const char *version,
                      const char *class)
{
    text_out_put(out, "\"");
    text_out_put(out, name);
    text_out_put(out, "\":{\"_producer\":\"");
    text_out_put(out, tool_of(dag)->producer);
    text_out_put(out, "\",\"_schemaURL\":\"https://openlineage.io/spec/facets/");
    text_out_put(out, version);
    text_out_put(out, "/");
    text_out_put(out, class);
    text_out_put(out, ".json#/$defs/");
    text_out_put(out, class);
    text_out_put(out, "\",");
}

static void put_dag_run(struct event_maker *maker, struct text_out *out, int dag)
{
    text_out_put(out, "\"run\":{\"runId\":\"");
    text_out_uuid(out, maker->dag_run_id[dag]);
    text_out_put(out, "\"},\"job\":{\"namespace\":\"");
    text_out_put(out, tool_of(dag)->job_namespace);
    text_out_put(out, "\",\"name\":\"");
    put_dag_name(out, dag);
    text_out_put(out, "\"}");
}

/* The waves are a backfill: each is one hour before the other. */
static void put_nominal_time(struct event_maker *maker, struct text_out *out, int dag, int task)
{
    int64_t wave = (int64_t)(maker->made / WAVE_EVENTS);
    int64_t end_us =
        maker->jobs[dag * TASKS + task].started_us / HOUR_US * HOUR_US - wave * HOUR_US;
    text_out_put(out, ",");
    put_facet(out, dag, "nominalTime", "1-0-1", "NominalTimeRunFacet");
    text_out_put(out, "\"nominalStartTime\":\"");
    text_out_time(out, end_us - HOUR_US);
    text_out_put(out, "\",\"nominalEndTime\":\"");
    text_out_time(out, end_us);
    text_out_put(out, "\"}");
}

static void put_run(struct event_maker *maker, struct text_out *out, int dag, int task,
                    bool is_start)
{
    const struct tool *tool = tool_of(dag);
    text_out_put(out, "\"run\":{\"runId\":\"");
    text_out_uuid(out, maker->jobs[dag * TASKS + task].run_id);
    text_out_put(out, "\",\"facets\":{");
    put_facet(out, dag, "parent", "1-2-0", "ParentRunFacet");
    put_dag_run(maker, out, dag);
    text_out_put(out, ",\"root\":{");
    put_dag_run(maker, out, dag);
    text_out_put(out, "}}");
    if (is_start) {
        text_out_put(out, ",");
        put_facet(out, dag, "processing_engine", "1-1-1", "ProcessingEngineRunFacet");
        text_out_format(out, "\"version\":\"%s\",\"name\":\"%s\"}", tool->version, tool->engine);
        put_nominal_time(maker, out, dag, task);
    }
    text_out_put(out, "}}");
}

static void put_job(struct text_out *out, int dag, int task, bool is_start)
{
    const struct tool *tool = tool_of(dag);
    const char *subject = subjects[dag % 10];
    int number = dag / 10;
    text_out_format(out, "\"job\":{\"namespace\":\"%s\",\"name\":\"", tool->job_namespace);
    put_dag_name(out, dag);
    text_out_format(out, ".%s\",\"facets\":{", verbs[task]);
    if (is_start) {
        put_facet(out, dag, "jobType", "2-0-4", "JobTypeJobFacet");
        text_out_format(out,
                        "\"processingType\":\"BATCH\",\"integration\":\"%s\",\"jobType\":\"%s\"},",
                        tool->integration, tool->job_type);
        put_facet(out, dag, "sourceCodeLocation", "1-1-0", "SourceCodeLocationJobFacet");
        text_out_format(
            out,
            "\"type\":\"git\",\"url\":\"https://git.example.org/shop/dags/blob/main/%s_%d.py\","
            "\"version\":\"%08x\",\"branch\":\"main\"},",
            subject, number, (unsigned)dag * 2654435761u);
        put_facet(out, dag, "ownership", "1-0-1", "OwnershipJobFacet");
        text_out_format(out, "\"owners\":[{\"name\":\"team-%s\",\"type\":\"team\"}]},", subject);
        put_facet(out, dag, "sql", "1-1-0", "SQLJobFacet");
        text_out_format(out,
                        "\"query\":\"insert into dwh.%s_%d_%s select * from %s a join %s b "
                        "using (id) left join %s c on c.id = a.id where a.is_test = false\"}",
                        subject, number, verbs[task], subject, verbs[(task + 1) % TASKS], subject);
    }
    text_out_put(out, "}}");
}

static void put_field(struct text_out *out, const char *name, const char *type)
{
    text_out_put(out, "{\"name\":\"");
    text_out_put(out, name);
    text_out_put(out, "\",\"type\":\"");
    text_out_put(out, type);
    text_out_put(out, "\"}");
}

/* job NULL: the columns as the reader of an input knows them. */
static void put_schema(struct text_out *out, int dag, int dataset, const struct job *job)
{
    put_facet(out, dag, "schema", "1-2-0", "SchemaDatasetFacet");
    text_out_put(out, "\"fields\":[");
    for (int i = 0; i < FIELDS; i++) {
        const struct column *column = column_of(dag, dataset, i);
        if (i) {
            text_out_put(out, ",");
        }
        put_field(out, column->name, job && job->type_now[i] ? job->type_now[i] : column->type);
    }
    for (int i = 0; job && i < job->added; i++) {
        text_out_format(out, ",{\"name\":\"added_%d\",\"type\":\"text\"}", i + 1);
    }
    text_out_put(out, "]}");
}

static void put_data_source(struct text_out *out, int dag)
{
    const char *namespace_ = tool_of(dag)->data_namespace;
    put_facet(out, dag, "dataSource", "1-0-1", "DatasourceDatasetFacet");
    text_out_format(out, "\"name\":\"%s\",\"uri\":\"%s\"}", namespace_, namespace_);
}

static void put_column_lineage(struct text_out *out, int dag, int task)
{
    put_facet(out, dag, "columnLineage", "1-2-0", "ColumnLineageDatasetFacet");
    text_out_put(out, "\"fields\":{");
    for (int i = 0; i < FIELDS; i++) {
        int input = input_of(task, i % INPUTS);
        /* Every other list is empty, as Airflow's SQL parser leaves them. */
        const struct transformation *how =
            i % 2 ? NULL : &transformations[(unsigned)(dag + task + i / 2) % TRANSFORMATIONS];
        text_out_put(out, i ? ",\"" : "\"");
        text_out_put(out, column_of(dag, INPUTS + task, i)->name);
        text_out_put(out, "\":{\"inputFields\":[{");
        put_dataset(out, dag, input);
        text_out_put(out, ",\"field\":\"");
        text_out_put(out, column_of(dag, input, i)->name);
        text_out_put(out, "\",\"transformations\":[");
        if (how) {
            text_out_format(out, "{\"type\":\"%s\",\"subtype\":\"%s\",\"masking\":%s}", how->type,
                            how->subtype, how->masking);
        }
        text_out_put(out, "]}]}");
    }
    text_out_put(out, "}}");
}

static void put_output(struct event_maker *maker, struct text_out *out, int dag, int task,
                       bool is_start)
{
    text_out_put(out, "\"outputs\":[{");
    put_dataset(out, dag, INPUTS + task);
    text_out_put(out, ",\"facets\":{");
    put_schema(out, dag, INPUTS + task, &maker->jobs[dag * TASKS + task]);
    text_out_put(out, ",");
    if (is_start) {
        put_data_source(out, dag);
    } else {
        put_column_lineage(out, dag, task);
        text_out_put(out, "},\"outputFacets\":{");
        put_facet(out, dag, "outputStatistics", "1-0-2", "OutputStatisticsOutputDatasetFacet");
        uint64_t rows = event_maker_random(maker) % 1000000;
        text_out_format(out, "\"rowCount\":%llu,\"size\":%llu}", (unsigned long long)rows,
                        (unsigned long long)rows * 87);
    }
    text_out_put(out, "}}]");
}

static void put_inputs(struct text_out *out, int dag, int task)
{
    text_out_put(out, "\"inputs\":[");
    for (int i = 0; i < INPUTS; i++) {
        int dataset = input_of(task, i);
        text_out_put(out, i ? ",{" : "{");
        put_dataset(out, dag, dataset);
        text_out_put(out, ",\"facets\":{");
        put_schema(out, dag, dataset, NULL);
        text_out_put(out, "}}");
    }
    text_out_put(out, "],");
}

static void maybe_change_schema(struct event_maker *maker, struct job *job)
{
    uint64_t random = event_maker_random(maker);
    if (maker->change_one_in == 0 || random % maker->change_one_in != 0) {
        return;
    }
    if (random >> 63 && job->added < ADDED_FIELDS_MAX) {
        job->added++;
        return;
    }
    size_t field = (random >> 16) % FIELDS;
    size_t type = (random >> 32) % TYPES;
    /* The same type again would be no change. */
    if (job->type_now[field] == types[type]) {
        type = (type + 1) % TYPES;
    }
    job->type_now[field] = types[type];
}

void event_maker_next(struct event_maker *maker, int64_t now_us, struct text_out *out)
{
    int at = (int)(maker->made % WAVE_EVENTS);
    int dag = at % DAGS;
    int task = at / (2 * DAGS);
    bool is_start = at / DAGS % 2 == 0;
    struct job *job = &maker->jobs[dag * TASKS + task];
    if (is_start) {
        if (task == 0) {
            event_maker_uuid(maker, now_us, maker->dag_run_id[dag]);
        }
        event_maker_uuid(maker, now_us, job->run_id);
        job->started_us = now_us;
    }
    maybe_change_schema(maker, job);
    text_out_put(out, "{\"eventTime\":\"");
    text_out_time(out, now_us);
    text_out_format(out, "\",\"producer\":\"%s\",", tool_of(dag)->producer);
    text_out_put(
        out,
        "\"schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent\",");
    text_out_put(out, is_start ? "\"eventType\":\"START\"," : "\"eventType\":\"COMPLETE\",");
    put_run(maker, out, dag, task, is_start);
    text_out_put(out, ",");
    put_job(out, dag, task, is_start);
    text_out_put(out, ",");
    put_inputs(out, dag, task);
    put_output(maker, out, dag, task, is_start);
    text_out_put(out, "}");
    maker->made++;
}
