/* The twelve rules of bills of materials: a document that keeps them all, and what is said when one is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/aibom_rules.h"

#define TEXT_BYTES_MAX 4096

/* A model and a dataset that keep every rule; in the order of the elements' members. */
static const char *const whole[] = {
    "{\"@graph\": [{\"type\": \"ai_AIPackage\", \"spdxId\": \"urn:m\", \"name\": \"fraud\"",
    ", \"software_packageVersion\": \"7\"",
    ", \"software_downloadLocation\": \"s3://models/fraud\"",
    ", \"suppliedBy\": \"urn:a\"",
    ", \"releaseTime\": \"2026-11-23T16:00:00Z\"",
    ", \"software_primaryPurpose\": \"model\"",
    "}, {\"type\": \"dataset_DatasetPackage\", \"spdxId\": \"urn:d\", \"name\": \"features\"",
    ", \"software_downloadLocation\": \"s3://lake/features\"",
    ", \"originatedBy\": [\"urn:a\"]",
    ", \"builtTime\": \"2026-11-23T14:10:00Z\"",
    ", \"releaseTime\": \"2026-11-22T00:00:00Z\"",
    ", \"software_primaryPurpose\": \"data\"",
    "}",
    ", {\"type\": \"Relationship\", \"from\": \"urn:m\", \"relationshipType\": "
    "\"hasDeclaredLicense\", \"to\": [\"urn:l\"]}",
    ", {\"type\": \"Relationship\", \"from\": \"urn:m\", \"relationshipType\": "
    "\"hasConcludedLicense\", \"to\": [\"urn:l\"]}",
    "]}",
};
#define PIECES (sizeof whole / sizeof whole[0])

/* The document with piece `at` replaced (PIECES: none). */
static void write_document(char *text, size_t at, const char *piece)
{
    text[0] = '\0';
    for (size_t i = 0; i < PIECES; i++) {
        const char *next = i == at ? piece : whole[i];
        size_t len = strlen(text);
        assert_true(len + strlen(next) < TEXT_BYTES_MAX);
        memcpy(text + len, next, strlen(next) + 1);
    }
}

/* What is said of a document; *out_missing untouched when it is refused. The caller frees. */
static char *say(const char *text, enum verdict expected, int *out_missing)
{
    char *said = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&said, &len);
    struct err err = {.text = ""};

    assert_non_null(out);
    assert_int_equal(aibom_rules_print(str_view(text), out, out_missing, &err), expected);
    fclose(out);
    return said;
}

static void assert_said(const char *text, const char *expected)
{
    int missing = -1;
    char *said = say(text, OK, &missing);
    int lines = 0;

    for (const char *p = said; *p; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(missing, lines);
    assert_int_equal(strncmp(said, expected, strlen(expected)), 0);
    assert_int_equal(lines, *expected ? 1 : 0);
    free(said);
}

static void test_a_whole_document_misses_nothing(void **state)
{
    (void)state;
    char text[TEXT_BYTES_MAX];
    write_document(text, PIECES, "");
    assert_said(text, "");
}

static void test_each_rule_is_broken_alone(void **state)
{
    (void)state;
    static const struct {
        size_t piece;
        const char *said;
    } rules[] = {
        {1, "missing  software_packageVersion of model fraud; told by: "},
        {2, "missing  software_downloadLocation of model fraud; told by: "},
        {3, "missing  suppliedBy of model fraud; told by: "},
        {4, "missing  releaseTime of model fraud; told by: "},
        {5, "missing  software_primaryPurpose of model fraud; told by: "},
        {7, "missing  software_downloadLocation of dataset features; told by: "},
        {8, "missing  originatedBy of dataset features; told by: "},
        {9, "missing  builtTime of dataset features; told by: "},
        {10, "missing  releaseTime of dataset features; told by: "},
        {11, "missing  software_primaryPurpose of dataset features; told by: "},
        {13, "missing  hasDeclaredLicense of model fraud; told by: "},
        {14, "missing  hasConcludedLicense of model fraud; told by: "},
    };
    char text[TEXT_BYTES_MAX];

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        write_document(text, rules[i].piece, "");
        assert_said(text, rules[i].said);
    }
}

static void test_what_says_nothing_does_not_count(void **state)
{
    (void)state;
    char text[TEXT_BYTES_MAX];

    write_document(text, 3, ", \"suppliedBy\": \"\"");
    assert_said(text, "missing  suppliedBy of model fraud");
    write_document(text, 3, ", \"suppliedBy\": null");
    assert_said(text, "missing  suppliedBy of model fraud");
    write_document(text, 5, ", \"software_primaryPurpose\": \"data\"");
    assert_said(text, "missing  software_primaryPurpose of model fraud");
    write_document(text, 8, ", \"originatedBy\": [\"urn:a\", \"urn:b\"]");
    assert_said(text, "missing  originatedBy of dataset features");
}

static void test_exactly_one_licence_of_each_kind_is_asked_for(void **state)
{
    (void)state;
    static const char two[] =
        ", {\"type\": \"Relationship\", \"from\": \"urn:m\", \"relationshipType\": "
        "\"hasDeclaredLicense\", \"to\": [\"urn:l\", \"urn:k\"]}";
    static const char of_another[] =
        ", {\"type\": \"Relationship\", \"from\": \"urn:d\", \"relationshipType\": "
        "\"hasDeclaredLicense\", \"to\": [\"urn:l\"]}";
    char text[TEXT_BYTES_MAX], twice[TEXT_BYTES_MAX];

    write_document(text, 13, two);
    assert_said(text, "missing  hasDeclaredLicense of model fraud");
    write_document(text, 13, of_another);
    assert_said(text, "missing  hasDeclaredLicense of model fraud");
    snprintf(twice, sizeof twice, "%s%s", whole[13], whole[13]);
    write_document(text, 13, twice);
    assert_said(text, "missing  hasDeclaredLicense of model fraud");
}

static void test_other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"@graph\": {}}"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int missing = -1;
        free(say(texts[i], REJECT, &missing));
        assert_int_equal(missing, -1);
    }
}

static void test_names_are_printed_for_people(void **state)
{
    (void)state;
    char text[TEXT_BYTES_MAX];
    write_document(text, 3, "");
    char *name = strstr(text, "\"fraud\"");
    assert_non_null(name);
    memcpy(name, "\"a\\nb\" ", 7);
    assert_said(text, "missing  suppliedBy of model a?b; told by: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_document_misses_nothing),
        cmocka_unit_test(test_each_rule_is_broken_alone),
        cmocka_unit_test(test_what_says_nothing_does_not_count),
        cmocka_unit_test(test_exactly_one_licence_of_each_kind_is_asked_for),
        cmocka_unit_test(test_other_texts_are_refused),
        cmocka_unit_test(test_names_are_printed_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
