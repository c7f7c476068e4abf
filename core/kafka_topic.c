#include "core/kafka_topic.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "core/kafka_client.h"

#define WHERE "kafka_topic"

/* The property among those that the answer lists. */
static enum verdict read_answer(const rd_kafka_event_t *event, const char *topic,
                                const char *property, long *out_value, struct err *err)
{
    const rd_kafka_DescribeConfigs_result_t *result =
        rd_kafka_event_DescribeConfigs_result((rd_kafka_event_t *)event);
    size_t resource_count = 0, entry_count = 0;

    if (rd_kafka_event_error((rd_kafka_event_t *)event) || !result) {
        return kafka_client_fail(err, rd_kafka_event_error((rd_kafka_event_t *)event), topic);
    }
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
    if (resource_count != 1) {
        return err_set(err, RETRY, WHERE, "no answer about topic %s", topic);
    }
    if (rd_kafka_ConfigResource_error(resources[0])) {
        return kafka_client_fail(err, rd_kafka_ConfigResource_error(resources[0]), topic);
    }
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    for (size_t i = 0; i < entry_count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), property) == 0 && value) {
            *out_value = strtol(value, NULL, 10);
            return OK;
        }
    }
    return err_set(err, RETRY, WHERE, "topic %s: the cluster does not tell %s", topic, property);
}

static enum verdict ask(rd_kafka_t *rk, const char *topic, const char *property, int timeout_ms,
                        long *out_value, struct err *err)
{
    char text[256] = "";
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_event_t *event = NULL;
    enum verdict verdict;

    if (!queue || !options || !resource ||
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text))) {
        verdict = err_set(err, FATAL, WHERE, "cannot ask about topic %s: %s", topic, text);
        goto out;
    }
    rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
    event = rd_kafka_queue_poll(queue, timeout_ms);
    verdict = event ? read_answer(event, topic, property, out_value, err)
                    : err_set(err, RETRY, WHERE, "topic %s: no answer in %d ms", topic, timeout_ms);
out:
    if (event) {
        rd_kafka_event_destroy(event);
    }
    if (resource) {
        rd_kafka_ConfigResource_destroy(resource);
    }
    if (options) {
        rd_kafka_AdminOptions_destroy(options);
    }
    if (queue) {
        rd_kafka_queue_destroy(queue);
    }
    return verdict;
}

enum verdict kafka_topic_number(const struct settings *st, const char *topic, const char *property,
                                int timeout_ms, long *out_value, struct err *err)
{
    void *handle = NULL;
    enum verdict verdict = kafka_client_open(st, KAFKA_PRODUCER, &handle, err);
    if (verdict != OK) {
        return verdict;
    }
    verdict = ask(handle, topic, property, timeout_ms, out_value, err);
    (void)kafka_client_destroy(handle, 2000);
    return verdict;
}
