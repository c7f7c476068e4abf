/* The whole role against the mock cluster of librdkafka and a sink in memory: every event lands exactly once, from
 * where the store says, whatever the store answers in between. */
#include "processors/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "core/timebase.h"
#include "schemas/event_codec.h"
#include "schemas/identity.h"
#include "support/memory_sink.h"
#include "support/reserved_port.h"

#define TOPIC "metaops.events"
#define JSON_TOPIC "openlineage.events"
#define PARTITIONS 4
#define WAIT_MS 60000

struct bed {
    rd_kafka_t *host; /* also the producer of what the worker reads */
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *cluster;
    struct settings st;
    struct event_codec *codec;
    pthread_t thread;
    bool is_running;
    int exit_code;
    struct reserved_port admin;
};

static void *run_worker(void *arg)
{
    struct bed *bed = arg;
    bed->exit_code = worker_run(&bed->st, &memory_sink_ops);
    return NULL;
}

static void start(struct bed *bed)
{
    assert_int_equal(pthread_create(&bed->thread, NULL, run_worker, bed), 0);
    bed->is_running = true;
}

static void stop(struct bed *bed)
{
    if (bed->is_running) {
        kill(getpid(), SIGTERM);
        pthread_join(bed->thread, NULL);
        bed->is_running = false;
    }
}

static int setup(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];
    char brokers[256];
    char admin[64];
    char topics[] = "--ingest.openlineage-topics=" JSON_TOPIC;
    char lanes[] = "--worker.lanes=2";
    char events[] = "--worker.batch-events-max=20";
    char *args[] = {brokers, admin, topics, lanes, events};
    struct settings_rest rest = {0};
    struct err err;

    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    bed->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    bed->cluster = rd_kafka_mock_cluster_new(bed->host, 1);
    rd_kafka_mock_topic_create(bed->cluster, TOPIC, PARTITIONS, 1);
    rd_kafka_mock_topic_create(bed->cluster, JSON_TOPIC, 1, 1);
    rd_kafka_mock_topic_create(bed->cluster, "metaops.dead-letters", 1, 1);
    conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bed->cluster),
                      text, sizeof text);
    bed->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    snprintf(brokers, sizeof brokers, "--kafka.brokers=%s",
             rd_kafka_mock_cluster_bootstraps(bed->cluster));
    bed->admin = reserved_port_open();
    snprintf(admin, sizeof admin, "--worker.admin-listen=127.0.0.1:%d", bed->admin.number);
    assert_int_equal(settings_load(&bed->st, 5, args, &rest, &err), OK);
    free(rest.words);
    bed->codec = event_codec_new(1u << 20);
    memory_sink_reset();
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;
    memory_sink_hold(false);
    stop(bed);
    event_codec_free(bed->codec);
    settings_fini(&bed->st);
    reserved_port_close(&bed->admin);
    rd_kafka_destroy(bed->producer);
    rd_kafka_mock_cluster_destroy(bed->cluster);
    rd_kafka_destroy(bed->host);
    free(bed);
    return 0;
}

static size_t body(char *out, size_t size, int n)
{
    return (size_t)snprintf(out, size,
                            "{\"eventTime\":\"2026-11-23T14:00:00Z\",\"run\":{\"runId\":\"r%d\"},"
                            "\"job\":{\"namespace\":\"jobs\",\"name\":\"load%d\"}}",
                            n, n % 7);
}

static struct id128 event_id(int n)
{
    char text[256];
    size_t len = body(text, sizeof text, n);
    return identity_digest((struct str){text, len});
}

static void produce(struct bed *bed, const char *topic, int32_t partition, const void *value,
                    size_t len)
{
    assert_int_equal(rd_kafka_producev(bed->producer, RD_KAFKA_V_TOPIC(topic),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)value, len), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* Event number n goes to partition n mod PARTITIONS. */
static void produce_events(struct bed *bed, int first, int count)
{
    for (int n = first; n < first + count; n++) {
        char text[256];
        struct lineage_event ev = {.received_at_us = timebase_wall_us(),
                                   .body = {text, body(text, sizeof text, n)}};
        void *bytes = NULL;
        size_t len = 0;
        struct err err;
        assert_int_equal(event_codec_encode(bed->codec, &ev, &bytes, &len, &err), OK);
        produce(bed, TOPIC, n % PARTITIONS, bytes, len);
        free(bytes);
    }
    assert_int_equal(rd_kafka_flush(bed->producer, WAIT_MS), 0);
}

static void wait_for(size_t (*count)(void), size_t wanted)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    struct timespec pause = {.tv_nsec = 5000000};
    while (count() < wanted && timebase_mono_us() < end_us) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(count(), wanted);
}

static size_t letters(void)
{
    return memory_sink_rows_of('l');
}

static void wait_for_position(const char *topic, int32_t partition, int64_t wanted)
{
    int64_t end_us = timebase_mono_us() + (int64_t)WAIT_MS * 1000;
    struct timespec pause = {.tv_nsec = 5000000};
    while (memory_sink_position(topic, partition) != wanted && timebase_mono_us() < end_us) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(memory_sink_position(topic, partition), wanted);
}

