/* The producer against the mock cluster of librdkafka: each record is answered exactly once,
 * whatever the broker does. */
#include "core/kafka_producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/metrics.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "support/mock_outage.h"

#define TOPIC "metaops.events"
#define API_PRODUCE 0
#define API_INIT_PRODUCER_ID 22
#define RECORDS_MAX 1000
#define WAIT_MS 60000    /* for what a slow machine does late */
#define LATE_US 20000000 /* it ends by itself, however slow the machine is */

struct answer {
    atomic_int count;
    enum verdict verdict;
    int32_t partition;
    int64_t offset;
};

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct settings st;
    struct kafka_producer *producer;
    struct answer answers[RECORDS_MAX];
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct answer *answer = record_arg;

    (void)reason;
    answer->verdict = verdict;
    answer->partition = partition;
    answer->offset = offset;
    atomic_fetch_add(&answer->count, 1);
}

static void pause_ms(int ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static void start(struct bed *bed, const char *flag)
{
    char brokers[256], text[256];
    struct settings_rest rest = {0};
    struct err err = {0};
    char timeout[] = "--ingest.message-timeout-ms=50000", queue[] = "--ingest.queue-bytes-max=1MiB";
    char answer[] = "--ingest.answer-timeout-ms=60000";
    char *args[] = {brokers, timeout, answer, queue, text, NULL};

    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed->cluster));
    snprintf(text, sizeof(text), "%s", flag ? flag : timeout);
    settings_fini(&bed->st);
    memset(&bed->st, 0, sizeof(bed->st));
    assert_int_equal(settings_load(&bed->st, 5, args, &rest, &err), OK);
    free(rest.words);
    assert_int_equal(kafka_producer_start(&bed->st, on_result, &bed->producer, &err), OK);
}

static int setup_brokers(void **state, int count)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];

    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
    bed->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    bed->cluster = rd_kafka_mock_cluster_new(bed->host, count);
    rd_kafka_mock_topic_create(bed->cluster, TOPIC, 4, 1);
    *state = bed;
    return 0;
}

static int setup(void **state)
{
    return setup_brokers(state, 1);
}

static int setup_two(void **state)
{
    return setup_brokers(state, 2);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    if (bed->producer) {
        kafka_producer_stop(bed->producer, 0);
        kafka_producer_free(bed->producer);
    }
    settings_fini(&bed->st);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    free(bed);
    return 0;
}

static enum verdict publish(struct bed *bed, size_t i, const char *key, size_t bytes)
{
    struct err err;
    char *value = malloc(bytes);

    memset(value, 'x', bytes);
    enum verdict verdict = kafka_producer_publish(bed->producer, TOPIC, str_view(key), value, bytes,
                                                  &bed->answers[i], &err);
    if (verdict != OK) {
        free(value);
    }
    return verdict;
}

/* Waits until the first `count` records have an answer; how many of them have verdict, and each
 * only one answer. */
static size_t answered(struct bed *bed, size_t count, enum verdict verdict, int timeout_ms)
{
    int64_t end_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    size_t matching = 0;

    for (size_t i = 0; i < count; i++) {
        while (atomic_load(&bed->answers[i].count) == 0 && timebase_mono_us() < end_us) {
            pause_ms(5);
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(atomic_load(&bed->answers[i].count), 1);
        matching += bed->answers[i].verdict == verdict;
    }
    return matching;
}

static void test_every_record_is_answered_once_with_its_own_place(void **state)
{
    struct bed *bed = *state;
    bool taken[4][RECORDS_MAX] = {{false}};
    size_t messages, bytes;
    int delivery_ms;
    char key[16];

    start(bed, NULL);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        snprintf(key, sizeof(key), "job-%zu", i % 50);
        assert_int_equal(publish(bed, i, key, 100), OK);
    }
    assert_int_equal(answered(bed, RECORDS_MAX, OK, WAIT_MS), RECORDS_MAX);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        const struct answer *answer = &bed->answers[i];
        assert_in_range(answer->partition, 0, 3);
        assert_in_range(answer->offset, 0, RECORDS_MAX - 1);
        assert_false(taken[answer->partition][answer->offset]);
        taken[answer->partition][answer->offset] = true;
    }
    kafka_producer_load(bed->producer, &messages, &bytes, &delivery_ms);
    assert_int_equal(messages, 0);
    assert_int_equal(bytes, 0);
    assert_true(kafka_producer_is_healthy(bed->producer));
}

