/* What events say, read from real ones (Airflow 2.11, Spark 3.5, the Java client; expectations by
 * eye from the text), every odd time and run id that clients let through, and the first fault of
 * bad ones: a ^ in a bad event marks the byte where the fault must be found, and is taken out
 * before reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "schemas/openlineage.h"

static const char java_run[] =
    "{\"eventTime\":\"2026-01-01T00:00:00Z\",\"producer\":\"https://github.com/acme/java-app\","
    "\"schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent\",\"run"
    "\":{\"runId\":\"94cd3f3e-7a92-4d04-9f6c-0a45ab5498ba\"},\"job\":{\"namespace\":\"n\",\"nam"
    "e\":\"null fields\"}}";

static const char java_job[] =
    "{\"eventTime\":\"2026-01-01T00:00:00Z\",\"producer\":\"https://github.com/acme/java-app\","
    "\"schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent\",\"job"
    "\":{\"namespace\":\"n\",\"name\":\"jobevent\"},\"inputs\":[],\"outputs\":[]}";

static const char java_dataset[] =
    "{\"eventTime\":\"2026-01-01T00:00:00Z\",\"producer\":\"https://github.com/acme/java-app\","
    "\"schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent\","
    "\"dataset\":{\"namespace\":\"s3://b\",\"name\":\"x\"}}";

static const char airflow_query[] =
    "{\"eventTime\": \"2026-11-23T14:37:11.743004+00:00\", \"eventType\": \"START\", \"inputs\""
    ": [], \"job\": {\"facets\": {\"jobType\": {\"_producer\": \"https://github.com/apache/airf"
    "low/tree/providers-openlineage/2.20.3\", \"_schemaURL\": \"https://openlineage.io/spec/fac"
    "ets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet\", \"integration\": \"AIRFLOW\", \"j"
    "obType\": \"QUERY\", \"processingType\": \"BATCH\"}, \"sql\": {\"_producer\": \"https://gi"
    "thub.com/apache/airflow/tree/providers-openlineage/2.20.3\", \"_schemaURL\": \"https://ope"
    "nlineage.io/spec/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet\", \"query\": \"SELECT C"
    "URRENT_SCHEMA\"}}, \"name\": \"shop_sql_pg.unparseable.query.2\", \"namespace\": \"airflow"
    "-prod\"}, \"outputs\": [], \"producer\": \"https://github.com/apache/airflow/tree/provider"
    "s-openlineage/2.20.3\", \"run\": {\"facets\": {\"parent\": {\"_producer\": \"https://githu"
    "b.com/apache/airflow/tree/providers-openlineage/2.20.3\", \"_schemaURL\": \"https://openli"
    "neage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet\", \"job\": {\"facets"
    "\": {}, \"name\": \"shop_sql_pg.unparseable\", \"namespace\": \"airflow-prod\"}, \"root\":"
    " {\"job\": {\"facets\": {}, \"name\": \"shop_sql_pg\", \"namespace\": \"airflow-prod\"}, "
    "\"run\": {\"facets\": {}, \"runId\": \"01a2008d-7400-7335-ad4b-7c5cba34357b\"}}, \"run\": "
    "{\"facets\": {}, \"runId\": \"01a2008d-7400-755f-a7f2-c0cad6ddccba\"}}, \"tags\": {\"_prod"
    "ucer\": \"https://github.com/apache/airflow/tree/providers-openlineage/2.20.3\", \"_schema"
    "URL\": \"https://openlineage.io/spec/facets/1-0-0/TagsRunFacet.json#/$defs/TagsRunFacet\","
    " \"tags\": [{\"key\": \"openlineage_client_version\", \"source\": \"OPENLINEAGE_CLIENT\", "
    "\"value\": \"1.54.0\"}]}}, \"runId\": \"01a2008d-7400-7e5b-87f6-060b8e65cd51\"}, \"schemaU"
    "RL\": \"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent\"}";

static const char spark_rdd[] =
    "{\"eventTime\":\"2026-11-23T14:38:31.379Z\",\"producer\":\"https://github.com/OpenLineage/"
    "OpenLineage/tree/1.53.0/integration/spark\",\"schemaURL\":\"https://openlineage.io/spec/2-"
    "0-2/OpenLineage.json#/$defs/RunEvent\",\"eventType\":\"START\",\"run\":{\"runId\":\"01a208"
    "d8-1fdc-77c7-b807-f5edde8237eb\",\"facets\":{\"parent\":{\"_producer\":\"https://github.co"
    "m/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\"_schemaURL\":\"https://openlin"
    "eage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet\",\"run\":{\"runId\":"
    "\"01a208d8-1bd2-7529-8fb6-5d868989790a\"},\"job\":{\"namespace\":\"spark-prod\",\"name\":"
    "\"rdd_only\"},\"root\":{\"run\":{\"runId\":\"01a208d8-1bd2-7529-8fb6-5d868989790a\"},\"job"
    "\":{\"namespace\":\"spark-prod\",\"name\":\"rdd_only\"}}},\"processing_engine\":{\"_produc"
    "er\":\"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\"_schem"
    "aURL\":\"https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/Pro"
    "cessingEngineRunFacet\",\"version\":\"3.5.9\",\"name\":\"spark\",\"openlineageAdapterVersi"
    "on\":\"1.53.0\"},\"spark_properties\":{\"_producer\":\"https://github.com/OpenLineage/Open"
    "Lineage/tree/1.53.0/integration/spark\",\"_schemaURL\":\"https://openlineage.io/spec/2-0-2"
    "/OpenLineage.json#/$defs/RunFacet\",\"properties\":{\"spark.master\":\"local[2]\",\"spark."
    "app.name\":\"rdd_only\",\"spark.sql.shuffle.partitions\":\"2\"}},\"spark_jobDetails\":{\"_"
    "producer\":\"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\""
    "_schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet\",\"jobI"
    "d\":0},\"processing_engine\":{\"_producer\":\"https://github.com/OpenLineage/OpenLineage/t"
    "ree/1.53.0/integration/spark\",\"_schemaURL\":\"https://openlineage.io/spec/facets/1-1-1/P"
    "rocessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet\",\"version\":\"3.5.9\",\"nam"
    "e\":\"spark\",\"openlineageAdapterVersion\":\"1.53.0\"},\"spark_applicationDetails\":{\"_p"
    "roducer\":\"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\"_"
    "schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet\",\"maste"
    "r\":\"local[2]\",\"appName\":\"rdd_only\",\"applicationId\":\"local-1795444708275\",\"depl"
    "oyMode\":\"client\",\"driverHost\":\"localhost\",\"userName\":\"root\"},\"tags\":{\"_produ"
    "cer\":\"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\"_sche"
    "maURL\":\"https://openlineage.io/spec/facets/1-0-0/TagsRunFacet.json#/$defs/TagsRunFacet\""
    ",\"tags\":[{\"key\":\"r1\",\"value\":\"v1\",\"source\":\"CONFIG\"}]},\"environment-propert"
    "ies\":{\"_producer\":\"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/"
    "spark\",\"_schemaURL\":\"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFace"
    "t\",\"environment-properties\":{\"LANG\":\"C.UTF-8\",\"HOME\":\"/root\"}}}},\"job\":{\"nam"
    "espace\":\"spark-prod\",\"name\":\"rdd_only.map_partitions_python_map_partitions_shuffled_"
    "pairwise_python_map_partitions_hadoop\",\"facets\":{\"jobType\":{\"_producer\":\"https://g"
    "ithub.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark\",\"_schemaURL\":\"https:/"
    "/openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet\",\"processi"
    "ngType\":\"BATCH\",\"integration\":\"SPARK\",\"jobType\":\"RDD_JOB\"}}},\"inputs\":[{\"nam"
    "espace\":\"file\",\"name\":\"/data/shop/spark/data\",\"inputFacets\":{}}],\"outputs\":[{\""
    "namespace\":\"file\",\"name\":\"/data/shop/spark/data/rdd_out\",\"outputFacets\":{}}]}";

struct fixture {
    struct json_doc *doc;
    struct arena *arena;
    char *text;
    struct openlineage_event ev;
    struct json_fault fault;
    struct err err;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof(*fx));

    if (!fx) {
        return -1;
    }
    fx->doc = json_doc_new(128, 100000);
    fx->arena = arena_new(1 << 20);
    *state = fx;
    return fx->doc && fx->arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    json_doc_free(fx->doc);
    arena_free(fx->arena);
    free(fx->text);
    free(fx);
    return 0;
}

static enum verdict read_event(struct fixture *fx, const char *text)
{
    size_t len = strlen(text);

    free(fx->text);
    fx->text = calloc(1, len + JSON_PADDING_BYTES);
    assert_non_null(fx->text);
    memcpy(fx->text, text, len);
    arena_reset(fx->arena, 1 << 16);
    memset(&fx->ev, 0x5A, sizeof(fx->ev));
    memset(&fx->fault, 0, sizeof(fx->fault));
    if (json_parse(fx->doc, (struct str){fx->text, len}, &fx->fault, &fx->err) != OK) {
        fail_msg("not even JSON: %s", text);
    }
    return openlineage_read(fx->doc, fx->arena, &fx->ev, &fx->fault, &fx->err);
}

static void assert_read(struct fixture *fx, const char *text)
{
    if (read_event(fx, text) != OK) {
        fail_msg("%s in %s", fx->err.text, text);
    }
}

static void assert_text(struct str text, const char *expected)
{
    if (!str_eq(text, str_view(expected))) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)text.len, text.ptr, expected);
    }
}

static void assert_id(struct id128 id, const char *expected)
{
    char text[ID128_TEXT_BYTES];

    id128_format(id, text);
    assert_string_equal(text, expected);
}

static void test_the_java_clients_smallest_events_are_read(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, java_run);
    assert_int_equal(fx->ev.kind, OPENLINEAGE_RUN);
    assert_int_equal(fx->ev.event_time_us, 1767225600000000);
    assert_text(fx->ev.event_type, "");
    assert_int_equal(fx->ev.state, OPENLINEAGE_STATE_NEW);
    assert_false(fx->ev.is_start);
    assert_text(fx->ev.producer, "https://github.com/acme/java-app");
    assert_text(fx->ev.run.run_id, "94cd3f3e-7a92-4d04-9f6c-0a45ab5498ba");
    assert_null(fx->ev.run_facets);
    assert_text(fx->ev.job.namespace_, "n");
    assert_text(fx->ev.job.name, "null fields");
    assert_null(fx->ev.job_facets);
    assert_int_equal(fx->ev.input_count, 0);
    assert_int_equal(fx->ev.output_count, 0);
    assert_false(fx->ev.has_parent);
    assert_false(fx->ev.has_root);

    assert_read(fx, java_job);
    assert_int_equal(fx->ev.kind, OPENLINEAGE_JOB);
    assert_text(fx->ev.job.name, "jobevent");
    assert_true(id128_eq(openlineage_key(&fx->ev), identity_job(STR("n"), STR("jobevent"))));

    assert_read(fx, java_dataset);
    assert_int_equal(fx->ev.kind, OPENLINEAGE_DATASET);
    assert_text(fx->ev.dataset.namespace_, "s3://b");
    assert_text(fx->ev.dataset.name, "x");
    assert_true(id128_eq(openlineage_key(&fx->ev), identity_dataset(STR("s3://b"), STR("x"))));
}

static void test_an_airflow_query_has_a_parent_and_a_root(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, airflow_query);
    assert_int_equal(fx->ev.event_time_us, 1795444631743004);
    assert_text(fx->ev.event_type, "START");
    assert_true(fx->ev.is_start);
    assert_int_equal(fx->ev.state, OPENLINEAGE_STATE_RUNNING);
    assert_id(fx->ev.run.id, "01a2008d-7400-7e5b-87f6-060b8e65cd51");
    assert_true(fx->ev.run.is_uuid);
    assert_text(fx->ev.job.name, "shop_sql_pg.unparseable.query.2");
    assert_int_equal(fx->ev.job_facets->count, 2);
    assert_int_equal(fx->ev.run_facets->count, 2);
    assert_true(fx->ev.has_parent);
    assert_id(fx->ev.parent_run.id, "01a2008d-7400-755f-a7f2-c0cad6ddccba");
    assert_true(fx->ev.has_parent_job);
    assert_text(fx->ev.parent_job.namespace_, "airflow-prod");
    assert_text(fx->ev.parent_job.name, "shop_sql_pg.unparseable");
    assert_true(id128_eq(fx->ev.parent_job.id,
                         identity_job(STR("airflow-prod"), STR("shop_sql_pg.unparseable"))));
    assert_true(fx->ev.has_root);
    assert_id(fx->ev.root_run.id, "01a2008d-7400-7335-ad4b-7c5cba34357b");
    assert_true(fx->ev.has_root_job);
    assert_text(fx->ev.root_job.name, "shop_sql_pg");
}

static void test_a_spark_job_has_datasets_without_facets(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, spark_rdd);
    assert_int_equal(fx->ev.event_time_us, 1795444711379000);
    assert_text(fx->ev.producer,
                "https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark");
    assert_int_equal(fx->ev.input_count, 1);
    assert_text(fx->ev.inputs[0].namespace_, "file");
    assert_text(fx->ev.inputs[0].name, "/data/shop/spark/data");
    assert_true(
        id128_eq(fx->ev.inputs[0].id, identity_dataset(STR("file"), STR("/data/shop/spark/data"))));
    assert_null(fx->ev.inputs[0].facets);
    assert_int_equal(fx->ev.inputs[0].io_facets->count, 0);
    assert_true(str_eq(json_raw(fx->doc, fx->ev.inputs[0].value),
                       STR("{\"namespace\":\"file\",\"name\":\"/data/shop/spark/data\","
                           "\"inputFacets\":{}}")));
    assert_int_equal(fx->ev.output_count, 1);
    assert_text(fx->ev.outputs[0].name, "/data/shop/spark/data/rdd_out");
    assert_non_null(fx->ev.outputs[0].io_facets);
    assert_text(fx->ev.root_job.name, "rdd_only");
}

#define TIME_JOB(time) "{\"eventTime\":\"" time "\",\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}"

static void test_every_time_that_clients_send_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t event_time_us;
    } rows[] = {
        {TIME_JOB("2026-01-01T00:00:00"), 1767225600000000},
        {TIME_JOB("20260101T000000Z"), 1767225600000000},
        {TIME_JOB("2026-01-01T24:00:00Z"), 1767312000000000},
        {TIME_JOB("2026-01-01T00:00Z"), 1767225600000000},
        {TIME_JOB("2026-01-01T00:00:00.1Z"), 1767225600100000},
        {TIME_JOB("2026-01-01T00:00:00.51Z"), 1767225600510000},
        {TIME_JOB("2026-01-01T00:00:00.123456789Z"), 1767225600123456},
        {TIME_JOB("2026-01-01T05:30:00.123456789+05:30"), 1767225600123456},
        {TIME_JOB("2025-12-31T16:00:00.123-08:00"), 1767225600123000},
        {TIME_JOB("2026-03-29T03:30:00+02:00"), 1774747800000000},
        {TIME_JOB("0001-01-01T00:00:00Z"), -62135596800000000},
        {TIME_JOB("9999-12-31T23:59:59.999999Z"), 253402300799999999},
        {TIME_JOB("2026\\u002d01-01T00:00:00Z"), 1767225600000000},
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_read(fx, rows[i].text);
        assert_true(fx->ev.event_time_us == rows[i].event_time_us);
    }
}

static void test_every_run_id_that_clients_send_is_read(void **state)
{
    static const struct {
        const char *run_id;
        const char *id;
    } rows[] = {
        {"12345678-1234-1234-1234-123456789ABC", "12345678-1234-1234-1234-123456789abc"},
        {"12345678123412341234123456789ABC", "12345678-1234-1234-1234-123456789abc"},
        {"{12345678-1234-1234-1234-123456789abc}", "12345678-1234-1234-1234-123456789abc"},
        {"urn:uuid:12345678-1234-1234-1234-123456789abc", "12345678-1234-1234-1234-123456789abc"},
        {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
        {"b475d602-e74a-11f1-93d3-02fc00000001", "b475d602-e74a-11f1-93d3-02fc00000001"},
        /* No UUID: the value of test_identity.c. */
        {"manual__2026-01-01", "71eac2b5-241f-5dd6-8ca0-6279e3fe056b"},
    };
    struct fixture *fx = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"eventTime\":\"2026-01-01T00:00:00Z\",\"run\":{\"runId\":\"%s\"},"
                 "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}",
                 rows[i].run_id);
        assert_read(fx, text);
        assert_text(fx->ev.run.run_id, rows[i].run_id);
        assert_id(fx->ev.run.id, rows[i].id);
        assert_int_equal(fx->ev.run.is_uuid, i != 6);
    }
}

