/* Identities against values computed with Python's own modules:
 *
 *   import hashlib, uuid
 *   ns = uuid.uuid5(uuid.NAMESPACE_DNS, 'metaops')
 *   def v5(kind, *parts):
 *       b = ns.bytes + kind + b''.join(len(p).to_bytes(4, 'big') + p for p in parts)
 *       return uuid.UUID(bytes=hashlib.sha1(b).digest()[:16], version=5)
 *
 * Producer families are by hand from the header's rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/identity.h"
#include "schemas/lineage_event.h"

static void assert_id(struct id128 id, const char *expected)
{
    char text[ID128_TEXT_BYTES];

    id128_format(id, text);
    assert_string_equal(text, expected);
}

static void test_datasets_and_jobs_have_the_published_ids(void **state)
{
    (void)state;
    assert_id(identity_dataset(STR("postgres://db.example.org:5432"), STR("shop.raw.orders")),
              "63892763-3394-5ced-b797-66f8b80be756");
    assert_id(identity_job(STR("postgres://db.example.org:5432"), STR("shop.raw.orders")),
              "dbeaa3d5-4992-5e30-8c14-1e521f4e3308");
    assert_id(identity_job(STR("stra\xC3\x9F"
                               "e"),
                           STR("k\xC3\xB6ln")),
              "f661a1f6-25dd-5b34-a65a-d65bf396c00b");
    assert_id(identity_job(STR("a\0b"), STR("c")), "4af8bb60-8fd6-5d1e-a19e-3d18736bca37");
    assert_id(identity_dataset(STR(""), (struct str){NULL, 0}),
              "ccd6f38c-b6c7-5a89-884c-d6ad75d9ec5b");
}

static void test_where_a_name_ends_matters(void **state)
{
    (void)state;
    assert_id(identity_dataset(STR("ab"), STR("c")), "9a5c46f6-b03c-55f0-8451-84096de5ab2b");
    assert_id(identity_dataset(STR("a"), STR("bc")), "26f661ca-ff64-5d6a-b6fa-43c12dca1741");
}

static void test_a_name_may_be_very_long(void **state)
{
    char *name = malloc(70000);

    (void)state;
    assert_non_null(name);
    memset(name, 'x', 70000);
    assert_id(identity_dataset((struct str){name, 70000}, STR("y")),
              "900599cb-f594-5ea6-8d80-34c817196a26");
    free(name);
}

static void test_a_run_id_is_a_uuid_however_it_is_written(void **state)
{
    static const char *const forms[] = {
        "12345678-1234-1234-1234-123456789abc",
        "12345678-1234-1234-1234-123456789ABC",
        "{12345678-1234-1234-1234-123456789abc}",
        "12345678123412341234123456789ABC",
        "{12345678123412341234123456789abc}",
        "urn:uuid:12345678-1234-1234-1234-123456789abc",
        "URN:UUID:12345678-1234-1234-1234-123456789abc",
    };
    bool is_uuid;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        is_uuid = false;
        assert_id(identity_run(str_view(forms[i]), &is_uuid),
                  "12345678-1234-1234-1234-123456789abc");
        assert_true(is_uuid);
    }
    is_uuid = false;
    assert_id(identity_run(STR("00000000-0000-0000-0000-000000000000"), &is_uuid),
              "00000000-0000-0000-0000-000000000000");
    assert_true(is_uuid);
}

static void test_any_other_run_id_gets_a_uuid_of_its_own(void **state)
{
    static const struct {
        const char *run_id;
        const char *expected;
    } rows[] = {
        {"manual__2026-01-01", "71eac2b5-241f-5dd6-8ca0-6279e3fe056b"},
        {"", "95cda812-fb8a-5cd4-845c-5b8bdd78b066"},
        {"{12345678-1234-1234-1234-123456789abg}", "a6bdf4c1-b7f7-5243-8a7f-242bb3788e43"},
        {"1234567812341234-1234-123456789abcde", "f87fcf5e-9093-5c38-80c1-127e3b81b144"},
        {"12345678-1234-1234-1234-123456789abc ", "eddf22b6-ee29-5ebb-92a1-27f8f302c04d"},
        {"{12345678-1234-1234-1234-123456789abc", "c2f3e3c2-75d6-55c1-8b49-5abbf25f3f75"},
        {"urn:uuid:", "3f43dd15-7909-5de6-8825-0c346609ec52"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_uuid = true;
        assert_id(identity_run(str_view(rows[i].run_id), &is_uuid), rows[i].expected);
        assert_false(is_uuid);
    }
}

static void test_an_event_id_is_the_first_half_of_the_sha256_of_its_body(void **state)
{
    (void)state;
    assert_id(lineage_event_id(STR("abc")), "ba7816bf-8f01-cfea-4141-40de5dae2223");
    assert_id(identity_digest((struct str){NULL, 0}), "e3b0c442-98fc-1c14-9afb-f4c8996fb924");
}

static void test_the_producer_family_has_no_versions(void **state)
{
    static const struct {
        const char *producer;
        const char *family;
    } rows[] = {
        {"https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark",
         "https://github.com/OpenLineage/OpenLineage/tree/integration/spark"},
        {"https://github.com/apache/airflow/tree/providers-openlineage/2.20.3",
         "https://github.com/apache/airflow/tree/providers-openlineage"},
        {"https://github.com/acme/pipe", "https://github.com/acme/pipe"},
        {"https://x/t/2.20.3-rc1/y", "https://x/t/y"},
        {"https://x/t/1.0.0-SNAPSHOT", "https://x/t"},
        {"https://x/t/2.20.3rc1/", "https://x/t/"},
        {"https://x/v2/y", "https://x/y"},
        {"https://x/V2.1", "https://x"},
        {"https://x/tool-1.0.0-SNAPSHOT/y", "https://x/y"},
        {"https://x/apache-tool-v3/y", "https://x/y"},
        {"https://10.0.0.1/y", "https://10.0.0.1/y"},
        {"https://host-1.2/y", "https://host-1.2/y"},
        {"https://x/projects/42", "https://x/projects/42"},
        {"https://x/project-7/y", "https://x/project-7/y"},
        {"https://x/v2ray", "https://x/v2ray"},
        {"https://x/v/y", "https://x/v/y"},
        {"https://x/1.2.3 (linux)", "https://x/1.2.3 (linux)"},
        {"tool/0.51.1", "tool"},
        {"1.2.3", "1.2.3"},
        {"https://", "https://"},
        {"/1.2/", "/"},
        {"", ""},
    };
    char out[128];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str family = identity_producer_family(str_view(rows[i].producer), out);
        assert_ptr_equal(family.ptr, out);
        out[family.len] = '\0';
        assert_string_equal(out, rows[i].family);
    }
}

static void test_sources_have_names(void **state)
{
    (void)state;
    assert_string_equal(lineage_source_name(SOURCE_HTTP), "http");
    assert_string_equal(lineage_source_name(SOURCE_KAFKA), "kafka");
    assert_string_equal(lineage_source_name(SOURCE_EMITTER), "emitter");
    assert_string_equal(lineage_source_name(SOURCE_FILE), "file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datasets_and_jobs_have_the_published_ids),
        cmocka_unit_test(test_where_a_name_ends_matters),
        cmocka_unit_test(test_a_name_may_be_very_long),
        cmocka_unit_test(test_a_run_id_is_a_uuid_however_it_is_written),
        cmocka_unit_test(test_any_other_run_id_gets_a_uuid_of_its_own),
        cmocka_unit_test(test_an_event_id_is_the_first_half_of_the_sha256_of_its_body),
        cmocka_unit_test(test_the_producer_family_has_no_versions),
        cmocka_unit_test(test_sources_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
