/* The settings table and its sources. Expected values come from the order of sources and the ranges
 * written in core/settings_table.c; files are written by the tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/settings.h"
#include "core/settings_file.h"
#include "core/settings_table.h"
#include "core/settings_value.h"

#define WORDS_MAX 8

static char file_path[64];

static const char *file_with(const char *text)
{
    snprintf(file_path, sizeof(file_path), "/tmp/test_settings_XXXXXX");
    int fd = mkstemp(file_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return file_path;
}

/* No variable of the caller's environment may change what is tested. */
static int clean_environment(void **state)
{
    (void)state;
    char name[SETTINGS_NAME_BYTES];
    for (size_t i = 0; i < settings_table_count; i++) {
        settings_table_env_name(&settings_table_rows[i], name);
        unsetenv(name);
    }
    unsetenv("METAOPS_CONFIG");
    unsetenv("METAOPS_POSTGRES_CONNINFO_FILE");
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
    unsetenv("METAOPS_RDKAFKA_SASL_PASSWORD");
    unsetenv("METAOPS_RDKAFKA_SASL_PASSWORD_FILE");
    unsetenv("METAOPS_RDKAFKA_SSL__CA");
    unsetenv("METAOPS_INGEST_LISTNE");
    if (file_path[0]) {
        unlink(file_path);
        file_path[0] = '\0';
    }
    return 0;
}

static enum verdict load(struct settings *st, struct err *err, const char *first, ...)
{
    char *words[WORDS_MAX];
    int count = 0;
    struct settings_rest rest;
    va_list args;

    va_start(args, first);
    for (const char *word = first; word && count < WORDS_MAX; word = va_arg(args, const char *)) {
        words[count++] = (char *)word;
    }
    va_end(args);
    enum verdict verdict = settings_load(st, count, words, &rest, err);
    if (verdict == OK) {
        free(rest.words);
    }
    return verdict;
}

static char *printed(const struct settings *st)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    settings_print(st, out);
    fclose(out);
    return text;
}

static void test_settings_rows_are_sorted_and_unique(void **state)
{
    (void)state;
    for (size_t i = 1; i < settings_table_count; i++) {
        assert_true(strcmp(settings_table_rows[i - 1].key, settings_table_rows[i].key) < 0);
    }
}

static void test_settings_rows_cover_every_field_of_the_struct(void **state)
{
    (void)state;
    /* Every field has 8 bytes; the last one, extra, is no setting. */
    assert_int_equal(settings_table_count, offsetof(struct settings, extra) / 8);
    for (size_t i = 0; i < settings_table_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(settings_table_rows[i].offset, settings_table_rows[j].offset);
        }
    }
}

static void test_settings_defaults_are_within_their_ranges(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, NULL), OK);
    assert_string_equal(st.kafka.brokers, "127.0.0.1:5004");
    assert_string_equal(st.ingest.listen, "127.0.0.1:5000");
    assert_string_equal(st.worker.admin_listen, "127.0.0.1:5002");
    assert_string_equal(st.postgres.conninfo, "");
    assert_int_equal(st.kafka.partitions, 12);
    assert_int_equal(st.kafka.message_bytes_max, 35651584); /* 34 * 1,048,576 */
    assert_int_equal(st.ingest.body_bytes_max, 33554432);   /* 32 * 1,048,576 */
    assert_int_equal(st.ingest.batch_bytes_max, 67108864);  /* 64 * 1,048,576 */
    assert_int_equal(st.ingest.answer_timeout_ms, 4000);
    settings_fini(&st);
}

static void test_settings_names_follow_from_the_key(void **state)
{
    (void)state;
    char name[SETTINGS_NAME_BYTES];
    const struct setting_row *row = settings_table_find(STR("ingest.body_bytes_max"));
    assert_non_null(row);
    settings_table_env_name(row, name);
    assert_string_equal(name, "METAOPS_INGEST_BODY_BYTES_MAX");
    settings_table_flag_name(row, name);
    assert_string_equal(name, "--ingest.body-bytes-max");
}

