/* The headers MetaOps-Emitter and MetaOps-Gap: what is taken, what is refused; both by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/http_head.h"
#include "ingest/emitter_numbers.h"

static char text[2048];
static struct http_head head;

static bool read_headers(const char *emitter, const char *gap, struct emitter_numbers *numbers)
{
    const char *reason = NULL;

    snprintf(text, sizeof(text), "GET /x HTTP/1.1\r\nHost: h\r\n%s%s%s%s%s%s\r\n",
             emitter ? "MetaOps-Emitter: " : "", emitter ? emitter : "", emitter ? "\r\n" : "",
             gap ? "metaops-gap: " : "", gap ? gap : "", gap ? "\r\n" : "");
    assert_true(http_head_parse(str_view(text), &head, &reason) > 0);
    reason = NULL;
    bool is_read = emitter_numbers_read(&head, numbers, &reason);
    assert_int_equal(is_read, reason == NULL);
    return is_read;
}

static void test_emitter_numbers_are_read_and_counted_on(void **state)
{
    struct emitter_numbers numbers;
    struct lineage_event ev = {0};

    (void)state;
    assert_true(read_headers(NULL, NULL, &numbers));
    emitter_numbers_apply(&numbers, 3, &ev);
    assert_null(ev.emitter_id.ptr);
    assert_true(read_headers("host-1/etl; epoch=17; seq=41", "7-9; reason=spool full", &numbers));
    emitter_numbers_apply(&numbers, 3, &ev);
    assert_true(str_eq(ev.emitter_id, STR("host-1/etl")));
    assert_int_equal(ev.emitter_epoch, 17);
    assert_int_equal(ev.emitter_sequence, 44);
    assert_int_equal(ev.gap_count, 1);
    assert_int_equal(ev.gaps[0].from_seq, 7);
    assert_int_equal(ev.gaps[0].to_seq, 9);
    assert_true(str_eq(ev.gaps[0].reason, STR("spool full")));
    assert_true(
        read_headers("e;epoch=9223372036854775807 ;seq=4611686018427387904", "1-1", &numbers));
    assert_true(numbers.epoch == INT64_MAX);
    assert_true(str_eq(numbers.gap.reason, STR("not said")));
    ev = (struct lineage_event){0};
    emitter_numbers_apply(&numbers, 1, &ev);
    assert_null(ev.emitter_id.ptr);
}

static void test_emitter_numbers_refuse_what_is_malformed(void **state)
{
    static const char *const emitters[] = {"",
                                           "e",
                                           "; epoch=1; seq=1",
                                           "e; epoch=1",
                                           "e; seq=1; epoch=1",
                                           "e; epoch=1; seq=0",
                                           "e; epoch=-1; seq=1",
                                           "e; epoch=9223372036854775808; seq=1",
                                           "e; epoch=1; seq=4611686018427387905",
                                           "e; epoch=1; seq=1; x=2",
                                           "e; epoch=1; seq=1x",
                                           "e f; epoch=1; seq=1",
                                           "e,f; epoch=1; seq=1",
                                           "e; epoch=; seq=1",
                                           "e epoch=1 seq=1"};
    static const char *const gaps[] = {"",
                                       "1",
                                       "0-1",
                                       "2-1",
                                       "1-",
                                       "-1",
                                       "1-2;",
                                       "1-2; reason=",
                                       "1-2 reason=x",
                                       "1-2; y=x",
                                       "1-2-3",
                                       "1-99999999999999999999"};
    struct emitter_numbers numbers;
    char long_id[200];

    (void)state;
    for (size_t i = 0; i < sizeof(emitters) / sizeof(emitters[0]); i++) {
        assert_false(read_headers(emitters[i], NULL, &numbers));
    }
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        assert_false(read_headers("e; epoch=1; seq=1", gaps[i], &numbers));
    }
    assert_false(read_headers(NULL, "1-2; reason=x", &numbers));
    memset(long_id, 'e', 129);
    memcpy(long_id + 129, "; epoch=1; seq=1", 17);
    assert_false(read_headers(long_id, NULL, &numbers));
    assert_true(read_headers(long_id + 1, NULL, &numbers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emitter_numbers_are_read_and_counted_on),
        cmocka_unit_test(test_emitter_numbers_refuse_what_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