static void test_the_state_follows_the_type_in_any_case(void **state)
{
    static const struct {
        const char *type;
        enum openlineage_state state;
    } rows[] = {
        {"START", OPENLINEAGE_STATE_RUNNING},     {"running", OPENLINEAGE_STATE_RUNNING},
        {"Complete", OPENLINEAGE_STATE_COMPLETE}, {"ABORT", OPENLINEAGE_STATE_ABORT},
        {"fail", OPENLINEAGE_STATE_FAIL},         {"OTHER", OPENLINEAGE_STATE_NEW},
        {"BOGUS", OPENLINEAGE_STATE_NEW},         {"", OPENLINEAGE_STATE_NEW},
        {"STARTED", OPENLINEAGE_STATE_NEW},       {"STAR", OPENLINEAGE_STATE_NEW},
    };
    struct fixture *fx = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"eventTime\":\"2026-01-01T00:00:00Z\",\"eventType\":\"%s\","
                 "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}",
                 rows[i].type);
        assert_read(fx, text);
        assert_text(fx->ev.event_type, rows[i].type);
        assert_int_equal(fx->ev.state, rows[i].state);
        assert_int_equal(fx->ev.is_start, i == 0);
    }
}

#define AT "\"eventTime\":\"2026-01-01T00:00:00Z\""
#define JOB "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}"
#define RUN "\"run\":{\"runId\":\"r\"}"
#define DS "{\"namespace\":\"d\",\"name\":\"t\"}"

