/* What is packed comes back byte for byte with the plain LZ4 block decoder and the base; the cache never
 * holds more than it may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>

#include "processors/base_cache.h"
#include "support/random_rows.h"

static struct id128 id_of(uint32_t number)
{
    struct id128 id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

/* An event of a job, as they look: the same but for ids and times. */
static struct str body_of(char *out, size_t size, uint32_t job, uint32_t event)
{
    size_t len = (size_t)snprintf(out, size, "{\"eventTime\":\"%u\",\"job\":\"%u\",\"facets\":[",
                                  event, job);
    for (uint32_t i = 0; i < 120; i++) {
        len +=
            (size_t)snprintf(out + len, size - len, "{\"field\":\"column_%u_%u\"},", job * 31, i);
    }
    len += (size_t)snprintf(out + len, size - len, "{}],\"run\":\"%u\"}", event * 7919);
    return (struct str){out, len};
}

static void expect_unpacked(const struct base_block *packed, struct str base, struct str body)
{
    char *out = malloc(body.len + 1);
    assert_non_null(out);
    int len = LZ4_decompress_safe_usingDict(packed->block.ptr, out, (int)packed->block.len,
                                            (int)body.len + 1, base.ptr, (int)base.len);
    assert_int_equal(len, body.len);
    assert_memory_equal(out, body.ptr, body.len);
    free(out);
}

static void test_base_cache_the_first_of_its_kind_is_the_base_of_the_next(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(1u << 20);
    struct arena *arena = arena_new(1u << 20);
    char first_text[8192];
    char second_text[8192];
    struct str first = body_of(first_text, sizeof first_text, 1, 1);
    struct str second = body_of(second_text, sizeof second_text, 1, 2);

    struct base_block packed = base_cache_pack(cache, id_of(9), id_of(1), 0, first, arena);
    assert_non_null(packed.block.ptr);
    assert_memory_equal(packed.base.bytes, id_of(1).bytes, 16);
    assert_true(str_eq(packed.base_body, first));
    expect_unpacked(&packed, first, first);

    packed = base_cache_pack(cache, id_of(9), id_of(2), 0, second, arena);
    assert_memory_equal(packed.base.bytes, id_of(1).bytes, 16);
    assert_true(str_eq(packed.base_body, first));
    assert_true(packed.block.len < second.len / 10);
    expect_unpacked(&packed, first, second);
    arena_free(arena);
    base_cache_free(cache);
}

static void test_base_cache_an_event_that_has_grown_apart_is_a_new_base(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(1u << 20);
    struct arena *arena = arena_new(1u << 20);
    struct random_rows rr = random_rows_begin(5);
    char text[2][6000];
    for (size_t i = 0; i < sizeof text[0]; i++) {
        text[0][i] = (char)random_rows_below(&rr, 256);
        text[1][i] = (char)random_rows_below(&rr, 256);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct str body = {text[i], sizeof text[i]};
        struct base_block packed = base_cache_pack(cache, id_of(9), id_of(i), 0, body, arena);
        assert_memory_equal(packed.base.bytes, id_of(i).bytes, 16);
        expect_unpacked(&packed, body, body);
    }
    arena_free(arena);
    base_cache_free(cache);
}

static void test_base_cache_what_is_forgotten_serves_no_more(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(1u << 20);
    struct arena *arena = arena_new(1u << 20);
    char text[8192];
    struct str body = body_of(text, sizeof text, 1, 1);
    (void)base_cache_pack(cache, id_of(9), id_of(1), 0, body, arena);
    (void)base_cache_pack(cache, id_of(8), id_of(2), 0, body, arena);
    base_cache_forget(cache, id_of(9));
    base_cache_forget(cache, id_of(9));
    struct base_block packed = base_cache_pack(cache, id_of(9), id_of(3), 0, body, arena);
    assert_memory_equal(packed.base.bytes, id_of(3).bytes, 16);
    packed = base_cache_pack(cache, id_of(8), id_of(4), 0, body, arena);
    assert_memory_equal(packed.base.bytes, id_of(2).bytes, 16);
    arena_free(arena);
    base_cache_free(cache);
}

