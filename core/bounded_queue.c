#include "core/bounded_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct bounded_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    size_t items_max;
    size_t len;
    size_t head; /* index of the oldest */
    bool closed;
    void *items[];
};

/* Waits must not depend on the wall clock, which may jump. */
static void bounded_queue_init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct bounded_queue *bounded_queue_new(size_t items_max)
{
    struct bounded_queue *queue;
    size_t bytes;

    if (items_max == 0) {
        items_max = 1;
    }
    if (__builtin_mul_overflow(items_max, sizeof(queue->items[0]), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(*queue), &bytes)) {
        return NULL;
    }
    queue = calloc(1, bytes);
    if (!queue) {
        return NULL;
    }
    queue->items_max = items_max;
    pthread_mutex_init(&queue->lock, NULL);
    bounded_queue_init_cond(&queue->not_empty);
    bounded_queue_init_cond(&queue->not_full);
    return queue;
}

static struct timespec bounded_queue_deadline(int timeout_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

/* One wait; false when the time is over. The caller holds the lock and looks again. */
static bool bounded_queue_wait(struct bounded_queue *queue, pthread_cond_t *cond, int timeout_ms,
                               const struct timespec *deadline)
{
    if (timeout_ms == 0) {
        return false;
    }
    if (timeout_ms < 0) {
        return pthread_cond_wait(cond, &queue->lock) == 0;
    }
    return pthread_cond_timedwait(cond, &queue->lock, deadline) == 0;
}

bool bounded_queue_push(struct bounded_queue *queue, void *item, int timeout_ms)
{
    assert(item);
    struct timespec deadline = bounded_queue_deadline(timeout_ms > 0 ? timeout_ms : 0);
    bool pushed = false;

    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->len == queue->items_max) {
        if (!bounded_queue_wait(queue, &queue->not_full, timeout_ms, &deadline)) {
            break;
        }
    }
    if (!queue->closed && queue->len < queue->items_max) {
        queue->items[(queue->head + queue->len) % queue->items_max] = item;
        queue->len++;
        pushed = true;
        pthread_cond_signal(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->lock);
    return pushed;
}

void *bounded_queue_pop(struct bounded_queue *queue, int timeout_ms)
{
    struct timespec deadline = bounded_queue_deadline(timeout_ms > 0 ? timeout_ms : 0);
    void *item = NULL;

    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->len == 0) {
        if (!bounded_queue_wait(queue, &queue->not_empty, timeout_ms, &deadline)) {
            break;
        }
    }
    if (queue->len > 0) {
        item = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->items_max;
        queue->len--;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void bounded_queue_close(struct bounded_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->not_empty);
    pthread_cond_broadcast(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

bool bounded_queue_is_closed(struct bounded_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

size_t bounded_queue_len(struct bounded_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t len = queue->len;
    pthread_mutex_unlock(&queue->lock);
    return len;
}

void bounded_queue_free(struct bounded_queue *queue)
{
    if (!queue) {
        return;
    }
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}