/* The hashes are those of the Java client's own tests, their sign bit cleared, modulo 4. */
static void test_keys_go_where_the_java_client_puts_them(void **state)
{
    struct bed *bed = *state;
    static const struct {
        const char *key;
        int32_t partition;
    } cases[] = {
        {.key = "21", .partition = 0},     /* -973932308 */
        {.key = "foobar", .partition = 2}, /* -790332482 */
        {.key = "abc", .partition = 3},    /* 479470107 */
        {.key = "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", .partition = 1}, /* -58897971 */
    };

    start(bed, NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(publish(bed, i, cases[i].key, 10), OK);
    }
    assert_int_equal(answered(bed, 4, OK, WAIT_MS), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bed->answers[i].partition, cases[i].partition);
    }
}

static void test_passing_broker_errors_are_not_seen(void **state)
{
    struct bed *bed = *state;

    start(bed, NULL);
    rd_kafka_mock_push_request_errors(bed->cluster, API_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(publish(bed, i, "k", 100), OK);
    }
    assert_int_equal(answered(bed, 20, OK, WAIT_MS), 20);
}

static void test_a_record_over_the_limit_is_rejected_at_once(void **state)
{
    struct bed *bed = *state;

    start(bed, "--kafka.message-bytes-max=64KiB");
    assert_int_equal(publish(bed, 0, "k", 64 * 1024), REJECT);
    assert_int_equal(publish(bed, 1, "k", 64 * 1024 - 600), OK); /* the framing counts too */
    assert_int_equal(atomic_load(&bed->answers[0].count), 0);
}

