/* Enriched events: the bytes of one by hand from the Avro specification, and what is read back of a
 * record when it is whole, cut, or somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/enriched_event.h"
#include "schemas/openlineage.h"

/* C3 01, fingerprint; id; event time 1, received 2 (zigzag: 02, 04); kind DATASET; no event type, run,
 * job, parent, root; dataset n/d; one input a/b in one block of an array, no outputs; producer p;
 * source KAFKA; no principal; 3 redactions; format f; body {}; topic t; partition 2, offset 64, resume
 * 63 */
#define HEAD "\xC3\x01\x5D\xD6\x16\xAB\xE2\x41\x6B\x08"
#define ID "0123456789abcdef"
#define BEFORE                                                                                     \
    HEAD ID "\x02\x04\x04\x00\x00\x00\x00\x00\x00\x02\x02n\x02"                                    \
            "d"
#define INPUTS                                                                                     \
    "\x02\x02"                                                                                     \
    "a\x02"                                                                                        \
    "b\x00"
#define BEHIND                                                                                     \
    "\x00\x02\x02p\x02\x00\x06\x02"                                                                \
    "f\x04{}\x02t\x04\x80\x01\x7e"

static struct enriched_node input = {.namespace_ = {"a", 1}, .name = {"b", 1}};

static struct enriched_event sample(void)
{
    struct enriched_event ev = {.event_time_us = 1,
                                .received_at_us = 2,
                                .kind = OPENLINEAGE_DATASET,
                                .dataset = {.namespace_ = STR("n"), .name = STR("d")},
                                .inputs = &input,
                                .input_count = 1,
                                .producer = STR("p"),
                                .source = SOURCE_KAFKA,
                                .redactions = 3,
                                .format = STR("f"),
                                .body = STR("{}"),
                                .source_topic = STR("t"),
                                .source_partition = 2,
                                .source_offset = 64,
                                .source_resume_offset = 63};
    memcpy(ev.event_id.bytes, ID, 16);
    return ev;
}

static void test_bytes_are_those_of_the_specification(void **state)
{
    struct enriched_event ev = sample();
    void *bytes;
    size_t len;
    struct err err;

    (void)state;
    assert_int_equal(enriched_event_encode(NULL, &ev, &bytes, &len, &err), OK);
    assert_int_equal(len, sizeof(BEFORE INPUTS BEHIND) - 1);
    assert_memory_equal(bytes, BEFORE INPUTS BEHIND, len);
    free(bytes);
}

static void assert_place(struct str bytes)
{
    struct enriched_place place;
    struct err err;

    assert_int_equal(enriched_event_place(NULL, bytes, &place, &err), OK);
    assert_memory_equal(place.event_id.bytes, ID, 16);
    assert_true(str_eq(place.source_topic, STR("t")));
    assert_int_equal(place.source_partition, 2);
    assert_int_equal(place.source_offset, 64);
    assert_int_equal(place.source_resume_offset, 63);
}

static void test_the_place_is_read_back(void **state)
{
    (void)state;
    assert_place(STR(BEFORE INPUTS BEHIND));
    /* other writers may tell the bytes of a block (a negative count), or write several */
    assert_place(STR(BEFORE "\x01\x08\x02"
                            "a\x02"
                            "b\x00" BEHIND));
    assert_place(STR(BEFORE "\x02\x02"
                            "a\x02"
                            "b\x02\x02"
                            "c\x02"
                            "d\x00" BEHIND));
    assert_place(STR(BEFORE "\x00" BEHIND));
}

static void test_the_runs_are_passed_over(void **state)
{
    struct enriched_event ev = sample();
    struct err err;
    void *bytes;
    size_t len;

    (void)state;
    ev.kind = OPENLINEAGE_RUN;
    ev.dataset = (struct enriched_node){.name = {NULL, 0}};
    ev.run = (struct enriched_run){.run_id = STR("r"), .job = {STR("jn"), STR("j")}};
    ev.parent = (struct enriched_run){.run_id = STR("parent")};
    ev.root = (struct enriched_run){.run_id = STR("root"), .job = {STR("jn"), STR("")}};
    ev.outputs = &input;
    ev.output_count = 1;
    assert_int_equal(enriched_event_encode(NULL, &ev, &bytes, &len, &err), OK);
    assert_place((struct str){bytes, len});
    free(bytes);
}

static void test_what_is_cut_or_foreign_is_refused(void **state)
{
    static const char whole[] = BEFORE INPUTS BEHIND;
    struct enriched_place place;
    struct err err;

    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *cut = malloc(len ? len : 1); /* of exactly that size, for the sanitizer */
        memcpy(cut, whole, len);
        assert_int_equal(enriched_event_place(NULL, (struct str){cut, len}, &place, &err), REJECT);
        free(cut);
    }
    assert_int_equal(enriched_event_place(NULL, STR(BEFORE INPUTS BEHIND "x"), &place, &err),
                     REJECT);
    assert_int_equal(enriched_event_place(
                         NULL, STR("\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08 other"), &place, &err),
                     REJECT);
    /* a count of 2^62 and nothing behind it */
    assert_int_equal(enriched_event_place(NULL,
                                          STR(BEFORE "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                                          &place, &err),
                     REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_those_of_the_specification),
        cmocka_unit_test(test_the_place_is_read_back),
        cmocka_unit_test(test_the_runs_are_passed_over),
        cmocka_unit_test(test_what_is_cut_or_foreign_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