static void test_settings_flag_beats_environment_beats_file_beats_default(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    const char *path = file_with("ingest.threads = 2\nkafka.partitions=3\nworker.lanes = 4\n");
    setenv("METAOPS_KAFKA_PARTITIONS", "5", 1);
    setenv("METAOPS_WORKER_LANES", "6", 1);
    assert_int_equal(load(&st, &err, "--config", path, "--worker.lanes=7", NULL), OK);
    assert_int_equal(st.worker.batches_in_flight_max, 2);
    assert_int_equal(st.ingest.threads, 2);
    assert_int_equal(st.kafka.partitions, 5);
    assert_int_equal(st.worker.lanes, 7);

    char *text = printed(&st);
    char line[128];
    assert_non_null(strstr(text, "worker.batches_in_flight_max = 2  # default\n"));
    snprintf(line, sizeof(line), "ingest.threads = 2  # file %s:1\n", path);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "kafka.partitions = 5  # environment METAOPS_KAFKA_PARTITIONS\n"));
    assert_non_null(strstr(text, "worker.lanes = 7  # flag --worker.lanes\n"));
    free(text);
    settings_fini(&st);
}

static void test_settings_config_file_may_come_from_the_environment(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    setenv("METAOPS_CONFIG", file_with("kafka.partitions = 9\n"), 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    assert_int_equal(st.kafka.partitions, 9);
    settings_fini(&st);
}

static void test_settings_sizes_and_times_take_units(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, "--ingest.body-bytes-max", "1GiB", "--ingest.head-bytes-max",
                          "2000", "--ingest.idle-timeout-ms", "90 s", NULL),
                     OK);
    assert_int_equal(st.ingest.body_bytes_max, 1073741824);
    assert_int_equal(st.ingest.head_bytes_max, 2000);
    assert_int_equal(st.ingest.idle_timeout_ms, 90000);
    settings_fini(&st);
}

static void test_settings_refused_value_names_key_value_range_and_origin(void **state)
{
    (void)state;
    struct settings st = {.extra = NULL};
    struct err err;
    setenv("METAOPS_KAFKA_PARTITIONS", "0", 1);
    assert_int_equal(load(&st, &err, NULL), FATAL);
    assert_string_equal(err.text, "kafka.partitions = 0 (environment METAOPS_KAFKA_PARTITIONS): "
                                  "must be a whole number from 1 to 10000");
    assert_null(st.extra);
    unsetenv("METAOPS_KAFKA_PARTITIONS");

    assert_int_equal(load(&st, &err, "--ingest.head-bytes-max=2MiB", NULL), FATAL);
    assert_non_null(strstr(err.text, "flag --ingest.head-bytes-max"));
    assert_non_null(strstr(err.text, "from 1KiB to 1MiB"));

    char wanted[128];
    const char *path = file_with("\n\nworker.sink = oracle\n");
    assert_int_equal(load(&st, &err, "--config", path, NULL), FATAL);
    snprintf(wanted, sizeof(wanted),
             "worker.sink = oracle (file %s:3): must be one of postgres|kafka|stdout|null", path);
    assert_string_equal(err.text, wanted);
}

static void test_settings_numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "x", "1x", "+1", " 1", "0x10", "1.5", "99999999999999999999", "1KiB", "--", "1 2", "-"};
    int64_t number = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(settings_value_number(SETTING_INTEGER, bad[i], &number));
    }
    assert_false(settings_value_number(SETTING_BYTES, "1KB", &number));
    assert_false(settings_value_number(SETTING_BYTES, "9223372036854775807KiB", &number));
    assert_false(settings_value_number(SETTING_MILLISECONDS, "1h", &number));
    assert_int_equal(number, 42);
}

static void test_settings_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, "--ingest.body-byte-max=1", NULL), FATAL);
    assert_non_null(strstr(err.text, "nearest is ingest.body_bytes_max"));
    assert_int_equal(load(&st, &err, "--config", file_with("kafka.broker = x\n"), NULL), FATAL);
    assert_non_null(strstr(err.text, "nearest is kafka.brokers"));
    assert_non_null(strstr(err.text, ":1"));
}

static void collect_warning(void *arg, const char *text)
{
    snprintf(arg, 128, "%s", text);
}

static void test_settings_unknown_variable_is_only_a_warning(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    char warning[128] = "";
    setenv("METAOPS_GATEWAY_URL", "http://x", 1);
    setenv("METAOPS_ALERTER_ADMIN_URL", "http://x", 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    settings_each_warning(&st, collect_warning, warning);
    assert_string_equal(warning, "");
    settings_fini(&st);

    setenv("METAOPS_INGEST_LISTNE", "x", 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    settings_each_warning(&st, collect_warning, warning);
    assert_string_equal(warning,
                        "environment METAOPS_INGEST_LISTNE belongs to no setting, ignoring");
    settings_fini(&st);
}

static void test_settings_other_words_are_left_in_rest(void **state)
{
    (void)state;
    struct settings st;
    struct settings_rest rest;
    char *words[] = {"--to", "http://a.b/c", "file.jsonl", "--log.level", "warn", "--json=x.y", "-",
                     "--",   "--log.level",  "x"};
    static const char *const wanted[] = {"--to", "http://a.b/c", "file.jsonl",  "--json=x.y",
                                         "-",    "--",           "--log.level", "x"};
    assert_int_equal(settings_load(&st, 10, words, &rest, NULL), OK);
    assert_string_equal(st.log.level, "warn");
    assert_int_equal(rest.count, 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(rest.words[i], wanted[i]);
    }
    assert_null(rest.words[8]);
    free(rest.words);
    settings_fini(&st);
}

static void test_settings_flag_without_value_is_refused(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, "--log.level", NULL), FATAL);
    assert_string_equal(err.text, "flag --log.level: the value is missing");
}

