/* The cache answers what was put under the same bytes, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "processors/facet_cache.h"

static void test_facet_cache_answers_what_was_put(void **state)
{
    (void)state;
    struct facet_cache *cache = facet_cache_new();
    char family[] = "https://x.org/y";
    struct facet_known known = {.digest = {{7}}, .family = str_view(family), .is_deleted = true};
    assert_null(facet_cache_find(cache, STR("{\"a\":1}")));
    facet_cache_put(cache, STR("{\"a\":1}"), &known);
    memset(family, '-', sizeof family - 1); /* the family was copied */
    const struct facet_known *found = facet_cache_find(cache, STR("{\"a\":1}"));
    assert_non_null(found);
    assert_int_equal(found->digest.bytes[0], 7);
    assert_true(found->is_deleted);
    assert_true(str_eq(found->family, STR("https://x.org/y")));
    assert_null(facet_cache_find(cache, STR("{\"a\": 1}")));
    assert_null(facet_cache_find(cache, STR("")));
    facet_cache_free(cache);
    facet_cache_free(NULL);
}

static void test_facet_cache_keeps_no_family_and_an_empty_family_apart(void **state)
{
    (void)state;
    struct facet_cache *cache = facet_cache_new();
    struct facet_known none = {.digest = {{1}}};
    struct facet_known empty = {.digest = {{2}}, .family = STR("")};
    facet_cache_put(cache, STR("1"), &none);
    facet_cache_put(cache, STR("2"), &empty);
    assert_null(facet_cache_find(cache, STR("1"))->family.ptr);
    assert_non_null(facet_cache_find(cache, STR("2"))->family.ptr);
    facet_cache_free(cache);
}

/* 100,000 facets in a cache of 16,384: it forgets, it never answers wrongly. */
static void test_facet_cache_may_forget_and_never_errs(void **state)
{
    (void)state;
    struct facet_cache *cache = facet_cache_new();
    char raw[32];
    size_t found_count = 0;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < 100000; i++) {
            struct facet_known known = {.is_deleted = i % 2};
            snprintf(raw, sizeof raw, "{\"v\":%u}", i);
            memcpy(known.digest.bytes, &i, sizeof i);
            const struct facet_known *found = facet_cache_find(cache, str_view(raw));
            if (found) {
                found_count++;
                assert_memory_equal(found->digest.bytes, known.digest.bytes, 16);
                assert_int_equal(found->is_deleted, known.is_deleted);
            } else {
                facet_cache_put(cache, str_view(raw), &known);
                assert_non_null(facet_cache_find(cache, str_view(raw)));
            }
        }
    }
    assert_in_range(found_count, 0, 16384);
    facet_cache_free(cache);
}

/* Beyond 1,024 families a facet is simply not remembered. */
static void test_facet_cache_bounds_the_families(void **state)
{
    (void)state;
    struct facet_cache *cache = facet_cache_new();
    char text[32];
    size_t remembered = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "family %d", i);
        struct facet_known known = {.family = str_view(text)};
        facet_cache_put(cache, str_view(text), &known);
        const struct facet_known *found = facet_cache_find(cache, str_view(text));
        remembered += found != NULL;
        assert_true(!found || str_eq(found->family, str_view(text)));
    }
    assert_int_equal(remembered, 1024);
    struct facet_known with_nul = {.family = {"a\0b", 3}};
    facet_cache_put(cache, STR("nul"), &with_nul);
    assert_null(facet_cache_find(cache, STR("nul")));
    facet_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facet_cache_answers_what_was_put),
        cmocka_unit_test(test_facet_cache_keeps_no_family_and_an_empty_family_apart),
        cmocka_unit_test(test_facet_cache_may_forget_and_never_errs),
        cmocka_unit_test(test_facet_cache_bounds_the_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
