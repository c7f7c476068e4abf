/* In groups: published, waited for, marked. A crash in between means a letter sent twice, which is harmless. */
#include "letters_retry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kafka_producer.h"
#include "core/settings.h"
#include "letters_query.h"
#include "pg_conn.h"

#define WHERE "letters"
#define GROUP_LETTERS 200
#define GROUP_BYTES_MAX (16u << 20)
#define STOP_TIMEOUT_MS 3000

struct item {
    struct retry *retry;
    const char *id;
    enum verdict verdict;
    char reason[160];
};

struct retry {
    struct kafka_producer *producer;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct item items[GROUP_LETTERS];
    int count;
    int pending;
    size_t bytes;
    int sent;
    int failed;
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct item *item = record_arg;
    struct retry *retry = item->retry;
    (void)partition;
    (void)offset;
    pthread_mutex_lock(&retry->lock);
    item->verdict = verdict;
    snprintf(item->reason, sizeof item->reason, "%.*s", (int)sizeof item->reason - 1,
             reason ? reason : "");
    retry->pending--;
    pthread_cond_broadcast(&retry->answered);
    pthread_mutex_unlock(&retry->lock);
}

static enum verdict mark(struct retry *retry, struct pg_conn *pg, struct err *err)
{
    const char *ids[GROUP_LETTERS];
    int count = 0;
    for (int i = 0; i < retry->count; i++) {
        const struct item *item = &retry->items[i];
        if (item->verdict == OK) {
            ids[count++] = item->id;
        } else {
            fprintf(stderr, "%s: not taken: %s\n", item->id, item->reason);
        }
    }
    retry->failed += retry->count - count;
    char *array = letters_query_array(ids, count);
    enum verdict verdict =
        array ? letters_query_mark(pg, array, err) : err_set(err, RETRY, WHERE, "memory is short");
    free(array);
    if (verdict == OK) {
        retry->sent += count;
    }
    return verdict;
}

/* Waits for the group's answers and marks what the broker has. */
static enum verdict finish_group(struct retry *retry, struct pg_conn *pg, struct err *err)
{
    pthread_mutex_lock(&retry->lock);
    while (retry->pending) {
        pthread_cond_wait(&retry->answered, &retry->lock);
    }
    pthread_mutex_unlock(&retry->lock);
    enum verdict verdict = retry->count ? mark(retry, pg, err) : OK;
    retry->count = 0;
    retry->bytes = 0;
    return verdict;
}

static void key_of(const char *id, unsigned char *key)
{
    unsigned byte;
    for (size_t filled = 0; *id && filled < 16;) {
        if (*id == '-') {
            id++;
        } else if (sscanf(id, "%2x", &byte) == 1) {
            key[filled++] = (unsigned char)byte;
            id += 2;
        }
    }
}

static enum verdict publish(struct retry *retry, struct pg_conn *pg, const char *id,
                            struct err *err)
{
    unsigned char key[16] = {0};
    unsigned char *bytes = NULL;
    size_t len = 0;
    const char *topic = NULL;
    struct pg_result *row = NULL;
    struct err refused = {.text = ""};
    enum verdict verdict = letters_query_value(pg, id, &row, &topic, &bytes, &len, err);
    if (verdict != OK) {
        return verdict;
    }
    struct item *item = &retry->items[retry->count++];
    *item = (struct item){.retry = retry, .id = id};
    key_of(id, key);
    pthread_mutex_lock(&retry->lock);
    retry->pending++;
    pthread_mutex_unlock(&retry->lock);
    verdict =
        kafka_producer_publish(retry->producer, topic, (struct str){(const char *)key, sizeof key},
                               bytes, len, item, &refused);
    if (verdict != OK) {
        on_result(item, verdict, -1, -1, refused.text);
        free(bytes);
    }
    retry->bytes += len;
    pg_conn_clear(row);
    return OK;
}

static enum verdict send_all(struct retry *retry, struct pg_conn *pg, const struct pg_result *rows,
                             struct err *err)
{
    enum verdict verdict = OK;
    for (int row = 0; verdict == OK && row < pg_conn_rows(rows); row++) {
        verdict = publish(retry, pg, pg_conn_value(rows, row, LETTERS_ID), err);
        if (verdict == OK && (retry->count == GROUP_LETTERS || retry->bytes >= GROUP_BYTES_MAX)) {
            verdict = finish_group(retry, pg, err);
        }
    }
    struct err second;
    enum verdict last = finish_group(retry, pg, &second);
    if (verdict == OK && last != OK) {
        *err = second;
        verdict = last;
    }
    return verdict;
}

enum verdict letters_retry_rows(const struct settings *st, struct pg_conn *pg,
                                const struct pg_result *rows, int *out_sent, int *out_failed,
                                struct err *err)
{
    struct retry *retry = calloc(1, sizeof *retry);
    if (!retry) {
        return err_set(err, RETRY, WHERE, "memory is short");
    }
    pthread_mutex_init(&retry->lock, NULL);
    pthread_cond_init(&retry->answered, NULL);
    enum verdict verdict = kafka_producer_start(st, on_result, &retry->producer, err);
    if (verdict == OK) {
        verdict = send_all(retry, pg, rows, err);
        kafka_producer_stop(retry->producer, STOP_TIMEOUT_MS);
        kafka_producer_free(retry->producer);
    }
    *out_sent = retry->sent;
    *out_failed = retry->failed;
    pthread_mutex_destroy(&retry->lock);
    pthread_cond_destroy(&retry->answered);
    free(retry);
    return verdict;
}
