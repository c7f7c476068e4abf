/* bounded_queue.h - a queue of pointers with a maximum, between threads.
 *
 * Any number of producers and consumers. Mutex and two condition variables; for batches, not for
 * single events. */
#ifndef METAOPS_CORE_BOUNDED_QUEUE_H
#define METAOPS_CORE_BOUNDED_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct bounded_queue;

/* NULL when memory is short. Free with bounded_queue_free. */
struct bounded_queue *bounded_queue_new(size_t items_max);

/* Appends item, waiting at most timeout_ms for room (0: do not wait, -1: as long as it takes).
 * False when there is none or the queue is closed: the item is still the caller's. */
bool bounded_queue_push(struct bounded_queue *queue, void *item, int timeout_ms);

/* Takes the oldest item, waiting at most timeout_ms (-1: as long as it takes). NULL when there is
 * none in that time, or the queue is closed and empty. */
void *bounded_queue_pop(struct bounded_queue *queue, int timeout_ms);

/* No more pushes; pops drain what is left. Wakes everybody. */
void bounded_queue_close(struct bounded_queue *queue);

bool bounded_queue_is_closed(struct bounded_queue *queue);
size_t bounded_queue_len(struct bounded_queue *queue);

/* NULL is allowed. Items left inside are the caller's business before. */
void bounded_queue_free(struct bounded_queue *queue);

#endif
