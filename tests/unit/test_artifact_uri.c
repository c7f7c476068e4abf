/* One form for what names the artifact of a model. Expected forms are made by hand from the rules of the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/artifact_uri.h"

static void assert_form(struct str form, const char *expected)
{
    char text[ARTIFACT_URI_BYTES_MAX + 1];

    memcpy(text, form.ptr, form.len);
    text[form.len] = '\0';
    assert_string_equal(text, expected);
}

static void test_artifact_uri_forms(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        const char *form;
    } cases[] = {
        {"s3://bucket/models/churn", "s3://bucket/models/churn"},
        {"s3a://bucket/models/churn/", "s3://bucket/models/churn"},
        {"S3N://Bucket/Models/Churn//", "s3://bucket/Models/Churn"},
        {"s3://bucket/models/churn/model.joblib", "s3://bucket/models/churn"},
        {"s3://bucket/churn/MLmodel", "s3://bucket/churn"},
        {"s3://bucket/churn/MLmodel/model.pkl", "s3://bucket/churn"},
        {"s3://bucket/churn/mlmodel", "s3://bucket/churn/mlmodel"},
        {"s3://bucket/churn/model-settings.json", "s3://bucket/churn"},
        {"s3://bucket/my-model.joblib", "s3://bucket/my-model.joblib"},
        {"s3://bucket/model.pkl", "s3://bucket"},
        {"s3://bucket//a//b", "s3://bucket//a//b"},
        {"s3://bucket", "s3://bucket"},
        {"gs://Seldon-Models/V2/Iris", "gs://seldon-models/V2/Iris"},
        {"gcs://m/Iris/", "gs://m/Iris"},
        {"https://Token:h1dden@Host:8443/A?v=1", "https://host:8443/A?v=1"},
        {"https://Token:h1d@den@Host/A", "https://host/A"},
        {"wasbs://Data@Account.blob.core.windows.net/M",
         "wasbs://data@account.blob.core.windows.net/M"},
        {"hf://Org/Model", "hf://Org/Model"},
        {"pvc://claim/m/", "pvc://claim/m"},
        {"/mnt/models/iris/model.joblib", "file:///mnt/models/iris"},
        {"file:/mnt/models/", "file:///mnt/models"},
        {"FILE:///mnt/M", "file:///mnt/M"},
        {"models:/m-15b5343c71334e9c92ca1de2c3f7eb16",
         "models:/m-15b5343c71334e9c92ca1de2c3f7eb16"},
        {"runs:/3f9c/model/", "runs:/3f9c/model"},
        {"mlflow-artifacts:/1/3f9c/artifacts/model", "mlflow-artifacts:/1/3f9c/artifacts/model"},
        {"s3://b/\xc3\xbc", "s3://b/\xc3\xbc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[ARTIFACT_URI_BYTES_MAX];
        char again[ARTIFACT_URI_BYTES_MAX];
        struct str form;
        struct str form_again;
        assert_true(artifact_uri_normalize(str_view(cases[i].uri), out, &form));
        assert_form(form, cases[i].form);
        assert_true(artifact_uri_normalize(form, again, &form_again));
        assert_form(form_again, cases[i].form);
    }
}

static void test_artifact_uri_unusable(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",           "./model.joblib", "model.joblib", "models/churn", "s3:",
        "s3://",      "s3:///",         "file:x",       "file:///",     "file:///model.pt",
        "models:/",   "://b",           "1s://b",       "s3://b\n/c",   "/",
        "/model.pkl",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[ARTIFACT_URI_BYTES_MAX];
        struct str form = STR("as it was");
        assert_false(artifact_uri_normalize(str_view(cases[i]), out, &form));
        assert_form(form, "as it was");
    }
}

static void test_artifact_uri_length(void **state)
{
    (void)state;
    char uri[ARTIFACT_URI_BYTES_MAX + 1] = "s3://b/";
    char out[ARTIFACT_URI_BYTES_MAX];
    struct str form;

    memset(uri + 7, 'a', sizeof uri - 7);
    assert_false(artifact_uri_normalize((struct str){uri, sizeof uri}, out, &form));
    assert_true(artifact_uri_normalize((struct str){uri, sizeof uri - 1}, out, &form));
    assert_int_equal(form.len, ARTIFACT_URI_BYTES_MAX);
}

static void test_artifact_uri_of_datasets(void **state)
{
    (void)state;
    static const struct {
        const char *namespace_;
        const char *name;
        const char *form; /* NULL: none */
    } cases[] = {
        {"s3a://Bucket", "models/churn", "s3://bucket/models/churn"},
        {"s3://bucket/", "/models/churn/model.pkl", "s3://bucket/models/churn"},
        {"file", "/mnt/m/", "file:///mnt/m"},
        {"file://", "/mnt/m", "file:///mnt/m"},
        {"hdfs://Namenode:8020", "/user/M", "hdfs://namenode:8020/user/M"},
        {"models:", "/m-1", "models:/m-1"},
        {"mlflow", "s3://b/m", "s3://b/m"},
        {"mlflow", "churn", NULL},
        {"file", "m", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[ARTIFACT_URI_BYTES_MAX];
        struct str form;
        bool is_uri = artifact_uri_of_dataset(str_view(cases[i].namespace_),
                                              str_view(cases[i].name), out, &form);
        assert_int_equal(is_uri, cases[i].form != NULL);
        if (is_uri) {
            assert_form(form, cases[i].form);
        }
    }
}

static void test_artifact_digests(void **state)
{
    (void)state;
    static const struct {
        const char *digest;
        const char *form; /* NULL: none */
    } cases[] = {
        {"SHA256:ABCDEF01", "sha256:abcdef01"},
        {"registry/image@sha256:ab", "sha256:ab"},
        {"d41d8cd98f00b204e9800998ecf8427e", "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"da39a3ee5e6b4b0d3255bfef95601890afd80709",
         "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
         "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", NULL},
        {"sha256:", NULL},
        {"sha256:xyz", NULL},
        {":ab", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[ARTIFACT_DIGEST_BYTES_MAX];
        struct str form;
        bool is_digest = artifact_digest_normalize(str_view(cases[i].digest), out, &form);
        assert_int_equal(is_digest, cases[i].form != NULL);
        if (is_digest) {
            assert_form(form, cases[i].form);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_artifact_uri_forms),  cmocka_unit_test(test_artifact_uri_unusable),
        cmocka_unit_test(test_artifact_uri_length), cmocka_unit_test(test_artifact_uri_of_datasets),
        cmocka_unit_test(test_artifact_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