static void test_worker_lands_all_events_once_whatever_the_store_answers(void **state)
{
    struct bed *bed = *state;
    char text[256];
    memory_sink_answer(SINK_STORED, 0);
    memory_sink_answer(SINK_RESET, 0);
    memory_sink_answer(SINK_AGAIN, 0);
    memory_sink_answer(SINK_STORED, 0);
    memory_sink_answer(SINK_RESET, 0);
    memory_sink_refuse(event_id(33));
    produce_events(bed, 0, 200);
    produce(bed, TOPIC, 1, "garbage", 7);
    produce_events(bed, 0, 40); /* again */
    produce(bed, JSON_TOPIC, 0, text, body(text, sizeof text, 1000));
    produce(bed, JSON_TOPIC, 0, text, body(text, sizeof text, 5)); /* again, by another way */
    assert_int_equal(rd_kafka_flush(bed->producer, 10000), 0);
    start(bed);
    wait_for(memory_sink_events, 200); /* 201 but the refused one */
    wait_for(letters, 2);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        wait_for_position(TOPIC, p, p == 1 ? 61 : 60);
    }
    wait_for_position(JSON_TOPIC, 0, 2);
    for (int n = 0; n < 200; n++) {
        assert_int_equal(memory_sink_has_event(event_id(n)), n != 33);
    }
    assert_true(memory_sink_has_event(event_id(1000)));
    assert_true(memory_sink_has_letter(event_id(33)));
    assert_true(memory_sink_has_letter(identity_digest(STR("garbage"))));
    stop(bed);
    assert_int_equal(bed->exit_code, EXIT_CODE_OK);
    assert_int_equal(memory_sink_events(), 200);
}

static void test_worker_goes_on_where_the_store_stands(void **state)
{
    struct bed *bed = *state;
    produce_events(bed, 0, 40);
    start(bed);
    wait_for(memory_sink_events, 40);
    stop(bed);
    size_t writes = memory_sink_writes();
    produce_events(bed, 40, 4);
    start(bed);
    wait_for(memory_sink_events, 44);
    stop(bed);
    /* Only the new records were written: one each in four partitions of two lanes. */
    assert_in_range(memory_sink_writes() - writes, 1, 4);
    assert_int_equal(memory_sink_fenced(), 0);
    assert_int_equal(memory_sink_position(TOPIC, 0), 11);
}

static void test_worker_reads_again_what_a_store_that_went_back_lacks(void **state)
{
    struct bed *bed = *state;
    produce_events(bed, 0, 40);
    start(bed);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        wait_for_position(TOPIC, p, 10);
    }
    memory_sink_reset(); /* and no record comes in that would tell */
    wait_for(memory_sink_events, 40);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        wait_for_position(TOPIC, p, 10);
    }
}

static void test_worker_writes_nothing_of_what_another_has_moved(void **state)
{
    struct bed *bed = *state;
    memory_sink_hold(true);
    produce_events(bed, 0, 40);
    start(bed);
    wait_for(memory_sink_writes, 2); /* both lanes */
    memory_sink_move(TOPIC, 0, 6);   /* somebody else stored records 0 to 5 of it */
    memory_sink_hold(false);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        wait_for_position(TOPIC, p, 10);
    }
    assert_true(memory_sink_fenced() >= 1);
    for (int n = 0; n < 40; n++) {
        bool is_other = n % PARTITIONS == 0 && n / PARTITIONS < 6;
        assert_int_equal(memory_sink_has_event(event_id(n)), !is_other);
    }
}

static void test_worker_stops_a_partition_that_is_not_what_it_was_and_no_other(void **state)
{
    struct bed *bed = *state;
    memory_sink_move(TOPIC, 2, 1000);
    produce_events(bed, 0, 40);
    start(bed);
    wait_for(memory_sink_events, 30);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        wait_for_position(TOPIC, p, p == 2 ? 1000 : 10);
        assert_int_equal(memory_sink_stopped(TOPIC, p) != NULL, p == 2);
    }
    /* Its neighbours go on. */
    produce_events(bed, 40, 40);
    wait_for(memory_sink_events, 60);
    stop(bed);
    assert_int_equal(memory_sink_position(TOPIC, 2), 1000);
    assert_int_equal(bed->exit_code, EXIT_CODE_OK);
}

static void test_worker_ends_when_the_store_does_not_fit(void **state)
{
    struct bed *bed = *state;
    memory_sink_unfit(true);
    start(bed);
    pthread_join(bed->thread, NULL); /* without a signal */
    bed->is_running = false;
    assert_int_equal(bed->exit_code, EXIT_CODE_FAILED);
    assert_int_equal(memory_sink_writes(), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(test_worker_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lands_all_events_once_whatever_the_store_answers),
        T(goes_on_where_the_store_stands),
        T(reads_again_what_a_store_that_went_back_lacks),
        T(ends_when_the_store_does_not_fit),
        T(writes_nothing_of_what_another_has_moved),
        T(stops_a_partition_that_is_not_what_it_was_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