static void test_null_and_odd_members_count_as_missing(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, "{" AT ",\"run\":null," JOB "}");
    assert_int_equal(fx->ev.kind, OPENLINEAGE_JOB);
    assert_read(fx, "{" AT ",\"run\":null,\"job\":null,\"dataset\":" DS "}");
    assert_int_equal(fx->ev.kind, OPENLINEAGE_DATASET);
    assert_read(fx, "{" AT "," JOB ",\"dataset\":5}");
    assert_int_equal(fx->ev.kind, OPENLINEAGE_JOB);
    assert_read(fx, "{" AT "," JOB ",\"inputs\":null,\"outputs\":{},\"eventType\":null}");
    assert_int_equal(fx->ev.output_count, 0);
    assert_read(fx, "{" AT "," JOB ",\"inputs\":[],\"producer\":5,\"schemaURL\":[]}");
    assert_text(fx->ev.producer, "");
    assert_read(fx, "{" AT ",\"run\":{\"runId\":\"r\",\"facets\":null}," JOB
                    ",\"inputs\":[{\"namespace\":\"d\",\"name\":\"t\",\"facets\":null,"
                    "\"inputFacets\":null,\"outputFacets\":7}]}");
    assert_int_equal(fx->ev.input_count, 1);
    assert_null(fx->ev.inputs[0].facets);
    assert_null(fx->ev.inputs[0].io_facets);
    /* The last of two members counts; a dataset named twice stays twice; any text is a name. */
    assert_read(fx, "{" AT ",\"job\":7," JOB ",\"inputs\":[" DS "," DS "],\"extra\":NaN}");
    assert_int_equal(fx->ev.input_count, 2);
    assert_read(fx, "{" AT ",\"job\":{\"namespace\":\" \",\"name\":\"a\\u0000\\u00e9\"}}");
    assert_true(str_eq(fx->ev.job.name, STR("a\0\xC3\xA9")));
}

