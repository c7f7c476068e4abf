/* Deliveries of MLflow against signatures that OpenSSL's command line made, as MLflow's own code does:
 * printf 'd-1.1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of MLflow' -binary | base64 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/mlflow_signature.h"

#define GOOD "v1,Dcg87tif9eUnXgOvZjc2ijxdTL1Fmn7Z2dTWJMCW1x0="
#define SENT_S 1700000000
#define AGE_S 300

/* Keys out of a file that holds text. */
static enum verdict open_keys(struct str text, struct mlflow_keys **out_keys)
{
    char path[] = "/tmp/metaops_mlflow_XXXXXX";
    struct err err;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text.ptr, text.len), text.len);
    close(file);
    enum verdict verdict = mlflow_keys_open(path, out_keys, &err);
    unlink(path);
    return verdict;
}

static enum mlflow_trust judge(const struct mlflow_keys *keys, const char *id, const char *time,
                               const char *signature, const char *body, int64_t now_s)
{
    struct mlflow_delivery delivery = {
        .id = str_view(id), .timestamp = str_view(time), .body = str_view(body)};
    if (signature) {
        delivery.signature = str_view(signature);
    }
    return mlflow_keys_judge(keys, &delivery, now_s, AGE_S);
}

static void test_mlflow_signature_is_judged(void **state)
{
    (void)state;
    struct mlflow_keys *keys = NULL;
    const char *time = "1700000000";
    const char *body = "{\"a\":1}";
    assert_int_equal(open_keys(STR("the one before it\n\na secret of MLflow\r\n"), &keys), OK);
    assert_int_equal(judge(keys, "d-1", time, GOOD, body, SENT_S), MLFLOW_TRUSTED);
    assert_int_equal(judge(keys, "d-1", time, GOOD, body, SENT_S + AGE_S), MLFLOW_TRUSTED);
    assert_int_equal(judge(keys, "d-1", time, GOOD, body, SENT_S - AGE_S), MLFLOW_TRUSTED);
    assert_int_equal(judge(keys, "d-1", time, GOOD, body, SENT_S + AGE_S + 1), MLFLOW_STALE);
    assert_int_equal(judge(keys, "d-1", time, GOOD, body, SENT_S - AGE_S - 1), MLFLOW_STALE);
    assert_int_equal(judge(keys, "d-2", time, GOOD, body, SENT_S), MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", "1700000001", GOOD, body, SENT_S), MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", time, GOOD, "{\"a\":2}", SENT_S), MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", time, NULL, body, SENT_S), MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", time, GOOD " ", body, SENT_S), MLFLOW_FORGED);
    assert_int_equal(
        judge(keys, "d-1", time, "v2,Dcg87tif9eUnXgOvZjc2ijxdTL1Fmn7Z2dTWJMCW1x0=", body, SENT_S),
        MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", "", GOOD, body, SENT_S), MLFLOW_FORGED);
    assert_int_equal(judge(keys, "d-1", "99999999999999999999", GOOD, body, SENT_S), MLFLOW_FORGED);
    mlflow_keys_close(keys);
}

static void test_mlflow_signature_needs_its_key(void **state)
{
    (void)state;
    struct mlflow_keys *keys = NULL;
    assert_int_equal(open_keys(STR("another secret"), &keys), OK);
    assert_int_equal(judge(keys, "d-1", "1700000000", GOOD, "{\"a\":1}", SENT_S), MLFLOW_FORGED);
    mlflow_keys_close(keys);
}

static void test_mlflow_signature_files(void **state)
{
    (void)state;
    struct mlflow_keys *keys = NULL;
    struct err err;
    assert_int_equal(mlflow_keys_open("", &keys, &err), OK);
    assert_null(keys);
    assert_int_equal(mlflow_keys_open("/nowhere/at/all", &keys, &err), FATAL);
    assert_int_equal(open_keys(STR(""), &keys), FATAL);
    assert_int_equal(open_keys(STR("short\n"), &keys), FATAL);
    assert_int_equal(open_keys(STR("secret-1\nsecret-2\nsecret-3\nsecret-4\nsecret-5\n"), &keys),
                     FATAL);
    assert_null(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlflow_signature_is_judged),
        cmocka_unit_test(test_mlflow_signature_needs_its_key),
        cmocka_unit_test(test_mlflow_signature_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
