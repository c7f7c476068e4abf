/* What MLflow's registry says: expected values are read off the bodies by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/registry_event.h"

#define HEAD(entity, action)                                                                       \
    "{\"entity\":\"" entity "\",\"action\":\"" action                                              \
    "\",\"timestamp\":\"2026-11-23T15:03:13.435476+00:00\",\"data\":"
#define AT_US INT64_C(1795446193435476)

static struct json_doc *doc;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    doc = json_doc_new(32, 1000);
    arena = arena_new(1 << 20);
    return doc && arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_doc_free(doc);
    arena_free(arena);
    return 0;
}

/* As a record brings it. */
static enum verdict read(const char *body, struct registry_event *out_event)
{
    struct json_fault fault;
    struct err err;
    struct str text = registry_event_fold(STR("a \"registry\""), str_view(body), arena);
    assert_non_null(text.ptr);
    assert_int_equal(json_parse(doc, text, &fault, &err), OK);
    return registry_event_unfold(doc, arena, out_event, &fault, &err);
}

static void test_registry_event_version(void **state)
{
    (void)state;
    struct registry_event ev;
    assert_int_equal(
        read(HEAD("model_version", "created") "{\"name\":\"churn\",\"version\":\"2\",\"source\":"
                                              "\"s3://b/m0\",\"run_id\":\"3f9c\",\"tags\":{}}}",
             &ev),
        OK);
    assert_int_equal(ev.kind, REGISTRY_VERSION);
    assert_int_equal(ev.time_us, AT_US);
    assert_true(str_eq(ev.namespace_, STR("a \"registry\"")));
    assert_true(str_eq(ev.name, STR("churn")));
    assert_true(str_eq(ev.version, STR("2")));
    assert_true(str_eq(ev.source, STR("s3://b/m0")));
    assert_true(str_eq(ev.run_id, STR("3f9c")));
    assert_non_null(ev.tags);
    assert_false(ev.is_gone);
    assert_false(ev.is_trial);
}

static void test_registry_event_null_is_nothing(void **state)
{
    (void)state;
    struct registry_event ev;
    assert_int_equal(
        read(HEAD("model_version", "created") "{\"name\":\"example_model\",\"version\":\"1\","
                                              "\"source\":null,\"run_id\":null,\"tags\":null}}",
             &ev),
        OK);
    assert_int_equal(ev.run_id.len, 0);
    assert_int_equal(ev.source.len, 0);
    assert_null(ev.tags);
    assert_true(ev.is_trial);
}

static void test_registry_event_tags_and_aliases(void **state)
{
    (void)state;
    struct registry_event ev;
    assert_int_equal(read(HEAD("model_version_tag", "set") "{\"name\":\"m\",\"version\":\"1\","
                                                           "\"key\":\"k\",\"value\":\"v\"}}",
                          &ev),
                     OK);
    assert_int_equal(ev.kind, REGISTRY_TAG);
    assert_true(str_eq(ev.version, STR("1")));
    assert_true(str_eq(ev.key, STR("k")));
    assert_true(str_eq(ev.value, STR("v")));
    assert_int_equal(
        read(HEAD("registered_model_tag", "deleted") "{\"name\":\"m\",\"key\":\"k\"}}", &ev), OK);
    assert_int_equal(ev.kind, REGISTRY_TAG);
    assert_int_equal(ev.version.len, 0);
    assert_true(ev.is_gone);
    assert_int_equal(read(HEAD("model_version_alias",
                               "created") "{\"name\":\"m\",\"alias\":\"a\",\"version\":\"2\"}}",
                          &ev),
                     OK);
    assert_int_equal(ev.kind, REGISTRY_ALIAS);
    assert_int_equal(ev.version.len, 0);
    assert_true(str_eq(ev.key, STR("a")));
    assert_true(str_eq(ev.value, STR("2")));
    assert_int_equal(
        read(HEAD("model_version_alias", "deleted") "{\"name\":\"m\",\"alias\":\"a\"}}", &ev), OK);
    assert_true(ev.is_gone);
    assert_int_equal(ev.value.len, 0);
}

static void test_registry_event_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "null",
        "[]",
        "{}",
        HEAD("model_version", "deleted") "{\"name\":\"m\",\"version\":\"1\"}}",
        HEAD("model_version", "created") "{\"name\":\"m\"}}",
        HEAD("model_version", "created") "{\"name\":\"m\",\"version\":1}}",
        HEAD("registered_model", "created") "{\"name\":\"\"}}",
        HEAD("registered_model", "created") "[]}",
        HEAD("registered_model_tag", "set") "{\"name\":\"m\",\"value\":\"v\"}}",
        "{\"entity\":\"registered_model\",\"action\":\"created\",\"data\":{\"name\":\"m\"}}",
        "{\"entity\":\"registered_model\",\"action\":\"created\",\"timestamp\":\"soon\",\"data\":{"
        "\"name\":\"m\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct registry_event ev;
        if (read(bodies[i], &ev) != REJECT) {
            fail_msg("taken: %s", bodies[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry_event_version),
        cmocka_unit_test(test_registry_event_null_is_nothing),
        cmocka_unit_test(test_registry_event_tags_and_aliases),
        cmocka_unit_test(test_registry_event_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
