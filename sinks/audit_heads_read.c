/* Where exports of heads are kept: a file, a line each, or the topic, a record each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_heads.h"
#include "core/kafka_client.h"
#include "core/kafka_consumer.h"
#include "core/kafka_tail.h"
#include "core/settings.h"

#define WHERE "audit"
#define BROKER_TIMEOUT_MS 10000

static struct str without_end(struct str line)
{
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) {
        line.len--;
    }
    return line;
}

enum verdict audit_heads_read_file(struct audit_heads *heads, const char *path,
                                   const struct audit_key *key, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    size_t number = 0;
    enum verdict verdict = OK;
    FILE *in = fopen(path, "re");
    if (!in) {
        return err_set(err, REJECT, WHERE, "%s: %s", path, strerror(errno));
    }
    while (verdict == OK && (len = getline(&line, &capacity, in)) >= 0) {
        struct str text = without_end((struct str){line, (size_t)len});
        number++;
        verdict = text.len ? audit_heads_add(heads, text, key, err) : OK;
    }
    if (verdict != OK) {
        err_wrap(err, "%s line %zu", path, number);
    } else if (ferror(in)) {
        verdict = err_set(err, RETRY, WHERE, "%s cannot be read", path);
    }
    fclose(in);
    free(line);
    audit_heads_sort(heads);
    return verdict;
}

struct reading {
    struct audit_heads *heads;
    const struct audit_key *key;
};

static enum verdict add_record(void *arg, const struct kafka_record *record, struct err *err)
{
    const struct reading *reading = arg;
    enum verdict verdict = audit_heads_add(reading->heads, record->value, reading->key, err);
    if (verdict != OK) {
        err_wrap(err, "%s offset %" PRId64, record->topic, record->offset);
    }
    return verdict;
}

enum verdict audit_heads_read_topic(struct audit_heads *heads, const struct settings *st,
                                    const struct audit_key *key, struct err *err)
{
    struct reading reading = {.heads = heads, .key = key};
    struct kafka_tail *tail = NULL;
    int64_t low = 0;
    int64_t high = 0;
    char cluster_id[64];
    int partitions = 0;
    /* Asked first, as it says why when the topic is missing or not allowed. */
    enum verdict verdict = kafka_client_describe(st, st->kafka.topic_audit_heads, BROKER_TIMEOUT_MS,
                                                 cluster_id, &partitions, err);
    if (verdict == OK && partitions != 1) {
        verdict = err_set(err, REJECT, WHERE, "topic %s has %d partitions, not one",
                          st->kafka.topic_audit_heads, partitions);
    }
    if (verdict == OK) {
        verdict = kafka_tail_open(st, &tail, err);
    }
    if (verdict == OK) {
        verdict = kafka_tail_ends(tail, st->kafka.topic_audit_heads, 0, BROKER_TIMEOUT_MS, &low,
                                  &high, err);
    }
    if (verdict == OK && low < high) {
        verdict = kafka_tail_read(tail, st->kafka.topic_audit_heads, 0, low, high,
                                  BROKER_TIMEOUT_MS, add_record, &reading, err);
    }
    kafka_tail_close(tail);
    audit_heads_sort(heads);
    return verdict;
}
