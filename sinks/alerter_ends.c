#include "alerter_ends.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kafka_watermarks.h"

#define ASK_TIMEOUT_MS 3000
#define CLUSTER_BYTES 64
#define TOPIC_BYTES 250

struct alerter_ends {
    const struct settings *st;
    struct kafka_watermarks *watermarks; /* NULL: not asked yet */
    char cluster[CLUSTER_BYTES];         /* empty: not known */
};

struct alerter_ends *alerter_ends_new(const struct settings *st)
{
    struct alerter_ends *ends = calloc(1, sizeof *ends);
    if (ends) {
        ends->st = st;
    }
    return ends;
}

static enum verdict connect_cluster(struct alerter_ends *ends, struct err *err)
{
    enum verdict verdict = OK;
    if (!ends->watermarks) {
        verdict = kafka_watermarks_open(ends->st, &ends->watermarks, err);
    }
    if (verdict == OK && !ends->cluster[0]) {
        verdict = kafka_watermarks_cluster(ends->watermarks, ASK_TIMEOUT_MS, ends->cluster, err);
        ends->cluster[verdict == OK ? CLUSTER_BYTES - 1 : 0] = '\0';
    }
    return verdict;
}

static enum verdict ask_topic(struct alerter_ends *ends, const char *topic, FILE *out,
                              struct err *err)
{
    struct kafka_watermark *partitions = NULL;
    size_t count = 0;
    enum verdict verdict =
        kafka_watermarks_ask(ends->watermarks, topic, ASK_TIMEOUT_MS, &partitions, &count, err);
    for (size_t i = 0; verdict == OK && i < count; i++) {
        fprintf(out,
                "%s{\"topic\": \"%s\", \"partition\": %" PRId32 ", \"low\": %" PRId64
                ", \"high\": %" PRId64 "}",
                ftell(out) > 1 ? ", " : "", topic, partitions[i].partition, partitions[i].low,
                partitions[i].high);
    }
    free(partitions);
    return verdict;
}

/* Kafka's names of topics need no escape in JSON. */
static enum verdict ask_topics(struct alerter_ends *ends, const char *topics, FILE *out,
                               struct err *err)
{
    enum verdict verdict = OK;
    fputc('[', out);
    for (const char *at = topics; verdict == OK && *at;) {
        char topic[TOPIC_BYTES];
        size_t len = strcspn(at, ",");
        snprintf(topic, sizeof topic, "%.*s", (int)len, at);
        verdict = ask_topic(ends, topic, out, err);
        at += len + (at[len] == ',');
    }
    fputc(']', out);
    return verdict;
}

enum verdict alerter_ends_ask(struct alerter_ends *ends, const char *topics,
                              const char **out_cluster, char **out_json, struct err *err)
{
    char *json = NULL;
    size_t size = 0;
    enum verdict verdict = connect_cluster(ends, err);
    if (verdict != OK) {
        return verdict;
    }
    FILE *out = open_memstream(&json, &size);
    if (!out) {
        return err_set(err, RETRY, "alerter_ends", "memory is short");
    }
    verdict = ask_topics(ends, topics, out, err);
    if (fclose(out) != 0 && verdict == OK) {
        verdict = err_set(err, RETRY, "alerter_ends", "memory is short");
    }
    if (verdict != OK) {
        free(json);
        return verdict;
    }
    *out_cluster = ends->cluster;
    *out_json = json;
    return OK;
}

void alerter_ends_free(struct alerter_ends *ends)
{
    if (ends) {
        kafka_watermarks_close(ends->watermarks);
        free(ends);
    }
}