static void test_base_cache_what_is_too_large_stays_as_it_is(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(400u << 10);
    struct base_cache *small = base_cache_new(4096);
    struct base_cache *none = base_cache_new(0);
    struct arena *arena = arena_new(1u << 20);
    char *body = calloc(1, BASE_BODY_BYTES_MAX + 1);
    assert_non_null(body);
    assert_null(base_cache_pack(cache, id_of(1), id_of(1), 0,
                                (struct str){body, BASE_BODY_BYTES_MAX + 1}, arena)
                    .block.ptr);
    assert_non_null(base_cache_pack(cache, id_of(1), id_of(1), 0,
                                    (struct str){body, BASE_BODY_BYTES_MAX}, arena)
                        .block.ptr);
    assert_null(
        base_cache_pack(small, id_of(1), id_of(1), 0, (struct str){body, 1025}, arena).block.ptr);
    assert_null(
        base_cache_pack(none, id_of(1), id_of(1), 0, (struct str){body, 1}, arena).block.ptr);
    free(body);
    arena_free(arena);
    base_cache_free(cache);
    base_cache_free(small);
    base_cache_free(none);
    base_cache_free(NULL);
}

static void test_base_cache_without_room_in_the_arena_the_body_stays_as_it_is(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(1u << 20);
    struct arena *arena = arena_new(64);
    char text[8192];
    struct str body = body_of(text, sizeof text, 1, 1);
    while (arena_alloc(arena, 16)) {
    }
    assert_null(base_cache_pack(cache, id_of(1), id_of(1), 0, body, arena).block.ptr);
    arena_free(arena);
    base_cache_free(cache);
}

/* Many kinds in a cache for a few: bases come and go, every block fits the base it names. */
static void test_base_cache_forgets_and_still_every_block_fits_its_base(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(40000);
    struct arena *arena = arena_new(8u << 20);
    struct random_rows rr = random_rows_begin(7);
    char text[8192];
    char base_text[8192];
    uint32_t job_of_event[3000];
    for (uint32_t event = 0; event < 3000; event++) {
        uint32_t job = (uint32_t)random_rows_below(&rr, 20);
        job_of_event[event] = job;
        struct str body = body_of(text, sizeof text, job, event);
        struct base_block packed = base_cache_pack(cache, id_of(job), id_of(event), 0, body, arena);
        assert_non_null(packed.block.ptr);
        uint32_t base;
        memcpy(&base, packed.base.bytes, sizeof base);
        assert_in_range(base, 0, event);
        struct str base_body = body_of(base_text, sizeof base_text, job_of_event[base], base);
        assert_true(str_eq(packed.base_body, base_body));
        expect_unpacked(&packed, base_body, body);
        arena_reset(arena, 1u << 20);
    }
    arena_free(arena);
    base_cache_free(cache);
}

static void test_base_cache_a_base_serves_events_received_within_a_day_of_it(void **state)
{
    (void)state;
    struct base_cache *cache = base_cache_new(1u << 20);
    struct arena *arena = arena_new(1u << 20);
    char text[8192];
    struct str body = body_of(text, sizeof text, 1, 1);
    static const struct {
        int64_t received_at_us;
        uint32_t base;
    } events[] = {{INT64_C(200000) * 1000000, 1},
                  {INT64_C(200000) * 1000000 + BASE_AGE_US_MAX, 1},
                  {INT64_C(200000) * 1000000 - BASE_AGE_US_MAX, 1},
                  {INT64_C(200000) * 1000000 + BASE_AGE_US_MAX + 1, 4},
                  {INT64_C(200000) * 1000000, 5}};
    for (uint32_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct base_block packed =
            base_cache_pack(cache, id_of(9), id_of(i + 1), events[i].received_at_us, body, arena);
        assert_memory_equal(packed.base.bytes, id_of(events[i].base).bytes, 16);
    }
    arena_free(arena);
    base_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_cache_a_base_serves_events_received_within_a_day_of_it),
        cmocka_unit_test(test_base_cache_the_first_of_its_kind_is_the_base_of_the_next),
        cmocka_unit_test(test_base_cache_an_event_that_has_grown_apart_is_a_new_base),
        cmocka_unit_test(test_base_cache_what_is_forgotten_serves_no_more),
        cmocka_unit_test(test_base_cache_what_is_too_large_stays_as_it_is),
        cmocka_unit_test(test_base_cache_without_room_in_the_arena_the_body_stays_as_it_is),
        cmocka_unit_test(test_base_cache_forgets_and_still_every_block_fits_its_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
