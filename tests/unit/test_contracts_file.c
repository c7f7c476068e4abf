/* Files of contracts and rules: what is taken, and what each fault is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sinks/contracts_file.h"

/* Reads text as a file; *out_file is left to free. */
static enum verdict read_text(const char *text, struct contracts_file *out_file, struct err *err)
{
    char path[] = "/tmp/test_contracts_file.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum verdict verdict = contracts_file_read(path, out_file, err);
    unlink(path);
    return verdict;
}

static void test_every_member_is_taken(void **state)
{
    (void)state;
    struct contracts_file file = {.json = NULL};
    struct err err = {.text = ""};
    assert_int_equal(
        read_text("{\"contracts\": [{\"id\": \"a\", \"namespace\": \"pg\", \"name\": \"t_?.*\","
                  " \"schema\": {\"properties\": [{\"name\": \"id\", \"physicalType\": \"int8\", "
                  "\"required\": true}], \"additionalProperties\": false},"
                  " \"freshness\": {\"value\": 1.5, \"unit\": \"h\"}, \"owner\": true,"
                  " \"documentation\": true, \"minimum\": [\"columnLineage\"], \"tier\": 1,"
                  " \"severity\": \"critical\"},"
                  " {\"id\": \"b\", \"namespace\": \"*\", \"name\": \"*\", \"owner\": \"shop\"}],"
                  " \"rules\": [{\"kinds\": [\"code\", \"volume\"], \"enabled\": false},"
                  " {\"namespace\": \"n\", \"name\": \"x*\", \"severity\": \"info\", \"tier\": 3,"
                  " \"thresholds\": {\"sensitivity\": 0.5, \"history_min\": 30}}]}",
                  &file, &err),
        OK);
    assert_int_equal(file.contract_count, 2);
    assert_int_equal(file.rule_count, 2);
    contracts_file_fini(&file);
}

static void test_an_empty_object_declares_nothing(void **state)
{
    (void)state;
    struct contracts_file file = {.json = NULL};
    struct err err = {.text = ""};
    assert_int_equal(read_text("{}", &file, &err), OK);
    assert_int_equal(file.contract_count + file.rule_count, 0);
    assert_string_equal(file.json, "{}");
    contracts_file_fini(&file);
}

#define CONTRACT(members)                                                                          \
    "{\"contracts\": [{\"id\": \"a\", \"namespace\": \"n\", \"name\": \"t\", " members "}]}"
#define RULE(members) "{\"rules\": [{" members "}]}"

static void test_each_fault_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } faults[] = {
        {"", "no JSON at byte 0"},
        {"{\"contracts\": [}", "no JSON at byte 15"},
        {"[]", "the file has to be an object"},
        {"{\"rulez\": []}", "/rulez is not known"},
        {"{\"contracts\": {}}", "/contracts has to be a list of contracts"},
        {"{\"contracts\": [{\"id\": \"a\", \"name\": \"t\"}]}", "/contracts/0 has no namespace"},
        {CONTRACT("\"owner\": 3"), "/contracts/0/owner has to be an owner's name, or true"},
        {CONTRACT("\"owner\": \"\""), "/contracts/0/owner has to be"},
        {CONTRACT("\"freshness\": {\"value\": 0, \"unit\": \"h\"}"),
         "/contracts/0/freshness/value has to be a number above 0"},
        {CONTRACT("\"freshness\": {\"value\": -1, \"unit\": \"h\"}"), "a number above 0"},
        {CONTRACT("\"freshness\": {\"value\": 1e99, \"unit\": \"h\"}"), "a number above 0"},
        {CONTRACT("\"freshness\": {\"value\": NaN, \"unit\": \"h\"}"), "a number above 0"},
        {CONTRACT("\"freshness\": {\"value\": 1, \"unit\": \"weeks\"}"),
         "/contracts/0/freshness/unit has to be s, m, h or d"},
        {CONTRACT("\"freshness\": {\"value\": 1, \"unit\": \"s|m\"}"), "s, m, h or d"},
        {CONTRACT("\"freshness\": {\"value\": 1}"), "/contracts/0/freshness has no unit"},
        {CONTRACT("\"schema\": {\"properties\": [{\"physicalType\": \"int\"}]}"),
         "/contracts/0/schema/properties/0 has no name"},
        {CONTRACT("\"schema\": {}"), "/contracts/0/schema has no properties"},
        {CONTRACT("\"tier\": 4"), "/contracts/0/tier has to be 1, 2 or 3"},
        {CONTRACT("\"severity\": \"bad\""), "has to be info, warning or critical"},
        {CONTRACT("\"minimum\": [3]"), "/contracts/0/minimum/0 has to be a text"},
        {"{\"contracts\": [{\"id\": \"a\", \"namespace\": \"n\", \"name\": \"t\"},"
         " {\"id\": \"\\u0061\", \"namespace\": \"n\", \"name\": \"u\"}]}",
         "is the id of another contract too"},
        {RULE("\"kinds\": [\"schemas\"]"), "/rules/0/kinds/0 has to be a kind of alert"},
        {RULE("\"enabled\": \"no\""), "/rules/0/enabled has to be true or false"},
        {RULE("\"thresholds\": {\"z\": 4}"), "/rules/0/thresholds/z is not known"},
        {RULE("\"thresholds\": {\"sensitivity\": \"4\"}"),
         "/rules/0/thresholds/sensitivity has to be a number from 0.01 to 100"},
        {RULE("\"thresholds\": {\"sensitivity\": 0}"),
         "/rules/0/thresholds/sensitivity has to be a number from 0.01 to 100"},
        {RULE("\"thresholds\": {\"history_min\": 7}"),
         "/rules/0/thresholds/history_min has to be a whole number from 8 to 999999"},
        {RULE("\"thresholds\": {\"history_min\": 20.5}"),
         "/rules/0/thresholds/history_min has to be a whole number from 8 to 999999"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct contracts_file file = {.json = NULL};
        struct err err = {.text = ""};
        assert_int_equal(read_text(faults[i].text, &file, &err), FATAL);
        if (!strstr(err.text, faults[i].said)) {
            print_message("%s\n", faults[i].text);
            assert_string_equal(err.text, faults[i].said);
        }
        assert_null(file.json);
    }
}

static void test_a_file_that_is_missing_or_too_large_is_refused(void **state)
{
    (void)state;
    struct contracts_file file = {.json = NULL};
    struct err err = {.text = ""};
    assert_int_equal(contracts_file_read("/nowhere/contracts.json", &file, &err), FATAL);
    char *text = malloc(CONTRACTS_FILE_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, ' ', CONTRACTS_FILE_BYTES_MAX + 1);
    text[0] = '{';
    text[1] = '}';
    text[CONTRACTS_FILE_BYTES_MAX + 1] = '\0';
    assert_int_equal(read_text(text, &file, &err), FATAL);
    assert_non_null(strstr(err.text, "larger than"));
    text[CONTRACTS_FILE_BYTES_MAX] = '\0';
    assert_int_equal(read_text(text, &file, &err), OK);
    contracts_file_fini(&file);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_is_taken),
        cmocka_unit_test(test_an_empty_object_declares_nothing),
        cmocka_unit_test(test_each_fault_is_named_with_its_place),
        cmocka_unit_test(test_a_file_that_is_missing_or_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