static void test_a_record_that_the_broker_finds_too_large_is_rejected(void **state)
{
    struct bed *bed = *state;

    start(bed, NULL);
    rd_kafka_mock_push_request_errors(bed->cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_int_equal(publish(bed, 0, "k", 100), OK);
    assert_int_equal(answered(bed, 1, REJECT, WAIT_MS), 1);
    assert_true(kafka_producer_is_healthy(bed->producer));
    assert_int_equal(publish(bed, 1, "k", 100), OK);
    assert_int_equal(answered(bed, 2, OK, WAIT_MS), 1);
}

static void test_a_clock_that_is_wrong_is_no_fault_of_the_record(void **state)
{
    struct bed *bed = *state;

    start(bed, NULL);
    rd_kafka_mock_push_request_errors(bed->cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
    assert_int_equal(publish(bed, 0, "k", 100), OK);
    assert_int_equal(answered(bed, 1, RETRY, WAIT_MS), 1);
}

/* Record next and those behind it, one by one, until one is taken; the number of the one after it. */
static size_t publish_until_taken(struct bed *bed, size_t next)
{
    do {
        assert_in_range(next, 0, 50);
        assert_int_equal(publish(bed, next, "k", 100), OK);
        (void)answered(bed, ++next, OK, WAIT_MS);
    } while (bed->answers[next - 1].verdict != OK);
    return next;
}

static void test_a_lost_broker_means_retry_within_the_timeout_and_heals(void **state)
{
    struct bed *bed = *state;

    start(bed, "--ingest.message-timeout-ms=2000");
    size_t next = publish_until_taken(bed, 0);
    struct mock_outage outage = mock_outage_begin(bed->cluster, 1);

    int64_t begin_us = timebase_mono_us();
    assert_int_equal(publish(bed, next, "k", 100), OK);
    (void)answered(bed, ++next, RETRY, WAIT_MS);
    assert_int_equal(bed->answers[next - 1].verdict, RETRY);
    assert_in_range(timebase_mono_us() - begin_us, 0, LATE_US); /* the timeout is 2 s */
    assert_false(kafka_producer_is_healthy(bed->producer));

    mock_outage_end(&outage);
    (void)publish_until_taken(bed, next);
    assert_true(kafka_producer_is_healthy(bed->producer));
}

/* The library alone asks for leaders each second, so each of the partitions that come to the other broker
 * one after the other would wait for most of a second. A busy machine may keep most of them waiting, too. */
static void test_the_other_broker_is_found_as_soon_as_it_leads(void **state)
{
    struct bed *bed = *state;
    const int partitions = 12;
    int quick = 0;
    struct err err;

    rd_kafka_mock_topic_create(bed->cluster, "led", partitions, 2);
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_mock_partition_set_leader(bed->cluster, "led", i, i == 0 ? 2 : 1);
    }
    start(bed, NULL);
    assert_int_equal(kafka_producer_publish_to(bed->producer, "led", 0, STR("k"), strdup("x"), 1,
                                               &bed->answers[0], &err),
                     OK);
    assert_int_equal(answered(bed, 1, OK, WAIT_MS), 1);
    rd_kafka_mock_broker_set_down(bed->cluster, 1);
    for (int32_t i = 1; i < partitions; i++) {
        assert_int_equal(kafka_producer_publish_to(bed->producer, "led", i, STR("k"), strdup("x"),
                                                   1, &bed->answers[i], &err),
                         OK);
        pause_ms(50);
        int64_t begin_us = timebase_mono_us();
        rd_kafka_mock_partition_set_leader(bed->cluster, "led", i, 2);
        assert_int_equal(answered(bed, (size_t)i + 1, OK, WAIT_MS), i + 1);
        quick += timebase_mono_us() - begin_us < 500000;
    }
    assert_in_range(quick, 3, partitions);
}

static void test_health_comes_back_without_records(void **state)
{
    struct bed *bed = *state;
    int64_t end_us;

    start(bed, NULL);
    struct mock_outage outage = mock_outage_begin(bed->cluster, 1);
    for (end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
         kafka_producer_is_healthy(bed->producer) && timebase_mono_us() < end_us;) {
        pause_ms(10);
    }
    assert_false(kafka_producer_is_healthy(bed->producer));
    mock_outage_end(&outage);
    for (end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
         !kafka_producer_is_healthy(bed->producer) && timebase_mono_us() < end_us;) {
        pause_ms(10);
    }
    assert_true(kafka_producer_is_healthy(bed->producer));
}

static void test_a_full_queue_means_retry_and_the_value_stays_with_the_caller(void **state)
{
    struct bed *bed = *state;
    size_t messages, bytes;
    int delivery_ms;

    start(bed, "--ingest.message-timeout-ms=10000"); /* all is done by then */
    rd_kafka_mock_broker_set_down(bed->cluster, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(publish(bed, i, "key", 300000), OK);
    }
    assert_int_equal(publish(bed, 3, "key", 300000), RETRY); /* 1.2 MB > 1 MiB */
    kafka_producer_load(bed->producer, &messages, &bytes, &delivery_ms);
    assert_int_equal(messages, 3);
    assert_int_equal(bytes, 3 * 300003);
    assert_int_equal(answered(bed, 3, RETRY, WAIT_MS), 3);
    assert_int_equal(atomic_load(&bed->answers[3].count), 0);
}

static void test_a_fatal_error_answers_what_is_pending_and_a_new_producer_takes_over(void **state)
{
    struct bed *bed = *state;
    int64_t rebuilds = metrics_read(METRIC_PRODUCER_REBUILDS);
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;

    rd_kafka_mock_push_request_errors(bed->cluster, API_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    start(bed, NULL);
    for (size_t i = 0; i < 10; i++) {
        enum verdict verdict = publish(bed, i, "k", 100);
        if (verdict != OK) {
            assert_int_equal(verdict, RETRY);
            on_result(&bed->answers[i], RETRY, -1, -1, "");
        }
    }
    answered(bed, 10, RETRY, WAIT_MS);
    while (metrics_read(METRIC_PRODUCER_REBUILDS) == rebuilds && timebase_mono_us() < end_us) {
        pause_ms(5);
    }
    assert_int_equal(metrics_read(METRIC_PRODUCER_REBUILDS), rebuilds + 1);
    assert_int_equal(publish(bed, 10, "k", 100), OK);
    answered(bed, 11, OK, WAIT_MS);
    assert_int_equal(bed->answers[10].verdict, OK);
}

static void test_sequence_errors_never_lose_an_answer(void **state)
{
    struct bed *bed = *state;

    start(bed, NULL);
    assert_int_equal(publish(bed, 0, "k", 100), OK);
    assert_int_equal(answered(bed, 1, OK, WAIT_MS), 1);
    rd_kafka_mock_push_request_errors(
        bed->cluster, API_PRODUCE, 3, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    for (size_t i = 1; i < 200; i++) {
        enum verdict verdict;
        while ((verdict = publish(bed, i, "k", 100)) == RETRY) {
            pause_ms(20);
        }
        assert_int_equal(verdict, OK);
        pause_ms(1);
    }
    answered(bed, 200, OK, WAIT_MS);
    assert_int_equal(bed->answers[199].verdict, OK);
}

static void test_stop_answers_the_rest_and_takes_no_more(void **state)
{
    struct bed *bed = *state;

    start(bed, NULL);
    rd_kafka_mock_broker_set_rtt(bed->cluster, 1, 30000);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(publish(bed, i, "k", 100), OK);
    }
    int64_t begin_us = timebase_mono_us();
    kafka_producer_stop(bed->producer, 200);
    assert_in_range(timebase_mono_us() - begin_us, 0, LATE_US);
    assert_int_equal(answered(bed, 10, RETRY, 0), 10);
    assert_int_equal(publish(bed, 10, "k", 100), RETRY);
    kafka_producer_free(bed->producer);
    bed->producer = NULL;
}

static void test_properties_that_our_promises_rest_on_are_refused(void **state)
{
    static const char *const names[] = {"acks", "producer.enable.idempotence", "bootstrap.servers",
                                        "producer.transactional.id"};
    struct kafka_producer *producer = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char flag[64];
        char *args[] = {flag, NULL};
        struct settings st = {0};
        struct settings_rest rest = {0};
        struct err err = {0};

        snprintf(flag, sizeof(flag), "--rdkafka.%s=1", names[i]);
        assert_int_equal(settings_load(&st, 1, args, &rest, &err), OK);
        assert_int_equal(kafka_producer_start(&st, on_result, &producer, &err), FATAL);
        assert_non_null(strstr(err.text, names[i]));
        assert_null(producer);
        free(rest.words);
        settings_fini(&st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_record_is_answered_once_with_its_own_place,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_go_where_the_java_client_puts_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_passing_broker_errors_are_not_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_record_over_the_limit_is_rejected_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_record_that_the_broker_finds_too_large_is_rejected,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_wrong_is_no_fault_of_the_record, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_broker_means_retry_within_the_timeout_and_heals,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_other_broker_is_found_as_soon_as_it_leads,
                                        setup_two, teardown),
        cmocka_unit_test_setup_teardown(test_health_comes_back_without_records, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_full_queue_means_retry_and_the_value_stays_with_the_caller, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_fatal_error_answers_what_is_pending_and_a_new_producer_takes_over, setup,
            teardown),
        cmocka_unit_test_setup_teardown(test_sequence_errors_never_lose_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_answers_the_rest_and_takes_no_more, setup,
                                        teardown),
        cmocka_unit_test(test_properties_that_our_promises_rest_on_are_refused),
    };

    return cmocka_run_group_tests_name("kafka_producer", tests, NULL, NULL);
}
