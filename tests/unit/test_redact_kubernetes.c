/* What is secret in audit events of Kubernetes and what is not: in objects, merges, JSON patches, kubectl's annotation,
 * contents of Secrets, messages and addresses of requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "schemas/kube_audit.h"
#include "schemas/redact.h"

#define MARK REDACT_MARK

static struct json_doc *doc;
static struct arena *arena;
static struct redact *redact;

static int setup(void **state)
{
    struct err err;

    (void)state;
    doc = json_doc_new(128, 100000);
    arena = arena_new(4u << 20);
    return doc && arena && redact_new("", false, &redact, &err) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_doc_free(doc);
    arena_free(arena);
    redact_free(redact);
    return 0;
}

/* item as it is stored. */
static struct str stored(const char *item)
{
    size_t item_at;
    struct err err;
    struct str body = kube_audit_fold(STR("prod"), str_view(item), arena, &item_at);

    assert_non_null(body.ptr);
    assert_int_equal(json_parse(doc, body, NULL, &err), OK);
    assert_int_equal(redact_event(redact, doc, arena, &body, &err), OK);
    assert_true(body.len > item_at);
    return (struct str){body.ptr + item_at, body.len - item_at - 1};
}

static void test_what_is_secret_is_gone(void **state)
{
    static const struct {
        const char *item;
        const char *stored;
    } cases[] = {
        {"{\"auditID\":\"1\",\"responseObject\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":"
         "[{"
         "\"name\":\"A\",\"value\":\"s3\"},{\"name\":\"B\",\"valueFrom\":{\"secretKeyRef\":{"
         "\"name\":"
         "\"x\"}}}],\"args\":[\"s3\",\"--b\"],\"command\":[\"s3\"]}]}}}",
         "{\"auditID\":\"1\",\"responseObject\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":"
         "[{"
         "\"name\":\"A\",\"value\":\"" MARK
         "\"},{\"name\":\"B\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"x\"}}}],\"args\":[\"" MARK
         "\",\"" MARK "\"],\"command\":[\"" MARK "\"]}]}}}"},
        {"{\"auditID\":\"1\",\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/replicas\","
         "\"value\":\"3\"},{\"op\":\"add\",\"path\":\"/spec/containers/0/env/0/"
         "value\",\"value\":\"s3\"}"
         ",{\"op\":\"add\",\"path\":\"/spec/containers/0/"
         "args\",\"value\":[\"s3\"]},{\"op\":\"add\","
         "\"path\":\"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration\","
         "\"value\":\"s3\"},{\"op\":\"add\",\"path\":\"/data/k\",\"value\":\"s3\"}]}",
         "{\"auditID\":\"1\",\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/replicas\","
         "\"value\":\"3\"},{\"op\":\"add\",\"path\":\"/spec/containers/0/env/0/"
         "value\",\"value\":\"" MARK
         "\"},{\"op\":\"add\",\"path\":\"/spec/containers/0/args\",\"value\":[\"" MARK
         "\"]},{\"op\":\"add\",\"path\":\"/metadata/annotations/"
         "kubectl.kubernetes.io~1last-applied-configuration\",\"value\":\"" MARK
         "\"},{\"op\":\"add\",\"path\":\"/data/k\",\"value\":\"" MARK "\"}]}"},
        {"{\"auditID\":\"1\",\"requestObject\":{\"metadata\":{\"annotations\":{\"kubectl."
         "kubernetes.io/"
         "last-applied-configuration\":\"{\\\"a\\\":1}\"}},\"spec\":{\"\\u0061rgs\":[\"s3\"]}}}",
         "{\"auditID\":\"1\",\"requestObject\":{\"metadata\":{\"annotations\":{\"kubectl."
         "kubernetes.io/"
         "last-applied-configuration\":\"" MARK "\"}},\"spec\":{\"\\u0061rgs\":[\"" MARK "\"]}}}"},
        {"{\"auditID\":\"1\",\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"data\":{"
         "\"k\":\"s3\"},\"stringData\":{\"k\":\"s3\"}}}",
         "{\"auditID\":\"1\",\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"data\":{"
         "\"k\":\"" MARK "\"},\"stringData\":{\"k\":\"" MARK "\"}}}"},
        {"{\"auditID\":\"1\",\"requestObject\":{\"items\":[{\"kind\":\"ConfigMap\",\"data\":{\"k\":"
         "\"s3\"}}]}}",
         "{\"auditID\":\"1\",\"requestObject\":{\"items\":[{\"kind\":\"ConfigMap\",\"data\":{\"k\":"
         "\"" MARK "\"}}]}}"},
        {"{\"auditID\":\"1\",\"responseObject\":{\"metadata\":{\"annotations\":{\"kopf.zalando.org/"
         "last-handled-configuration\":\"s3cret\",\"workflows.argoproj.io/"
         "template\":\"s3cret\",\"metaops.io/"
         "run-id\":\"7\",\"dag_id\":\"d\"}},\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
         "\"banzaicloud.com/last-applied\":\"s3cret\"}}}}}}",
         "{\"auditID\":\"1\",\"responseObject\":{\"metadata\":{\"annotations\":{\"kopf.zalando.org/"
         "last-handled-configuration\":\"" MARK "\",\"workflows.argoproj.io/template\":\"" MARK
         "\",\"metaops.io/"
         "run-id\":\"7\",\"dag_id\":\"d\"}},\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
         "\"banzaicloud.com/last-applied\":\"" MARK "\"}}}}}}"},
        {"{\"auditID\":\"1\",\"annotations\":{\"authorization.k8s.io/"
         "decision\":\"allow\",\"patch.webhook.admission.k8s.io/round_0_index_0\":\"s3cret\"}}",
         "{\"auditID\":\"1\",\"annotations\":{\"authorization.k8s.io/"
         "decision\":\"allow\",\"patch.webhook.admission.k8s.io/round_0_index_0\":\"" MARK "\"}}"},
        {"{\"auditID\":\"1\",\"requestObject\":[{\"op\":\"add\",\"path\":\"/metadata/annotations/"
         "a.b~1c\",\"value\":\"s3cret\"},{\"op\":\"add\",\"path\":\"/metadata/annotations/"
         "metaops.io~1purpose\",\"value\":\"p\"},{\"op\":\"add\",\"path\":\"/metadata/"
         "annotations\",\"value\":{\"a\":\"s3cret\",\"task_id\":\"t\"}},{\"op\":\"add\",\"path\":"
         "\"/spec/sparkConf/spark.executorEnv.A\",\"value\":\"s3cret\"}]}",
         "{\"auditID\":\"1\",\"requestObject\":[{\"op\":\"add\",\"path\":\"/metadata/annotations/"
         "a.b~1c\",\"value\":\"" MARK "\"},{\"op\":\"add\",\"path\":\"/metadata/annotations/"
         "metaops.io~1purpose\",\"value\":\"p\"},{\"op\":\"add\","
         "\"path\":\"/metadata/annotations\",\"value\":{\"a\":\"" MARK
         "\",\"task_id\":\"t\"}},{\"op\":\"add\",\"path\":\"/spec/sparkConf/"
         "spark.executorEnv.A\",\"value\":\"" MARK "\"}]}"},
        {"{\"auditID\":\"1\",\"requestObject\":{\"spec\":{\"sparkConf\":{\"spark.kubernetes."
         "driverEnv.CREDS\":\"s3cret\",\"spark.executorEnv.X\":\"s3cret\",\"spark.driver."
         "extraJavaOptions\":\"s3cret\",\"spark.app.name\":\"n\"},\"driver\":{\"javaOptions\":"
         "\"s3cret\"},\"volumes\":[{\"name\":\"v\",\"csi\":{\"driver\":\"d\",\"volumeAttributes\":{"
         "\"a\":\"s3cret\"}}}]}}}",
         "{\"auditID\":\"1\",\"requestObject\":{\"spec\":{\"sparkConf\":{\"spark.kubernetes."
         "driverEnv.CREDS\":\"" MARK "\",\"spark.executorEnv.X\":\"" MARK
         "\",\"spark.driver.extraJavaOptions\":\"" MARK
         "\",\"spark.app.name\":\"n\"},\"driver\":{\"javaOptions\":\"" MARK
         "\"},\"volumes\":[{\"name\":\"v\",\"csi\":{\"driver\":\"d\",\"volumeAttributes\":{\"a\":"
         "\"" MARK "\"}}}]}}}"},
        {"{\"auditID\":\"1\",\"responseObject\":{\"status\":{\"containerStatuses\":[{\"state\":{"
         "\"terminated\":{\"reason\":\"Error\",\"message\":\"s3cret\"}},\"lastState\":{\"waiting\":"
         "{\"message\":\"s3cret\"}}}],\"applicationState\":{\"state\":\"FAILED\",\"errorMessage\":"
         "\"s3cret\"},\"message\":\"m\"}}}",
         "{\"auditID\":\"1\",\"responseObject\":{\"status\":{\"containerStatuses\":[{\"state\":{"
         "\"terminated\":{\"reason\":\"Error\",\"message\":\"" MARK
         "\"}},\"lastState\":{\"waiting\":{\"message\":\"" MARK
         "\"}}}],\"applicationState\":{\"state\":\"FAILED\",\"errorMessage\":\"" MARK
         "\"},\"message\":\"m\"}}}"},
        {"{\"auditID\":\"1\",\"requestURI\":\"/pods/p/exec?command=s3\",\"responseStatus\":{"
         "\"message\":\"env[0].value: Invalid value: s3\"}}",
         "{\"auditID\":\"1\",\"requestURI\":\"/pods/p/exec?" MARK
         "\",\"responseStatus\":{\"message\":\"" MARK "\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str found = stored(cases[i].item);
        assert_int_equal(found.len, strlen(cases[i].stored));
        assert_memory_equal(found.ptr, cases[i].stored, found.len);
    }
}

static void test_what_joins_the_graph_stays(void **state)
{
    static const char *const items[] = {
        "{\"auditID\":\"1\",\"requestURI\":\"/"
        "a?fieldManager=kubectl\",\"responseObject\":{\"data\":{"
        "\"k\":\"v\"},\"metadata\":{\"annotations\":{\"metaops.io/model-version\":\"iris:2\"}},"
        "\"spec\":{\"storageUri\":\"s3://models/iris/2\",\"image\":\"r/i@sha256:00\"}}}",
        "{\"auditID\":\"1\",\"responseStatus\":{\"message\":\"models iris is forbidden\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct str found = stored(items[i]);
        assert_int_equal(found.len, strlen(items[i]));
        assert_memory_equal(found.ptr, items[i], found.len);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_secret_is_gone),
        cmocka_unit_test(test_what_joins_the_graph_stays),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
