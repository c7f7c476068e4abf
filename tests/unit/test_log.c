/* What reaches stderr: its form, escapes and the limit per call site. stderr goes to a file
 * here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/timebase.h"

static int saved_stderr = -1;
static FILE *capture;
static char text[65536];

static int begin(void **state)
{
    (void)state;
    capture = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    return !capture || saved_stderr < 0 || dup2(fileno(capture), STDERR_FILENO) < 0;
}

static int end(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    return fclose(capture);
}

static const char *captured(void)
{
    rewind(capture);
    text[fread(text, 1, sizeof(text) - 1, capture)] = '\0';
    return text;
}

static int lines(void)
{
    int count = 0;
    for (const char *c = captured(); *c; c++) {
        count += *c == '\n';
    }
    return count;
}

static void test_log_text_line_has_time_level_thread_and_message(void **state)
{
    (void)state;
    char word[64];
    int64_t us = 0;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, 20);
    log_thread_name("sink-0");
    log_warn("slow commit ms=%d", 12);
    log_thread_name("");
    captured();
    assert_int_equal(sscanf(text, "%63s", word), 1);
    assert_true(timebase_parse(str_view(word), &us));
    assert_string_equal(text + strlen(word), " warn  sink-0: slow commit ms=12\n");
}

static void test_log_json_line_is_escaped(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 20);
    log_error("a\"b\\c\nd\x01 \xC3\xA9 \xFF \xED\xA0\x80");
    captured();
    /* One replacement character for each byte that is no UTF-8: FF, and the three of a
     * surrogate. */
    const char *wanted =
        "\"level\":\"error\",\"msg\":\"a\\\"b\\\\c\\nd\\u0001 \xC3\xA9 \xEF\xBF\xBD "
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}\n";
    const char *found = strstr(text, "\"level\"");
    assert_non_null(found);
    assert_string_equal(found, wanted);
    assert_int_equal(strncmp(text, "{\"ts\":\"20", 9), 0);
}

static void test_log_levels_below_are_silent(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, 20);
    log_debug("no");
    log_info("no");
    log_warn("yes");
    log_error("yes");
    assert_int_equal(lines(), 2);
    assert_null(strstr(text, "no"));
    assert_false(log_enabled(LOG_LEVEL_INFO));
}

static void write_many(int count)
{
    for (int i = 0; i < count; i++) {
        log_info("storm i=%d", i);
    }
}

/* Waits for its beginning. */
static int64_t next_second(void)
{
    int64_t second = timebase_mono_us() / 1000000;

    while (timebase_mono_us() / 1000000 == second) {
        usleep(1000);
    }
    return timebase_mono_us() / 1000000;
}

static void test_log_site_is_limited_and_the_next_line_counts_the_dropped(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, 5);
    int before = 0;
    int64_t second;
    do {
        before = lines();
        second = next_second();
        write_many(12);
        log_info("other place");
    } while (timebase_mono_us() / 1000000 != second); /* a busy machine may stop it in the middle */
    assert_int_equal(lines(), before + 6);
    assert_non_null(strstr(text, "other place"));
    (void)next_second();
    write_many(1);
    assert_int_equal(lines(), before + 7);
    assert_non_null(strstr(text, "storm i=0 dropped=7\n"));
}

static void test_log_long_message_is_cut_and_still_one_line(void **state)
{
    (void)state;
    static char long_text[10000];
    memset(long_text, '\n', sizeof(long_text) - 1);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 0);
    log_info("%s", long_text);
    assert_int_equal(lines(), 1);
    size_t len = strlen(text);
    assert_string_equal(text + len - 3, "\"}\n");
}

static void test_log_names_are_read(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("loud"), -1);
    assert_int_equal(log_format_parse("json"), LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse(""), -1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_log_text_line_has_time_level_thread_and_message),
        CASE(test_log_json_line_is_escaped),
        CASE(test_log_levels_below_are_silent),
        CASE(test_log_site_is_limited_and_the_next_line_counts_the_dropped),
        CASE(test_log_long_message_is_cut_and_still_one_line),
        CASE(test_log_names_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