#define PARENT(facet) "{" AT ",\"run\":{\"runId\":\"r\",\"facets\":" facet "}," JOB "}"
#define P_RUN "\"run\":{\"runId\":\"p\"}"
#define P_JOB "\"job\":{\"namespace\":\"pn\",\"name\":\"pj\"}"

static void test_a_parent_may_lack_its_job_or_its_root(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, PARENT("{\"parent\":{" P_RUN "}}"));
    assert_true(fx->ev.has_parent);
    assert_text(fx->ev.parent_run.run_id, "p");
    assert_false(fx->ev.has_parent_job);
    assert_false(fx->ev.has_root);
    assert_read(fx,
                PARENT("{\"parent\":{" P_RUN "," P_JOB ",\"root\":{\"run\":{\"runId\":\"q\"}}}}"));
    assert_true(fx->ev.has_parent_job);
    assert_text(fx->ev.parent_job.namespace_, "pn");
    assert_true(fx->ev.has_root);
    assert_text(fx->ev.root_run.run_id, "q");
    assert_false(fx->ev.has_root_job);
    assert_read(fx, PARENT("{\"parent\":{" P_RUN ",\"root\":{" P_JOB "}}}"));
    assert_true(fx->ev.has_parent);
    assert_false(fx->ev.has_root);
}

