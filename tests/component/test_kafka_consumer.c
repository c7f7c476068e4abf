/* The consumer against the mock cluster of librdkafka: it reads from where it is told, exactly, and
 * says when it cannot. */
#include "core/kafka_consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/settings.h"
#include "core/timebase.h"

#define TOPIC "metaops.events"
#define API_JOIN_GROUP 11
#define API_HEARTBEAT 12
#define PARTITIONS 4
#define RECORDS 50    /* in each partition; the value of record N of partition P is "P:N" */
#define WAIT_MS 60000 /* for what a slow machine does late */

/* What a consumer was told, and what it does when asked for offsets. */
struct group_log {
    int64_t begin[PARTITIONS]; /* -1: this partition is not wanted */
    bool owned[PARTITIONS];
    size_t assigns;
    size_t revokes;
    struct kafka_consumer *asked; /* on_assign reads record 17 of partition 2 with it */
    int64_t found;
    int64_t high;
};

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct settings st;
    struct group_log log;
    struct kafka_consumer *consumer;
};

static size_t on_assign(void *arg, struct kafka_partition *partitions, size_t count)
{
    struct group_log *log = arg;
    size_t wanted = 0;

    log->assigns++;
    if (log->asked) {
        struct kafka_record record = {0};
        struct err err;
        int64_t low;

        log->found = -1;
        if (kafka_consumer_watermarks(log->asked, TOPIC, 2, WAIT_MS, &low, &log->high, &err) ==
                OK &&
            kafka_consumer_record_at(log->asked, TOPIC, 2, 17, WAIT_MS, &record, &err) == OK &&
            record.handle) {
            log->found = record.offset;
            kafka_record_free(&record);
        }
    }
    for (size_t i = 0; i < count; i++) {
        log->owned[partitions[i].partition] = true;
        partitions[i].offset = log->begin[partitions[i].partition];
        if (partitions[i].offset >= 0) {
            struct kafka_partition swapped = partitions[wanted];
            partitions[wanted++] = partitions[i];
            partitions[i] = swapped;
        }
    }
    return wanted;
}

static void on_revoke(void *arg, const struct kafka_partition *partitions, size_t count, bool lost)
{
    struct group_log *log = arg;

    (void)lost;
    log->revokes++;
    for (size_t i = 0; i < count; i++) {
        log->owned[partitions[i].partition] = false;
    }
}

static void fill(struct bed *bed, size_t filler_bytes)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256], value[32];
    static char filler[3000000];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof(text));
    rd_kafka_conf_set(conf, "message.max.bytes", "10000000", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    for (int p = 0; p < PARTITIONS; p++) {
        for (int n = 0; n < RECORDS; n++) {
            snprintf(value, sizeof(value), "%d:%d", p, n);
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(p),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(value, strlen(value)), RD_KAFKA_V_END);
        }
        if (p == 3 && filler_bytes) {
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(p),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(filler, filler_bytes), RD_KAFKA_V_END);
        }
    }
    assert_int_equal(rd_kafka_flush(rk, WAIT_MS), 0);
    rd_kafka_destroy(rk);
}

static int setup_session(void **state, char *session)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256], brokers[256];
    char *args[] = {brokers, session, NULL};
    struct settings_rest rest = {0};
    struct err err;

    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
    bed->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    bed->cluster = rd_kafka_mock_cluster_new(bed->host, 1);
    rd_kafka_mock_topic_create(bed->cluster, TOPIC, PARTITIONS, 1);
    snprintf(brokers, sizeof(brokers), "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed->cluster));
    assert_int_equal(settings_load(&bed->st, 2, args, &rest, &err), OK);
    free(rest.words);
    fill(bed, 0);
    *state = bed;
    return 0;
}

/* A machine that is busy for seconds must not put the member out of its group. */
static int setup(void **state)
{
    char session[] = "--worker.session-timeout-ms=30000";
    return setup_session(state, session);
}

/* A group that changes waits for as long as the session of a member that is gone. */
static int setup_change(void **state)
{
    char session[] = "--worker.session-timeout-ms=6000";
    return setup_session(state, session);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    kafka_consumer_close(bed->consumer);
    settings_fini(&bed->st);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    free(bed);
    return 0;
}

static struct kafka_consumer *join(struct bed *bed, struct group_log *log)
{
    static const char *const topics[] = {TOPIC, NULL};
    const struct kafka_consumer_callbacks callbacks = {
        .arg = log, .on_assign = on_assign, .on_revoke = on_revoke};
    struct kafka_consumer *consumer = NULL;
    struct err err;

    assert_int_equal(kafka_consumer_open(&bed->st, topics, &callbacks, &consumer, &err), OK);
    return consumer;
}

