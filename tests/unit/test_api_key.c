/* API keys as text: their shape, what is kept of them, and which namespaces a pattern covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/api_key.h"

#define ID "0123456789abcdef"
#define SECRET ID ID ID ID
#define KEY "mo_" ID "_" SECRET

static void test_made_keys_have_the_shape_and_differ(void **state)
{
    char first[API_KEY_CHARS + 1];
    char second[API_KEY_CHARS + 1];
    struct str id;
    struct err err;

    (void)state;
    assert_int_equal(api_key_make(first, &err), OK);
    assert_int_equal(api_key_make(second, &err), OK);
    assert_int_equal(strlen(first), 84);
    assert_true(api_key_parse(str_view(first), &id));
    assert_ptr_equal(id.ptr, first + 3);
    assert_int_equal(id.len, 16);
    assert_memory_not_equal(first + 3, second + 3, 16);
    assert_memory_not_equal(first + 20, second + 20, 64);
}

static void test_other_shapes_are_no_keys(void **state)
{
    static const struct str wrong[] = {
        {"", 0},
        {"mo_", 3},
        {KEY, sizeof(KEY) - 2},                                      /* one short */
        {KEY "0", sizeof(KEY)},                                      /* one long */
        {"MO_" ID "_" SECRET, sizeof(KEY) - 1},                      /* case */
        {"mo_0123456789abcdeF_" SECRET, sizeof(KEY) - 1},            /* case of the id */
        {"mo_" ID "-" SECRET, sizeof(KEY) - 1},                      /* separator */
        {"mo_0123456789abcde\0_" SECRET, sizeof(KEY) - 1},           /* NUL */
        {"mo_0123456789abcde\xFF_" SECRET, sizeof(KEY) - 1},         /* no ASCII */
        {"mo_" ID "_" ID ID ID "0123456789abcdeg", sizeof(KEY) - 1}, /* no hex */
        {"mo_" ID "_" ID ID ID "0123456789abcde ", sizeof(KEY) - 1},
    };
    struct str id;

    (void)state;
    assert_true(api_key_parse(STR(KEY), &id));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(api_key_parse(wrong[i], &id));
    }
    assert_true(api_key_is_id(STR(ID)));
    assert_false(api_key_is_id(STR(ID "0")));
    assert_false(api_key_is_id(STR("0123456789abcdeG")));
}

/* sha256sum of the text, by coreutils. */
static void test_the_hash_is_sha256_of_the_whole_text(void **state)
{
    static const uint8_t expected[32] = {0xca, 0x97, 0x6a, 0xb4, 0x3a, 0xb3, 0x90, 0xaa,
                                         0xa7, 0x0b, 0xc5, 0x7d, 0x62, 0x7a, 0x2c, 0x93,
                                         0x8b, 0x78, 0xc4, 0x05, 0x91, 0x29, 0x58, 0x6a,
                                         0xbe, 0x67, 0x11, 0xb2, 0x63, 0x2a, 0x0d, 0x4d};
    struct api_key_hash hash = api_key_digest(STR(KEY));
    struct api_key_hash other = hash;

    (void)state;
    assert_memory_equal(hash.bytes, expected, sizeof(expected));
    assert_true(api_key_hash_eq(&hash, &other));
    for (size_t i = 0; i < sizeof(other.bytes); i++) {
        other.bytes[i] ^= 1;
        assert_false(api_key_hash_eq(&hash, &other));
        other.bytes[i] ^= 1;
    }
}

static void test_patterns_cover_namespaces(void **state)
{
    static const struct {
        const char *pattern;
        const char *namespace_;
        bool is_covered;
    } cases[] = {
        {"airflow", "airflow", true},
        {"airflow", "airflow2", false},
        {"airflow", "Airflow", false},
        {"airflow", "", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "postgres://db:5432/x", true},
        {"team-a/*", "team-a/", true},
        {"team-a/*", "team-a/x/y", true},
        {"team-a/*", "team-a", false},
        {"team-a*", "team-ab", true},
        {"*/prod", "eu/prod", true},
        {"*/prod", "eu/prod/", false},
        {"*/prod", "prod", false},
        {"s3://*/raw", "s3://bucket/raw", true},
        {"s3://*/raw", "s3://bucket/rawx", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "a1b2c", true},
        {"a*b*c", "acb", false},
        {"a*b*c", "abcbc", true},
        {"**", "x", true},
        {"*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"a?", "ab", false}, /* only the star is special */
        {"[a]", "a", false},
        {"a\\*", "a\\b", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (api_key_scope_match(str_view(cases[i].pattern), str_view(cases[i].namespace_)) !=
            cases[i].is_covered) {
            fail_msg("%s and %s", cases[i].pattern, cases[i].namespace_);
        }
    }
    assert_false(api_key_scope_match(STR("a"), (struct str){"a\0", 2}));
    assert_true(api_key_scope_match(STR("a*"), (struct str){"a\0b", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_keys_have_the_shape_and_differ),
        cmocka_unit_test(test_other_shapes_are_no_keys),
        cmocka_unit_test(test_the_hash_is_sha256_of_the_whole_text),
        cmocka_unit_test(test_patterns_cover_namespaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