static void test_the_first_clients_called_it_parent_run(void **state)
{
    struct fixture *fx = *state;

    assert_read(fx, PARENT("{\"parentRun\":{" P_RUN "," P_JOB "}}"));
    assert_true(fx->ev.has_parent);
    assert_text(fx->ev.parent_job.name, "pj");
    assert_read(fx, PARENT("{\"parentRun\":{" P_RUN "},\"parent\":{\"run\":{\"runId\":\"n\"}}}"));
    assert_text(fx->ev.parent_run.run_id, "n");
}

static void test_a_malformed_parent_is_no_parent(void **state)
{
    static const char *const facets[] = {
        "{}",
        "{\"parent\":null}",
        "{\"parent\":\"p\"}",
        "{\"parent\":[]}",
        "{\"parent\":{}}",
        "{\"parent\":{\"run\":\"p\"}}",
        "{\"parent\":{\"run\":{}}}",
        "{\"parent\":{\"run\":{\"runId\":\"\"}," P_JOB "}}",
        "{\"parent\":{\"run\":{\"runId\":5}," P_JOB "}}",
        "{\"parent\":{" P_JOB "}}",
        "{\"parent\":{" P_RUN ",\"job\":{}}}",
        "{\"parent\":{" P_RUN ",\"job\":7}}",
        "{\"parent\":{" P_RUN ",\"job\":{\"namespace\":\"\",\"name\":\"j\"}}}",
        "{\"parent\":{" P_RUN ",\"job\":{\"namespace\":\"n\",\"name\":\"\"}}}",
        "{\"parent\":{\"root\":{" P_RUN "}}}",
    };
    struct fixture *fx = *state;
    char text[512];

    for (size_t i = 0; i < sizeof(facets) / sizeof(facets[0]); i++) {
        snprintf(text, sizeof(text), "{" AT ",\"run\":{\"runId\":\"r\",\"facets\":%s}," JOB "}",
                 facets[i]);
        assert_read(fx, text);
        assert_false(fx->ev.has_parent);
        assert_false(fx->ev.has_parent_job);
        assert_false(fx->ev.has_root);
        assert_false(fx->ev.has_root_job);
    }
}