static int record_number(const struct kafka_record *record)
{
    char value[32] = "", expected[32];

    assert_in_range(record->value.len, 3, sizeof(value) - 1);
    memcpy(value, record->value.ptr, record->value.len);
    snprintf(expected, sizeof(expected), "%d:%d", (int)record->partition, (int)record->offset);
    assert_string_equal(value, expected);
    assert_string_equal(record->topic, TOPIC);
    return (int)record->offset;
}

/* The next record, or a record without handle when none comes in time. Passing errors are skipped.
 * */
static struct kafka_record next(struct bed *bed, int timeout_ms)
{
    int64_t end_us = timebase_mono_us() + (int64_t)timeout_ms * 1000;
    struct kafka_record record = {0};
    struct err err;

    while (!record.handle && timebase_mono_us() < end_us) {
        enum verdict verdict = kafka_consumer_poll(bed->consumer, 20, &record, &err);
        assert_true(verdict == OK || verdict == RETRY);
    }
    return record;
}

/* Reads until `count` records came: each partition without a gap from expected[p], which moves on.
 * */
static void read_in_order(struct bed *bed, int64_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct kafka_record record = next(bed, WAIT_MS);
        assert_non_null(record.handle);
        assert_int_equal(record_number(&record), expected[record.partition]);
        expected[record.partition]++;
        kafka_record_free(&record);
        assert_null(record.handle);
    }
}

static void assert_silence(struct bed *bed, int ms)
{
    struct kafka_record record = next(bed, ms);

    assert_null(record.handle);
}

static void test_partitions_are_read_from_the_offsets_named(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0, 20, 49, -1};
    int64_t high;

    memcpy(bed->log.begin, expected, sizeof(expected));
    bed->consumer = join(bed, &bed->log);
    read_in_order(bed, expected, 50 + 30 + 1);
    assert_silence(bed, 300); /* partition 3 was not wanted */
    assert_true(bed->log.owned[3]);
    assert_int_equal(bed->log.assigns, 1);
    assert_true(kafka_consumer_high_watermark(bed->consumer, TOPIC, 0, &high));
    assert_int_equal(high, RECORDS);
}

static void test_an_unwanted_partition_can_be_taken_up_later(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {50, 50, 50, 45};
    const struct kafka_partition later = {.topic = TOPIC, .partition = 3, .offset = 45};
    struct err err;

    memcpy(bed->log.begin, (int64_t[]){50, 50, 50, -1}, sizeof(bed->log.begin));
    bed->consumer = join(bed, &bed->log);
    while (bed->log.assigns == 0) {
        assert_silence(bed, 50);
    }
    assert_silence(bed, 300);
    assert_int_equal(kafka_consumer_seek(bed->consumer, &later, &err), OK);
    assert_silence(bed, 300);
    kafka_consumer_resume(bed->consumer, &later, 1);
    read_in_order(bed, expected, 5);
    assert_silence(bed, 300);
}

static void test_pause_holds_a_partition_and_resume_loses_nothing(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0, 50, 50, 50};
    const struct kafka_partition paused = {.topic = TOPIC, .partition = 0};
    const struct kafka_partition unknown = {.topic = "elsewhere", .partition = 7};

    memcpy(bed->log.begin, expected, sizeof(expected));
    bed->consumer = join(bed, &bed->log);
    for (int round = 0; round < 4; round++) {
        read_in_order(bed, expected, 10);
        kafka_consumer_pause(bed->consumer, &paused, 1);
        kafka_consumer_pause(bed->consumer, &unknown, 1);
        assert_silence(bed, 200);
        kafka_consumer_resume(bed->consumer, &unknown, 1);
        kafka_consumer_resume(bed->consumer, &paused, 1);
    }
    read_in_order(bed, expected, 10);
    assert_silence(bed, 200);
}

static void test_seek_goes_back_and_forth_exactly(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0, 50, 50, 50};
    struct kafka_partition at = {.topic = TOPIC, .partition = 0};
    struct err err;

    memcpy(bed->log.begin, expected, sizeof(expected));
    bed->consumer = join(bed, &bed->log);
    read_in_order(bed, expected, 30);
    at.offset = expected[0] = 7;
    assert_int_equal(kafka_consumer_seek(bed->consumer, &at, &err), OK);
    read_in_order(bed, expected, 3);
    at.offset = expected[0] = 40;
    assert_int_equal(kafka_consumer_seek(bed->consumer, &at, &err), OK);
    read_in_order(bed, expected, 10);
    assert_silence(bed, 200);
    at.partition = 9;
    assert_int_equal(kafka_consumer_seek(bed->consumer, &at, &err), RETRY);
}

