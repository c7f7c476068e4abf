/* `metaops check` against mock clusters of librdkafka, and nothing else that answers: what it says of the Kafka that poll reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cmocka.h>

#include "core/exit_code.h"
#include "core/settings.h"
#include "sinks/doctor.h"
#include "support/capture.h"
#include "support/reserved_port.h"

#define ADDRESS_BYTES 128

struct bed {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *own;
    rd_kafka_mock_cluster_t *of_poll;
    struct reserved_port nobody; /* listens here */
};

static int setup(void **state)
{
    static struct bed bed;
    char text[256];

    bed = (struct bed){.nobody = reserved_port_open()};
    bed.host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    assert_non_null(bed.host);
    bed.own = rd_kafka_mock_cluster_new(bed.host, 1);
    bed.of_poll = rd_kafka_mock_cluster_new(bed.host, 1);
    assert_true(bed.own && bed.of_poll);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    rd_kafka_mock_cluster_destroy(bed->own);
    rd_kafka_mock_cluster_destroy(bed->of_poll);
    rd_kafka_destroy(bed->host);
    reserved_port_close(&bed->nobody);
    return 0;
}

/* What it prints with these brokers and one more flag, the caller's. */
static char *look(struct bed *bed, const char *brokers_of_poll, const char *flag)
{
    char nobody[32], own[ADDRESS_BYTES], of_poll[ADDRESS_BYTES], more[64];
    char gateway[64], worker[64], alerter[64], postgres[128];
    char *args[] = {own, of_poll, gateway, worker, alerter, postgres, more};
    struct settings st;
    struct settings_rest rest = {0};
    struct capture capture;
    struct err err;

    snprintf(nobody, sizeof(nobody), "127.0.0.1:%d", bed->nobody.number);
    snprintf(own, sizeof(own), "--kafka.brokers=%s", rd_kafka_mock_cluster_bootstraps(bed->own));
    snprintf(of_poll, sizeof(of_poll), "--poll.brokers=%s", brokers_of_poll);
    snprintf(gateway, sizeof(gateway), "--ingest.admin-listen=%s", nobody);
    snprintf(worker, sizeof(worker), "--worker.admin-listen=%s", nobody);
    snprintf(alerter, sizeof(alerter), "--alerts.admin-listen=%s", nobody);
    snprintf(postgres, sizeof(postgres), "--postgres.conninfo=host=127.0.0.1 port=%d",
             bed->nobody.number);
    snprintf(more, sizeof(more), "%s", flag);
    if (settings_load(&st, sizeof(args) / sizeof(args[0]), args, &rest, &err) != OK) {
        fail_msg("%s", err.text);
    }
    free(rest.words);
    capture_begin(&capture, STDOUT_FILENO);
    int exit_code = doctor_run(&st);
    char *said = capture_end(&capture);
    settings_fini(&st);
    assert_int_equal(exit_code, EXIT_CODE_FAILED); /* for there is no PostgreSQL */
    return said;
}

static void expect(const char *said, const char *text)
{
    if (!strstr(said, text)) {
        fail_msg("no %s in\n%s", text, said);
    }
}

static void test_without_brokers_of_its_own_poll_has_no_line(void **state)
{
    char *said = look(*state, "", "--log.level=error");

    expect(said, "ok    Kafka  ");
    assert_null(strstr(said, "Kafka of poll"));
    free(said);
}

/* The mock speaks no TLS: who asks it so is not answered. What only producers are told is nothing to poll, which reads there. */
static void test_the_kafka_that_poll_reads_is_asked_by_itself(void **state)
{
    struct bed *bed = *state;
    const char *brokers = rd_kafka_mock_cluster_bootstraps(bed->of_poll);
    char *said = look(bed, brokers, "--rdkafka.producer.security.protocol=ssl");
    const char *line = strstr(said, "ok    Kafka of poll  ");

    expect(said, "FAIL  Kafka  ");
    expect(said, "ok    Kafka of poll  ");
    expect(line, brokers);
    expect(line, ", cluster mock");
    free(said);
}

static void test_a_kafka_that_poll_cannot_read_is_named(void **state)
{
    struct bed *bed = *state;
    const char *brokers = rd_kafka_mock_cluster_bootstraps(bed->of_poll);
    char *said = look(bed, brokers, "--rdkafka.consumer.security.protocol=ssl");
    const char *line = strstr(said, "FAIL  Kafka of poll  ");

    expect(said, "ok    Kafka  ");
    expect(said, "FAIL  Kafka of poll  ");
    expect(line, brokers);
    expect(line, "mend: start it or set --poll.brokers HOST:PORT");
    free(said);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_without_brokers_of_its_own_poll_has_no_line),
        TEST(test_the_kafka_that_poll_reads_is_asked_by_itself),
        TEST(test_a_kafka_that_poll_cannot_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
