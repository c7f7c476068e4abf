/* Lines out of files and pipes: line ends, blank and overlong lines, numbers. Texts are written
 * here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/event_lines.h"
#include "support/capture.h"

static struct event_lines *open_text(const char *bytes, size_t len, size_t line_bytes_max)
{
    static const char *files[2];
    static char path[64];
    struct event_lines *lines = NULL;
    struct err err;

    char *fresh = capture_file(bytes, len);
    snprintf(path, sizeof(path), "%s", fresh);
    free(fresh);
    files[0] = path;
    assert_int_equal(event_lines_open(files, line_bytes_max, &lines, &err), OK);
    return lines;
}

static void close_text(struct event_lines *lines, const char *path)
{
    event_lines_close(lines);
    unlink(path);
}

static void expect_line(struct event_lines *lines, uint64_t number, const char *text)
{
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_false(line.is_too_long);
    assert_int_equal(line.number, number);
    assert_int_equal(line.text.len, strlen(text));
    assert_memory_equal(line.text.ptr, text, line.text.len);
}

static void expect_end(struct event_lines *lines)
{
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_null(line.text.ptr);
    assert_false(line.is_too_long);
}

static void test_event_lines_take_lf_and_crlf_and_skip_blank_ones(void **state)
{
    (void)state;
    static const char text[] = "one\n\r\n  \t\ntwo \r\n\nthree";
    struct event_lines *lines = open_text(text, sizeof(text) - 1, 100);
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    const char *path = line.file;
    assert_int_equal(line.number, 1);
    assert_memory_equal(line.text.ptr, "one", 3);
    expect_line(lines, 4, "two ");
    expect_line(lines, 6, "three");
    expect_end(lines);
    expect_end(lines);
    close_text(lines, path);
}

static void test_event_lines_report_overlong_ones_and_go_on(void **state)
{
    (void)state;
    /* 10 bytes are allowed; lines of 10, 11 and 600,000 bytes. */
    size_t len = 0;
    char *text = malloc(700000);
    assert_non_null(text);
    memcpy(text, "1234567890\r\n12345678901\n", 24);
    len = 24;
    memset(text + len, 'x', 600000);
    len += 600000;
    memcpy(text + len, "\nlast\n", 6);
    len += 6;
    struct event_lines *lines = open_text(text, len, 10);
    struct event_line line;
    struct err err;

    expect_line(lines, 1, "1234567890");
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_true(line.is_too_long);
    assert_int_equal(line.number, 2);
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_true(line.is_too_long);
    assert_int_equal(line.number, 3);
    assert_null(line.text.ptr);
    const char *path = line.file;
    expect_line(lines, 4, "last");
    expect_end(lines);
    close_text(lines, path);
    free(text);
}

static void test_event_lines_overlong_line_without_line_end_is_reported(void **state)
{
    (void)state;
    char *text = malloc(600000);
    assert_non_null(text);
    memset(text, 'x', 600000);
    struct event_lines *lines = open_text(text, 600000, 10);
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_true(line.is_too_long);
    const char *path = line.file;
    expect_end(lines);
    close_text(lines, path);
    free(text);
}

static void test_event_lines_longer_than_one_read_stay_whole(void **state)
{
    (void)state;
    size_t len = 1000000;
    char *text = malloc(2 * len + 2);
    assert_non_null(text);
    memset(text, 'a', len);
    text[len] = '\n';
    memset(text + len + 1, 'b', len);
    text[2 * len + 1] = '\n';
    struct event_lines *lines = open_text(text, 2 * len + 2, len);
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_int_equal(line.text.len, len);
    assert_memory_equal(line.text.ptr, text, len);
    assert_int_equal(event_lines_next(lines, true, &line, &err), OK);
    assert_int_equal(line.text.len, len);
    assert_memory_equal(line.text.ptr, text + len + 1, len);
    const char *path = line.file;
    expect_end(lines);
    close_text(lines, path);
    free(text);
}

static void test_event_lines_number_each_file_anew_and_sum_the_sizes(void **state)
{
    (void)state;
    char *a = capture_file("a1\na2\n", 6);
    char *b = capture_file("b1", 2);
    const char *files[] = {a, b, NULL};
    struct event_lines *lines = NULL;
    struct err err;
    uint64_t done = 9;
    uint64_t total = 9;
    assert_int_equal(event_lines_open(files, 100, &lines, &err), OK);
    event_lines_progress(lines, &done, &total);
    assert_int_equal(done, 0);
    assert_int_equal(total, 8);
    expect_line(lines, 1, "a1");
    expect_line(lines, 2, "a2");
    expect_line(lines, 1, "b1");
    expect_end(lines);
    event_lines_progress(lines, &done, &total);
    assert_int_equal(done, 8);
    event_lines_close(lines);
    unlink(a);
    unlink(b);
    free(a);
    free(b);
}

static void test_event_lines_missing_file_is_fatal_and_named(void **state)
{
    (void)state;
    const char *files[] = {"/nonexistent/events.jsonl", NULL};
    struct event_lines *lines = NULL;
    struct event_line line;
    struct err err;
    assert_int_equal(event_lines_open(files, 100, &lines, &err), OK);
    assert_int_equal(event_lines_next(lines, true, &line, &err), FATAL);
    assert_non_null(strstr(err.text, "/nonexistent/events.jsonl"));
    event_lines_close(lines);
}

static void test_event_lines_empty_pipe_does_not_block(void **state)
{
    (void)state;
    int ends[2];
    const char *files[] = {"-", NULL};
    struct event_lines *lines = NULL;
    struct event_line line;
    struct err err;
    int saved = dup(STDIN_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    assert_int_equal(event_lines_open(files, 100, &lines, &err), OK);
    assert_int_equal(event_lines_next(lines, false, &line, &err), RETRY);
    assert_int_equal(write(ends[1], "par", 3), 3);
    assert_int_equal(event_lines_next(lines, false, &line, &err), RETRY);
    assert_int_equal(write(ends[1], "t\n", 2), 2);
    assert_int_equal(event_lines_next(lines, false, &line, &err), OK);
    assert_memory_equal(line.text.ptr, "part", 4);
    close(ends[1]);
    close(ends[0]);
    dup2(saved, STDIN_FILENO);
    close(saved);
    event_lines_close(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_lines_take_lf_and_crlf_and_skip_blank_ones),
        cmocka_unit_test(test_event_lines_report_overlong_ones_and_go_on),
        cmocka_unit_test(test_event_lines_overlong_line_without_line_end_is_reported),
        cmocka_unit_test(test_event_lines_longer_than_one_read_stay_whole),
        cmocka_unit_test(test_event_lines_number_each_file_anew_and_sum_the_sizes),
        cmocka_unit_test(test_event_lines_missing_file_is_fatal_and_named),
        cmocka_unit_test(test_event_lines_empty_pipe_does_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