static void test_a_position_out_of_range_names_its_partition_and_spares_the_others(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0, 5000, 0, 0};
    struct kafka_partition at = {.topic = TOPIC, .partition = 1, .offset = 48};
    size_t rejected = 0, records = 0;
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    struct kafka_record record;
    struct err err;

    memcpy(bed->log.begin, expected, sizeof(expected));
    bed->consumer = join(bed, &bed->log);
    while ((rejected == 0 || records < 150) && timebase_mono_us() < end_us) {
        enum verdict verdict = kafka_consumer_poll(bed->consumer, 50, &record, &err);
        if (verdict == REJECT) {
            rejected++;
            assert_string_equal(record.topic, TOPIC);
            assert_int_equal(record.partition, 1);
            assert_null(record.handle);
        } else if (record.handle) {
            records++;
            assert_int_equal(record_number(&record), expected[record.partition]++);
            kafka_record_free(&record);
        }
    }
    assert_int_equal(rejected, 1);
    assert_int_equal(records, 150);

    expected[1] = 48;
    assert_int_equal(kafka_consumer_seek(bed->consumer, &at, &err), OK);
    read_in_order(bed, expected, 2);
    assert_silence(bed, 200);
}

static void test_one_record_can_be_read_beside_the_stream(void **state)
{
    struct bed *bed = *state;
    struct kafka_record record = {0};
    int64_t low, high;
    char id[64] = "";
    struct err err;

    memcpy(bed->log.begin, (int64_t[]){50, 50, 50, 50}, sizeof(bed->log.begin));
    bed->consumer = join(bed, &bed->log);
    assert_int_equal(kafka_consumer_record_at(bed->consumer, TOPIC, 2, 17, WAIT_MS, &record, &err),
                     OK);
    assert_non_null(record.handle);
    assert_int_equal(record_number(&record), 17);
    kafka_record_free(&record);
    assert_int_equal(kafka_consumer_record_at(bed->consumer, TOPIC, 2, 49, WAIT_MS, &record, &err),
                     OK);
    assert_non_null(record.handle);
    assert_int_equal(record_number(&record), 49);
    kafka_record_free(&record);
    assert_int_equal(kafka_consumer_record_at(bed->consumer, TOPIC, 2, 50, WAIT_MS, &record, &err),
                     OK);
    assert_null(record.handle);
    assert_int_equal(kafka_consumer_watermarks(bed->consumer, TOPIC, 2, WAIT_MS, &low, &high, &err),
                     OK);
    assert_int_equal(low, 0);
    assert_int_equal(high, RECORDS);
    assert_int_equal(kafka_consumer_cluster_id(bed->consumer, WAIT_MS, id, &err), OK);
    assert_true(strlen(id) > 0);
}

static void test_the_broker_can_be_asked_while_partitions_are_assigned(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {50, 50, 40, 50};

    memcpy(bed->log.begin, expected, sizeof(expected));
    bed->log.asked = bed->consumer = join(bed, &bed->log);
    read_in_order(bed, expected, 10);
    assert_int_equal(bed->log.found, 17);
    assert_int_equal(bed->log.high, RECORDS);
}

/* Each partition has exactly one owner, and every one of the two has some. */
static bool is_shared_out(const struct group_log *one, const struct group_log *other)
{
    int owned[2] = {0, 0};

    for (int p = 0; p < PARTITIONS; p++) {
        assert_false(one->owned[p] && other->owned[p]);
        owned[0] += one->owned[p];
        owned[1] += other->owned[p];
    }
    return owned[0] > 0 && owned[1] > 0 && owned[0] + owned[1] == PARTITIONS;
}

static bool owns_all(const struct group_log *log)
{
    int owned = 0;

    for (int p = 0; p < PARTITIONS; p++) {
        owned += log->owned[p] == 1;
    }
    return owned == PARTITIONS;
}

static void test_records_of_a_revoked_partition_never_come_out(void **state)
{
    struct bed *bed = *state;
    struct group_log other = {0};
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    int64_t expected[PARTITIONS] = {0};
    struct kafka_record record;
    struct err err;

    bed->consumer = join(bed, &bed->log);
    read_in_order(bed, expected, 5);
    struct kafka_consumer *second = join(bed, &other);
    /* The group may need more than one round. */
    while (!is_shared_out(&bed->log, &other)) {
        assert_true(timebase_mono_us() < end_us);
        assert_int_not_equal(kafka_consumer_poll(bed->consumer, 5, &record, &err), FATAL);
        if (record.handle) {
            assert_true(bed->log.owned[record.partition]);
            kafka_record_free(&record);
        }
        assert_int_not_equal(kafka_consumer_poll(second, 5, &record, &err), FATAL);
        kafka_record_free(&record);
    }
    assert_true(bed->log.revokes >= 1);

    kafka_consumer_close(second);
    /* A slow machine may need a round more. */
    while (!owns_all(&bed->log)) {
        assert_true(timebase_mono_us() < end_us);
        assert_int_not_equal(kafka_consumer_poll(bed->consumer, 20, &record, &err), FATAL);
        kafka_record_free(&record);
    }
}

