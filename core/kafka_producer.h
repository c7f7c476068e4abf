/* kafka_producer.h - publishes records and says later, once per record, what became of each.
 *
 * acks=all, idempotence on, but nothing leans on it: after a fatal error everything pending is
 * answered RETRY and a new producer is built in the same process. kafka_producer_publish may be
 * called by any thread; results come on the producer's own poll thread. */
#ifndef METAOPS_CORE_KAFKA_PRODUCER_H
#define METAOPS_CORE_KAFKA_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct kafka_producer;
struct settings;

/* Called once for every published record, on the poll thread; must be quick and must not publish.
 * OK: the broker has it (partition and offset are filled). RETRY: it may or may not be there, or
 * timed out. REJECT: the broker will never take it (too large). reason lives during the call. */
typedef void (*kafka_producer_result)(void *record_arg, enum verdict verdict, int32_t partition,
                                      int64_t offset, const char *reason);

/* Connects in the background. ingest.queue_bytes_max and ingest.message_timeout_ms come from the
 * settings, which need not live longer than the call. RETRY never; FATAL for bad settings. Stop
 * with kafka_producer_stop, then free. */
MUST_CHECK enum verdict kafka_producer_start(const struct settings *st,
                                             kafka_producer_result on_result,
                                             struct kafka_producer **out_producer, struct err *err);

/* As kafka_producer_start, for values that do not come compressed: batches are (zstd). A record waits
 * up to wait_ms for its answer: until then a request that ingest.message_timeout_ms ended is sent
 * again under its number, so that the broker keeps one. What became of a record that is answered
 * RETRY is open: a broker may keep it later. */
MUST_CHECK enum verdict kafka_producer_start_compressing(const struct settings *st, int64_t wait_ms,
                                                         kafka_producer_result on_result,
                                                         struct kafka_producer **out_producer,
                                                         struct err *err);

/* Takes over value (malloc'd; freed by the library) when OK; otherwise it is still the caller's.
 * key is copied. Never blocks. RETRY when the queue is full or the producer is being rebuilt;
 * REJECT when the record and its framing (512 bytes) are larger than kafka.message_bytes_max or the
 * whole queue. After OK, on_result follows for record_arg, perhaps before this returns. */
MUST_CHECK enum verdict kafka_producer_publish(struct kafka_producer *producer, const char *topic,
                                               struct str key, void *value, size_t value_len,
                                               void *record_arg, struct err *err);

/* As above, to the partition of that number. */
MUST_CHECK enum verdict kafka_producer_publish_to(struct kafka_producer *producer,
                                                  const char *topic, int32_t partition,
                                                  struct str key, void *value, size_t value_len,
                                                  void *record_arg, struct err *err);

/* Records without an answer yet, their bytes, and the recent delivery time (EWMA of publish to
 * answer, ms). */
void kafka_producer_load(struct kafka_producer *producer, size_t *out_messages, size_t *out_bytes,
                         int *out_delivery_ms);

/* False while the brokers are all down or the last delivery failed and none has succeeded since. A
 * broker that answers again counts as success 5 s after the failure, so that a gateway taken out of
 * service for it comes back without records. */
int kafka_producer_is_healthy(struct kafka_producer *producer);

/* Waits up to timeout_ms for what is pending, answers the rest RETRY, ends the poll thread (at most
 * about 3 s more). */
void kafka_producer_stop(struct kafka_producer *producer, int timeout_ms);

/* After stop. NULL is allowed. */
void kafka_producer_free(struct kafka_producer *producer);

#endif
