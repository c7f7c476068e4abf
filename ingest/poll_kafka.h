/* poll_kafka.h - reads predictions that other systems write to Kafka, and publishes them as the door of CloudEvents does.
 *
 * At least once: the offset of a record is committed to the source only when our Kafka has the event, or a dead letter of
 * it, and all records before it. What is read again after a crash has the same identity. Reading waits while
 * poll.in_flight_max or poll.in_flight_bytes_max is reached. A thread of its own. */
#ifndef METAOPS_INGEST_POLL_KAFKA_H
#define METAOPS_INGEST_POLL_KAFKA_H

#include <stdbool.h>

#include "core/err.h"

struct poll_kafka;
struct publish;
struct settings;

/* Whether a topic of that kind is switched on. */
bool poll_kafka_is_wanted(const struct settings *st);

/* st and publish must outlive it. FATAL for bad settings. */
MUST_CHECK enum verdict poll_kafka_start(const struct settings *st, struct publish *publish,
                                         struct poll_kafka **out_poll, struct err *err);

/* Whether its thread goes round. */
bool poll_kafka_is_alive(const struct poll_kafka *poll);

/* Reads nothing more, waits up to timeout_ms for what was read, and commits. publish must still run. */
void poll_kafka_stop(struct poll_kafka *poll, int timeout_ms);

/* After publish_stop: until then publish may still call back. NULL is allowed. */
void poll_kafka_free(struct poll_kafka *poll);

#endif