static void test_settings_bootstrap_servers_are_honoured_below_our_own(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    setenv("KAFKA_BOOTSTRAP_SERVERS", "k1:9092", 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    assert_string_equal(st.kafka.brokers, "k1:9092");
    settings_fini(&st);
    setenv("METAOPS_KAFKA_BROKERS", "k2:9092", 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    assert_string_equal(st.kafka.brokers, "k2:9092");
    settings_fini(&st);
}

static bool collect_property(void *arg, const char *name, const char *value)
{
    char *text = arg;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s=%s;", name, value);
    return true;
}

static void test_settings_rdkafka_properties_pass_through(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    char text[256] = "";
    setenv("METAOPS_RDKAFKA_SSL__CA", "pem", 1);
    const char *path = file_with("rdkafka.debug = broker\n");
    assert_int_equal(load(&st, &err, "--config", path, "--rdkafka.debug=topic",
                          "--rdkafka.linger.ms", "5", NULL),
                     OK);
    settings_each_rdkafka(&st, collect_property, text);
    assert_string_equal(text, "debug=topic;ssl_ca=pem;linger.ms=5;");
    settings_fini(&st);
}

static void test_settings_secrets_are_masked_in_print(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, "--postgres.conninfo=host=db password=geheim1",
                          "--rdkafka.sasl.password=geheim2", "--rdkafka.SSL.Key.pem=geheim3",
                          "--rdkafka.sasl.jaas.config=geheim4", NULL),
                     OK);
    assert_string_equal(st.postgres.conninfo, "host=db password=geheim1");
    char *text = printed(&st);
    assert_null(strstr(text, "geheim"));
    assert_non_null(strstr(text, "postgres.conninfo = ********  # flag --postgres.conninfo\n"));
    assert_non_null(strstr(text, "rdkafka.sasl.password = ********"));
    free(text);
    settings_fini(&st);
}

static void test_settings_secret_may_come_from_a_file(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    char text[256] = "";
    setenv("METAOPS_POSTGRES_CONNINFO_FILE", file_with("host=db password=x\n"), 1);
    setenv("METAOPS_RDKAFKA_SASL_PASSWORD_FILE", file_path, 1);
    assert_int_equal(load(&st, &err, NULL), OK);
    assert_string_equal(st.postgres.conninfo, "host=db password=x");
    settings_each_rdkafka(&st, collect_property, text);
    assert_string_equal(text, "sasl.password=host=db password=x;");
    settings_fini(&st);

    setenv("METAOPS_POSTGRES_CONNINFO", "host=other", 1);
    assert_int_equal(load(&st, &err, NULL), FATAL);
    assert_non_null(strstr(err.text, "both METAOPS_POSTGRES_CONNINFO and"));
}

static void test_settings_file_takes_comments_quotes_and_crlf(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    const char *path = file_with("# comment\r\n"
                                 "  kafka.topic_events=a#b # behind\r\n"
                                 "postgres.conninfo = \" p=\\\"#\\\\ \" # c\n"
                                 "worker.instance_id = # nothing\n"
                                 "\n"
                                 "worker.group = last line");
    assert_int_equal(load(&st, &err, "--config", path, NULL), OK);
    assert_string_equal(st.kafka.topic_events, "a#b");
    assert_string_equal(st.postgres.conninfo, " p=\"#\\ ");
    assert_string_equal(st.worker.instance_id, "");
    assert_string_equal(st.worker.group, "last line");
    settings_fini(&st);
}