#define BAD_TIME(time) "{\"eventTime\":^" time "," JOB "}"

static const struct {
    const char *text; /* ^ where the fault is */
    const char *pointer;
} bad_events[] = {
    /* No object. */
    {"^[]", ""},
    {"^\"event\"", ""},
    {"^null", ""},
    {"^17", ""},
    {" ^[{" AT "," JOB "}]", ""},
    /* No time. */
    {"^{}", "/eventTime"},
    {" \n^{" JOB "}", "/eventTime"},
    {"^{\"eventTime\":null," JOB "}", "/eventTime"},
    {BAD_TIME("5"), "/eventTime"},
    {BAD_TIME("true"), "/eventTime"},
    {BAD_TIME("{}"), "/eventTime"},
    {BAD_TIME("\"\""), "/eventTime"},
    {BAD_TIME("\"yesterday\""), "/eventTime"},
    {BAD_TIME("\"2026-01-01\""), "/eventTime"},
    {BAD_TIME("\"2026-01-01 00:00:00Z\""), "/eventTime"},
    {BAD_TIME("\"2026-02-30T00:00:00Z\""), "/eventTime"},
    {BAD_TIME("\"2026-01-01T24:00:01Z\""), "/eventTime"},
    {BAD_TIME("\"99999-01-01T00:00:00Z\""), "/eventTime"},
    {BAD_TIME("\"2026-01-01T00:00:00+25:00\""), "/eventTime"},
    /* The last of two counts. */
    {"{" AT ",\"eventTime\":^\"never\"," JOB "}", "/eventTime"},
    /* A type that is no text. */
    {"{" AT ",\"eventType\":^1," JOB "}", "/eventType"},
    {"{" AT ",\"eventType\":^[\"START\"]," JOB "}", "/eventType"},
    /* Neither run, job nor dataset. */
    {"^{" AT "}", ""},
    {"^{" AT ",\"run\":null,\"job\":null,\"dataset\":null}", ""},
    /* The run. */
    {"{" AT ",\"run\":^\"r\"," JOB "}", "/run"},
    {"{" AT ",\"run\":^[]," JOB "}", "/run"},
    {"{" AT ",\"run\":^{}," JOB "}", "/run/runId"},
    {"{" AT ",\"run\":^{\"runId\":null}," JOB "}", "/run/runId"},
    {"{" AT ",\"run\":{\"runId\":^12}," JOB "}", "/run/runId"},
    {"{" AT ",\"run\":{\"runId\":^\"\"}," JOB "}", "/run/runId"},
    {"{" AT ",\"run\":{\"runId\":\"r\",\"facets\":^[]}," JOB "}", "/run/facets"},
    {"{" AT ",\"run\":{\"runId\":\"r\",\"facets\":^\"x\"}," JOB "}", "/run/facets"},
    /* The job of a run. */
    {"^{" AT "," RUN "}", "/job"},
    {"^{" AT "," RUN ",\"job\":null}", "/job"},
    {"{" AT "," RUN ",\"job\":^\"j\"}", "/job"},
    {"{" AT "," RUN ",\"job\":^{}}", "/job/namespace"},
    {"{" AT "," RUN ",\"job\":^{\"namespace\":\"n\"}}", "/job/name"},
    {"{" AT "," RUN ",\"job\":{\"namespace\":^\"\",\"name\":\"j\"}}", "/job/namespace"},
    {"{" AT "," RUN ",\"job\":{\"name\":^\"\",\"namespace\":\"n\"}}", "/job/name"},
    {"{" AT "," RUN ",\"job\":{\"name\":^[],\"namespace\":\"n\"}}", "/job/name"},
    {"{" AT ",\"job\":{\"name\":\"j\",\"namespace\":\"n\",\"facets\":^1}}", "/job/facets"},
    /* Inputs and outputs. */
    {"{" AT "," JOB ",\"inputs\":^\"t\"}", "/inputs"},
    {"{" AT "," JOB ",\"inputs\":^{\"namespace\":\"d\"}}", "/inputs"},
    {"{" AT "," JOB ",\"outputs\":^false}", "/outputs"},
    {"{" AT "," JOB ",\"inputs\":[^null]}", "/inputs/0"},
    {"{" AT "," JOB ",\"inputs\":[" DS ",^\"t\"]}", "/inputs/1"},
    {"{" AT "," JOB ",\"inputs\":[" DS "," DS ",^{\"name\":\"t\"}]}", "/inputs/2/namespace"},
    {"{" AT "," JOB ",\"outputs\":[^{\"namespace\":\"d\"}]}", "/outputs/0/name"},
    {"{" AT "," JOB ",\"outputs\":[{\"namespace\":\"d\",\"name\":^\"\"}]}", "/outputs/0/name"},
    {"{" AT "," JOB ",\"outputs\":[{\"namespace\":^{},\"name\":\"t\"}]}", "/outputs/0/namespace"},
    {"{" AT "," JOB ",\"inputs\":[{\"namespace\":\"d\",\"name\":\"t\",\"facets\":^[]}]}",
     "/inputs/0/facets"},
    {"{" AT "," JOB ",\"inputs\":[{\"namespace\":\"d\",\"name\":\"t\",\"inputFacets\":^\"\"}]}",
     "/inputs/0/inputFacets"},
    {"{" AT "," JOB ",\"outputs\":[{\"namespace\":\"d\",\"name\":\"t\",\"outputFacets\":^0}]}",
     "/outputs/0/outputFacets"},
    {"{" AT "," RUN "," JOB ",\"outputs\":[" DS ",^{\"namespace\":\"d\",\"name\":null}]}",
     "/outputs/1/name"},
    /* The dataset. */
    {"{" AT ",\"dataset\":^\"t\"}", "/dataset"},
    {"{" AT ",\"dataset\":^{\"namespace\":\"d\"}}", "/dataset/name"},
    {"{" AT ",\"dataset\":{\"namespace\":^\"\",\"name\":\"t\"}}", "/dataset/namespace"},
    {"{" AT ",\"dataset\":{\"namespace\":\"d\",\"name\":\"t\",\"facets\":^true}}",
     "/dataset/facets"},
};