static void test_a_record_larger_than_the_fetch_size_arrives(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {50, 50, 50, 48};

    fill(bed, 3000000); /* again 50 small records, then the large one, at offset 100 */
    memcpy(bed->log.begin, (int64_t[]){100, 100, 100, 100}, sizeof(expected));
    bed->consumer = join(bed, &bed->log);
    struct kafka_record record = next(bed, WAIT_MS);
    assert_non_null(record.handle);
    assert_int_equal(record.partition, 3);
    assert_int_equal(record.offset, 100);
    assert_int_equal(record.value.len, 3000000);
    kafka_record_free(&record);
}

/* Polls until the member is fenced or anything else is FATAL; counts the times it was fenced. */
static enum verdict poll_fenced_at(struct bed *bed, int16_t api, int *fenced, struct err *err)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    enum verdict verdict = OK;
    struct kafka_record record;

    rd_kafka_mock_push_request_errors(bed->cluster, api, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    while (verdict != FATAL && timebase_mono_us() < end_us) {
        verdict = kafka_consumer_poll(bed->consumer, 20, &record, err);
        kafka_record_free(&record);
        if (verdict == RETRY && strstr(err->text, "fenced")) {
            ++*fenced;
            return verdict;
        }
    }
    return verdict;
}

static enum verdict poll_fenced(struct bed *bed, int *fenced, struct err *err)
{
    return poll_fenced_at(bed, API_HEARTBEAT, fenced, err);
}

/* Joins and reads so many; when it joins anew it begins behind them. */
static void join_and_read(struct bed *bed, int64_t *expected, int count)
{
    bed->consumer = join(bed, &bed->log);
    read_in_order(bed, expected, count);
    memcpy(bed->log.begin, expected, sizeof(bed->log.begin));
}

static void test_a_fenced_member_joins_anew_and_reads_on(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0};
    struct err err = {0};
    int fenced = 0;

    join_and_read(bed, expected, 40);
    struct kafka_record held = next(bed, WAIT_MS);
    assert_int_equal(poll_fenced(bed, &fenced, &err), RETRY);
    assert_int_equal(fenced, 1);
    assert_int_equal(bed->log.revokes, 1);
    assert_int_equal(record_number(&held), expected[held.partition]);
    kafka_record_free(&held);
    read_in_order(bed, expected, PARTITIONS * RECORDS - 40);
    assert_int_equal(bed->log.assigns, 2);
}

static void test_a_member_fenced_twice_stops_with_the_reason(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0};
    struct err err = {0};
    int fenced = 0;

    join_and_read(bed, expected, 1);
    assert_int_equal(poll_fenced(bed, &fenced, &err), RETRY);
    read_in_order(bed, expected, 1);
    assert_int_equal(poll_fenced(bed, &fenced, &err), FATAL);
    assert_int_equal(fenced, 1);
    assert_non_null(strstr(err.text, "worker.instance_id"));
}

/* As with a broker that cannot write the group down: whoever joins is taken in and not told. */
static void test_one_that_fences_itself_while_it_joins_goes_on(void **state)
{
    struct bed *bed = *state;
    int64_t expected[PARTITIONS] = {0};
    struct err err = {0};
    int fenced = 0;

    join_and_read(bed, expected, 1);
    assert_int_equal(poll_fenced(bed, &fenced, &err), RETRY);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(poll_fenced_at(bed, API_JOIN_GROUP, &fenced, &err), RETRY);
    }
    assert_int_equal(fenced, 4);
    read_in_order(bed, expected, PARTITIONS * RECORDS - 1);
    assert_int_equal(bed->log.assigns, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partitions_are_read_from_the_offsets_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_unwanted_partition_can_be_taken_up_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pause_holds_a_partition_and_resume_loses_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_seek_goes_back_and_forth_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_position_out_of_range_names_its_partition_and_spares_the_others, setup,
            teardown),
        cmocka_unit_test_setup_teardown(test_one_record_can_be_read_beside_the_stream, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_broker_can_be_asked_while_partitions_are_assigned,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_of_a_revoked_partition_never_come_out,
                                        setup_change, teardown),
        cmocka_unit_test_setup_teardown(test_a_record_larger_than_the_fetch_size_arrives, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_fenced_member_joins_anew_and_reads_on, setup_change,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_member_fenced_twice_stops_with_the_reason,
                                        setup_change, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_fences_itself_while_it_joins_goes_on,
                                        setup_change, teardown),
    };

    return cmocka_run_group_tests_name("kafka_consumer", tests, NULL, NULL);
}
