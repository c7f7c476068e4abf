/* Counting from several threads and the Prometheus text. Sums are worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "core/metrics.h"

static char *exposition(void)
{
    size_t len = 0;
    char *text = metrics_exposition(&len);
    assert_non_null(text);
    assert_int_equal(len, strlen(text));
    return text;
}

static void *add_a_thousand(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        metrics_inc(METRIC_WORKER_RECORDS);
    }
    return arg;
}

static void test_metrics_counts_of_ended_threads_stay(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, add_a_thousand, NULL), 0);
        }
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    metrics_add(METRIC_WORKER_RECORDS, 5);
    assert_int_equal(metrics_read(METRIC_WORKER_RECORDS), 40005);
}

static void test_metrics_gauge_has_the_last_value(void **state)
{
    (void)state;
    metrics_set(METRIC_WORKER_PARTITIONS, 12);
    metrics_set(METRIC_WORKER_PARTITIONS, -3);
    assert_int_equal(metrics_read(METRIC_WORKER_PARTITIONS), -3);
    char *text = exposition();
    assert_non_null(strstr(text, "\nmetaops_worker_partitions -3\n"));
    free(text);
}

static void test_metrics_histogram_is_cumulative_and_in_seconds(void **state)
{
    (void)state;
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, 500); /* the bound itself belongs to it */
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, 501);
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, 2000000);  /* 2 s */
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, 11000000); /* beyond the last bound */
    metrics_observe_us(METRIC_WORKER_COMMIT_SECONDS, -1);       /* counts as 0 */
    assert_int_equal(metrics_read(METRIC_WORKER_COMMIT_SECONDS), 5);

    static const char *const lines[] = {
        "# TYPE metaops_worker_commit_duration_seconds histogram\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"0.0005\"} 2\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"0.001\"} 3\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"1\"} 3\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"2.5\"} 4\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"10\"} 4\n",
        "metaops_worker_commit_duration_seconds_bucket{le=\"+Inf\"} 5\n",
        "metaops_worker_commit_duration_seconds_sum 13.001001\n",
        "metaops_worker_commit_duration_seconds_count 5\n",
    };
    char *text = exposition();
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    free(text);
}

static void test_metrics_rows_of_one_name_share_one_head(void **state)
{
    (void)state;
    metrics_add(METRIC_GATEWAY_REFUSED, 7);
    char *text = exposition();
    assert_non_null(strstr(text, "\nmetaops_gateway_events_total{result=\"refused\"} 7\n"));
    const char *head = strstr(text, "# TYPE metaops_gateway_events_total counter\n");
    assert_non_null(head);
    assert_null(strstr(head + 1, "# TYPE metaops_gateway_events_total"));
    free(text);
}

static void test_metrics_process_values_are_there(void **state)
{
    (void)state;
    char *text = exposition();
    assert_non_null(strstr(text, "\nprocess_cpu_seconds_total "));
    const char *resident = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(resident);
    assert_true(strtoll(resident + strlen("\nprocess_resident_memory_bytes "), NULL, 10) > 65536);
    const char *fds = strstr(text, "\nprocess_open_fds ");
    assert_non_null(fds);
    assert_true(strtoll(fds + strlen("\nprocess_open_fds "), NULL, 10) >= 3);
    assert_non_null(strstr(text, "\nmetaops_build_info{version=\"" METAOPS_VERSION "\"} 1\n"));
    free(text);
}

static void set_lag(void *arg)
{
    metrics_set(METRIC_WORKER_LAG_RECORDS, *(int *)arg);
}

static void test_metrics_gauges_are_refreshed_before_a_scrape(void **state)
{
    (void)state;
    static int lag = 77;
    metrics_on_scrape(set_lag, &lag);
    char *text = exposition();
    assert_non_null(strstr(text, "\nmetaops_worker_lag_records 77\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_counts_of_ended_threads_stay),
        cmocka_unit_test(test_metrics_gauge_has_the_last_value),
        cmocka_unit_test(test_metrics_histogram_is_cumulative_and_in_seconds),
        cmocka_unit_test(test_metrics_rows_of_one_name_share_one_head),
        cmocka_unit_test(test_metrics_process_values_are_there),
        cmocka_unit_test(test_metrics_gauges_are_refreshed_before_a_scrape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