static void test_the_first_fault_of_a_bad_event_is_found(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < sizeof(bad_events) / sizeof(bad_events[0]); i++) {
        char text[512];
        size_t offset = strcspn(bad_events[i].text, "^");
        snprintf(text, sizeof(text), "%.*s%s", (int)offset, bad_events[i].text,
                 bad_events[i].text + offset + 1);
        if (read_event(fx, text) != REJECT) {
            fail_msg("not refused: %s", text);
        }
        if (fx->fault.offset != offset || strcmp(fx->fault.pointer, bad_events[i].pointer) != 0) {
            fail_msg("%s at %zu instead of %s at %zu in %s", fx->fault.pointer, fx->fault.offset,
                     bad_events[i].pointer, offset, text);
        }
        assert_true(fx->fault.reason[0] != '\0');
        assert_non_null(strstr(fx->err.text, fx->fault.reason));
        /* Untouched. */
        assert_int_equal(fx->ev.input_count, 0x5A5A5A5A);
    }
}

static void test_a_full_arena_means_try_again(void **state)
{
    struct fixture *fx = *state;
    struct arena *tiny = arena_new(256);
    char text[1024] = "{" AT "," JOB ",\"inputs\":[" DS;

    for (int i = 0; i < 20; i++) {
        strncat(text, "," DS, sizeof(text) - strlen(text) - 1);
    }
    strncat(text, "]}", sizeof(text) - strlen(text) - 1);
    assert_read(fx, text);
    assert_int_equal(fx->ev.input_count, 21);
    assert_int_equal(openlineage_read(fx->doc, tiny, &fx->ev, NULL, &fx->err), RETRY);
    arena_free(tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_the_java_clients_smallest_events_are_read),
        TEST(test_an_airflow_query_has_a_parent_and_a_root),
        TEST(test_a_spark_job_has_datasets_without_facets),
        TEST(test_every_time_that_clients_send_is_read),
        TEST(test_every_run_id_that_clients_send_is_read),
        TEST(test_the_state_follows_the_type_in_any_case),
        TEST(test_null_and_odd_members_count_as_missing),
        TEST(test_a_parent_may_lack_its_job_or_its_root),
        TEST(test_the_first_clients_called_it_parent_run),
        TEST(test_a_malformed_parent_is_no_parent),
        TEST(test_the_first_fault_of_a_bad_event_is_found),
        TEST(test_a_full_arena_means_try_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
