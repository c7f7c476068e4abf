#include "dead_letters.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/kafka_producer.h"
#include "core/settings.h"
#include "schemas/framing.h"

#define STOP_TIMEOUT_MS 3000

struct dead_letters {
    struct kafka_producer *producer;
    struct framing *framing;
    const char *topic;
    pthread_mutex_t lock;
    pthread_cond_t answered;
};

/* The letters of one call, on the caller's stack: the caller waits until all are answered. */
struct wait {
    struct dead_letters *letters;
    size_t pending;
    bool has_failed;
};

static void on_result(void *record_arg, enum verdict verdict, int32_t partition, int64_t offset,
                      const char *reason)
{
    struct wait *wait = record_arg;
    (void)partition;
    (void)offset;
    (void)reason;
    pthread_mutex_lock(&wait->letters->lock);
    wait->pending--;
    wait->has_failed = wait->has_failed || verdict != OK;
    pthread_cond_broadcast(&wait->letters->answered);
    pthread_mutex_unlock(&wait->letters->lock);
}

enum verdict dead_letters_start(const struct settings *st, struct framing *framing,
                                struct dead_letters **out_letters, struct err *err)
{
    struct dead_letters *letters = calloc(1, sizeof *letters);
    if (!letters) {
        return err_set(err, RETRY, "dead_letters", "memory is short");
    }
    pthread_mutex_init(&letters->lock, NULL);
    pthread_cond_init(&letters->answered, NULL);
    letters->framing = framing;
    letters->topic = st->kafka.topic_dead_letters;
    enum verdict verdict = kafka_producer_start(st, on_result, &letters->producer, err);
    if (verdict != OK) {
        dead_letters_stop(letters);
        return verdict;
    }
    *out_letters = letters;
    return OK;
}

static enum verdict publish_one(struct dead_letters *letters, const struct dead_letter *letter,
                                struct wait *wait, struct err *err)
{
    void *bytes = NULL;
    size_t len = 0;
    enum verdict verdict = dead_letter_encode(letter, &bytes, &len, err);
    if (verdict == OK) {
        verdict = framing_write(letters->framing, bytes, &len, err);
    }
    if (verdict != OK) {
        free(bytes);
        return verdict;
    }
    struct str key = {(const char *)letter->letter_id.bytes, sizeof letter->letter_id.bytes};
    pthread_mutex_lock(&letters->lock);
    wait->pending++;
    pthread_mutex_unlock(&letters->lock);
    verdict = kafka_producer_publish(letters->producer, letters->topic, key, bytes, len, wait, err);
    if (verdict != OK) {
        free(bytes);
        pthread_mutex_lock(&letters->lock);
        wait->pending--;
        pthread_mutex_unlock(&letters->lock);
    }
    return verdict;
}

enum verdict dead_letters_publish(struct dead_letters *letters, const struct graph_batch *rows,
                                  struct err *err)
{
    struct wait wait = {.letters = letters};
    enum verdict verdict = OK;
    for (size_t i = 0; verdict == OK && i < rows->letters.count; i++) {
        const struct dead_letter *letter = &rows->letters.items[i];
        verdict = publish_one(letters, letter, &wait, err);
        if (verdict == REJECT) {
            struct dead_letter without = *letter;
            without.value = STR("");
            verdict = publish_one(letters, &without, &wait, err);
        }
    }
    pthread_mutex_lock(&letters->lock);
    while (wait.pending) {
        pthread_cond_wait(&letters->answered, &letters->lock);
    }
    pthread_mutex_unlock(&letters->lock);
    if (verdict == OK && wait.has_failed) {
        verdict = err_set(err, RETRY, "dead_letters", "the broker did not take a dead letter");
    }
    return verdict;
}

void dead_letters_stop(struct dead_letters *letters)
{
    if (!letters) {
        return;
    }
    if (letters->producer) {
        kafka_producer_stop(letters->producer, STOP_TIMEOUT_MS);
        kafka_producer_free(letters->producer);
    }
    pthread_mutex_destroy(&letters->lock);
    pthread_cond_destroy(&letters->answered);
    free(letters);
}
