/* `metaops check FILE`: what it prints and returns for events written here. The offsets are counted
 * by hand in the lines below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/settings.h"
#include "ingest/judge.h"
#include "support/capture.h"

#define GOOD                                                                                       \
    "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"eventType\":\"COMPLETE\",\"run\":{\"runId\":\"r\"}" \
    ","                                                                                            \
    "\"job\":{\"namespace\":\"n\",\"name\":\"j\"},"                                                \
    "\"inputs\":[{\"namespace\":\"p\",\"name\":\"a\"},{\"namespace\":\"p\",\"name\":\"b\\u001b["   \
    "2J\"}],"                                                                                      \
    "\"outputs\":[{\"namespace\":\"p\",\"name\":\"c\",\"facets\":{\"columnLineage\":{\"fields\":"  \
    "{\"x\":{\"inputFields\":[]},\"y\":{\"inputFields\":[]}}}}}]}"

static struct settings st;

static int load_settings(void **state)
{
    static char *args[] = {(char *)"--ingest.body-bytes-max=2000"};
    struct settings_rest rest;
    struct err err;

    (void)state;
    if (settings_load(&st, 1, args, &rest, &err) != OK) {
        return 1;
    }
    free(rest.words);
    return 0;
}

static int free_settings(void **state)
{
    (void)state;
    settings_fini(&st);
    return 0;
}

/* Runs check on a file with this text. The output, with the file's path shown as FILE. */
static char *judge(const char *text, const char *flag, int *out_code)
{
    struct capture capture;
    char *path = capture_file(text, strlen(text));
    char *words[] = {path, (char *)flag, NULL};

    capture_begin(&capture, STDOUT_FILENO);
    *out_code = judge_run(&st, flag ? 2 : 1, words);
    char *output = capture_end(&capture);
    for (char *at = strstr(output, path); at; at = strstr(at, path)) {
        memcpy(at, "FILE", 4);
        memmove(at + 4, at + strlen(path), strlen(at + strlen(path)) + 1);
    }
    unlink(path);
    free(path);
    return output;
}

static void test_judge_accepts_good_events(void **state)
{
    (void)state;
    int code = -1;
    char *output = judge(GOOD "\n\n" GOOD "\r\n", NULL, &code);
    assert_int_equal(code, 0);
    assert_string_equal(output, "2 checked, 2 would be accepted, 0 refused\n");
    free(output);
}

static void test_judge_says_what_would_be_redacted(void **state)
{
    static const char text[] =
        "{\"eventTime\":\"2026-01-02T03:04:05Z\",\"job\":{\"namespace\":"
        "\"pg://u:p@h\",\"name\":\"j\"},\"x\":{\"password\":\"s\"}}\n" GOOD "\n";

    (void)state;
    int code = -1;
    char *output = judge(text, "-v", &code);
    assert_int_equal(code, 0);
    assert_non_null(strstr(output, "FILE:1: 2 values would be redacted\n"));
    assert_null(strstr(output, "FILE:2: 0"));
    assert_null(strstr(output, "u:p@h"));
    free(output);
}

static void test_judge_names_line_pointer_and_offset_of_each_fault(void **state)
{
    (void)state;
    int code = -1;
    /* Line 2 ends after 8 bytes with nothing; in line 3 the run object, which lacks its runId,
     * begins at byte 47. */
    char *output = judge(GOOD "\n"
                              "{\"a\": 1,\n"
                              "{\"eventTime\":\"2026-01-02T03:04:05+01:00\",\"run\":{},"
                              "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}\n",
                         NULL, &code);
    assert_int_equal(code, 1);
    assert_int_equal(strncmp(output, "FILE:2: ", 8), 0);
    const char *third = strstr(output, "\nFILE:3: /run/runId, byte 47: ");
    assert_non_null(third);
    assert_non_null(strstr(third, "\n3 checked, 1 would be accepted, 2 refused\n"));
    free(output);
}

static void test_judge_reports_a_line_that_is_too_long(void **state)
{
    (void)state;
    int code = -1;
    char text[2100];
    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    memcpy(text + sizeof(text) - 3, "x\n", 3);
    char *output = judge(text, NULL, &code);
    assert_int_equal(code, 1);
    assert_string_equal(output, "FILE:1: (root), byte 2000: more than ingest.body_bytes_max bytes\n"
                                "1 checked, 0 would be accepted, 1 refused\n");
    free(output);
}

static void test_judge_shows_the_lineage_without_control_bytes(void **state)
{
    (void)state;
    int code = -1;
    char *output = judge(GOOD "\n"
                              "{\"eventTime\":\"2026-01-02T03:04:05Z\","
                              "\"dataset\":{\"namespace\":\"p\",\"name\":\"d\"}}\n",
                         "-v", &code);
    assert_int_equal(code, 0);
    assert_string_equal(output, "FILE:1: COMPLETE job n/j: in p/a, p/b?[2J -> out p/c; 2 columns\n"
                                "FILE:2: dataset p/d\n"
                                "2 checked, 2 would be accepted, 0 refused\n");
    free(output);
}

static void test_judge_summary_as_json(void **state)
{
    (void)state;
    int code = -1;
    struct capture capture;
    capture_begin(&capture, STDERR_FILENO);
    char *output = judge("[]\n" GOOD "\n", "--json", &code);
    char *faults = capture_end(&capture);
    assert_int_equal(code, 1);
    assert_string_equal(output, "{\"events\":2,\"accepted\":1,\"refused\":1}\n");
    assert_non_null(strstr(faults, ":1: (root), byte 0: "));
    free(faults);
    free(output);
}

static void test_judge_missing_file_and_unknown_flag_fail(void **state)
{
    (void)state;
    struct capture out;
    struct capture faults;
    char *missing[] = {(char *)"/nonexistent/x", NULL};
    char *unknown[] = {(char *)"--frob", NULL};

    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&faults, STDERR_FILENO);
    int missing_code = judge_run(&st, 1, missing);
    int unknown_code = judge_run(&st, 1, unknown);
    char *text = capture_end(&faults);
    free(capture_end(&out));
    assert_int_equal(missing_code, 1);
    assert_int_equal(unknown_code, 2);
    assert_non_null(strstr(text, "/nonexistent/x"));
    assert_non_null(strstr(text, "--frob"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_accepts_good_events),
        cmocka_unit_test(test_judge_says_what_would_be_redacted),
        cmocka_unit_test(test_judge_names_line_pointer_and_offset_of_each_fault),
        cmocka_unit_test(test_judge_reports_a_line_that_is_too_long),
        cmocka_unit_test(test_judge_shows_the_lineage_without_control_bytes),
        cmocka_unit_test(test_judge_summary_as_json),
        cmocka_unit_test(test_judge_missing_file_and_unknown_flag_fail),
    };
    return cmocka_run_group_tests(tests, load_settings, free_settings);
}