static void test_settings_file_faults_name_the_line(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    static const char *const bad[] = {
        "\nno equals sign\n",         "\n= value\n",
        "\nworker.group = \"open\n",  "\nworker.group = \"a\" b\n",
        "\nworker.group = \"\\x\"\n", "\npostgres.conninfo u:secret@h?a=b\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(load(&st, &err, "--config", file_with(bad[i]), NULL), FATAL);
        assert_non_null(strstr(err.text, "line 2"));
        assert_null(strstr(err.text, "secret"));
        unlink(file_path);
    }
    const char *path = file_with("log.level = info\nlog.level = warn\n");
    char wanted[160];
    assert_int_equal(load(&st, &err, "--config", path, NULL), FATAL);
    snprintf(wanted, sizeof(wanted), "file %s:2: log.level is already set by file %s:1", path,
             path);
    assert_string_equal(err.text, wanted);
    assert_int_equal(load(&st, &err, "--config", "/nonexistent/x.conf", NULL), FATAL);
    assert_non_null(strstr(err.text, "/nonexistent/x.conf"));
}

static void test_settings_rules_between_settings_hold(void **state)
{
    (void)state;
    struct settings st;
    struct err err;
    assert_int_equal(load(&st, &err, "--ingest.message-timeout-ms=4000", NULL), FATAL);
    assert_int_equal(load(&st, &err, "--kafka.min-insync-replicas=2", NULL), FATAL);
    assert_int_equal(
        load(&st, &err, "--kafka.min-insync-replicas=2", "--kafka.replication-factor=3", NULL), OK);
    settings_fini(&st);
}

static void test_settings_printed_form_can_be_read_again(void **state)
{
    (void)state;
    struct settings st;
    struct settings again;
    struct err err;
    assert_int_equal(load(&st, &err, "--worker.group= a # b\n\"c\\", "--rdkafka.debug=x", NULL),
                     OK);
    char *text = printed(&st);
    assert_int_equal(load(&again, &err, "--config", file_with(text), NULL), OK);
    assert_string_equal(again.worker.group, " a # b\n\"c\\");
    free(text);
    settings_fini(&st);
    settings_fini(&again);
}

static void test_settings_manual_is_a_file_of_the_defaults(void **state)
{
    (void)state;
    char *doc = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&doc, &len);
    assert_non_null(out);
    settings_print_doc(out);
    fclose(out);

    /* With the # of its settings removed the manual must set every one, to the default. */
    size_t n = 0;
    size_t keys = 0;
    for (size_t i = 0; i < len; i++) {
        bool at_start = i == 0 || doc[i - 1] == '\n';
        if (at_start && doc[i] == '#' && doc[i + 1] != ' ' && doc[i + 1] != '\n') {
            keys++;
            continue;
        }
        doc[n++] = doc[i];
    }
    doc[n] = '\0';
    assert_int_equal(keys, settings_table_count + 1); /* and one rdkafka example */

    struct settings st;
    struct settings defaults;
    struct err err;
    assert_int_equal(load(&st, &err, "--config", file_with(doc), NULL), OK);
    assert_int_equal(load(&defaults, &err, NULL), OK);
    for (size_t i = 0; i < settings_table_count; i++) {
        char a[SETTINGS_VALUE_BYTES];
        char b[SETTINGS_VALUE_BYTES];
        assert_string_equal(settings_value_text(&st, &settings_table_rows[i], a),
                            settings_value_text(&defaults, &settings_table_rows[i], b));
    }
    free(doc);
    settings_fini(&st);
    settings_fini(&defaults);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, clean_environment, clean_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_settings_rows_are_sorted_and_unique),
        CASE(test_settings_rows_cover_every_field_of_the_struct),
        CASE(test_settings_defaults_are_within_their_ranges),
        CASE(test_settings_names_follow_from_the_key),
        CASE(test_settings_flag_beats_environment_beats_file_beats_default),
        CASE(test_settings_config_file_may_come_from_the_environment),
        CASE(test_settings_sizes_and_times_take_units),
        CASE(test_settings_refused_value_names_key_value_range_and_origin),
        CASE(test_settings_numbers_that_are_none_are_refused),
        CASE(test_settings_unknown_key_names_the_nearest),
        CASE(test_settings_unknown_variable_is_only_a_warning),
        CASE(test_settings_other_words_are_left_in_rest),
        CASE(test_settings_flag_without_value_is_refused),
        CASE(test_settings_bootstrap_servers_are_honoured_below_our_own),
        CASE(test_settings_rdkafka_properties_pass_through),
        CASE(test_settings_secrets_are_masked_in_print),
        CASE(test_settings_secret_may_come_from_a_file),
        CASE(test_settings_file_takes_comments_quotes_and_crlf),
        CASE(test_settings_file_faults_name_the_line),
        CASE(test_settings_rules_between_settings_hold),
        CASE(test_settings_printed_form_can_be_read_again),
        CASE(test_settings_manual_is_a_file_of_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
